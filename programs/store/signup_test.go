package store_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func TestSignup_ConfirmedUntilFullThenInLine(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 5)
		s := w.schedule("2027-03-16T12:30", "", capacity(2))[0]
		for i, want := range []struct {
			state    programs.SignupState
			position int
		}{{programs.Confirmed, 0}, {programs.Confirmed, 0}, {programs.Waitlisted, 1}, {programs.Waitlisted, 2}, {programs.Waitlisted, 3}} {
			u := w.join(i, s)
			if u.State != want.state || u.Position != want.position {
				t.Errorf("sign-up %d: %s at %d, want %s at %d", i, u.State, u.Position, want.state, want.position)
			}
		}
		got := w.session(s.ID)
		if got.Confirmed() != 2 || got.Waiting != 3 {
			t.Errorf("%d confirmed and %d waiting, want 2 and 3", got.Confirmed(), got.Waiting)
		}
		if got.Version != s.Version || got.Counts != s.Counts+5 {
			t.Errorf("version %d and counts %d: sign-ups move counts alone", got.Version, got.Counts)
		}
		w.sound()
	})
}

func TestW16_SignUpAndCancelTwice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		first := w.join(0, s)
		again := do(w, func(tx *store.Tx) (bool, error) {
			u, made, _, err := tx.SignUp(as(w.people[0]), store.Joiner{Session: s.ID})
			if u.ID != first.ID {
				t.Errorf("a second sign-up has the id %s, want %s", u.ID, first.ID)
			}
			return made, err
		})
		if again {
			t.Error("the second sign-up says it was made")
		}
		w.leave(first)
		second := w.join(0, s)
		if second.ID == first.ID {
			t.Error("joining again did not make a new sign-up")
		}
		w.leave(first) // a retried cancellation of the old one
		if got := w.signup(second.ID); got.State != programs.Confirmed {
			t.Errorf("cancelling the old sign-up again made the new one %s", got.State)
		}
		w.sound()
	})
}

func TestW3_W2_LeavingPromotesTheHeadInTheSameTransaction(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 4)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		first := w.join(0, s)
		a, b := w.join(1, s), w.join(2, s)
		w.leave(first)
		if got := w.signup(a.ID); got.State != programs.Confirmed || got.ConfirmedAt != noon {
			t.Errorf("the head is %s", got.State)
		}
		if got := w.signup(b.ID); got.State != programs.Waitlisted || got.Position != 1 {
			t.Errorf("the second is %s at %d", got.State, got.Position)
		}
		want := []string{"signup.made >waitlisted", "signup.promoted waitlisted>confirmed"}
		if got := w.verbs(string(a.ID)); !slices.Equal(got, want) {
			t.Errorf("journal %q, want %q", got, want)
		}
		// Joining again goes to the tail (W2).
		w.clock.Add(time.Minute)
		if again := w.join(0, s); again.Position != 2 {
			t.Errorf("joined again at %d, want 2", again.Position)
		}
		w.sound()
	})
}

func TestW4_SkipsIneligibleHead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 3)
		do(w, func(tx *store.Tx) (programs.Program, error) {
			return tx.EditProgram(w.coordinator, "yoga", 0, func(p *programs.Program) { p.Overlap = programs.BlockOverlap })
		})
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		w.join(0, s)
		head, next := w.join(1, s), w.join(2, s)
		do(w, func(tx *store.Tx) (programs.Person, error) {
			return tx.EditPerson(w.admin, w.people[1].ID, 0, func(p *programs.Person) { p.Status = programs.Suspended })
		})
		do(w, func(tx *store.Tx) (programs.Session, error) {
			return tx.EditSession(w.coordinator, s.ID, 0, func(d *programs.Details) { d.Capacity = capacity(2) })
		})
		if got := w.signup(head.ID); got.State != programs.Waitlisted {
			t.Errorf("the suspended head is %s", got.State)
		}
		if got := w.signup(next.ID); got.State != programs.Confirmed {
			t.Errorf("the next in line is %s: one bad head stopped the list", got.State)
		}
		if got := w.verbs(string(head.ID)); !slices.Contains(got, "signup.passed waitlisted>waitlisted") {
			t.Errorf("the pass is not journaled: %q", got)
		}
		w.sound()
	})
}

func TestW5_OfferedLateAcceptedOrLapsed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 4)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0] // 11:30 UTC
		first := w.join(0, s)
		a, b := w.join(1, s), w.join(2, s)
		w.clock.Set(s.StartsAt.Add(-3 * time.Hour))
		w.leave(first)
		offered := w.signup(a.ID)
		if want := s.StartsAt.Add(-2 * time.Hour); offered.State != programs.Offered || offered.OfferExpiresAt != want {
			t.Fatalf("%s until %s, want offered until %s", offered.State, offered.OfferExpiresAt, want)
		}
		if w.join(3, s).State != programs.Waitlisted {
			t.Error("a newcomer took an offered seat")
		}
		// An offer dies by time, not by the loop.
		w.clock.Set(offered.OfferExpiresAt)
		refused(w, programs.Closed, func(tx *store.Tx) (programs.Signup, error) { return tx.Accept(as(w.people[1]), a.ID) })
		if n, err := store.Lapse(w.ctx, w.s); n != 1 || err != nil {
			t.Fatalf("%d lapsed: %v", n, err)
		}
		if n, err := store.Lapse(w.ctx, w.s); n != 0 || err != nil {
			t.Fatalf("%d lapsed the second time: %v", n, err)
		}
		if got := w.signup(a.ID).State; got != programs.Lapsed {
			t.Errorf("the offer is %s", got)
		}
		next := w.signup(b.ID)
		if next.State != programs.Offered {
			t.Fatalf("the next in line is %s", next.State)
		}
		w.clock.Set(next.OfferExpiresAt - 1)
		taken := do(w, func(tx *store.Tx) (programs.Signup, error) { return tx.Accept(as(w.people[2]), b.ID) })
		if taken.State != programs.Confirmed || taken.ConfirmedAt != next.OfferExpiresAt-1 {
			t.Errorf("accepted: %s", taken.State)
		}
		w.sound()
	})
}

func TestW5_FirstClickShortlyBeforeStart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 3)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		first := w.join(0, s)
		waiting := w.join(1, s)
		w.clock.Set(s.StartsAt.Add(-20 * time.Minute))
		w.leave(first)
		if got := w.signup(waiting.ID).State; got != programs.Waitlisted {
			t.Fatalf("%s: an offer of five minutes is none", got)
		}
		if got := w.verbs(string(s.ID)); !slices.Contains(got, "session.seat_free >") {
			t.Errorf("those who wait are not told: %q", got)
		}
		if got := w.join(2, s).State; got != programs.Confirmed {
			t.Errorf("the first click is %s", got)
		}
		refused(w, programs.Closed, func(tx *store.Tx) (programs.Signup, error) { return tx.Accept(as(w.people[1]), waiting.ID) })
		w.sound()
	})
}

func TestW10_ClosedAtStart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 3)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		seat, waiting := w.join(0, s), w.join(1, s)
		w.clock.Set(s.StartsAt)
		refused(w, programs.Closed, func(tx *store.Tx) (programs.Signup, error) {
			u, _, _, err := tx.SignUp(as(w.people[2]), store.Joiner{Session: s.ID})
			return u, err
		})
		refused(w, programs.Closed, func(tx *store.Tx) (programs.Signup, error) { return tx.Cancel(as(w.people[0]), seat.ID) })
		for range 2 {
			if _, err := store.CloseLists(w.ctx, w.s); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.signup(waiting.ID).State; got != programs.ClosedList {
			t.Errorf("the list is %s", got)
		}
		w.clock.Set(s.EndsAt)
		for range 2 {
			if _, err := store.Complete(w.ctx, w.s); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.session(s.ID); got.Status != programs.Completed || got.Waiting != 0 {
			t.Errorf("%s with %d waiting", got.Status, got.Waiting)
		}
		if got := w.verbs(string(waiting.ID)); len(got) != 2 {
			t.Errorf("told more than once: %q", got)
		}
		w.sound()
	})
}

func TestW11_CancelledSessionEndsEverySignup(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 3)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		seat, waiting := w.join(0, s), w.join(1, s)
		refused(w, programs.Invalid, func(tx *store.Tx) (programs.Session, error) { return tx.CallOff(w.coordinator, s.ID, " ") })
		refused(w, programs.Forbidden, func(tx *store.Tx) (programs.Session, error) { return tx.CallOff(as(w.people[0]), s.ID, "No") })
		var change programs.ChangeID
		off := do(w, func(tx *store.Tx) (programs.Session, error) {
			s, err := tx.CallOff(w.coordinator, s.ID, "The teacher is ill")
			change = tx.Change()
			return s, err
		})
		if off.Status != programs.Cancelled || off.Sequence != s.Sequence+1 || off.Taken != 0 || off.Waiting != 0 || off.LastModified <= s.LastModified {
			t.Errorf("after: %+v", off)
		}
		for _, u := range []programs.Signup{seat, waiting} {
			if got := w.signup(u.ID); got.State != programs.CancelledSeat || got.EndReason != programs.EndedSession || got.Late {
				t.Errorf("%s ended as %s, %s", u.State, got.State, got.EndReason)
			}
		}
		again := do(w, func(tx *store.Tx) (programs.Session, error) { return tx.CallOff(w.coordinator, s.ID, "Again") })
		if again.Sequence != off.Sequence || again.CancelReason != "The teacher is ill" {
			t.Errorf("cancelling again changed it: %+v", again)
		}
		held := look(w, func(v *store.View) (programs.Change, error) { return v.ChangeOf(change) })
		if held.HoldUntil != noon.Add(programs.Hold) || held.Reason != "The teacher is ill" {
			t.Errorf("the change is held until %s for %q", held.HoldUntil, held.Reason)
		}
		refused(w, programs.Closed, func(tx *store.Tx) (programs.Signup, error) {
			u, _, _, err := tx.SignUp(as(w.people[2]), store.Joiner{Session: s.ID})
			return u, err
		})
		w.sound()
	})
}

func TestW13_LeavingLateIsFlagged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t), 2)
	s := w.schedule("2027-03-16T12:30", "", nil)[0]
	early, late := w.join(0, s), w.join(1, s)
	w.clock.Set(s.StartsAt.Add(-12 * time.Hour))
	if w.leave(early).Late {
		t.Error("leaving at the cutoff is late")
	}
	w.clock.Add(time.Millisecond)
	if !w.leave(late).Late {
		t.Error("leaving after the cutoff is not late")
	}
}

func TestW9_CapacityBelowSeatsHeldIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 4)
		s := w.schedule("2027-03-16T12:30", "", capacity(2))[0]
		w.join(0, s)
		w.join(1, s)
		a := w.join(2, s)
		b := w.join(3, s)
		refused(w, programs.Conflict, func(tx *store.Tx) (programs.Session, error) {
			return tx.EditSession(w.coordinator, s.ID, 0, func(d *programs.Details) { d.Capacity = capacity(1) })
		})
		up := do(w, func(tx *store.Tx) (programs.Session, error) {
			return tx.EditSession(w.coordinator, s.ID, s.Version, func(d *programs.Details) { d.Capacity = nil })
		})
		if up.Confirmed() != 4 || up.Waiting != 0 || up.Sequence != s.Sequence {
			t.Errorf("without a limit: %d confirmed, %d waiting, sequence %d", up.Confirmed(), up.Waiting, up.Sequence)
		}
		for _, u := range []programs.Signup{a, b} {
			entries := w.verbs(string(u.ID))
			if !slices.Contains(entries, "signup.promoted waitlisted>confirmed") {
				t.Errorf("not promoted: %q", entries)
			}
		}
		refused(w, programs.Stale, func(tx *store.Tx) (programs.Session, error) {
			return tx.EditSession(w.coordinator, s.ID, s.Version, func(d *programs.Details) { d.Title = "Other" })
		})
		w.sound()
	})
}

func TestSignup_Sixty4AtOnceForTenPlaces(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 64)
		s := w.schedule("2027-03-16T12:30", "", capacity(10))[0]
		var group sync.WaitGroup
		errs := make([]error, 64)
		for i := range 64 {
			group.Go(func() {
				_, errs[i] = store.Write(w.ctx, w.s, func(tx *store.Tx) (programs.Signup, error) {
					u, _, _, err := tx.SignUp(as(w.people[i]), store.Joiner{Session: s.ID})
					return u, err
				})
			})
		}
		group.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		roster := look(w, func(v *store.View) ([]programs.Signup, error) { return v.Roster(w.coordinator, s.ID) })
		confirmed, positions := 0, map[int]bool{}
		for _, u := range roster {
			if u.State == programs.Confirmed {
				confirmed++
			} else {
				positions[u.Position] = true
			}
		}
		if confirmed != 10 || len(positions) != 54 || !positions[1] || !positions[54] {
			t.Errorf("%d confirmed, %d places in line", confirmed, len(positions))
		}
		w.sound()
	})
}

func TestK2_AgeOnTheSessionsDate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		do(w, func(tx *store.Tx) (programs.Program, error) {
			return tx.EditProgram(w.coordinator, "yoga", 0, func(p *programs.Program) {
				p.Kind, p.Participants, p.MinAge, p.MaxAge = programs.Childcare, programs.Either, capacity(4), capacity(8)
			})
		})
		s := w.schedule("2027-03-16T15:00", "", capacity(5))[0]
		child := func(birth string) programs.Dependent {
			d, err := programs.ParseDate(birth)
			if err != nil {
				t.Fatal(err)
			}
			return do(w, func(tx *store.Tx) (programs.Dependent, error) {
				return tx.AddDependent(as(w.people[0]), w.people[0].ID, programs.Dependent{GivenName: "Mia", BirthDate: d}, "mother")
			})
		}
		book := func(d programs.Dependent) func(tx *store.Tx) (programs.Signup, error) {
			return func(tx *store.Tx) (programs.Signup, error) {
				u, _, _, err := tx.SignUp(as(w.people[0]), store.Joiner{Session: s.ID, Dependent: d.ID})
				return u, err
			}
		}
		for _, birth := range []string{"2020-06-01", "2023-03-16", "2018-03-17"} { // six, four that day, still eight
			if got := do(w, book(child(birth))); got.State != programs.Confirmed || got.Person != w.people[0].ID {
				t.Errorf("born %s: %s", birth, got.State)
			}
		}
		nine := refused(w, programs.Conflict, book(child("2018-03-16")))
		if want := "ages 4 to 8"; !strings.Contains(nine.Error(), want) || !strings.Contains(nine.Error(), "2027-03-16") || strings.Contains(nine.Error(), "Mia") {
			t.Errorf("the reason is %q", nine.Error())
		}
		if young := refused(w, programs.Conflict, book(child("2023-03-17"))); !strings.Contains(young.Error(), "2027-03-17") {
			t.Errorf("the reason is %q", young.Error())
		}
		// Somebody else's child is no child of theirs, whoever asks.
		mine := child("2020-01-01")
		refused(w, programs.NotFound, func(tx *store.Tx) (programs.Signup, error) {
			u, _, _, err := tx.SignUp(as(w.people[1]), store.Joiner{Session: s.ID, Dependent: mine.ID})
			return u, err
		})
		refused(w, programs.Forbidden, func(tx *store.Tx) (programs.Signup, error) {
			u, _, _, err := tx.SignUp(as(w.people[1]), store.Joiner{Session: s.ID, Person: w.people[0].ID, Dependent: mine.ID})
			return u, err
		})
		w.sound()
	})
}

func TestSignup_OverlapWarnsOrBlocks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 1)
		first := w.schedule("2027-03-16T12:30", "", nil)[0]
		crossing := w.schedule("2027-03-16T13:00", "", nil, func(s *programs.Series) { s.Title = "Pilates" })[0]
		next := w.schedule("2027-03-16T13:15", "", nil)[0]
		join := func(s programs.Session) ([]string, error) {
			return store.Write(w.ctx, w.s, func(tx *store.Tx) ([]string, error) {
				_, _, warnings, err := tx.SignUp(as(w.people[0]), store.Joiner{Session: s.ID})
				return warnings, err
			})
		}
		for _, c := range []struct {
			session  programs.Session
			warnings int
		}{{first, 0}, {next, 0}, {crossing, 2}} { // back to back is no overlap (T6)
			warnings, err := join(c.session)
			if err != nil || len(warnings) != c.warnings {
				t.Errorf("%s: %q, %v", c.session.LocalStart, warnings, err)
			}
		}
		do(w, func(tx *store.Tx) (programs.Program, error) {
			return tx.EditProgram(w.coordinator, "yoga", 0, func(p *programs.Program) { p.Overlap = programs.BlockOverlap })
		})
		blocked := w.schedule("2027-03-16T12:45", "", nil)[0]
		if _, err := join(blocked); !errors.Is(err, programs.Conflict) {
			t.Errorf("blocked: %v", err)
		}
	})
}

func TestLeaver_LosesSeatsAndFeedsAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		seat, waiting := w.join(0, s), w.join(1, s)
		hash := hashOf("a token")
		do(w, func(tx *store.Tx) (programs.Feed, error) {
			return tx.AddFeed(as(w.people[0]), programs.Feed{Scope: programs.Mine}, hash)
		})
		if f, ok := w.s.Feed(hash); !ok || f.RevokedAt != 0 {
			t.Fatalf("the feed is there: %t, revoked %s", ok, f.RevokedAt)
		}
		do(w, func(tx *store.Tx) (programs.Person, error) {
			return tx.EditPerson(w.admin, w.people[0].ID, 0, func(p *programs.Person) { p.Status = programs.Left })
		})
		if got := w.signup(seat.ID); got.State != programs.CancelledSeat || got.EndReason != programs.EndedLeft {
			t.Errorf("the leaver's seat is %s, %s", got.State, got.EndReason)
		}
		if got := w.signup(waiting.ID).State; got != programs.Confirmed {
			t.Errorf("the next in line is %s", got)
		}
		if f, _ := w.s.Feed(hash); f.RevokedAt == 0 {
			t.Error("the leaver's feed still answers")
		}
		if _, err := store.Read(w.ctx, w.s, func(v *store.View) (programs.Actor, error) { return v.Actor(w.people[0].ID) }); !errors.Is(err, programs.NotFound) {
			t.Errorf("the leaver may still act: %v", err)
		}
		w.sound()
	})
}
