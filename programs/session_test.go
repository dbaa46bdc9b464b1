package programs_test

import (
	"errors"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
)

func TestHoldUntil(t *testing.T) {
	t.Parallel()
	now := programs.At(time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC))
	for name, row := range map[string]struct {
		starts programs.Instant
		want   programs.Instant
	}{
		"next week":       {now.Add(7 * 24 * time.Hour), now.Add(2 * time.Minute)},
		"in two hours":    {now.Add(2 * time.Hour), now},
		"just over two":   {now.Add(2*time.Hour + time.Millisecond), now.Add(2 * time.Minute)},
		"started already": {now.Add(-time.Hour), now},
	} {
		if got := programs.HoldUntil(now, row.starts); got != row.want {
			t.Errorf("V4 %s: %s", name, got)
		}
	}
}

func TestFeedWindow_IsAnchoredToMonday(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ now, monday string }{
		{"2027-03-01T00:00:00Z", "2027-03-01"}, {"2027-03-07T23:59:59Z", "2027-03-01"}, {"2027-03-08T00:00:00Z", "2027-03-08"}, {"2026-11-21T22:44:00Z", "2026-11-16"},
	} {
		at, err := time.Parse(time.RFC3339, row.now)
		if err != nil {
			t.Fatal(err)
		}
		monday, from, until, ended := programs.FeedWindow(programs.At(at))
		if monday.String() != row.monday || monday.Weekday() != time.Monday {
			t.Errorf("%s: %s", row.now, monday)
		}
		start := programs.Instant(int64(monday) * 86400000)
		if start.Sub(from) != 180*24*time.Hour || until.Sub(start) != 400*24*time.Hour || start.Sub(ended) != 30*24*time.Hour {
			t.Errorf("%s: %s..%s, cancelled from %s", row.now, from, until, ended)
		}
	}
}

func TestPromote_OrderAndBounds(t *testing.T) {
	t.Parallel()
	start := programs.At(time.Date(2027, 3, 16, 11, 30, 0, 0, time.UTC))
	p := programs.Defaults()
	four := 4
	p.MinAge = &four
	list := func(n int) (out []programs.Candidate) {
		for i := range n {
			out = append(out, programs.Candidate{PersonStatus: programs.Active, Signup: programs.Signup{ID: programs.SignupID(rune('a' + i)), State: programs.Waitlisted}})
		}
		return out
	}
	child := list(1)[0]
	child.Dependent, child.MayBook, child.BirthDate = "kid", true, programs.DateOf(2025, 1, 1)
	unbooked := list(1)[0]
	unbooked.Dependent = "kid"
	for name, row := range map[string]struct {
		capacity, taken int
		before          time.Duration
		waiting         []programs.Candidate
		verbs           []programs.Verb
		free            bool
	}{
		"full":                             {2, 2, 48 * time.Hour, list(3), nil, false},
		"over capacity":                    {2, 3, 48 * time.Hour, list(3), nil, false},
		"two seats, three waiting":         {2, 0, 48 * time.Hour, list(3), []programs.Verb{programs.SignupPromoted, programs.SignupPromoted}, false},
		"exactly at the cutoff":            {1, 0, 12 * time.Hour, list(1), []programs.Verb{programs.SignupPromoted}, false},
		"after the cutoff":                 {1, 0, 12*time.Hour - time.Millisecond, list(2), []programs.Verb{programs.SignupOffered}, false},
		"ten minutes to answer":            {1, 0, 25 * time.Minute, list(2), []programs.Verb{programs.SignupOffered}, false},
		"less than ten":                    {1, 0, 25*time.Minute - time.Millisecond, list(2), nil, true},
		"started":                          {1, 0, 0, list(2), nil, false},
		"a child too young is passed over": {1, 0, 48 * time.Hour, append([]programs.Candidate{child}, list(1)...), []programs.Verb{programs.SignupPassed, programs.SignupPromoted}, false},
		"a guardian who lost the right":    {1, 0, 48 * time.Hour, append([]programs.Candidate{unbooked}, list(1)...), []programs.Verb{programs.SignupPassed, programs.SignupPromoted}, false},
	} {
		s := programs.Session{Status: programs.Scheduled, StartsAt: start, EndsAt: start.Add(time.Hour), Taken: row.taken, Waiting: len(row.waiting)}
		s.Capacity = &row.capacity
		moves, free := programs.Promote(s, p, row.waiting, start.Add(-row.before))
		var verbs []programs.Verb
		for _, m := range moves {
			verbs = append(verbs, m.Verb)
		}
		if len(verbs) != len(row.verbs) || free != row.free {
			t.Errorf("%s: %q, first click %t", name, verbs, free)
			continue
		}
		for i := range verbs {
			if verbs[i] != row.verbs[i] {
				t.Errorf("%s: %q, want %q", name, verbs, row.verbs)
			}
		}
	}
}

func TestDetailsCheck_RefusesBadLinks(t *testing.T) {
	t.Parallel()
	d := programs.Details{Title: "Yoga", TimeZone: "Europe/Berlin", DurationMinutes: 45}
	for link, good := range map[string]bool{
		"": true, "https://meet.example.org/a?b=c#d": true, "http://10.0.0.1/x": true,
		"javascript:alert(1)": false, "https://": false, "//evil.example": false, "https://user:pw@host/": false, "https://a b/": false, "https://a\r\nX: y": false, "ftp://x/y": false,
	} {
		d.JoinURL = link
		if err := d.Check(); (err == nil) != good || err != nil && !errors.Is(err, programs.Invalid) {
			t.Errorf("%q: %v", link, err)
		}
	}
}
