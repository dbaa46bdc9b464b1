package calendar

import (
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/emersion/go-ical"

	"github.com/wellweek/wellweek/programs"
)

// Event is one session as a feed shows it.
type Event struct {
	Session      programs.Session // with its Details; ProgramID is not read
	Program      string           // the program's name; may be empty
	Facilitators []string         // names, in order
	URL          string           // the session page, https or http, built by us; empty: none
	GivenUp      int              // confirmed seats the owner of a mine feed has given up in this session; they raise SEQUENCE
}

// The values of STATUS that we write.
const (
	confirmed = "CONFIRMED"
	cancelled = "CANCELLED"
)

// cancelledPrefix stands before the title of a cancelled session in a feed, for the clients that do not look at STATUS.
const cancelledPrefix = "Cancelled: "

// Fragment is the session as one VEVENT: the lines from BEGIN:VEVENT to END:VEVENT, folded, each ended by CRLF. The same event gives
// the same bytes, so that a caller may keep them by session, revision and seats given up.
//
// It is an error, which holds nothing of the record, when the session is a draft or skipped (neither is ever shown), or when it
// cannot be said in iCalendar: no UID, an end before its start, an instant outside the years 1970 to 9999, an unknown zone. Text
// is never an error: it is cleaned. A caller leaves the session out, counts it and goes on.
func Fragment(e Event) ([]byte, error) {
	status, prefix := confirmed, ""
	if e.Session.Status == programs.Cancelled {
		status, prefix = cancelled, cancelledPrefix
	}
	c := e.component(status, prefix)
	c.sequence(e.Session.Sequence, e.GivenUp)
	c.instant(ical.PropDateTimeStamp, e.Session.LastModified) // without METHOD it is the last revision (RFC 5545 3.8.7.2)
	c.instant(ical.PropLastModified, e.Session.LastModified)
	return c.encode()
}

// component is what every VEVENT of ours says, in a feed as in an invite.
func (e Event) component(status, prefix string) *component {
	c, s := newComponent(), e.Session
	switch s.Status {
	case programs.Scheduled, programs.Completed, programs.Finalized, programs.Cancelled:
	default:
		c.fail("the session was never announced")
	}
	c.uid(s.UID)
	c.instant(ical.PropDateTimeStart, s.StartsAt)
	c.instant(ical.PropDateTimeEnd, s.EndsAt)
	if s.EndsAt/1000 <= s.StartsAt/1000 {
		c.fail("the session does not end after it starts") // RFC 5545 3.8.2.2
	}
	if s.CreatedAt != 0 {
		c.instant(ical.PropCreated, s.CreatedAt)
	}
	c.put(ical.PropStatus, status)
	if status == cancelled {
		c.put(ical.PropTransparency, "TRANSPARENT") // the time is free again
	} else {
		c.put(ical.PropTransparency, "OPAQUE")
	}
	c.put(ical.PropSummary, text(prefix+e.title(), lineLimit))
	if place := e.said(s.Location); place != "" {
		c.put(ical.PropLocation, text(place, lineLimit))
	}
	c.put(ical.PropDescription, text(e.description(c), textLimit))
	c.page(e.URL)
	return c
}

// uid adds the session's UID: ours, printable ASCII without spaces, at most 255 octets, which is what everybody must be able to keep
// (RFC 5545 3.8.4.7).
func (c *component) uid(uid string) {
	if uid == "" || len(uid) > 255 || !printable(uid) || strings.Contains(uid, " ") {
		c.fail("the UID is not 1 to 255 characters of printable ASCII")
	}
	c.put(ical.PropUID, escape(uid))
}

// sequence adds the sum of counters that never fall. SEQUENCE is a 32-bit integer (RFC 5545 3.3.8).
func (c *component) sequence(counters ...int) {
	sum := 0
	for _, n := range counters {
		if n < 0 || n > math.MaxInt32-sum {
			c.fail("the sequence is not a number from 0 to 2147483647")
			return
		}
		sum += n
	}
	c.put(ical.PropSequence, strconv.Itoa(sum))
}

// page adds the address of the session page. URL is a URI, which has no escapes: what could end the line or is no address at all
// fails, since it was not built by us.
func (c *component) page(address string) {
	if address == "" {
		return
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(address) > 2000 || !printable(address) ||
		strings.ContainsAny(address, " \"<>\\^`{|}") {
		c.fail("the address of the session page is no web address")
	}
	c.put(ical.PropURL, address)
}

// title is never empty, because a client shows an event without SUMMARY as a gap.
func (e Event) title() string {
	if title := e.said(e.Session.Title); title != "" {
		return title
	}
	return "Session"
}

// said is what somebody typed, cleaned, with the session's join link replaced by its page: people paste the link into a place or a
// description, and from there it would reach everybody who has the feed's address (invariant I-13).
func (e Event) said(s string) string {
	s = clean(s)
	if link := clean(e.Session.JoinURL); strings.Contains(link, "://") {
		page := e.URL
		if page == "" {
			page = "(see the session page)"
		}
		s = strings.ReplaceAll(s, link, page)
	}
	return s
}

// description says all that the session's card says, because a client may show nothing else: program, who leads, the place, the time
// as the wall clock there shows it, the page; below, the coordinator's own words, which may be cut. Each fact is one line.
func (e Event) description(c *component) string {
	var lines []string
	add := func(label, s string) {
		if s = oneLine(s); s != "" {
			lines = append(lines, label+": "+s)
		}
	}
	add("Program", cut(oneLine(e.said(e.Program)), lineLimit))
	var with []string
	for _, name := range e.Facilitators {
		if name = cut(oneLine(name), lineLimit); name != "" {
			with = append(with, name)
		}
	}
	add("With", strings.Join(with, ", "))
	place := cut(oneLine(e.said(e.Session.Location)), lineLimit)
	if place == "" && e.Session.JoinURL != "" {
		place = "Online"
	}
	add("Where", place)
	add("When", e.when(c))
	add("Page", e.URL)
	if words := e.said(e.Session.Description); words != "" {
		lines = append(lines, "", words)
	}
	return strings.Join(lines, "\n")
}

// when is the time in the session's own zone with weekday, date and zone name, for example
// "Wednesday 18 November 2026, 12:30-13:15 (Europe/Berlin)". A session over midnight has both dates, one over a change of the clocks
// both offsets as well: 01:30 to 01:30 may be an hour. It is made from the instants and not from the wall time that was typed, so
// that it agrees with DTSTART also where the clocks skip an hour (T2).
func (e Event) when(c *component) string {
	zone, err := programs.Zone(e.Session.TimeZone)
	if err != nil {
		c.fail("the zone is unknown")
		return ""
	}
	start, end := e.Session.StartsAt.Time().In(zone), e.Session.EndsAt.Time().In(zone)
	day, until := "Monday 2 January 2006, 15:04", "-15:04"
	if start.YearDay() != end.YearDay() || start.Year() != end.Year() {
		until = " to " + day
	}
	_, before := start.Zone()
	if _, after := end.Zone(); before != after {
		day += " UTC-07:00"
		until = " to " + day
	}
	return start.Format(day) + end.Format(until) + " (" + e.Session.TimeZone + ")"
}
