package notify

import (
	"bytes"
	"encoding/base64"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

var update = flag.Bool("update", false, "write the goldens anew")

// golden compares a mail with testdata, boundaries and tokens aside: the first are random, the second belong to the database.
func golden(t testing.TB, name string, raw []byte) {
	t.Helper()
	got := normal(raw)
	file := filepath.Join("testdata", name+".eml")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), -update writes it anew:\n%s", file, diff)
	}
}

var boundary = regexp.MustCompile(`[0-9a-f]{60}`)

// encoded is a part in base64, from its encoding to the boundary after it.
var encoded = regexp.MustCompile(`(?s)Content-Transfer-Encoding: base64\n.*?\n\n[A-Za-z0-9+/=\n]+`)

var token = regexp.MustCompile(`\+(r\.)?[a-z2-7]{26}@`)

func normal(raw []byte) string {
	head, body, _ := strings.Cut(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n\n")
	head = strings.ReplaceAll(head, "\n ", " ")
	lines := strings.Split(head, "\n")
	slices.Sort(lines)
	var out strings.Builder
	out.WriteString(strings.Join(lines, "\n") + "\n\n")
	out.WriteString(encoded.ReplaceAllStringFunc(body, func(part string) string {
		head, text, _ := strings.Cut(part, "\n\n")
		raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(text, "\n", ""))
		if err != nil {
			return part
		}
		return head + "\n\n" + strings.ReplaceAll(strings.ReplaceAll(string(raw), "\r\n ", ""), "\r\n", "\n")
	}))
	seen := map[string]string{}
	s := boundary.ReplaceAllStringFunc(out.String(), func(b string) string {
		if seen[b] == "" {
			seen[b] = "boundary-" + string(rune('a'+len(seen)))
		}
		return seen[b]
	})
	return token.ReplaceAllString(s, "+${1}token@")
}

// story makes one mail of each event.
func story(t testing.TB, database string) *world {
	w := newWorld(t, database)
	lead := w.person("lea")
	one := func(s *programs.Series) {
		s.Capacity, s.Facilitators = new(int), []programs.PersonID{lead.ID}
		*s.Capacity = 1
	}

	s := w.session(one)
	w.join("zoe", s)
	w.clock.Add(time.Minute)
	w.personIn("wim", "America/New_York")
	second := w.join("wim", s)
	w.clock.Add(time.Minute)
	w.join("ida", s)
	w.told()

	w.edit(s, func(d *programs.Details) { d.LocalStart, d.Location = wall(w, "2026-11-27T18:00"), "Garden room" })
	w.told()

	signups := look(w, func(v *store.View) ([]programs.Signup, error) { return v.Roster(programs.System(), s.ID) })
	w.leave(w.actor("zoe"), signups[0]) // promotes wim: more than 12 hours ahead
	w.told()

	w.clock.Set(instant("2026-11-27T12:00:00Z")) // inside the cutoff: offers
	w.remind()
	w.send()
	w.leave(w.actor("wim"), second)
	w.told()
	w.clock.Add(2 * time.Hour)
	if _, err := store.Lapse(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	w.told()

	off := w.session(func(s *programs.Series) {
		s.LocalStart, s.Title, s.Facilitators = wall(w, "2026-12-01T08:00"), "Morning run", []programs.PersonID{lead.ID}
	})
	w.join("zoe", off)
	w.told()
	w.callOff(off, "The coach is ill.")
	w.told()
	w.putBackOn(off)
	w.told()
	return w
}

func TestGoldens(t *testing.T) {
	t.Parallel()
	w := story(t, storetest.SQLite(t))
	seen := map[string]int{}
	for _, m := range w.ledger() {
		if m.State != Sent || m.Reason != "kept" {
			t.Errorf("%s to %s is %s %q", m.Event, m.Address, m.State, m.Reason)
			continue
		}
		name := m.Event + "-" + strings.TrimSuffix(m.Address, "@example.com")
		if seen[name]++; seen[name] > 1 {
			continue
		}
		golden(t, name, w.raw(m.ID))
	}
	for _, event := range []string{Confirmed, Waitlisted, Offered, Promoted, Lapsed, Moved, Cancelled, Reinstated, Left, Reminder} {
		if !slices.ContainsFunc(w.ledger(), func(m Message) bool { return m.Event == event }) {
			t.Errorf("no mail of the event %s: %q", event, w.states())
		}
	}
	w.sound()
	for _, m := range w.ledger() {
		lint(t, notifytest.Mail{From: "x", To: []string{m.Address}, Raw: w.raw(m.ID)}, w)
	}
}

// lint is mail.md section 5 over one mail.
func lint(t testing.TB, m notifytest.Mail, w *world) {
	t.Helper()
	p := notifytest.Parse(t, m.Raw)
	for _, h := range []string{"From", "To", "Date", "Message-Id", "Subject", "Auto-Submitted", "X-Wellweek-Event", "Mime-Version", "Reply-To", "X-Auto-Response-Suppress"} {
		if n := len(p.Header[h]); n != 1 {
			t.Errorf("%d headers %s", n, h)
		}
	}
	for _, h := range []string{"Cc", "Bcc", "User-Agent", "X-Mailer", "Precedence", "X-Evil", "List-Id", "Sender"} {
		if len(p.Header[h]) != 0 {
			t.Errorf("a header %s", h)
		}
	}
	to, err := p.Header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != m.To[0] {
		t.Errorf("To is not the one recipient: %v", err)
	}
	from, err := p.Header.AddressList("From")
	if err != nil || len(from) != 1 || !regexp.MustCompile(`^wellweek\+r\.[a-z2-7]{26}@reply\.example\.org$`).MatchString(from[0].Address) || from[0].Name != "Wellweek" {
		t.Errorf("From is not the service with a token: %v", err)
	}
	if id := p.Header.Get("Message-Id"); !regexp.MustCompile(`^<[0-9a-f]{32}@reply\.example\.org>$`).MatchString(id) {
		t.Errorf("the Message-ID is not ours")
	}
	if _, err := p.Header.Date(); err != nil {
		t.Errorf("Date: %v", err)
	}
	if err := sound(m.Raw); err != nil {
		t.Error(err)
	}
	for line := range bytes.SplitSeq(m.Raw, []byte("\r\n")) {
		if len(line) > 998 {
			t.Errorf("a line of %d octets", len(line))
		}
	}
	for line := range strings.SplitSeq(p.Text, "\n") {
		if n := len([]rune(strings.TrimRight(line, "\r"))); n > 72 && !strings.Contains(line, "https://") && strings.Contains(line, " ") {
			t.Errorf("a text line of %d columns: %q", n, line)
		}
	}
	if strings.Contains(p.HTML, "<script") || len(p.HTML) > 30_000 || !strings.Contains(p.HTML, `<html lang="en"`) {
		t.Errorf("HTML of %d bytes", len(p.HTML))
	}
	if p.Calendar == "" {
		if p.Tree != "alternative(text/plain text/html)" {
			t.Errorf("tree %s", p.Tree)
		}
		return
	}
	if p.Tree != "mixed(alternative(text/plain text/html text/calendar) application/ics)" {
		t.Errorf("tree %s", p.Tree)
	}
	if p.Calendar != p.Attachment {
		t.Error("the attachment differs from the calendar part")
	}
	if got := notifytest.Property(p.Calendar, "METHOD"); got != p.Method {
		t.Errorf("METHOD %s in a part of method=%s", got, p.Method)
	}
	if got := notifytest.Property(p.Calendar, "ATTENDEE"); got != "mailto:"+m.To[0] {
		t.Errorf("ATTENDEE is not the recipient")
	}
	if got := notifytest.Property(p.Calendar, "ORGANIZER"); got != "mailto:"+from[0].Address {
		t.Errorf("ORGANIZER is not From")
	}
	if strings.Count(p.Calendar, "\r\nATTENDEE") != 1 || strings.Count(p.Calendar, "\r\nBEGIN:VEVENT\r\n") != 1 {
		t.Error("more than one ATTENDEE or VEVENT")
	}
}
