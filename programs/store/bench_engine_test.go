package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// BenchmarkWrite measures a change of the shape of a sign-up (read a row, take a place, insert, touch), by one client and by 64.
// batch says how many shared a commit; "single" is the same with a commit of its own for each, which is what a lock instead of the
// writer would do.
func BenchmarkWrite(b *testing.B) {
	for _, clients := range []int{1, 64} {
		for _, mode := range []string{"grouped", "single"} {
			b.Run(fmt.Sprintf("c%d/%s", clients, mode), func(b *testing.B) {
				s := openEngine(b, engineOptions(storetest.SQLite(b)))
				execute(b, s, "insert into things (id, n) values ('session', 0)")
				var next atomic.Int64
				var alone sync.Mutex
				signUp := func(id int64) error {
					if mode == "single" {
						alone.Lock()
						defer alone.Unlock()
					}
					_, err := store.Write(b.Context(), s, func(tx *store.Tx) (int64, error) {
						var n int64
						if err := tx.QueryRow("select n from things where id = $1", "session").Scan(&n); err != nil {
							return 0, err
						}
						if _, err := tx.Exec("update things set n = n + 1 where id = $1 and n < $2", "session", 1<<40); err != nil {
							return 0, err
						}
						if _, err := tx.Exec("insert into things (id, n, label) values ($1, $2, $3)", tx.NewID(), n, "confirmed"); err != nil {
							return 0, err
						}
						return n, tx.Touch(fmt.Sprint("person:", id%1000))
					})
					return err
				}
				before := s.Stats()
				b.ReportAllocs()
				b.ResetTimer()
				var all sync.WaitGroup
				for range clients {
					all.Go(func() {
						for {
							i := next.Add(1)
							if i > int64(b.N) {
								return
							}
							if err := signUp(i); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.StopTimer()
				after := s.Stats()
				b.ReportMetric(float64(after.Callbacks-before.Callbacks)/float64(after.Batches-before.Batches), "batch")
				if n := number(b, s, "select n from things where id = 'session'"); n != int64(b.N) {
					b.Errorf("%d places taken by %d sign-ups", n, b.N)
				}
			})
		}
	}
}

// BenchmarkRead measures one read of one row, with the transaction around it.
func BenchmarkRead(b *testing.B) {
	s := openEngine(b, engineOptions(storetest.SQLite(b)))
	execute(b, s, "insert into things (id, n) values ('a', 7)")
	b.ReportAllocs()
	for b.Loop() {
		n, err := store.Read(b.Context(), s, func(v *store.View) (n int64, err error) {
			err = v.QueryRow("select n from things where id = $1", "a").Scan(&n)
			return n, err
		})
		if err != nil || n != 7 {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkRevision measures what a feed request asks for; it must not allocate.
func BenchmarkRevision(b *testing.B) {
	s := openEngine(b, engineOptions(storetest.SQLite(b)))
	if _, err := store.Write(b.Context(), s, func(tx *store.Tx) (int, error) { return 0, tx.Touch("person:a") }); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if n, _ := s.Revision("person:a"); n != 1 {
			b.Fatal(n)
		}
	}
}
