package store

import (
	"context"

	"github.com/wellweek/wellweek/programs"
)

// firstClickSpan is longer than the time before a start in which the first click wins, in milliseconds.
const firstClickSpan = 60 * 60 * 1000

// promote gives free seats to those who wait, in the order of the list, and returns the session as it then is (W3). Everybody who
// made room calls it in the transaction that made it.
func (tx *Tx) promote(s programs.Session, p programs.Program) (programs.Session, error) {
	if s.Waiting == 0 {
		return s, nil
	}
	const batch = 50
	for offset := 0; ; offset += batch {
		free, unlimited := s.Free()
		if free == 0 && !unlimited {
			return s, nil
		}
		waiting, err := tx.candidates(s, batch, offset)
		if err != nil {
			return s, err
		}
		moves, open := programs.Promote(s, p, waiting, tx.Now)
		if open {
			var told int
			err := tx.QueryRow(`select count(*) from journal where kind = 'session' and subject = $1 and verb = 'session.seat_free' and at >= $2`,
				string(s.ID), int64(s.StartsAt)-firstClickSpan).Scan(&told)
			if err != nil || told > 0 { // those who wait are told once (W5)
				return s, err
			}
			_, err = tx.Record(programs.Entry{Actor: programs.System().ID(), Verb: programs.SeatFree, Kind: programs.OnSession, Subject: string(s.ID)})
			return s, err
		}
		before := map[programs.SignupID]programs.Signup{}
		for _, c := range waiting {
			before[c.ID] = c.Signup
		}
		for _, m := range moves {
			if m.Verb == programs.SignupPassed {
				if _, err := tx.Record(programs.Entry{
					Actor: programs.System().ID(), Verb: m.Verb, Kind: programs.OnSignup, Subject: string(m.Signup.ID),
					Before: string(m.Signup.State), After: string(m.Signup.State), Fields: m.Passed,
				}); err != nil {
					return s, err
				}
				continue
			}
			if err := tx.move(programs.System(), before[m.Signup.ID], m.Signup, m.Verb, ""); err != nil {
				return s, err
			}
			offset-- // it is no longer in the list the next batch skips
			s.Taken++
			s.Waiting--
			s.Counts++
			if m.Signup.State == programs.Offered {
				s.Offered++
			}
		}
		if len(waiting) < batch || len(moves) == 0 {
			return s, nil
		}
	}
}

// fill promotes in every session to come, of those the condition selects, in which somebody waits beside a free seat (W3): whoever could
// not take the seat before may be able to now. The condition's first ? is its argument.
func (tx *Tx) fill(condition, argument string) error {
	var w where
	w.and(condition, argument)
	w.and("s.status = 'scheduled' and s.waiting > 0 and (s.capacity is null or s.taken < s.capacity) and s.starts_at > ?", int64(tx.Now))
	rows, err := tx.Query(`select s.id from sessions s`+w.String()+` order by s.id`, w.args...)
	ids, err := Collect(rows, err, scanText)
	if err != nil {
		return err
	}
	for _, id := range ids {
		s, p, err := tx.lockSession(programs.System(), programs.SessionID(id))
		if err != nil {
			return err
		}
		if _, err := tx.promote(s, p); err != nil {
			return err
		}
	}
	return nil
}

// elsewhere are the sessions in which somebody waits who takes part in the session of the argument.
const elsewhere = `s.id in (select w.session_id from signups w where w.state = 'waitlisted'
	and w.participant in (select e.participant from signups e where e.session_id = ?))`

// candidates reads part of the waiting list in order (priority desc, queued_at, id) with what decides who may move up (W2, W4).
func (v *View) candidates(s programs.Session, limit, offset int) ([]programs.Candidate, error) {
	rows, err := v.Query(candidateQuery+` where u.session_id = $1 and u.state = 'waitlisted' order by u.priority desc, u.queued_at, u.id limit $5 offset $6`,
		string(s.ID), int64(v.Now), int64(s.StartsAt), int64(s.EndsAt), limit, offset)
	return Collect(rows, err, scanCandidate)
}

// candidate is one sign-up with what decides whether it may have the place.
func (v *View) candidate(s programs.Session, id programs.SignupID) (programs.Candidate, error) {
	return one(v, scanCandidate, "There is no such sign-up.", candidateQuery+` where u.session_id = $1 and u.id = $5`,
		string(s.ID), int64(v.Now), int64(s.StartsAt), int64(s.EndsAt), string(id))
}

// candidateQuery reads a sign-up of the session $1, from $3 to $4, as of $2.
const candidateQuery = `select p.status, coalesce(d.birth_date, ''),
	case when g.may_book = 1 and (g.until_at is null or g.until_at > $2) then 1 else 0 end,
	case when exists (select 1 from signups o join sessions t on t.id = o.session_id where o.participant = u.participant
		and o.state in ('offered', 'confirmed') and t.id <> $1 and t.status = 'scheduled' and t.starts_at < $4 and t.ends_at > $3) then 1 else 0 end,
	` + signupColumns + `
	from signups u join people p on p.id = u.person_id left join dependents d on d.id = u.dependent_id
	left join guardianships g on g.person_id = u.person_id and g.dependent_id = u.dependent_id`

func scanCandidate(scan func(...any) error) (c programs.Candidate, err error) {
	var birth string
	var late, book, overlapping int
	err = scan(append([]any{&c.PersonStatus, &birth, &book, &overlapping}, signupInto(&c.Signup, &late)...)...)
	if err != nil {
		return c, err
	}
	c.Late, c.MayBook, c.Overlapping = late == 1, book == 1, overlapping == 1
	if birth != "" {
		c.BirthDate, err = programs.ParseDate(birth)
	}
	return c, err
}

// Lapse ends the offers whose time is over and offers on. It returns how many lapsed. Running it twice changes nothing.
func Lapse(ctx context.Context, s *Store) (int, error) {
	return each(ctx, s, `select id from signups where state = 'offered' and offer_expires_at <= $1 order by offer_expires_at, id limit 200`, (*Tx).lapse)
}

func (tx *Tx) lapse(id string) (int, error) {
	before, err := tx.Signup(programs.System(), programs.SignupID(id))
	if err != nil {
		return 0, err
	}
	session, p, err := tx.lockSession(programs.System(), before.SessionID)
	if err != nil {
		return 0, err
	}
	if before, err = tx.Signup(programs.System(), before.ID); err != nil || before.State != programs.Offered || before.OfferExpiresAt > tx.Now {
		return 0, err
	}
	if err := tx.move(programs.System(), before, before.Lapse(tx.Now), programs.SignupLapsed, ""); err != nil {
		return 0, err
	}
	session.Taken--
	session.Offered--
	_, err = tx.promote(session, p)
	return 1, err
}

// CloseLists closes what still waits or is offered when a session starts (W10), and returns how many sessions it closed.
func CloseLists(ctx context.Context, s *Store) (int, error) {
	return each(ctx, s, `select id from sessions where starts_at <= $1 and (waiting > 0 or offered > 0) order by starts_at, id limit 200`, (*Tx).closeList)
}

func (tx *Tx) closeList(id string) (int, error) {
	session, _, err := tx.lockSession(programs.System(), programs.SessionID(id))
	if err != nil || session.StartsAt > tx.Now {
		return 0, err
	}
	rows, err := tx.Query(`select `+signupColumns+` from signups u where u.session_id = $1 and u.state in ('requested', 'waitlisted', 'offered') order by u.id`, id)
	open, err := Collect(rows, err, scanSignup)
	if err != nil {
		return 0, err
	}
	for _, before := range open {
		if err := tx.move(programs.System(), before, before.Close(tx.Now), programs.SignupClosed, ""); err != nil {
			return 0, err
		}
	}
	return 1, nil
}

// each finds what is due now and treats each in a transaction of its own, so that one that fails does not hold up the others. The
// query's argument is now; f looks again inside its transaction and says how much it did. The sum and the first error come back.
func each(ctx context.Context, s *Store, due string, f func(tx *Tx, id string) (int, error)) (int, error) {
	ids, err := Read(ctx, s, func(v *View) ([]string, error) {
		rows, err := v.Query(due, int64(v.Now))
		return Collect(rows, err, scanText)
	})
	if err != nil {
		return 0, err
	}
	sum := 0
	var first error
	for _, id := range ids {
		n, err := Write(ctx, s, func(tx *Tx) (int, error) { return f(tx, id) })
		sum += n
		if err != nil && first == nil {
			first = err
		}
	}
	return sum, first
}
