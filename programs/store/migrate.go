package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// migrationLock is the key of PostgreSQL's advisory lock under which tables are made and changed. It is "wellweek" in ASCII.
const migrationLock = 0x77656c6c7765656b

// migration is one file of one room.
type migration struct {
	room string
	n    int
	text string
}

// migrations reads a room's files for an engine, in order. Their numbers must run from 1 without gaps.
func (sc Schema) migrations(engine string) ([]migration, error) {
	names, err := fs.Glob(sc.Files, engine+"/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []migration
	for i, name := range names {
		n, err := strconv.Atoi(strings.TrimSuffix(path.Base(name), ".sql"))
		if err != nil || n != i+1 || path.Base(name) != fmt.Sprintf("%04d.sql", n) {
			return nil, fmt.Errorf("the migrations of room %s are not numbered 0001.sql and on: %s", sc.Room, name)
		}
		text, err := fs.ReadFile(sc.Files, name)
		if err != nil {
			return nil, err
		}
		all = append(all, migration{room: sc.Room, n: n, text: string(text)})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("room %s has no migrations for %s", sc.Room, engine)
	}
	return all, nil
}

// applied is how far each room's tables are; an empty map is a database without any.
func (d *dialect) applied(ctx context.Context, conn *sql.Conn) (map[string]int, error) {
	var has int
	if err := conn.QueryRowContext(ctx, d.hasVersion).Scan(&has); err != nil || has == 0 {
		return map[string]int{}, err
	}
	rows, err := conn.QueryContext(ctx, "select room, max(n) from schema_version group by room")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	at := map[string]int{}
	for rows.Next() {
		var room string
		var n int
		if err := rows.Scan(&room, &n); err != nil {
			return nil, err
		}
		at[room] = n
	}
	return at, rows.Err()
}

// pending is what has to run, in the order of the rooms. It refuses a database that a newer program has changed, because this one
// would not keep the rules of what it does not know.
func (d *dialect) pending(ctx context.Context, conn *sql.Conn, schemas []Schema) ([]migration, error) {
	at, err := d.applied(ctx, conn)
	if err != nil {
		return nil, err
	}
	var pending []migration
	for _, sc := range schemas {
		all, err := sc.migrations(d.name)
		if err != nil {
			return nil, err
		}
		if at[sc.Room] > len(all) {
			return nil, newer(sc.Room, at[sc.Room], len(all))
		}
		pending = append(pending, all[at[sc.Room]:]...)
		delete(at, sc.Room)
	}
	for room, n := range at {
		return nil, newer(room, n, 0)
	}
	return pending, nil
}

// errNewer is inside the refusal of a database that is newer than the program.
var errNewer = errors.New("newer database")

func newer(room string, has, knows int) error {
	return fmt.Errorf("the database was written by a newer version of this program (room %s is at %d, this program knows %d); use that version, or the copy that it made before its first change (%w)",
		room, has, knows, errNewer)
}

// apply runs one migration and notes it, both or neither.
func (d *dialect) apply(ctx context.Context, conn *sql.Conn, begin string, m migration) error {
	return inTransaction(ctx, conn, begin, func() error {
		if _, err := conn.ExecContext(ctx, d.versions); err != nil {
			return err
		}
		var err error
		if d.name == "postgres" {
			// Only the simple protocol takes a text of several statements.
			_, err = conn.ExecContext(ctx, m.text, pgx.QueryExecModeSimpleProtocol)
		} else {
			_, err = conn.ExecContext(ctx, m.text)
		}
		if err != nil {
			return fmt.Errorf("migration %s/%04d failed and was taken back: %w", m.room, m.n, err)
		}
		_, err = conn.ExecContext(ctx, "insert into schema_version (room, n) values ($1, $2)", m.room, m.n)
		return err
	})
}

// inTransaction runs f between begin and commit, and takes back what it did when it fails.
func inTransaction(ctx context.Context, conn *sql.Conn, begin string, f func() error) error {
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return err
	}
	err := f()
	if err == nil {
		_, err = conn.ExecContext(ctx, "commit")
	}
	if err != nil {
		// A commit that failed may have ended the transaction already; then there is nothing left to take back.
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "rollback")
	}
	return err
}

// migrateSQLite brings a file up to date. Only who holds the file's lock may change its tables: a command beside a running server
// must fit the tables as they are.
func (s *Store) migrateSQLite(ctx context.Context, conn *sql.Conn, o Options) error {
	const begin = "begin immediate"
	pending, err := s.dialect.pending(ctx, conn, o.Schemas)
	if err != nil {
		return err
	}
	if len(pending) > 0 && !o.Owner {
		lock, err := lockFile(s.path)
		if errors.Is(err, errLocked) {
			return fmt.Errorf("the database is older than this program, and only the server that is running may change it; start that server with this version first: %w", err)
		}
		if err != nil {
			return err
		}
		defer lock.release()
		if pending, err = s.dialect.pending(ctx, conn, o.Schemas); err != nil { // its holder may have migrated meanwhile
			return err
		}
	}
	if len(pending) > 0 {
		if err := s.copyBefore(ctx, conn, pending[0]); err != nil {
			return err
		}
	}
	for _, m := range pending {
		if err := s.dialect.apply(ctx, conn, begin, m); err != nil {
			return err
		}
	}
	return inTransaction(ctx, conn, begin, func() error { return s.loadRoot(ctx, conn) })
}

// copyBefore puts a copy of a database that has tables beside it, named after the first migration that will run, so that the older
// program can be used again. It refuses a file whose tables are not this program's.
func (s *Store) copyBefore(ctx context.Context, conn *sql.Conn, first migration) error {
	var tables, ours int
	if err := conn.QueryRowContext(ctx, "select count(*) from sqlite_schema where type = 'table'").Scan(&tables); err != nil {
		return err
	}
	if tables == 0 {
		return nil
	}
	if err := conn.QueryRowContext(ctx, s.dialect.hasVersion).Scan(&ours); err != nil {
		return err
	}
	if ours == 0 {
		return fmt.Errorf("%s holds the tables of another program; nothing was changed", s.path)
	}
	target := fmt.Sprintf("%s.before-%s-%04d", s.path, first.room, first.n)
	if err := copySQLite(ctx, conn, target); err != nil {
		return fmt.Errorf("the database has to be copied before it is changed, and that failed: %w", err)
	}
	s.log.InfoContext(ctx, "store.copied", "before", fmt.Sprintf("%s/%04d", first.room, first.n))
	return nil
}

// copySQLite writes a consistent copy to target and replaces what is there only when the copy is complete and on the disk.
func copySQLite(ctx context.Context, conn *sql.Conn, target string) (err error) {
	part := target + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// vacuum into accepts an empty file, so the copy has this mode from its first byte on.
	file, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if err != nil {
			os.Remove(part)
		}
	}()
	if _, err := conn.ExecContext(ctx, "vacuum into $1", part); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := os.Rename(part, target); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(target))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close()) // the name is on the disk, too
}

// preparePostgres brings the tables up to date and reads the keys, one process at a time.
func (s *Store) preparePostgres(ctx context.Context, db *sql.DB, o Options) error {
	const begin = "begin"
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "select pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return err
	}
	// Closing the connection would release the lock as well, later.
	defer conn.ExecContext(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", int64(migrationLock))
	pending, err := s.dialect.pending(ctx, conn, o.Schemas)
	if err != nil {
		return err
	}
	for _, m := range pending {
		if err := s.dialect.apply(ctx, conn, begin, m); err != nil {
			return err
		}
	}
	return inTransaction(ctx, conn, begin, func() error { return s.loadRoot(ctx, conn) })
}
