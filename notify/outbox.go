package notify

import (
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// owed is a row about to enter the outbox.
type owed struct {
	Key       string
	Event     string
	Person    programs.PersonID
	Address   string
	Session   programs.SessionID
	Signup    programs.SignupID // empty: about the session
	Lane      string
	Turn      string // orders the lane
	Cause     programs.EntryID
	WasStarts programs.Instant // what the session was before the change; zero: not a move
	WasEnds   programs.Instant
	Due       programs.Instant
	NotAfter  programs.Instant
	Skipped   string // why nothing is to be said; empty: it is queued
}

// add puts a row into the outbox, unless its key is there, and makes its lane agree. It reports whether the row is new.
func (l links) add(tx *store.Tx, o owed) (bool, error) {
	id, state := tx.NewID(), Queued
	if o.Skipped != "" {
		state = Skipped
	}
	n, err := tx.Exec(`insert into outbox (id, key, event, person_id, address, session_id, signup_id, lane, turn, cause_id, was_starts_at, was_ends_at,
			not_before, not_after, state, reason, attempts, next_try, message_id, mail_from, method, content, last_code, last_text, queue_id, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, $13, $17, $18, '', '', 0, '', '', $19)
		on conflict (key) do nothing`,
		id, o.Key, o.Event, string(o.Person), o.Address, string(o.Session), null(o.Signup), o.Lane, o.Turn, null(o.Cause),
		nullAt(o.WasStarts), nullAt(o.WasEnds), o.Due, o.NotAfter, state, o.Skipped, l.messageID(o.Key), l.mailFrom(id), tx.Now)
	if err != nil || n == 0 {
		return false, err
	}
	if state == Skipped {
		return true, nil
	}
	return true, tidy(tx, o.Lane)
}

// null is nil for the empty string, so that optional columns hold null.
func null[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// nullAt is nil for the zero instant.
func nullAt(i programs.Instant) any {
	if i == 0 {
		return nil
	}
	return int64(i)
}

// newLinks takes the keys of the installation.
func newLinks(s *store.Store, set Settings) links {
	return links{Settings: set, reply: s.Key("reply-token"), bounce: s.Key("bounce-token")}
}
