package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/wellweek/wellweek/programs"
)

// Schema is the tables of one room: its migrations as files sqlite/NNNN.sql and postgres/NNNN.sql, numbered from 0001 without gaps.
type Schema struct {
	Room  string
	Files fs.FS
}

// Options say how to open a store. Database, Schemas and Now are needed; the rest has a usable zero.
type Options struct {
	Database string                  // a file path of any characters, or a URL that starts with postgres:// or postgresql://
	Schemas  []Schema                // in the order of their foreign keys, the store's own first
	Now      func() programs.Instant // what people see; a rehearsal may move it
	Real     func() programs.Instant // machinery: leases and the stamps of revisions; nil: Now
	NewID    func() string           // the only source of ids; nil: UUID version 7 as text (RFC 9562 5.7)
	Owner    bool                    // holds the SQLite file's lock until Close; a second owner is refused at once
	Log      *slog.Logger            // nil: silence
}

// Store is an open database. Its methods may be called from any goroutine.
type Store struct {
	dialect dialect
	path    string // of the SQLite file; empty on PostgreSQL
	now     func() programs.Instant
	real    func() programs.Instant
	newID   func() string
	log     *slog.Logger

	owner   *fileLock // nil: not the owner
	pool    *sql.DB   // PostgreSQL
	writer  *writer   // SQLite
	readers *readers  // SQLite

	key       root
	revisions revisions
	feeds     feeds // of feed.go
	ready     ready
	wake      chan struct{}
	last      atomic.Int64 // the latest instant handed to a callback
	counts    counts
	closed    atomic.Bool
	closing   sync.Once
	closeErr  error
}

// Open opens the database, checks it, brings its tables up to date and starts the writer. On SQLite it refuses a file that
// another owner holds, a damaged file, a file that is something else, and a database newer than this program; on either engine
// nothing has changed when it fails, apart from migrations that were committed whole.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Database == "" || o.Now == nil || len(o.Schemas) == 0 {
		return nil, errors.New("store.Open needs Database, Schemas and Now")
	}
	s := &Store{now: o.Now, real: o.Real, newID: o.NewID, log: o.Log, wake: make(chan struct{}, 1)}
	if s.real == nil {
		s.real = o.Now
	}
	if s.newID == nil {
		s.newID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	open := s.openSQLite
	if isPostgres(o.Database) {
		open = s.openPostgres
	}
	if err := open(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.loadRevisions(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close answers the writes that wait, refuses new ones (Busy), moves the write-ahead log into the file and lets the lock go.
// A second call changes nothing and returns the first one's error.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.closed.Store(true)
		var errs []error
		if s.writer != nil {
			errs = append(errs, s.writer.close())
		}
		if s.readers != nil {
			errs = append(errs, s.readers.close())
		}
		if s.pool != nil {
			errs = append(errs, s.pool.Close())
		}
		if s.owner != nil {
			errs = append(errs, s.owner.release())
		}
		s.closeErr = errors.Join(errs...)
	})
	return s.closeErr
}

// Wake is poked after commits that recorded journal entries. It is a hint for whoever plans from the journal and holds at most
// one poke; several pokes become one.
func (s *Store) Wake() <-chan struct{} { return s.wake }

// Write runs f in a transaction and returns its result once that is on the disk. A refusal of f comes back as it is and leaves
// nothing behind. Busy comes back when the engine is locked, full, read-only or gone, or the store is closed; then nothing is
// promised about the write but that it happened whole or not at all. ctx ends only the waiting for a turn, never a statement.
// A panic of f is raised again here after its transaction was rolled back.
func Write[T any](ctx context.Context, s *Store, f func(*Tx) (T, error)) (T, error) {
	var out T
	run := func(tx *Tx) error {
		v, err := f(tx)
		if err == nil {
			out = v
		}
		return err
	}
	var touched []touch
	var err error
	if s.writer != nil {
		touched, err = s.writer.write(ctx, run)
	} else {
		touched, err = s.writePostgres(ctx, run)
	}
	if err != nil {
		var none T
		return none, err
	}
	s.revisions.tell(ctx, touched)
	return out, nil
}

// Read runs f over one snapshot of the database and returns its result. Nothing can be written. ctx ends a statement that runs.
func Read[T any](ctx context.Context, s *Store, f func(*View) (T, error)) (T, error) {
	var out T
	run := func(v *View) (err error) {
		out, err = f(v)
		return err
	}
	var err error
	if s.readers != nil {
		err = s.readSQLite(ctx, run)
	} else {
		err = s.readPostgres(ctx, run)
	}
	if err != nil {
		var none T
		return none, classify(err)
	}
	return out, nil
}

// instant is what people see now, and never less than what any callback of this process was told before.
func (s *Store) instant() programs.Instant {
	now := int64(s.now())
	for {
		last := s.last.Load()
		if now <= last {
			return programs.Instant(last)
		}
		if s.last.CompareAndSwap(last, now) {
			return programs.Instant(now)
		}
	}
}

// committed tells the rest of the process what a commit changed: revisions first, so that a woken planner sees them.
func (s *Store) committed(touched []touch, recorded bool) {
	s.revisions.publish(touched)
	if recorded {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}
