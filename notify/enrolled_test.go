package notify

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// weekly schedules n Thursdays at 12:30, the first a week ahead, and returns them by start.
func (w *world) weekly(n int, edit func(*programs.Series)) []programs.Session {
	w.Helper()
	w.clock.Set(max(w.clock.Now(), instant("2026-11-19T12:00:00Z"))) // after the hour of the dates, so that two of them are within 14 days
	s := w.session(func(s *programs.Series) {
		s.RRule = fmt.Sprintf("FREQ=WEEKLY;COUNT=%d", n)
		if edit != nil {
			edit(s)
		}
	})
	return w.dates(s.SeriesID)
}

func (w *world) dates(id programs.SeriesID) []programs.Session {
	w.Helper()
	return look(w, func(v *store.View) (all []programs.Session, err error) {
		for page := (store.Page{Limit: 200}); ; {
			list, next, err := v.Sessions(programs.System(), store.SessionFilter{Series: id, Page: page})
			if all = append(all, list...); err != nil || next == "" {
				return all, err
			}
			page.Cursor = next
		}
	})
}

func (w *world) enroll(a programs.Actor, name string, s programs.Session, child programs.DependentID) store.Enrolling {
	w.Helper()
	person := w.person(name).ID
	return do(w, func(tx *store.Tx) (store.Enrolling, error) {
		e, _, err := tx.Enroll(a, s.SeriesID, store.Joiner{Person: person, Dependent: child})
		return e, err
	})
}

func (w *world) skip(name string, e store.Enrolling, dates ...programs.Session) {
	w.Helper()
	var ids []programs.SessionID
	for _, s := range dates {
		ids = append(ids, s.ID)
	}
	do(w, func(tx *store.Tx) (store.Enrolling, error) { return tx.Skip(w.actor(name), e.Enrollment.ID, ids) })
}

// flat is a text without its line ends and columns.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// parts is the ledger in short, with the session's date and the part: event person date part state.
func (w *world) parts() []string {
	w.Helper()
	names := map[programs.PersonID]string{}
	for name, p := range w.people {
		names[p.ID] = name
	}
	var out []string
	for _, m := range w.ledger() {
		s := look(w, func(v *store.View) (programs.Session, error) { return v.Session(programs.System(), m.Session) })
		out = append(out, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %s", m.Event, names[m.Person], s.Slot[5:10], m.Part, m.State)), " "))
	}
	return out
}

func (w *world) wantParts(want ...string) {
	w.Helper()
	got := w.parts()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.Errorf("ledger:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// enrolledStory: the first of twelve dates is a week ahead, so two are inside 14 days; dates 3 and 7 are full.
func enrolledStory(t *testing.T, database string) (*world, []programs.Session, store.Enrolling) {
	w := newWorld(t, database)
	list := w.weekly(12, capacity(1))
	w.join("wim", list[2])
	w.join("wim", list[6])
	w.told()
	w.clock.Add(time.Minute)
	e := w.enroll(w.actor("zoe"), "zoe", list[0], "")
	return w, list, e
}

func TestN1_OneMailTellsAllDates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w, _, _ := enrolledStory(t, database)
		if n := w.plan(); n != 3 {
			t.Errorf("%d messages, want the enrolled mail and two invitations", n)
		}
		w.send()
		w.wantParts("confirmed wim 12-10 sent", "confirmed wim 01-07 sent", "enrolled zoe 11-26 sent", "confirmed zoe 11-26 calendar sent", "confirmed zoe 12-03 calendar sent")
		p := w.mail(Enrolled, "zoe")
		golden(t, "enrolled-zoe", w.raw(w.newest(Enrolled, "zoe", "").ID))
		lint(t, notifytest.Mail{From: "x", To: []string{"zoe@example.com"}, Raw: w.raw(w.newest(Enrolled, "zoe", "").ID)}, w)
		if p.Calendar != "" || p.Header.Get("X-Wellweek-Part") != "" {
			t.Errorf("the mail has the part %q and a calendar of %d bytes", p.Header.Get("X-Wellweek-Part"), len(p.Calendar))
		}
		if n := strings.Count(p.Text, "Berlin time (CET)"); n != 12 {
			t.Errorf("%d dates are told:\n%s", n, p.Text)
		}
		for _, line := range []string{"Going Thu 26 Nov, 12:30–13:15", "Waiting Thu 10 Dec, 12:30–13:15, Berlin time (CET); number 1", "2 dates are full", "enrolled in Lunchtime yoga on 12 dates"} {
			if !strings.Contains(flat(p.Text), line) {
				t.Errorf("no %q in\n%s", line, p.Text)
			}
		}
		w.sound()
	})
}

func TestN1_LeftOutDatesAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	other := w.session(func(s *programs.Series) { s.LocalStart, s.Title = wall(t, "2026-12-03T12:45"), "Choir" })
	w.join("zoe", other)
	do(w, func(tx *store.Tx) (programs.Program, error) {
		return tx.EditProgram(programs.System(), string(w.program.ID), 0, func(p *programs.Program) { p.Overlap = programs.BlockOverlap })
	})
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.told()
	p := w.mail(Enrolled, "zoe")
	if !strings.Contains(flat(p.Text), "Left out Thu 3 Dec") || !strings.Contains(p.Text, "One date could not be joined.") || !strings.Contains(p.Text, "on 3 dates") {
		t.Errorf("left out:\n%s", p.Text)
	}
}

// seat is somebody's newest sign-up in a session.
func (w *world) seat(name string, s programs.Session) programs.Signup {
	w.Helper()
	all := look(w, func(v *store.View) ([]programs.Signup, error) { return v.Roster(programs.System(), s.ID) })
	for _, u := range slices.Backward(all) {
		if u.Person == w.people[name].ID {
			return u
		}
	}
	w.Fatalf("%s has no sign-up", name)
	return programs.Signup{}
}

// TestN2_SkipsAreToldWhereACalendarHasThem: a skipped or ended date is mailed only if its invitation went out.
func TestN2_SkipsAreToldWhereACalendarHasThem(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w, list, e := enrolledStory(t, database)
		w.told()
		before := len(w.ledger())
		w.clock.Add(time.Minute)
		w.skip("zoe", e, list[0], list[2], list[4]) // in the calendar, waiting, not yet in the calendar
		w.told()
		if got := w.parts()[before:]; !slices.Equal(got, []string{"left zoe 11-26 sent"}) {
			t.Errorf("skipped: %q", got)
		}
		p := w.mail(Left, "zoe")
		if p.Method != cancel || notifytest.Property(p.Calendar, "SEQUENCE") != "1" || !strings.Contains(p.Text, "This date is skipped") {
			t.Errorf("skipped, %s:\n%s", p.Method, p.Text)
		}
		// Taken back: one mail lists what is back, and the one inside 14 days comes into the calendar again.
		w.clock.Add(time.Minute)
		w.skip("zoe", e, list[2])
		w.told()
		if got := w.parts()[before+1:]; !slices.Equal(got, []string{"enrolled zoe 11-26 sent", "confirmed zoe 11-26 calendar sent"}) {
			t.Errorf("taken back: %q", got)
		}
		if p := w.mail(Enrolled, "zoe"); strings.Count(p.Text, "Berlin time") != 2 || !strings.Contains(p.Text, "2 dates are no longer skipped") {
			t.Errorf("taken back:\n%s", p.Text)
		}
		if p := w.mail(Confirmed, "zoe"); notifytest.Property(p.Calendar, "SEQUENCE") != "2" {
			t.Errorf("joined again:\n%s", p.Calendar)
		}
		w.clock.Add(time.Minute)
		do(w, func(tx *store.Tx) (int, error) { return 0, tx.EndEnrollment(w.actor("zoe"), e.Enrollment.ID) })
		w.told()
		got := w.parts()[before+3:]
		slices.Sort(got)
		if !slices.Equal(got, []string{"left zoe 11-26 sent", "left zoe 12-03 sent"}) {
			t.Errorf("ended: %q", got)
		}
		if p := w.mail(Left, "zoe"); p.Method != cancel || !strings.Contains(p.Text, "The enrollment has ended") {
			t.Errorf("ended:\n%s", p.Text)
		}
		w.sound()
	})
}

// TestN2_SkippedBeforeTheInvitationWasSent: nobody is told of the end of what they never heard of.
func TestN2_SkippedBeforeTheInvitationWasSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	e := w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.plan() // and not sent
	w.clock.Add(time.Minute)
	w.skip("zoe", e, list[0])
	w.told()
	w.wantParts("enrolled zoe 11-26 sent", "confirmed zoe 11-26 calendar superseded", "confirmed zoe 12-03 calendar sent", "left zoe 11-26 sent")
	if p := w.mail(Left, "zoe"); p.Calendar != "" {
		t.Error("a CANCEL for an invitation that never went out")
	}
	if p := w.mail(Enrolled, "zoe"); strings.Count(p.Text, "Berlin time") != 3 {
		t.Errorf("a skipped date is still told:\n%s", p.Text)
	}
}

// TestN2_SkippedBeforeAnythingWasPlanned: the mail tells what is so by then, and a skipped date is not one that was left out.
func TestN2_SkippedBeforeAnythingWasPlanned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	e := w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.skip("zoe", e, list[1], list[3])
	w.told()
	p := w.mail(Enrolled, "zoe")
	if strings.Count(p.Text, "Berlin time") != 2 || strings.Contains(p.Text, "Left out") {
		t.Errorf("two of four:\n%s", p.Text)
	}
	// All in one instant: what is joined again is told by its place in the journal.
	w.skip("zoe", e, list[1])
	w.plan()
	w.skip("zoe", e, list[3])
	w.skip("zoe", e)
	w.told()
	if p := w.mail(Enrolled, "zoe"); !strings.Contains(flat(p.Text), "Going Thu 17 Dec, 12:30–13:15, Berlin time (CET) Where") || !strings.Contains(p.Text, "one date is no longer skipped") {
		t.Errorf("one is back:\n%s", p.Text)
	}
	w.sound()
}

// TestEnrolled_ThatCameToNothing: what was left out is no mail of its own.
func TestEnrolled_ThatCameToNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	w.join("zoe", w.session(func(s *programs.Series) { s.LocalStart, s.Title = wall(t, "2026-12-03T12:45"), "Choir" }))
	w.told()
	do(w, func(tx *store.Tx) (programs.Program, error) {
		return tx.EditProgram(programs.System(), string(w.program.ID), 0, func(p *programs.Program) { p.Overlap = programs.BlockOverlap })
	})
	e := w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.plan() // and the relay is down
	n := len(w.ledger())
	do(w, func(tx *store.Tx) (int, error) { return 0, tx.EndEnrollment(w.actor("zoe"), e.Enrollment.ID) })
	w.told()
	if got := w.parts(); !slices.Contains(got, "enrolled zoe 11-26 superseded") || len(got) != n+1 || got[n] != "left zoe 11-26 sent" {
		t.Errorf("%q", got)
	}
}

// TestEnrolled_IsWrittenAnew: a list that was refused for now says what is true when it is tried again, and loses no other line.
func TestEnrolled_IsWrittenAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.relay(notifytest.Options{})
	list := w.weekly(4, nil)
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.plan()
	w.sink.Break(notifytest.Fault{At: notifytest.Dot, Reply: "451 4.3.0 later"})
	w.send()
	w.sink.Heal()
	w.callOff(list[3], "Ill")
	w.clock.Add(programs.Hold)
	w.plan()
	w.send()
	p := w.mail(Enrolled, "zoe")
	if strings.Count(p.Text, "Berlin time") != 3 {
		t.Errorf("the cancelled date is still told:\n%s", p.Text)
	}
	w.mail(Cancelled, "zoe")
	w.sound()
}
