package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func TestW3_AMoveOutOfTheFirstClickPromotes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 3)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		seat, waiting := w.join(0, s), w.join(1, s)
		w.clock.Set(s.StartsAt.Add(-20 * time.Minute))
		w.leave(seat)
		w.details(s.ID, func(d *programs.Details) { d.LocalStart = wall(t, "2027-03-23T12:30") })
		if got := w.signup(waiting.ID).State; got != programs.Confirmed {
			t.Errorf("the session is next week now, and who waits beside its free seat is %s", got)
		}
		if got := w.join(2, s).State; got != programs.Waitlisted {
			t.Errorf("a newcomer is %s", got)
		}
		w.sound()
	})
}

func TestW5_AnOfferEndsBeforeTheNewStart(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		start string
		want  programs.SignupState
		ends  time.Duration // before the new start
	}{
		"later":         {"2027-03-16T20:30", programs.Offered, 6 * time.Hour},
		"sooner":        {"2027-03-16T14:00", programs.Offered, 15 * time.Minute},
		"sooner by far": {"2027-03-16T13:40", programs.Lapsed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, database string) {
				w := newWorld(t, database, 2)
				s := w.schedule("2027-03-16T18:30", "", capacity(1))[0]
				seat, waiting := w.join(0, s), w.join(1, s)
				w.clock.Set(s.StartsAt.Add(-5 * time.Hour)) // 13:30
				w.leave(seat)
				moved := w.details(s.ID, func(d *programs.Details) { d.LocalStart = wall(t, row.start) })
				got := w.signup(waiting.ID)
				if got.State != row.want || got.State == programs.Offered && got.OfferExpiresAt != moved.StartsAt.Add(-row.ends) {
					t.Errorf("%s until %s, the session starts at %s", got.State, got.OfferExpiresAt, moved.StartsAt)
				}
				if stored := w.session(s.ID); moved.Offered != stored.Offered || moved.Taken != stored.Taken || (stored.Offered == 1) != (row.want == programs.Offered) {
					t.Errorf("%d offered and %d taken, stored %d and %d", moved.Offered, moved.Taken, stored.Offered, stored.Taken)
				}
				w.sound()
			})
		})
	}
}

func TestW5_AFreeSeatIsToldOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 4)
		s := w.schedule("2027-03-16T12:30", "", capacity(3))[0]
		seats := []programs.Signup{w.join(0, s), w.join(1, s), w.join(2, s)}
		w.join(3, s)
		w.clock.Set(s.StartsAt.Add(-20 * time.Minute))
		for _, u := range seats {
			w.leave(u)
		}
		told := strings.Count(strings.Join(w.verbs(string(s.ID)), "\n"), "session.seat_free")
		if told != 1 {
			t.Errorf("who waits is told %d times", told)
		}
		w.sound()
	})
}

func TestW5_ToTheMillisecond(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		before time.Duration
		want   programs.SignupState
	}{
		"at the cutoff":              {12 * time.Hour, programs.Confirmed},
		"past the cutoff":            {12*time.Hour - time.Millisecond, programs.Offered},
		"the shortest offer":         {25 * time.Minute, programs.Offered},
		"too short for an offer":     {25*time.Minute - time.Millisecond, programs.Waitlisted},
		"a millisecond to the start": {time.Millisecond, programs.Waitlisted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, database string) {
				w := newWorld(t, database, 3)
				s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
				seat, waiting := w.join(0, s), w.join(1, s)
				w.clock.Set(s.StartsAt.Add(-row.before))
				w.leave(seat)
				got := w.signup(waiting.ID)
				if got.State != row.want {
					t.Fatalf("%s, want %s", got.State, row.want)
				}
				w.sound()
				if got.State != programs.Offered {
					return
				}
				w.clock.Set(got.OfferExpiresAt)
				refused(w, programs.Closed, func(tx *store.Tx) (programs.Signup, error) { return tx.Accept(as(w.people[1]), waiting.ID) })
				w.tick()
				if got := w.signup(waiting.ID).State; got != programs.Lapsed {
					t.Errorf("the offer is %s", got)
				}
				if got := w.join(2, s).State; got != programs.Confirmed {
					t.Errorf("nobody waits, and a newcomer is %s", got)
				}
				w.sound()
			})
		})
	}
}
