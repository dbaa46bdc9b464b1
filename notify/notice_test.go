package notify

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// change edits all sessions of a series to come, as its preview says.
func (w *world) change(id programs.SeriesID, set programs.Set) programs.ChangeID {
	w.Helper()
	return w.changeFrom(id, "", set)
}

func (w *world) changeFrom(id programs.SeriesID, from programs.SessionID, set programs.Set) programs.ChangeID {
	w.Helper()
	e := programs.SeriesEdit{Scope: programs.AllSessions, Set: set, Reason: "The hall is closed on Thursdays."}
	if from != "" {
		e.Scope, e.From = programs.Following, from
	}
	preview, err := store.PreviewSeriesChange(w.Context(), w.store, w.boss, id, e)
	if err != nil {
		w.Fatal(err)
	}
	return do(w, func(tx *store.Tx) (programs.ChangeID, error) {
		_, err := tx.ChangeSeries(w.boss, id, e, preview.Hash)
		return tx.Change(), err
	})
}

func at(t testing.TB, s string) *programs.Wall {
	t.Helper()
	at := wall(t, s)
	return &at
}

// since is what was planned after a message, in short.
func (w *world) since(n int) []string {
	w.Helper()
	got := append([]string(nil), w.parts()[n:]...)
	slices.Sort(got)
	return got
}

func (w *world) wantSince(n int, want ...string) {
	w.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, w.since(n)); diff != "" {
		w.Errorf("since message %d (-want +got):\n%s", n, diff)
	}
}

// TestL3_OneNoticeForManySessions: C3, D4, I-14. Six weeks move by one save. zoe is enrolled and has two of them in her calendar; ida
// joined two on her own and waits on one; wim has one.
func TestL3_OneNoticeForManySessions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		list := w.weekly(6, capacity(3))
		w.enroll(w.actor("zoe"), "zoe", list[0], "")
		w.join("ida", list[3])
		w.join("ida", list[4])
		w.join("wim", list[5])
		w.join("abe", list[5])
		w.clock.Add(time.Minute)
		w.join("ida", list[5]) // full: she waits
		w.told()
		n := len(w.ledger())
		change := w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-11-26T13:30")})
		if made := w.plan(); made != 0 {
			t.Errorf("%d messages while the change is held", made)
		}
		w.told()
		w.wantSince(n, "moved zoe 11-26 notice sent", "moved zoe 12-03 calendar sent",
			"moved ida 12-17 notice sent", "moved ida 12-24 calendar sent", "moved wim 12-31 sent", "moved abe 12-31 sent")
		for _, m := range w.ledger()[n:] {
			e := look(w, func(v *store.View) (programs.Entry, error) {
				var id programs.EntryID
				if err := v.QueryRow(`select o.cause_id from outbox o where o.id = $1`, m.ID).Scan(&id); err != nil {
					return programs.Entry{}, err
				}
				return v.Entry(id)
			})
			if e.Change != change {
				t.Errorf("%s is caused by another change", m.Key)
			}
			p := notifytest.Parse(t, w.raw(m.ID))
			if p.Header.Get("X-Wellweek-Part") != m.Part {
				t.Errorf("%s says the part %q", m.Key, p.Header.Get("X-Wellweek-Part"))
			}
			if p.Calendar != "" && notifytest.Property(p.Calendar, "SEQUENCE") != "1" {
				t.Errorf("%s: SEQUENCE %s", m.Key, notifytest.Property(p.Calendar, "SEQUENCE"))
			}
			lint(t, notifytest.Mail{From: "x", To: []string{m.Address}, Raw: w.raw(m.ID)}, w)
			session, _, _ := strings.Cut(look(w, func(v *store.View) (lane string, err error) {
				return lane, v.QueryRow(`select o.lane from outbox o where o.id = $1`, m.ID).Scan(&lane)
			}), ":")
			if session != string(m.Session) {
				t.Errorf("%s is in the lane of another session", m.Key)
			}
			if m.Part == calendarOnly && !strings.HasSuffix(m.Key, ":"+string(m.Person)+":"+string(m.Session)) || !strings.HasPrefix(m.Key, "changes:") {
				t.Errorf("key %s", m.Key)
			}
		}
		p := w.notice(Moved, "zoe")
		if text := flat(p.Text); strings.Count(text, "13:30–14:15 (was 12:30–13:15), Berlin time (CET)") != 6 || p.Method != request || notifytest.Property(p.Calendar, "UID") != list[0].UID {
			t.Errorf("zoe is told:\n%s", p.Text)
		}
		p = w.notice(Moved, "ida")
		if text := flat(p.Text); strings.Count(text, "(was 12:30") != 3 || notifytest.Property(p.Calendar, "UID") != list[3].UID {
			t.Errorf("ida is told:\n%s", p.Text)
		}
		golden(t, "moved-notice-zoe", w.raw(w.newest(Moved, "zoe", notice).ID))
		// Dates that come into the calendar later bring the new time, and are not told again.
		w.clock.Set(list[2].StartsAt.Add(time.Hour - inviteAhead))
		if made := w.invite(); made != 1 {
			t.Errorf("%d invitations", made)
		}
		w.send()
		if p := w.mail(Confirmed, "zoe"); notifytest.Property(p.Calendar, "DTSTART") != "20261210T123000Z" {
			t.Errorf("the third date comes as\n%s", p.Calendar)
		}
		w.sound()
	})
}

// newest is the newest row of an event and part.
func (w *world) newest(event, name, part string) Message {
	w.Helper()
	for _, m := range slices.Backward(w.ledger()) {
		if m.Event == event && m.Person == w.people[name].ID && m.Part == part {
			return m
		}
	}
	w.Fatalf("no %s %s for %s: %q", part, event, name, w.parts())
	return Message{}
}

func (w *world) notice(event, name string) notifytest.Parsed {
	w.Helper()
	return notifytest.Parse(w, w.raw(w.newest(event, name, notice).ID))
}

func TestL3_UndoneIsSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.told()
	n := len(w.ledger())
	change := w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-11-26T13:30")})
	do(w, func(tx *store.Tx) (programs.Change, error) { return tx.Undo(w.boss, change) })
	w.told()
	w.wantSince(n)
}

// TestV6_TwoSavesOfASeriesAreOneNotice: the second save joins the first, and what came back to where it was is not told.
func TestV6_TwoSavesOfASeriesAreOneNotice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		list := w.weekly(4, nil)
		w.enroll(w.actor("zoe"), "zoe", list[0], "")
		w.told()
		n := len(w.ledger())
		w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-11-26T13:30")})
		w.clock.Add(time.Minute)
		w.edit(list[1], func(d *programs.Details) { d.LocalStart = wall(t, "2026-12-03T12:30") })
		w.callOff(list[3], "Ill")
		w.clock.Add(time.Minute + 30*time.Second)
		if made := w.plan(); made != 0 {
			t.Errorf("%d messages while a linked save is held", made)
		}
		w.told()
		w.wantSince(n, "cancelled zoe 11-26 notice sent")
		p := w.notice(Cancelled, "zoe")
		text := flat(p.Text)
		if !strings.Contains(text, "Cancelled Thu 17 Dec, 13:30–14:15, Berlin time (CET)") ||
			strings.Count(text, "(was 12:30") != 2 || strings.Contains(text, "3 Dec") || !strings.Contains(text, "Reason Ill") || p.Method != request {
			t.Errorf("told, with %s:\n%s", p.Method, p.Text)
		}
		w.sound()
	})
}

// TestL3_DroppedDates: dates that leave the series are cancelled, with one CANCEL for each that a calendar has.
func TestL3_DroppedDates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		lead := w.person("lea")
		list := w.weekly(4, func(s *programs.Series) { s.Facilitators = []programs.PersonID{lead.ID} })
		w.enroll(w.actor("zoe"), "zoe", list[0], "")
		w.told()
		n := len(w.ledger())
		days := []programs.Date{list[0].LocalStart.Date, list[1].LocalStart.Date, list[3].LocalStart.Date}
		w.change(list[0].SeriesID, programs.Set{SkipDates: &days})
		w.told()
		w.wantSince(n, "cancelled zoe 11-26 notice sent", "cancelled zoe 12-03 calendar sent", "cancelled lea 11-26 notice sent")
		p := w.notice(Cancelled, "zoe")
		if p.Method != cancel || !strings.Contains(flat(p.Text), "3 dates of Lunchtime yoga do not take place") || !strings.Contains(p.Text, "The hall is closed on Thursdays.") {
			t.Errorf("told, with %s:\n%s", p.Method, p.Text)
		}
		golden(t, "cancelled-notice-zoe", w.raw(w.newest(Cancelled, "zoe", notice).ID))
		if c := notifytest.Parse(t, w.raw(w.newest(Cancelled, "zoe", calendarOnly).ID)); c.Method != cancel || notifytest.Property(c.Calendar, "UID") != list[1].UID {
			t.Errorf("the other date, %s:\n%s", c.Method, c.Calendar)
		}
		w.sound()
	})
}

// TestN4_NewDatesJoinByThemselves: one notice lists the new dates only, and one inside 14 days comes into the calendar.
func TestN4_NewDatesJoinByThemselves(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		list := w.weekly(2, capacity(2))
		w.enroll(w.actor("zoe"), "zoe", list[0], "")
		w.told()
		n := len(w.ledger())
		extra := []programs.Wall{wall(t, "2026-11-27T12:30"), wall(t, "2026-12-18T12:30")}
		w.change(list[0].SeriesID, programs.Set{ExtraDates: &extra})
		if made := w.plan(); made != 0 {
			t.Errorf("%d messages while the change is held", made)
		}
		w.told()
		w.wantSince(n, "enrolled zoe 11-27 notice sent", "confirmed zoe 11-27 calendar sent")
		p := w.notice(Enrolled, "zoe")
		if strings.Count(p.Text, "Berlin time") != 2 || !strings.Contains(p.Text, "2 new dates joined by themselves") || p.Calendar != "" {
			t.Errorf("new dates:\n%s", p.Text)
		}
		golden(t, "enrolled-notice-zoe", w.raw(w.newest(Enrolled, "zoe", notice).ID))
		n = len(w.ledger())
		extra = append(extra, wall(t, "2026-12-23T12:30"))
		w.change(list[0].SeriesID, programs.Set{ExtraDates: &extra})
		w.told()
		w.wantSince(n, "enrolled zoe 12-23 notice sent")
		if p := w.notice(Enrolled, "zoe"); !strings.Contains(p.Text, "A new date") {
			t.Errorf("one new date:\n%s", p.Text)
		}
		w.sound()
	})
}

// TestL3_PromotedOnManyDates: more room brings an invitation to each date, the first in the notice.
func TestL3_PromotedOnManyDates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(3, capacity(1))
	for _, s := range list {
		w.join("wim", s)
	}
	w.clock.Add(time.Minute)
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.told()
	n := len(w.ledger())
	two := 2
	room := &two
	w.change(list[0].SeriesID, programs.Set{Capacity: &room})
	w.told()
	w.wantSince(n, "promoted zoe 11-26 notice sent", "promoted zoe 12-03 calendar sent", "promoted zoe 12-10 calendar sent")
	if p := w.notice(Promoted, "zoe"); p.Method != request || !strings.Contains(flat(p.Text), "now have a place on 3 dates of Lunchtime yoga") {
		t.Errorf("promoted, %s:\n%s", p.Method, p.Text)
	}
	w.clock.Set(list[2].StartsAt.Add(-inviteAhead))
	if n := w.invite(); n != 0 {
		t.Errorf("%d more invitations", n)
	}
	w.sound()
}

// TestLane_ANoticeIsNotOvertaken: a later mail about the session in whose lane the notice is does not swallow the other sessions.
func TestLane_ANoticeIsNotOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.told()
	n := len(w.ledger())
	w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-11-26T13:30")})
	w.clock.Add(programs.Hold)
	w.plan() // and the relay is down
	w.callOff(list[0], "Ill")
	w.told()
	w.wantSince(n, "moved zoe 11-26 notice sent", "moved zoe 12-03 calendar sent", "cancelled zoe 11-26 sent")
	p := w.notice(Moved, "zoe")
	if strings.Count(p.Text, "(was ") != 3 || p.Calendar != "" {
		t.Errorf("the notice, without the cancelled session:\n%s", p.Text)
	}
	if p := w.mail(Cancelled, "zoe"); p.Method != cancel {
		t.Error("the cancelled session stays in the calendar")
	}
	w.sound()
}

// TestV6_BackBeforeTheNoticeWasSent: moved and moved back while the relay is down is no news.
func TestV6_BackBeforeTheNoticeWasSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.told()
	n := len(w.ledger())
	w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-11-26T13:30")})
	w.clock.Add(programs.Hold)
	w.plan()
	w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-11-26T12:30")})
	w.told()
	for _, s := range w.since(n) {
		if strings.HasSuffix(s, "sent") {
			t.Errorf("told of nothing: %s", s)
		}
	}
	w.sound()
}

// TestSaves: changes that share a session are told together, others apart.
func TestSaves(t *testing.T) {
	t.Parallel()
	groups := map[programs.SessionID][]programs.Entry{}
	var order []programs.SessionID
	for _, s := range []string{"a 1", "b 2", "c 3", "d 1 2", "e 4", "f 3 4", "g 5"} {
		f := strings.Fields(s)
		id := programs.SessionID(f[0])
		order = append(order, id)
		for _, c := range f[1:] {
			groups[id] = append(groups[id], programs.Entry{Change: programs.ChangeID(c)})
		}
	}
	var got []string
	for _, save := range saves(order, groups) {
		slices.Sort(save)
		got = append(got, fmt.Sprint(save))
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"[a b d]", "[c e f]", "[g]"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
