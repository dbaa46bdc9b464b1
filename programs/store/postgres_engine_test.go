package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// raise makes PostgreSQL fail with a SQLSTATE.
func raise(tx *store.Tx, code string) error {
	_, err := tx.Exec("do $$ begin raise exception using errcode = '" + code + "'; end $$")
	return err
}

func TestPostgresLostRacesRunAgain(t *testing.T) {
	t.Parallel()
	s := openEngine(t, engineOptions(storetest.Postgres(t)))
	for _, code := range []string{"40001", "40P01"} {
		runs := 0
		got, err := store.Write(t.Context(), s, func(tx *store.Tx) (string, error) {
			runs++
			id, err := insert(tx, code)
			if err == nil && runs < 4 {
				err = raise(tx, code)
			}
			return id, err
		})
		if err != nil || got != code || runs != 4 {
			t.Errorf("%s: got %q, %v after %d runs", code, got, err, runs)
		}
	}
	wantThings(t, s, "40001", "40P01")
	before := s.Stats()
	_, err := store.Write(t.Context(), s, func(tx *store.Tx) (string, error) { return "", raise(tx, "40001") })
	after := s.Stats()
	if !errors.Is(err, programs.Busy) || after.Callbacks-before.Callbacks != 20 || after.Busy-before.Busy != 1 {
		t.Errorf("told %v after %d runs", err, after.Callbacks-before.Callbacks)
	}
}

func TestPostgresTransactionsThatDeadlock(t *testing.T) {
	t.Parallel()
	s := openEngine(t, engineOptions(storetest.Postgres(t)))
	execute(t, s, "insert into things (id, n) values ('a', 0), ('b', 0)")
	var all, both sync.WaitGroup
	both.Add(2)
	for _, order := range [][2]string{{"a", "b"}, {"b", "a"}} {
		all.Go(func() {
			first := sync.OnceFunc(func() { both.Done(); both.Wait() })
			_, err := store.Write(t.Context(), s, func(tx *store.Tx) (int, error) {
				for _, id := range order {
					if _, err := tx.Exec("update things set n = n + 1 where id = $1", id); err != nil {
						return 0, err
					}
					first() // each has its first row before either asks for its second
				}
				return 0, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := number(t, s, "select sum(n)::bigint from things"); n != 4 {
		t.Errorf("the sum is %d", n)
	}
	if s.Stats().Retries == 0 {
		t.Error("there was no deadlock")
	}
}

// What PostgreSQL says about its own day is Busy, by SQLSTATE; what it says about the statement is not.
func TestPostgresCodes(t *testing.T) {
	t.Parallel()
	s := openEngine(t, engineOptions(storetest.Postgres(t)))
	for code, busy := range map[string]bool{
		"08006": true, "25006": true, "53100": true, "53300": true, "55P03": true, "57014": true, "57P01": true, "58030": true,
		"23503": false, "23514": false, "42601": false, "22003": false, "P0001": false,
	} {
		_, err := store.Write(t.Context(), s, func(tx *store.Tx) (string, error) { return "", raise(tx, code) })
		if err == nil || errors.Is(err, programs.Busy) != busy || store.IsUnique(err) {
			t.Errorf("%s: %v", code, err)
		}
	}
	_, err := store.Write(t.Context(), s, func(tx *store.Tx) (string, error) { return "", raise(tx, "23505") })
	if !store.IsUnique(err) {
		t.Errorf("23505: %v", err)
	}
}

func TestPostgresStatementLimit(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for the limit of five seconds")
	}
	s := openEngine(t, engineOptions(storetest.Postgres(t)))
	_, err := store.Write(t.Context(), s, func(tx *store.Tx) (int64, error) { return tx.Exec("select pg_sleep(60)") })
	if !errors.Is(err, programs.Busy) {
		t.Errorf("told %v", err)
	}
}

// A connection that the server closed costs the callback that had it, and nothing more.
func TestPostgresLostConnection(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	s := openEngine(t, engineOptions(database))
	kill := func(pid int) {
		conn, err := pgx.Connect(t.Context(), database)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(t.Context(), "select pg_terminate_backend($1, 5000)", pid); err != nil {
			t.Error(err)
		}
	}
	for i := range 3 {
		_, err := store.Write(t.Context(), s, func(tx *store.Tx) (string, error) {
			var pid int
			if err := tx.QueryRow("select pg_backend_pid()").Scan(&pid); err != nil {
				return "", err
			}
			if _, err := insert(tx, fmt.Sprint("lost", i)); err != nil {
				return "", err
			}
			kill(pid)
			return insert(tx, fmt.Sprint("after", i))
		})
		if !errors.Is(err, programs.Busy) {
			t.Errorf("told %v", err)
		}
		_, err = store.Read(t.Context(), s, func(v *store.View) (n int, err error) {
			var pid int
			if err := v.QueryRow("select pg_backend_pid()").Scan(&pid); err != nil {
				return 0, err
			}
			kill(pid)
			return n, v.QueryRow("select count(*) from things").Scan(&n)
		})
		if !errors.Is(err, programs.Busy) {
			t.Errorf("a read was told %v", err)
		}
		execute(t, s, "insert into things (id, n) values ($1, 0)", fmt.Sprint(i))
	}
	wantThings(t, s, "0", "1", "2")
}

// An asker that goes away while its statement runs does not end it: its change is stored whole or refused, never in between.
func TestPostgresCanceledContext(t *testing.T) {
	t.Parallel()
	s := openEngine(t, engineOptions(storetest.Postgres(t)))
	ctx, stop := context.WithCancel(t.Context())
	id, err := store.Write(ctx, s, func(tx *store.Tx) (string, error) {
		stop()
		return insert(tx, "a")
	})
	if err != nil || id != "a" {
		t.Errorf("told %q, %v", id, err)
	}
	if _, err := store.Write(ctx, s, inserting("b")); !errors.Is(err, context.Canceled) {
		t.Errorf("before its turn: %v", err)
	}
	wantThings(t, s, "a")
}

func TestPostgresLocksForUpdate(t *testing.T) {
	t.Parallel()
	s := openEngine(t, engineOptions(storetest.Postgres(t)))
	execute(t, s, "insert into things (id, n) values ('a', 0), ('b', 1)")
	got, err := store.Write(t.Context(), s, func(tx *store.Tx) (string, error) {
		var held, free string
		if err := tx.QueryRow("select id from things where n = 0" + tx.ForUpdate()).Scan(&held); err != nil {
			return "", err
		}
		_, err := store.Write(t.Context(), s, func(tx *store.Tx) (int, error) { // another connection; only a test may do this
			return 0, tx.QueryRow("select id from things order by n limit 1" + tx.SkipLocked()).Scan(&free)
		})
		return tx.Engine() + held + free, err
	})
	if err != nil || got != "postgresab" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPostgresThatIsNotThere(t *testing.T) {
	t.Parallel()
	o := engineOptions("postgres://wellweek:s3cret@127.0.0.1:1/wellweek?connect_timeout=2")
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	s, err := store.Open(ctx, o)
	if err == nil {
		s.Close()
		t.Fatal("it was opened")
	}
	if got := fmt.Sprint(err); len(got) == 0 || strings.Contains(got, "s3cret") {
		t.Errorf("the refusal says %q", got)
	}
}
