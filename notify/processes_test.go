package notify

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// TestTwoProcesses plan and send at once over one PostgreSQL, while people join, leave, and a session with more people than a batch
// has entries is called off and put back on: everybody is told each thing once, and the last mail is true.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Postgres(t))
	sink := w.relay(notifytest.Options{Pipelining: true})
	second := &Mailer{Store: w.open(w.database), Settings: w.set, Relay: w.mailer.Relay, patience: w.mailer.patience}
	t.Cleanup(func() { second.Close() })

	const people = planBatch/2 + 60 // each with a child in the session as well, so that a change has more entries than a batch
	s := w.session(nil)
	children := do(w, func(tx *store.Tx) (int, error) {
		for i := range people {
			p, err := tx.AddPerson(programs.System(), programs.Person{Email: fmt.Sprintf("q%03d@example.com", i), Name: "Q", Roles: []programs.Role{programs.Employee}})
			if err != nil {
				return 0, err
			}
			d, err := tx.AddDependent(programs.Actor{Person: p.ID, Roles: []programs.Role{programs.Employee}}, p.ID, programs.Dependent{GivenName: "Kim", BirthDate: programs.DateOf(2020, 5, 1)}, "parent")
			if err != nil {
				return 0, err
			}
			for _, child := range []programs.DependentID{"", d.ID} {
				if _, _, _, err := tx.SignUp(w.boss, store.Joiner{Session: s.ID, Person: p.ID, Dependent: child}); err != nil {
					return 0, err
				}
			}
		}
		return people, nil
	})
	both := func() {
		t.Helper()
		w.clock.Add(programs.Hold)
		var wait sync.WaitGroup
		for _, m := range []*Mailer{w.mailer, second} {
			wait.Go(func() {
				for range 3 {
					if _, err := Plan(context.Background(), m.Store, w.set); err != nil {
						t.Error(err)
					}
					if _, err := m.Send(context.Background()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		w.clock.Add(time.Minute)
		w.send()
	}
	seen := 0
	tell := func(event string) {
		t.Helper()
		both()
		count := map[string]int{}
		for _, m := range sink.Mails()[seen:] {
			if got := notifytest.Parse(t, m.Raw).Header.Get("X-Wellweek-Event"); got != event {
				t.Errorf("a mail of the event %s, want %s", got, event)
			}
			count[m.To[0]]++
		}
		seen = len(sink.Mails())
		twice := 0
		for _, n := range count {
			if n > 1 {
				twice++
			}
		}
		if len(count) != children || twice > 0 && event != Confirmed { // one act each for the two seats
			t.Errorf("%s: %d of %d people were told, %d of them twice", event, len(count), children, twice)
		}
	}
	tell(Confirmed)
	w.callOff(s, "Ill")
	tell(Cancelled)
	w.clock.Add(time.Minute)
	w.putBackOn(s)
	tell(Reinstated)
	w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T15:00") })
	tell(Moved)
	states := map[string]int{}
	for _, m := range w.ledger() {
		states[m.State]++
		if !slices.Contains([]string{Sent, Superseded}, m.State) {
			t.Errorf("%s is %s: %s", m.Event, m.State, m.Reason)
		}
	}
	w.sound()
}

// TestLane_ClaimedMeanwhile: a row that another process is claiming while a later one of its lane is planned is not changed.
func TestLane_ClaimedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Postgres(t))
	s := w.session(nil)
	u := w.join("zoe", s)
	w.plan()
	w.leave(w.actor("zoe"), u)
	other := w.open(w.database)
	claimed, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		_, err := store.Write(context.Background(), other, func(tx *store.Tx) (struct{}, error) {
			letters, err := claim(tx, "other", 10)
			if len(letters) != 1 {
				t.Errorf("%d claimed", len(letters))
			}
			close(claimed)
			for waiting, tries := 0, 0; err == nil && waiting == 0 && tries < 5000; tries++ { // until planning waits for us
				err = tx.QueryRow(`select count(*) from pg_locks l where not l.granted and l.pid <> pg_backend_pid() and l.transactionid::text = pg_current_xact_id()::xid::text`).Scan(&waiting)
			}
			return struct{}{}, err
		})
		if err != nil {
			t.Error(err)
		}
	}()
	<-claimed
	w.plan()
	<-over
	want(t, w, "confirmed zoe sending", "left zoe queued")
}
