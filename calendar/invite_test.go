package calendar

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/programs"
)

func TestInvite(t *testing.T) {
	t.Parallel()
	i := yogaInvite(t)
	request, err := i.Request()
	if err != nil {
		t.Fatal(err)
	}
	read(t, request)
	golden(t, "request.ics", request)
	i.Sequence, i.Stamp = 4, at(t, "2026-11-05T16:20:00Z")
	left, err := i.Cancellation()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "cancel-left.ics", left)
	i.Session.Status = programs.Cancelled
	i.Sequence, i.Stamp = 5, at(t, "2026-11-05T16:20:01Z")
	cancel, err := i.Cancellation()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "cancel.ics", cancel)
	coordinator := yogaInvite(t)
	coordinator.Partstat, coordinator.Attendee.Name = "NEEDS-ACTION", ""
	asked, err := coordinator.Request()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "request-needs-action.ics", asked)
}

func TestV2V3_People(t *testing.T) {
	t.Parallel()
	i := yogaInvite(t)
	request, err := i.Request()
	if err != nil {
		t.Fatal(err)
	}
	doc := read(t, request)
	event := doc.Kids[0]
	if doc.value("METHOD") != "REQUEST" || event.value("STATUS") != "CONFIRMED" || event.value("SEQUENCE") != "3" || event.value("DTSTAMP") != "20261104T100000Z" {
		t.Errorf("METHOD %s, STATUS %s, SEQUENCE %s, DTSTAMP %s", doc.value("METHOD"), event.value("STATUS"), event.value("SEQUENCE"), event.value("DTSTAMP"))
	}
	var people []line
	for _, l := range event.Lines {
		if l.Name == "ATTENDEE" || l.Name == "ORGANIZER" || strings.Contains(l.Value, "@wellweek") && l.Name != "UID" {
			people = append(people, l)
		}
	}
	if d := cmp.Diff([]line{
		{"ATTENDEE", map[string]string{"CN": "Zoë ^'Zed^' O'Neil; Ltd", "CUTYPE": "INDIVIDUAL", "PARTSTAT": "ACCEPTED", "ROLE": "REQ-PARTICIPANT", "RSVP": "TRUE"}, "mailto:zoe.oneil@example.org"},
		{"ORGANIZER", map[string]string{"CN": "Wellweek"}, "mailto:wellweek+r.abcdefghijklmnopqrstuvwxyz@wellweek.example"},
	}, people); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if event.value("X-MICROSOFT-DISALLOW-COUNTER") != "TRUE" || event.line("LAST-MODIFIED").Name != "" || len(event.Kids) != 0 {
		t.Errorf("V6:\n%s", request)
	}
}

func TestV4_CancelRepeats(t *testing.T) {
	t.Parallel()
	i := yogaInvite(t)
	request, err := i.Request()
	if err != nil {
		t.Fatal(err)
	}
	i.Sequence++
	i.Session.Status = programs.Cancelled
	cancel, err := i.Cancellation()
	if err != nil {
		t.Fatal(err)
	}
	was, is := read(t, request), read(t, cancel)
	if is.value("METHOD") != "CANCEL" {
		t.Errorf("METHOD %s", is.value("METHOD"))
	}
	for _, name := range []string{"UID", "ORGANIZER", "ATTENDEE", "DTSTART", "DTEND", "SUMMARY", "LOCATION", "DESCRIPTION", "CREATED", "URL"} {
		if is.Kids[0].value(name) != was.Kids[0].value(name) {
			t.Errorf("%s %q, was %q", name, is.Kids[0].value(name), was.Kids[0].value(name))
		}
	}
	for name, want := range map[string]string{"STATUS": "CANCELLED", "TRANSP": "TRANSPARENT", "SEQUENCE": "4"} {
		if got := is.Kids[0].value(name); got != want {
			t.Errorf("%s %s, want %s", name, got, want)
		}
	}
	if rsvp, ok := is.Kids[0].line("ATTENDEE").Params["RSVP"]; ok {
		t.Errorf("a cancellation asks for an answer: RSVP=%s", rsvp)
	}
}

func TestInviteRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Invite){
		"draft":                    func(i *Invite) { i.Session.Status = programs.Draft },
		"skipped":                  func(i *Invite) { i.Session.Status = programs.Skipped },
		"no stamp":                 func(i *Invite) { i.Stamp = 0 },
		"sequence below zero":      func(i *Invite) { i.Sequence = -1 },
		"no answer so far":         func(i *Invite) { i.Partstat = "" },
		"unknown answer":           func(i *Invite) { i.Partstat = "DELEGATED" },
		"answer with a line end":   func(i *Invite) { i.Partstat = "ACCEPTED\r\nX-EVIL:1" },
		"recipient is organizer":   func(i *Invite) { i.Attendee.Email = strings.ToUpper(i.Organizer.Email) },
		"no recipient":             func(i *Invite) { i.Attendee = Address{} },
		"no organizer":             func(i *Invite) { i.Organizer = Address{} },
		"address without @":        func(i *Invite) { i.Attendee.Email = "canary" },
		"address without local":    func(i *Invite) { i.Attendee.Email = "@canary.example" },
		"address without domain":   func(i *Invite) { i.Attendee.Email = "canary@" },
		"two addresses":            func(i *Invite) { i.Attendee.Email = "canary@a.example,b@b.example" },
		"two @":                    func(i *Invite) { i.Attendee.Email = "canary@a@b.example" },
		"address with a line end":  func(i *Invite) { i.Attendee.Email = "canary@a.example\r\nATTENDEE:mailto:evil@example.net" },
		"address with a space":     func(i *Invite) { i.Attendee.Email = "canary @a.example" },
		"address with a name":      func(i *Invite) { i.Attendee.Email = "<canary@a.example>" },
		"address with a parameter": func(i *Invite) { i.Attendee.Email = `canary";RSVP="@a.example` },
		"address not ASCII":        func(i *Invite) { i.Attendee.Email = "canarü@a.example" },
		"address of 255":           func(i *Invite) { i.Attendee.Email = strings.Repeat("c", 245) + "@a.example" },
		"organizer with line end":  func(i *Invite) { i.Organizer.Email = "canary@a.example\nX-EVIL:1" },
		"unknown zone":             func(i *Invite) { i.Session.TimeZone = "Canary/Zone" },
		"ends before":              func(i *Invite) { i.Session.EndsAt = i.Session.StartsAt },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := yogaInvite(t)
			change(&i)
			for _, document := range []func() ([]byte, error){i.Request, i.Cancellation} {
				raw, err := document()
				if err == nil || raw != nil {
					t.Errorf("error %v, document:\n%s", err, raw)
				} else if s := err.Error(); strings.Contains(strings.ToLower(s), "canar") || strings.Contains(strings.ToLower(s), "evil") {
					t.Errorf("the error repeats the record: %s", s)
				}
			}
		})
	}
	i := yogaInvite(t)
	i.Session.Status = programs.Cancelled
	if raw, err := i.Request(); err == nil {
		t.Errorf("a cancelled session is invited to:\n%s", raw)
	}
	for _, answer := range []string{"ACCEPTED", "NEEDS-ACTION", "TENTATIVE", "DECLINED"} {
		i := yogaInvite(t)
		i.Partstat = answer
		raw, err := i.Request()
		if err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
		if got := read(t, raw).Kids[0].line("ATTENDEE").Params["PARTSTAT"]; got != answer {
			t.Errorf("PARTSTAT %s, want %s", got, answer)
		}
	}
}

func TestV3_AddressAsMailed(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{
		"Ann.Lee+wellweek@Example.ORG":  "mailto:Ann.Lee+wellweek@Example.ORG",
		"o'neil!#$%&*/=?^_`{|}~@a.test": "mailto:o'neil!%23$%25&*/=%3F%5E_%60%7B%7C%7D~@a.test",
	} {
		i := yogaInvite(t)
		i.Attendee.Email = email
		raw, err := i.Request()
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, raw).Kids[0].value("ATTENDEE"); got != want {
			t.Errorf("%s: %s, want %s", email, got, want)
		}
	}
}
