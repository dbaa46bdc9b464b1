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

// elsewhere books a seat in another session at the same time.
func (w *world) elsewhere(name string) {
	w.Helper()
	w.join(name, w.session(func(s *programs.Series) { s.Title = "Elsewhere" }))
}

// about are the states of what was owed about one session.
func (w *world) about(s programs.Session) []string {
	w.Helper()
	var out []string
	states := w.states()
	for i, m := range w.ledger() {
		if m.Session == s.ID {
			out = append(out, states[i])
		}
	}
	slices.Sort(out)
	return out
}

func sameLedger(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("ledger\n got %q\nwant %q", got, want)
	}
}

func TestW12_BackOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		s := w.session(func(s *programs.Series) { capacity(1)(s); s.Facilitators = []programs.PersonID{w.person("lea").ID} })
		w.join("zoe", s)
		w.join("ida", s)
		w.told()
		w.callOff(s, "The coach is ill.")
		w.told()
		w.putBackOn(s)
		w.clock.Add(programs.Hold - time.Second)
		if n := w.plan(); n != 0 {
			t.Errorf("%d messages leave within the hold", n)
		}
		w.told()
		sameLedger(t, w.about(s), "cancelled ida sent", "cancelled lea sent", "cancelled zoe sent", "confirmed zoe sent",
			"reinstated ida sent", "reinstated lea sent", "reinstated zoe sent", "waitlisted ida sent")
		off, on := w.mail(Cancelled, "zoe"), w.mail(Reinstated, "zoe")
		if on.Method != request || notifytest.Property(on.Calendar, "SEQUENCE") <= notifytest.Property(off.Calendar, "SEQUENCE") ||
			notifytest.Property(on.Calendar, "UID") != notifytest.Property(off.Calendar, "UID") || !strings.Contains(on.Calendar, "PARTSTAT=ACCEPTED") {
			t.Errorf("the invitation after the cancellation:\n%s", on.Calendar)
		}
		for _, text := range []string{on.Text, on.HTML} {
			if strings.Contains(text, "coach is ill") || !strings.Contains(text, "after all") || !strings.Contains(text, "https://well.example.org/sessions/"+string(s.ID)) {
				t.Errorf("back on:\n%s", text)
			}
		}
		if p := w.mail(Reinstated, "ida"); p.Calendar != "" || !strings.Contains(p.Text, "Your number on the waiting list is 1.") {
			t.Errorf("who waits:\n%s", p.Text)
		}
		if p := w.mail(Reinstated, "lea"); p.Calendar != "" || !strings.Contains(p.Text, "You lead this session.") {
			t.Errorf("who leads:\n%s", p.Text)
		}
		w.sound()
	})
}

func TestV6_OffAndOnWithinOneHold(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		s := w.session(func(s *programs.Series) { s.Facilitators = []programs.PersonID{w.person("lea").ID} })
		w.join("zoe", s)
		w.told()
		w.callOff(s, "Ill")
		w.clock.Add(time.Minute)
		w.putBackOn(s)
		w.told()
		sameLedger(t, w.about(s), "confirmed zoe sent")
		w.callOff(s, "Ill")
		w.putBackOn(s)
		w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T15:00") })
		w.told()
		sameLedger(t, w.about(s), "confirmed zoe sent", "moved lea sent", "moved zoe sent")
		if p := w.mail(Moved, "zoe"); p.Method != request || !strings.Contains(p.Text, "12:30–13:15") || strings.Contains(p.Text, "cancelled") {
			t.Errorf("moved:\n%s", p.Text)
		}
		// On, off: they know that it is off. Off, on, off: told once. On and moved: one mail with both times.
		w.callOff(s, "Ill")
		w.told()
		w.putBackOn(s)
		w.join("ida", s)
		w.told()
		w.callOff(s, "Ill")
		w.putBackOn(s)
		w.callOff(s, "Ill")
		w.told()
		sameLedger(t, w.about(s), "cancelled ida sent", "cancelled lea sent", "cancelled lea sent", "cancelled zoe sent", "cancelled zoe sent", "confirmed ida sent", "confirmed zoe sent",
			"moved lea sent", "moved zoe sent", "reinstated lea sent", "reinstated zoe sent")
		before := len(w.about(s))
		w.putBackOn(s)
		w.callOff(s, "Ill")
		w.told()
		if got := w.about(s); len(got) != before {
			t.Errorf("on and off within one hold: %q", got)
		}
		w.putBackOn(s)
		w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-27T15:00") })
		w.told()
		if got := w.about(s); len(got) != before+3 {
			t.Errorf("on and moved within one hold: %q", got)
		}
		p := w.mail(Reinstated, "zoe")
		if !strings.Contains(p.Text, "Before    Thursday 26 November 2026") || !strings.Contains(p.Text, "Friday 27 November 2026") || !strings.Contains(p.Calendar, "PARTSTAT=NEEDS-ACTION") {
			t.Errorf("on and moved:\n%s\n%s", p.Text, p.Calendar)
		}
		w.sound()
	})
}

func TestW12_WhoBookedElsewhereIsTold(t *testing.T) {
	t.Parallel()
	for _, heard := range []string{"nothing, within the hold", "nothing, with the relay down", "that it is off"} {
		t.Run(heard, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, database string) {
				w := newWorld(t, database)
				s := w.session(capacity(1))
				w.join("zoe", s)
				w.join("wim", s)
				w.told()
				w.callOff(s, "Ill")
				w.clock.Add(time.Second)
				off := []string{}
				switch heard {
				case "nothing, with the relay down":
					w.clock.Add(programs.Hold)
					w.plan()
					off = []string{"cancelled wim superseded", "cancelled zoe superseded"}
				case "that it is off":
					w.told()
					off = []string{"cancelled wim sent", "cancelled zoe sent"}
				}
				w.elsewhere("zoe")
				w.clock.Add(time.Second)
				w.putBackOn(s)
				w.told()
				if heard == "that it is off" {
					sameLedger(t, w.about(s), append(off, "confirmed zoe sent", "reinstated wim sent", "waitlisted wim sent")...)
					if p := w.mail(Reinstated, "wim"); p.Method != request || !strings.Contains(p.Text, "You moved up from the waiting list") {
						t.Errorf("back on, and moved up:\n%s", p.Text)
					}
				} else {
					sameLedger(t, w.about(s), append(off, "confirmed zoe sent", "left zoe sent", "promoted wim sent", "waitlisted wim sent")...)
					if p := w.mail(Left, "zoe"); p.Method != cancel || !strings.Contains(p.Text, "The place has gone") ||
						!strings.Contains(strings.Join(strings.Fields(p.Text), " "), "was cancelled and is back on, but your place in it has gone") {
						t.Errorf("did not return, with %q:\n%s", p.Method, p.Text)
					}
					if p := w.mail(Promoted, "wim"); p.Method != request {
						t.Errorf("moved up with %q", p.Method)
					}
				}
				w.sound()
			})
		})
	}
}

func TestLane_OffAndOnWhileTheRelayIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(func(s *programs.Series) { s.Facilitators = []programs.PersonID{w.person("lea").ID} })
	w.join("zoe", s)
	w.told()
	w.join("ida", s) // whose mail waits from here on
	w.callOff(s, "Ill")
	w.clock.Add(programs.Hold)
	w.plan()
	w.putBackOn(s)
	w.send() // held: whether it is off is not settled
	w.clock.Add(programs.Hold)
	w.plan()
	w.clock.Add(time.Minute)
	w.send()
	got := w.about(s)
	sameLedger(t, slices.DeleteFunc(got, func(s string) bool { return strings.HasSuffix(s, "superseded") }), "confirmed ida sent", "confirmed zoe sent", "moved lea skipped", "moved zoe skipped")
	if p := w.mail(Confirmed, "ida"); p.Method != request || strings.Contains(p.Text, "after all") {
		t.Errorf("who never heard of anything:\n%s", p.Text)
	}

	w.callOff(s, "Ill")
	w.told()
	w.putBackOn(s)
	w.clock.Add(programs.Hold)
	w.plan()
	w.callOff(s, "Ill")
	w.told()
	got = slices.DeleteFunc(w.about(s), func(s string) bool { return !strings.HasSuffix(s, "zoe sent") })
	sameLedger(t, got, "cancelled zoe sent", "confirmed zoe sent")
	w.sound()
}

func TestW12_WhoJoinsAgainIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(nil)
	w.join("zoe", s)
	w.told()
	w.callOff(s, "Ill")
	w.clock.Add(time.Second)
	w.elsewhere("zoe")
	w.clock.Add(time.Second)
	w.putBackOn(s)
	w.join("zoe", s)
	w.told()
	sameLedger(t, w.about(s), "confirmed zoe sent", "confirmed zoe sent")
	w.sound()
}

// TestW5_OfferAndFirstClickAtOnce: an offer is told as one, also when a seat for the first click came before it was planned; and a move
// with which a seat becomes free is one mail that says both.
func TestW5_OfferAndFirstClickAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(capacity(1))
	for _, name := range []string{"zoe", "ida", "wim"} {
		w.join(name, s)
		w.clock.Add(time.Second)
	}
	w.told()
	w.clock.Set(s.StartsAt.Add(-26 * time.Minute))
	w.edit(s, func(d *programs.Details) { two := 2; d.Capacity = &two })
	w.clock.Add(2 * time.Minute)
	w.edit(s, func(d *programs.Details) { three := 3; d.Capacity = &three })
	w.plan()
	w.send()
	sameLedger(t, w.about(s), "confirmed zoe sent", "offered ida sent", "offered wim sent", "waitlisted ida sent", "waitlisted wim sent")
	if p := w.mail(Offered, "ida"); !strings.Contains(p.Text, "is kept for you until") {
		t.Errorf("the offer:\n%s", p.Text)
	}
	w.edit(s, func(d *programs.Details) { four := 4; d.Capacity, d.DurationMinutes = &four, 50 })
	w.plan()
	w.send()
	sameLedger(t, w.about(s)[1:], "moved ida sent", "moved wim sent", "moved zoe sent", "offered ida sent", "offered wim sent", "waitlisted ida sent", "waitlisted wim sent")
	if p := w.mail(Moved, "wim"); !strings.Contains(p.Text, "A place is free") {
		t.Errorf("moved, and a seat is free:\n%s", p.Text)
	}
	w.sound()
}

// TestV5_FrozenIsNotLost: a mail that the relay put off is still owed when the cancellation that made it untrue is undone.
func TestV5_FrozenIsNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	sink := w.relay(notifytest.Options{})
	s := w.session(nil)
	w.join("zoe", s)
	w.plan()
	sink.Break(notifytest.Fault{At: notifytest.RcptTo, Reply: "451 4.7.1 come back later"})
	w.send()
	sink.Heal()
	w.clock.Add(10 * time.Second)
	w.callOff(s, "Ill")
	w.send()
	w.undo()
	w.clock.Add(time.Minute)
	w.told()
	if got := w.about(s); len(sink.Mails()) != 1 {
		t.Errorf("%d mails: %q", len(sink.Mails()), got)
	}
}

// TestV5_UndoneIsUnheard: what waits when a change is made waits until it is final, so that an undone change is told to nobody and
// costs nobody a mail.
func TestV5_UndoneIsUnheard(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		s := w.session(nil)
		w.join("zoe", s)
		w.plan()
		w.callOff(s, "Ill")
		w.send()
		w.undo()
		w.clock.Add(time.Minute)
		w.told()
		sameLedger(t, w.about(s), "confirmed zoe sent")

		w.join("ida", s)
		w.plan()
		w.clock.Add(time.Second)
		w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T15:00") })
		w.send()
		w.undo()
		w.told()
		sameLedger(t, w.about(s), "confirmed ida sent", "confirmed zoe sent")
		if p := w.mail(Confirmed, "ida"); !strings.Contains(p.Text, "12:30–13:15") {
			t.Errorf("told of a move that was undone:\n%s", p.Text)
		}
		w.sound()
	})
}

func TestV5_UndoneEntriesOweNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(nil)
	w.join("zoe", s)
	w.told()
	w.callOff(s, "Ill")
	w.undo()
	do(w, func(tx *store.Tx) (int64, error) { // as if the undo had left its own entries, and those it took back, open
		return tx.Exec(`insert into journal_open (entry) select id from journal where change_id is not null and id not in (select entry from journal_open)`)
	})
	w.told()
	sameLedger(t, w.about(s), "confirmed zoe sent")
	if open := look(w, func(v *store.View) (n int, err error) {
		return n, v.QueryRow(`select count(*) from journal_open`).Scan(&n)
	}); open != 0 {
		t.Errorf("%d entries stay open", open)
	}
}

// TestL2_OwnChangeWithPromotion: a promotion that follows has no actor, and the change still has one.
func TestL2_OwnChangeWithPromotion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(func(s *programs.Series) { capacity(1)(s); s.Facilitators = []programs.PersonID{w.person("lea").ID} })
	w.join("zoe", s)
	w.join("ida", s)
	w.told()
	w.boss = programs.Actor{Person: w.person("lea").ID, Roles: []programs.Role{programs.Admin}}
	w.edit(s, func(d *programs.Details) { two := 2; d.LocalStart, d.Capacity = wall(t, "2026-11-26T15:00"), &two })
	w.told()
	for _, state := range w.about(s) {
		if strings.Contains(state, "lea") {
			t.Errorf("told of their own change: %s", state)
		}
	}
}
