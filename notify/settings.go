package notify

import (
	"errors"
	"strings"

	"github.com/wellweek/wellweek/programs"
)

// Settings are what every mail needs to know about the installation.
type Settings struct {
	PublicURL   string // where people reach the pages, without a slash at the end
	From        string // the service address, for example wellweek@example.org
	ReplyDomain string // the domain of reply and bounce addresses, Message-ID and HELO
	TimeZone    string // IANA name; for people who have neither a zone of their own nor an office's
}

// check refuses settings from which no good address or link can be made. The errors name the setting, never its value.
func (s Settings) check() error {
	if !strings.HasPrefix(s.PublicURL, "https://") && !strings.HasPrefix(s.PublicURL, "http://") {
		return errors.New("the public URL begins with https:// or http://")
	}
	if _, err := programs.Address(s.From); err != nil {
		return errors.New("the mail From is one plain address")
	}
	if len(s.local()) > 64-len("+r.")-tokenLength { // RFC 5321 4.5.3.1.1: 64 octets before the @
		return errors.New("the part of the mail From before the @ has at most 35 characters, because reply tokens are added to it")
	}
	if _, err := programs.Address("x@" + s.ReplyDomain); err != nil {
		return errors.New("the reply domain is a plain domain name")
	}
	if _, err := programs.Zone(s.TimeZone); err != nil {
		return errors.New("the time zone is a name of the IANA list")
	}
	return nil
}

// local is the part of the service address before the @. A tag that an operator put there goes first, and ours follows.
func (s Settings) local() string {
	local, _, _ := strings.Cut(s.From, "@")
	return strings.ToLower(local)
}
