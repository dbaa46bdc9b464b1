package web

import (
	"bytes"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
)

func at(y int, m time.Month, d, h, min int) programs.Instant {
	return programs.At(time.Date(y, m, d, h, min, 0, 0, time.UTC))
}

func TestWhen(t *testing.T) {
	t.Parallel()
	berlin, york := zoneOf("Europe/Berlin"), zoneOf("America/New_York")
	now := at(2026, 11, 18, 9, 0)
	for _, c := range []struct{ got, want string }{
		{berlin.span(at(2026, 11, 18, 11, 30), at(2026, 11, 18, 12, 15), now), "Wed 18 November, 12:30–13:15"},
		{york.span(at(2026, 11, 18, 11, 30), at(2026, 11, 18, 12, 15), now), "Wed 18 November, 06:30–07:15"},
		{berlin.span(at(2026, 11, 18, 22, 30), at(2026, 11, 19, 0, 30), now), "Wed 18 November, 23:30–Thu 19 November, 01:30"},
		{berlin.span(at(2027, 1, 4, 8, 0), at(2027, 1, 4, 9, 0), now), "Mon 4 January 2027, 09:00–10:00"},
		{york.city(), "New York"},
		{zoneOf("America/Argentina/Buenos_Aires").city(), "Buenos Aires"},
		{zoneOf("").city(), "UTC"},
		{zoneOf("Nowhere/None").city(), "UTC"},
		{long(berlin.date(at(2026, 11, 17, 23, 0))), "Wednesday 18 November"},
		{long(york.date(at(2026, 11, 18, 4, 59))), "Tuesday 17 November"},
		{days(programs.DateOf(2026, 11, 16), programs.DateOf(2026, 11, 29)), "16 – 29 November"},
		{days(programs.DateOf(2026, 12, 23), programs.DateOf(2027, 1, 5)), "23 December – 5 January"},
		{length(45), "45 min"},
		{length(119), "119 min"},
		{length(120), "2 h"},
		{length(150), "2 h 30 min"},
		{length(2880), "2 days"},
		{length(1440), "24 h"},
		{count(1, "place", "places"), "1 place"},
		{count(0, "place", "places"), "0 places"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	// A day begins when the clock of the zone says so, also on the days on which it is changed.
	if got, want := berlin.start(programs.DateOf(2026, 10, 26)).Sub(berlin.start(programs.DateOf(2026, 10, 25))), 25*time.Hour; got != want {
		t.Errorf("the day lasts %v", got)
	}
	if !zoneOf("Europe/Lisbon").same(zoneOf("Europe/London"), now) || zoneOf("Europe/Lisbon").same(berlin, now) {
		t.Error("which zones show the same clock")
	}
}

func TestSeats(t *testing.T) {
	t.Parallel()
	n := func(i int) *int { return &i }
	for _, c := range []struct {
		s    programs.Session
		want seats
	}{
		{programs.Session{}, seats{Say: "Open to everyone"}},
		{programs.Session{Taken: 1}, seats{Say: "Open to everyone, 1 person going"}},
		{programs.Session{Taken: 2, Details: programs.Details{Capacity: n(8)}}, seats{Say: "6 of 8 places left", Bar: true, Step: 5}},
		{programs.Session{Details: programs.Details{Capacity: n(1)}}, seats{Say: "1 of 1 place left", Bar: true}},
		{programs.Session{Taken: 8, Details: programs.Details{Capacity: n(8)}}, seats{Say: "Full, nobody waiting", Warn: true, Bar: true, Step: 20}},
		{programs.Session{Taken: 8, Waiting: 1, Details: programs.Details{Capacity: n(8)}}, seats{Say: "Full, 1 person waiting", Warn: true, Bar: true, Step: 20}},
		{programs.Session{Taken: 9, Forced: true, Waiting: 2, Details: programs.Details{Capacity: n(8)}}, seats{Say: "Full, 2 people waiting", Warn: true, Bar: true, Step: 20}},
		{programs.Session{Details: programs.Details{Capacity: n(0)}}, seats{Say: "No places", Warn: true}},
	} {
		if got := seatsOf(c.s); got != c.want {
			t.Errorf("%+v, want %+v", got, c.want)
		}
	}
}

// A program's color stays when another one is added.
func TestHues(t *testing.T) {
	t.Parallel()
	var all []programs.Program
	for i, k := range []programs.Kind{programs.Wellness, programs.Wellness, programs.Childcare, programs.Training, programs.Wellness, programs.Wellness, programs.Other, "unknown"} {
		all = append(all, programs.Program{ID: programs.ProgramID(rune('a' + i)), Kind: k, CreatedAt: programs.Instant(i)})
	}
	before := hues(all[:4])
	after := hues(append([]programs.Program{all[7], all[5]}, all[:7]...))
	for id, h := range before {
		if after[id] != h {
			t.Errorf("%s changed from %s to %s", id, h, after[id])
		}
	}
	if after["a"] != "green" || after["b"] != "sky" || after["c"] != "coral" || after["d"] != "indigo" || after["h"] == "" {
		t.Errorf("%v", after)
	}
}

// The first page with 50 sessions stays under its budget of 12 kB on the wire.
func TestHubBudget(t *testing.T) {
	t.Parallel()
	w := full(t)
	_, html := w.get("/")
	cards := bytes.Count([]byte(html), []byte(`<li class="w-card`))
	size := len(squeeze([]byte(html))) * 50 / cards
	t.Logf("%d sessions, %d bytes, %d for 50", cards, len(squeeze([]byte(html))), size)
	if cards < 20 || size > 12_000 {
		t.Errorf("%d sessions, %d bytes for 50", cards, size)
	}
}
