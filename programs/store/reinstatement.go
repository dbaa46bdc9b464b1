package store

import (
	"github.com/wellweek/wellweek/programs"
)

// PutBackOn reinstates a cancelled session: those whom that cancellation ended return to the state and the place in line they had,
// unless they left the company or took another seat at that time since; then free places go to who waits (W12, W3). Putting on what
// is on is the same answer. It is for coordinators of the program (Forbidden) and refuses what Session.PutBackOn refuses.
func (tx *Tx) PutBackOn(a programs.Actor, id programs.SessionID) (programs.Session, error) {
	before, p, err := tx.lockSession(a, id)
	if err != nil {
		return before, err
	}
	if !a.Coordinates(p.ID) {
		return before, programs.Refuse(programs.Forbidden, "Only the coordinators of this program put its sessions back on.")
	}
	after, changed, err := before.PutBackOn(tx.Now)
	if err != nil || !changed {
		return before, err
	}
	if err := tx.begin(a, programs.SessionReinstated, programs.HoldUntil(tx.Now, before.StartsAt), ""); err != nil {
		return before, err
	}
	tx.keepSession(before)
	if err := tx.updateSession(after); err != nil {
		return before, err
	}
	if _, err := tx.Record(programs.Entry{
		Actor: a.ID(), Verb: programs.SessionReinstated, Kind: programs.OnSession, Subject: string(id), Before: string(before.Status), After: string(after.Status),
	}); err != nil {
		return before, err
	}
	ended, err := tx.endedBy(before)
	if err != nil {
		return before, err
	}
	for _, e := range ended {
		if err := tx.lockPerson(e.Person); err != nil {
			return before, err
		}
		stays, err := tx.mayReturn(after, e.Signup)
		if err != nil {
			return before, err
		}
		if !stays {
			continue
		}
		if err := tx.move(a, e.Signup, e.Return(e.was, tx.Now), programs.SignupReturned, ""); err != nil {
			return before, err
		}
	}
	if err := tx.touchSession(after); err != nil {
		return before, err
	}
	for _, e := range ended { // also who did not return: their feed showed the cancellation
		if err := tx.Touch("person:" + string(e.Person)); err != nil {
			return before, err
		}
	}
	if _, err := tx.Exec(`update series set status = 'active', version = version + 1, updated_at = $2 where id = $1 and status = 'ended'`, string(after.SeriesID), int64(tx.Now)); err != nil {
		return before, err
	}
	if after, _, err = tx.sessionAndProgram(a, id); err != nil {
		return before, err
	}
	if after, err = tx.promote(after, p); err != nil {
		return before, err
	}
	if err := tx.joinEnrolled(after); err != nil { // who enrolled while it was off (W17)
		return before, err
	}
	if after, err = tx.Session(programs.System(), id); err != nil {
		return before, err
	}
	return after, tx.keepInverse()
}

// ended is a sign-up that a cancellation ended, with the state it had.
type ended struct {
	programs.Signup
	was programs.SignupState
}

// endedBy are the sign-ups that the session's last cancellation ended, those who held a seat first.
func (v *View) endedBy(s programs.Session) ([]ended, error) {
	rows, err := v.Query(`select j.before, `+signupColumns+` from journal c join journal j on j.change_id = c.change_id and j.kind = 'signup' and j.verb = 'signup.ended'
		join signups u on u.id = j.subject
		where c.id = (select max(id) from journal where kind = 'session' and subject = $1 and verb = 'session.cancelled')
		and u.session_id = $1 and u.state = 'cancelled' and u.end_reason = 'session'
		order by case when j.before = 'confirmed' then 0 else 1 end, u.created_at, u.id`, string(s.ID))
	return Collect(rows, err, func(scan func(...any) error) (e ended, err error) {
		var late int
		err = scan(append([]any{&e.was}, signupInto(&e.Signup, &late)...)...)
		return e, err
	})
}

// mayReturn reports whether nothing came in between: the person is active, and the participant has no seat at that time elsewhere.
func (v *View) mayReturn(s programs.Session, u programs.Signup) (bool, error) {
	p, err := v.Person(programs.System(), u.Person)
	if err != nil || p.Status != programs.Active {
		return false, err
	}
	since, err := v.overlaps(s, u.Participant())
	if err != nil {
		return false, err
	}
	for _, o := range since {
		have, err := v.active(o.ID, u.Participant())
		if err != nil {
			return false, err
		}
		for _, h := range have {
			if h.State.Held() && h.CreatedAt >= u.UpdatedAt {
				return false, nil // booked since the cancellation; what they had at that time before, they had knowingly
			}
		}
	}
	return true, nil
}
