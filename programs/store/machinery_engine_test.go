package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func TestReady(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		clock := storetest.NewClock(start)
		o := engineOptions(database)
		o.Now = clock.Now
		s := openEngine(t, o)
		ask := func() int64 {
			t.Helper()
			if err := s.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			return number(t, s, "select at from scratch where id = 1")
		}
		if at := ask(); at != int64(start) {
			t.Errorf("written at %d", at)
		}
		clock.Add(999 * time.Millisecond)
		if at := ask(); at != int64(start) {
			t.Errorf("asked within a second, it wrote at %d", at)
		}
		clock.Add(time.Millisecond)
		if at := ask(); at != int64(start)+1000 {
			t.Errorf("a second later: %d", at)
		}
		clock.Add(-time.Hour)
		if at := ask(); at != int64(start.Add(time.Second-time.Hour)) {
			t.Errorf("after the clock was set back: %d", at)
		}
		if err := s.QuickCheck(t.Context()); err != nil {
			t.Errorf("quick check: %v", err)
		}
	})
}

func TestReadyFailsOnAReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(start)
	o := engineOptions(storetest.SQLite(t))
	o.Now = clock.Now
	s := openEngine(t, o)
	execute(t, s, "pragma query_only = 1") // every write gives code 8, as on a read-only mount
	for range 2 {
		if err := s.Ready(t.Context()); !errors.Is(err, programs.Busy) {
			t.Fatalf("got %v", err)
		}
	}
	if n := number(t, s, "select count(*) from things"); n != 0 {
		t.Errorf("reads go on, but counted %d", n)
	}
	execute(t, s, "pragma query_only = 0")
	if err := s.Ready(t.Context()); !errors.Is(err, programs.Busy) {
		t.Errorf("within the second the answer is shared: %v", err)
	}
	clock.Add(time.Second)
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("it recovers without a restart: %v", err)
	}
}

func TestLease(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		clock := storetest.NewClock(start)
		o := engineOptions(database)
		o.Now = clock.Now
		s := openEngine(t, o)
		lease := func(owner string) bool {
			t.Helper()
			got, err := store.Write(t.Context(), s, func(tx *store.Tx) (bool, error) { return tx.Lease("send", owner, time.Minute) })
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		release := func(owner string) {
			t.Helper()
			if _, err := store.Write(t.Context(), s, func(tx *store.Tx) (bool, error) { return true, tx.Release("send", owner) }); err != nil {
				t.Fatal(err)
			}
		}
		for i, step := range []struct {
			owner string
			wait  time.Duration
			want  bool
		}{
			{"a", 0, true},
			{"b", 0, false},
			{"a", 30 * time.Second, true}, // renewed to 1:30
			{"b", 59 * time.Second, false},
			{"b", time.Second, true}, // at the very end
			{"a", 0, false},
		} {
			clock.Add(step.wait)
			if got := lease(step.owner); got != step.want {
				t.Fatalf("step %d: %s got %v", i, step.owner, got)
			}
		}
		release("a") // is not its owner
		if lease("a") {
			t.Error("released by somebody else")
		}
		release("b")
		if !lease("a") {
			t.Error("not free after its release")
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := openEngine(t, engineOptions(database))
		id, links, feeds := s.KeyID(), s.Key("links"), s.Key("feeds")
		if len(links) != 32 || id == "" || cmp.Equal(links, feeds) {
			t.Errorf("id %q, %d bytes, two purposes equal: %v", id, len(links), cmp.Equal(links, feeds))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openEngine(t, engineOptions(database))
		if s.KeyID() != id || !cmp.Equal(links, s.Key("links")) {
			t.Error("a restart changed the keys")
		}
		if n := number(t, s, "select count(*) from secrets"); n != 1 {
			t.Errorf("%d roots", n)
		}
	})
	other := openEngine(t, engineOptions(storetest.SQLite(t)))
	another := openEngine(t, engineOptions(storetest.SQLite(t)))
	if cmp.Equal(other.Key("links"), another.Key("links")) {
		t.Error("two installations share a key")
	}
}
