package store_test

import (
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func TestV5_UndoGivesNoSeatBackToWhoMayNotHaveIt(t *testing.T) {
	t.Parallel()
	for name, since := range map[string]func(w *world, other programs.Session){
		"left":             func(w *world, _ programs.Session) { w.status(0, programs.Left) },
		"suspended":        func(w *world, _ programs.Session) { w.status(0, programs.Suspended) },
		"seated elsewhere": func(w *world, other programs.Session) { w.join(0, other) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, database string) {
				w := newWorld(t, database, 1)
				w.blockOverlap()
				s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
				other := w.schedule("2027-03-16T12:30", "", nil)[0]
				seat := w.join(0, s)
				w.clock.Add(time.Minute)
				change := do(w, func(tx *store.Tx) (programs.ChangeID, error) {
					_, err := tx.CallOff(w.coordinator, s.ID, "Ill")
					return tx.Change(), err
				})
				w.clock.Add(time.Second)
				since(w, other)
				refused(w, programs.Conflict, func(tx *store.Tx) (programs.Change, error) { return tx.Undo(w.coordinator, change) })
				if got := w.signup(seat.ID).State; got != programs.CancelledSeat {
					t.Errorf("the seat is %s", got)
				}
				w.sound()
			})
		})
	}
}

func TestW12_WaitingElsewhereCostsNoReturn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 1)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		full := w.schedule("2027-03-16T12:30", "", capacity(0))[0]
		seat := w.join(0, s)
		w.clock.Add(time.Hour)
		w.callOff(s.ID)
		w.clock.Add(time.Hour)
		w.join(0, full)
		w.putBackOn(s.ID)
		if got := w.signup(seat.ID).State; got != programs.Confirmed {
			t.Errorf("who waits for another session at that time is %s in this one", got)
		}
		w.sound()
	})
}

func TestW12_OffAndOnAgainAndAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		seat, waiting := w.join(0, s), w.join(1, s)
		for range 3 {
			w.clock.Add(time.Hour)
			w.callOff(s.ID)
			w.clock.Add(time.Hour)
			change := do(w, func(tx *store.Tx) (programs.ChangeID, error) {
				_, err := tx.PutBackOn(w.coordinator, s.ID)
				return tx.Change(), err
			})
			do(w, func(tx *store.Tx) (programs.Change, error) { return tx.Undo(w.coordinator, change) })
			w.putBackOn(s.ID)
			if a, b := w.signup(seat.ID), w.signup(waiting.ID); a.State != programs.Confirmed || b.State != programs.Waitlisted || b.Position != 1 {
				t.Fatalf("the seat is %s, who waited is %s at %d", a.State, b.State, b.Position)
			}
		}
		w.sound()
	})
}

func TestW12_TheFeedOfWhoDoesNotReturnFollows(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 1)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		other := w.schedule("2027-03-16T12:30", "", nil)[0]
		seat := w.join(0, s)
		mine := programs.Feed{Scope: programs.Mine, Owner: w.people[0].ID}
		shown := func() (status programs.SessionStatus) {
			for _, f := range look(w, func(v *store.View) ([]store.FeedSession, error) { return v.FeedSessions(mine) }) {
				if f.Session.ID == s.ID {
					status = f.Session.Status
				}
			}
			return status
		}
		w.clock.Add(time.Hour)
		w.callOff(s.ID)
		if got := shown(); got != programs.Cancelled {
			t.Fatalf("called off, the feed shows %q", got)
		}
		w.clock.Add(time.Hour)
		w.join(0, other)
		before, _ := w.s.FeedRevision(mine)
		w.putBackOn(s.ID)
		if got := w.signup(seat.ID).State; got != programs.CancelledSeat {
			t.Fatalf("who took another seat is %s", got)
		}
		if got := shown(); got != "" {
			t.Errorf("the feed shows the session as %s to who has no seat in it", got)
		}
		if after, _ := w.s.FeedRevision(mine); after <= before {
			t.Errorf("the feed has changed, its revision is %d, was %d", after, before)
		}
	})
}
