package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// TestL3_BackOnAmongOthers: a date is put back on while its series moves. One notice says both, and what was called off enters the
// calendar again.
func TestL3_BackOnAmongOthers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		list := w.weekly(4, nil)
		w.enroll(w.actor("zoe"), "zoe", list[0], "")
		w.told()
		w.callOff(list[1], "The coach is ill.")
		w.callOff(list[3], "The coach is ill.")
		w.told()
		n := len(w.ledger())
		w.putBackOn(list[1])
		w.putBackOn(list[3])
		w.change(list[0].SeriesID, programs.Set{LocalStart: at(t, "2026-11-26T13:30")})
		w.told()
		w.wantSince(n, "reinstated zoe 12-03 notice sent", "moved zoe 11-26 calendar sent")
		p := w.notice(Reinstated, "zoe")
		for _, line := range []string{"Back on Thu 3 Dec, 13:30–14:15 (was 12:30–13:15)", "Thu 17 Dec, 13:30–14:15 (was 12:30–13:15)", "Now Thu 26 Nov, 13:30–14:15 (was 12:30–13:15)"} {
			if !strings.Contains(flat(p.Text), line) {
				t.Errorf("no %q in\n%s", line, p.Text)
			}
		}
		if strings.Contains(p.Text, "coach is ill") || p.Method != request || notifytest.Property(p.Calendar, "SEQUENCE") < "2" || !strings.Contains(p.Calendar, "PARTSTAT=NEEDS-ACTION") {
			t.Errorf("the notice:\n%s\n%s", p.Text, p.Calendar)
		}
		w.sound()
	})
}

// TestV5_AListWaitsWhileADateCanBeUndone: the mail about an enrollment is not sent yet when one of its dates is called off. Whether that
// date belongs on the list is known when the hold is over.
func TestV5_AListWaitsWhileADateCanBeUndone(t *testing.T) {
	t.Parallel()
	for name, undo := range map[string]bool{"undone": true, "kept": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, database string) {
				w := newWorld(t, database)
				list := w.weekly(4, nil)
				w.enroll(w.actor("zoe"), "zoe", list[0], "")
				w.plan()
				w.callOff(list[3], "Ill")
				w.send()
				w.wantParts("enrolled zoe 11-26 queued", "confirmed zoe 11-26 calendar sent", "confirmed zoe 12-03 calendar sent")
				if undo {
					w.undo()
				}
				w.clock.Add(time.Minute)
				w.told()
				p := w.mail(Enrolled, "zoe")
				if strings.Contains(p.Text, "Thu 17 Dec") != undo || !strings.Contains(p.Text, "Thu 10 Dec") {
					t.Errorf("the list:\n%s", p.Text)
				}
				w.sound()
			})
		})
	}
}

// TestV5_AListDoesNotTellAMoveThatIsUndone: the date is on either way, so only the hold says that its new time must wait.
func TestV5_AListDoesNotTellAMoveThatIsUndone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		list := w.weekly(4, nil)
		w.enroll(w.actor("zoe"), "zoe", list[0], "")
		w.plan()
		w.edit(list[3], func(d *programs.Details) { d.LocalStart = wall(t, "2026-12-17T15:00") })
		w.send()
		w.wantParts("enrolled zoe 11-26 queued", "confirmed zoe 11-26 calendar sent", "confirmed zoe 12-03 calendar sent")
		w.undo()
		w.clock.Add(time.Minute)
		w.told()
		if p := w.mail(Enrolled, "zoe"); !strings.Contains(flat(p.Text), "Thu 17 Dec, 12:30–13:15") {
			t.Errorf("the list:\n%s", p.Text)
		}
		w.sound()
	})
}

// TestV5_AFrozenListWaitsToo: the relay may have the first copy, and the next one says what is so when nothing can be undone any more.
func TestV5_AFrozenListWaitsToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	list := w.weekly(4, nil)
	w.enroll(w.actor("zoe"), "zoe", list[0], "")
	w.plan()
	l := &letter{Event: Enrolled, Listed: []dated{{}}, Bytes: []byte("frozen"), Said: "what was so", Moving: true, NotAfter: 2, Now: 1, Person: programs.Person{Status: programs.Active}}
	l.Dates = []*letter{{Event: Enrolled}}
	if v := l.judge(); v.State != Queued {
		t.Errorf("while a date is being changed: %+v", v)
	}
	if l.Moving = false; l.judge().State == Queued {
		t.Error("it waits for nothing")
	}
	l.Moving, l.Said = true, l.saying()
	if v := l.judge(); v.State == Queued {
		t.Errorf("what it says is so: %+v", v)
	}
}

// TestW5_ALineAboutAFreeSeat: the row of a list has one cause for all its lines, and a line about a seat for the first click must not be taken
// for an offer that is over.
func TestW5_ALineAboutAFreeSeat(t *testing.T) {
	t.Parallel()
	three := 3
	seat := standing{ID: "u", State: programs.Waitlisted, Position: 1}
	l := &letter{
		Event: Offered, Signup: "u", Seats: []standing{seat}, Cause: programs.Entry{Verb: programs.SessionMoved},
		Session: programs.Session{ID: "s", Status: programs.Scheduled, Taken: 2, EndsAt: 9}, Now: 1,
	}
	l.Session.Capacity, l.Session.TimeZone = &three, "Europe/Berlin"
	if l.ownCause(); !l.news() || l.Cause.Verb != programs.SeatFree {
		t.Errorf("a seat is free: %s", l.Cause.Verb)
	}
	p := page{}
	if err := p.line(l, time.UTC); err != nil || !strings.Contains(p.Lines[0].Lines[0], "whoever takes it first has it") || strings.Contains(p.Lines[0].Lines[0], "until") {
		t.Errorf("%v %v", p.Lines, err)
	}
	if l.Session.Taken = 3; l.news() {
		t.Error("it is taken, and still news")
	}
	l.Seats[0].State, l.Seats[0].OfferEnds = programs.Offered, 5
	if l.ownCause(); !l.news() || l.Cause.Verb != programs.SignupOffered {
		t.Errorf("a place is kept: %s", l.Cause.Verb)
	}
}

func TestLane_PartsAndBackOn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		later, earlier waiting
		needless       bool
		event          string
	}{
		{"they heard that it is back on, so they hear that it is off", waiting{Event: Cancelled}, waiting{Event: Reinstated, Part: calendarOnly}, true, Cancelled},
		{"nobody heard that it is back on", waiting{Event: Cancelled}, waiting{Event: Reinstated}, true, ""},
		{"the notice may have said that it is off", waiting{Event: Reinstated, State: programs.Confirmed}, waiting{Event: Cancelled, Part: calendarOnly}, true, Reinstated},
		{"a move brings the invitation", waiting{Event: Moved}, waiting{Event: Reinstated, Part: calendarOnly}, true, Moved},
		{"words that it is back on stay", waiting{Event: Cancelled, Part: calendarOnly}, waiting{Event: Reinstated}, false, Cancelled},
		{"a notice is whole", waiting{Event: Cancelled}, waiting{Event: Reinstated, Part: notice}, false, Cancelled},
		{"and so is what follows it", waiting{Event: Reinstated}, waiting{Event: Cancelled, Part: notice}, false, Reinstated},
	} {
		needless, event := overtakes(c.later, c.earlier)
		if needless != c.needless || event != c.event {
			t.Errorf("%s: %v %s", c.name, needless, event)
		}
	}
}

func TestI14_EveryEventHasItsGravity(t *testing.T) {
	t.Parallel()
	n := notices{mails: map[programs.PersonID]owed{}}
	n.put(owed{Event: Promoted, Person: "zoe"})
	n.put(owed{Event: Enrolled, Person: "zoe"})
	n.put(owed{Event: Enrolled, Person: "ida"})
	n.put(owed{Event: Reinstated, Person: "ida"})
	if n.mails["zoe"].Event != Promoted || n.mails["ida"].Event != Reinstated {
		t.Errorf("an enrollment says the least: %v", n.mails)
	}
}
