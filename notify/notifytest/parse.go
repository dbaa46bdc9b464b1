package notifytest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
)

// Parsed is a mail taken apart by the standard library, not by what built it.
type Parsed struct {
	Header     mail.Header
	Subject    string // decoded
	Tree       string // content types, nested: mixed(alternative(text/plain text/html))
	Text       string
	HTML       string
	Calendar   string // iCalendar of the text/calendar part; empty: there is none
	Method     string // its method parameter
	Attachment string // of the application/ics part
}

// Parse takes a mail apart and fails the test when it is no good mail.
func Parse(t testing.TB, raw []byte) Parsed {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("no mail: %v", err)
	}
	p := Parsed{Header: m.Header}
	if p.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatalf("subject: %v", err)
	}
	if p.Tree, err = p.part(textproto.MIMEHeader(m.Header), m.Body); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *Parsed) part(h textproto.MIMEHeader, body io.Reader) (string, error) {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return "", fmt.Errorf("content type: %w", err)
	}
	if after, ok := strings.CutPrefix(kind, "multipart/"); ok {
		var inside []string
		r := multipart.NewReader(body, params["boundary"])
		for {
			part, err := r.NextRawPart()
			if err == io.EOF {
				return after + "(" + strings.Join(inside, " ") + ")", nil
			}
			if err != nil {
				return "", fmt.Errorf("%s: %w", kind, err)
			}
			tree, err := p.part(part.Header, part)
			if err != nil {
				return "", err
			}
			inside = append(inside, tree)
		}
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return "", fmt.Errorf("%s: %w", kind, err)
	}
	switch kind {
	case "text/plain":
		p.Text = string(content)
	case "text/html":
		p.HTML = string(content)
	case "text/calendar":
		p.Calendar, p.Method = string(content), params["method"]
	case "application/ics":
		p.Attachment = string(content)
	}
	return kind, nil
}

// Property is the value of the first line of an iCalendar text with that name, unfolded; empty when there is none.
func Property(ics, name string) string {
	ics = strings.ReplaceAll(ics, "\r\n ", "")
	for line := range strings.SplitSeq(ics, "\r\n") {
		if after, ok := strings.CutPrefix(line, name); ok && after != "" && (after[0] == ':' || after[0] == ';') {
			quoted := false
			for i := range len(line) { // a parameter in quotes may hold a colon (RFC 5545 3.2)
				if line[i] == '"' {
					quoted = !quoted
				} else if line[i] == ':' && !quoted {
					return line[i+1:]
				}
			}
		}
	}
	return ""
}
