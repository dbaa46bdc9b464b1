package store

import (
	"errors"
	"slices"
	"strconv"

	"github.com/wellweek/wellweek/programs"
)

const enrollmentColumns = `e.id, e.series_id, e.person_id, coalesce(e.dependent_id, ''), e.mode, e.status, e.version, e.created_at, e.updated_at`

func scanEnrollment(scan func(...any) error) (e programs.Enrollment, err error) {
	err = scan(&e.ID, &e.Series, &e.Person, &e.Dependent, &e.Mode, &e.Status, &e.Version, &e.CreatedAt, &e.UpdatedAt)
	return e, err
}

// Enrolling is what an enrollment did: its sign-ups for dates to come, by start, adopted ones included (N6), and the dates left out.
type Enrolling struct {
	Enrollment programs.Enrollment
	Signups    []programs.Signup
	LeftOut    []programs.LeftOut
}

// Enroll makes one sign-up for every session of the series that is still to come: confirmed where there is a place, waitlisted where
// not, left out with a reason where the participant does not fit (N1). j.Session is not used. made is false when there is an active
// enrollment already, which is then the answer. It refuses who may not sign up (Forbidden, NotFound) and a series without dates to come
// that the participant could join (Conflict).
func (tx *Tx) Enroll(a programs.Actor, id programs.SeriesID, j Joiner) (out Enrolling, made bool, err error) {
	if j.Person == "" {
		j.Person = a.Person
	}
	if j.Person == "" {
		return out, false, programs.Refuse(programs.Invalid, "This key has no seats of its own; name the person_id to enroll.").At("body.person_id")
	}
	if j.Mode == "" {
		j.Mode = programs.Onsite
	}
	s, err := tx.visibleSeries(a, id)
	if err != nil {
		return out, false, err
	}
	if a.Person != j.Person && !a.Coordinates(s.ProgramID) {
		return out, false, programs.Refuse(programs.Forbidden, "Only a coordinator enrolls other people.")
	}
	if _, err := tx.Person(programs.System(), j.Person); err != nil {
		return out, false, err
	}
	if j.Dependent != "" { // before looking for an enrollment: another's child is no child at all
		if _, err := tx.Dependent(j.Person, j.Dependent); err != nil {
			return out, false, err
		}
	}
	e := programs.Enrollment{
		Series: s.ID, Person: j.Person, Dependent: j.Dependent, Mode: j.Mode, Status: programs.EnrollmentActive, Version: 1, CreatedAt: tx.Now, UpdatedAt: tx.Now,
	}
	rows, err := tx.Query(`select `+enrollmentColumns+` from enrollments e where e.series_id = $1 and e.participant = $2 and e.status = 'active'`, string(s.ID), e.Participant())
	have, err := Collect(rows, err, scanEnrollment)
	if err != nil {
		return out, false, err
	}
	if len(have) > 0 {
		out, err = tx.enrolling(have[0].ID)
		return out, false, err
	}
	e.ID = programs.EnrollmentID(tx.NewID())
	if _, err := tx.Exec(`insert into enrollments (id, series_id, person_id, dependent_id, participant, mode, status, version, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		string(e.ID), string(e.Series), string(e.Person), null(e.Dependent), e.Participant(), string(e.Mode), string(e.Status), e.Version, int64(e.CreatedAt), int64(e.UpdatedAt)); err != nil {
		return out, false, err
	}
	ahead, err := tx.ahead(s.ID)
	if err != nil {
		return out, false, err
	}
	out.Enrollment = e
	for _, session := range ahead {
		u, left, err := tx.fanOut(a, e, session)
		if err != nil {
			return out, false, err
		}
		if left != nil {
			out.LeftOut = append(out.LeftOut, *left)
			continue
		}
		out.Signups = append(out.Signups, u)
	}
	if len(out.Signups) == 0 {
		refusal := programs.Refuse(programs.Conflict, "No date of this series is left to join.")
		if len(out.LeftOut) > 0 {
			refusal = programs.Refuse(out.LeftOut[0].Reason.Reason, out.LeftOut[0].Reason.Format, out.LeftOut[0].Reason.Args...)
		}
		return out, false, refusal
	}
	_, err = tx.Record(programs.Entry{Actor: a.ID(), Verb: programs.EnrollmentMade, Kind: programs.OnEnrollment, Subject: string(e.ID), After: string(e.Status)})
	return out, true, err
}

// visibleSeries is a series whose sessions the actor sees (NotFound).
func (v *View) visibleSeries(a programs.Actor, id programs.SeriesID) (programs.Series, error) {
	s, err := v.Series(programs.System(), id)
	if err != nil {
		return s, err
	}
	p, err := v.Program(a, string(s.ProgramID))
	if err != nil || p.ID == "" || s.Status == programs.DraftSeries && !a.Coordinates(p.ID) {
		return programs.Series{}, programs.Refuse(programs.NotFound, "There is no such series.")
	}
	return s, nil
}

// ahead are the sessions of a series that are announced and have not started, by start. Their rows are taken for this transaction.
func (tx *Tx) ahead(id programs.SeriesID) ([]programs.Session, error) {
	if tx.ForUpdate() != "" {
		if _, err := tx.Exec(`select 1 from sessions where series_id = $1 and status = 'scheduled' and starts_at > $2 order by id`+tx.ForUpdate(), string(id), int64(tx.Now)); err != nil {
			return nil, err
		}
	}
	rows, err := tx.Query(`select `+sessionColumns+` from sessions s where s.series_id = $1 and s.status = 'scheduled' and s.starts_at > $2 order by s.starts_at, s.id`, string(id), int64(tx.Now))
	return Collect(rows, err, scanSession)
}

// fanOut makes an enrollment's sign-up for one session, or adopts the one there is. A participant who does not fit is left out; that is
// no error.
func (tx *Tx) fanOut(a programs.Actor, e programs.Enrollment, s programs.Session) (programs.Signup, *programs.LeftOut, error) {
	j := Joiner{Session: s.ID, Person: e.Person, Dependent: e.Dependent, Mode: e.Mode, source: programs.ByEnrollment}
	u, _, _, err := tx.SignUp(a, j)
	if refusal, ok := errors.AsType[*programs.Error](err); ok && (refusal.Reason == programs.Conflict || refusal.Reason == programs.Closed) {
		return u, &programs.LeftOut{Session: s.ID, Reason: refusal}, nil
	}
	return u, nil, err
}

// joinEnrolled makes the sign-ups of all active enrollments for a session that has become joinable, in the order of enrolling (W17). It
// is part of the transaction that made it joinable, so that nobody signs up before them.
func (tx *Tx) joinEnrolled(s programs.Session) error {
	rows, err := tx.Query(`select `+enrollmentColumns+` from enrollments e where e.series_id = $1 and e.status = 'active' order by e.created_at, e.id`, string(s.SeriesID))
	list, err := Collect(rows, err, scanEnrollment)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.Skips, err = tx.skips(e.ID); err != nil {
			return err
		}
		if !e.Joins(s, tx.Now) {
			continue
		}
		_, left, err := tx.fanOut(programs.System(), e, s)
		if err != nil {
			return err
		}
		if left != nil {
			if _, err := tx.Record(programs.Entry{
				Actor: programs.System().ID(), Verb: programs.EnrollmentLeftOut, Kind: programs.OnEnrollment, Subject: string(e.ID), After: string(s.ID), Fields: string(left.Reason.Reason),
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *View) skips(id programs.EnrollmentID) ([]programs.SessionID, error) {
	rows, err := v.Query(`select session_id from enrollment_skips where enrollment_id = $1 order by session_id`, string(id))
	return Collect(rows, err, func(scan func(...any) error) (s programs.SessionID, err error) { return s, scan(&s) })
}

// Enrollment returns one enrollment with its skips: to its person and to coordinators of the program (NotFound for everybody else).
func (v *View) Enrollment(a programs.Actor, id programs.EnrollmentID) (programs.Enrollment, error) {
	const none = "There is no such enrollment."
	e, err := one(v, scanEnrollment, none, `select `+enrollmentColumns+` from enrollments e where e.id = $1`, string(id))
	if err != nil {
		return e, err
	}
	if a.Person == "" || a.Person != e.Person {
		s, err := v.Series(programs.System(), e.Series)
		if err != nil {
			return programs.Enrollment{}, err
		}
		if !a.Coordinates(s.ProgramID) {
			return programs.Enrollment{}, programs.Refuse(programs.NotFound, none)
		}
	}
	e.Skips, err = v.skips(id)
	return e, err
}

// enrolling is an enrollment with its sign-ups for dates to come.
func (v *View) enrolling(id programs.EnrollmentID) (out Enrolling, err error) {
	if out.Enrollment, err = v.Enrollment(programs.System(), id); err != nil {
		return out, err
	}
	rows, err := v.Query(`select `+signupColumns+` from signups u join sessions s on s.id = u.session_id
		where s.series_id = $1 and u.participant = $2 and s.starts_at > $3 and u.state in ('requested', 'waitlisted', 'offered', 'confirmed')
		order by s.starts_at, s.id`, string(out.Enrollment.Series), out.Enrollment.Participant(), int64(v.Now))
	if out.Signups, err = Collect(rows, err, scanSignup); err != nil {
		return out, err
	}
	for i := range out.Signups {
		if out.Signups[i], err = v.placed(out.Signups[i]); err != nil {
			return out, err
		}
	}
	return out, nil
}

// Skip makes the skipped dates of an enrollment exactly these: a date that is new among them loses its sign-up, and who is next in line
// has the place in the same transaction; a date that is no longer among them is joined again at the tail (N2). A thousand dates and more
// are refused (Invalid), and sessions of other series (Invalid).
func (tx *Tx) Skip(a programs.Actor, id programs.EnrollmentID, sessions []programs.SessionID) (Enrolling, error) {
	e, err := tx.Enrollment(a, id)
	if err != nil {
		return Enrolling{}, err
	}
	if e.Status != programs.EnrollmentActive {
		return Enrolling{}, programs.Refuse(programs.Closed, "This enrollment has ended.")
	}
	if len(sessions) > 520 {
		return Enrolling{}, programs.Refuse(programs.Invalid, "At most 520 dates can be skipped.").At("body.session_ids")
	}
	want := map[programs.SessionID]programs.Session{}
	for i, sid := range sessions {
		s, err := tx.Session(a, sid)
		if err != nil && !errors.Is(err, programs.NotFound) {
			return Enrolling{}, err
		}
		if err != nil || s.SeriesID != e.Series {
			return Enrolling{}, programs.Refuse(programs.Invalid, "This is no date of the series.").At("body.session_ids[" + strconv.Itoa(i) + "]")
		}
		want[sid] = s
	}
	before := len(e.Skips)
	for _, sid := range e.Skips {
		if _, still := want[sid]; still {
			delete(want, sid)
			continue
		}
		if _, err := tx.Exec(`delete from enrollment_skips where enrollment_id = $1 and session_id = $2`, string(id), string(sid)); err != nil {
			return Enrolling{}, err
		}
		s, _, err := tx.lockSession(programs.System(), sid)
		if err != nil {
			return Enrolling{}, err
		}
		e.Skips = slices.DeleteFunc(slices.Clone(e.Skips), func(k programs.SessionID) bool { return k == sid })
		if e.Joins(s, tx.Now) {
			if _, _, err := tx.fanOut(a, e, s); err != nil {
				return Enrolling{}, err
			}
		}
	}
	for _, sid := range sessions { // in the order asked, so that a repetition does the same
		s, fresh := want[sid]
		if !fresh {
			continue
		}
		delete(want, sid)
		if err := tx.skip(a, e, s); err != nil {
			return Enrolling{}, err
		}
	}
	after, err := tx.skips(id)
	if err != nil {
		return Enrolling{}, err
	}
	if _, err := tx.Exec(`update enrollments set version = version + 1, updated_at = $2 where id = $1`, string(id), int64(tx.Now)); err != nil {
		return Enrolling{}, err
	}
	if _, err := tx.Record(programs.Entry{
		Actor: a.ID(), Verb: programs.EnrollmentSkipped, Kind: programs.OnEnrollment, Subject: string(id), Before: strconv.Itoa(before), After: strconv.Itoa(len(after)),
	}); err != nil {
		return Enrolling{}, err
	}
	return tx.enrolling(id)
}

// skip takes one date out of an enrollment: the sign-up it has for it ends, and the place goes on in the same transaction. A date whose
// session has started is remembered and changes nothing.
func (tx *Tx) skip(a programs.Actor, e programs.Enrollment, s programs.Session) error {
	if _, err := tx.Exec(`insert into enrollment_skips (enrollment_id, session_id) values ($1, $2) on conflict do nothing`, string(e.ID), string(s.ID)); err != nil {
		return err
	}
	if tx.Now >= s.StartsAt {
		return nil
	}
	have, err := tx.active(s.ID, e.Participant())
	if err != nil || len(have) == 0 {
		return err
	}
	_, err = tx.end(a, have[0].ID, programs.EndedSkip)
	return err
}

// skipCancelled makes a cancelled sign-up of an enrolled date a skip of that date (N3), so that nothing joins it again on its own.
func (tx *Tx) skipCancelled(u programs.Signup) error {
	_, err := tx.Exec(`insert into enrollment_skips (enrollment_id, session_id)
		select e.id, s.id from sessions s join enrollments e on e.series_id = s.series_id and e.participant = $2 and e.status = 'active'
		where s.id = $1 on conflict do nothing`, string(u.SessionID), u.Participant())
	return err
}

// EndEnrollment ends an enrollment and the sign-ups it made for dates to come; those joined one by one stay (N5). Ending twice is the same.
// It is for its person and coordinators of the program (NotFound for everybody else).
func (tx *Tx) EndEnrollment(a programs.Actor, id programs.EnrollmentID) error {
	e, err := tx.Enrollment(a, id)
	if err != nil || e.Status != programs.EnrollmentActive {
		return err
	}
	if _, err := tx.Exec(`update enrollments set status = 'ended', version = version + 1, updated_at = $2 where id = $1`, string(id), int64(tx.Now)); err != nil {
		return err
	}
	rows, err := tx.Query(`select u.id from signups u join sessions s on s.id = u.session_id
		where s.series_id = $1 and u.participant = $2 and u.source = 'enrollment' and s.starts_at > $3
		and u.state in ('requested', 'waitlisted', 'offered', 'confirmed') order by s.id`, string(e.Series), e.Participant(), int64(tx.Now))
	ids, err := Collect(rows, err, scanText)
	if err != nil {
		return err
	}
	for _, u := range ids {
		if _, err := tx.end(a, programs.SignupID(u), programs.EndedEnrollment); err != nil {
			return err
		}
	}
	_, err = tx.Record(programs.Entry{
		Actor: a.ID(), Verb: programs.EnrollmentEnded, Kind: programs.OnEnrollment, Subject: string(id), Before: string(e.Status), After: string(programs.EnrollmentOver),
	})
	return err
}

// endEnrollments ends all enrollments of a person who leaves.
func (tx *Tx) endEnrollments(person programs.PersonID) error {
	rows, err := tx.Query(`select id from enrollments where person_id = $1 and status = 'active' order by id`, string(person))
	ids, err := Collect(rows, err, scanText)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := tx.EndEnrollment(programs.System(), programs.EnrollmentID(id)); err != nil {
			return err
		}
	}
	return nil
}

// Enrollments lists the active enrollments of a person, oldest first.
func (v *View) Enrollments(person programs.PersonID) ([]programs.Enrollment, error) {
	rows, err := v.Query(`select `+enrollmentColumns+` from enrollments e where e.person_id = $1 and e.status = 'active' order by e.id`, string(person))
	list, err := Collect(rows, err, scanEnrollment)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Skips, err = v.skips(list[i].ID); err != nil {
			return nil, err
		}
	}
	return list, nil
}
