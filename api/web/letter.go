package web

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/wellweek/wellweek/programs"
)

// letter is a caught mail taken apart.
type letter struct {
	subject, from        string
	headers              []header
	text, html, calendar string
}

type header struct{ Name, Value string }

// depth is how many levels of parts are opened; our own mails have three.
const depth = 5

// readLetter takes a mail apart: the first text, the first HTML and the first calendar part count.
func readLetter(raw []byte) (letter, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return letter{}, err
	}
	l := letter{subject: decoded(m.Header.Get("Subject")), from: decoded(m.Header.Get("From"))}
	for name, values := range m.Header {
		for _, v := range values {
			l.headers = append(l.headers, header{name, v})
		}
	}
	slices.SortFunc(l.headers, func(a, b header) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value)) })
	return l, l.read(textproto.MIMEHeader(m.Header), m.Body, depth)
}

// subjectOf is the subject of a mail, for a list; it is all that is read of it.
func subjectOf(raw []byte) string {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return "Cannot be read"
	}
	return decoded(m.Header.Get("Subject"))
}

func (l *letter) read(h textproto.MIMEHeader, body io.Reader, depth int) error {
	if depth == 0 {
		return errors.New("too many levels of parts")
	}
	kind, params, err := mime.ParseMediaType(cmp.Or(h.Get("Content-Type"), "text/plain"))
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart() // the encoding is undone below, for parts of all levels
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := l.read(p.Header, p, depth-1); err != nil {
				return err
			}
		}
	}
	into := map[string]*string{"text/plain": &l.text, "text/html": &l.html, "text/calendar": &l.calendar}[kind]
	if into == nil || *into != "" {
		return nil
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	b, err := io.ReadAll(body)
	*into = string(b)
	return err
}

// decoded undoes the encoded words of a header (RFC 2047).
func decoded(s string) string {
	var d mime.WordDecoder
	if out, err := d.DecodeHeader(s); err == nil {
		return out
	}
	return s
}

// opensOutside makes the links of a mail open in a window of their own: a frame must not become the page behind a link.
func opensOutside(html string) string {
	const base = `<base target="_blank">`
	at := strings.Index(strings.ToLower(html), "<head>")
	if at < 0 {
		return base + html
	}
	at += len("<head>")
	return html[:at] + base + html[at:]
}

// invitation is what a calendar part says to a calendar.
type invitation struct {
	Method, UID, Sequence, Status, Summary, When, Location string
}

// readInvitation reads the lines of an iCalendar text that people ask about; nil when there is none.
func readInvitation(ics string, here zone) *invitation {
	if ics == "" {
		return nil
	}
	ics = strings.ReplaceAll(strings.ReplaceAll(ics, "\r\n", "\n"), "\n ", "") // RFC 5545 3.1: a line goes on after a space
	var inv invitation
	var start, end string
	for line := range strings.SplitSeq(ics, "\n") {
		name, value, _ := strings.Cut(line, ":")
		name, _, _ = strings.Cut(name, ";")
		into := map[string]*string{
			"METHOD": &inv.Method, "UID": &inv.UID, "SEQUENCE": &inv.Sequence, "STATUS": &inv.Status,
			"SUMMARY": &inv.Summary, "LOCATION": &inv.Location, "DTSTART": &start, "DTEND": &end,
		}[name]
		if into != nil && *into == "" {
			*into = strings.NewReplacer(`\n`, " ", `\N`, " ", `\,`, ",", `\;`, ";", `\\`, `\`).Replace(value)
		}
	}
	const utc = "20060102T150405Z"
	if a, err := time.Parse(utc, start); err == nil {
		if b, err := time.Parse(utc, end); err == nil {
			inv.When = here.span(programs.At(a), programs.At(b), programs.At(a)) + " (" + here.city() + ")"
		}
	}
	return &inv
}

// token is the method as a parameter of a media type: it is ours, but it comes out of stored bytes.
func (i *invitation) token() string {
	for _, c := range i.Method {
		if c < 'A' || c > 'Z' {
			return "PUBLISH"
		}
	}
	return cmp.Or(i.Method, "PUBLISH")
}
