package notify

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// invite looks for invitations that are due, twice: the second look must find none.
func (w *world) invite() int {
	w.Helper()
	n, err := Invite(context.Background(), w.store, w.set)
	if err != nil {
		w.Fatal(err)
	}
	again, err := Invite(context.Background(), w.store, w.set)
	if err != nil || again != 0 {
		w.Fatalf("inviting again made %d messages, %v", again, err)
	}
	return n
}

func TestL5_DatesEnterTheCalendarTwoWeeksAhead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w, list, _ := enrolledStory(t, database)
		w.told()
		before := len(w.ledger())
		if n := w.invite(); n != 0 {
			t.Errorf("%d invitations beside those that followed the mail", n)
		}
		w.clock.Set(list[3].StartsAt.Add(-inviteAhead - time.Millisecond))
		if n := w.invite(); n != 0 {
			t.Errorf("%d invitations a moment before the fourteen days", n)
		}
		w.clock.Add(time.Millisecond)
		if n := w.invite(); n != 1 {
			t.Errorf("%d invitations when the fourth date enters the fourteen days; the third is full", n)
		}
		w.send()
		all := w.ledger()
		if len(all) != before+1 {
			t.Fatalf("%q", w.parts())
		}
		m := all[before]
		if want := "confirmed:" + string(w.seat("zoe", list[3]).ID) + ":calendar"; m.Key != want || m.Event != Confirmed || m.NotAfter != list[3].StartsAt {
			t.Errorf("row %+v, want the key %s", m, want)
		}
		raw := w.raw(m.ID)
		p := notifytest.Parse(t, raw)
		if p.Method != request || p.Header.Get("X-Wellweek-Part") != "calendar" || p.Header.Get("X-Wellweek-Event") != Confirmed || notifytest.Property(p.Calendar, "SEQUENCE") != "0" ||
			!strings.Contains(p.Calendar, "PARTSTAT=ACCEPTED") || notifytest.Property(p.Calendar, "UID") != list[3].UID {
			t.Errorf("%v\n%s", p.Header, p.Calendar)
		}
		golden(t, "confirmed-calendar-zoe", raw)
		lint(t, notifytest.Mail{From: "x", To: []string{m.Address}, Raw: raw}, w)
		// It replaces no reminder.
		w.clock.Set(list[3].StartsAt.Add(-24 * time.Hour))
		w.remind()
		w.send()
		w.mail(Reminder, "zoe")
		w.sound()
	})
}

func TestL5_NeverTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(6, capacity(1))
	// zoe is promoted on the fifth date, which brings its own invitation; the sixth she had joined on her own.
	first := w.join("wim", list[4])
	w.join("zoe", list[5])
	w.told()
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.told()
	w.leave(w.actor("wim"), first)
	w.told()
	for _, s := range list {
		w.clock.Set(max(w.clock.Now(), s.StartsAt.Add(-inviteAhead)))
		w.invite()
		w.send()
	}
	requests := map[string]int{}
	for _, m := range w.ledger() {
		if p := notifytest.Parse(t, orEmpty(w.raw(m.ID))); m.Person == w.people["zoe"].ID && p.Method == request {
			requests[notifytest.Property(p.Calendar, "UID")]++
		}
	}
	for _, s := range list {
		if requests[s.UID] != 1 {
			t.Errorf("the session of %s has %d invitations", s.Slot, requests[s.UID])
		}
	}
	w.sound()
}

func TestL5_OneInvitationForTwoChildren(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	w.enroll(w.actor("zoe"), "zoe", list[0], w.child("zoe", "Timcanary"))
	w.enroll(w.actor("zoe"), "zoe", list[0], w.child("zoe", "Anacanary"))
	w.told()
	w.wantParts("enrolled zoe 11-26 sent", "enrolled zoe 11-26 sent", "confirmed zoe 11-26 calendar sent", "confirmed zoe 12-03 calendar sent")
	if p := w.mail(Enrolled, "zoe"); !strings.Contains(p.Text, "Your child is enrolled in Lunchtime yoga") || !strings.Contains(flat(p.Text), "(Your child: going; Another child of yours: going)") {
		t.Errorf("for a child:\n%s", p.Text)
	}
	for _, m := range w.ledger() {
		if strings.Contains(string(w.raw(m.ID)), "canary") {
			t.Errorf("a child's name in the %s mail", m.Event)
		}
	}
	w.sound()
}

func TestL5_ACoordinatorsEnrollmentAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	w.enroll(w.boss, "zoe", list[0], "")
	w.told()
	if p := w.mail(Confirmed, "zoe"); !strings.Contains(p.Calendar, "PARTSTAT=NEEDS-ACTION") {
		t.Errorf("enrolled by a coordinator:\n%s", p.Calendar)
	}
}

// TestInvite_EndedRowsStayEnded: who was suspended when it was due, and people who are not enrolled, get no invitation on the quiet.
func TestInvite_EndedRowsStayEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.join("wim", list[0])
	status := func(s programs.PersonStatus) {
		for _, name := range []string{"zoe", "wim"} {
			do(w, func(tx *store.Tx) (programs.Person, error) {
				return tx.EditPerson(programs.System(), w.people[name].ID, 0, func(p *programs.Person) { p.Status = s })
			})
		}
	}
	w.plan()
	status(programs.Suspended)
	w.send()
	if n := w.invite(); n != 0 {
		t.Errorf("%d invitations to people who are suspended", n)
	}
	status(programs.Active)
	if due := look(w, func(v *store.View) ([]bare, error) { return invitesDue(v, nil) }); len(due) != 0 {
		t.Errorf("due are %+v; %q", due, w.parts())
	}
}

// TestL5_AMovedDateThatIsInNoCalendarYet: the move brings the invitation, and does not speak of a waiting list.
func TestL5_AMovedDateThatIsInNoCalendarYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.told()
	w.edit(list[3], func(d *programs.Details) { d.LocalStart = wall(t, "2026-12-17T15:00") })
	w.told()
	p := w.mail(Moved, "zoe")
	if p.Method != request || !strings.Contains(p.Text, "Your place stays yours.") || p.Header.Get("X-Wellweek-Part") != "" {
		t.Errorf("moved, %q:\n%s", p.Method, p.Text)
	}
	w.clock.Set(list[3].StartsAt.Add(-inviteAhead))
	if n := w.invite(); n != 1 { // the third date alone
		t.Errorf("%d invitations: %q", n, w.parts())
	}
}

// TestInvite_AfterAMoveThatCameToNothing: the invitation that a move overtook is due again when the move is not told after all.
func TestInvite_AfterAMoveThatCameToNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(2, nil)
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.told()
	w.clock.Add(time.Minute)
	later := w.weekly(4, func(s *programs.Series) { s.Title = "Choir" })
	w.enroll(w.actor("zoe"), "zoe", later[0], "")
	w.told()
	w.clock.Set(later[2].StartsAt.Add(-inviteAhead))
	w.invite() // and the relay is down
	w.edit(later[2], func(d *programs.Details) { d.LocalStart = wall(t, "2026-12-10T15:00") })
	w.clock.Add(programs.Hold)
	w.plan()
	if got := w.parts(); !slices.Contains(got, "confirmed zoe 12-10 calendar superseded") || !slices.Contains(got, "moved zoe 12-10 queued") {
		t.Fatalf("%q", got)
	}
	w.edit(later[2], func(d *programs.Details) { d.LocalStart = wall(t, "2026-12-10T12:30") })
	w.told()
	if n := w.invite(); n != 1 {
		t.Errorf("%d invitations after the move came to nothing: %q", n, w.parts())
	}
	w.send()
	if got := w.parts(); !slices.Contains(got, "confirmed zoe 12-10 calendar sent") {
		t.Errorf("%q", got)
	}
	w.sound()
}
