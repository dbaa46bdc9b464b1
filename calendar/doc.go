// Package calendar speaks iCalendar: sessions in, bytes out. It knows no database, no clock and no network. What an instant is,
// whether a session is cancelled and how high a sequence stands is decided to the left, in programs; when bytes are asked for and
// whom they reach is decided to the right, in notify and api.
//
// Two kinds of documents leave this room:
//
//	Fragment(Event) ... -> Feed(Header, fragments)      a calendar to subscribe to: no METHOD, no people
//	Invite.Request, Invite.Cancellation                 one session for one mailbox: METHOD:REQUEST, METHOD:CANCEL
//
// Every session is one flat VEVENT in UTC with a UID for life. There is no RRULE, RECURRENCE-ID, VTIMEZONE, TZID or VALARM.
//
//	ours                           property          source              in a feed                 in an invite
//	Session.UID                    UID               RFC 5545 3.8.4.7    yes                       yes
//	Session.StartsAt               DTSTART           RFC 5545 3.8.2.4    UTC                       UTC
//	Session.EndsAt                 DTEND             RFC 5545 3.8.2.2    UTC                       UTC
//	Session.Title                  SUMMARY           RFC 5545 3.8.1.12   "Cancelled: " before it   as it is
//	Session.Location               LOCATION          RFC 5545 3.8.1.7    if there is one           if there is one
//	Program, Facilitators, Session DESCRIPTION       RFC 5545 3.8.1.5    who, where, when, page    the same
//	URL                            URL               RFC 5545 3.8.4.6    the session page          the session page
//	Session.Status                 STATUS            RFC 5545 3.8.1.11   CONFIRMED, CANCELLED      CANCELLED in METHOD:CANCEL
//	Session.Status                 TRANSP            RFC 5545 3.8.2.7    TRANSPARENT if cancelled  the same
//	Session.Sequence               SEQUENCE          RFC 5546 2.1.4      plus the seats given up   Invite.Sequence
//	Session.LastModified           LAST-MODIFIED     RFC 5545 3.8.7.3    yes                       no: DTSTAMP says it
//	Session.LastModified           DTSTAMP           RFC 5545 3.8.7.2    the last revision         Invite.Stamp
//	Session.CreatedAt              CREATED           RFC 5545 3.8.7.1    yes                       yes
//	Invite.Organizer               ORGANIZER         RFC 5545 3.8.4.3    never                     one, CN=Wellweek
//	Invite.Attendee, Partstat      ATTENDEE          RFC 5545 3.8.4.1    never                     one, the recipient
//	Header.ID                      UID               RFC 7986 5.3        of the calendar           no
//	Header.Name                    NAME              RFC 7986 5.1        and X-WR-CALNAME          no
//	Header.TimeZone                X-WR-TIMEZONE     read by clients     for display only          no
//	an hour                        REFRESH-INTERVAL  RFC 7986 5.7        and X-PUBLISHED-TTL       no
//
// Session.JoinURL is in no document: a feed's address gets pasted and an invite gets forwarded, and the session page shows the
// link to those who are in.
//
// # How a line is made
//
//	clean -> cut -> escape -> encode (go-ical) -> fold -> check
//
// text.go alone makes content lines, encode.go alone calls go-ical, and what comes out is checked before it is handed on: known
// property names, one VEVENT, at most 75 octets a line. A record that cannot be said is an error of its own fragment and of
// nothing else. Errors never repeat what the record holds.
//
// Same input, same bytes: stamps come from stored data, properties have one order. Renderer is raised when bytes change.
//
// # Design
//
// 2026-11-21 An invite carries no LAST-MODIFIED. A seat given up changes what one mailbox is told and nothing about the session,
// so a stamp of the session would stand still under a changed object; DTSTAMP, the instant of the cause, is the only one.
//
// 2026-11-21 A METHOD:CANCEL repeats SUMMARY without a prefix (RFC 5546 3.2.5). It also goes to one who merely left, and for them
// the session was not cancelled; clients mark what STATUS says. The prefix is for feeds, where some clients ignore STATUS.
//
// 2026-11-21 A join link that somebody has pasted into a title, place or description is replaced by the session page.
package calendar
