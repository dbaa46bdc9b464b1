package store

import (
	"github.com/wellweek/wellweek/programs"
)

const signupColumns = `u.id, u.session_id, u.person_id, coalesce(u.dependent_id, ''), u.mode, u.state, u.source, coalesce(u.queued_at, 0), u.priority,
	coalesce(u.offer_expires_at, 0), coalesce(u.confirmed_at, 0), coalesce(u.end_reason, ''), u.late, u.version, u.created_at, u.updated_at`

func signupInto(s *programs.Signup, late *int) []any {
	return []any{
		&s.ID, &s.SessionID, &s.Person, &s.Dependent, &s.Mode, &s.State, &s.Source, &s.QueuedAt, &s.Priority,
		&s.OfferExpiresAt, &s.ConfirmedAt, &s.EndReason, late, &s.Version, &s.CreatedAt, &s.UpdatedAt,
	}
}

func scanSignup(scan func(...any) error) (s programs.Signup, err error) {
	var late int
	err = scan(signupInto(&s, &late)...)
	s.Late = late == 1
	return s, err
}

// Joiner is who asks for a seat in which session. Person empty is the asker; with Dependent, Person is the guardian who books.
type Joiner struct {
	Session   programs.SessionID
	Person    programs.PersonID
	Dependent programs.DependentID
	Mode      programs.Mode // empty: onsite

	source programs.Source // empty: by whom it is made says it
}

// SignUp makes a sign-up: confirmed when there is a place and nobody ahead, else waitlisted. made is false when the participant has
// an active one already, which is then the answer (W16). It refuses what programs.SignUp refuses, and (Invalid) a key without a
// person that names nobody.
func (tx *Tx) SignUp(a programs.Actor, j Joiner) (s programs.Signup, made bool, warnings []string, err error) {
	if j.Person == "" {
		j.Person = a.Person
	}
	if j.Person == "" {
		return s, false, nil, programs.Refuse(programs.Invalid, "This key has no seats of its own; name the person_id to sign up.").At("body.person_id")
	}
	switch j.Mode {
	case "":
		j.Mode = programs.Onsite
	case programs.Onsite, programs.Online:
	default:
		return s, false, nil, programs.Refuse(programs.Invalid, "The mode is onsite or online.").At("body.mode")
	}
	session, p, err := tx.lockSession(a, j.Session)
	if err != nil {
		return s, false, nil, err
	}
	joining := programs.Joining{Actor: a, Mode: j.Mode, Session: session, Program: p, Now: tx.Now}
	if a.Person != j.Person && !a.Coordinates(p.ID) {
		return s, false, nil, programs.Refuse(programs.Forbidden, "Only a coordinator signs other people up.")
	}
	if err := tx.lockPerson(j.Person); err != nil {
		return s, false, nil, err
	}
	if joining.Person, err = tx.Person(programs.System(), j.Person); err != nil {
		return s, false, nil, err
	}
	participant := string(j.Person)
	if j.Dependent != "" {
		participant = string(j.Dependent)
		d, err := tx.Dependent(j.Person, j.Dependent)
		if err != nil {
			return s, false, nil, err
		}
		joining.Dependent = &d
		if joining.MayBook, err = tx.mayBook(j.Person, j.Dependent); err != nil {
			return s, false, nil, err
		}
	}
	have, err := tx.active(j.Session, participant)
	if err != nil {
		return s, false, nil, err
	}
	if len(have) > 0 {
		s, err = tx.placed(have[0])
		return s, false, nil, err
	}
	if joining.Overlaps, err = tx.overlaps(session, participant); err != nil {
		return s, false, nil, err
	}
	if s, warnings, err = programs.SignUp(joining); err != nil {
		return s, false, nil, err
	}
	s.ID = programs.SignupID(tx.NewID())
	if s.State == programs.Waitlisted { // who is answered first is first, also when transactions waited for each other
		if err := tx.QueryRow(`select coalesce(max(queued_at), 0) from signups where session_id = $1`, string(session.ID)).Scan(&s.QueuedAt); err != nil {
			return s, false, nil, err
		}
		s.QueuedAt = max(s.QueuedAt, tx.Now)
	}
	if j.source != "" {
		s.Source = j.source
	}
	if err := tx.insertSignup(s); err != nil {
		return s, false, nil, err
	}
	tx.keepMade(s)
	if err := tx.count(session.ID, programs.NotSignedUp, s.State); err != nil {
		return s, false, nil, err
	}
	if _, err := tx.Record(programs.Entry{Actor: a.ID(), Verb: programs.SignupMade, Kind: programs.OnSignup, Subject: string(s.ID), After: string(s.State)}); err != nil {
		return s, false, nil, err
	}
	if err := tx.Touch("person:" + string(s.Person)); err != nil {
		return s, false, nil, err
	}
	if free, unlimited := session.Free(); s.State == programs.Waitlisted && (free > 0 || unlimited) {
		// W1 is about those who fit: a free seat that nobody ahead can take is the newcomer's.
		if session, _, err = tx.sessionAndProgram(programs.System(), session.ID); err == nil {
			_, err = tx.promote(session, p)
		}
		if err == nil {
			s, err = tx.Signup(programs.System(), s.ID)
		}
		return s, true, warnings, err
	}
	s, err = tx.placed(s)
	return s, true, warnings, err
}

// active is the participant's active sign-up in the session, if there is one.
func (v *View) active(session programs.SessionID, participant string) ([]programs.Signup, error) {
	rows, err := v.Query(`select `+signupColumns+` from signups u where u.session_id = $1 and u.participant = $2
		and u.state in ('requested', 'waitlisted', 'offered', 'confirmed')`, string(session), participant)
	return Collect(rows, err, scanSignup)
}

// overlaps are the other sessions at that time in which the participant holds a seat or waits; half-open, back to back is none (T6).
func (v *View) overlaps(s programs.Session, participant string) ([]programs.Session, error) {
	rows, err := v.Query(`select `+sessionColumns+` from signups u join sessions s on s.id = u.session_id
		where u.participant = $1 and u.state in ('requested', 'waitlisted', 'offered', 'confirmed')
		and s.id <> $2 and s.status = 'scheduled' and s.starts_at < $4 and s.ends_at > $3 order by s.starts_at, s.id`,
		participant, string(s.ID), int64(s.StartsAt), int64(s.EndsAt))
	return Collect(rows, err, scanSession)
}

func (tx *Tx) insertSignup(s programs.Signup) error {
	_, err := tx.Exec(`insert into signups (id, session_id, person_id, dependent_id, participant, mode, state, source, queued_at, priority, bypass_count,
		offer_expires_at, confirmed_at, end_reason, late, version, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		string(s.ID), string(s.SessionID), string(s.Person), null(s.Dependent), s.Participant(), string(s.Mode), string(s.State), string(s.Source),
		nullAt(s.QueuedAt), s.Priority, 0, nullAt(s.OfferExpiresAt), nullAt(s.ConfirmedAt), null(s.EndReason), flag(s.Late), s.Version, int64(s.CreatedAt), int64(s.UpdatedAt))
	return err
}

func (tx *Tx) updateSignup(s programs.Signup) error {
	_, err := tx.Exec(`update signups set state = $2, offer_expires_at = $3, confirmed_at = $4, end_reason = $5, late = $6, version = $7, updated_at = $8 where id = $1`,
		string(s.ID), string(s.State), nullAt(s.OfferExpiresAt), nullAt(s.ConfirmedAt), null(s.EndReason), flag(s.Late), s.Version, int64(s.UpdatedAt))
	return err
}

// count moves the session's counters with one sign-up's change of state; its version stays, for sign-ups are no edits. The schema's
// check refuses what would oversell.
func (tx *Tx) count(id programs.SessionID, from, to programs.SignupState) error {
	taken := flag(to.Held()) - flag(from.Held())
	offered := flag(to == programs.Offered) - flag(from == programs.Offered)
	waiting := flag(to == programs.Waitlisted) - flag(from == programs.Waitlisted)
	_, err := tx.Exec(`update sessions set taken = taken + $2, offered = offered + $3, waiting = waiting + $4, counts = counts + 1 where id = $1`,
		string(id), taken, offered, waiting)
	return err
}

// placed fills in the position of a waiting sign-up: 1-based in the order of the list (W2).
func (v *View) placed(s programs.Signup) (programs.Signup, error) {
	if s.State != programs.Waitlisted {
		return s, nil
	}
	err := v.QueryRow(`select 1 + count(*) from signups u where u.session_id = $1 and u.state = 'waitlisted'
		and (u.priority > $2 or u.priority = $2 and (u.queued_at < $3 or u.queued_at = $3 and u.id < $4))`,
		string(s.SessionID), s.Priority, int64(s.QueuedAt), string(s.ID)).Scan(&s.Position)
	return s, err
}

// Signup returns one sign-up: to its person and to coordinators of the program (NotFound for everybody else).
func (v *View) Signup(a programs.Actor, id programs.SignupID) (programs.Signup, error) {
	const none = "There is no such sign-up."
	s, err := one(v, scanSignup, none, `select `+signupColumns+` from signups u where u.id = $1`, string(id))
	if err != nil {
		return s, err
	}
	if a.Person == "" || a.Person != s.Person {
		var program programs.ProgramID
		if err := v.QueryRow(`select program_id from sessions where id = $1`, string(s.SessionID)).Scan(&program); err != nil {
			return programs.Signup{}, err
		}
		if !a.Coordinates(program) {
			return programs.Signup{}, programs.Refuse(programs.NotFound, none)
		}
	}
	return v.placed(s)
}

// Roster lists every sign-up of a session in the order in which they were made: to coordinators of the program and to those who
// lead the session (NotFound for everybody else).
func (v *View) Roster(a programs.Actor, id programs.SessionID) ([]programs.Signup, error) {
	s, p, err := v.sessionAndProgram(a, id)
	if err != nil {
		return nil, err
	}
	if !a.Coordinates(p.ID) {
		var leads int
		err := v.QueryRow(`select count(*) from assignments where session_id = $1 and person_id = $2 and status = 'accepted'`, string(id), string(a.Person)).Scan(&leads)
		if err != nil {
			return nil, err
		}
		if leads == 0 || !a.Is(programs.Facilitator) {
			return nil, programs.Refuse(programs.NotFound, "There is no such session.")
		}
	}
	rows, err := v.Query(`select `+signupColumns+` from signups u where u.session_id = $1 order by u.created_at, u.id`, string(s.ID))
	list, err := Collect(rows, err, scanSignup)
	if err != nil {
		return nil, err
	}
	positions, err := v.positions(s.ID)
	for i := range list {
		list[i].Position = positions[list[i].ID]
	}
	return list, err
}

// positions are the places of everybody on a session's waiting list.
func (v *View) positions(id programs.SessionID) (map[programs.SignupID]int, error) {
	rows, err := v.Query(`select id from signups where session_id = $1 and state = 'waitlisted' order by priority desc, queued_at, id`, string(id))
	out := map[programs.SignupID]int{}
	_, err = Collect(rows, err, func(scan func(...any) error) (u programs.SignupID, err error) {
		err = scan(&u)
		out[u] = len(out) + 1
		return u, err
	})
	return out, err
}

// SignupsOf lists a person's sign-ups, newest first.
func (v *View) SignupsOf(person programs.PersonID, page Page) ([]programs.Signup, string, error) {
	after, err := page.after(1)
	if err != nil {
		return nil, "", err
	}
	var w where
	w.and("u.person_id = ?", string(person))
	if after != nil {
		w.and("u.id < ?", after[0])
	}
	rows, err := v.Query(`select `+signupColumns+` from signups u`+w.String()+` order by u.id desc`+w.limit(page.limit()+1), w.args...)
	list, err := Collect(rows, err, scanSignup)
	if err != nil {
		return nil, "", err
	}
	list, cursor := next(page, list, func(s programs.Signup) []string { return []string{string(s.ID)} })
	for i := range list {
		if list[i], err = v.placed(list[i]); err != nil {
			return nil, "", err
		}
	}
	return list, cursor, nil
}

// MySignups is the person's own sign-up (not a child's) in each of the sessions: the active one, else the latest.
func (v *View) MySignups(person programs.PersonID, ids []programs.SessionID) (map[programs.SessionID]programs.Signup, error) {
	out := map[programs.SessionID]programs.Signup{}
	if person == "" {
		return out, nil
	}
	for len(ids) > 0 {
		n := min(200, len(ids))
		var w where
		w.and("u.person_id = ? and u.dependent_id is null", string(person))
		marks, args := "", make([]any, n)
		for i, id := range ids[:n] {
			marks += ",?"
			args[i] = string(id)
		}
		w.and("u.session_id in ("+marks[1:]+")", args...)
		rows, err := v.Query(`select `+signupColumns+` from signups u`+w.String()+` order by u.id`, w.args...)
		list, err := Collect(rows, err, scanSignup)
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			if s, err = v.placed(s); err != nil {
				return nil, err
			}
			out[s.SessionID] = s
		}
		ids = ids[n:]
	}
	return out, nil
}

// Cancel ends a sign-up: by its person, or by a coordinator of the program; cancelling twice is the same answer. Whoever is next in
// line has the seat in the same transaction (W3). It refuses (NotFound) sign-ups of others and (Closed) sessions that have started.
func (tx *Tx) Cancel(a programs.Actor, id programs.SignupID) (programs.Signup, error) {
	s, err := tx.Signup(a, id)
	if err != nil {
		return s, err
	}
	reason := programs.EndedSelf
	if a.Person != s.Person {
		reason = programs.EndedCoordinator
	}
	ended, err := tx.end(a, id, reason)
	if err != nil {
		return ended, err
	}
	return ended, tx.skipCancelled(ended)
}

// end ends a sign-up for a reason and fills the place it leaves.
func (tx *Tx) end(a programs.Actor, id programs.SignupID, reason programs.EndReason) (programs.Signup, error) {
	s, err := tx.Signup(programs.System(), id)
	if err != nil {
		return s, err
	}
	session, p, err := tx.lockSession(programs.System(), s.SessionID)
	if err != nil {
		return s, err
	}
	if s, err = tx.Signup(programs.System(), id); err != nil {
		return s, err
	}
	ended, changed, err := s.Cancel(session, p, reason, tx.Now)
	if err != nil || !changed {
		return s, err
	}
	ended.Position = 0
	if err := tx.move(a, s, ended, programs.SignupEnded, string(reason)); err != nil {
		return s, err
	}
	if session, _, err = tx.sessionAndProgram(programs.System(), session.ID); err != nil {
		return s, err
	}
	if _, err = tx.promote(session, p); err != nil || !s.State.Held() {
		return ended, err
	}
	return ended, tx.fill(`s.id in (select w.session_id from signups w where w.state = 'waitlisted' and w.participant = ?)`, s.Participant())
}

func ending(a programs.Actor, s, ended programs.Signup) programs.Entry {
	return programs.Entry{
		Actor: a.ID(), Verb: programs.SignupEnded, Kind: programs.OnSignup, Subject: string(s.ID),
		Before: string(s.State), After: string(ended.State), Fields: string(ended.EndReason),
	}
}

// Accept takes an offered place, or a free one while the first click wins; by its person or a coordinator (NotFound). Too late is
// Closed. Accepting twice is the same answer.
func (tx *Tx) Accept(a programs.Actor, id programs.SignupID) (programs.Signup, error) {
	s, err := tx.Signup(a, id)
	if err != nil {
		return s, err
	}
	session, p, err := tx.lockSession(programs.System(), s.SessionID)
	if err != nil {
		return s, err
	}
	if s, err = tx.Signup(a, id); err != nil {
		return s, err
	}
	if s.State != programs.Confirmed {
		if err := tx.fits(s, session, p); err != nil {
			return s, err
		}
	}
	taken, changed, err := s.Accept(session, tx.Now)
	if err != nil || !changed {
		return s, err
	}
	taken.Position = 0
	return taken, tx.move(a, s, taken, programs.SignupAccepted, "")
}

// fits refuses (Conflict) somebody who cannot take the place that is offered: the same question a promotion asks.
func (tx *Tx) fits(s programs.Signup, session programs.Session, p programs.Program) error {
	c, err := tx.candidate(session, s.ID)
	if err != nil {
		return err
	}
	return c.Fits(session, p)
}

// lockPerson takes the person's row for this transaction, after the session's, so that one person's acts follow one another: an
// overlap is seen, and nobody who is leaving is seated.
func (tx *Tx) lockPerson(id programs.PersonID) error {
	if tx.ForUpdate() == "" {
		return nil
	}
	_, err := tx.Exec(`select 1 from people where id = $1`+tx.ForUpdate(), string(id))
	return err
}

// move stores a sign-up's change of state with its counters, entry and revision.
func (tx *Tx) move(a programs.Actor, before, after programs.Signup, verb programs.Verb, fields string) error {
	tx.keepSignup(before, after)
	if err := tx.updateSignup(after); err != nil {
		return err
	}
	if err := tx.count(after.SessionID, before.State, after.State); err != nil {
		return err
	}
	if _, err := tx.Record(programs.Entry{
		Actor: a.ID(), Verb: verb, Kind: programs.OnSignup, Subject: string(after.ID), Before: string(before.State), After: string(after.State), Fields: fields,
	}); err != nil {
		return err
	}
	return tx.Touch("person:" + string(after.Person))
}
