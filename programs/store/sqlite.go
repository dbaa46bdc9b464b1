package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"sync"

	sqlite3 "modernc.org/sqlite/lib"
)

// maxStatements bounds the prepared statements of a connection. SQL is literal, so the number of texts is finite; only a where
// clause built from a filter adds to it.
const maxStatements = 512

// sqliteDSN is the data source name of the SQLite file at an absolute path. Pragmas stand in it because one that is executed
// reaches only one connection of a pool; immediate because a deferred read-then-write fails without waiting; FULL because NORMAL
// does not sync a commit.
func sqliteDSN(path string, readOnly bool) string {
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=synchronous(FULL)"
	if readOnly {
		// A quarter of a megabyte each: what they read again is in the system's cache, and a bigger one of their own was not
		// faster (measured on 200,000 rows), while the allocator keeps for good what it once held.
		dsn += "&_pragma=query_only(1)&_pragma=cache_size(-256)"
	}
	return dsn
}

// openSQLite opens the file: lock, connections, check, copy, migrations, keys, writer.
func (s *Store) openSQLite(ctx context.Context, o Options) error {
	s.dialect = sqliteDialect()
	path, err := filepath.Abs(o.Database)
	if err != nil {
		return err
	}
	s.path = path
	if o.Owner {
		if s.owner, err = lockFile(path); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		err = file.Close()
	case errors.Is(err, fs.ErrExist):
		err = nil
	}
	if err != nil {
		return fmt.Errorf("the database cannot be made: %w", err)
	}
	write, err := sql.Open("sqlite", sqliteDSN(path, false))
	if err != nil {
		return err
	}
	write.SetMaxOpenConns(1)
	s.writer = newWriter(s, write)
	read, err := sql.Open("sqlite", sqliteDSN(path, true))
	if err != nil {
		return err
	}
	read.SetMaxOpenConns(readerCount)
	read.SetMaxIdleConns(0) // readers keeps them; what it closes is closed
	s.readers = newReaders(read)
	if err := s.prepareSQLite(ctx, o, write); err != nil {
		return s.explain(err)
	}
	if err := s.readers.open(ctx); err != nil {
		return s.explain(err)
	}
	s.writer.start()
	return nil
}

// prepareSQLite checks the file and brings it up to date.
func (s *Store) prepareSQLite(ctx context.Context, o Options, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := verifyPragmas(ctx, conn, false); err != nil {
		return err
	}
	if err := quickCheck(ctx, conn); err != nil {
		return err
	}
	return s.migrateSQLite(ctx, conn, o)
}

// explain turns the codes of a damaged or foreign file into a sentence for the person who starts the program.
func (s *Store) explain(err error) error {
	code := sqliteCode(err)
	if errors.Is(err, errDamaged) {
		code = sqlite3.SQLITE_CORRUPT
	}
	switch code & 0xff {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%s is damaged or is no database (SQLite code %d); nothing was repaired. Keep the file, and bring a backup back with: wellweek restore FILE: %w",
			s.path, code, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("%s and its folder must be writable by this user (SQLite code %d): %w", s.path, code, err)
	}
	return err
}

// pragmas is what every connection must answer.
func pragmas(readOnly bool) [][2]string {
	query := "0"
	if readOnly {
		query = "1"
	}
	return [][2]string{
		{"journal_mode", "wal"},
		{"busy_timeout", "5000"},
		{"foreign_keys", "1"},
		{"synchronous", "2"},
		{"query_only", query},
	}
}

// verifyPragmas asks a connection for its settings; a difference means that an answer of 201 could be lost with the power.
func verifyPragmas(ctx context.Context, conn *sql.Conn, readOnly bool) error {
	for _, p := range pragmas(readOnly) {
		got, err := asked(ctx, conn, "pragma "+p[0])
		if err != nil {
			return err
		}
		if got != p[1] {
			return fmt.Errorf("a database connection has %s = %s instead of %s; the file system may not support write-ahead logging", p[0], got, p[1])
		}
	}
	return nil
}

// errDamaged is what quickCheck found without an error of SQLite.
var errDamaged = errors.New("quick_check found a damaged page")

// quickCheck reads every page, because a ping, a count and even an insert succeed beside a damaged one.
func quickCheck(ctx context.Context, conn *sql.Conn) error {
	var first string
	if err := conn.QueryRowContext(ctx, "pragma quick_check(1)").Scan(&first); err != nil {
		return err
	}
	if first != "ok" {
		return errDamaged
	}
	return nil
}

// connection is a pinned SQLite connection with its prepared statements.
type connection struct {
	conn       *sql.Conn
	statements map[string]*statement
	used       bool // by a reader since rest looked

	mu     sync.Mutex
	handle uintptr // of the driver's connection, for interrupt; 0 once it is closed
}

// statement is prepared on one connection. rows is what its last query returned: while they are open the same statement must not
// run again, because the driver has one cursor for it.
type statement struct {
	stmt *sql.Stmt
	rows *sql.Rows
}

func (s *statement) open() bool {
	if s.rows == nil {
		return false
	}
	if _, err := s.rows.Columns(); err != nil {
		s.rows = nil
		return false
	}
	return true
}

// openConnection takes a connection of the pool for good and asks for its settings.
func openConnection(ctx context.Context, db *sql.DB, readOnly bool) (*connection, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err := verifyPragmas(ctx, conn, readOnly); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c := &connection{conn: conn, statements: map[string]*statement{}}
	if err := conn.Raw(c.grasp); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// grasp finds the handle of the connection. The driver offers to interrupt only through a context for each statement, which costs
// it a goroutine a statement, and database/sql another one a query: two thirds more CPU for a sign-up (measured). The field it is
// read from is the driver's own; without it the store does not open, so an upgrade that renames it shows at once.
func (c *connection) grasp(driver any) error {
	if v := reflect.ValueOf(driver); v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
		if field := v.Elem().FieldByName("db"); field.IsValid() && field.Kind() == reflect.Uintptr {
			c.handle = uintptr(field.Uint())
		}
	}
	if c.handle == 0 {
		return errors.New("this version of the SQLite driver hides its connection")
	}
	return nil
}

// interrupt ends the statement that runs on the connection, if there is one. It may be called from any goroutine at any time.
func (c *connection) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handle != 0 {
		sqlite3.Xsqlite3_interrupt(nil, c.handle) // one atomic store; it needs no thread state
	}
}

// release makes interrupt do nothing from now on.
func (c *connection) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handle = 0
}

// prepared is the statement of a text, or nil where the text cannot be prepared or is being read right now.
func (c *connection) prepared(query string) *statement {
	if st, ok := c.statements[query]; ok {
		if st.open() {
			return nil
		}
		return st
	}
	if len(c.statements) >= maxStatements {
		return nil
	}
	stmt, err := c.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil // running the text itself says what is wrong with it
	}
	st := &statement{stmt: stmt}
	c.statements[query] = st
	return st
}

// ExecContext implements querier.
func (c *connection) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if st := c.prepared(query); st != nil {
		return st.stmt.ExecContext(ctx, args...)
	}
	return c.conn.ExecContext(ctx, query, args...)
}

// QueryContext implements querier.
func (c *connection) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st := c.prepared(query)
	if st == nil {
		return c.conn.QueryContext(ctx, query, args...)
	}
	rows, err := st.stmt.QueryContext(ctx, args...)
	st.rows = rows
	return rows, err
}

// QueryRowContext implements querier.
func (c *connection) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if st := c.prepared(query); st != nil {
		return st.stmt.QueryRowContext(ctx, args...)
	}
	return c.conn.QueryRowContext(ctx, query, args...)
}

// exec runs one of the engine's own statements, which nothing may interrupt.
func (c *connection) exec(query string) error {
	_, err := c.ExecContext(context.Background(), query)
	return err
}

// trim forgets all statements when there are as many as allowed, so that texts built from a filter do not crowd out the others
// for good. It runs between callbacks.
func (c *connection) trim() {
	if len(c.statements) >= maxStatements {
		c.forget()
	}
}

func (c *connection) forget() {
	for _, st := range c.statements {
		st.stmt.Close()
	}
	clear(c.statements)
}

// close gives the connection back to its pool.
func (c *connection) close() error {
	c.release()
	c.forget()
	return c.conn.Close()
}

// drop closes the connection for good, so that whatever state it is in goes with it.
func (c *connection) drop() {
	c.release()
	c.forget()
	// The error is the one returned by the function itself, which makes database/sql throw the connection away.
	_ = c.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.conn.Close()
}
