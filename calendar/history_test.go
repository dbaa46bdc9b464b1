package calendar

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/wellweek/wellweek/programs"
)

// mailbox is what one person was told about the session, and what that person's feed showed.
type mailbox struct {
	address  string
	seat     bool
	givenUp  int
	answer   string
	last     Invite         // as sent last; no Session: nothing yet
	method   string         // of the last document
	highest  map[string]int // UID to the highest SEQUENCE the feed has shown
	feed     []byte
	document []byte
}

// world is one session with two people and the rules of programs (S8, C6) and notify (L4) that its documents rest on, in as few
// lines as they have. What is tested is whether documents made from such records pass the rules of an update.
type world struct {
	now     programs.Instant
	session programs.Session
	other   programs.Session // never changes, is always in both feeds
	people  []*mailbox
}

func newWorld(t testing.TB) *world {
	w := &world{now: at(t, "2026-11-03T09:15:07Z"), session: yoga(t), other: yoga(t)}
	w.session.Sequence = 0
	w.other.UID, w.other.StartsAt, w.other.EndsAt = "other", w.session.StartsAt+3600000, w.session.EndsAt+3600000
	for _, address := range []string{"ann@example.org", "ben@example.org"} {
		w.people = append(w.people, &mailbox{address: address, answer: "ACCEPTED", highest: map[string]int{}})
	}
	return w
}

// acts are what can happen; each reports whether it did.
func (w *world) acts() map[string]func(who *mailbox, n int) bool {
	scheduled := func() bool { return w.session.Status == programs.Scheduled }
	touch := func(sequence int) bool {
		w.session.Sequence += sequence
		w.session.LastModified = max(w.now/1000*1000, w.session.LastModified+1000)
		return true
	}
	return map[string]func(*mailbox, int) bool{
		"wait": func(_ *mailbox, n int) bool { w.now += programs.Instant(n * 700); return false },
		"move": func(_ *mailbox, n int) bool {
			if !scheduled() {
				return false
			}
			w.session.StartsAt += programs.Instant(n+1) * 300000
			w.session.EndsAt = w.session.StartsAt + programs.Instant(n+1)*60000
			return touch(1)
		},
		"place": func(_ *mailbox, n int) bool {
			if !scheduled() {
				return false
			}
			w.session.Location = fmt.Sprintf("Room %d of %d", n, w.session.Sequence)
			return touch(1)
		},
		"words": func(_ *mailbox, n int) bool {
			w.session.Title = fmt.Sprintf("Yoga, %d of %d", n, w.session.LastModified)
			return touch(0)
		},
		"cancel": func(*mailbox, int) bool {
			if !scheduled() {
				return false
			}
			w.session.Status = programs.Cancelled
			return touch(1)
		},
		"reinstate": func(*mailbox, int) bool {
			if scheduled() {
				return false
			}
			w.session.Status = programs.Scheduled
			return touch(1)
		},
		"join": func(who *mailbox, _ int) bool {
			if !scheduled() || who.seat {
				return false
			}
			who.seat, who.answer = true, "ACCEPTED"
			return true
		},
		"leave": func(who *mailbox, _ int) bool {
			if !scheduled() || !who.seat {
				return false
			}
			who.seat, who.givenUp = false, who.givenUp+1
			return true
		},
		"answer": func(who *mailbox, n int) bool {
			if who.seat {
				who.answer = []string{"ACCEPTED", "TENTATIVE", "NEEDS-ACTION"}[n%3]
			}
			return false
		},
	}
}

// tell makes the document this person is owed, if any, by rule L4: SEQUENCE is at least the session's, and rises above what was
// sent last with every change of time, place or method.
func (w *world) tell(who *mailbox) (method string, document []byte, err error) {
	s, last := w.session, who.last.Session
	switch {
	case who.seat && s.Status == programs.Scheduled:
		if who.method == "REQUEST" && last.StartsAt == s.StartsAt && last.EndsAt == s.EndsAt && last.Location == s.Location {
			return "", nil, nil // wording alone is not sent
		}
		method = "REQUEST"
	case who.method == "REQUEST":
		method = "CANCEL"
	default:
		return "", nil, nil
	}
	stamp := w.now
	if who.method != "" {
		stamp = max(stamp, who.last.Stamp/1000*1000+1000)
	}
	i := Invite{
		Session: s, URL: "https://wellweek.example/sessions/1", Sequence: s.Sequence, Stamp: stamp, Partstat: who.answer,
		Organizer: Address{Email: "wellweek+r." + who.address[:3] + "@wellweek.example"}, Attendee: Address{Name: "Per\"son", Email: who.address},
	}
	if who.method != "" {
		i.Sequence = max(s.Sequence, who.last.Sequence+1)
	}
	if method == "REQUEST" {
		document, err = i.Request()
	} else {
		document, err = i.Cancellation()
	}
	who.last, who.method = i, method
	return method, document, err
}

// subscription is the person's mine feed: the seat, cancelled or not, and the other session.
func (w *world) subscription(t testing.TB, who *mailbox) []byte {
	events := []Event{{Session: w.other}}
	if who.seat {
		events = append(events, Event{Session: w.session, GivenUp: who.givenUp})
	}
	slices.SortFunc(events, func(a, b Event) int { return int(a.Session.StartsAt - b.Session.StartsAt) })
	var all [][]byte
	for _, e := range events {
		f, err := Fragment(e)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return Feed(bewell(t), all)
}

// step does one thing and hands every pair of successive documents to see.
func (w *world) step(t testing.TB, name string, who, n int, see func(kind string, person *mailbox, before, after []byte)) {
	if !w.acts()[name](w.people[who], n) {
		return
	}
	for _, person := range w.people {
		method, document, err := w.tell(person)
		if err != nil {
			t.Fatalf("%s for %s: %v", method, person.address, err)
		}
		if document != nil {
			see("invite", person, person.document, document)
			person.document = document
		}
		feed := w.subscription(t, person)
		see("feed", person, person.feed, feed)
		person.feed = feed
	}
}

// visible is what of an event a reader sees change, that is all but the three properties that count changes.
func visible(n *node) []line {
	return slices.DeleteFunc(slices.Clone(n.Lines), func(l line) bool {
		return l.Name == "DTSTAMP" || l.Name == "LAST-MODIFIED" || l.Name == "SEQUENCE"
	})
}

// updates says what in the document after breaks the rules of an update of the document before (RFC 5546 2.1.4, C3 to C6, V3 to V5).
func updates(t testing.TB, kind string, highest map[string]int, before, after []byte) (faults []string) {
	bad := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	was, is := read(t, before), read(t, after)
	if kind == "feed" && was.value("UID") != is.value("UID") {
		bad("the calendar's UID changed")
	}
	if kind == "invite" && (len(was.Kids) != 1 || len(is.Kids) != 1 || was.Kids[0].value("UID") != is.Kids[0].value("UID")) {
		bad("not one event with the same UID")
		return faults
	}
	for _, b := range is.Kids {
		uid := b.value("UID")
		sequence, err := strconv.Atoi(b.value("SEQUENCE"))
		if err != nil {
			bad("SEQUENCE %q", b.value("SEQUENCE"))
		}
		if kind == "feed" {
			if sequence < highest[uid] {
				bad("SEQUENCE went back from %d to %d over all feeds seen", highest[uid], sequence)
			}
			highest[uid] = sequence
		}
		for _, a := range was.Kids {
			if a.value("UID") != uid {
				continue
			}
			old, _ := strconv.Atoi(a.value("SEQUENCE"))
			if sequence < old {
				bad("SEQUENCE went back from %d to %d", old, sequence)
			}
			for _, name := range []string{"DTSTART", "DTEND", "LOCATION", "STATUS"} {
				if a.value(name) != b.value(name) && sequence <= old {
					bad("%s changed, SEQUENCE stayed at %d", name, old)
				}
			}
			if was.value("METHOD") != is.value("METHOD") && sequence <= old {
				bad("METHOD changed, SEQUENCE stayed at %d", old)
			}
			changed := !cmp.Equal(visible(a), visible(b))
			for _, name := range []string{"DTSTAMP", "LAST-MODIFIED"} {
				switch x, y := a.value(name), b.value(name); { // one form, so text order is time order
				case y < x:
					bad("%s went back from %s to %s", name, x, y)
				case changed && y == x && x != "":
					bad("content changed, %s stayed at %s", name, x)
				case kind == "feed" && !changed && y != x:
					bad("%s moved without a change", name)
				}
			}
			if a.value("CREATED") != b.value("CREATED") {
				bad("CREATED changed")
			}
			if !cmp.Equal(a.line("ORGANIZER"), b.line("ORGANIZER")) || a.value("ATTENDEE") != b.value("ATTENDEE") {
				bad("ORGANIZER or ATTENDEE changed")
			}
		}
	}
	return faults
}

// TestV8_AnyHistory: over any history of moves, cancellations, leaves and joins each document is an update of the one before.
func TestV8_AnyHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		names := []string{"wait", "move", "place", "words", "cancel", "reinstate", "join", "leave", "answer", "join", "wait"}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			name := rapid.SampledFrom(names).Draw(rt, "act")
			w.step(t, name, rapid.IntRange(0, 1).Draw(rt, "who"), rapid.IntRange(0, 9).Draw(rt, "n"), func(kind string, person *mailbox, before, after []byte) {
				if before == nil {
					before = after
				}
				if faults := updates(t, kind, person.highest, before, after); faults != nil {
					rt.Fatalf("%s, %s of %s: %v\n%s\n%s", name, kind, person.address, faults, before, after)
				}
			})
		}
	})
}

// TestUpdates: the rules by which TestV8_AnyHistory judges do find what breaks them.
func TestUpdates(t *testing.T) {
	t.Parallel()
	invite, feed := mustRequest(t), Feed(bewell(t), fragments(t, fortnight(t)))
	for want, c := range map[string]struct {
		kind, old, with string
	}{
		"the calendar's UID changed":               {"feed", "00fe\r\n", "00ff\r\n"},
		"not one event with the same UID":          {"invite", "UID:0", "UID:1"},
		"SEQUENCE went back from 3 to 2":           {"invite", "SEQUENCE:3", "SEQUENCE:2"},
		"DTSTART changed, SEQUENCE stayed at 3":    {"invite", "DTSTART:20261118T113000Z", "DTSTART:20261118T114000Z"},
		"DTEND changed, SEQUENCE stayed at 2":      {"feed", "DTEND:20261118T121500Z", "DTEND:20261118T122000Z"},
		"LOCATION changed, SEQUENCE stayed at 3":   {"invite", "LOCATION:Room 4", "LOCATION:Room 5"},
		"STATUS changed, SEQUENCE stayed at 2":     {"feed", "STATUS:CONFIRMED", "STATUS:CANCELLED"},
		"METHOD changed, SEQUENCE stayed at 3":     {"invite", "METHOD:REQUEST", "METHOD:CANCEL"},
		"content changed, DTSTAMP stayed":          {"invite", "SUMMARY:L", "SUMMARY:M"},
		"content changed, LAST-MODIFIED stayed":    {"feed", "SUMMARY:L", "SUMMARY:M"},
		"DTSTAMP went back":                        {"invite", "DTSTAMP:20261104", "DTSTAMP:20261103"},
		"LAST-MODIFIED moved without a change":     {"feed", "LAST-MODIFIED:20261103", "LAST-MODIFIED:20261104"},
		"CREATED changed":                          {"invite", "CREATED:2026", "CREATED:2025"},
		"ORGANIZER or ATTENDEE changed":            {"invite", "mailto:zoe", "mailto:joe"},
		"SEQUENCE went back from 2 to 1 over all":  {"feed", "SEQUENCE:2", "SEQUENCE:1"},
		"ORGANIZER or ATTENDEE changed (its name)": {"invite", "CN=Wellweek", "CN=Other"},
	} {
		before, highest := invite, map[string]int{}
		if c.kind == "feed" {
			before = feed
			updates(t, c.kind, highest, feed, feed)
		}
		after := bytes.Replace(before, []byte(c.old), []byte(c.with), 1)
		if bytes.Equal(before, after) {
			t.Errorf("%q is not in the document", c.old)
		}
		found := false
		for _, f := range updates(t, c.kind, highest, before, after) {
			found = found || bytes.HasPrefix([]byte(f), []byte(want)) || bytes.HasPrefix([]byte(want), []byte(f))
		}
		if !found {
			t.Errorf("not found: %s", want)
		}
		if faults := updates(t, c.kind, map[string]int{}, before, before); faults != nil {
			t.Errorf("a document as its own update: %v", faults)
		}
	}
}
