package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func TestRevisionsAcrossProcesses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		clock := storetest.NewClock(start)
		o := engineOptions(database)
		o.Now = clock.Now
		one, two := openEngine(t, o), openEngine(t, o)
		touch := func(s *store.Store, subject string) {
			t.Helper()
			if _, err := store.Write(t.Context(), s, func(tx *store.Tx) (int, error) { return 0, tx.Touch(subject) }); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		told := map[*store.Store][]string{}
		for _, s := range []*store.Store{one, two} {
			s.OnTouched("feed:", func(ctx context.Context, subject string) {
				mu.Lock()
				defer mu.Unlock()
				told[s] = append(told[s], subject)
			})
		}
		want := func(s *store.Store, subject string, revision int64, changedAt programs.Instant) {
			t.Helper()
			if r, at := s.Revision(subject); r != revision || at != changedAt {
				t.Errorf("%s: revision %d at %v, want %d at %v", subject, r, at, revision, changedAt)
			}
		}
		want(one, "program:a", 0, 0)
		touch(one, "program:a")
		touch(one, "feed:f")
		want(one, "program:a", 1, start)
		want(two, "program:a", 0, 0)
		if err := two.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(two, "program:a", 1, start)
		clock.Add(time.Hour)
		touch(two, "program:a")
		want(two, "program:a", 2, start.Add(time.Hour))
		want(one, "program:a", 1, start)
		if err := one.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(one, "program:a", 2, start.Add(time.Hour))

		// A stamp up to 15 s older than the last poll is still found: its transaction took long.
		clock.Add(-15 * time.Second)
		touch(two, "person:late")
		clock.Add(15 * time.Second)
		if err := one.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(one, "person:late", 1, start.Add(time.Hour)) // what people see never runs backward

		// A refused change touches nothing.
		_, err := store.Write(t.Context(), one, func(tx *store.Tx) (int, error) {
			return 0, errors.Join(tx.Touch("program:a"), programs.Refuse(programs.Closed, "No."))
		})
		if !errors.Is(err, programs.Closed) {
			t.Error(err)
		}
		want(one, "program:a", 2, start.Add(time.Hour))

		for range 2 { // nothing is told twice
			if err := errors.Join(one.Poll(t.Context()), two.Poll(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([][]string{{"feed:f"}, {"feed:f"}}, [][]string{told[one], told[two]}); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		// A restart knows them all.
		three := openEngine(t, o)
		want(three, "program:a", 2, start.Add(time.Hour))
		want(three, "feed:f", 1, start)
	})
}

// Whoever hears of a revision reads what led to it, and is not inside of its transaction.
func TestHookReadsTheCommit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := openEngine(t, engineOptions(database))
		var seen []string
		s.OnTouched("", func(ctx context.Context, subject string) {
			ids, err := store.Read(ctx, s, func(v *store.View) (n int64, err error) {
				err = v.QueryRow("select count(*) from things").Scan(&n)
				return n, err
			})
			seen = append(seen, fmt.Sprint(subject, " ", ids, " ", err))
		})
		if _, err := store.Write(t.Context(), s, func(tx *store.Tx) (string, error) {
			if err := tx.Touch("program:p"); err != nil {
				return "", err
			}
			return insert(tx, "a")
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"program:p 1 <nil>"}, seen); diff != "" {
			t.Error(diff)
		}
	})
}
