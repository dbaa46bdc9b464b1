package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

const start = programs.Instant(1_780_000_000_000)

const engineTables = `
	create table secrets (id text primary key, root blob not null, created_at integer not null) strict;
	create table scratch (id integer primary key, at integer not null) strict;
	create table leases (name text primary key, owner text not null, until integer not null) strict;
	create table revisions (subject text primary key, revision integer not null, changed_at integer not null, stamp integer not null) strict;
	create table things (id text primary key, n integer not null, label text) strict;`

// engineSchema is a room with the tables the engine needs and one more, and with further migrations of a test.
func engineSchema(more ...string) store.Schema {
	files := fstest.MapFS{}
	for i, text := range append([]string{engineTables}, more...) {
		files[fmt.Sprintf("sqlite/%04d.sql", i+1)] = &fstest.MapFile{Data: []byte(text)}
		text = strings.NewReplacer(" strict", "", "integer", "bigint", "blob", "bytea").Replace(text)
		files[fmt.Sprintf("postgres/%04d.sql", i+1)] = &fstest.MapFile{Data: []byte(text)}
	}
	return store.Schema{Room: "store", Files: files}
}

func engineOptions(database string) store.Options {
	clock := storetest.NewClock(start)
	return store.Options{Database: database, Schemas: []store.Schema{engineSchema()}, Now: clock.Now}
}

// openEngine opens a store that is closed with the test.
func openEngine(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func execute(t testing.TB, s *store.Store, query string, args ...any) int64 {
	t.Helper()
	n, err := store.Write(t.Context(), s, func(tx *store.Tx) (int64, error) { return tx.Exec(query, args...) })
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func number(t testing.TB, s *store.Store, query string, args ...any) int64 {
	t.Helper()
	n, err := store.Read(t.Context(), s, func(v *store.View) (n int64, err error) {
		err = v.QueryRow(query, args...).Scan(&n)
		return n, err
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func things(t testing.TB, s *store.Store) []string {
	t.Helper()
	ids, err := store.Read(t.Context(), s, func(v *store.View) ([]string, error) {
		rows, err := v.Query("select id from things order by id")
		return store.Collect(rows, err, func(scan func(...any) error) (id string, err error) {
			err = scan(&id)
			return id, err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func insert(tx *store.Tx, id string) (string, error) {
	_, err := tx.Exec("insert into things (id, n) values ($1, $2)", id, 0)
	return id, err
}

func TestPlaceholdersBindByNumber(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := openEngine(t, engineOptions(database))
		execute(t, s, "insert into things (id, n, label) values ($2, $1, $2)", 7, "a")
		got, err := store.Read(t.Context(), s, func(v *store.View) (string, error) {
			var id, label string
			var n programs.Instant
			err := v.QueryRow("select id, n, label from things where n = $1 and n <= $1 and label = $2", programs.Instant(7), "a").Scan(&id, &n, &label)
			return fmt.Sprint(id, int64(n), label), err
		})
		if err != nil || got != "a7a" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestReadThenWriteInParallel(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := openEngine(t, engineOptions(database))
		execute(t, s, "insert into things (id, n) values ('a', 0)")
		const callers = 200
		var all sync.WaitGroup
		errs := make([]error, callers)
		got := make([]int64, callers)
		for i := range callers {
			all.Go(func() {
				got[i], errs[i] = store.Write(t.Context(), s, func(tx *store.Tx) (int64, error) {
					var n int64
					if err := tx.QueryRow("select n from things where id = $1"+tx.ForUpdate(), "a").Scan(&n); err != nil {
						return 0, err
					}
					_, err := tx.Exec("update things set n = $1 where id = $2", n+1, "a")
					return n + 1, err
				})
			})
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		for i, n := range got {
			if n != int64(i+1) {
				t.Fatalf("answer %d is %d: an update was lost", i, n)
			}
		}
		if n := number(t, s, "select n from things where id = 'a'"); n != callers {
			t.Errorf("the row holds %d", n)
		}
	})
}

func TestRefusedCallbackLeavesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := openEngine(t, engineOptions(database))
		refusal := programs.Refuse(programs.Conflict, "No.")
		got, err := store.Write(t.Context(), s, func(tx *store.Tx) (string, error) {
			id, err := insert(tx, "a")
			return id, errors.Join(err, refusal)
		})
		if !errors.Is(err, programs.Conflict) || got != "" {
			t.Errorf("got %q, %v", got, err)
		}
		if got := things(t, s); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
}

// A statement that failed ends the callback's transaction on both engines, even when the callback keeps the error to itself.
func TestFailedStatementFailsItsCallback(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := openEngine(t, engineOptions(database))
		execute(t, s, "insert into things (id, n) values ('a', 0)")
		var second error
		_, err := store.Write(t.Context(), s, func(tx *store.Tx) (string, error) {
			_, _ = insert(tx, "a")
			_, second = insert(tx, "b")
			return "done", nil
		})
		if !store.IsUnique(err) || !store.IsUnique(second) {
			t.Errorf("got %v, the next statement %v", err, second)
		}
		_, err = store.Write(t.Context(), s, func(tx *store.Tx) (string, error) {
			var id string
			_ = tx.QueryRow("insert into things (id, n) values ('a', 0) returning id").Scan(&id)
			return "done", nil
		})
		if !store.IsUnique(err) {
			t.Errorf("through QueryRow: %v", err)
		}
		if diff := cmp.Diff([]string{"a"}, things(t, s)); diff != "" {
			t.Error(diff)
		}
		if errors.Is(err, programs.Conflict) || errors.Is(err, programs.Busy) {
			t.Errorf("a duplicate is the verb's to name: %v", err)
		}
	})
}

func TestPanicReachesItsCallerOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := openEngine(t, engineOptions(database))
		raised := func() (v any) {
			defer func() { v = recover() }()
			_, err := store.Write(t.Context(), s, func(tx *store.Tx) (string, error) {
				if _, err := insert(tx, "a"); err != nil {
					return "", err
				}
				panic("broken rule")
			})
			return err
		}()
		if !strings.Contains(fmt.Sprint(raised), "broken rule") {
			t.Errorf("raised: %v", raised)
		}
		execute(t, s, "insert into things (id, n) values ('b', 0)")
		if diff := cmp.Diff([]string{"b"}, things(t, s)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRowsLeftOpenAreClosed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := openEngine(t, engineOptions(database))
		for i := range 20 {
			execute(t, s, "insert into things (id, n) values ($1, $2)", fmt.Sprint(i), i)
		}
		for range 2 * 16 { // more than there are connections
			leave := func(v *store.View) (int, error) {
				rows, err := v.Query("select id from things order by n")
				if err == nil && !rows.Next() {
					err = errors.New("no rows")
				}
				return 0, err
			}
			if _, err := store.Read(t.Context(), s, leave); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Write(t.Context(), s, func(tx *store.Tx) (int, error) { return leave(&tx.View) }); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Read(t.Context(), s, func(v *store.View) (int, error) {
				v.QueryRow("select id from things") // never scanned
				return 0, nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The same statement is prepared once a connection; a second run of it inside its own rows must not disturb them. PostgreSQL has
// one result at a time on a connection, so this holds for SQLite only and no verb may need it.
func TestStatementInsideItsOwnRows(t *testing.T) {
	t.Parallel()
	s := openEngine(t, engineOptions(storetest.SQLite(t)))
	for i := range 3 {
		execute(t, s, "insert into things (id, n) values ($1, $2)", fmt.Sprint(i), i)
	}
	const query = "select id from things where n >= $1 order by n"
	got, err := store.Read(t.Context(), s, func(v *store.View) ([]string, error) {
		rows, err := v.Query(query, 0)
		return store.Collect(rows, err, func(scan func(...any) error) (string, error) {
			var outer, inner string
			if err := scan(&outer); err != nil {
				return "", err
			}
			err := v.QueryRow(query, 2).Scan(&inner)
			return outer + inner, err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"02", "12", "22"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadIsOneSnapshotAndCannotWrite(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := openEngine(t, engineOptions(database))
		counts, err := store.Read(t.Context(), s, func(v *store.View) (counts [2]int, err error) {
			for i := range counts {
				if err := v.QueryRow("select count(*) from things").Scan(&counts[i]); err != nil {
					return counts, err
				}
				if i == 0 {
					execute(t, s, "insert into things (id, n) values ('a', 0)")
				}
			}
			return counts, nil
		})
		if err != nil || counts != [2]int{} {
			t.Errorf("counted %v, %v", counts, err)
		}
		_, err = store.Read(t.Context(), s, func(v *store.View) (string, error) {
			var id string
			err := v.QueryRow("insert into things (id, n) values ('b', 0) returning id").Scan(&id)
			return id, err
		})
		if err == nil {
			t.Error("a read has written")
		}
		if diff := cmp.Diff([]string{"a"}, things(t, s)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := openEngine(t, engineOptions(database))
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer stop()
		for range 8 { // more than there are readers
			_, err := store.Read(ctx, s, func(v *store.View) (n int64, err error) {
				err = v.QueryRow("with recursive r (i) as (select 1 union all select i + 1 from r where i < 2000000000) select count(*) from r").Scan(&n)
				return n, err
			})
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, programs.Busy) {
				t.Fatalf("got %v", err)
			}
		}
		if n := number(t, s, "select count(*) from things"); n != 0 {
			t.Errorf("counted %d", n)
		}
	})
}

func TestInstantsOfCallbacks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		clock, machine := storetest.NewClock(start), storetest.NewClock(start)
		o := engineOptions(database)
		o.Now, o.Real = clock.Now, machine.Now
		s := openEngine(t, o)
		at := func() [2]programs.Instant {
			got, err := store.Write(t.Context(), s, func(tx *store.Tx) ([2]programs.Instant, error) {
				now := tx.Now
				clock.Add(time.Second) // a callback does not see time pass
				return [2]programs.Instant{tx.Now, tx.Real}, errors.Join(map[bool]error{true: nil, false: errors.New("moved")}[tx.Now == now])
			})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if got := at(); got != [2]programs.Instant{start, start} {
			t.Errorf("first: %v", got)
		}
		clock.Set(start.Add(-time.Hour))
		machine.Add(-time.Hour)
		if got := at(); got != [2]programs.Instant{start, start.Add(-time.Hour)} {
			t.Errorf("after the clocks were set back: %v", got)
		}
		if now, err := store.Read(t.Context(), s, func(v *store.View) (programs.Instant, error) { return v.Now, nil }); now != start || err != nil {
			t.Errorf("a read's instant: %v, %v", now, err)
		}
	})
}

func TestNewIDsAreOrdered(t *testing.T) {
	t.Parallel()
	s := openEngine(t, engineOptions(storetest.SQLite(t)))
	ids, err := store.Write(t.Context(), s, func(tx *store.Tx) (ids []string, _ error) {
		for range 100 {
			ids = append(ids, tx.NewID())
		}
		return ids, nil
	})
	if err != nil || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 100 || len(ids[0]) != 36 || ids[0][14] != '7' {
		t.Errorf("no UUIDs of version 7: %v, %v", ids[:2], err)
	}
	o := engineOptions(storetest.SQLite(t))
	o.NewID = func() string { return "fixed" }
	s = openEngine(t, o)
	if id, err := store.Write(t.Context(), s, func(tx *store.Tx) (string, error) { return tx.NewID(), nil }); id != "fixed" || err != nil {
		t.Errorf("got %q, %v", id, err)
	}
}

func TestCloseRefusesWhatComes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := openEngine(t, engineOptions(database))
		execute(t, s, "insert into things (id, n) values ('a', 0)")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := store.Write(t.Context(), s, func(tx *store.Tx) (string, error) { return insert(tx, "b") })
		if !errors.Is(err, programs.Busy) || !errors.Is(err, store.ErrClosed) {
			t.Errorf("write: %v", err)
		}
		_, err = store.Read(t.Context(), s, func(v *store.View) (int, error) { return 0, nil })
		if !errors.Is(err, programs.Busy) {
			t.Errorf("read: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("a second close: %v", err)
		}
		s = openEngine(t, engineOptions(database))
		if diff := cmp.Diff([]string{"a"}, things(t, s)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCloseMovesTheLogIntoTheFile(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	s := openEngine(t, engineOptions(database))
	beside := openEngine(t, engineOptions(database)) // a command; the last one to close a file tidies up anyway
	execute(t, s, "insert into things (id, n) values ('a', 0)")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(database + "-wal"); err != nil || info.Size() > 0 {
		t.Errorf("the log: %v, %v", info, err)
	}
	wantThings(t, beside, "a")
}

func TestOpenNeedsItsOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]store.Options{
		"database": {Now: storetest.NewClock(start).Now, Schemas: []store.Schema{engineSchema()}},
		"clock":    {Database: filepath.Join(t.TempDir(), "a.db"), Schemas: []store.Schema{engineSchema()}},
		"schemas":  {Database: filepath.Join(t.TempDir(), "a.db"), Now: storetest.NewClock(start).Now},
	} {
		if s, err := store.Open(t.Context(), o); err == nil {
			s.Close()
			t.Errorf("opened without its %s", name)
		}
	}
}
