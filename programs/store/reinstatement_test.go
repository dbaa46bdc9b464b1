package store_test

import (
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func TestW12_PutBackOnReturnsThoseWhoWereIn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 6)
		s := w.schedule("2027-03-16T12:30", "", capacity(2))[0]
		seat, elsewhere := w.join(0, s), w.join(1, s)
		first, second, gone := w.join(2, s), w.join(3, s), w.join(4, s)
		left := w.join(5, s)
		w.leave(left)
		w.clock.Add(time.Hour)
		do(w, func(tx *store.Tx) (programs.Session, error) { return tx.CallOff(w.coordinator, s.ID, "Ill") })
		w.clock.Add(time.Hour)
		w.join(1, w.schedule("2027-03-16T12:00", "", nil)[0]) // took another seat at that time since
		do(w, func(tx *store.Tx) (programs.Person, error) {
			return tx.EditPerson(w.admin, gone.Person, 0, func(p *programs.Person) { p.Status = programs.Left })
		})
		refused(w, programs.Forbidden, func(tx *store.Tx) (programs.Session, error) { return tx.PutBackOn(as(w.people[0]), s.ID) })
		on := do(w, func(tx *store.Tx) (programs.Session, error) { return tx.PutBackOn(w.coordinator, s.ID) })
		if on.Status != programs.Scheduled || on.Sequence != s.Sequence+2 || on.CancelReason != "" || on.CancelledAt != 0 {
			t.Errorf("back on: %+v", on)
		}
		for name, row := range map[string]struct {
			was      programs.Signup
			state    programs.SignupState
			position int
		}{
			"a seat":                             {seat, programs.Confirmed, 0},
			"booked elsewhere":                   {elsewhere, programs.CancelledSeat, 0},
			"the first in line, for a free seat": {first, programs.Confirmed, 0},
			"the second in line":                 {second, programs.Waitlisted, 1},
			"left the company":                   {gone, programs.CancelledSeat, 0},
			"left the list before":               {left, programs.CancelledSeat, 0},
		} {
			got := w.signup(row.was.ID)
			if got.State != row.state || got.Position != row.position || got.QueuedAt != row.was.QueuedAt {
				t.Errorf("%s: %s at %d, queued %s", name, got.State, got.Position, got.QueuedAt)
			}
		}
		again := do(w, func(tx *store.Tx) (programs.Session, error) { return tx.PutBackOn(w.coordinator, s.ID) })
		if again.Version != on.Version {
			t.Error("putting on what is on changed it")
		}
		w.sound()
		// Cancelled once more, and too late to put back on.
		do(w, func(tx *store.Tx) (programs.Session, error) { return tx.CallOff(w.coordinator, s.ID, "Ill again") })
		w.clock.Set(s.StartsAt)
		refused(w, programs.Closed, func(tx *store.Tx) (programs.Session, error) { return tx.PutBackOn(w.coordinator, s.ID) })
		w.sound()
	})
}
