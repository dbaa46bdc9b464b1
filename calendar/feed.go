package calendar

import (
	"strings"

	"github.com/wellweek/wellweek/programs"
)

// Header is what a feed says about itself.
type Header struct {
	ID          programs.FeedID  // becomes the calendar's UID; the feed's token is in no document
	Name        string           // what a client lists it as; empty: Wellweek
	Description string           // may be empty
	TimeZone    string           // IANA name, for display; an unknown one becomes UTC
	Created     programs.Instant // stamps the entry of an empty feed
}

// refresh asks for a look every hour. Google and Outlook keep to their own schedule.
const refresh = "PT1H"

// Feed is the whole calendar: header, fragments, end. The fragments come from Fragment, in the order (DTSTART, UID), and are not
// read again. There is no METHOD, since METHOD:PUBLISH would oblige each event to have an ORGANIZER (RFC 5546 3.2.1), and some
// clients then send answers to it.
func Feed(h Header, fragments [][]byte) []byte {
	size := 2048
	for _, f := range fragments {
		size += len(f)
	}
	dst := h.append(appendOpening(make([]byte, 0, size), ""))
	if len(fragments) == 0 {
		dst = h.appendEmpty(dst)
	}
	for _, f := range fragments {
		dst = append(dst, f...)
	}
	return appendClosing(dst)
}

func (h Header) append(dst []byte) []byte {
	name := text(h.Name, lineLimit)
	if name == "" {
		name = "Wellweek"
	}
	dst = appendLine(dst, "UID", h.uid())
	dst = appendLine(dst, "NAME", name) // RFC 7986 5.1; what clients read is the older name
	dst = appendLine(dst, "X-WR-CALNAME", name)
	if d := text(h.Description, textLimit); d != "" {
		dst = appendLine(dst, "X-WR-CALDESC", d)
	}
	zone := h.TimeZone
	if _, err := programs.Zone(zone); err != nil {
		zone = "UTC"
	}
	dst = appendLine(dst, "X-WR-TIMEZONE", zone)
	dst = appendLine(dst, "REFRESH-INTERVAL;VALUE=DURATION", refresh) // RFC 7986 5.7: the VALUE must be there
	return appendLine(dst, "X-PUBLISHED-TTL", refresh)
}

// uid is the feed's id; what an id of ours never holds is dropped rather than refused, for a feed has no way to fail.
func (h Header) uid() string {
	id := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, string(h.ID))
	return escape(cut(id, 200))
}

// appendEmpty adds the one event of a feed without sessions: RFC 5545 3.6 wants a component, and clients drop a calendar without.
// It lies far back, takes up no time and is gone with the first session.
func (h Header) appendEmpty(dst []byte) []byte {
	created := h.Created
	if created < firstInstant || created >= afterInstant {
		created = 946684800000 // 2000-01-01, the day of the event itself
	}
	stamp := created.Time().Format(utcForm)
	dst = appendLine(dst, "BEGIN", "VEVENT")
	dst = appendLine(dst, "CREATED", stamp)
	dst = appendLine(dst, "DTEND", "20000101T000100Z")
	dst = appendLine(dst, "DTSTAMP", stamp)
	dst = appendLine(dst, "DTSTART", "20000101T000000Z")
	dst = appendLine(dst, "LAST-MODIFIED", stamp)
	dst = appendLine(dst, "SEQUENCE", "0")
	dst = appendLine(dst, "STATUS", confirmed)
	dst = appendLine(dst, "SUMMARY", "No sessions yet")
	dst = appendLine(dst, "TRANSP", "TRANSPARENT")
	dst = appendLine(dst, "UID", "empty-"+h.uid())
	return appendLine(dst, "END", "VEVENT")
}
