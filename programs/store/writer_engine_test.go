package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// answer is what a caller of Write was told.
type answer struct {
	id     string
	err    error
	raised any
}

// together runs callbacks in one batch: a first callback holds the writer until all of them wait.
func together(t *testing.T, s *store.Store, callbacks ...func(*store.Tx) (string, error)) []answer {
	t.Helper()
	holding, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_, err := store.Write(t.Context(), s, func(*store.Tx) (int, error) {
			close(holding)
			<-release
			return 0, nil
		})
		if err != nil {
			t.Errorf("the holder: %v", err)
		}
	})
	<-holding
	answers := make([]answer, len(callbacks))
	for i, f := range callbacks {
		all.Go(func() {
			defer func() { answers[i].raised = recover() }()
			answers[i].id, answers[i].err = store.Write(t.Context(), s, f)
		})
		waitFor(t, func() bool { return s.Stats().Waiting == int64(i+1) }) // in this order
	}
	close(release)
	all.Wait()
	return answers
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.After(20 * time.Second); !ok(); {
		select {
		case <-deadline:
			t.Fatal("waited for 20 s")
		case <-time.After(100 * time.Microsecond):
		}
	}
}

func inserting(id string) func(*store.Tx) (string, error) {
	return func(tx *store.Tx) (string, error) { return insert(tx, id) }
}

func openFile(t testing.TB) *store.Store {
	t.Helper()
	return openEngine(t, engineOptions(storetest.SQLite(t)))
}

func wantThings(t *testing.T, s *store.Store, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, things(t, s)); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestGroupCommitGroups(t *testing.T) {
	t.Parallel()
	s := openFile(t)
	var callbacks []func(*store.Tx) (string, error)
	for i := range 300 {
		callbacks = append(callbacks, inserting(fmt.Sprintf("%03d", i)))
	}
	for i, a := range together(t, s, callbacks...) {
		if a.err != nil || a.id != fmt.Sprintf("%03d", i) {
			t.Fatalf("callback %d: %+v", i, a)
		}
	}
	stats := s.Stats()
	// The holder alone, then the 256 that fit, then the rest.
	if stats.Batches != 3 || stats.Callbacks != 301 || stats.Retries != 0 || stats.Busy != 0 || stats.Waiting != 0 {
		t.Errorf("stats: %+v", stats)
	}
	want := []store.BatchCount{{Size: 1, Count: 1}, {Size: 4}, {Size: 16}, {Size: 64, Count: 1}, {Size: 256, Count: 1}}
	if diff := cmp.Diff(want, stats.Sizes); diff != "" {
		t.Error(diff)
	}
	if n := number(t, s, "select count(*) from things"); n != 300 {
		t.Errorf("stored %d", n)
	}
}

func TestFailingCallbackLeavesItsNeighbors(t *testing.T) {
	t.Parallel()
	s := openFile(t)
	refusal := programs.Refuse(programs.Closed, "Too late.")
	answers := together(t, s,
		inserting("a"),
		func(tx *store.Tx) (string, error) {
			if _, err := insert(tx, "refused"); err != nil {
				return "", err
			}
			return "", refusal
		},
		inserting("b"),
		inserting("a"), // a duplicate
		func(tx *store.Tx) (string, error) { panic("broken") },
		inserting("c"),
	)
	for i, want := range []func(error) bool{
		noError,
		func(err error) bool { return errors.Is(err, programs.Closed) },
		noError,
		store.IsUnique,
		nil,
		noError,
	} {
		if want == nil {
			continue
		}
		if !want(answers[i].err) {
			t.Errorf("callback %d: %v", i, answers[i].err)
		}
	}
	if answers[4].raised == nil {
		t.Error("the panic did not reach its caller")
	}
	wantThings(t, s, "a", "b", "c")
	if stats := s.Stats(); stats.Batches != 2 || stats.Retries != 0 {
		t.Errorf("nobody had to run again: %+v", stats)
	}
}

func noError(err error) bool { return err == nil }

// What kills a batch, and what each of its callbacks is told after it had its turn alone.
func TestDeadBatchRunsEachAloneOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kill  func(tx *store.Tx) (string, error)
		check func(error) bool
	}{
		"a statement that rolls back": {
			func(tx *store.Tx) (string, error) { _, err := tx.Exec("rollback"); return "", err },
			func(err error) bool { return err != nil },
		},
		"a conflict that rolls back": {
			func(tx *store.Tx) (string, error) {
				_, err := tx.Exec("insert or rollback into things (id, n) values ('old', 0)")
				return "", err
			},
			store.IsUnique,
		},
		"a trigger that rolls back": {
			func(tx *store.Tx) (string, error) { return insert(tx, "trigger") },
			func(err error) bool { return err != nil && strings.Contains(err.Error(), "not this one") },
		},
		"a commit": {
			func(tx *store.Tx) (string, error) {
				if _, err := insert(tx, "committed"); err != nil {
					return "", err
				}
				_, err := tx.Exec("commit")
				return "", err
			},
			func(err error) bool { return err != nil },
		},
		"a rollback that goes on writing": {
			func(tx *store.Tx) (string, error) {
				if _, err := tx.Exec("rollback"); err != nil {
					return "", err
				}
				return insert(tx, "outside")
			},
			func(err error) bool { return err != nil },
		},
		"a rollback and a transaction of its own": {
			func(tx *store.Tx) (string, error) {
				_, _ = tx.Exec("rollback")
				_, _ = tx.Exec("begin immediate")
				_, _ = insert(tx, "outside")
				_, _ = tx.Exec("savepoint callback")
				return "", nil
			},
			func(err error) bool { return err != nil },
		},
		"a broken key found at commit": {
			func(tx *store.Tx) (string, error) {
				_, err := tx.Exec("insert into parts (id, thing) values ('p', 'missing')")
				return "", err
			},
			func(err error) bool { return err != nil && !errors.Is(err, programs.Busy) },
		},
		"a panic after a rollback": {
			func(tx *store.Tx) (_ string, err error) {
				_, _ = tx.Exec("rollback")
				panic("broken")
			},
			nil, // raised
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := engineOptions(storetest.SQLite(t))
			o.Schemas[0] = engineSchema(`
				create table parts (id text primary key, thing text not null references things (id) deferrable initially deferred) strict;
				create trigger things_guard before insert on things when new.id = 'trigger' begin select raise(rollback, 'not this one'); end;`)
			s := openEngine(t, o)
			execute(t, s, "insert into things (id, n) values ('old', 0)")
			before := s.Stats()
			runs := make([]int, 3) // of the writer's goroutine
			counted := func(i int, f func(*store.Tx) (string, error)) func(*store.Tx) (string, error) {
				return func(tx *store.Tx) (string, error) {
					runs[i]++
					return f(tx)
				}
			}
			answers := together(t, s, counted(0, inserting("a")), counted(1, c.kill), counted(2, inserting("b")))
			if answers[0].err != nil || answers[2].err != nil {
				t.Errorf("the neighbors were told %v and %v", answers[0].err, answers[2].err)
			}
			if (c.check == nil) != (answers[1].raised != nil) || c.check != nil && !c.check(answers[1].err) {
				t.Errorf("the killer was told %v", answers[1].err)
			}
			wantThings(t, s, "a", "b", "old")
			if runs[0] != 2 || runs[1] != 2 || runs[2] < 1 || runs[2] > 2 {
				t.Errorf("runs: %v", runs)
			}
			if n := s.Stats().Retries - before.Retries; n != 3 {
				t.Errorf("%d ran again", n)
			}
			// Alone from the start it is told the same, and the writer goes on.
			if c.check != nil {
				if _, err := store.Write(t.Context(), s, c.kill); !c.check(err) {
					t.Errorf("alone it was told %v", err)
				}
			}
			execute(t, s, "insert into things (id, n) values ('later', 0)")
			wantThings(t, s, "a", "b", "later", "old")
		})
	}
}

func TestGoroutineThatEndsInACallback(t *testing.T) {
	t.Parallel()
	s := openFile(t)
	ended := together(t, s, inserting("a"), func(tx *store.Tx) (string, error) {
		if _, err := tx.Query("select id from things"); err != nil {
			return "", err
		}
		runtime.Goexit() // as t.FailNow does
		return "", nil
	})
	if ended[1].err == nil {
		t.Error("told that it is stored")
	}
	execute(t, s, "insert into things (id, n) values ('b', 0)")
	if got := things(t, s); got[len(got)-1] != "b" {
		t.Errorf("stored %v", got)
	}
}

func TestCanceledContextHurtsNobodyElse(t *testing.T) {
	t.Parallel()
	s := openFile(t)
	canceled, cancel := context.WithCancel(t.Context())
	t.Run("before its turn it leaves the queue", func(t *testing.T) {
		holding, release := make(chan struct{}), make(chan struct{})
		var others sync.WaitGroup
		others.Go(func() {
			_, _ = store.Write(t.Context(), s, func(*store.Tx) (int, error) { close(holding); <-release; return 0, nil })
		})
		<-holding
		left := make(chan error)
		go func() {
			_, err := store.Write(canceled, s, inserting("canceled"))
			left <- err
		}()
		waitFor(t, func() bool { return s.Stats().Waiting == 1 })
		var neighbor error
		others.Go(func() { _, neighbor = store.Write(t.Context(), s, inserting("a")) })
		waitFor(t, func() bool { return s.Stats().Waiting == 2 })
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) { // while the writer is still held
			t.Errorf("told %v", err)
		}
		close(release)
		others.Wait()
		if neighbor != nil {
			t.Errorf("the neighbor was told %v", neighbor)
		}
	})
	t.Run("during its turn it does not end a statement", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		answers := together(t, s, inserting("c"), inserting("d"))
		id, err := store.Write(ctx, s, func(tx *store.Tx) (string, error) {
			stop()
			return insert(tx, "e")
		})
		if err != nil || id != "e" || answers[0].err != nil || answers[1].err != nil {
			t.Errorf("told %q, %v; neighbors %v", id, err, answers)
		}
	})
	t.Run("already canceled it is not queued", func(t *testing.T) {
		if _, err := store.Write(canceled, s, inserting("canceled")); !errors.Is(err, context.Canceled) {
			t.Errorf("told %v", err)
		}
	})
	wantThings(t, s, "a", "c", "d", "e")
}

func TestStatementLimit(t *testing.T) {
	t.Parallel()
	o := engineOptions(storetest.SQLite(t))
	s := openEngine(t, o)
	s.Allow(50 * time.Millisecond)
	endless := func(tx *store.Tx) (string, error) {
		var n int64
		err := tx.QueryRow("with recursive r (i) as (select 1 union all select i + 1 from r where i < 2000000000) select count(*) from r").Scan(&n)
		return "", err
	}
	answers := together(t, s, inserting("a"), endless, inserting("b"))
	if answers[0].err != nil || answers[2].err != nil || !errors.Is(answers[1].err, programs.Busy) {
		t.Errorf("told %v", answers)
	}
	if _, err := store.Write(t.Context(), s, endless); !errors.Is(err, programs.Busy) {
		t.Errorf("alone told %v", err)
	}
	wantThings(t, s, "a", "b")
}

// Another process that holds the write lock costs its five seconds, once for all who wait, and no reader anything.
func TestLockHeldByAnother(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for the lock for five seconds")
	}
	database := storetest.SQLite(t)
	s := openEngine(t, engineOptions(database))
	execute(t, s, "insert into things (id, n) values ('a', 0)")
	db, err := sql.Open("sqlite", store.DSN(database))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	other, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "begin immediate"); err != nil {
		t.Fatal(err)
	}
	const writers = 600 // more than fit into a batch
	errs := make([]error, writers)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() { _, errs[i] = store.Write(t.Context(), s, inserting(fmt.Sprint(i))) })
	}
	all.Go(func() {
		wantThings(t, s, "a")
	})
	late := time.AfterFunc(9*time.Second, func() { t.Error("somebody waited for the lock twice") })
	all.Wait()
	late.Stop()
	for _, err := range errs {
		if !errors.Is(err, programs.Busy) {
			t.Fatalf("told %v", err)
		}
	}
	if stats := s.Stats(); stats.Busy != writers {
		t.Errorf("counted %d refusals", stats.Busy)
	}
	if _, err := other.ExecContext(t.Context(), "rollback"); err != nil {
		t.Fatal(err)
	}
	execute(t, s, "insert into things (id, n) values ('b', 0)")
	wantThings(t, s, "a", "b")
}

func TestCloseAnswersWhatWaits(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	s, err := store.Open(t.Context(), engineOptions(database))
	if err != nil {
		t.Fatal(err)
	}
	holding, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_, _ = store.Write(t.Context(), s, func(*store.Tx) (int, error) { close(holding); <-release; return 0, nil })
	})
	<-holding
	errs := make([]error, 3)
	for i := range errs {
		all.Go(func() { _, errs[i] = store.Write(t.Context(), s, inserting(fmt.Sprint(i))) })
	}
	waitFor(t, func() bool { return s.Stats().Waiting == 3 })
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	waitFor(t, func() bool {
		ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		_, err := store.Write(ctx, s, inserting("late"))
		return errors.Is(err, store.ErrClosed)
	})
	close(release)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	wantThings(t, openEngine(t, engineOptions(database)), "0", "1", "2")
}

// Two processes on one file: a command beside the server. Every write is one immediate transaction, so none of them fails.
func TestWritersOfTwoProcesses(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	stores := []*store.Store{openEngine(t, engineOptions(database)), openEngine(t, engineOptions(database))}
	execute(t, stores[0], "insert into things (id, n) values ('a', 0)")
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			_, err := store.Write(t.Context(), stores[i%2], func(tx *store.Tx) (int64, error) {
				var n int64
				if err := tx.QueryRow("select n from things where id = 'a'").Scan(&n); err != nil {
					return 0, err
				}
				return tx.Exec("update things set n = $1 where id = 'a'", n+1)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := number(t, stores[0], "select n from things where id = 'a'"); n != 200 {
		t.Errorf("the row holds %d", n)
	}
}

// A queue that grew without bounds would end the process instead of refusing what it cannot serve.
func TestQueueLimit(t *testing.T) {
	t.Parallel()
	s := openFile(t)
	holding, release := make(chan struct{}), make(chan struct{})
	nothing := func(*store.Tx) (int, error) { return 0, nil }
	var all sync.WaitGroup
	all.Go(func() {
		_, _ = store.Write(t.Context(), s, func(*store.Tx) (int, error) { close(holding); <-release; return 0, nil })
	})
	<-holding
	const limit = 16384
	for range limit {
		all.Go(func() {
			if _, err := store.Write(t.Context(), s, nothing); err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(t, func() bool { return s.Stats().Waiting == limit })
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	if _, err := store.Write(ctx, s, nothing); !errors.Is(err, programs.Busy) {
		t.Errorf("one too many was told %v", err)
	}
	close(release)
	all.Wait()
}
