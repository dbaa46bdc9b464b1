package calendar

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-ical"
	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/programs"
)

var update = flag.Bool("update", false, "write the goldens instead of comparing with them")

// golden compares with a file of testdata, octet by octet.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func at(t testing.TB, s string) programs.Instant {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return programs.At(v)
}

// yoga is the session that most tests change a little.
func yoga(t testing.TB) programs.Session {
	t.Helper()
	return programs.Session{
		ID:  "0190d0c0-7a5e-7000-8000-00000000000a",
		UID: "0190d0c0-7a5e-7000-8000-00000000000a@wellweek.example",
		Details: programs.Details{
			Title:           "Lunchtime yoga",
			Description:     "Bring a mat; towels are here.\n\nBeginners welcome, no shoes.",
			TimeZone:        "Europe/Berlin",
			DurationMinutes: 45,
			Location:        "Room 4.12, north wing",
			JoinURL:         "https://video.example.com/j/canary-5512",
		},
		StartsAt:     at(t, "2026-11-18T11:30:00Z"),
		EndsAt:       at(t, "2026-11-18T12:15:00Z"),
		Status:       programs.Scheduled,
		Sequence:     2,
		CreatedAt:    at(t, "2026-10-01T08:00:00Z"),
		LastModified: at(t, "2026-11-03T09:15:07Z"),
	}
}

func yogaEvent(t testing.TB) Event {
	return Event{
		Session: yoga(t), Program: "BeWell", Facilitators: []string{"Ana Silva", "Jürgen Groß"},
		URL: "https://wellweek.example/sessions/0190d0c0-7a5e-7000-8000-00000000000a",
	}
}

func yogaInvite(t testing.TB) Invite {
	e := yogaEvent(t)
	return Invite{
		Session: e.Session, Program: e.Program, Facilitators: e.Facilitators, URL: e.URL,
		Sequence: 3, Stamp: at(t, "2026-11-04T10:00:00Z"),
		Organizer: Address{Name: "not shown", Email: "wellweek+r.abcdefghijklmnopqrstuvwxyz@wellweek.example"},
		Attendee:  Address{Name: `Zoë "Zed" O'Neil; Ltd`, Email: "zoe.oneil@example.org"},
		Partstat:  "ACCEPTED",
	}
}

func bewell(t testing.TB) Header {
	return Header{
		ID: "0190d0c0-7a5e-7000-8000-0000000000fe", Name: "BeWell; all weeks", Description: "Every session, as announced",
		TimeZone: "Europe/Berlin", Created: at(t, "2026-10-01T08:00:00.750Z"),
	}
}

func mustFragment(t testing.TB, e Event) []byte {
	t.Helper()
	f, err := Fragment(e)
	if err != nil {
		t.Fatalf("fragment: %v", err)
	}
	return f
}

// line is one content line as these tests read it, without any code of the room.
type line struct {
	Name   string
	Params map[string]string // each of ours has one value
	Value  string            // raw
}

// node is one component as these tests read it.
type node struct {
	Name  string
	Lines []line
	Kids  []*node
}

// value is the raw value of a property that is there at most once.
func (n *node) value(name string) string {
	for _, l := range n.Lines {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

func (n *node) line(name string) line {
	for _, l := range n.Lines {
		if l.Name == name {
			return l
		}
	}
	return line{}
}

// read is a reader of iCalendar that forgives nothing: CRLF only, at most 75 octets, UTF-8 in each physical line, no control
// characters, BEGIN and END balanced. It then has go-ical read the same and compares the number of components.
func read(t testing.TB, raw []byte) *node {
	t.Helper()
	fail := func(why string) {
		t.Helper()
		t.Fatalf("%s in:\n%q", why, raw)
	}
	s, ok := strings.CutSuffix(string(raw), "\r\n")
	if !ok {
		fail("no CRLF at the end")
	}
	var unfolded []string
	for i, physical := range strings.Split(s, "\r\n") {
		switch {
		case physical == "":
			fail("empty line")
		case len(physical) > 75:
			fail("line of more than 75 octets")
		case !utf8.ValidString(physical):
			fail("line that is not UTF-8")
		case strings.ContainsFunc(physical, func(r rune) bool { return r < 0x20 && r != '\t' || r >= 0x7f && r < 0xa0 }):
			fail("control character")
		case physical[0] == '\t':
			fail("line that begins with TAB")
		case physical[0] == ' ' && i == 0:
			fail("continuation of nothing")
		case physical[0] == ' ':
			unfolded[len(unfolded)-1] += physical[1:]
		default:
			unfolded = append(unfolded, physical)
		}
	}
	root := &node{}
	stack := []*node{root}
	components := 0
	for _, u := range unfolded {
		l, ok := readLine(u)
		if !ok {
			fail("malformed content line " + u)
		}
		top := stack[len(stack)-1]
		switch l.Name {
		case "BEGIN":
			components++
			n := &node{Name: l.Value}
			top.Kids = append(top.Kids, n)
			stack = append(stack, n)
		case "END":
			if top.Name != l.Value {
				fail("END of something else")
			}
			stack = stack[:len(stack)-1]
		default:
			top.Lines = append(top.Lines, l)
		}
	}
	if len(stack) != 1 || len(root.Kids) != 1 || len(root.Lines) != 0 || root.Kids[0].Name != "VCALENDAR" {
		fail("not exactly one VCALENDAR")
	}
	decoded, err := ical.NewDecoder(bytes.NewReader(raw)).Decode()
	if err != nil {
		fail("go-ical: " + err.Error())
	}
	if n := count(decoded.Component); n != components {
		fail("go-ical counts other components")
	}
	return root.Kids[0]
}

func count(c *ical.Component) int {
	n := 1
	for _, kid := range c.Children {
		n += count(kid)
	}
	return n
}

func readLine(s string) (line, bool) {
	i := strings.IndexAny(s, ";:")
	if i <= 0 {
		return line{}, false
	}
	l := line{Name: s[:i], Params: map[string]string{}}
	for _, c := range l.Name {
		if !(c >= 'A' && c <= 'Z' || c == '-') {
			return line{}, false
		}
	}
	for s[i] == ';' {
		name, rest, ok := strings.Cut(s[i+1:], "=")
		if !ok {
			return line{}, false
		}
		var value string
		if strings.HasPrefix(rest, `"`) {
			if value, rest, ok = strings.Cut(rest[1:], `"`); !ok {
				return line{}, false
			}
		} else {
			j := strings.IndexAny(rest, `;:,"`)
			if j < 0 {
				return line{}, false
			}
			value, rest = rest[:j], rest[j:]
		}
		if rest == "" || rest[0] != ';' && rest[0] != ':' {
			return line{}, false
		}
		if _, twice := l.Params[name]; twice {
			return line{}, false
		}
		l.Params[name] = value
		i = len(s) - len(rest)
	}
	l.Value = s[i+1:]
	return l, true
}

// unescape reads a TEXT value (RFC 5545 3.3.11) and fails on what must not stand in one.
func unescape(t testing.TB, s string) string {
	t.Helper()
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == ';' || s[i] == ',':
			t.Fatalf("unescaped %q in %q", s[i], s)
		case s[i] != '\\':
			b.WriteByte(s[i])
		case i+1 == len(s):
			t.Fatalf("lone backslash at the end of %q", s)
		case s[i+1] == 'n':
			b.WriteByte('\n')
			i++
		case strings.IndexByte(`\;,`, s[i+1]) >= 0:
			b.WriteByte(s[i+1])
			i++
		default:
			t.Fatalf("unknown escape in %q", s)
		}
	}
	return b.String()
}

// decaret reads an RFC 6868 parameter value.
func decaret(s string) string {
	return strings.NewReplacer("^^", "^", "^'", `"`, "^n", "\n").Replace(s)
}
