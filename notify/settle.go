package notify

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// How long a message is tried before it has failed.
const (
	tryFor     = 48 * time.Hour
	tryForFull = 72 * time.Hour // a full mailbox is often emptied after the weekend
)

// backoff is how long a message waits after so many attempts. The short first steps are for one dropped connection; greylisting is
// met by the third.
func backoff(attempts int, key string) time.Duration {
	steps := [...]time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 4 * time.Hour}
	d := steps[min(max(attempts, 1), len(steps))-1]
	// A fifth more or less, so that what was refused together does not come back together; from the key, so that it can be tested.
	h := fnv.New32a()
	h.Write([]byte(key))
	h.Write([]byte{byte(attempts)})
	return d - d/5 + time.Duration(uint64(2*d/5)*uint64(h.Sum32())>>32)
}

// settle writes what became of a hand-off.
func (l *letter) settle(tx *store.Tx, a answer) error {
	attempts := l.Attempts + 1
	next := tx.Now.Add(backoff(attempts, l.Key))
	age := tx.Now.Sub(l.CreatedAt)
	state, reason := Queued, ""
	switch a.Fate {
	case taken:
		_, err := tx.Exec(`update outbox set state = 'sent', reason = '', sent_at = $2, attempts = $3, last_code = $4, last_text = $5, queue_id = $6,
			lease_owner = null, lease_until = null where id = $1`, l.ID, tx.Now, attempts, a.Code, a.Text, a.QueueID)
		return err
	case refused: // not the message's fault: no attempt is counted
		attempts, next = l.Attempts, tx.Now
	case permanent:
		state, reason = Failed, "refused"
	case barred:
		state, reason = Failed, "refused by policy"
	case full:
		if age >= tryForFull {
			state, reason = Failed, "mailbox full for three days"
		}
	case doubtful:
		state, reason = Unknown, lost
	case temporary, broken:
		if age >= tryFor {
			state, reason = Failed, "not taken for 48 hours"
		}
	}
	if state == Queued && l.Unknown {
		state, reason = Unknown, lost // an earlier copy may still have been taken
	}
	if _, err := tx.Exec(`update outbox set state = $2, reason = $3, next_try = $4, attempts = $5, last_code = $6, last_text = $7,
		lease_owner = null, lease_until = null where id = $1`, l.ID, state, reason, next, attempts, a.Code, a.Text); err != nil {
		return err
	}
	return tidy(tx, l.Lane)
}

// drop ends a claimed row that is not handed over, or puts it off.
func (l *letter) drop(tx *store.Tx, v verdict) error {
	next := tx.Now
	state, reason := v.State, v.Reason
	if v.State == Queued {
		next = tx.Now.Add(holdOff)
		if l.Unknown {
			state, reason = Unknown, lost
		}
	}
	if _, err := tx.Exec(`update outbox set state = $2, reason = $3, next_try = $4, lease_owner = null, lease_until = null where id = $1`, l.ID, state, reason, next); err != nil {
		return err
	}
	return tidy(tx, l.Lane)
}

// store freezes a mail: from now on every attempt sends these bytes, and its mailbox counts as told. A row that is no longer the
// owner's, because its lease ran out, is left alone, and must not be sent.
func (c composed) store(tx *store.Tx, owner string) error {
	l := c.Letter
	var sequence any
	if c.Part.Method != "" {
		sequence = c.Part.Sequence
	}
	n, err := tx.Exec(`update outbox set bytes = $3, address = $4, method = $5, sequence = $6, content = $7, said = $8 where id = $1 and lease_owner = $2 and state = 'sending'`,
		l.ID, owner, c.Bytes, l.Person.Email, c.Part.Method, sequence, c.Part.Hash, c.Said)
	if err != nil {
		return err
	}
	if n == 0 {
		return programs.Refuse(programs.Busy, "The message is being sent by another process.")
	}
	l.Telling = c.Told.Session != ""
	if !l.Telling {
		return nil
	}
	return c.Told.save(tx)
}

// release puts back what was claimed and never tried. A mail that was frozen for nothing is thawed: its mailbox was told nothing, so
// a cancellation must not follow an invitation that nobody received.
func (m *Mailer) release(ctx context.Context, owner string, letters []*letter) error {
	var rest []*letter
	for _, l := range letters {
		if !l.Settled {
			rest = append(rest, l)
		}
	}
	if len(rest) == 0 || m.Relay == nil {
		return nil
	}
	_, err := store.Write(ctx, m.Store, func(tx *store.Tx) (struct{}, error) {
		for _, l := range rest {
			if err := l.release(tx, owner); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	return err
}

func (l *letter) release(tx *store.Tx, owner string) error {
	state, reason := Queued, ""
	if l.Unknown {
		state, reason = Unknown, lost
	}
	thaw := l.Frozen && !l.Tried
	n, err := tx.Exec(`update outbox set state = $3, reason = $4, lease_owner = null, lease_until = null where id = $1 and lease_owner = $2 and state = 'sending'`,
		l.ID, owner, state, reason)
	if err != nil || n == 0 {
		return err
	}
	if thaw {
		if _, err := tx.Exec(`update outbox set bytes = null, method = '', sequence = null, content = '', said = '' where id = $1`, l.ID); err != nil {
			return err
		}
		switch {
		case !l.Telling:
		case l.Told.Session == "":
			_, err = tx.Exec(`delete from invites where person_id = $1 and session_id = $2`, string(l.Person.ID), string(l.Session.ID))
		default:
			err = l.Told.save(tx)
		}
		if err != nil {
			return err
		}
	}
	return tidy(tx, l.Lane)
}
