package notify

import (
	"fmt"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// BenchmarkPlanSeries moves 260 sessions with 200 sign-ups each by one save, and plans and writes what that owes: to people who enrolled,
// and to people who have every date in their calendar. One turn is one whole series.
func BenchmarkPlanSeries(b *testing.B) {
	for _, invited := range []bool{false, true} {
		b.Run(fmt.Sprintf("invited=%v", invited), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				w := newWorld(b, storetest.SQLite(b))
				list := w.weekly(260, nil)
				for i := range 200 {
					name := fmt.Sprintf("p%03d", i)
					if !invited {
						w.enroll(w.actor(name), name, list[0], "")
						continue
					}
					person := w.person(name).ID
					do(w, func(tx *store.Tx) (struct{}, error) {
						for _, s := range list {
							if _, _, _, err := tx.SignUp(w.boss, store.Joiner{Session: s.ID, Person: person}); err != nil {
								return struct{}{}, err
							}
						}
						return struct{}{}, nil
					})
				}
				w.told()
				w.change(list[0].SeriesID, programs.Set{LocalStart: at(b, "2026-11-26T13:30")})
				w.clock.Add(programs.Hold)
				began := time.Now()
				b.StartTimer()
				made, err := Plan(b.Context(), w.store, w.set)
				if err != nil {
					b.Fatal(err)
				}
				planned := time.Since(began)
				sent, err := w.mailer.Send(b.Context())
				if err != nil || sent != made {
					b.Fatalf("%d planned, %d sent, %v", made, sent, err)
				}
				b.ReportMetric(planned.Seconds(), "s/plan")
				b.ReportMetric((time.Since(began) - planned).Seconds(), "s/write")
				b.ReportMetric(float64(made), "mails")
			}
		})
	}
}

// BenchmarkInvite looks for invitations among 7,000 enrolled seats of the next 14 days, of which none is due.
func BenchmarkInvite(b *testing.B) {
	w := newWorld(b, storetest.SQLite(b))
	s := w.session(func(s *programs.Series) { s.LocalStart, s.RRule = wall(b, "2026-11-20T12:30"), "FREQ=DAILY;COUNT=14" })
	for i := range 500 {
		name := fmt.Sprintf("p%03d", i)
		w.enroll(w.actor(name), name, s, "")
	}
	w.clock.Set(instant("2026-11-19T12:00:00Z"))
	w.plan()
	w.send()
	w.invite()
	for b.Loop() {
		if n, err := Invite(b.Context(), w.store, w.set); err != nil || n != 0 {
			b.Fatalf("%d, %v", n, err)
		}
	}
}
