package programs

import (
	"net/url"
	"strings"
	"time"
)

// SessionID names a session, for life (S9).
type SessionID string

// SessionStatus is where a session stands.
type SessionStatus string

// The states of a session (domain.md section 4).
const (
	Draft     SessionStatus = "draft"
	Scheduled SessionStatus = "scheduled"
	Cancelled SessionStatus = "cancelled"
	Completed SessionStatus = "completed"
	Finalized SessionStatus = "finalized"
	Skipped   SessionStatus = "skipped"
)

// Session is one stored, dated meeting. ID, UID and Slot never change; Sequence never falls.
type Session struct {
	ID        SessionID
	SeriesID  SeriesID
	ProgramID ProgramID
	Slot      string
	Details
	StartsAt     Instant // cached from LocalStart and TimeZone
	EndsAt       Instant
	Status       SessionStatus
	Overrides    Fields // what this session was told differently from its series
	UID          string // iCalendar UID, printable ASCII
	Sequence     int    // RFC 5546 2.1.4: rises with time, place, cancelled, reinstated
	Version      int64  // raised by an edit: what If-Match guards
	Counts       int64  // raised by every change of its sign-ups
	Revision     int64  // raised by everything a person can see: what feeds and caches follow
	Taken        int    // seats held: confirmed and offered
	Offered      int    // of them offered
	Waiting      int    // waitlisted
	Forced       bool   // over capacity on purpose, with a journaled reason
	CreatedAt    Instant
	LastModified Instant // whole seconds; rises by at least one with every visible change (calendar.md C6)
	CancelledAt  Instant
	CancelReason string
}

// Confirmed is how many have a confirmed seat.
func (s Session) Confirmed() int { return s.Taken - s.Offered }

// Free is how many more seats may be taken; unlimited is true when there is no capacity.
func (s Session) Free() (seats int, unlimited bool) {
	if s.Capacity == nil {
		return 0, true
	}
	return max(0, *s.Capacity-s.Taken), false
}

// Fields is a set of the members of Details.
type Fields uint16

// The members of Details, as override bits; their values are stored and never change.
const (
	FieldTitle Fields = 1 << iota
	FieldDescription
	FieldTime // local_start, time_zone, duration_minutes
	FieldCapacity
	FieldLocation
	FieldJoinURL
)

// Names are the stable names of the fields in the set, as the journal has them.
func (f Fields) Names() string {
	var names []string
	for i, n := range []string{"title", "description", "time", "capacity", "location", "join_url"} {
		if f&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ",")
}

// Edit decides what becomes of a session when its details become d (scope "this"). The answer is the session as it will be and
// the fields that changed; none means nothing is to be written. Time and place raise Sequence (S8). It refuses what has started
// to move (T3, Closed), cancelled sessions (Conflict) and a capacity below the seats held (W9, Conflict).
func (s Session) Edit(d Details, now Instant) (Session, Fields, error) {
	if err := d.Check(); err != nil {
		return s, 0, err
	}
	loc, err := Zone(d.TimeZone)
	if err != nil {
		return s, 0, err
	}
	var f Fields
	for bit, differs := range map[Fields]bool{
		FieldTitle:       d.Title != s.Title,
		FieldDescription: d.Description != s.Description,
		FieldTime:        d.LocalStart != s.LocalStart || d.TimeZone != s.TimeZone || d.DurationMinutes != s.DurationMinutes,
		FieldCapacity:    !sameCapacity(d.Capacity, s.Capacity),
		FieldLocation:    d.Location != s.Location,
		FieldJoinURL:     d.JoinURL != s.JoinURL,
	} {
		if differs {
			f |= bit
		}
	}
	if f == 0 {
		return s, 0, nil
	}
	switch {
	case s.Status == Cancelled:
		return s, 0, Refuse(Conflict, "This session is cancelled; put it back on before changing it.")
	case s.Status == Completed || s.Status == Finalized || now >= s.EndsAt:
		return s, 0, Refuse(Closed, "This session is over; what has been is not changed.")
	case f&FieldTime != 0 && now >= s.StartsAt && s.Status == Scheduled:
		return s, 0, Refuse(Closed, "This session has started; its time stays.")
	}
	if f&FieldCapacity != 0 && d.Capacity != nil && *d.Capacity < s.Taken {
		return s, 0, Refuse(Conflict, "%d seats are held; the capacity cannot be lower than that.", s.Taken).At("body.capacity")
	}
	s.Details = d
	s.Overrides |= f
	if f&FieldTime != 0 {
		r := Resolve(d.LocalStart, loc)
		s.StartsAt, s.EndsAt = r.At, r.At.Add(time.Duration(d.DurationMinutes)*time.Minute)
		if s.StartsAt <= now && s.Status == Scheduled {
			return s, 0, Refuse(Invalid, "The new time is in the past.").At("body.local_start")
		}
	}
	if f&(FieldTime|FieldLocation) != 0 {
		s.Sequence++
	}
	return s.touched(now), f, nil
}

// CallOff decides what becomes of a session when it is cancelled (S2). changed is false when it was cancelled already. It refuses
// a missing reason (Invalid), and sessions that are over (Closed) or were never announced (Conflict).
func (s Session) CallOff(reason string, now Instant) (after Session, changed bool, err error) {
	if s.Status == Cancelled {
		return s, false, nil
	}
	if reason, err = Line("reason", reason, 1, 500); err != nil {
		return s, false, err
	}
	switch {
	case now >= s.EndsAt:
		return s, false, Refuse(Closed, "This session is over; what has been is not cancelled.")
	case s.Status != Scheduled:
		return s, false, Refuse(Conflict, "This session was never announced; there is nothing to cancel.")
	}
	s.Status, s.CancelledAt, s.CancelReason = Cancelled, now, reason
	s.Sequence++
	return s.touched(now), true, nil
}

// PutBackOn decides what becomes of a cancelled session that takes place after all (S3). changed is false when it was not cancelled.
// It refuses (Closed) once its start has passed.
func (s Session) PutBackOn(now Instant) (after Session, changed bool, err error) {
	switch {
	case s.Status == Scheduled:
		return s, false, nil
	case s.Status != Cancelled:
		return s, false, Refuse(Conflict, "This session is not cancelled; there is nothing to put back on.")
	case now >= s.StartsAt:
		return s, false, Refuse(Closed, "This session would have started; it cannot be put back on.")
	}
	s.Status, s.CancelledAt, s.CancelReason = Scheduled, 0, ""
	s.Sequence++
	return s.touched(now), true, nil
}

// Back decides what becomes of a session when the change that made it s is undone: everything an edit sets is as it was before.
// SEQUENCE still rises where a calendar may have seen the change: it never falls (V5, S8). differs names what went back.
func (s Session) Back(before Session, now Instant) (after Session, differs Fields) {
	for bit, other := range map[Fields]bool{
		FieldTitle:       before.Title != s.Title,
		FieldDescription: before.Description != s.Description,
		FieldTime:        before.StartsAt != s.StartsAt || before.EndsAt != s.EndsAt || before.TimeZone != s.TimeZone,
		FieldCapacity:    !sameCapacity(before.Capacity, s.Capacity),
		FieldLocation:    before.Location != s.Location,
		FieldJoinURL:     before.JoinURL != s.JoinURL,
	} {
		if other {
			differs |= bit
		}
	}
	seen := before.Sequence != s.Sequence
	s.Details, s.StartsAt, s.EndsAt, s.Status, s.Overrides = before.Details, before.StartsAt, before.EndsAt, before.Status, before.Overrides
	s.CancelledAt, s.CancelReason, s.Forced = before.CancelledAt, before.CancelReason, before.Forced
	s.SeriesID, s.Slot = before.SeriesID, before.Slot
	if seen {
		s.Sequence++
	}
	return s.touched(now), differs
}

// touched raises what follows every visible edit: version, revision, and the stamp that calendars compare, by at least one second (C6).
func (s Session) touched(now Instant) Session {
	s.Version++
	s.Revision++
	s.LastModified = max(now/1000*1000, s.LastModified+1000)
	return s
}

func sameCapacity(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }

// link cleans an address a browser may open: empty, or http(s) with a host, at most 2,000 octets of printable ASCII.
func link(member, s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	refuse := Refuse(Invalid, "The %s is a web address that begins with https:// or http://.", member).At("body." + member)
	if len(s) > 2000 {
		return "", refuse
	}
	for i := range len(s) {
		if s[i] <= 0x20 || s[i] > 0x7e || strings.IndexByte("\"<>\\^`{|}", s[i]) >= 0 {
			return "", refuse
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return "", refuse
	}
	return s, nil
}
