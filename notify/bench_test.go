package notify

import (
	"fmt"
	"testing"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// fill gives n people a seat, a batch of people a session.
func fill(w *world, n int) {
	w.Helper()
	const each = 500
	for made := 0; made < n; made += each {
		s := w.session(nil)
		do(w, func(tx *store.Tx) (struct{}, error) {
			for i := range min(each, n-made) {
				name := fmt.Sprintf("b%06d-%s", made+i, s.ID[len(s.ID)-6:])
				p, err := tx.AddPerson(programs.System(), programs.Person{Email: name + "@example.com", Name: name, Roles: []programs.Role{programs.Employee}})
				if err != nil {
					return struct{}{}, err
				}
				if _, _, _, err := tx.SignUp(w.boss, store.Joiner{Session: s.ID, Person: p.ID}); err != nil {
					return struct{}{}, err
				}
			}
			return struct{}{}, nil
		})
	}
}

// BenchmarkPlan plans confirmations from the journal.
func BenchmarkPlan(b *testing.B) {
	w := newWorld(b, storetest.SQLite(b))
	fill(w, b.N)
	b.ResetTimer()
	if n, err := Plan(b.Context(), w.store, w.set); err != nil || n != b.N {
		b.Fatalf("%d planned, %v", n, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

// BenchmarkHandOff claims, writes, freezes, hands over and settles confirmations with invitations, over kept connections to a sink
// in the same process.
func BenchmarkHandOff(b *testing.B) {
	for _, o := range []notifytest.Options{{Pipelining: true}, {}} {
		b.Run(fmt.Sprintf("pipelining=%v", o.Pipelining), func(b *testing.B) {
			w := newWorld(b, storetest.SQLite(b))
			w.relay(o)
			w.mailer.Connections = 8
			fill(w, b.N)
			if _, err := Plan(b.Context(), w.store, w.set); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			if n, err := w.mailer.Send(b.Context()); err != nil || n != b.N {
				b.Fatalf("%d sent, %v", n, err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}

// BenchmarkCompose writes one confirmation with its invitation.
func BenchmarkCompose(b *testing.B) {
	w := newWorld(b, storetest.SQLite(b))
	if err := w.mailer.prepare(); err != nil {
		b.Fatal(err)
	}
	fill(w, 1)
	if _, err := Plan(b.Context(), w.store, w.set); err != nil {
		b.Fatal(err)
	}
	letters := do(w, func(tx *store.Tx) ([]*letter, error) { return claim(tx, "bench", 1) })
	b.ReportAllocs()
	for b.Loop() {
		c, err := w.mailer.composer.compose(letters[0])
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(c.Bytes)))
	}
}

// BenchmarkRemind looks for reminders among 20,000 seats of a day, of which none is due.
func BenchmarkRemind(b *testing.B) {
	w := newWorld(b, storetest.SQLite(b))
	fill(w, 20000)
	w.clock.Set(instant("2026-11-25T11:00:00Z"))
	if _, err := Remind(b.Context(), w.store, w.set); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if n, err := Remind(b.Context(), w.store, w.set); err != nil || n != 0 {
			b.Fatalf("%d, %v", n, err)
		}
	}
}
