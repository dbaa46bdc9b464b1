package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/wellweek/wellweek/programs"
)

// SeriesChange is what an edit of a series does, or would do: to its sessions, its sign-ups and the people who are told.
type SeriesChange struct {
	Hash      string // of all the rest but ids that are made anew: what applying it must name (V1)
	Scope     programs.Scope
	Series    programs.Series
	Successor *programs.Series         // nil: no split
	Sessions  []programs.SessionEffect // by start; After has the counts and, when it was added, the id
	People    []PersonEffect           // by id
}

// PersonEffect is the one notice a person gets, and about how many sessions it is (I-14).
type PersonEffect struct {
	Person   programs.PersonID
	Event    string // cancelled, moved, promoted, offered or enrolled: the gravest
	Sessions int
}

// StalePreview says that the world has moved on since the preview that was named. It holds the new one.
type StalePreview struct {
	Preview SeriesChange
}

// Error implements error with the sentence that is shown.
func (s *StalePreview) Error() string { return s.Unwrap().Error() }

// Unwrap is the refusal (Conflict).
func (s *StalePreview) Unwrap() error {
	return programs.Refuse(programs.Conflict, "Something has changed since this preview; here is the new one.")
}

// errPreviewed ends the transaction of a preview, so that nothing of it stays.
var errPreviewed = errors.New("previewed")

// PreviewSeriesChange says what ChangeSeries would do. It does it and takes it all back, so that the two cannot differ.
func PreviewSeriesChange(ctx context.Context, s *Store, a programs.Actor, id programs.SeriesID, e programs.SeriesEdit) (SeriesChange, error) {
	type previewed struct {
		error
		change SeriesChange
	}
	_, err := Write(ctx, s, func(tx *Tx) (struct{}, error) {
		c, err := tx.changeSeries(a, id, e)
		if err == nil {
			err = &previewed{errPreviewed, c}
		}
		return struct{}{}, err
	})
	if p, ok := errors.AsType[*previewed](err); ok {
		return p.change, nil
	}
	return SeriesChange{}, err
}

// ChangeSeries edits a series and its sessions to come in one transaction, as the preview with this hash said. Another hash is refused
// with the new preview (StalePreview, Conflict), an empty one is Invalid. It is for coordinators of the program (NotFound for everybody
// else) and refuses what PlanEdit refuses. Change gives the change's id.
func (tx *Tx) ChangeSeries(a programs.Actor, id programs.SeriesID, e programs.SeriesEdit, hash string) (SeriesChange, error) {
	if hash == "" {
		return SeriesChange{}, programs.Refuse(programs.Invalid, "The preview_hash is in the answer of the preview; ask for that first.").At("body.preview_hash")
	}
	c, err := tx.changeSeries(a, id, e)
	if err == nil && c.Hash != hash {
		return SeriesChange{}, &StalePreview{c}
	}
	return c, err
}

func (tx *Tx) changeSeries(a programs.Actor, id programs.SeriesID, e programs.SeriesEdit) (c SeriesChange, err error) {
	if tx.ForUpdate() != "" {
		if _, err := tx.Exec(`select 1 from sessions where series_id = $1 order by id`+tx.ForUpdate(), string(id)); err != nil {
			return c, err
		}
	}
	s, err := tx.Series(a, id)
	if err != nil {
		return c, err
	}
	p, err := tx.Program(a, string(s.ProgramID))
	if err != nil {
		return c, err
	}
	rows, err := tx.Query(`select `+sessionColumns+` from sessions s where s.series_id = $1 order by s.starts_at, s.id`, string(id))
	sessions, err := Collect(rows, err, scanSession)
	if err != nil {
		return c, err
	}
	if e.Set.Facilitators != nil {
		if err := tx.leaders(*e.Set.Facilitators); err != nil {
			return c, err
		}
	}
	plan, err := programs.PlanEdit(s, sessions, e, tx.Now)
	if err != nil {
		return c, err
	}
	if err := tx.begin(a, programs.SeriesEdited, hold(tx.Now, plan), e.Reason); err != nil {
		return c, err
	}
	c = SeriesChange{Scope: e.Scope, Series: plan.Series, Successor: plan.Successor, Sessions: plan.Sessions}
	if e.Scope != programs.ThisSession {
		if err := tx.reseries(a, s, plan, &c); err != nil {
			return c, err
		}
	}
	if err := tx.resessions(a, e, p, plan, &c); err != nil {
		return c, err
	}
	if c.People, err = tx.noticed(); err != nil {
		return c, err
	}
	if c.Hash, err = c.hash(s, e); err != nil {
		return c, err
	}
	return c, tx.keepInverse()
}

// hold is how long the mail of a plan waits; one that touches no session owes none.
func hold(now programs.Instant, plan programs.SeriesPlan) programs.Instant {
	if at := plan.Earliest(); at != 0 {
		return programs.HoldUntil(now, at)
	}
	return now.Add(programs.Hold)
}

// leaders refuses people who do not exist or are not active.
func (v *View) leaders(ids []programs.PersonID) error {
	for _, id := range ids {
		if p, err := v.Person(programs.System(), id); err != nil || p.Status != programs.Active {
			return programs.Refuse(programs.Invalid, "There is no such active person to lead the sessions.").At("body.set.facilitator_ids")
		}
	}
	return nil
}

// reseries stores the series as it is afterwards and, with a split, its successor, to which the sessions and enrollments from there on
// belong from now on (V2).
func (tx *Tx) reseries(a programs.Actor, before programs.Series, plan programs.SeriesPlan, c *SeriesChange) error {
	tx.before.Series = append(tx.before.Series, before)
	c.Series.Version, c.Series.Revision, c.Series.UpdatedAt = before.Version+1, before.Revision+1, tx.Now
	entries := []programs.Entry{{
		Actor: a.ID(), Verb: programs.SeriesEdited, Kind: programs.OnSeries, Subject: string(before.ID), Before: string(before.Status), After: string(c.Series.Status), Fields: string(c.Scope),
	}}
	if c.Successor != nil {
		next := c.Successor
		next.ID, next.Version, next.Revision, next.CreatedAt, next.UpdatedAt = programs.SeriesID(tx.NewID()), 1, 1, tx.Now, tx.Now
		if err := tx.insertSeries(*next, before.ID); err != nil {
			return err
		}
		tx.before.Successor = next.ID
		entries[0].Verb, entries[0].After = programs.SeriesSplit, string(next.ID)
		if err := tx.reparent(before.ID, next.ID, plan.From); err != nil {
			return err
		}
	}
	if err := tx.updateSeries(c.Series); err != nil {
		return err
	}
	return tx.recordAll(entries)
}

// reparent moves the sessions from a slot on, and the enrollments with their skips, to the successor. Nothing about a session that
// anybody sees changes by it.
func (tx *Tx) reparent(from, to programs.SeriesID, slot string) error {
	rows, err := tx.Query(`select `+sessionColumns+` from sessions s where s.series_id = $1 and s.slot >= $2 order by s.id`, string(from), slot)
	moving, err := Collect(rows, err, scanSession)
	if err != nil {
		return err
	}
	for _, s := range moving {
		tx.keepSession(s)
	}
	if _, err := tx.Exec(`update sessions set series_id = $2 where series_id = $1 and slot >= $3`, string(from), string(to), slot); err != nil {
		return err
	}
	rows, err = tx.Query(`select `+enrollmentColumns+` from enrollments e where e.series_id = $1 and e.status = 'active' order by e.created_at, e.id`, string(from))
	list, err := Collect(rows, err, scanEnrollment)
	if err != nil {
		return err
	}
	for _, e := range list {
		id := tx.NewID()
		if _, err := tx.Exec(`insert into enrollments (id, series_id, person_id, dependent_id, participant, mode, status, version, created_at, updated_at)
			values ($1, $2, $3, $4, $5, $6, 'active', 1, $7, $8)`,
			id, string(to), string(e.Person), null(e.Dependent), e.Participant(), string(e.Mode), int64(e.CreatedAt), int64(tx.Now)); err != nil {
			return err
		}
		if _, err := tx.Exec(`insert into enrollment_skips (enrollment_id, session_id) select cast($2 as text), k.session_id from enrollment_skips k
			join sessions s on s.id = k.session_id where k.enrollment_id = $1 and s.series_id = $3`, string(e.ID), id, string(to)); err != nil {
			return err
		}
		if _, err := tx.Exec(`update enrollments set status = 'ended', version = version + 1, updated_at = $2 where id = $1`, string(e.ID), int64(tx.Now)); err != nil {
			return err
		}
		tx.before.Enrollments = append(tx.before.Enrollments, e.ID)
	}
	return nil
}

// resessions stores every effect on the sessions, in the order of their starts, and fills in what only the store knows: ids and counts.
func (tx *Tx) resessions(a programs.Actor, e programs.SeriesEdit, p programs.Program, plan programs.SeriesPlan, c *SeriesChange) error {
	owner := c.Series
	if c.Successor != nil {
		owner = *c.Successor
	}
	var parked []programs.SessionID
	for _, x := range c.Sessions { // slots may change places: all of them leave theirs first
		if x.Before.ID != "" && x.After.Slot != x.Before.Slot && x.Effect != programs.EffectDropped {
			parked = append(parked, x.Before.ID)
		}
	}
	for _, id := range parked {
		if _, err := tx.Exec(`update sessions set slot = 'moving ' || id where id = $1`, string(id)); err != nil {
			return err
		}
	}
	for i := range c.Sessions {
		if err := tx.resession(a, e, p, owner, &c.Sessions[i]); err != nil {
			return err
		}
	}
	for _, d := range plan.Skipped {
		made, err := tx.store(a, owner, d)
		if err == nil {
			err = tx.recordAll([]programs.Entry{made})
		}
		if err != nil {
			return err
		}
		tx.before.Added = append(tx.before.Added, programs.SessionID(made.Subject))
	}
	if e.Set.Facilitators != nil {
		if err := tx.lead(e.Scope, owner, c.Sessions, *e.Set.Facilitators); err != nil {
			return err
		}
	}
	return tx.touchSeries(owner)
}

func (tx *Tx) resession(a programs.Actor, e programs.SeriesEdit, p programs.Program, owner programs.Series, x *programs.SessionEffect) error {
	before := x.Before
	x.After.SeriesID = owner.ID
	switch x.Effect {
	case programs.EffectKept:
		if x.After.Slot == before.Slot && x.After.Overrides == before.Overrides {
			return nil
		}
		tx.keepSession(before) // an extra date that is one of the pattern now, or words that are the series' again: nobody sees it
		_, err := tx.Exec(`update sessions set slot = $2, overrides = $3 where id = $1`, string(before.ID), x.After.Slot, int64(x.After.Overrides))
		return err
	case programs.EffectDropped:
		if before.Status == programs.Draft {
			return tx.restate(a, before, x.After)
		}
		var err error
		x.After, err = tx.callOff(a, before, x.After, p)
		return err
	case programs.EffectAdded:
		if before.ID == "" {
			made, err := tx.store(a, owner, x.New)
			if err != nil {
				return err
			}
			if err := tx.recordAll([]programs.Entry{made}); err != nil {
				return err
			}
			x.After.ID = programs.SessionID(made.Subject)
			tx.before.Added = append(tx.before.Added, x.After.ID)
		} else {
			if err := tx.restate(a, before, x.After); err != nil {
				return err
			}
			if err := tx.leadSession(x.After, owner.Facilitators); err != nil {
				return err
			}
		}
		made, err := tx.Session(programs.System(), x.After.ID)
		if err != nil {
			return err
		}
		if err := tx.joinEnrolled(made); err != nil {
			return err
		}
		x.After, err = tx.Session(programs.System(), x.After.ID)
		return err
	}
	tx.keepSession(before)
	if err := tx.updateSession(x.After); err != nil {
		return err
	}
	verb, was, is := programs.SessionEdited, "", ""
	if x.Effect == programs.EffectMoved {
		verb, was, is = programs.SessionMoved, span(before), span(x.After)
	}
	if _, err := tx.Record(programs.Entry{
		Actor: a.ID(), Verb: verb, Kind: programs.OnSession, Subject: string(before.ID), Before: was, After: is, Fields: x.Fields.Names(),
	}); err != nil {
		return err
	}
	if err := tx.touchSession(x.After); err != nil {
		return err
	}
	var err error
	x.After, err = tx.settle(x.After, p, x.Fields)
	return err
}

// restate stores that a draft or a skipped date, of which nobody has been told, is the other or scheduled now.
func (tx *Tx) restate(a programs.Actor, before, after programs.Session) error {
	tx.keepSession(before)
	if err := tx.updateSession(after); err != nil {
		return err
	}
	_, err := tx.Record(programs.Entry{
		Actor: a.ID(), Verb: programs.SessionScheduled, Kind: programs.OnSession, Subject: string(before.ID), Before: string(before.Status), After: string(after.Status),
	})
	return err
}

// lead makes these people the ones who lead the series and its changed sessions.
func (tx *Tx) lead(scope programs.Scope, owner programs.Series, sessions []programs.SessionEffect, leaders []programs.PersonID) error {
	if scope != programs.ThisSession {
		if err := tx.leadSeries(owner.ID, leaders); err != nil {
			return err
		}
	}
	for _, x := range sessions {
		if x.Effect != programs.EffectChanged && x.Effect != programs.EffectMoved {
			continue
		}
		if err := tx.leadSession(x.After, leaders); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) leadSeries(id programs.SeriesID, leaders []programs.PersonID) error {
	if _, err := tx.Exec(`delete from series_facilitators where series_id = $1`, string(id)); err != nil {
		return err
	}
	for i, person := range leaders {
		if _, err := tx.Exec(`insert into series_facilitators (series_id, person_id, position) values ($1, $2, $3) on conflict do nothing`, string(id), string(person), i); err != nil {
			return err
		}
	}
	return nil
}

// leadSession makes these people the ones who lead a session. Who led it before and who does now see it in their feeds.
func (tx *Tx) leadSession(s programs.Session, leaders []programs.PersonID) error {
	if err := tx.keepLeads(s.ID); err != nil {
		return err
	}
	if err := tx.touchSession(s); err != nil {
		return err
	}
	if _, err := tx.Exec(`delete from assignments where session_id = $1`, string(s.ID)); err != nil {
		return err
	}
	for i, id := range leaders {
		if _, err := tx.Exec(`insert into assignments (session_id, person_id, role, status, position) values ($1, $2, 'lead', 'accepted', $3) on conflict do nothing`,
			string(s.ID), string(id), i); err != nil {
			return err
		}
	}
	return tx.touchSession(s)
}

// noticed are the people this change concerns, each with the gravest thing that happens to them and the number of sessions.
func (tx *Tx) noticed() ([]PersonEffect, error) {
	rows, err := tx.Query(`select x.person_id, min(x.gravity), count(distinct x.session_id) from (
			select u.person_id, u.session_id, case j.verb when 'signup.ended' then 1 when 'signup.promoted' then 4 when 'signup.offered' then 5 else 6 end as gravity
			from journal j join signups u on u.id = j.subject where j.change_id = $1 and j.kind = 'signup' and j.verb in ('signup.ended', 'signup.promoted', 'signup.offered', 'signup.made')
			union all
			select u.person_id, u.session_id, 2 from journal j join signups u on u.session_id = j.subject
			where j.change_id = $1 and j.kind = 'session' and j.verb = 'session.moved' and u.state in ('confirmed', 'offered')
			union all
			select u.person_id, u.session_id, 2 from journal j join signups u on u.session_id = j.subject
			where j.change_id = $1 and j.kind = 'session' and j.verb = 'session.moved' and u.state in ('requested', 'waitlisted') and j.before <> j.after
			union all
			select h.person_id, h.session_id, case j.verb when 'session.cancelled' then 1 else 2 end from journal j join assignments h on h.session_id = j.subject
			where j.change_id = $1 and j.kind = 'session' and j.verb in ('session.moved', 'session.cancelled') and h.status = 'accepted' and 'person:' || h.person_id <> j.actor
		) x group by x.person_id order by x.person_id`, string(tx.change.ID))
	events := map[int]string{1: "cancelled", 2: "moved", 4: "promoted", 5: "offered", 6: "enrolled"}
	return Collect(rows, err, func(scan func(...any) error) (e PersonEffect, err error) {
		var gravity int
		err = scan(&e.Person, &gravity, &e.Sessions)
		e.Event = events[gravity]
		return e, err
	})
}

// hash is equal for equal previews of an equal world. Ids that are made anew and the instants of the clock are left out.
func (c SeriesChange) hash(before programs.Series, e programs.SeriesEdit) (string, error) {
	type line struct {
		ID, Slot, Effect            string
		Version, Counts             int64
		Starts, Ends                programs.Instant
		Fields                      string
		Confirmed, Offered, Waiting int
	}
	lines := make([]line, len(c.Sessions))
	for i, x := range c.Sessions {
		lines[i] = line{
			string(x.Before.ID), x.After.Slot, string(x.Effect), x.Before.Version, x.Before.Counts, x.After.StartsAt, x.After.EndsAt, x.Fields.Names(),
			x.After.Confirmed(), x.After.Offered, x.After.Waiting,
		}
	}
	raw, err := json.Marshal(struct {
		Series  programs.SeriesID
		Version int64
		Edit    programs.SeriesEdit
		Named   []string // JSON writes an empty member and one that is left out alike
		Lines   []line
		People  []PersonEffect
		Split   bool
	}{before.ID, before.Version, e, e.Set.Named(), lines, c.People, c.Successor != nil})
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16]), err
}
