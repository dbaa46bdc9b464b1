package calendar

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/programs"
)

// fortnight is three sessions of a feed in their order, the second one cancelled.
func fortnight(t testing.TB) []Event {
	t.Helper()
	first, second, third := yogaEvent(t), yogaEvent(t), yogaEvent(t)
	second.Session.UID = "0190d0c0-7a5e-7000-8000-00000000000b@wellweek.example"
	second.URL = "https://wellweek.example/sessions/0190d0c0-7a5e-7000-8000-00000000000b"
	second.Session.StartsAt, second.Session.EndsAt = at(t, "2026-11-25T11:30:00Z"), at(t, "2026-11-25T12:15:00Z")
	second.Session.Status, second.Session.Sequence = programs.Cancelled, 1
	third.Session.UID = "0190d0c0-7a5e-7000-8000-00000000000c@wellweek.example"
	third.URL = "https://wellweek.example/sessions/0190d0c0-7a5e-7000-8000-00000000000c"
	third.Session.StartsAt, third.Session.EndsAt = at(t, "2026-12-02T11:30:00Z"), at(t, "2026-12-02T12:15:00Z")
	third.Session.Details = programs.Details{Title: "Blutspende; Grüße, Straße & 🩸", TimeZone: "Europe/Berlin", JoinURL: "https://video.example.com/j/2"}
	third.GivenUp = 1
	return []Event{first, second, third}
}

func fragments(t testing.TB, events []Event) [][]byte {
	t.Helper()
	var out [][]byte
	for _, e := range events {
		out = append(out, mustFragment(t, e))
	}
	return out
}

func TestFeed(t *testing.T) {
	t.Parallel()
	got := Feed(bewell(t), fragments(t, fortnight(t)))
	if n := len(read(t, got).Kids); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
	golden(t, "feed.ics", got)
}

func TestF9_EmptyFeed(t *testing.T) {
	t.Parallel()
	got := Feed(bewell(t), nil)
	golden(t, "feed-empty.ics", got)
	doc := read(t, got)
	if len(doc.Kids) != 1 || doc.Kids[0].value("UID") != "empty-0190d0c0-7a5e-7000-8000-0000000000fe" || doc.Kids[0].value("DTSTAMP") != "20261001T080000Z" {
		t.Errorf("not the one event of an empty feed:\n%s", got)
	}
	if bytes.Contains(Feed(bewell(t), fragments(t, fortnight(t))), []byte("No sessions yet")) {
		t.Error("the event of an empty feed is in one with sessions")
	}
	for _, created := range []programs.Instant{0, -1, 1 << 62, -1 << 62} {
		h := bewell(t)
		h.Created = created
		if stamp := read(t, Feed(h, nil)).Kids[0].value("DTSTAMP"); stamp != "20000101T000000Z" {
			t.Errorf("created at %d: DTSTAMP %s", created, stamp)
		}
	}
}

func TestF1F2_Header(t *testing.T) {
	t.Parallel()
	doc := read(t, Feed(bewell(t), nil))
	want := []line{
		{"VERSION", map[string]string{}, "2.0"},
		{"PRODID", map[string]string{}, "-//Wellweek//Wellweek//EN"},
		{"CALSCALE", map[string]string{}, "GREGORIAN"},
		{"UID", map[string]string{}, "0190d0c0-7a5e-7000-8000-0000000000fe"},
		{"NAME", map[string]string{}, `BeWell\; all weeks`},
		{"X-WR-CALNAME", map[string]string{}, `BeWell\; all weeks`},
		{"X-WR-CALDESC", map[string]string{}, `Every session\, as announced`},
		{"X-WR-TIMEZONE", map[string]string{}, "Europe/Berlin"},
		{"REFRESH-INTERVAL", map[string]string{"VALUE": "DURATION"}, "PT1H"},
		{"X-PUBLISHED-TTL", map[string]string{}, "PT1H"},
	}
	if d := cmp.Diff(want, doc.Lines); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	doc = read(t, Feed(Header{ID: " a\r\nB;c,\x7fü\\", TimeZone: "Local"}, nil))
	for name, want := range map[string]string{"UID": `aB\;c\,\\`, "NAME": "Wellweek", "X-WR-CALNAME": "Wellweek", "X-WR-TIMEZONE": "UTC", "X-WR-CALDESC": ""} {
		if got := doc.value(name); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
}

// TestF8_OneBadRecord: of 50 records one is poisoned, in each of the ways a row can be; the 49 others are served as they were.
func TestF8_OneBadRecord(t *testing.T) {
	t.Parallel()
	for name, poison := range map[string]func(*programs.Session){
		"uid":      func(s *programs.Session) { s.UID = "x\r\nEND:VEVENT" },
		"zone":     func(s *programs.Session) { s.TimeZone = "\x00" },
		"times":    func(s *programs.Session) { s.EndsAt = -s.EndsAt },
		"sequence": func(s *programs.Session) { s.Sequence = -7 },
		"state":    func(s *programs.Session) { s.Status = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all, served []string
			var good [][]byte
			for n := range 50 {
				e := yogaEvent(t)
				e.Session.UID = fmt.Sprintf("session-%02d", n)
				if n == 23 {
					poison(&e.Session)
				} else {
					all = append(all, e.Session.UID)
				}
				if f, err := Fragment(e); err == nil {
					good = append(good, f)
				}
			}
			for _, kid := range read(t, Feed(bewell(t), good)).Kids {
				served = append(served, kid.value("UID"))
			}
			if d := cmp.Diff(all, served); d != "" {
				t.Errorf("(-want +served):\n%s", d)
			}
		})
	}
}

// TestF10_ChangedOne: a feed after a change differs in that session's fragment alone.
func TestF10_ChangedOne(t *testing.T) {
	t.Parallel()
	before := fragments(t, fortnight(t))
	after := slices.Clone(before)
	changed := fortnight(t)[1]
	changed.Session.Status, changed.Session.Sequence = programs.Scheduled, 2
	after[1] = mustFragment(t, changed)
	got := Feed(bewell(t), after)
	want := bytes.Replace(Feed(bewell(t), before), before[1], after[1], 1)
	if !bytes.Equal(got, want) || bytes.Equal(before[1], after[1]) {
		t.Errorf("more or less than one fragment changed:\n%s", got)
	}
	for i, f := range before {
		if !bytes.Equal(f, fragments(t, fortnight(t))[i]) {
			t.Errorf("Feed wrote into fragment %d", i)
		}
	}
}

func FuzzFeed(f *testing.F) {
	for i, s := range hostile() {
		if i%7 == 0 {
			f.Add(s, "Yoga", "Room 1", "Ana", "uid-1", "https://wellweek.example/sessions/1", "Europe/Berlin", int64(1795001400000), int64(2700000), 0, 1)
			f.Add("Yoga", s, s, s, s, s, s, int64(i), int64(-i), i, i)
		}
	}
	f.Fuzz(func(t *testing.T, title, description, place, name, uid, page, zone string, start, length int64, sequence, status int) {
		states := []programs.SessionStatus{programs.Draft, programs.Scheduled, programs.Cancelled, programs.Completed, programs.Finalized, programs.Skipped}
		e := Event{
			Session: programs.Session{
				UID: uid, StartsAt: programs.Instant(start), EndsAt: programs.Instant(start + length), Sequence: sequence,
				Status: states[uint(status)%6], LastModified: programs.Instant(start), CreatedAt: programs.Instant(length),
				Details: programs.Details{Title: title, Description: description, Location: place, TimeZone: zone, JoinURL: page},
			},
			Program: name, Facilitators: []string{name, title}, URL: page,
		}
		events := [][]byte{mustFragment(t, yogaEvent(t))}
		if fragment, err := Fragment(e); err == nil {
			events = append(events, fragment)
			if err := known(fragment); err != nil {
				t.Error(err)
			}
		}
		feed := Feed(Header{ID: programs.FeedID(uid), Name: name, Description: description, TimeZone: zone, Created: programs.Instant(start)}, events)
		if doc := read(t, feed); len(doc.Kids) != len(events) {
			t.Errorf("%d events went in, %d came out", len(events), len(doc.Kids))
		}
		i := yogaInvite(t)
		i.Session, i.Program, i.Facilitators, i.URL, i.Sequence = e.Session, e.Program, e.Facilitators, e.URL, sequence
		i.Attendee = Address{Name: name, Email: title}
		for _, make := range []func() ([]byte, error){i.Request, i.Cancellation} {
			if raw, err := make(); err == nil {
				read(t, raw)
			}
			i.Attendee.Email = "ann@example.org"
		}
	})
}

// known fails on a line of a fragment whose name is not in this list, which is written out here a second time on purpose.
func known(fragment []byte) error {
	names := strings.Fields(`BEGIN END UID DTSTAMP DTSTART DTEND CREATED LAST-MODIFIED SEQUENCE STATUS TRANSP SUMMARY LOCATION DESCRIPTION URL`)
	for l := range strings.SplitSeq(strings.ReplaceAll(string(fragment), "\r\n ", ""), "\r\n") {
		name, _, _ := strings.Cut(l, ":")
		name, _, _ = strings.Cut(name, ";")
		if l != "" && !slices.Contains(names, name) {
			return fmt.Errorf("unknown property %q", name)
		}
	}
	return nil
}
