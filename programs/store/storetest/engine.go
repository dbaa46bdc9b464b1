// Package storetest is what tests of all rooms need of the store: ways to open a fresh database on either engine, and a clock that
// moves only when it is told to.
package storetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/wellweek/wellweek/programs"
)

// Each runs f as the parallel subtest "sqlite", with a file of its own, and as "postgres", with a schema of its own that is
// dropped afterwards. database is what Options.Database takes. Without WELLWEEK_TEST_POSTGRES, a server's URL, the second is
// skipped, or fails where WELLWEEK_REQUIRE_POSTGRES is 1.
func Each(t *testing.T, f func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, Postgres(t))
	})
}

// SQLite is the path of a database file that does not exist yet, in a folder that goes with the test.
func SQLite(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "wellweek.db")
}

// Postgres is the URL of a fresh schema of the server in WELLWEEK_TEST_POSTGRES.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv("WELLWEEK_TEST_POSTGRES")
	if server == "" {
		if os.Getenv("WELLWEEK_REQUIRE_POSTGRES") == "1" {
			t.Fatal("WELLWEEK_REQUIRE_POSTGRES is 1, but WELLWEEK_TEST_POSTGRES names no server")
		}
		t.Skip("SKIPPED ON POSTGRESQL: WELLWEEK_TEST_POSTGRES names no server (postgres://user@host:port/database)")
	}
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal("WELLWEEK_TEST_POSTGRES is no URL")
	}
	id := make([]byte, 8)
	rand.Read(id)
	schema := "wellweek_test_" + hex.EncodeToString(id)
	run := func(statement string) error {
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		conn, err := pgx.Connect(ctx, server)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, statement)
		return err
	}
	if err := run("create schema " + schema); err != nil {
		t.Fatalf("a schema for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := run("drop schema " + schema + " cascade"); err != nil {
			t.Errorf("dropping the schema of the test: %v", err)
		}
	})
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}

// Clock is a clock for tests: it stands still until it is told to move. It may be used from any goroutine.
type Clock struct {
	mu  sync.Mutex
	now programs.Instant
}

// NewClock makes a clock that shows now.
func NewClock(now programs.Instant) *Clock { return &Clock{now: now} }

// Now is what the clock shows; it fits Options.Now and Options.Real.
func (c *Clock) Now() programs.Instant {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock to an instant, also backward.
func (c *Clock) Set(now programs.Instant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// Add moves the clock by elapsed time, also backward.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
