package notify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// enrolledZoe has four dates, two of them in her calendar, and everything told.
func enrolledZoe(t *testing.T) (*world, []programs.Session, store.Enrolling) {
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	e := w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.told()
	w.clock.Add(time.Minute)
	return w, list, e
}

func TestLane_Parts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		later, earlier waiting
		needless       bool
		event          string
	}{
		{"a notice swallows nothing", waiting{Event: Moved, Part: notice}, waiting{Event: Confirmed}, false, Moved},
		{"nothing swallows a notice", waiting{Event: Cancelled}, waiting{Event: Moved, Part: notice}, false, Cancelled},
		{"not even another notice", waiting{Event: Moved, Part: notice}, waiting{Event: Moved, Part: notice}, false, Moved},
		{"a calendar update leaves words", waiting{Event: Cancelled, Part: calendarOnly}, waiting{Event: Confirmed}, false, Cancelled},
		{"also those of an invitation", waiting{Event: Moved, Part: calendarOnly}, waiting{Event: Promoted}, false, Moved},
		{"but the words of a move are in the notice", waiting{Event: Moved, Part: calendarOnly}, waiting{Event: Moved}, true, Moved},
		{"one calendar update is enough", waiting{Event: Moved, Part: calendarOnly}, waiting{Event: Moved, Part: calendarOnly}, true, Moved},
		{"a move brings the invitation, and keeps its words", waiting{Event: Moved}, waiting{Event: Confirmed, Part: calendarOnly}, true, Moved},
		{"a cancellation ends the invitation", waiting{Event: Cancelled}, waiting{Event: Confirmed, Part: calendarOnly}, true, Cancelled},
	} {
		needless, event := overtakes(c.later, c.earlier)
		if needless != c.needless || event != c.event {
			t.Errorf("%s: %v %s", c.name, needless, event)
		}
	}
}

// TestV6_TwoNoticesBeforeTheFirstWasSent: the relay is down while a series moves twice; one notice says both.
func TestV6_TwoNoticesBeforeTheFirstWasSent(t *testing.T) {
	t.Parallel()
	w, list, _ := enrolledZoe(t)
	n := len(w.ledger())
	w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-11-26T13:30")})
	w.clock.Add(programs.Hold)
	w.plan()
	w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-11-26T14:30")})
	w.told()
	w.wantSince(n, "moved zoe 11-26 notice sent", "moved zoe 11-26 notice skipped", "moved zoe 12-03 calendar sent", "moved zoe 12-03 calendar superseded")
	for _, m := range w.ledger()[n:] {
		if m.Part == notice && m.State == Sent && strings.Count(notifytest.Parse(t, w.raw(m.ID)).Text, "14:30–15:15 (was 12:30–13:15)") != 4 {
			t.Errorf("the notice:\n%s", notifytest.Parse(t, w.raw(m.ID)).Text)
		}
	}
	w.sound()
}

// TestW14_ACalendarUpdateAfterItsNotice asks again, although the words beside it have been read already.
func TestW14_ACalendarUpdateAfterItsNotice(t *testing.T) {
	t.Parallel()
	w, list, _ := enrolledZoe(t)
	w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-11-26T13:30")})
	w.clock.Add(programs.Hold)
	w.plan()
	if claimed, sent, err := w.mailer.round(w.Context(), 1); claimed != 1 || sent != 1 || err != nil {
		t.Fatalf("%d claimed, %d sent, %v", claimed, sent, err)
	}
	w.notice(Moved, "zoe")
	w.send()
	p := notifytest.Parse(t, w.raw(w.newest(Moved, "zoe", calendarOnly).ID))
	if !strings.Contains(p.Calendar, "PARTSTAT=NEEDS-ACTION") || notifytest.Property(p.Calendar, "SEQUENCE") != "1" {
		t.Errorf("the update:\n%s", p.Calendar)
	}
	w.sound()
}

// TestL3_ANoticeAfterItsCalendarUpdate still has the words about that date.
func TestL3_ANoticeAfterItsCalendarUpdate(t *testing.T) {
	t.Parallel()
	w, list, _ := enrolledZoe(t)
	w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-11-26T13:30")})
	w.clock.Add(programs.Hold)
	w.plan()
	do(w, func(tx *store.Tx) (int64, error) {
		return tx.Exec(`update outbox set next_try = next_try + 1000 where part = 'notice'`)
	})
	w.send()
	w.clock.Add(time.Second)
	w.send()
	if p := w.notice(Moved, "zoe"); strings.Count(p.Text, "(was 12:30–13:15)") != 4 || p.Method != request {
		t.Errorf("the notice:\n%s", p.Text)
	}
	w.sound()
}

// TestL4_AnUpdateThatACalendarNoLongerNeeds is not sent: what was given up before took the session out.
func TestL4_AnUpdateThatACalendarNoLongerNeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(2, nil)
	w.join("zoe", list[0])
	tim := w.child("zoe", "Tim")
	w.join("zoe", list[1])
	second := w.joinAs(w.actor("zoe"), "zoe", list[1], tim)
	w.told()
	n := len(w.ledger())
	w.leave(w.actor("zoe"), second)
	w.plan() // and the relay is down
	days := []programs.Date{list[0].LocalStart.Date, list[1].LocalStart.Date}
	w.change(list[0].SeriesID, programs.Set{SkipDates: &days})
	w.told()
	w.wantSince(n, "left zoe 12-03 sent", "cancelled zoe 11-26 notice sent", "cancelled zoe 12-03 calendar skipped")
	if p := w.mail(Left, "zoe"); p.Method != cancel {
		t.Errorf("left with %q", p.Method)
	}
	w.sound()
}

// TestL5_APlaceThatIsAboutToBeToldBringsItsOwn: no second invitation beside a mail that waits for the relay.
func TestL5_APlaceThatIsAboutToBeToldBringsItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(2, capacity(1))
	first := w.join("wim", list[0])
	w.clock.Add(time.Minute)
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.told()
	w.leave(w.actor("wim"), first)
	w.plan() // and the relay is down
	if n := w.invite(); n != 0 {
		t.Errorf("%d invitations beside the promotion: %q", n, w.parts())
	}
	w.send()
	if p := w.mail(Promoted, "zoe"); p.Method != request {
		t.Errorf("promoted with %q", p.Method)
	}
	if n := w.invite(); n != 0 {
		t.Errorf("%d invitations after it", n)
	}
}

// TestRetry_AListIsNeverOvertaken: it is written anew, so it contradicts nothing.
func TestRetry_AListIsNeverOvertaken(t *testing.T) {
	t.Parallel()
	w, list, _ := enrolledZoe(t)
	w.relay(notifytest.Options{})
	w.sink.Break(notifytest.Fault{At: notifytest.RcptTo, Reply: "550 5.1.1 no such user", Times: 1})
	w.mailer.Connections = 1
	w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-11-26T13:30")})
	w.told()
	failed := w.newest(Moved, "zoe", notice)
	if failed.State != Failed {
		t.Fatalf("%q", w.parts())
	}
	w.callOff(list[0], "Ill")
	w.told()
	do(w, func(tx *store.Tx) (Message, error) { return Retry(tx, failed.ID) })
	w.send()
	if p := w.notice(Moved, "zoe"); w.newest(Moved, "zoe", notice).State != Sent || strings.Count(p.Text, "(was 12:30") != 3 || p.Calendar != "" {
		t.Errorf("sent again, %q:\n%s", w.parts(), p.Text)
	}
	w.sound()
}

// TestRelease_AListTakesNoInvitationBack: the list of an enrollment names the first date's session, but says nothing to its calendar.
func TestRelease_AListTakesNoInvitationBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		list := w.weekly(4, nil)
		w.enroll(w.actor("zoe"), "zoe", list[0], "")
		w.plan()
		if err := w.mailer.prepare(); err != nil {
			t.Fatal(err)
		}
		letters := do(w, func(tx *store.Tx) ([]*letter, error) { return claim(tx, "stopped", 1) })
		if len(letters) != 1 || letters[0].Event != Enrolled || len(letters[0].Dates) != 4 {
			t.Fatalf("claimed %+v", letters)
		}
		w.send() // the invitations
		if _, err := w.mailer.freeze(w.Context(), "stopped", letters); err != nil {
			t.Fatal(err)
		}
		do(w, func(tx *store.Tx) (struct{}, error) { return struct{}{}, letters[0].release(tx, "stopped") })
		var invited int
		look(w, func(v *store.View) (struct{}, error) {
			return struct{}{}, v.QueryRow(`select count(*) from invites where last_method = 'REQUEST'`).Scan(&invited)
		})
		if invited != 2 {
			t.Errorf("%d invitations are known to be out", invited)
		}
		w.send()
		if got := w.since(0); !slices.Equal(got, []string{"confirmed zoe 11-26 calendar sent", "confirmed zoe 12-03 calendar sent", "enrolled zoe 11-26 sent"}) {
			t.Errorf("%q", got)
		}
		w.sound()
	})
}

// TestL3_NothingInTheCalendarYet: a notice brings no invitation that is not due.
func TestL3_NothingInTheCalendarYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, func(s *programs.Series) { s.LocalStart = wall(t, "2026-12-10T12:30") })
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.told()
	n := len(w.ledger())
	place := "Garden room"
	w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-12-10T13:30"), Location: &place})
	w.told()
	w.wantSince(n, "moved zoe 12-10 notice sent")
	p := w.notice(Moved, "zoe")
	if p.Calendar != "" || strings.Count(flat(p.Text), "(was 12:30–13:15), Berlin time (CET); at Garden room, no longer at Room 4") != 4 {
		t.Errorf("moved, %q:\n%s", p.Method, p.Text)
	}
}

func TestList_News(t *testing.T) {
	t.Parallel()
	now := facts{Starts: 100, Ends: 200, Location: "Roof", Status: programs.Scheduled}
	roof, hall := "Roof", "Hall"
	for _, c := range []struct {
		name string
		told invite
		was  programs.Instant
		from *string
		held programs.SignupState
		want bool
	}{
		{"moved", invite{}, 50, &roof, programs.Confirmed, true},
		{"back where it was", invite{}, 100, &roof, programs.Confirmed, false},
		{"another place", invite{}, 100, &hall, programs.Confirmed, true},
		{"another place, the old one not known", invite{}, 100, nil, programs.Confirmed, true},
		{"another place, to who waits", invite{}, 100, &hall, programs.Waitlisted, false},
		{"told in words", invite{Said: now.hash()}, 50, &roof, programs.Confirmed, false},
		{"told other words", invite{Said: "x"}, 50, &roof, programs.Confirmed, true},
		{"told in words, but the calendar has another time", invite{Said: now.hash(), Method: request, Hash: "x"}, 50, &roof, programs.Confirmed, true},
		{"told in words and in the calendar", invite{Said: now.hash(), Method: request, Hash: now.hash()}, 50, &roof, programs.Confirmed, false},
	} {
		l := letter{
			Event: Moved, Told: c.told, WasStarts: c.was, WasEnds: 200, WasPlace: c.from, Seats: []standing{{ID: "a", State: c.held}},
			Session: programs.Session{StartsAt: now.Starts, EndsAt: now.Ends, Status: now.Status, Details: programs.Details{Location: now.Location}},
		}
		if got := l.news(); got != c.want {
			t.Errorf("%s: news is %v", c.name, got)
		}
		if l.Now = 200; l.news() {
			t.Errorf("%s: news after the end", c.name)
		}
	}
}
