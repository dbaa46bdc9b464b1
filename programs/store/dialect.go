package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/wellweek/wellweek/programs"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is every difference between the engines that reaches a statement. Both speak the same $1 SQL otherwise.
type dialect struct {
	name       string // sqlite or postgres; also the folder of its migrations
	forUpdate  string // ends a select that locks what it reads
	skipLocked string // ends a select that takes what nobody else holds
	versions   string // creates the table of applied migrations
	hasVersion string // selects 1 when that table is there, else 0
}

func sqliteDialect() dialect {
	return dialect{
		name:       "sqlite",
		versions:   "create table if not exists schema_version (room text not null, n integer not null, primary key (room, n)) strict, without rowid",
		hasVersion: "select count(*) from sqlite_schema where type = 'table' and name = 'schema_version'",
	}
}

func postgresDialect() dialect {
	return dialect{
		name:       "postgres",
		forUpdate:  " for update",
		skipLocked: " for update skip locked",
		versions:   `create table if not exists schema_version (room text collate "C" not null, n bigint not null, primary key (room, n))`,
		hasVersion: "select case when to_regclass('schema_version') is null then 0 else 1 end",
	}
}

// isPostgres says whether a database is named by a URL rather than by a path.
func isPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// IsUnique reports whether err is a violation of a unique index or primary key, on either engine. It goes by code, never by text.
func IsUnique(err error) bool {
	switch sqliteCode(err) {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return true
	}
	return postgresCode(err) == "23505"
}

// sqliteCode is the extended result code of SQLite, or 0.
func sqliteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

// postgresCode is the SQLSTATE of PostgreSQL, or empty.
func postgresCode(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// isSerialization says whether PostgreSQL asks for the whole transaction again: serialization_failure or deadlock_detected.
func isSerialization(err error) bool {
	code := postgresCode(err)
	return code == "40001" || code == "40P01"
}

// isBusy says whether err is about the engine's day and not about the statement: locked, full, read-only, interrupted, gone.
func isBusy(err error) bool {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	if code := postgresCode(err); code != "" {
		switch code {
		case "25006", // read_only_sql_transaction: a standby
			"25P03", // idle_in_transaction_session_timeout
			"40001", "40P01",
			"55P03", // lock_not_available
			"57014", // query_canceled: the statement's time is over
			"58030": // io_error
			return true
		}
		// Connection exceptions, insufficient resources (disk full, too many connections), shutdown and crash.
		return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "57P")
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok && !errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed)
}

// busy is the refusal of Reason Busy with its cause kept for the log; people see the sentence only.
func busy(cause error) error {
	refusal := programs.Refuse(programs.Busy, "The database is busy; please try again in a moment.")
	if cause == nil {
		return refusal
	}
	return errors.Join(refusal, cause)
}

// classify turns what an engine says about its day into a refusal of Reason Busy, and leaves every other error as it is.
func classify(err error) error {
	if err == nil || errors.Is(err, programs.Busy) || !isBusy(err) {
		return err
	}
	return busy(err)
}

// asked is the answer of a connection to a question about its settings.
func asked(ctx context.Context, conn *sql.Conn, query string) (string, error) {
	var got string
	if err := conn.QueryRowContext(ctx, query).Scan(&got); err != nil {
		return "", fmt.Errorf("%s: %w", query, err)
	}
	return got, nil
}
