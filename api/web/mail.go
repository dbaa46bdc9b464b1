package web

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs/store"
)

// signIn is the event of mails that let somebody in. Their bodies are shown in a demo on its own machine only: an admin who reads the
// mail of others must not become them.
const signIn = "sign-in"

// mailPage is a list of caught mail, newest first.
type mailPage struct {
	Rows  []mailRow
	Older string // link to what came before; empty: nothing
	Newer string // link to the first page, on later ones
}

type mailRow struct {
	ID, Event, Tone, To, Subject, Time, DateTime, State string
}

// tones color the events that a reader looks for; every other one is plain. The word stands there too.
var tones = map[string]string{
	notify.Confirmed: "ok", notify.Promoted: "ok", notify.Reinstated: "ok", notify.Enrolled: "ok", notify.Offered: "warn", notify.Waitlisted: "warn", notify.Lapsed: "warn",
	notify.Moved: "warn", notify.Cancelled: "bad", notify.Left: "bad",
}

// mail answers GET /mail.
func (s *site) mail(w http.ResponseWriter, r *http.Request) error {
	here := zoneOf(s.TimeZone)
	cursor := r.URL.Query().Get("after")
	page, err := store.Read(r.Context(), s.Store, func(v *store.View) (mailPage, error) {
		list, next, err := notify.Messages(v, notify.MessageFilter{Page: store.Page{Limit: 50, Cursor: cursor}})
		if err != nil {
			return mailPage{}, err
		}
		var p mailPage
		if next != "" {
			p.Older = "/mail?after=" + url.QueryEscape(next)
		}
		if cursor != "" {
			p.Newer = "/mail"
		}
		for _, m := range list {
			_, raw, err := notify.Caught(v, m.ID)
			if err != nil {
				return mailPage{}, err
			}
			row := mailRow{ID: m.ID, Event: m.Event, Tone: tones[m.Event], To: m.Address, Subject: unwritten(m), State: state(m)}
			if len(raw) != 0 {
				row.Subject = subjectOf(raw)
			}
			at := m.CreatedAt
			if m.SentAt != 0 {
				at = m.SentAt
			}
			row.Time, row.DateTime = here.at(at).Format("Mon 2 January, 15:04"), at.String()
			p.Rows = append(p.Rows, row)
		}
		return p, nil
	})
	if err != nil {
		return err
	}
	s.show(w, r, http.StatusOK, "mail", view{Title: "Caught mail", Current: "mail", Zone: here.city(), Body: page})
	return nil
}

// state is where a message stands, in words. Without a relay nothing is handed over: it is kept for this page.
func state(m notify.Message) string {
	switch m.State {
	case notify.Sent:
		return "kept here"
	case notify.Queued, notify.Sending, notify.Unknown:
		return "waiting"
	case notify.Skipped, notify.Superseded, notify.Expired:
		return "not sent, no longer true"
	}
	return m.State
}

// unwritten stands for the subject of a message that has no bytes: they are written at the first attempt.
func unwritten(m notify.Message) string {
	switch m.State {
	case notify.Queued, notify.Sending, notify.Unknown:
		return "Not written yet"
	}
	return "Never written"
}

// letterPage is one mail as its reader gets it.
type letterPage struct {
	mailRow
	From    string
	Text    string
	HTML    bool
	Hidden  bool // a sign-in mail outside of a demo
	Raw     bool // there are bytes to download
	Invite  *invitation
	Headers []header
}

// letter answers GET /mail/{id}.
func (s *site) letter(w http.ResponseWriter, r *http.Request) error {
	here := zoneOf(s.TimeZone)
	m, l, raw, err := s.caught(r)
	if err != nil {
		return err
	}
	p := letterPage{
		mailRow: mailRow{ID: m.ID, Event: m.Event, Tone: tones[m.Event], To: m.Address, Subject: unwritten(m), State: state(m)},
		Hidden:  s.hidden(r, m), Raw: raw != nil,
	}
	at := m.CreatedAt
	if m.SentAt != 0 {
		at = m.SentAt
	}
	p.Time, p.DateTime = here.at(at).Format("Monday 2 January 2006, 15:04"), at.String()
	if raw != nil {
		p.Subject, p.From, p.Headers = l.subject, l.from, l.headers
	}
	if !p.Hidden {
		p.Text, p.HTML = l.text, l.html != ""
		p.Invite = readInvitation(l.calendar, here)
	} else {
		p.Raw = false
	}
	s.show(w, r, http.StatusOK, "letter", view{Title: p.Subject + " · Caught mail", Current: "mail", Zone: here.city(), Body: p})
	return nil
}

// letterPolicy lets a mail bring its inline styles and nothing else. It runs in a sandbox, and what it links to opens outside.
const letterPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; " +
	"sandbox allow-popups allow-popups-to-escape-sandbox"

// letterHTML answers GET /mail/{id}/html: the mail's own page, shown in a frame.
func (s *site) letterHTML(w http.ResponseWriter, r *http.Request) error {
	m, l, _, err := s.caught(r)
	if err != nil {
		return err
	}
	if l.html == "" || s.hidden(r, m) {
		return noPage()
	}
	h := w.Header()
	h.Del("X-Frame-Options") // frame-ancestors says it better, and for all but our own frame
	h.Set("Content-Security-Policy", letterPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	send(w, r, "text/html; charset=utf-8", []byte(opensOutside(l.html)))
	return nil
}

// letterRaw answers GET /mail/{id}/message.eml: the bytes as they would go to the relay.
func (s *site) letterRaw(w http.ResponseWriter, r *http.Request) error {
	m, _, raw, err := s.caught(r)
	if err != nil {
		return err
	}
	if raw == nil || s.hidden(r, m) {
		return noPage()
	}
	w.Header().Set("Content-Disposition", `attachment; filename="message.eml"`)
	send(w, r, "message/rfc822", raw)
	return nil
}

// letterInvite answers GET /mail/{id}/invite.ics: the invitation alone.
func (s *site) letterInvite(w http.ResponseWriter, r *http.Request) error {
	m, l, _, err := s.caught(r)
	if err != nil {
		return err
	}
	invite := readInvitation(l.calendar, zoneOf(s.TimeZone))
	if invite == nil || s.hidden(r, m) {
		return noPage()
	}
	w.Header().Set("Content-Disposition", `attachment; filename="invite.ics"`)
	send(w, r, "text/calendar; charset=utf-8; method="+invite.token(), []byte(l.calendar))
	return nil
}

// caught reads one message; raw is nil while it has no bytes.
func (s *site) caught(r *http.Request) (notify.Message, letter, []byte, error) {
	type found struct {
		m   notify.Message
		raw []byte
	}
	f, err := store.Read(r.Context(), s.Store, func(v *store.View) (found, error) {
		m, raw, err := notify.Caught(v, chi.URLParam(r, "id"))
		return found{m, raw}, err
	})
	if err != nil || len(f.raw) == 0 {
		return f.m, letter{}, nil, err
	}
	l, err := readLetter(f.raw)
	if err != nil {
		return f.m, letter{}, nil, fmt.Errorf("read message %s: %w", f.m.ID, err)
	}
	return f.m, l, f.raw, nil
}

// hidden reports whether the body of a message is kept from this reader.
func (s *site) hidden(r *http.Request, m notify.Message) bool { return m.Event == signIn && !s.demo(r) }

func send(w http.ResponseWriter, r *http.Request, mime string, body []byte) {
	w.Header().Set("Content-Type", mime)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
