package notify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func TestL7_WholeDaysAreLocalDays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, starts, zone string
		minutes            int
		want               string
	}{
		{"an ordinary day", "2026-11-26T11:30:00Z", "Europe/Berlin", 1440, "2026-11-25T11:30:00Z"},
		{"elapsed minutes", "2026-11-26T11:30:00Z", "Europe/Berlin", 30, "2026-11-26T11:00:00Z"},
		{"25 hours in autumn, Berlin", "2026-10-25T11:30:00Z", "Europe/Berlin", 1440, "2026-10-24T10:30:00Z"},
		{"23 hours in spring, Berlin", "2027-03-28T10:30:00Z", "Europe/Berlin", 1440, "2027-03-27T11:30:00Z"},
		{"a week over the spring change, New York", "2027-03-18T16:00:00Z", "America/New_York", 7 * 1440, "2027-03-11T17:00:00Z"},
		{"the southern spring, Santiago", "2026-09-06T15:00:00Z", "America/Santiago", 1440, "2026-09-05T16:00:00Z"},
		{"half an hour, Lord Howe", "2026-10-04T01:00:00Z", "Australia/Lord_Howe", 1440, "2026-10-03T01:30:00Z"},
		{"a wall time that the day before skips", "2027-03-29T00:30:00Z", "Europe/Berlin", 1440, "2027-03-28T01:30:00Z"},
		{"12 hours are elapsed", "2026-10-25T11:30:00Z", "Europe/Berlin", 720, "2026-10-24T23:30:00Z"},
	} {
		got, err := remindAt(instant(c.starts), c.minutes, c.zone)
		if err != nil || got != instant(c.want) {
			t.Errorf("%s: %v, want %s (%v)", c.name, got, c.want, err)
		}
	}
}

// until runs the loop as it runs in production, every 30 seconds, and returns when reminders were made.
func until(w *world, from, to string, step time.Duration) []programs.Instant {
	w.Helper()
	var made []programs.Instant
	for at := instant(from); at <= instant(to); at = at.Add(step) {
		w.clock.Set(at)
		for range w.remind() {
			made = append(made, at)
		}
	}
	return made
}

func TestRemind(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		s := w.session(capacity(2)) // 26 November, 12:30 in Berlin; 24 hours and 30 minutes before
		w.join("zoe", s)
		w.personIn("wim", "America/New_York")
		w.joinAs(w.actor("wim"), "wim", s, w.child("wim", "Tim"))
		w.join("ida", s) // waits: not reminded
		w.told()
		got := until(w, "2026-11-25T11:20:00Z", "2026-11-26T11:20:00Z", 10*time.Minute)
		if want := []programs.Instant{instant("2026-11-25T11:30:00Z"), instant("2026-11-25T11:30:00Z"), instant("2026-11-26T11:00:00Z"), instant("2026-11-26T11:00:00Z")}; !slices.Equal(got, want) {
			t.Errorf("reminded at %v, want %v", got, want)
		}
		w.clock.Set(instant("2026-11-26T11:29:00Z"))
		w.send()
		want(t, w, "confirmed zoe sent", "confirmed wim sent", "waitlisted ida sent",
			"reminder zoe superseded", "reminder wim superseded", "reminder zoe sent", "reminder wim sent")
		if p := w.mail(Reminder, "wim"); p.Calendar != "" || !strings.Contains(p.Text, "06:30–07:15, New York time (EST)") {
			t.Errorf("the reminder:\n%s", p.Text)
		}
	})
}

// TestRemind_ClockChange: the loop finds a reminder that is not a multiple of 24 hours before the start, in both directions, and in
// the reader's zone rather than the session's.
func TestRemind_ClockChange(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ zone, now, local, from, to, want string }{
		"25 hours, Berlin":        {"", "2027-10-25T09:00:00Z", "2027-10-31T12:30", "2027-10-30T09:00:00Z", "2027-10-30T13:00:00Z", "2027-10-30T10:30:00Z"},
		"23 hours, Berlin":        {"", "2027-03-22T09:00:00Z", "2027-03-28T12:30", "2027-03-27T09:00:00Z", "2027-03-27T13:00:00Z", "2027-03-27T11:30:00Z"},
		"24 hours here, 25 there": {"America/New_York", "2027-11-01T09:00:00Z", "2027-11-07T18:30", "2027-11-06T15:00:00Z", "2027-11-06T19:00:00Z", "2027-11-06T16:30:00Z"},
		"the southern spring":     {"America/Santiago", "2027-09-01T09:00:00Z", "2027-09-05T18:30", "2027-09-04T14:00:00Z", "2027-09-04T19:00:00Z", "2027-09-04T17:30:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, storetest.SQLite(t))
			w.clock.Set(instant(c.now))
			w.personIn("zoe", c.zone)
			s := w.session(func(s *programs.Series) { s.LocalStart, s.ReminderMinutes = wall(t, c.local), []int{1440} })
			w.join("zoe", s)
			if got, want := until(w, c.from, c.to, 10*time.Minute), []programs.Instant{instant(c.want)}; !slices.Equal(got, want) {
				t.Errorf("reminded at %v, want %v", got, want)
			}
		})
	}
}

func TestRemind_LateJoiner(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(capacity(1))
	zoe := w.join("zoe", s)
	w.join("wim", s)
	w.clock.Set(instant("2026-11-25T12:00:00Z")) // 23.5 hours before
	w.leave(w.actor("zoe"), zoe)                 // wim moves up after the first offset's instant
	got := until(w, "2026-11-25T12:00:00Z", "2026-11-26T11:30:00Z", 10*time.Minute)
	if want := []programs.Instant{instant("2026-11-26T11:00:00Z")}; !slices.Equal(got, want) {
		t.Errorf("reminded at %v, want %v", got, want)
	}
}

func TestRemind_MovedSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	s := w.session(nil)
	w.join("zoe", s)
	w.told()
	until(w, "2026-11-25T11:00:00Z", "2026-11-25T12:00:00Z", 10*time.Minute)
	if n := len(w.ledger()); n != 2 {
		t.Fatalf("%d messages before the move", n)
	}
	w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-28T12:30") })
	w.clock.Add(programs.Hold)
	w.plan()
	w.send()
	want(t, w, "confirmed zoe sent", "reminder zoe superseded", "moved zoe sent") // the reminder was still unsent
	if got, want := until(w, "2026-11-25T12:10:00Z", "2026-11-28T11:30:00Z", 10*time.Minute), []programs.Instant{instant("2026-11-27T11:30:00Z"), instant("2026-11-28T11:00:00Z")}; !slices.Equal(got, want) {
		t.Errorf("after the move, reminded at %v, want %v", got, want)
	}
	// Moved to where an offset is past already: the notice of the move is enough.
	w = newWorld(t, storetest.SQLite(t))
	s = w.session(nil)
	w.join("zoe", s)
	w.clock.Set(instant("2026-11-24T09:00:00Z"))
	w.remind()
	w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-24T20:00") })
	w.told()
	if got, want := until(w, "2026-11-24T09:10:00Z", "2026-11-24T19:00:00Z", 10*time.Minute), []programs.Instant{instant("2026-11-24T18:30:00Z")}; !slices.Equal(got, want) {
		t.Errorf("moved to the same day, reminded at %v, want %v", got, want)
	}
}

func TestRemind_OwnOffsetsOfASeries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.join("zoe", w.session(func(s *programs.Series) { s.ReminderMinutes = []int{2880, 10} }))
	w.join("zoe", w.session(func(s *programs.Series) { s.ReminderMinutes = []int{} }))
	got := until(w, "2026-11-24T11:00:00Z", "2026-11-26T11:30:00Z", 10*time.Minute)
	if want := []programs.Instant{instant("2026-11-24T11:30:00Z"), instant("2026-11-26T11:20:00Z")}; !slices.Equal(got, want) {
		t.Errorf("reminded at %v, want %v", got, want)
	}
}

// TestT4_ClockJumps: after a stop what is still worth it is sent, once; a clock that goes back repeats nothing; and one that was far
// ahead loses nothing.
func TestT4_ClockJumps(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *world {
		w := newWorld(t, storetest.SQLite(t))
		w.join("zoe", w.session(nil))
		w.told()
		w.remind()
		return w
	}
	t.Run("a stop of 12 hours", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		w.clock.Set(instant("2026-11-25T23:30:00Z"))
		if n := w.remind(); n != 1 {
			t.Errorf("%d reminders caught up", n)
		}
	})
	t.Run("an hour back", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		w.clock.Set(instant("2026-11-25T11:31:00Z"))
		w.remind()
		// The store never hands out an earlier instant in one process; after a restart it does.
		do(w, func(tx *store.Tx) (int64, error) {
			return tx.Exec(`update marks set at = $1`, int64(instant("2026-11-25T13:00:00Z")))
		})
		w.clock.Set(instant("2026-11-25T11:32:00Z"))
		if n := w.remind(); n != 0 {
			t.Errorf("%d reminders repeated", n)
		}
	})
	t.Run("a mark of next year", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		do(w, func(tx *store.Tx) (int64, error) {
			return tx.Exec(`update marks set at = $1`, int64(instant("2027-12-30T13:00:00Z")))
		})
		w.clock.Set(instant("2026-11-25T11:30:00Z"))
		if n := w.remind(); n != 1 {
			t.Errorf("%d reminders", n)
		}
	})
	t.Run("a stop of 400 days", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		w.clock.Set(instant("2026-11-25T11:30:00Z"))
		w.remind()
		w.clock.Set(instant("2027-12-30T13:00:00Z"))
		w.remind()
		w.send()
		want(t, w, "confirmed zoe sent", "reminder zoe expired")
	})
}
