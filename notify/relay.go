package notify

import (
	"errors"
	"net/url"
	"strconv"
)

// Relay is the server that takes our mail.
type Relay struct {
	Host     string
	Port     int
	User     string // empty: no authentication
	Password string
	TLS      string // starttls, implicit or off
}

// The ways to talk to a relay.
const (
	StartTLS    = "starttls"
	ImplicitTLS = "implicit"
	NoTLS       = "off"
)

// ParseRelay reads smtp://[user:password@]host[:port][?tls=starttls|off] or smtps://[user:password@]host[:port]. The ports are 587
// and 465 unless named. The empty text is no relay: nil. Errors never hold any of the text, because a password stands in it.
func ParseRelay(text string) (*Relay, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return nil, errors.New("the SMTP URL has the form smtp://user:password@host:port?tls=starttls, with special characters in the password percent-encoded")
	}
	r := &Relay{Host: u.Hostname(), TLS: StartTLS, Port: 587}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("the part of the SMTP URL after the question mark cannot be read")
	}
	for name, values := range query {
		if name != "tls" || len(values) != 1 || u.Scheme != "smtp" {
			return nil, errors.New("the only option of the SMTP URL is tls, once, and smtps:// has none")
		}
	}
	switch u.Scheme {
	case "smtp":
		switch query.Get("tls") {
		case "", StartTLS:
		case NoTLS:
			r.TLS = NoTLS
		default:
			return nil, errors.New("the option tls of the SMTP URL is starttls or off")
		}
	case "smtps":
		r.TLS, r.Port = ImplicitTLS, 465
	default:
		return nil, errors.New("the SMTP URL begins with smtp:// or smtps://")
	}
	if p := u.Port(); p != "" {
		if r.Port, err = strconv.Atoi(p); err != nil || r.Port < 1 || r.Port > 65535 {
			return nil, errors.New("the port of the SMTP URL is a number from 1 to 65535")
		}
	}
	if u.User != nil {
		r.User = u.User.Username()
		r.Password, _ = u.User.Password()
		if r.User == "" || r.Password == "" {
			return nil, errors.New("the SMTP URL names user and password, or neither")
		}
	}
	return r, nil
}
