package calendar

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/programs"
)

// TestCheck makes of a good fragment, by one change each, what must never leave the room.
func TestCheck(t *testing.T) {
	t.Parallel()
	good := string(mustFragment(t, yogaEvent(t)))
	if err := check([]byte(good)); err != nil {
		t.Fatalf("a good fragment: %v", err)
	}
	replace := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the fragment", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	for name, c := range map[string]struct{ fragment, want string }{
		"empty":               {"", "no CRLF"},
		"no CRLF at the end":  {strings.TrimSuffix(good, "\r\n"), "no CRLF"},
		"blank line":          {replace("SEQUENCE", "\r\nSEQUENCE"), "empty"},
		"blank line at end":   {good + "\r\n", "empty"},
		"76 octets":           {replace("SEQUENCE:2", "SEQUENCE:2"+strings.Repeat("0", 66)), "75 octets"},
		"bare LF":             {replace("SEQUENCE", "\nSEQUENCE"), "control"},
		"bare CR":             {replace("SEQUENCE", "\rSEQUENCE"), "control"},
		"NUL":                 {replace("Lunchtime", "Lunch\x00time"), "control"},
		"DEL":                 {replace("Lunchtime", "Lunch\x7ftime"), "control"},
		"C1":                  {replace("Lunchtime", "Lunch\u0085time"), "control"},
		"half a character":    {replace("Lunchtime", "Lunch\xc3time"), "not UTF-8"},
		"not a VEVENT":        {replace("BEGIN:VEVENT", "BEGIN:VTODO"), "does not begin"},
		"continues nothing":   {" " + good, "does not begin"},
		"byte order mark":     {"\ufeff" + good, "does not begin"},
		"event in an event":   {replace("SEQUENCE:2\r\n", "SEQUENCE:2\r\nBEGIN:VALARM\r\nEND:VALARM\r\n"), "not one of ours"},
		"ends too early":      {replace("SEQUENCE:2\r\n", "END:VEVENT\r\nSEQUENCE:2\r\n"), "follows the end"},
		"two events":          {good + good, "follows the end"},
		"ends something else": {replace("END:VEVENT", "END:VCALENDAR"), "not one of ours"},
		"does not end":        {replace("END:VEVENT\r\n", ""), "does not end"},
		"unknown property":    {replace("SEQUENCE:2\r\n", "SEQUENCE:2\r\nX-EVIL:1\r\n"), "not one of ours"},
		"lower case":          {replace("SEQUENCE:2\r\n", "SEQUENCE:2\r\nattach:x\r\n"), "not one of ours"},
		"no colon":            {replace("SEQUENCE:2\r\n", "SEQUENCE:2\r\nNONSENSE\r\n"), "not one of ours"},
		"twice":               {replace("SEQUENCE:2\r\n", "SEQUENCE:2\r\nSEQUENCE:3\r\n"), "twice"},
		"twice by parameter":  {replace("SEQUENCE:2\r\n", "SEQUENCE:2\r\nSEQUENCE;X=1:3\r\n"), "twice"},
		"no SEQUENCE":         {replace("SEQUENCE:2\r\n", ""), "missing"},
	} {
		err := check([]byte(c.fragment))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.want)
		}
	}
}

// TestEncodeChecks: what a guard of text.go would let through is still no fragment.
func TestEncodeChecks(t *testing.T) {
	t.Parallel()
	build := func() *component {
		c := yogaEvent(t).component(confirmed, "")
		c.sequence(1)
		c.instant("DTSTAMP", at(t, "2026-11-04T10:00:00Z"))
		return c
	}
	if _, err := build().encode(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*component){
		"name from data":       func(c *component) { c.put("X-EVIL\r\nATTENDEE", "mailto:evil@example.net") },
		"unknown name":         func(c *component) { c.put("X-EVIL", "1") },
		"parameter line end":   func(c *component) { c.put("ATTENDEE", "mailto:a@b.c", "CN", "Ann\r\nX-EVIL:1") },
		"parameter quote":      func(c *component) { c.put("ATTENDEE", "mailto:a@b.c", "CN", `Ann"`) },
		"value line end":       func(c *component) { c.put("ATTENDEE", "mailto:a@b.c\r\nX-EVIL:1") },
		"value NUL":            func(c *component) { c.put("ATTENDEE", "mailto:a@b.c\x00") },
		"no DTSTAMP":           func(c *component) { delete(c.Props, "DTSTAMP") },
		"no DTSTART":           func(c *component) { delete(c.Props, "DTSTART") },
		"instant of no record": func(c *component) { c.instant("CREATED", programs.Instant(-5)) },
	} {
		c := build()
		spoil(c)
		if f, err := c.encode(); err == nil {
			t.Errorf("%s: no error, but\n%s", name, f)
		} else if strings.Contains(err.Error(), "evil") || strings.Contains(err.Error(), "EVIL") {
			t.Errorf("%s: the error repeats a value: %v", name, err)
		}
	}
}

func TestEncodeKeepsTheFirstFault(t *testing.T) {
	t.Parallel()
	c := yogaEvent(t).component(confirmed, "")
	c.fail("the first")
	c.fail("the second")
	if f, err := c.encode(); f != nil || err == nil || err.Error() != "the first" {
		t.Errorf("%v, bytes %q", err, f)
	}
}

func TestC10_Opening(t *testing.T) {
	t.Parallel()
	want := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Wellweek//Wellweek//EN\r\nCALSCALE:GREGORIAN\r\n"
	if got := appendOpening(nil, ""); string(got) != want {
		t.Errorf("%q", got)
	}
	if got := appendOpening(nil, "CANCEL"); !bytes.Equal(got, []byte(want+"METHOD:CANCEL\r\n")) {
		t.Errorf("%q", got)
	}
}
