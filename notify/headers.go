package notify

import (
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	netmail "net/mail"
	"strings"
	"unicode/utf8"

	"github.com/wneessen/go-mail"

	"github.com/wellweek/wellweek/programs"
)

// head is every header of a mail. Nothing else in the program writes one (mail.md section 5): several ways of the library to set a
// header let a line break through, and these do not.
type head struct {
	Event     string
	Part      string // notice, calendar, or empty: the header is left out
	From      string // the address with the reply token; the name beside it is ours
	To        string
	ToName    string
	Subject   string
	Date      programs.Instant
	MessageID string // without angle brackets
	Thread    string // Message-ID of the first mail about this seat; empty for that one
}

var errHeader = errors.New("a header value holds something other than printable ASCII")

// message makes a mail with these headers. It refuses values in which a line break, a control character or a second address hides;
// the errors hold none of them.
func (h head) message() (*mail.Msg, error) {
	for _, v := range []string{h.Event, h.Part, h.From, h.To, h.MessageID, h.Thread} {
		if !printable(v) {
			return nil, errHeader
		}
	}
	m := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	if err := m.FromFormat("Wellweek", h.From); err != nil {
		return nil, errors.New("the sender's address cannot be used")
	}
	if _, err := programs.Address(h.To); err != nil {
		return nil, errors.New("the recipient's address cannot be used")
	}
	m.AddToMailAddress(&netmail.Address{Name: oneLine(h.ToName), Address: h.To}) // AddToFormat refuses names with quotes or backslashes
	if err := m.ReplyToFormat("Wellweek", h.From); err != nil {
		return nil, errors.New("the reply address cannot be used")
	}
	m.Subject(encodedWords(oneLine(h.Subject)))
	m.SetDateWithValue(h.Date.Time())
	m.SetMessageIDWithValue(h.MessageID)
	m.SetGenHeader("Auto-Submitted", "auto-generated")           // RFC 3834 5
	m.SetGenHeader("X-Auto-Response-Suppress", "OOF, AutoReply") // Exchange; "All" would also stop bounces
	m.SetGenHeader("X-Wellweek-Event", h.Event)
	if h.Part != "" {
		m.SetGenHeader("X-Wellweek-Part", h.Part)
	}
	if h.Thread != "" && h.Thread != h.MessageID {
		m.SetGenHeader("References", "<"+h.Thread+">") // RFC 5322 3.6.4
		m.SetGenHeader("In-Reply-To", "<"+h.Thread+">")
	}
	return m, nil
}

// printable reports whether a value needs no encoding and cannot end its line.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// longest is how many characters of a name or a subject are shown. A title has 200 at most.
const longest = 300

// oneLine drops what the rooms to the left should never have let in: controls, and line ends in all their forms.
func oneLine(s string) string {
	if utf8.RuneCountInString(s) > longest {
		s = string([]rune(s)[:longest-1]) + "…"
	}
	clean := make([]rune, 0, len(s))
	for _, c := range s {
		switch {
		case c == '\t' || c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029:
			clean = append(clean, ' ')
		case c < 0x20 || c >= 0x7f && c <= 0x9f || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0xfeff:
		default:
			clean = append(clean, c)
		}
	}
	// A run of spaces, where a header is folded, would make a line of nothing but space (RFC 5322 3.2.2). And a text that is itself
	// written as an encoded word would be decoded by the reader, to whatever it hides (RFC 2047 2).
	return strings.ReplaceAll(strings.Join(strings.Fields(string(clean)), " "), "=?", "= ?")
}

// encodedWords writes a subject that is not ASCII as encoded words (RFC 2047 2), the first of which fits beside the header's name: the
// library's does not, and a header whose first line is empty is shown as none by some readers. What it gets in ASCII it leaves alone.
func encodedWords(s string) string {
	const first, further = 62, 75
	if word := mime.QEncoding.Encode("utf-8", s); len(word) <= first {
		return word
	}
	if printable(s) {
		return s
	}
	var words []string
	room := first
	for chunk := ""; s != ""; chunk = "" {
		for _, c := range s {
			if len("=?utf-8?b??=")+base64.StdEncoding.EncodedLen(len(chunk)+utf8.RuneLen(c)) > room {
				break
			}
			chunk += string(c)
		}
		words = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(chunk))+"?=")
		s, room = s[len(chunk):], further
	}
	return strings.Join(words, " ")
}

// calendarType is the content type of the part that mail clients act on: its method parameter equals METHOD (RFC 6047 2.4).
func calendarType(method string) (mail.ContentType, error) {
	if method != request && method != cancel {
		return "", fmt.Errorf("no such method")
	}
	return mail.ContentType("text/calendar; method=" + method), nil
}
