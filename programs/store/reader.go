package store

import (
	"context"
	"database/sql"
	"errors"

	sqlite3 "modernc.org/sqlite/lib"
)

// readerCount is how many SQLite connections read; more would wait for a core, not for each other.
const readerCount = 4

// readers is a pool of pinned connections that keep their prepared statements. A nil in the channel is a place whose connection
// was dropped and is opened again by the next read.
type readers struct {
	db     *sql.DB
	idle   chan *connection
	opened int // places that were filled once
}

func newReaders(db *sql.DB) *readers {
	return &readers{db: db, idle: make(chan *connection, readerCount)}
}

// open opens all connections, so that every one has been asked for its settings before the first request.
func (r *readers) open(ctx context.Context) error {
	for range readerCount {
		c, err := openConnection(ctx, r.db, true)
		if err != nil {
			return err
		}
		r.idle <- c
		r.opened++
	}
	return nil
}

// take waits for a connection as long as the asker does.
func (r *readers) take(ctx context.Context) (*connection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case c, ok := <-r.idle:
		if !ok {
			return nil, busy(errClosed)
		}
		if c != nil {
			return c, nil
		}
		c, err := openConnection(context.WithoutCancel(ctx), r.db, true)
		if err != nil {
			r.idle <- nil
			return nil, classify(err)
		}
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// close waits for the reads that run, and closes the connections.
func (r *readers) close() error {
	var errs []error
	for range r.opened {
		if c := <-r.idle; c != nil {
			errs = append(errs, c.close())
		}
	}
	close(r.idle)
	return errors.Join(append(errs, r.db.Close())...)
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
		s.readers.idle <- c
	}()
	if err := c.exec("begin"); err != nil {
		return err
	}
	return f(view)
}
