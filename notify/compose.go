package notify

import (
	"bytes"
	"embed"
	"errors"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode/utf8"

	"github.com/wneessen/go-mail"

	"github.com/wellweek/wellweek/calendar"
	"github.com/wellweek/wellweek/programs"
)

//go:embed templates
var templates embed.FS

// composer sets letters as mails. The zero composer is not usable.
type composer struct {
	links
	keyID string
	text  *texttemplate.Template
	html  *htmltemplate.Template
}

func newComposer(l links, keyID string) (*composer, error) {
	text, err := texttemplate.New("mail.txt").Funcs(texttemplate.FuncMap{"wrap": wrap, "field": field}).ParseFS(templates, "templates/mail.txt", "templates/calendar.txt")
	if err != nil {
		return nil, err
	}
	// html/template drops comments, and classic Outlook needs some: they are constants of ours.
	html, err := htmltemplate.New("mail.html").Funcs(htmltemplate.FuncMap{
		"outlook": func() htmltemplate.HTML {
			return `<!--[if mso]><table role="presentation" width="600" align="center" cellpadding="0" cellspacing="0" border="0"><tr><td><![endif]-->`
		},
		"outlookEnd": func() htmltemplate.HTML { return `<!--[if mso]></td></tr></table><![endif]-->` },
	}).ParseFS(templates, "templates/mail.html")
	return &composer{links: l, keyID: keyID, text: text, html: html}, err
}

// composed is a mail ready to be frozen, and what its mailbox is told by it.
type composed struct {
	Letter *letter
	Bytes  []byte
	Part   part
	Told   invite // zero Session: it says nothing about one seat
	From   string
	Said   string
}

// compose writes the mail of a letter that was judged true.
func (c *composer) compose(l *letter) (composed, error) {
	zone, err := c.zone(l)
	if err != nil {
		return composed{}, err
	}
	loc, err := programs.Zone(l.Session.TimeZone)
	if err != nil {
		return composed{}, err
	}
	token := c.replyToken(l.Session.ID, l.Person.ID)
	out := composed{Letter: l, Told: l.Told, From: c.organizer(token)}
	carrier := l.carrier()
	method := carrier.method()
	if strings.EqualFold(l.Person.Email, c.Settings.From) {
		method = "" // the organizer is not invited: clients show it no buttons
	}
	say := l.say
	switch {
	case l.lists():
		say, out.Said = l.sayList, l.saying()
	case l.Part == calendarOnly:
		say = l.sayCalendar
	}
	said, err := say(method, zone, c.session(l.Session.ID))
	if err != nil {
		return composed{}, err
	}
	if l.Told.Session == "" {
		out.Told = invite{
			Person: l.Person.ID, Session: l.Session.ID, TokenHash: TokenHash(token), KeyID: c.keyID, First: l.MessageID,
			Sequence: -1, Major: 0, Partstat: needsAction,
		}
	}
	if method != "" {
		a := asked{Method: method, Own: carrier.own(), Cause: l.since(), Zone: loc, Facts: l.facts()}
		if carrier.Event == Reinstated && l.Told.Session != "" && l.Told.major(a) {
			a.Own = false // they said yes to another time (W14)
		}
		out.Part, out.Told = out.Told.next(l.Session, a)
	}
	out.Told.Address = l.Person.Email
	if l.Event != Reminder && (method != "" || out.Told.Method != request) {
		// What is in the calendar is what they believe: words beside it do not count as told, or a move would be held back.
		out.Told.Starts, out.Told.Ends, out.Told.Location, out.Told.ToldAt = l.Session.StartsAt, l.Session.EndsAt, l.Session.Location, l.Now
	}
	if l.Event != Reminder && l.Part != calendarOnly {
		out.Told.Said = l.facts().hash()
	}
	if l.lists() && method == "" {
		out.Told = invite{} // that its lines were read is noted when it was taken
	}
	msg, err := head{
		Event: l.Event, Part: l.Part, From: out.From, To: l.Person.Email, ToName: l.Person.Name, Subject: said.Subject, Date: l.Now,
		MessageID: l.MessageID, Thread: l.Told.First,
	}.message()
	if err != nil {
		return composed{}, err
	}
	if err := c.body(msg, l, said); err != nil {
		return composed{}, err
	}
	if method != "" {
		if err := c.invitation(msg, l, out); err != nil {
			return composed{}, err
		}
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return composed{}, err
	}
	out.Bytes = b.Bytes()
	return out, sound(out.Bytes)
}

// zone is where the reader lives: their own, their office's, the organization's.
func (c *composer) zone(l *letter) (*time.Location, error) {
	if l.Zone == "" {
		return programs.Zone(c.TimeZone)
	}
	return programs.Zone(l.Zone)
}

// body adds the text and the HTML, which say the same.
func (c *composer) body(msg *mail.Msg, l *letter, said page) error {
	var text, html bytes.Buffer
	name := "mail.txt"
	if l.Part == calendarOnly {
		name = "calendar.txt"
	}
	if err := c.text.ExecuteTemplate(&text, name, said); err != nil {
		return err
	}
	if err := c.html.ExecuteTemplate(&html, "mail.html", said); err != nil {
		return err
	}
	msg.SetBodyString(mail.TypeTextPlain, text.String())
	msg.AddAlternativeString(mail.TypeTextHTML, html.String())
	return nil
}

// invitation adds the calendar part: as the last alternative, where clients look for it, and once more as an attachment for those
// that do not. The attachment's type is another one, so that only one part is text/calendar, and neither has a Content-ID or is
// inline, with which Thunderbird hides it (PHPMailer #175).
func (c *composer) invitation(msg *mail.Msg, l *letter, out composed) error {
	invite := calendar.Invite{
		Session: l.Session, Program: l.Program, Facilitators: l.Leads, URL: c.session(l.Session.ID), Sequence: out.Part.Sequence, Stamp: out.Part.Stamp,
		Organizer: calendar.Address{Name: "Wellweek", Email: out.From}, Attendee: calendar.Address{Name: l.Person.Name, Email: l.Person.Email},
		Partstat: out.Part.Partstat,
	}
	render := invite.Request
	if out.Part.Method == cancel {
		render = invite.Cancellation
	}
	ics, err := render()
	if err != nil {
		return err
	}
	kind, err := calendarType(out.Part.Method)
	if err != nil {
		return err
	}
	msg.AddAlternativeString(kind, string(ics), mail.WithPartEncoding(mail.EncodingB64))
	return msg.AttachReader("invite.ics", bytes.NewReader(ics), mail.WithFileContentType("application/ics"), mail.WithFileEncoding(mail.EncodingB64))
}

// sound refuses bytes with which a relay could be made to see a second mail: bare CR or LF, and lines beyond RFC 5322 2.1.1.
func sound(raw []byte) error {
	line := 0
	for i, b := range raw {
		switch {
		case b == '\n' && (i == 0 || raw[i-1] != '\r'), b == '\r' && (i+1 == len(raw) || raw[i+1] != '\n'), b == 0, b > 0x7e:
			return errors.New("the mail holds bytes that no mail may hold")
		case b == '\n':
			line = 0
		default:
			if line++; line > 999 {
				return errors.New("a line of the mail is too long")
			}
		}
	}
	return nil
}

// wrap breaks text at spaces into lines of at most 72 columns. Links stay whole.
func wrap(s string) string { return strings.Join(lines(s, 72), "\n") }

// field sets a label and its lines in two columns.
func field(f fact) string {
	var b strings.Builder
	label := f.Label
	for _, part := range f.Lines {
		for _, line := range lines(part, 72-10) {
			b.WriteString(label + strings.Repeat(" ", max(1, 10-utf8.RuneCountInString(label))) + line + "\n")
			label = ""
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func lines(s string, width int) []string {
	var out []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		for !strings.Contains(word, "://") && utf8.RuneCountInString(word) > width { // only a link is better left whole
			if line != "" {
				out, line = append(out, line), ""
			}
			head := []rune(word)[:width]
			out, word = append(out, string(head)), word[len(string(head)):]
		}
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			out = append(out, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(out, line)
}
