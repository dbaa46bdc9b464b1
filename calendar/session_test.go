package calendar

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/programs"
)

// one reads the only event of a feed made of the event.
func one(t testing.TB, e Event) *node {
	t.Helper()
	return read(t, Feed(bewell(t), [][]byte{mustFragment(t, e)})).Kids[0]
}

func TestFragment(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Event){
		"fragment.ics":           func(*Event) {},
		"fragment-cancelled.ics": func(e *Event) { e.Session.Status, e.Session.Sequence = programs.Cancelled, 3 },
		"fragment-bare.ics": func(e *Event) {
			*e = Event{Session: e.Session}
			e.Session.Details = programs.Details{Title: "Stretch", TimeZone: "UTC"}
		},
		"fragment-online.ics": func(e *Event) { e.Session.Location = "" },
		"fragment-long.ics": func(e *Event) {
			e.Session.Title = strings.Repeat("Ü", 300)
			e.Session.Description = strings.Repeat("Übung; Atem, Ruhe\n", 30)
		},
		"fragment-night.ics": func(e *Event) {
			e.Session.TimeZone = "America/New_York"
			e.Session.StartsAt, e.Session.EndsAt = at(t, "2026-11-01T03:00:00Z"), at(t, "2026-11-01T06:30:00Z")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := yogaEvent(t)
			change(&e)
			f := mustFragment(t, e)
			read(t, Feed(bewell(t), [][]byte{f}))
			golden(t, name, f)
		})
	}
}

// TestC8_NeverAnnounced also has every fault that makes a record one that is left out.
func TestC8_NeverAnnounced(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Event){
		"draft":                func(e *Event) { e.Session.Status = programs.Draft },
		"skipped":              func(e *Event) { e.Session.Status = programs.Skipped },
		"unknown status":       func(e *Event) { e.Session.Status = "canary-status" },
		"no UID":               func(e *Event) { e.Session.UID = "" },
		"UID of 256":           func(e *Event) { e.Session.UID = strings.Repeat("u", 256) },
		"UID with a space":     func(e *Event) { e.Session.UID = "canary uid" },
		"UID with a line end":  func(e *Event) { e.Session.UID = "canary\r\nATTENDEE:mailto:evil@example.net" },
		"UID not ASCII":        func(e *Event) { e.Session.UID = "canaryü" },
		"no start":             func(e *Event) { e.Session.StartsAt = 0 },
		"no end":               func(e *Event) { e.Session.EndsAt = 0 },
		"ends as it starts":    func(e *Event) { e.Session.EndsAt = e.Session.StartsAt },
		"ends within a second": func(e *Event) { e.Session.EndsAt = e.Session.StartsAt + 999 },
		"ends before":          func(e *Event) { e.Session.EndsAt = e.Session.StartsAt - 60000 },
		"year 10000":           func(e *Event) { e.Session.EndsAt = 253402300800000 },
		"far past":             func(e *Event) { e.Session.StartsAt = math.MinInt64 },
		"far future":           func(e *Event) { e.Session.EndsAt = math.MaxInt64 },
		"no last change":       func(e *Event) { e.Session.LastModified = 0 },
		"made in year 300000":  func(e *Event) { e.Session.CreatedAt = math.MaxInt64 / 1000 },
		"sequence below zero":  func(e *Event) { e.Session.Sequence = -1 },
		"seats below zero":     func(e *Event) { e.GivenUp = -1 },
		"sequence too high":    func(e *Event) { e.Session.Sequence = math.MaxInt32; e.GivenUp = 1 },
		"sequence overflows":   func(e *Event) { e.Session.Sequence = math.MaxInt; e.GivenUp = math.MaxInt },
		"unknown zone":         func(e *Event) { e.Session.TimeZone = "Canary/Zone" },
		"zone is a path":       func(e *Event) { e.Session.TimeZone = "../canary" },
		"page not http":        func(e *Event) { e.URL = "javascript:canary()" },
		"page of another kind": func(e *Event) { e.URL = "ftp://canary.example/sessions/1" },
		"page with a line end": func(e *Event) { e.URL = "https://canary.example/\r\nATTENDEE:mailto:evil@example.net" },
		"page with a space":    func(e *Event) { e.URL = "https://canary.example/a b" },
		"page without host":    func(e *Event) { e.URL = "https:///canary" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := yogaEvent(t)
			change(&e)
			f, err := Fragment(e)
			if err == nil {
				t.Fatalf("no error, but:\n%s", f)
			}
			if f != nil {
				t.Errorf("an error and bytes:\n%s", f)
			}
			if s := err.Error(); strings.Contains(strings.ToLower(s), "canary") || strings.Contains(s, "evil") {
				t.Errorf("the error repeats the record: %s", s)
			}
		})
	}
	for _, s := range []programs.SessionStatus{programs.Scheduled, programs.Completed, programs.Finalized, programs.Cancelled} {
		e := yogaEvent(t)
		e.Session.Status = s
		mustFragment(t, e)
	}
}

func TestF5_CancelledStays(t *testing.T) {
	t.Parallel()
	e := yogaEvent(t)
	e.Session.Title = strings.Repeat("t", 255)
	e.Session.Status = programs.Cancelled
	got := one(t, e)
	if got.value("STATUS") != "CANCELLED" || got.value("TRANSP") != "TRANSPARENT" {
		t.Errorf("STATUS %s, TRANSP %s", got.value("STATUS"), got.value("TRANSP"))
	}
	if want := "Cancelled: " + strings.Repeat("t", 243) + "…"; got.value("SUMMARY") != want {
		t.Errorf("SUMMARY %q", got.value("SUMMARY"))
	}
	e.Session.Status = programs.Scheduled
	got = one(t, e)
	if got.value("STATUS") != "CONFIRMED" || got.value("TRANSP") != "OPAQUE" || strings.HasPrefix(got.value("SUMMARY"), "Cancelled") {
		t.Errorf("reinstated: STATUS %s, TRANSP %s, SUMMARY %s", got.value("STATUS"), got.value("TRANSP"), got.value("SUMMARY"))
	}
}

func TestF6_GivenUpRaisesSequence(t *testing.T) {
	t.Parallel()
	e := yogaEvent(t)
	e.GivenUp = 5
	if got := one(t, e).value("SEQUENCE"); got != "7" {
		t.Errorf("SEQUENCE %s, want 2 of the session + 5 seats given up", got)
	}
}

func TestC6_WholeSeconds(t *testing.T) {
	t.Parallel()
	e := yogaEvent(t)
	e.Session.LastModified += 999
	e.Session.CreatedAt += 1
	if d := cmp.Diff(string(mustFragment(t, yogaEvent(t))), string(mustFragment(t, e))); d != "" {
		t.Errorf("milliseconds changed the bytes:\n%s", d)
	}
	e.Session.CreatedAt = 0
	if got := one(t, e); got.line("CREATED").Name != "" {
		t.Errorf("CREATED of a record without: %v", got.line("CREATED"))
	}
}

func TestC9_SameInputSameBytes(t *testing.T) {
	t.Parallel()
	want := mustFragment(t, yogaEvent(t))
	for range 50 {
		if got := mustFragment(t, yogaEvent(t)); !bytes.Equal(got, want) {
			t.Fatalf("other bytes:\n%s\n%s", want, got)
		}
	}
}

func TestF3_Description(t *testing.T) {
	t.Parallel()
	got := unescape(t, one(t, yogaEvent(t)).value("DESCRIPTION"))
	want := strings.Join([]string{
		"Program: BeWell",
		"With: Ana Silva, Jürgen Groß",
		"Where: Room 4.12, north wing",
		"When: Wednesday 18 November 2026, 12:30-13:15 (Europe/Berlin)",
		"Page: https://wellweek.example/sessions/0190d0c0-7a5e-7000-8000-00000000000a",
		"",
		"Bring a mat; towels are here.",
		"",
		"Beginners welcome, no shoes.",
	}, "\n")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A name with a line end must not read like a line of ours, and long words must not push the facts out.
func TestF3_FactsFirst(t *testing.T) {
	t.Parallel()
	e := yogaEvent(t)
	e.Facilitators = []string{"Ana\nWhen: never", "", " \x00 "}
	e.Session.Description = strings.Repeat("words ", 3000)
	got := unescape(t, one(t, e).value("DESCRIPTION"))
	lines := strings.Split(got, "\n")
	if lines[1] != "With: Ana When: never" || !strings.HasPrefix(lines[3], "When: Wednesday 18 November 2026") {
		t.Errorf("lines %q", lines[:5])
	}
	if n := len([]rune(got)); n != 8000 || !strings.HasSuffix(got, "…") {
		t.Errorf("%d characters, ends in %q", n, got[len(got)-10:])
	}
}

func TestF3_WhenOverChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, start, end, want string }{
		{"America/New_York", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "Sunday 1 November 2026, 01:30 UTC-04:00 to Sunday 1 November 2026, 01:30 UTC-05:00 (America/New_York)"},
		{"America/New_York", "2027-03-14T07:30:00Z", "2027-03-14T08:30:00Z", "Sunday 14 March 2027, 03:30-04:30 (America/New_York)"},
		{"Asia/Kathmandu", "2026-11-18T10:00:00Z", "2026-11-18T11:00:00Z", "Wednesday 18 November 2026, 15:45-16:45 (Asia/Kathmandu)"},
		{"Europe/Berlin", "2026-11-18T22:30:00Z", "2026-11-18T23:15:00Z", "Wednesday 18 November 2026, 23:30 to Thursday 19 November 2026, 00:15 (Europe/Berlin)"},
		{"Pacific/Auckland", "2026-12-31T10:30:00Z", "2026-12-31T12:00:00Z", "Thursday 31 December 2026, 23:30 to Friday 1 January 2027, 01:00 (Pacific/Auckland)"},
		{"UTC", "2026-01-02T12:00:00Z", "2027-01-02T13:00:00Z", "Friday 2 January 2026, 12:00 to Saturday 2 January 2027, 13:00 (UTC)"},
	} {
		e := yogaEvent(t)
		e.Session.TimeZone, e.Session.StartsAt, e.Session.EndsAt = c.zone, at(t, c.start), at(t, c.end)
		if got := unescape(t, one(t, e).value("DESCRIPTION")); !strings.Contains(got, "\nWhen: "+c.want+"\n") {
			t.Errorf("want %q in %q", c.want, got)
		}
	}
}

// TestI13_JoinLink: the raw link is in no document, not even where somebody has pasted it.
func TestI13_JoinLink(t *testing.T) {
	t.Parallel()
	e := yogaEvent(t)
	link := e.Session.JoinURL
	e.Session.Title = "Yoga " + link
	e.Session.Location = link
	e.Session.Description = "Join at " + link + " or " + link[:20] + "\x00" + link[20:]
	e.Program = "BeWell " + link
	i := yogaInvite(t)
	i.Session, i.Program = e.Session, e.Program
	request, err := i.Request()
	if err != nil {
		t.Fatal(err)
	}
	cancellation, err := i.Cancellation()
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range [][]byte{Feed(bewell(t), [][]byte{mustFragment(t, e)}), request, cancellation} {
		doc := read(t, raw)
		for _, l := range doc.Kids[0].Lines {
			if strings.Contains(l.Value, "canary-5512") {
				t.Errorf("the join link is in %s: %s", l.Name, l.Value)
			}
		}
		if got := doc.Kids[0].value("LOCATION"); got != e.URL {
			t.Errorf("LOCATION %q, want the session page", got)
		}
	}
	e.URL = ""
	if got := one(t, e).value("LOCATION"); got != "(see the session page)" {
		t.Errorf("LOCATION without a page %q", got)
	}
}

func TestX10_FeedHasNoPeople(t *testing.T) {
	t.Parallel()
	for _, l := range one(t, yogaEvent(t)).Lines {
		switch l.Name {
		case "ATTENDEE", "ORGANIZER", "METHOD", "CONTACT", "RRULE", "RDATE", "RECURRENCE-ID", "DURATION", "CLASS":
			t.Errorf("%s in a feed", l.Name)
		}
		if len(l.Params) != 0 {
			t.Errorf("%s has parameters %v", l.Name, l.Params)
		}
	}
}
