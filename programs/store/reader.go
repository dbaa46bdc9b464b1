package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"

	sqlite3 "modernc.org/sqlite/lib"
)

// readerCount is how many SQLite connections read at once; more would wait for a core, not for each other.
const readerCount = 4

// readers is a pool of pinned connections that keep their prepared statements. A connection is opened when all that are open read,
// and the one that read last reads next: an idle server keeps one, and the others may be closed.
type readers struct {
	db     *sql.DB
	places chan struct{} // one for each connection that reads
	closed chan struct{}

	mu   sync.Mutex
	idle []*connection // the last one to read is the last one here
}

func newReaders(db *sql.DB) *readers {
	return &readers{db: db, places: make(chan struct{}, readerCount), closed: make(chan struct{})}
}

// open opens the first connection, so that a file that cannot be read is found before the first request. Every other one is asked
// for its settings when it is opened, too.
func (r *readers) open(ctx context.Context) error {
	c, err := r.take(ctx)
	if err != nil {
		return err
	}
	r.give(c)
	return nil
}

// take waits for a connection as long as the asker does.
func (r *readers) take(ctx context.Context) (*connection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-r.closed:
		return nil, busy(errClosed)
	default:
	}
	select {
	case r.places <- struct{}{}:
	case <-r.closed:
		return nil, busy(errClosed)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c := r.last(); c != nil {
		return c, nil
	}
	c, err := openConnection(context.WithoutCancel(ctx), r.db, true)
	if err != nil {
		r.give(nil)
		return nil, classify(err)
	}
	return c, nil
}

// last is the connection that read last of those that do not read now, or nil.
func (r *readers) last() *connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.idle) - 1
	if n < 0 {
		return nil
	}
	c := r.idle[n]
	r.idle[n] = nil
	r.idle = r.idle[:n]
	return c
}

// give ends what take began. nil stands for a connection that was dropped.
func (r *readers) give(c *connection) {
	if c != nil {
		c.used = true
		r.mu.Lock()
		r.idle = append(r.idle, c)
		r.mu.Unlock()
	}
	<-r.places
}

// rest closes the connections that have not read since it was last called.
func (r *readers) rest() error {
	r.mu.Lock()
	var unused []*connection
	r.idle = slices.DeleteFunc(r.idle, func(c *connection) bool {
		if !c.used {
			unused = append(unused, c)
		}
		used := c.used
		c.used = false
		return !used
	})
	r.mu.Unlock()
	var errs []error
	for _, c := range unused {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}

// close waits for the reads that run, and closes the connections.
func (r *readers) close() error {
	close(r.closed)
	for range readerCount {
		r.places <- struct{}{}
	}
	var errs []error
	for c := r.last(); c != nil; c = r.last() {
		errs = append(errs, c.close())
	}
	return errors.Join(append(errs, r.db.Close())...)
}

// Rest closes the SQLite connections that have not read since it was last called; the next reads open what they need. It may be
// called at any time, and does nothing on PostgreSQL, whose pool looks after itself.
func (s *Store) Rest() error {
	if s.readers == nil {
		return nil
	}
	return s.readers.rest()
}

// readSQLite runs a read on one of the connections. A deferred "begin" makes its statements see one snapshot.
func (s *Store) readSQLite(ctx context.Context, f func(*View) error) (err error) {
	c, err := s.readers.take(ctx)
	if err != nil {
		return err
	}
	view := &View{Now: s.instant(), ctx: context.Background(), run: c}
	watching := context.AfterFunc(ctx, c.interrupt)
	defer func() {
		err = view.finish(err)
		if !watching() { // the interrupt may still come, and must not meet the next read
			c.drop()
			c = nil
			if sqliteCode(err) == sqlite3.SQLITE_INTERRUPT {
				err = ctx.Err()
			}
		} else if c.exec("rollback") != nil {
			c.drop()
			c = nil
		} else {
			c.trim()
		}
		s.readers.give(c)
	}()
	if err := c.exec("begin"); err != nil {
		return err
	}
	return f(view)
}
