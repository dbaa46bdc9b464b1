package store

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/wellweek/wellweek/programs"
)

// inverse is what undo needs of a change: the rows it found, each as it was before the change touched it first, with the version the
// change left behind, by which undo sees whether anybody has been at the same rows since. It is kept with the change as JSON.
type inverse struct {
	Sessions    []sessionImage
	Signups     []signupImage
	Series      []programs.Series       // as they were
	Successor   programs.SeriesID       // made by a split
	Added       []programs.SessionID    // made by the change
	Enrollments []programs.EnrollmentID // handed over to the successor
	Leads       []leadsImage            // of the sessions that others lead now
}

type leadsImage struct {
	Session programs.SessionID
	People  []programs.PersonID
}

type sessionImage struct {
	Before          programs.Session
	Version, Counts int64 // as the change left them
}

type signupImage struct {
	Before  programs.Signup
	Version int64
}

// images collects the inverse of the change that a transaction is making.
type images struct {
	inverse
	sessions map[programs.SessionID]bool
	signups  map[programs.SignupID]int
}

// keepSession remembers a session as it was before this change; a change remembers each once.
func (tx *Tx) keepSession(before programs.Session) {
	if tx.change.ID == "" || tx.before.sessions[before.ID] {
		return
	}
	if tx.before.sessions == nil {
		tx.before.sessions = map[programs.SessionID]bool{}
	}
	tx.before.sessions[before.ID] = true
	tx.before.Sessions = append(tx.before.Sessions, sessionImage{Before: before})
}

// keepSignup remembers a sign-up as it was before this change, and the version it has now.
func (tx *Tx) keepSignup(before, after programs.Signup) {
	if tx.change.ID == "" {
		return
	}
	if tx.before.signups == nil {
		tx.before.signups = map[programs.SignupID]int{}
	}
	i, ok := tx.before.signups[before.ID]
	if !ok {
		i = len(tx.before.Signups)
		tx.before.signups[before.ID] = i
		tx.before.Signups = append(tx.before.Signups, signupImage{Before: before})
	}
	tx.before.Signups[i].Version = after.Version
}

// keepLeads remembers who led a session before this change.
func (tx *Tx) keepLeads(id programs.SessionID) error {
	rows, err := tx.Query(`select person_id from assignments where session_id = $1 and status = 'accepted' order by position, person_id`, string(id))
	people, err := Collect(rows, err, func(scan func(...any) error) (p programs.PersonID, err error) { return p, scan(&p) })
	tx.before.Leads = append(tx.before.Leads, leadsImage{id, people})
	return err
}

// keepMade remembers a sign-up that this change made: undone, it ends as if a coordinator had taken it back.
func (tx *Tx) keepMade(made programs.Signup) {
	none := made
	none.State, none.EndReason, none.ConfirmedAt = programs.CancelledSeat, programs.EndedCoordinator, 0
	tx.keepSignup(none, made)
}

// keepInverse ends the change of this transaction: what undo needs is stored with it.
func (tx *Tx) keepInverse() error {
	for i := range tx.before.Sessions {
		image := &tx.before.Sessions[i]
		err := tx.QueryRow(`select version, counts from sessions where id = $1`, string(image.Before.ID)).Scan(&image.Version, &image.Counts)
		if err != nil {
			return err
		}
	}
	raw, err := json.Marshal(tx.before.inverse)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`update changes set inverse = $2 where id = $1`, string(tx.change.ID), string(raw))
	return err
}

// Undo takes a held change back: sessions and sign-ups are as they were, and nobody is told of either. It is itself a change, whose
// id Change gives. It is for coordinators of every program the change touched (NotFound for others). It refuses (Conflict) what
// Change.Undo refuses, and a change whose sessions or sign-ups somebody has been at since.
func (tx *Tx) Undo(a programs.Actor, id programs.ChangeID) (programs.Change, error) {
	c, left, err := tx.undoable(a, id)
	if err != nil {
		return c, err
	}
	if err := c.Undo(tx.Now); err != nil {
		return c, err
	}
	since := programs.Refuse(programs.Conflict, "Somebody has changed the same sessions or sign-ups since; undo that first, or make another change.")
	sessions := map[programs.SessionID]programs.Session{}
	for _, image := range left.Sessions {
		s, _, err := tx.lockSession(programs.System(), image.Before.ID)
		if err != nil {
			return c, err
		}
		sessions[s.ID] = image.Before
		if s.Version != image.Version || s.Counts != image.Counts {
			return c, since
		}
	}
	if extended, err := tx.extended(c, left); err != nil || extended {
		return c, errors.Join(err, since)
	}
	silent, err := tx.entriesOf(id)
	if err != nil {
		return c, err
	}
	if err := tx.begin(a, programs.ChangeUndone, tx.Now, ""); err != nil {
		return c, err
	}
	entries := []programs.Entry{{Actor: a.ID(), Verb: programs.ChangeUndone, Kind: programs.OnChange, Subject: string(id)}}
	slices.SortStableFunc(left.Signups, func(a, b signupImage) int { // what the change made ends first: it stands in nobody's way
		return flag(a.Before.State.Active()) - flag(b.Before.State.Active())
	})
	for _, image := range left.Signups { // before the sessions: a capacity that goes down again has room for them only then
		now, err := tx.Signup(programs.System(), image.Before.ID)
		if err != nil {
			return c, err
		}
		if now.Version != image.Version {
			return c, since
		}
		if s := sessions[image.Before.SessionID]; image.Before.State.Active() && !now.State.Active() {
			if err := tx.lockPerson(now.Person); err != nil {
				return c, err
			}
			if stays, err := tx.mayReturn(s, now); err != nil || !stays {
				return c, errors.Join(err, since)
			}
		}
		before := image.Before
		before.Version, before.UpdatedAt, before.Position = now.Version+1, tx.Now, 0
		if err := tx.updateSignup(before); err != nil {
			return c, err
		}
		if err := tx.count(before.SessionID, now.State, before.State); err != nil {
			return c, err
		}
		if err := tx.Touch("person:" + string(before.Person)); err != nil {
			return c, err
		}
		entries = append(entries, programs.Entry{
			Actor: a.ID(), Verb: programs.SignupUndone, Kind: programs.OnSignup, Subject: string(before.ID), Before: string(now.State), After: string(before.State),
		})
	}
	for _, image := range left.Sessions { // slots may change places again
		if _, err := tx.Exec(`update sessions set slot = 'moving ' || id where id = $1 and slot <> $2`, string(image.Before.ID), image.Before.Slot); err != nil {
			return c, err
		}
	}
	for _, image := range left.Sessions {
		entry, err := tx.back(a, image.Before)
		if err != nil {
			return c, err
		}
		entries = append(entries, entry)
	}
	if err := tx.backSeries(left); err != nil {
		return c, err
	}
	for _, image := range left.Leads {
		if err := tx.backLeads(image); err != nil {
			return c, err
		}
	}
	for _, id := range left.Added {
		entry, err := tx.unadd(a, id)
		if err != nil {
			return c, err
		}
		entries = append(entries, entry)
	}
	if err := tx.recordAll(entries); err != nil {
		return c, err
	}
	for _, e := range entries {
		silent = append(silent, e.ID)
	}
	for _, e := range silent {
		n, err := tx.Exec(`delete from journal_open where entry = $1`, string(e))
		if err != nil {
			return c, err
		}
		if n == 0 {
			return c, since // its mail has been planned meanwhile
		}
	}
	c.UndoneBy = tx.change.ID
	_, err = tx.Exec(`update changes set undone_by = $2, inverse = null where id = $1`, string(id), string(c.UndoneBy))
	return c, err
}

// extended reports whether a series that the change edited has got dates of its new pattern since.
func (tx *Tx) extended(c programs.Change, left inverse) (bool, error) {
	made := map[string]bool{}
	for _, id := range left.Added {
		made[string(id)] = true
	}
	owners := []programs.SeriesID{left.Successor}
	for _, s := range left.Series {
		owners = append(owners, s.ID)
	}
	for _, owner := range owners {
		rows, err := tx.Query(`select id from sessions where series_id = $1 and created_at >= $2 and id > $3`, string(owner), int64(c.CreatedAt), string(c.ID))
		ids, err := Collect(rows, err, scanText)
		if err != nil {
			return false, err
		}
		for _, id := range ids {
			if !made[id] {
				return true, nil
			}
		}
	}
	return false, nil
}

// undoable is the change with what its undo needs, for those who coordinate every program it touched.
func (tx *Tx) undoable(a programs.Actor, id programs.ChangeID) (c programs.Change, left inverse, err error) {
	if c, err = tx.Changed(a, id); err != nil {
		return c, left, err
	}
	var raw string
	if err := tx.QueryRow(`select coalesce(inverse, '') from changes where id = $1`, string(id)).Scan(&raw); err != nil {
		return c, left, err
	}
	if raw == "" {
		if c.UndoneBy == "" {
			return c, left, programs.Refuse(programs.Conflict, "This change cannot be undone; make another one instead.")
		}
		return c, left, nil
	}
	return c, left, json.Unmarshal([]byte(raw), &left)
}

// Changed is one change, to those who coordinate every program whose sessions it touched (NotFound for everybody else).
func (v *View) Changed(a programs.Actor, id programs.ChangeID) (programs.Change, error) {
	c, err := v.ChangeOf(id)
	if err != nil {
		return c, err
	}
	rows, err := v.Query(`select distinct s.program_id from journal j left join signups u on j.kind = 'signup' and u.id = j.subject
		join sessions s on s.id = case when j.kind = 'signup' then u.session_id else j.subject end
		where j.change_id = $1 and j.kind in ('session', 'signup')`, string(id))
	touched, err := Collect(rows, err, scanText)
	if err != nil {
		return c, err
	}
	for _, p := range touched {
		if !a.Coordinates(programs.ProgramID(p)) {
			return programs.Change{}, programs.Refuse(programs.NotFound, "There is no such change.")
		}
	}
	if len(touched) == 0 && !a.Is(programs.Admin) && c.Actor != a.ID() {
		return programs.Change{}, programs.Refuse(programs.NotFound, "There is no such change.")
	}
	return c, nil
}

// back makes a session what it was and returns its entry. Whoever sees it now or saw it before follows.
func (tx *Tx) back(a programs.Actor, before programs.Session) (programs.Entry, error) {
	s, err := tx.Session(programs.System(), before.ID)
	if err != nil {
		return programs.Entry{}, err
	}
	if err := tx.touchSession(s); err != nil {
		return programs.Entry{}, err
	}
	after, differs := s.Back(before, tx.Now)
	if err := tx.updateSession(after); err != nil {
		return programs.Entry{}, err
	}
	return programs.Entry{
		Actor: a.ID(), Verb: programs.SessionUndone, Kind: programs.OnSession, Subject: string(s.ID),
		Before: string(s.Status), After: string(after.Status), Fields: differs.Names(),
	}, nil
}

// backLeads makes those who led a session before lead it again, if they are still with us.
func (tx *Tx) backLeads(image leadsImage) error {
	s, err := tx.Session(programs.System(), image.Session)
	if err != nil {
		return err
	}
	var people []programs.PersonID
	for _, id := range image.People {
		p, err := tx.Person(programs.System(), id)
		if err != nil {
			return err
		}
		if p.Status != programs.Left {
			people = append(people, id)
		}
	}
	return tx.leadSession(s, people)
}

// backSeries makes series and enrollments what they were. A successor keeps its row, without sessions, as cancelled.
func (tx *Tx) backSeries(left inverse) error {
	for _, s := range left.Series {
		now, err := tx.Series(programs.System(), s.ID)
		if err != nil {
			return err
		}
		s.Version, s.Revision, s.UpdatedAt = now.Version+1, now.Revision+1, tx.Now
		if err := tx.updateSeries(s); err != nil {
			return err
		}
		if err := tx.leadSeries(s.ID, s.Facilitators); err != nil {
			return err
		}
	}
	if left.Successor != "" {
		if _, err := tx.Exec(`update series set status = 'cancelled', open_ended = 0, version = version + 1, updated_at = $2 where id = $1`, string(left.Successor), int64(tx.Now)); err != nil {
			return err
		}
		if _, err := tx.Exec(`update enrollments set status = 'ended', version = version + 1, updated_at = $2 where series_id = $1`, string(left.Successor), int64(tx.Now)); err != nil {
			return err
		}
	}
	for _, id := range left.Enrollments {
		if _, err := tx.Exec(`update enrollments set status = 'active', version = version + 1, updated_at = $2 where id = $1`, string(id), int64(tx.Now)); err != nil {
			return err
		}
	}
	return nil
}

// unadd makes a session that the change added one that nobody sees: a skipped date. Its id and UID are not used again (S9).
func (tx *Tx) unadd(a programs.Actor, id programs.SessionID) (programs.Entry, error) {
	s, err := tx.Session(programs.System(), id)
	if err != nil {
		return programs.Entry{}, err
	}
	if err := tx.touchSession(s); err != nil {
		return programs.Entry{}, err
	}
	_, err = tx.Exec(`update sessions set status = 'skipped', slot = 'undone ' || id, version = version + 1, revision = revision + 1 where id = $1`, string(id))
	return programs.Entry{
		Actor: a.ID(), Verb: programs.SessionUndone, Kind: programs.OnSession, Subject: string(id), Before: string(s.Status), After: string(programs.Skipped),
	}, err
}

// entriesOf are the entries of a change, planned or not.
func (v *View) entriesOf(id programs.ChangeID) ([]programs.EntryID, error) {
	rows, err := v.Query(`select id from journal where change_id = $1 order by id`, string(id))
	return Collect(rows, err, func(scan func(...any) error) (e programs.EntryID, err error) { return e, scan(&e) })
}
