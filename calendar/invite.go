package calendar

import (
	"fmt"
	"strings"

	"github.com/emersion/go-ical"

	"github.com/wellweek/wellweek/programs"
)

// Address is a mailbox with the name shown for it.
type Address struct {
	Name  string // may be empty
	Email string // a plain addr-spec in ASCII
}

// Invite is what one mailbox is told about one session (RFC 5546, RFC 6047). It names its recipient and nobody else.
type Invite struct {
	Session      programs.Session
	Program      string
	Facilitators []string
	URL          string
	Sequence     int              // the counter of (session, mailbox), which only rises (L4)
	Stamp        programs.Instant // when the cause was journaled; the caller moves it on by a second when it is not after the last one sent (C6)
	Organizer    Address          // the service address with the plus-token, the same for life; its name is always Wellweek
	Attendee     Address          // the recipient, exactly as mailed
	Partstat     string           // ACCEPTED after an own sign-up, else NEEDS-ACTION, or what was last answered: TENTATIVE, DECLINED
}

// disallowCounter keeps Outlook from offering to propose another time, which could never be accepted.
const disallowCounter = "X-MICROSOFT-DISALLOW-COUNTER"

// Request is the METHOD:REQUEST document that brings the session into the recipient's calendar or moves it there (RFC 5546 3.2.2).
// A cancelled session is an error, as is everything that Fragment refuses, an address that is none and a recipient who is the
// organizer: a client shows the organizer no buttons. Errors hold nothing of the record.
func (i Invite) Request() ([]byte, error) {
	c := i.event().component(confirmed, "")
	if i.Session.Status == programs.Cancelled {
		c.fail("a cancelled session is not invited to") // RFC 5546 3.2.2 has no STATUS:CANCELLED
	}
	c.put(disallowCounter, "TRUE")
	return i.document(c, "REQUEST", "RSVP", "TRUE")
}

// Cancellation is the METHOD:CANCEL document that takes the session out of the recipient's calendar (RFC 5546 3.2.5). It is sent when
// the session is cancelled, and to one person alone when that person has left. It repeats what the request said, for clients that
// never saw one, and asks for no answer. It fails as Request does, save that a cancelled session is fine.
func (i Invite) Cancellation() ([]byte, error) {
	return i.document(i.event().component(cancelled, ""), "CANCEL")
}

func (i Invite) event() Event {
	return Event{Session: i.Session, Program: i.Program, Facilitators: i.Facilitators, URL: i.URL}
}

// document adds to the component who invites whom, and puts the method around it.
func (i Invite) document(c *component, method string, answer ...string) ([]byte, error) {
	c.sequence(i.Sequence)
	c.instant(ical.PropDateTimeStamp, i.Stamp)
	switch i.Partstat {
	case "ACCEPTED", "NEEDS-ACTION", "TENTATIVE", "DECLINED":
	default:
		c.fail("the answer so far is not one of RFC 5545 3.2.12 that we know")
	}
	organizer, attendee := c.mailto(i.Organizer), c.mailto(i.Attendee)
	if strings.EqualFold(organizer, attendee) {
		c.fail("the recipient is the organizer")
	}
	c.put(ical.PropOrganizer, organizer, "CN", "Wellweek")
	parameters := append([]string{"CUTYPE", "INDIVIDUAL", "ROLE", "REQ-PARTICIPANT", "PARTSTAT", i.Partstat}, answer...)
	if name := parameter(i.Attendee.Name); name != "" {
		parameters = append(parameters, "CN", name)
	}
	c.put(ical.PropAttendee, attendee, parameters...)
	fragment, err := c.encode()
	if err != nil {
		return nil, fmt.Errorf("invite: %w", err)
	}
	dst := appendOpening(make([]byte, 0, len(fragment)+256), method)
	return appendClosing(append(dst, fragment...)), nil
}

// mailto is a CAL-ADDRESS (RFC 5545 3.3.3). The "@" is never percent-encoded, for Outlook then takes the address as unusable
// (markuspoerschke/iCal #260). Only what would end the address inside a URI is encoded (RFC 6068 2).
func (c *component) mailto(a Address) string {
	local, domain, ok := strings.Cut(a.Email, "@")
	if !ok || local == "" || domain == "" || len(a.Email) > 254 || !printable(a.Email) ||
		strings.ContainsAny(a.Email, "\"<>()[]\\,;: ") || strings.Contains(domain, "@") {
		c.fail("an address is not a plain e-mail address")
		return ""
	}
	return "mailto:" + uriEscapes.Replace(local) + "@" + uriEscapes.Replace(domain)
}

var uriEscapes = strings.NewReplacer("%", "%25", "#", "%23", "?", "%3F", "^", "%5E", "`", "%60", "{", "%7B", "|", "%7C", "}", "%7D")
