package store

import (
	"context"
	"database/sql"
	"time"
)

// Asked is what every connection of a SQLite store answers to a question: the writer's first.
func (s *Store) Asked(query string) ([]string, error) {
	var answers []string
	ask := func(c *connection) error {
		got, err := asked(context.Background(), c.conn, query)
		answers = append(answers, got)
		return err
	}
	writer := make(chan error, 1)
	_, err := s.writer.write(context.Background(), func(*Tx) error {
		writer <- ask(s.writer.conn)
		return nil
	})
	if err == nil {
		err = <-writer
	}
	for range readerCount { // all at once, so that all are open
		c, failed := s.readers.take(context.Background())
		if failed != nil {
			return nil, failed
		}
		defer s.readers.give(c)
		if err == nil {
			err = ask(c)
		}
	}
	return answers, err
}

// Readers is how many connections for reading are open.
func (s *Store) Readers() int { return s.readers.db.Stats().OpenConnections }

// Allow sets how long a statement of a callback may take; it must be called before the first write.
func (s *Store) Allow(d time.Duration) { s.writer.allowed = d }

// VerifyPragmas asks a connection that somebody else opened.
func VerifyPragmas(ctx context.Context, conn *sql.Conn) error { return verifyPragmas(ctx, conn, false) }

// DSN is the data source name of the writer's connection.
func DSN(path string) string { return sqliteDSN(path, false) }

// Newer, Locked and Closed are inside the refusals of Open and Write.
var (
	ErrNewer  = errNewer
	ErrLocked = errLocked
	ErrClosed = errClosed
)
