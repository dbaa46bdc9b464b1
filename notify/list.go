package notify

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// lists reports whether the row tells of sessions line by line.
func (l *letter) lists() bool { return len(l.Listed) > 0 }

// carrier is what decides about the mail's calendar part: the row itself, or the line whose session's lane the row is in.
func (l *letter) carrier() *letter {
	if !l.lists() {
		return l
	}
	for _, d := range l.Dates {
		if d.Session.ID == l.Session.ID && l.Lane == lane(d.Session.ID, l.Person.ID) {
			return d
		}
	}
	return &letter{}
}

// since is when what the row says came about.
func (l *letter) since() programs.Instant {
	if l.Cause.ID == "" {
		return l.CreatedAt
	}
	return l.Cause.At
}

// news reports whether a line is still true, and not yet told. Words of before are kept with the line, since a calendar update of its
// own may have overtaken it.
func (l *letter) news() bool {
	if l.Now >= l.Session.EndsAt || !l.true() {
		return false
	}
	if l.Event != Moved {
		return true
	}
	f := l.facts()
	if l.Told.Said == f.hash() && (l.Told.Method != request || l.Told.Hash == f.hash()) {
		return false
	}
	return l.WasStarts != f.Starts || l.WasEnds != f.Ends || l.holder() && (l.WasPlace == nil || *l.WasPlace != f.Location)
}

// ownCause gives a line about an offer the kind of its cause back, for the row has one cause for all of its lines: who is still on the list
// was offered what the first click takes (W5).
func (l *letter) ownCause() {
	if l.Event != Offered {
		return
	}
	l.Cause.Verb = programs.SignupOffered
	if seat, ok := l.seat(); ok && seat.State == programs.Waitlisted {
		l.Cause.Verb = programs.SeatFree
	}
}

// saying is equal for lists that say the same. Numbers on waiting lists are left out: they change all the time.
func (l *letter) saying() string {
	sum := sha256.New()
	for _, d := range l.Dates {
		fmt.Fprintf(sum, "%s %s %s %d %d", d.Event, d.Session.ID, d.facts().hash(), d.WasStarts, d.WasEnds)
		for _, s := range d.Seats {
			if s.State.Active() {
				fmt.Fprintf(sum, " %s %s %d", s.ID, s.State, s.OfferEnds)
			}
		}
		sum.Write([]byte{'\n'})
	}
	return hex.EncodeToString(sum.Sum(nil)[:12])
}

// outdated reports whether frozen bytes no longer say what is true. A list is then written anew under the same Message-ID: dropping it,
// as a mail about one session is, would lose its other lines.
func (l *letter) outdated() bool { return l.lists() && l.Said != l.saying() }

// dates adds to the letters that list sessions what is to be said of each.
func dates(tx *store.Tx, owner string, letters []*letter, seats map[key][]standing, told map[key]invite) error {
	rows, err := tx.Query(`select d.outbox_id, d.session_id, coalesce(d.signup_id, ''), d.event, coalesce(d.was_starts_at, 0), coalesce(d.was_ends_at, 0), d.was_location
		from notices d join outbox o on o.id = d.outbox_id where o.lease_owner = $1 and o.state = 'sending'`, owner)
	listed := map[string][]dated{}
	_, err = store.Collect(rows, err, func(scan func(...any) error) (none struct{}, err error) {
		var row string
		var d dated
		err = scan(&row, &d.Session, &d.Signup, &d.Event, &d.WasStarts, &d.WasEnds, &d.WasPlace)
		listed[row] = append(listed[row], d)
		return none, err
	})
	if err != nil || len(listed) == 0 {
		return err
	}
	sessions, moving, leads, err := listedSessions(tx, owner)
	if err != nil {
		return err
	}
	for _, l := range letters {
		l.Listed = listed[l.ID]
		for _, d := range l.Listed {
			k := key{d.Session, l.Person.ID}
			line := &letter{
				Event: d.Event, Signup: d.Signup, WasStarts: d.WasStarts, WasEnds: d.WasEnds, WasPlace: d.WasPlace, Person: l.Person, Cause: l.Cause,
				Session: sessions[d.Session], Seats: seats[k], Told: told[k], Lead: leads[k], Now: l.Now,
			}
			line.ownCause()
			if change := moving[d.Session]; change != "" {
				l.Moving, l.Undoable = true, l.Undoable || change > l.Cause.ID
			}
			if line.news() {
				l.Dates = append(l.Dates, line)
			}
		}
		slices.SortFunc(l.Dates, func(a, b *letter) int {
			if g := slices.Index(gravity, a.Event) - slices.Index(gravity, b.Event); g != 0 && a.Event != leftOut && b.Event != leftOut {
				return g
			}
			if a.Session.StartsAt != b.Session.StartsAt {
				return int((a.Session.StartsAt - b.Session.StartsAt) / 1000)
			}
			return strings.Compare(string(a.Session.ID), string(b.Session.ID))
		})
		if !slices.ContainsFunc(l.Dates, func(d *letter) bool { return d.Event != leftOut }) {
			l.Dates = nil // what was left out is no mail of its own
		}
	}
	return nil
}

// listedSessions are the sessions in an owner's lists, the changes of them that are not planned yet, and who of their readers leads them.
func listedSessions(tx *store.Tx, owner string) (map[programs.SessionID]programs.Session, map[programs.SessionID]programs.EntryID, map[key]bool, error) {
	rows, err := tx.Query(`select s.id, s.title, s.time_zone, s.starts_at, s.ends_at, s.status, s.location, s.join_url, s.sequence, coalesce(s.cancel_reason, ''),
			s.capacity, s.taken, `+openChange+`
		from sessions s where s.id in (select d.session_id from notices d join outbox o on o.id = d.outbox_id where o.lease_owner = $1 and o.state = 'sending')`, owner)
	sessions, moving := map[programs.SessionID]programs.Session{}, map[programs.SessionID]programs.EntryID{}
	_, err = store.Collect(rows, err, func(scan func(...any) error) (none struct{}, err error) {
		var s programs.Session
		var capacity sql.NullInt64
		var change programs.EntryID
		err = scan(&s.ID, &s.Title, &s.TimeZone, &s.StartsAt, &s.EndsAt, &s.Status, &s.Location, &s.JoinURL, &s.Sequence, &s.CancelReason,
			&capacity, &s.Taken, &change)
		if capacity.Valid {
			n := int(capacity.Int64)
			s.Capacity = &n
		}
		moving[s.ID] = change
		sessions[s.ID] = s
		return none, err
	})
	if err != nil {
		return nil, nil, nil, err
	}
	rows, err = tx.Query(`select a.session_id, a.person_id from assignments a join `+concerned+` on a.session_id = o.session_id and a.person_id = o.person_id
		where a.status = 'accepted'`, owner)
	leads := map[key]bool{}
	_, err = store.Collect(rows, err, func(scan func(...any) error) (none struct{}, err error) {
		var k key
		err = scan(&k.session, &k.person)
		leads[k] = true
		return none, err
	})
	return sessions, moving, leads, err
}

// tell notes what lists that were taken have said of their sessions, in words. What a calendar has stays as it is: only the lane of a
// session changes that.
func (c *composer) tell(tx *store.Tx, letters []*letter) error {
	const columns = 17
	var args []any
	for _, l := range letters {
		for _, d := range l.Dates {
			if d.Session.Status != programs.Scheduled || d.Event == Left || d.Event == leftOut {
				continue
			}
			s := d.Session
			args = append(args, string(l.Person.ID), string(s.ID), TokenHash(c.replyToken(s.ID, l.Person.ID)), c.keyID, l.Person.Email, l.MessageID, "", -1, 0, 0, "", needsAction,
				int64(s.StartsAt), int64(s.EndsAt), s.Location, int64(tx.Now), d.facts().hash())
		}
	}
	for len(args) > 0 {
		n := min(len(args)/columns, rowsAtOnce)
		if _, err := tx.Exec(`insert into invites (person_id, session_id, token_hash, key_id, address, first_message_id, last_method, last_sequence, major_sequence,
				stamp, content_hash, partstat, told_starts_at, told_ends_at, told_location, told_at, said)
			values `+tuples(n, columns)+` on conflict (person_id, session_id) do update set said = excluded.said,
				told_starts_at = case when invites.last_method = 'REQUEST' then invites.told_starts_at else excluded.told_starts_at end,
				told_ends_at = case when invites.last_method = 'REQUEST' then invites.told_ends_at else excluded.told_ends_at end,
				told_location = case when invites.last_method = 'REQUEST' then invites.told_location else excluded.told_location end,
				told_at = case when invites.last_method = 'REQUEST' then invites.told_at else excluded.told_at end`, args[:n*columns]...); err != nil {
			return err
		}
		args = args[n*columns:]
	}
	return nil
}
