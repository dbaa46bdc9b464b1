package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// Connections for reading come with the reads that need them, and go when none did between two rests.
func TestRest(t *testing.T) {
	t.Parallel()
	s := openEngine(t, engineOptions(storetest.SQLite(t)))
	open := func(when string, want int) {
		t.Helper()
		if got := s.Readers(); got != want {
			t.Fatalf("%s: %d connections, want %d", when, got, want)
		}
	}
	rest := func() {
		t.Helper()
		if err := s.Rest(); err != nil {
			t.Fatal(err)
		}
	}
	open("after the start", 1)
	var inside, all sync.WaitGroup
	inside.Add(4)
	for range 4 { // none returns before all are in
		all.Go(func() {
			_, err := store.Read(t.Context(), s, func(v *store.View) (n int64, err error) {
				inside.Done()
				inside.Wait()
				err = v.QueryRow("select count(*) from things").Scan(&n)
				return n, err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	open("after four reads at once", 4)
	rest()
	open("after they were used", 4)
	for range 10 {
		number(t, s, "select count(*) from things")
	}
	open("after reads one by one", 4)
	rest()
	open("after one was used", 1)
	rest()
	open("after none was used", 0)
	if n := number(t, s, "select count(*) from things"); n != 0 {
		t.Errorf("counted %d", n)
	}
	open("after the next read", 1)
}

// A read that waits for its turn, and one that comes later, are refused when the store closes; the ones in hand are finished.
func TestCloseWaitsForReads(t *testing.T) {
	t.Parallel()
	s := openEngine(t, engineOptions(storetest.SQLite(t)))
	var inside, all sync.WaitGroup
	inside.Add(4)
	leave := make(chan struct{})
	for range 4 {
		all.Go(func() {
			_, err := store.Read(t.Context(), s, func(v *store.View) (n int64, err error) {
				inside.Done()
				<-leave
				err = v.QueryRow("select count(*) from things").Scan(&n)
				return n, err
			})
			if err != nil {
				t.Errorf("a read in hand: %v", err)
			}
		})
	}
	inside.Wait()
	refused := func() {
		_, err := store.Read(t.Context(), s, func(*store.View) (int, error) { return 0, nil })
		if !errors.Is(err, programs.Busy) || !errors.Is(err, store.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	all.Go(refused) // all four places are taken
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	refused() // the same, or it comes after the closing
	select {
	case err := <-closed:
		t.Errorf("closed under reads: %v", err)
		closed <- err
	case <-time.After(20 * time.Millisecond):
	}
	close(leave)
	all.Wait()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	refused()
}
