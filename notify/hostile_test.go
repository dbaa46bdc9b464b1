package notify

import (
	"fmt"
	"net/mail"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// hostile is 200 texts with which people have tried to forge headers, calendars and pages.
func hostile() []string {
	seeds := []string{
		"v\r\nX-Evil: 1", "v\nBcc: evil@example.net", "v\rX-Evil: 1", "v\r\n\r\n<script>alert(1)</script>", "\r\nX-Evil: 1", "v\r\n X-Evil: folded",
		"=?utf-8?q?v=0D=0AX-Evil:_1?=", "=?utf-8?b?WA0KWC1FdmlsOiAx?=", "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "{{.Person}}", "${jndi:ldap://x}",
		"a\x00b", "a\x1b[31mb", "a\u202eb", "a\u2028X-Evil: 1", "a\u2029b", "a\u0085X-Evil: 1", "a\ufeffb", "a\u2066b", "\x7f\x80\x9f", "ünï©ödé 日本語 🧘", strings.Repeat("a", 600), strings.Repeat("日", 400),
		strings.Repeat("a b ", 100), ".\r\n.\r\nMAIL FROM:<x>", "\r\n.\r\n", "\r\n..\r\n", "a\r\n.\r\nQUIT", "END:VEVENT", "a\nEND:VEVENT\nBEGIN:VEVENT", "a;b,c\\d:e\"f", "CN=\"x\"", "\"", "'", "`", "\\", "%0d%0aX-Evil:1",
		"evil@example.net", "a@b, evil@example.net", "<evil@example.net>", "Ann <evil@example.net>", "undisclosed-recipients:;", "(comment)", "a\tb", "  padded  ", "--boundary", "Content-Type: text/html", "javascript:alert(1)", "\xff\xfe\xfa",
	}
	var all []string
	for _, s := range seeds {
		all = append(all, s, "Yoga "+s, s+" yoga", s+s)
	}
	return all
}

// TestT6_HostileStrings writes them past every check of the rooms to the left, into each text that a mail shows, and sends them.
func TestT6_HostileStrings(t *testing.T) {
	t.Parallel()
	texts := hostile()
	if len(texts) < 200 {
		t.Fatalf("%d texts", len(texts))
	}
	both(t, func(t *testing.T, o notifytest.Options) {
		w := newWorld(t, storetest.SQLite(t))
		w.relay(o)
		for i, text := range texts {
			s := w.session(func(s *programs.Series) { s.Facilitators = []programs.PersonID{w.person("lea").ID} })
			name := fmt.Sprintf("h%03d", i)
			w.join(name, s)
			do(w, func(tx *store.Tx) (struct{}, error) {
				clean := strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", " ") // PostgreSQL would keep neither
				for _, q := range []string{
					`update sessions set title = $2, description = $2, location = $2, cancel_reason = $2 where id = $1`,
				} {
					if _, err := tx.Exec(q, string(s.ID), clean); err != nil {
						return struct{}{}, err
					}
				}
				if _, err := tx.Exec(`update people set name = $2 where id = $1`, string(w.people[name].ID), clean); err != nil {
					return struct{}{}, err
				}
				_, err := tx.Exec(`update programs set name = $1`, clean)
				return struct{}{}, err
			})
			w.plan()
			w.send()
		}
		mails := w.sink.Mails()
		if len(mails) != len(texts) {
			t.Errorf("%d mails for %d texts: %v", len(mails), len(texts), states(w))
		}
		for _, m := range mails {
			if len(m.To) != 1 {
				t.Errorf("%d recipients", len(m.To))
			}
			lint(t, m, w)
			p := notifytest.Parse(t, m.Raw)
			if strings.Contains(p.HTML, "onerror=alert(1)>") || strings.Contains(strings.ToLower(p.HTML), "<img") {
				t.Error("markup of a text is markup in the mail")
			}
			if p.Header.Get("X-Wellweek-Event") != Confirmed || strings.Count(p.Calendar, "\r\nEND:VEVENT\r\n") != 1 || strings.Contains(p.Calendar, "\nX-Evil") {
				t.Error("the event or the calendar was forged")
			}
		}
	})
}

// TestHeadRefuses: what is not printable ASCII goes into no header that is not encoded.
func TestHeadRefuses(t *testing.T) {
	t.Parallel()
	good := head{Event: Confirmed, From: "wellweek+r.x@example.org", To: "zoe@example.com", Subject: "s", MessageID: "a@example.org", Date: start}
	if _, err := good.message(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*head, string){
		"event": func(h *head, s string) { h.Event = s }, "from": func(h *head, s string) { h.From = s }, "to": func(h *head, s string) { h.To = s },
		"message id": func(h *head, s string) { h.MessageID = s }, "thread": func(h *head, s string) { h.Thread = s },
	} {
		for _, v := range []string{"a@b\r\nX-Evil: 1", "a\nb@c", "a\rb", "ü@example.org", "a\x00b"} {
			h := good
			spoil(&h, v)
			if _, err := h.message(); err == nil {
				t.Errorf("%s: %q was taken", name, v)
			} else if strings.Contains(err.Error(), "Evil") {
				t.Errorf("the error repeats the value")
			}
		}
	}
}

// FuzzHeaders: whatever the names and titles are, a mail has its own headers and no others.
func FuzzHeaders(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, subject string) {
		m, err := head{Event: Confirmed, From: "wellweek+r.x@example.org", To: "zoe@example.com", ToName: name, Subject: subject, MessageID: "a@example.org", Date: start}.message()
		if err != nil {
			return
		}
		m.SetBodyString("text/plain", "text")
		var b strings.Builder
		if _, err := m.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		if err := sound([]byte(b.String())); err != nil {
			t.Skip(err) // refused before it is frozen
		}
		got, err := mail.ReadMessage(strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Header) != 12 {
			t.Fatalf("%d headers: %q", len(got.Header), b.String())
		}
		if to, err := got.Header.AddressList("To"); err != nil || len(to) != 1 || to[0].Address != "zoe@example.com" {
			t.Fatalf("To: %v %v", to, err)
		}
		if _, err := got.Header.Date(); err != nil {
			t.Fatal(err)
		}
	})
}
