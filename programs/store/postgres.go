package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/wellweek/wellweek/programs"
)

const (
	postgresConnections = 16               // of one process
	postgresTries       = 20               // of one transaction that loses races
	postgresLimit       = 30 * time.Second // for one transaction with all its statements
)

// openPostgres opens the pools, brings the tables up to date and reads the keys.
func (s *Store) openPostgres(ctx context.Context, o Options) error {
	s.dialect = postgresDialect()
	config, err := pgx.ParseConfig(o.Database)
	if err != nil {
		return err // pgx writes the address without its password
	}
	set := func(name, value string) { config.RuntimeParams[name] = value }
	if config.RuntimeParams["application_name"] == "" {
		set("application_name", "wellweek")
	}
	// A migration takes as long as it takes; it has its own connection.
	set("statement_timeout", "0")
	setup := stdlib.OpenDB(*config)
	setup.SetMaxOpenConns(1)
	err = errors.Join(s.preparePostgres(ctx, setup, o), setup.Close())
	if err != nil {
		return err
	}
	set("statement_timeout", "5000")
	set("idle_in_transaction_session_timeout", "10000")
	set("default_transaction_isolation", "read committed")
	set("synchronous_commit", "on")
	s.pool = stdlib.OpenDB(*config)
	s.pool.SetMaxOpenConns(postgresConnections)
	s.pool.SetMaxIdleConns(postgresConnections)
	s.pool.SetConnMaxIdleTime(5 * time.Minute)
	return s.verifySettings(ctx)
}

// settings is what a connection of the pool must answer; a proxy between may have dropped what was asked for.
func settings() [][2]string {
	return [][2]string{
		{"statement_timeout", "5s"},
		{"idle_in_transaction_session_timeout", "10s"},
		{"synchronous_commit", "on"},
		{"standard_conforming_strings", "on"},
	}
}

func (s *Store) verifySettings(ctx context.Context) error {
	conn, err := s.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, p := range settings() {
		got, err := asked(ctx, conn, "show "+p[0])
		if err != nil {
			return err
		}
		if got != p[1] {
			return fmt.Errorf("a database connection has %s = %s instead of %s", p[0], got, p[1])
		}
	}
	return nil
}

// writePostgres runs a callback in a transaction of its own, again and again while it loses races.
func (s *Store) writePostgres(ctx context.Context, f func(*Tx) error) ([]touch, error) {
	if s.closed.Load() {
		return nil, busy(errClosed)
	}
	for try := 1; ; try++ {
		tx, err := s.tryPostgres(ctx, f)
		if err == nil {
			s.committed(tx.touched, tx.recorded)
			return tx.touched, nil
		}
		if !isSerialization(err) || try == postgresTries {
			if err = classify(err); errors.Is(err, programs.Busy) {
				s.counts.busy.Add(1)
			}
			return nil, err
		}
		s.counts.retries.Add(1)
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
}

// pause waits a random time that grows with the number of tries, so that those who collided part.
func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(rand.N(min(time.Millisecond<<min(try, 7), 100*time.Millisecond)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tryPostgres runs a callback once. The asker's context ends the waiting for a connection only: it never ends a statement, because
// that would cost the connection and leave the asker without knowing what happened.
func (s *Store) tryPostgres(ctx context.Context, f func(*Tx) error) (*Tx, error) {
	conn, err := s.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	own, stop := context.WithTimeout(context.WithoutCancel(ctx), postgresLimit)
	defer stop()
	run, err := conn.BeginTx(own, nil)
	if err != nil {
		return nil, err
	}
	defer run.Rollback() // after a commit it does nothing
	s.counts.batch(1)
	s.counts.callbacks.Add(1)
	tx := s.begin(own, run)
	err = within(tx, f)
	if err == nil {
		err = run.Commit()
	}
	if err != nil && own.Err() != nil {
		return nil, busy(err)
	}
	return tx, err
}

// within runs a callback and closes what it left open, also when it panics.
func within(tx *Tx, f func(*Tx) error) (err error) {
	defer func() { err = tx.finish(err) }()
	if err = f(tx); err != nil {
		return err
	}
	return tx.flush()
}

// readPostgres runs a read in a transaction that sees one snapshot, as a read of SQLite does.
func (s *Store) readPostgres(ctx context.Context, f func(*View) error) (err error) {
	if s.closed.Load() {
		return busy(errClosed)
	}
	run, err := s.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer run.Rollback()
	view := &View{Now: s.instant(), ctx: ctx, run: run}
	defer func() { err = view.finish(err) }()
	return f(view)
}
