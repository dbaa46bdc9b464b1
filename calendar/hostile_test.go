package calendar

import (
	"strings"
	"testing"

	"github.com/wellweek/wellweek/programs"
)

// hostile is what somebody may type, paste or import into any field: at least 200 strings, every control character among them.
func hostile() []string {
	var all []string
	for c := range rune(0xa0) {
		if c < 0x20 || c >= 0x7f {
			all = append(all, "left"+string(c)+"right")
		}
	}
	for _, end := range []string{"\n", "\r", "\r\n", "\n\r", "\r\r\n", "\u0085", "\u2028", "\u2029", "\x00\r\n", "\r\x00\n", "\v", "\\n", "\\r\\n", "%0D%0A", "^n", "=0D=0A", "&#13;&#10;"} {
		for _, payload := range []string{
			"END:VEVENT", "BEGIN:VEVENT", "ATTENDEE:mailto:evil@example.net", "DTSTART:19700101T000000Z", "X-EVIL:1", " folded", "\tfolded",
			"END:VEVENT" + end + "END:VCALENDAR" + end + "BEGIN:VCALENDAR" + end + "METHOD:CANCEL",
		} {
			all = append(all, "Yoga"+end+payload, end+payload+end)
		}
	}
	all = append(all,
		"", " ", "\t", "\u00a0", "\u200b", "\ufeff", "\ufffd", "\ufffe", "\U0010ffff",
		"\xff", "\xc3", "\xe2\x82", "\xf0\x9f\xa7", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x80b\xbfc", "\xff\r\n\xfe",
		`"`, `""`, `"quoted"`, `'`, `\`, `\\`, `\\\`, `\;`, `\,`, `\n`, `\N`, `\x`, `C:\new\table`, `;`, `,`, `:`, `;;,,::`, `a;b,c:d\e`,
		`^`, `^^`, `^'`, `^n`, `^^n`, `^N`, `";CN="Eve`, `":mailto:evil@example.net`, `";RSVP=FALSE:mailto:evil@example.net`, `;X=1:y`, `=`, `a=b;c=d`,
		"BEGIN:VCALENDAR", "END:VCALENDAR", "END:VEVENT", "Cancelled: not at all", "STATUS:CANCELLED",
		"{{.}}", "%s%n%d", "<script>alert(1)</script>", "'; drop table sessions; --", "${jndi:ldap://evil.example/x}", "=cmd|' /C calc'!A0", "../../etc/passwd",
		"\u202eesreveR", "\u2066isolated\u2069", "a\u0301\u0301\u0301", "👩‍👩‍👧‍👦", "🏳️‍🌈", "ﷺ", "日本語の講座", "مرحبا", "שלום", "ß", "İ", "ı",
		strings.Repeat("a\u0300", 200), strings.Repeat("e\u0301\r\n", 200),
	)
	// Lengths around the fold and around each limit, in characters of one to four octets.
	for _, char := range []string{"a", "é", "€", "🧘", `\`, ",", `"`, "^", "\n"} {
		for _, n := range []int{66, 67, 68, 74, 75, 76, 149, 254, 255, 256, 7999, 8001} {
			all = append(all, strings.Repeat(char, n))
		}
	}
	return append(all, strings.Repeat("long ", 200000), strings.Repeat("x\r\nEND:VEVENT\r\n", 5000))
}

// wantDescription is rule F3 a second time.
func wantDescription(e Event, when string) string {
	var b strings.Builder
	for _, fact := range [][2]string{
		{"Program", wantCut(wantLine(e.Program), 255)},
		{"With", wantCut(wantLine(e.Facilitators[0]), 255)},
		{"Where", wantCut(wantLine(e.Session.Location), 255)},
		{"When", when},
		{"Page", e.URL},
	} {
		if fact[1] != "" {
			b.WriteString(fact[0] + ": " + fact[1] + "\n")
		}
	}
	if words := wantClean(e.Session.Description); words != "" {
		b.WriteString("\n" + words)
	}
	return wantCut(strings.TrimSpace(b.String()), 8000)
}

// TestX9_Hostile puts every hostile string into every field and reads back what came out: as many components as went in, no
// property outside the known ones, and each value equal to the cleaned text.
func TestX9_Hostile(t *testing.T) {
	t.Parallel()
	if n := len(hostile()); n < 200 {
		t.Fatalf("%d hostile strings", n)
	}
	const when = "Wednesday 18 November 2026, 12:30-13:15 (Europe/Berlin)"
	good := mustFragment(t, yogaEvent(t))
	fields := map[string]func(*Event, *Invite, *Header, string){
		"title":       func(e *Event, _ *Invite, _ *Header, s string) { e.Session.Title = s },
		"description": func(e *Event, _ *Invite, _ *Header, s string) { e.Session.Description = s },
		"place":       func(e *Event, _ *Invite, _ *Header, s string) { e.Session.Location = s },
		"program":     func(e *Event, _ *Invite, _ *Header, s string) { e.Program = s },
		"facilitator": func(e *Event, _ *Invite, _ *Header, s string) { e.Facilitators = []string{s} },
		"attendee":    func(_ *Event, i *Invite, _ *Header, s string) { i.Attendee.Name = s },
		"organizer":   func(_ *Event, i *Invite, _ *Header, s string) { i.Organizer.Name = s },
		"feed":        func(_ *Event, _ *Invite, h *Header, s string) { h.Name, h.Description = s, s },
		"feed id":     func(_ *Event, _ *Invite, h *Header, s string) { h.ID = programs.FeedID(s) },
		"feed zone":   func(_ *Event, _ *Invite, h *Header, s string) { h.TimeZone = s },
	}
	for field, set := range fields {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			for _, s := range hostile() {
				e, i, h := yogaEvent(t), yogaInvite(t), bewell(t)
				e.Session.JoinURL, e.Facilitators = "", e.Facilitators[:1]
				set(&e, &i, &h, s)
				i.Session, i.Program, i.Facilitators = e.Session, e.Program, e.Facilitators
				fragment := mustFragment(t, e)
				if err := known(fragment); err != nil {
					t.Fatalf("%q: %v", s, err)
				}
				doc := read(t, Feed(h, [][]byte{good, fragment, good}))
				if len(doc.Kids) != 3 || len(doc.Kids[1].Kids) != 0 {
					t.Fatalf("%q: %d events", s, len(doc.Kids))
				}
				request, err := i.Request()
				if err != nil {
					t.Fatalf("%q: %v", s, err)
				}
				invited := read(t, request)
				if len(invited.Kids) != 1 || len(invited.Kids[0].Lines) != len(read(t, mustRequest(t)).Kids[0].Lines)-missing(e) {
					t.Fatalf("%q: other properties in the invite:\n%s", s, request)
				}
				title := wantClean(e.Session.Title)
				if title == "" {
					title = "Session"
				}
				for _, event := range []*node{doc.Kids[1], invited.Kids[0]} {
					for name, want := range map[string]string{
						"SUMMARY": wantCut(title, 255), "LOCATION": wantCut(wantClean(e.Session.Location), 255), "DESCRIPTION": wantDescription(e, when),
					} {
						if got := unescape(t, event.value(name)); got != want {
							t.Fatalf("%q: %s\n got %q\nwant %q", s, name, got, want)
						}
					}
				}
				if got, want := decaret(invited.Kids[0].line("ATTENDEE").Params["CN"]), wantCut(wantLine(i.Attendee.Name), 255); got != want {
					t.Fatalf("%q: CN %q, want %q", s, got, want)
				}
				if got := invited.Kids[0].line("ORGANIZER").Params["CN"]; got != "Wellweek" {
					t.Fatalf("%q: CN of the organizer %q", s, got)
				}
				name := wantClean(h.Name)
				if name == "" {
					name = "Wellweek"
				}
				if got, want := unescape(t, doc.value("X-WR-CALNAME")), wantCut(name, 255); got != want || doc.value("NAME") != doc.value("X-WR-CALNAME") {
					t.Fatalf("%q: X-WR-CALNAME %q, want %q", s, got, want)
				}
				if got, want := unescape(t, doc.value("X-WR-CALDESC")), wantCut(wantClean(h.Description), 8000); got != want {
					t.Fatalf("%q: X-WR-CALDESC %q, want %q", s, got, want)
				}
				read(t, Feed(h, nil))
			}
		})
	}
}

// TestX6_HostileMachineFields: in the fields that no person types, a hostile string is a bad record and nothing worse.
func TestX6_HostileMachineFields(t *testing.T) {
	t.Parallel()
	refused := 0
	for _, s := range hostile() {
		for _, set := range []func(*Event, *Invite){
			func(e *Event, _ *Invite) { e.Session.UID = s },
			func(e *Event, _ *Invite) { e.Session.TimeZone = s },
			func(e *Event, _ *Invite) { e.Session.Status = programs.SessionStatus(s) },
			func(e *Event, _ *Invite) { e.Session.JoinURL = s },
			func(e *Event, _ *Invite) { e.URL = s },
			func(_ *Event, i *Invite) { i.Attendee.Email = s },
			func(_ *Event, i *Invite) { i.Organizer.Email = s },
			func(_ *Event, i *Invite) { i.Attendee.Email = s + "@example.org" },
			func(_ *Event, i *Invite) { i.Partstat = s },
		} {
			e, i := yogaEvent(t), yogaInvite(t)
			set(&e, &i)
			i.Session, i.URL = e.Session, e.URL
			if f, err := Fragment(e); err != nil {
				refused++
			} else if doc := read(t, Feed(bewell(t), [][]byte{f})); len(doc.Kids) != 1 || known(f) != nil {
				t.Fatalf("%q:\n%s", s, f)
			}
			for _, document := range []func() ([]byte, error){i.Request, i.Cancellation} {
				if raw, err := document(); err != nil {
					refused++
				} else if doc := read(t, raw); len(doc.Kids) != 1 || len(doc.Kids[0].Lines) > 15 {
					t.Fatalf("%q:\n%s", s, raw)
				}
			}
		}
	}
	if refused < 1000 {
		t.Errorf("only %d refused", refused)
	}
}

func mustRequest(t testing.TB) []byte {
	t.Helper()
	raw, err := yogaInvite(t).Request()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// missing is how many properties an event has less than the one with everything.
func missing(e Event) int {
	if wantClean(e.Session.Location) == "" {
		return 1
	}
	return 0
}
