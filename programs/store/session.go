package store

import (
	"database/sql"
	"strconv"

	"github.com/wellweek/wellweek/programs"
)

const sessionColumns = `s.id, s.series_id, s.program_id, s.slot, s.title, s.description, s.local_start, s.time_zone, s.duration_minutes,
	s.starts_at, s.ends_at, s.status, s.overrides, s.capacity, s.location, s.join_url, s.uid, s.sequence, s.version, s.counts, s.revision,
	s.taken, s.offered, s.waiting, s.forced, s.created_at, s.last_modified, coalesce(s.cancelled_at, 0), coalesce(s.cancel_reason, '')`

func scanSession(scan func(...any) error) (s programs.Session, err error) {
	var start string
	var capacity sql.NullInt64
	var forced int
	err = scan(&s.ID, &s.SeriesID, &s.ProgramID, &s.Slot, &s.Title, &s.Description, &start, &s.TimeZone, &s.DurationMinutes,
		&s.StartsAt, &s.EndsAt, &s.Status, &s.Overrides, &capacity, &s.Location, &s.JoinURL, &s.UID, &s.Sequence, &s.Version, &s.Counts, &s.Revision,
		&s.Taken, &s.Offered, &s.Waiting, &forced, &s.CreatedAt, &s.LastModified, &s.CancelledAt, &s.CancelReason)
	if err != nil {
		return s, err
	}
	s.Capacity, s.Forced = pointer(capacity), forced == 1
	s.LocalStart, err = programs.ParseWall(start)
	return s, err
}

// SessionFilter narrows a list of sessions; zero fields do not.
type SessionFilter struct {
	From    programs.Instant // starts at or after
	Until   programs.Instant // starts before
	Program programs.ProgramID
	Series  programs.SeriesID
	Page    Page
}

// Sessions lists sessions by start: cancelled ones too, drafts and skipped dates only to those who coordinate the program.
func (v *View) Sessions(a programs.Actor, f SessionFilter) ([]programs.Session, string, error) {
	after, err := f.Page.after(2)
	if err != nil {
		return nil, "", err
	}
	var w where
	coordinated(&w, a, "s.program_id", "p.status <> 'draft' and s.status not in ('draft', 'skipped')")
	if after != nil {
		at, err := number(after[0])
		if err != nil {
			return nil, "", err
		}
		w.and("(s.starts_at, s.id) > (?, ?)", at, after[1])
	}
	if f.From != 0 {
		w.and("s.starts_at >= ?", int64(f.From))
	}
	if f.Until != 0 {
		w.and("s.starts_at < ?", int64(f.Until))
	}
	if f.Program != "" {
		w.and("s.program_id = ?", string(f.Program))
	}
	if f.Series != "" {
		w.and("s.series_id = ?", string(f.Series))
	}
	rows, err := v.Query(`select `+sessionColumns+` from sessions s join programs p on p.id = s.program_id`+w.String()+
		` order by s.starts_at, s.id`+w.limit(f.Page.limit()+1), w.args...)
	list, err := Collect(rows, err, scanSession)
	if err != nil {
		return nil, "", err
	}
	list, cursor := next(f.Page, list, func(s programs.Session) []string {
		return []string{strconv.FormatInt(int64(s.StartsAt), 10), string(s.ID)}
	})
	return list, cursor, nil
}

// Session returns one session (NotFound, also for drafts and skipped dates of programs the actor does not coordinate).
func (v *View) Session(a programs.Actor, id programs.SessionID) (programs.Session, error) {
	s, _, err := v.sessionAndProgram(a, id)
	return s, err
}

func (v *View) sessionAndProgram(a programs.Actor, id programs.SessionID) (s programs.Session, p programs.Program, err error) {
	const none = "There is no such session."
	if s, err = one(v, scanSession, none, `select `+sessionColumns+` from sessions s where s.id = $1`, string(id)); err != nil {
		return s, p, err
	}
	if p, err = one(v, scanProgram, none, `select `+programColumns+` from programs p where p.id = $1`, string(s.ProgramID)); err != nil {
		return s, p, err
	}
	if !a.Coordinates(p.ID) && (p.Status == programs.DraftProgram || s.Status == programs.Draft || s.Status == programs.Skipped) {
		return programs.Session{}, programs.Program{}, programs.Refuse(programs.NotFound, none)
	}
	return s, p, nil
}

// lockSession takes the session's row for this transaction (SQLite has one writer and needs no lock) and returns it as it is then.
func (tx *Tx) lockSession(a programs.Actor, id programs.SessionID) (s programs.Session, p programs.Program, err error) {
	if tx.ForUpdate() != "" {
		if _, err := tx.Exec(`select 1 from sessions where id = $1`+tx.ForUpdate(), string(id)); err != nil {
			return s, p, err
		}
	}
	return tx.sessionAndProgram(a, id)
}

// Facilitators are the people who accepted to lead each session, in the order they were named.
func (v *View) Facilitators(ids []programs.SessionID) (map[programs.SessionID][]programs.Person, error) {
	out := map[programs.SessionID][]programs.Person{}
	for len(ids) > 0 {
		n := min(200, len(ids))
		var w where
		marks := ""
		args := make([]any, n)
		for i, id := range ids[:n] {
			marks += ",?"
			args[i] = string(id)
		}
		w.and("a.status = 'accepted' and a.session_id in ("+marks[1:]+")", args...)
		rows, err := v.Query(`select a.session_id, `+personColumns+` from assignments a join people p on p.id = a.person_id
			left join offices o on o.id = p.office_id`+w.String()+` order by a.session_id, a.position, a.person_id`, w.args...)
		_, err = Collect(rows, err, func(scan func(...any) error) (p programs.Person, err error) {
			var id programs.SessionID
			p, err = scanPerson(func(dst ...any) error { return scan(append([]any{&id}, dst...)...) })
			out[id] = append(out[id], p)
			return p, err
		})
		if err != nil {
			return nil, err
		}
		ids = ids[n:]
	}
	return out, nil
}

// EditSession changes the details of one session through edit: scope "this". version is what If-Match named, 0 for no guard
// (Stale). A new time or place is one held change; more capacity promotes in the same transaction (W3). It is for coordinators of
// the program (Forbidden) and refuses what Session.Edit refuses.
func (tx *Tx) EditSession(a programs.Actor, id programs.SessionID, version int64, edit func(*programs.Details)) (programs.Session, error) {
	before, p, err := tx.lockSession(a, id)
	if err != nil {
		return before, err
	}
	if !a.Coordinates(p.ID) {
		return before, programs.Refuse(programs.Forbidden, "Only the coordinators of this program change its sessions.")
	}
	if version != 0 && version != before.Version {
		return before, stale()
	}
	d := before.Details
	edit(&d)
	after, fields, err := before.Edit(d, tx.Now)
	if err != nil || fields == 0 {
		return before, err
	}
	verb, was, is := programs.SessionEdited, "", ""
	if fields&(programs.FieldTime|programs.FieldLocation) != 0 {
		verb, was, is = programs.SessionMoved, span(before), span(after)
	}
	if err := tx.begin(a, verb, programs.HoldUntil(tx.Now, min(before.StartsAt, after.StartsAt)), ""); err != nil {
		return before, err
	}
	tx.keepSession(before)
	if err := tx.updateSession(after); err != nil {
		return before, err
	}
	if _, err := tx.Record(programs.Entry{
		Actor: a.ID(), Verb: verb, Kind: programs.OnSession, Subject: string(id), Before: was, After: is, Fields: fields.Names(),
	}); err != nil {
		return before, err
	}
	if err := tx.touchSession(after); err != nil {
		return before, err
	}
	if after, err = tx.settle(after, p, fields); err != nil {
		return before, err
	}
	return after, tx.keepInverse()
}

// settle gives places on after an edit: more room, and a new time, let people in; offers that would outlive the new start end sooner.
func (tx *Tx) settle(s programs.Session, p programs.Program, fields programs.Fields) (programs.Session, error) {
	if fields&programs.FieldTime != 0 && s.Offered > 0 {
		rows, err := tx.Query(`select `+signupColumns+` from signups u where u.session_id = $1 and u.state = 'offered' order by u.id`, string(s.ID))
		offers, err := Collect(rows, err, scanSignup)
		if err != nil {
			return s, err
		}
		for _, o := range offers {
			sooner, over := o.Sooner(s, tx.Now)
			switch {
			case over:
				if err := tx.move(programs.System(), o, o.Lapse(tx.Now), programs.SignupLapsed, ""); err != nil {
					return s, err
				}
			case sooner.OfferExpiresAt != o.OfferExpiresAt:
				tx.keepSignup(o, sooner)
				if err := tx.updateSignup(sooner); err != nil {
					return s, err
				}
			}
		}
		if s, _, err = tx.sessionAndProgram(programs.System(), s.ID); err != nil {
			return s, err
		}
	}
	if fields&(programs.FieldCapacity|programs.FieldTime) == 0 {
		return s, nil
	}
	return tx.promote(s, p)
}

// span is how the journal writes when a session takes place.
func span(s programs.Session) string {
	return strconv.FormatInt(int64(s.StartsAt), 10) + "/" + strconv.FormatInt(int64(s.EndsAt), 10)
}

// CallOff cancels one session with a reason: every active sign-up ends with it, those on the waiting list included (W11). Calling
// off twice is the same answer. It is for coordinators of the program (Forbidden) and refuses what Session.CallOff refuses.
func (tx *Tx) CallOff(a programs.Actor, id programs.SessionID, reason string) (programs.Session, error) {
	before, p, err := tx.lockSession(a, id)
	if err != nil {
		return before, err
	}
	if !a.Coordinates(p.ID) {
		return before, programs.Refuse(programs.Forbidden, "Only the coordinators of this program cancel its sessions.")
	}
	after, changed, err := before.CallOff(reason, tx.Now)
	if err != nil || !changed {
		return before, err
	}
	if err := tx.begin(a, programs.SessionCancelled, programs.HoldUntil(tx.Now, before.StartsAt), after.CancelReason); err != nil {
		return before, err
	}
	if after, err = tx.callOff(a, before, after, p); err != nil {
		return before, err
	}
	return after, tx.keepInverse()
}

// callOff stores that a session is called off, inside a change that has begun: every active sign-up ends with it.
func (tx *Tx) callOff(a programs.Actor, before, after programs.Session, p programs.Program) (programs.Session, error) {
	if err := tx.touchSession(before); err != nil {
		return before, err
	}
	rows, err := tx.Query(`select `+signupColumns+` from signups u where u.session_id = $1 and u.state in ('requested', 'waitlisted', 'offered', 'confirmed')
		order by u.id`, string(before.ID))
	seats, err := Collect(rows, err, scanSignup)
	if err != nil {
		return before, err
	}
	entries := []programs.Entry{{
		Actor: a.ID(), Verb: programs.SessionCancelled, Kind: programs.OnSession, Subject: string(before.ID), Before: string(before.Status), After: string(after.Status),
	}}
	for _, s := range seats {
		ended, _, err := s.Cancel(before, p, programs.EndedSession, tx.Now)
		if err != nil {
			return before, err
		}
		tx.keepSignup(s, ended)
		entries = append(entries, ending(a, s, ended))
	}
	tx.keepSession(before)
	if _, err := tx.Exec(`update signups set state = 'cancelled', end_reason = 'session', offer_expires_at = null, version = version + 1, updated_at = $2
		where session_id = $1 and state in ('requested', 'waitlisted', 'offered', 'confirmed')`, string(before.ID), int64(tx.Now)); err != nil {
		return before, err
	}
	after.Taken, after.Offered, after.Waiting = 0, 0, 0
	after.Counts++
	if err := tx.updateSession(after); err != nil {
		return before, err
	}
	if err := tx.recordAll(entries); err != nil {
		return before, err
	}
	return after, tx.fill(elsewhere, string(before.ID))
}

// updateSession writes everything about a session that can change. The row was locked and read in this transaction.
func (tx *Tx) updateSession(s programs.Session) error {
	_, err := tx.Exec(`update sessions set title = $2, description = $3, local_start = $4, time_zone = $5, duration_minutes = $6, starts_at = $7, ends_at = $8,
		status = $9, overrides = $10, capacity = $11, location = $12, join_url = $13, sequence = $14, version = $15, counts = $16, revision = $17,
		taken = $18, offered = $19, waiting = $20, last_modified = $21, cancelled_at = $22, cancel_reason = $23, tzdata = $24, series_id = $25, slot = $26
		where id = $1`,
		string(s.ID), s.Title, s.Description, s.LocalStart.String(), s.TimeZone, s.DurationMinutes, int64(s.StartsAt), int64(s.EndsAt),
		string(s.Status), int64(s.Overrides), s.Capacity, s.Location, s.JoinURL, s.Sequence, s.Version, s.Counts, s.Revision,
		s.Taken, s.Offered, s.Waiting, int64(s.LastModified), nullAt(s.CancelledAt), null(s.CancelReason), programs.TZData(),
		string(s.SeriesID), s.Slot)
	return err
}

// touchSession raises the revision of everything whose feed shows the session: its program, those with a seat, those who lead it.
func (tx *Tx) touchSession(s programs.Session) error {
	return tx.touchSeats(`select cast($1 as text)`, string(s.ID))
}

// reworded raises the stamps of the sessions of a query, whose calendar entries say something new though nobody edited them: a
// program or a facilitator has another name. The query names its argument $1. SEQUENCE stays: it is wording (C4).
func (tx *Tx) reworded(sessions, argument string) error {
	if _, err := tx.Exec(`update sessions set revision = revision + 1,
		last_modified = case when last_modified >= $2 then last_modified + 1000 else $2 end where id in (`+sessions+`)`,
		argument, int64(tx.Now/1000*1000)); err != nil {
		return err
	}
	return tx.touchSeats(sessions, argument)
}

// touchSeats raises the revision of everybody whose feed shows a session of the query, which names its argument $1: those who have a
// confirmed seat, or had one when it was called off, those who lead it, and its program.
func (tx *Tx) touchSeats(sessions, argument string) error {
	rows, err := tx.Query(`select 'person:' || person_id from signups where session_id in (`+sessions+`)
			and (state = 'confirmed' or state = 'cancelled' and end_reason = 'session' and confirmed_at is not null)
		union select 'person:' || person_id from assignments where session_id in (`+sessions+`)
		union select 'program:' || program_id from sessions where id in (`+sessions+`)`, argument)
	subjects, err := Collect(rows, err, scanText)
	for _, subject := range subjects {
		if err := tx.Touch(subject); err != nil {
			return err
		}
	}
	return err
}
