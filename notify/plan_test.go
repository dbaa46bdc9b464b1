package notify

import (
	"context"
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

func want(t testing.TB, w *world, states ...string) {
	t.Helper()
	if diff := cmp.Diff(states, w.states()); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

func TestPlan_SeatsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		s := w.session(capacity(1))
		zoe := w.join("zoe", s)
		wim := w.join("wim", s)
		if n := w.plan(); n != 2 {
			t.Errorf("%d messages planned, want 2", n)
		}
		w.send()
		w.leave(w.actor("zoe"), zoe)
		w.plan()
		w.send()
		want(t, w, "confirmed zoe sent", "waitlisted wim sent", "left zoe sent", "promoted wim sent")
		if p := w.mail(Promoted, "wim"); p.Method != request || notifytest.Property(p.Calendar, "SEQUENCE") != "0" {
			t.Errorf("promoted with %s %s", p.Method, notifytest.Property(p.Calendar, "SEQUENCE"))
		}
		if p := w.mail(Left, "zoe"); p.Method != cancel || notifytest.Property(p.Calendar, "SEQUENCE") != "1" {
			t.Errorf("left with %s %s", p.Method, notifytest.Property(p.Calendar, "SEQUENCE"))
		}
		again := w.join("ida", s)
		w.leave(w.actor("ida"), again)
		w.plan()
		if got := w.states()[4:]; !slices.Equal(got, []string{"waitlisted ida queued"}) {
			t.Errorf("leaving the list by one's own act: %q", got)
		}
		w.send()
		listed := w.join("ida", s)
		w.plan()
		w.send()
		w.leave(w.boss, listed)
		w.leave(w.boss, wim)
		w.plan()
		w.send()
		if got := w.states()[4:]; !slices.Equal(got, []string{"waitlisted ida superseded", "waitlisted ida sent", "left ida sent", "left wim sent"}) {
			t.Errorf("taken off by somebody else: %q", got)
		}
		if p := w.mail(Left, "ida"); p.Calendar != "" || !strings.Contains(p.Text, "A coordinator has given up your number on the waiting list") {
			t.Errorf("off the list: %s", p.Text)
		}
		w.sound()
	})
}

func TestV6_OneMailForTheNetResult(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		s := w.session(nil)
		w.join("zoe", s)
		w.told()
		w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T13:30") })
		w.clock.Add(90 * time.Second)
		w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T14:00") })
		w.clock.Add(90 * time.Second)
		if n := w.plan(); n != 0 {
			t.Errorf("%d messages leave while a save of the session is held", n)
		}
		w.clock.Add(time.Minute)
		w.plan()
		w.send()
		want(t, w, "confirmed zoe sent", "moved zoe sent")
		p := w.mail(Moved, "zoe")
		if !strings.Contains(p.Text, "Before    Thursday 26 November 2026\r\n          12:30–13:15") || !strings.Contains(p.Text, "14:00–14:45") || notifytest.Property(p.Calendar, "SEQUENCE") != "2" {
			t.Errorf("moved:\n%s\n%s", p.Text, p.Calendar)
		}
		// There and back within one hold: nobody hears of it, and the ledger says why.
		w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T16:00") })
		w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T14:00") })
		w.told()
		want(t, w, "confirmed zoe sent", "moved zoe sent", "moved zoe skipped")
		w.sound()
	})
}

func TestV6_BackBeforeTheMoveWasSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(nil)
	w.join("zoe", s)
	w.told()
	w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T15:00") })
	w.clock.Add(programs.Hold)
	w.plan() // and the relay is down
	w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T12:30") })
	w.told()
	want(t, w, "confirmed zoe sent", "moved zoe skipped", "moved zoe skipped")
}

// TestTold_IsWhatTheCalendarHas: words beside an invitation that has another time do not count as told.
func TestTold_IsWhatTheCalendarHas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(capacity(1))
	w.join("zoe", s)
	w.told()
	w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T15:00") })
	w.joinAs(w.actor("zoe"), "zoe", s, w.child("zoe", "Tim"))
	w.plan()
	w.send()
	w.told()
	want(t, w, "confirmed zoe sent", "waitlisted zoe sent", "moved zoe sent")
	p := w.mail(Moved, "zoe")
	if !strings.Contains(p.Text, "Before    Thursday 26 November 2026\r\n          12:30–13:15") || p.Method != request {
		t.Errorf("the move:\n%s", p.Text)
	}
}

func TestV4_HoldEndsAtOnceNearTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(nil)
	w.join("zoe", s)
	w.told()
	w.clock.Set(s.StartsAt.Add(-time.Hour))
	w.callOff(s, "Ill")
	w.plan()
	w.send()
	want(t, w, "confirmed zoe sent", "cancelled zoe sent")
}

func TestC5_WordingIsNotMailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(nil)
	w.join("zoe", s)
	w.told()
	w.edit(s, func(d *programs.Details) { d.Title, d.Description = "Yoga", "Bring two mats." })
	w.told()
	want(t, w, "confirmed zoe sent")
	if open := look(w, func(v *store.View) (n int, err error) {
		return n, v.QueryRow(`select count(*) from journal_open`).Scan(&n)
	}); open != 0 {
		t.Errorf("%d entries stay open", open)
	}
}

func TestL2_RecipientsFromBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	lead := w.person("lea")
	s := w.session(func(s *programs.Series) { capacity(1)(s); s.Facilitators = []programs.PersonID{lead.ID} })
	zoe := w.join("zoe", s)
	w.join("wim", s)
	w.told()
	w.edit(s, func(d *programs.Details) { d.Location = "Roof" }) // place only: no news for the list
	w.told()
	want(t, w, "confirmed zoe sent", "waitlisted wim sent", "moved zoe sent", "moved lea sent")
	w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T15:00") })
	w.clock.Add(time.Second)
	w.leave(w.actor("zoe"), zoe) // before the hold is over: wim moves up, to the new time
	w.join("ida", s)
	w.plan()
	w.send()
	w.told()
	want(t, w, "confirmed zoe sent", "waitlisted wim sent", "moved zoe sent", "moved lea sent",
		"left zoe sent", "promoted wim sent", "waitlisted ida sent", "moved wim skipped", "moved lea sent")
	if p := w.mail(Promoted, "wim"); !strings.Contains(p.Text, "15:00") || !strings.Contains(p.Text, "Before    Thursday 26 November 2026\r\n          12:30") {
		t.Errorf("promoted to the new time, with what they knew beside it:\n%s", p.Text)
	}
	w.callOff(s, "No teacher")
	w.told()
	got := w.states()[9:]
	slices.Sort(got)
	if !slices.Equal(got, []string{"cancelled ida sent", "cancelled lea sent", "cancelled wim sent"}) {
		t.Errorf("cancelled: %q", got)
	}
	if p := w.mail(Cancelled, "ida"); p.Calendar != "" {
		t.Error("who waited gets a CANCEL for what they were never invited to")
	}
	if p := w.mail(Cancelled, "wim"); p.Method != cancel || !strings.Contains(p.Text, "No teacher") {
		t.Errorf("cancelled: %s", p.Text)
	}
	w.sound()
}

func TestL2_NobodyIsToldOfTheirOwnChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	lead := w.person("lea")
	s := w.session(func(s *programs.Series) { s.Facilitators = []programs.PersonID{lead.ID, w.person("leo").ID} })
	w.join("zoe", s)
	w.told()
	w.boss = programs.Actor{Person: lead.ID, Roles: []programs.Role{programs.Admin}}
	w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T15:00") })
	w.told()
	want(t, w, "confirmed zoe sent", "moved zoe sent", "moved leo sent")
}

func TestGuardian_OneMailAndOneInvitation(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		s := w.session(nil)
		tim, ana := w.child("zoe", "Timcanary"), w.child("zoe", "Anacanary")
		w.join("zoe", s)
		first := w.joinAs(w.actor("zoe"), "zoe", s, tim)
		second := w.joinAs(w.actor("zoe"), "zoe", s, ana)
		w.plan()
		w.send()
		want(t, w, "confirmed zoe superseded", "confirmed zoe superseded", "confirmed zoe sent")
		p := w.mail(Confirmed, "zoe")
		for _, line := range []string{"You: going", "Your child: going", "Another child of yours: going"} {
			if !strings.Contains(p.Text, line) {
				t.Errorf("no %q in\n%s", line, p.Text)
			}
		}
		w.leave(w.actor("zoe"), first)
		w.plan()
		w.send()
		if p := w.mail(Left, "zoe"); p.Method != request || !strings.Contains(p.Text, "your child's place") || !strings.Contains(p.Text, "stays, in your calendar too") {
			t.Errorf("one of three left, with %q:\n%s", p.Method, p.Text)
		}
		w.callOff(s, "Ill")
		w.told()
		if got := w.states()[4:]; !slices.Equal(got, []string{"cancelled zoe sent"}) {
			t.Errorf("one notice for two seats: %q", got)
		}
		_ = second
		for _, m := range w.ledger() {
			if strings.Contains(string(w.raw(m.ID)), "canary") || strings.Contains(notifytest.Parse(t, orEmpty(w.raw(m.ID))).Calendar, "canary") {
				t.Errorf("a child's name in the %s mail", m.Event)
			}
		}
		w.sound()
	})
}

// orEmpty stands in for a message that was never written.
func orEmpty(raw []byte) []byte {
	if raw == nil {
		return []byte("Content-Type: text/plain\r\n\r\n")
	}
	return raw
}

func TestGuardian_LastSeatTakesTheInvitationBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(nil)
	a, b := w.joinAs(w.actor("zoe"), "zoe", s, w.child("zoe", "Tim")), w.join("zoe", s)
	w.told()
	w.leave(w.actor("zoe"), a)
	w.told()
	if p := w.mail(Left, "zoe"); p.Method != request {
		t.Errorf("with a seat left: %s", p.Method)
	}
	w.leave(w.actor("zoe"), b)
	w.told()
	if p := w.mail(Left, "zoe"); p.Method != cancel {
		t.Errorf("with no seat left: %s", p.Method)
	}
	w.sound()
}

func TestL4_NeverInvitedNeverCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(nil)
	u := w.join("zoe", s)
	w.plan() // and not sent
	w.leave(w.actor("zoe"), u)
	w.plan()
	w.send()
	want(t, w, "confirmed zoe superseded", "left zoe sent")
	if p := w.mail(Left, "zoe"); p.Calendar != "" {
		t.Error("a CANCEL for a UID that nobody received")
	}
	w.join("zoe", s)
	w.told()
	p := w.mail(Confirmed, "zoe")
	if p.Method != request || notifytest.Property(p.Calendar, "SEQUENCE") != "0" {
		t.Errorf("joined again: %s %s", p.Method, notifytest.Property(p.Calendar, "SEQUENCE"))
	}
}

func TestV5_JoinedAgainCountsOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(nil)
	var uid, organizer string
	for n, sequence := range []string{"0", "2", "4"} {
		u := w.join("zoe", s)
		w.told()
		p := w.mail(Confirmed, "zoe")
		if got := notifytest.Property(p.Calendar, "SEQUENCE"); got != sequence {
			t.Errorf("joined %d times: SEQUENCE %s, want %s", n+1, got, sequence)
		}
		if uid == "" {
			uid, organizer = notifytest.Property(p.Calendar, "UID"), notifytest.Property(p.Calendar, "ORGANIZER")
		}
		if notifytest.Property(p.Calendar, "UID") != uid || notifytest.Property(p.Calendar, "ORGANIZER") != organizer {
			t.Error("UID or ORGANIZER is another one")
		}
		w.leave(w.actor("zoe"), u)
		w.told()
	}
	w.sound()
}

func TestPlan_Facts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(nil)
	w.joinAs(w.boss, "zoe", s, "")
	w.told()
	p := w.mail(Confirmed, "zoe")
	if !strings.Contains(p.Calendar, "PARTSTAT=NEEDS-ACTION") || !strings.Contains(p.Text, "A coordinator has signed you up") {
		t.Errorf("signed up by a coordinator:\n%s", p.Text)
	}
	if p.Header.Get("References") != "" {
		t.Error("the first mail of a lane refers to another")
	}
	first := p.Header.Get("Message-Id")
	w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T13:00") })
	w.told()
	if p := w.mail(Moved, "zoe"); p.Header.Get("References") != first || p.Header.Get("In-Reply-To") != first {
		t.Error("a later mail of the lane does not refer to the first")
	}
}

// TestPlan_Crash: an error after the rows are in leaves neither rows nor a planned entry.
func TestPlan_AllOrNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		s := w.session(nil)
		w.join("zoe", s)
		_, err := store.Write(context.Background(), w.store, func(tx *store.Tx) (struct{}, error) {
			p := planner{tx: tx, links: newLinks(w.store, w.set)}
			if err := p.run(planBatch); err != nil || p.made != 1 {
				t.Errorf("planned %d, %v", p.made, err)
			}
			return struct{}{}, context.Canceled
		})
		if err == nil {
			t.Fatal("the transaction was kept")
		}
		if got := w.states(); len(got) != 0 {
			t.Errorf("left behind: %q", got)
		}
		if n := w.plan(); n != 1 {
			t.Errorf("planned %d afterwards", n)
		}
	})
}

func TestPlan_ManyAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		s := w.session(nil)
		do(w, func(tx *store.Tx) (struct{}, error) {
			for i := range planBatch + 40 {
				name := "p" + string(rune('a'+i/26%26)) + string(rune('a'+i%26)) + string(rune('a'+i/676))
				p, err := tx.AddPerson(programs.System(), programs.Person{Email: name + "@example.com", Name: name, Roles: []programs.Role{programs.Employee}})
				if err != nil {
					return struct{}{}, err
				}
				if _, _, _, err := tx.SignUp(w.boss, store.Joiner{Session: s.ID, Person: p.ID}); err != nil {
					return struct{}{}, err
				}
			}
			return struct{}{}, nil
		})
		if n := w.plan(); n != planBatch+40 {
			t.Errorf("%d messages", n)
		}
		w.callOff(s, "Ill") // one change with more entries than a batch
		w.clock.Add(programs.Hold)
		if n := w.plan(); n != planBatch+40 {
			t.Errorf("%d cancellations", n)
		}
		w.sound()
	})
}
