package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func (w *world) enroll(i int, s programs.SeriesID) store.Enrolling {
	w.t.Helper()
	return do(w, func(tx *store.Tx) (store.Enrolling, error) {
		e, _, err := tx.Enroll(as(w.people[i]), s, store.Joiner{})
		return e, err
	})
}

// states are a person's sign-ups in a series by slot: "2027-03-02 confirmed enrollment".
func (w *world) states(i int, series programs.SeriesID) (out []string) {
	w.t.Helper()
	all := look(w, func(v *store.View) ([]programs.Signup, error) {
		list, _, err := v.SignupsOf(w.people[i].ID, store.Page{Limit: 200})
		return list, err
	})
	for _, u := range all {
		if s := w.session(u.SessionID); s.SeriesID == series {
			out = append(out, s.Slot+" "+string(u.State)+" "+string(u.Source)+" "+string(u.EndReason))
		}
	}
	slices.Sort(out)
	return out
}

func TestN1_EnrollingFansOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 3)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=5", capacity(2))
		series := list[0].SeriesID
		w.join(1, list[1])
		w.join(2, list[1]) // full
		single := w.join(0, list[3])
		done := w.enroll(0, series)
		if len(done.Signups) != 5 || len(done.LeftOut) != 0 {
			t.Fatalf("%d sign-ups, %d left out", len(done.Signups), len(done.LeftOut))
		}
		want := []string{
			"2027-03-02 confirmed enrollment ", "2027-03-09 waitlisted enrollment ", "2027-03-16 confirmed enrollment ",
			"2027-03-23 confirmed self ", "2027-03-30 confirmed enrollment ", // N6: the seat there was is adopted
		}
		if got := w.states(0, series); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if done.Signups[1].Position != 1 {
			t.Errorf("position %d", done.Signups[1].Position)
		}
		again := w.enroll(0, series)
		if again.Enrollment.ID != done.Enrollment.ID || len(again.Signups) != 5 {
			t.Errorf("enrolling twice: %+v", again)
		}
		// N5: ending ends what it made, not what was joined one by one.
		for range 2 {
			do(w, func(tx *store.Tx) (int, error) { return 0, tx.EndEnrollment(as(w.people[0]), done.Enrollment.ID) })
		}
		if got := w.signup(single.ID).State; got != programs.Confirmed {
			t.Errorf("the single sign-up is %s", got)
		}
		for _, s := range w.states(0, series) {
			if s[11:] != "cancelled enrollment enrollment" && s != "2027-03-23 confirmed self " {
				t.Errorf("after the end: %s", s)
			}
		}
		refused(w, programs.NotFound, func(tx *store.Tx) (int, error) { return 0, tx.EndEnrollment(as(w.people[1]), done.Enrollment.ID) })
		w.sound()
	})
}

func TestN2_N3_SkippedDatesGoToTheList(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=4", capacity(1))
		series := list[0].SeriesID
		done := w.enroll(0, series)
		waiting := w.join(1, list[1])
		skip := func(ids ...programs.SessionID) store.Enrolling {
			return do(w, func(tx *store.Tx) (store.Enrolling, error) { return tx.Skip(as(w.people[0]), done.Enrollment.ID, ids) })
		}
		if got := skip(list[1].ID, list[2].ID); len(got.Signups) != 2 || len(got.Enrollment.Skips) != 2 {
			t.Errorf("after skipping two: %+v", got)
		}
		if got := w.signup(waiting.ID).State; got != programs.Confirmed {
			t.Errorf("the next in line is %s", got)
		}
		skip(list[1].ID, list[2].ID) // the same set again
		w.clock.Add(time.Minute)
		if got := skip(list[1].ID); len(got.Signups) != 3 { // 16 March is taken back
			t.Errorf("taken back: %+v", got.Signups)
		}
		skip() // so is 9 March, which is full by now
		want := []string{
			"2027-03-02 confirmed enrollment ", "2027-03-09 cancelled enrollment skip", "2027-03-09 waitlisted enrollment ",
			"2027-03-16 cancelled enrollment skip", "2027-03-16 confirmed enrollment ", "2027-03-23 confirmed enrollment ",
		}
		if got := w.states(0, series); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		// N3: cancelling one date is skipping it, and it is remembered when the date is called off and put back on.
		last := done.Signups[3]
		w.leave(last)
		do(w, func(tx *store.Tx) (programs.Session, error) { return tx.CallOff(w.coordinator, list[3].ID, "Ill") })
		do(w, func(tx *store.Tx) (programs.Session, error) { return tx.PutBackOn(w.coordinator, list[3].ID) })
		if got := w.states(0, series); !slices.Contains(got, "2027-03-23 cancelled enrollment self") || slices.Contains(got, "2027-03-23 confirmed enrollment ") {
			t.Errorf("a cancelled date was joined again: %q", got)
		}
		other := w.schedule("2027-03-05T12:30", "", nil)[0]
		refused(w, programs.Invalid, func(tx *store.Tx) (store.Enrolling, error) {
			return tx.Skip(as(w.people[0]), done.Enrollment.ID, []programs.SessionID{other.ID})
		})
		w.sound()
	})
}

func TestW17_NewDatesAreJoinedInTheOrderOfEnrolling(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 3)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY", capacity(1))
		series := list[0].SeriesID
		w.enroll(1, series)
		w.clock.Add(time.Second)
		w.enroll(0, series)
		w.clock.Add(7 * 24 * time.Hour)
		if n, err := store.Extend(w.ctx, w.s); n != 1 || err != nil {
			t.Fatalf("%d new dates, %v", n, err)
		}
		if _, err := store.CloseLists(w.ctx, w.s); err != nil {
			t.Fatal(err)
		}
		first, second := w.states(1, series), w.states(0, series)
		if got := first[len(first)-1]; got != "2028-04-11 confirmed enrollment " {
			t.Errorf("who enrolled first has %s", got)
		}
		if got := second[len(second)-1]; got != "2028-04-11 waitlisted enrollment " {
			t.Errorf("who enrolled second has %s", got)
		}
		w.sound()
	})
}

func TestN1_IneligibleDatesAreLeftOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 1)
		do(w, func(tx *store.Tx) (programs.Program, error) {
			return tx.EditProgram(w.coordinator, "yoga", 0, func(p *programs.Program) {
				p.Participants, p.MinAge, p.Overlap = programs.Either, capacity(4), programs.BlockOverlap
			})
		})
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=4", capacity(5))
		child := do(w, func(tx *store.Tx) (programs.Dependent, error) { // four on 12 March
			return tx.AddDependent(as(w.people[0]), w.people[0].ID, programs.Dependent{GivenName: "Mia", BirthDate: programs.DateOf(2023, 3, 12)}, "")
		})
		done := do(w, func(tx *store.Tx) (store.Enrolling, error) {
			e, _, err := tx.Enroll(as(w.people[0]), list[0].SeriesID, store.Joiner{Dependent: child.ID})
			return e, err
		})
		if len(done.Signups) != 2 || len(done.LeftOut) != 2 || done.LeftOut[0].Reason.Error() == "" {
			t.Errorf("%d sign-ups, left out %+v", len(done.Signups), done.LeftOut)
		}
		young := do(w, func(tx *store.Tx) (programs.Dependent, error) {
			return tx.AddDependent(as(w.people[0]), w.people[0].ID, programs.Dependent{GivenName: "Leo", BirthDate: programs.DateOf(2026, 1, 1)}, "")
		})
		refused(w, programs.Conflict, func(tx *store.Tx) (store.Enrolling, error) {
			e, _, err := tx.Enroll(as(w.people[0]), list[0].SeriesID, store.Joiner{Dependent: young.ID})
			return e, err
		})
		w.sound()
	})
}
