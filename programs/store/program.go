package store

import (
	"database/sql"

	"github.com/wellweek/wellweek/programs"
)

const programColumns = `p.id, p.slug, p.name, p.kind, p.description, p.status, p.participants, p.min_age, p.max_age, p.overlap,
	p.auto_cutoff_minutes, p.offer_ttl_minutes, p.cancel_cutoff_minutes, p.reminder_minutes, p.version, p.revision, p.created_at, p.updated_at`

func scanProgram(scan func(...any) error) (p programs.Program, err error) {
	var lo, hi sql.NullInt64
	var reminders string
	err = scan(&p.ID, &p.Slug, &p.Name, &p.Kind, &p.Description, &p.Status, &p.Participants, &lo, &hi, &p.Overlap,
		&p.AutoCutoffMinutes, &p.OfferTTLMinutes, &p.CancelCutoffMinutes, &reminders, &p.Version, &p.Revision, &p.CreatedAt, &p.UpdatedAt)
	if err != nil {
		return p, err
	}
	p.MinAge, p.MaxAge = pointer(lo), pointer(hi)
	p.ReminderMinutes, err = parseInts(reminders)
	return p, err
}

func pointer(n sql.NullInt64) *int {
	if !n.Valid {
		return nil
	}
	i := int(n.Int64)
	return &i
}

// coordinated narrows w to programs (column program) whose status passes announced, or that the actor coordinates.
func coordinated(w *where, a programs.Actor, program, announced string) {
	switch {
	case a.Is(programs.Admin), a.Is(programs.Coordinator) && a.Person == "":
	case a.Is(programs.Coordinator):
		w.and(announced+` or `+program+` in (select g.program_id from grants g where g.person_id = ?)`, string(a.Person))
	default:
		w.and(announced)
	}
}

// Programs lists the programs the actor sees, by name: drafts only to those who coordinate them.
func (v *View) Programs(a programs.Actor, page Page) ([]programs.Program, string, error) {
	after, err := page.after(2)
	if err != nil {
		return nil, "", err
	}
	var w where
	coordinated(&w, a, "p.id", "p.status <> 'draft'")
	if after != nil {
		w.and("(p.name, p.id) > (?, ?)", after[0], after[1])
	}
	rows, err := v.Query(`select `+programColumns+` from programs p`+w.String()+` order by p.name, p.id`+w.limit(page.limit()+1), w.args...)
	list, err := Collect(rows, err, scanProgram)
	if err != nil {
		return nil, "", err
	}
	list, cursor := next(page, list, func(p programs.Program) []string { return []string{p.Name, string(p.ID)} })
	return list, cursor, nil
}

// Program returns a program by id or slug (NotFound, also for drafts of others).
func (v *View) Program(a programs.Actor, idOrSlug string) (programs.Program, error) {
	const none = "There is no such program."
	p, err := one(v, scanProgram, none, `select `+programColumns+` from programs p where p.id = $1 or p.slug = $1 order by p.id = $1 desc limit 1`, idOrSlug)
	if err == nil && p.Status == programs.DraftProgram && !a.Coordinates(p.ID) {
		return programs.Program{}, programs.Refuse(programs.NotFound, none)
	}
	return p, err
}

// AddProgram stores a new program. Who makes it coordinates it. It refuses (Invalid) what Check refuses, and (Conflict) a slug in use.
func (tx *Tx) AddProgram(a programs.Actor, p programs.Program) (programs.Program, error) {
	if !programs.May(a, programs.AddProgram) {
		return p, programs.Refuse(programs.Forbidden, "Only a coordinator makes programs.")
	}
	if err := p.Check(); err != nil {
		return p, err
	}
	if p.ReminderMinutes == nil {
		p.ReminderMinutes = programs.Defaults().ReminderMinutes
	}
	p.ID, p.Version, p.Revision, p.CreatedAt, p.UpdatedAt = programs.ProgramID(tx.NewID()), 1, 1, tx.Now, tx.Now
	_, err := tx.Exec(`insert into programs (id, slug, name, kind, description, status, participants, min_age, max_age, overlap,
		auto_cutoff_minutes, offer_ttl_minutes, cancel_cutoff_minutes, reminder_minutes, version, revision, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		string(p.ID), p.Slug, p.Name, string(p.Kind), p.Description, string(p.Status), string(p.Participants), p.MinAge, p.MaxAge, string(p.Overlap),
		p.AutoCutoffMinutes, p.OfferTTLMinutes, p.CancelCutoffMinutes, ints(p.ReminderMinutes), p.Version, p.Revision, int64(p.CreatedAt), int64(p.UpdatedAt))
	if err := slugTaken(err); err != nil {
		return p, err
	}
	if a.Person != "" && !a.Is(programs.Admin) {
		if err := tx.grant(a, p.ID, a.Person); err != nil {
			return p, err
		}
	}
	if _, err := tx.Record(programs.Entry{Actor: a.ID(), Verb: programs.ProgramAdded, Kind: programs.OnProgram, Subject: string(p.ID), After: string(p.Status)}); err != nil {
		return p, err
	}
	return p, tx.Touch("program:" + string(p.ID))
}

func slugTaken(err error) error {
	if IsUnique(err) {
		return programs.Refuse(programs.Conflict, "Another program has this slug; choose another one.").At("body.slug")
	}
	return err
}

// EditProgram changes a program through edit. version is what If-Match named, 0 for no guard (Stale). ID, version and stamps are
// not edit's to change.
func (tx *Tx) EditProgram(a programs.Actor, idOrSlug string, version int64, edit func(*programs.Program)) (programs.Program, error) {
	before, err := tx.Program(a, idOrSlug)
	if err != nil {
		return before, err
	}
	if !a.Coordinates(before.ID) {
		return before, programs.Refuse(programs.Forbidden, "Only the coordinators of this program change it.")
	}
	if version != 0 && version != before.Version {
		return before, stale()
	}
	p := before
	edit(&p)
	if err := p.Check(); err != nil {
		return before, err
	}
	if p.ReminderMinutes == nil {
		p.ReminderMinutes = programs.Defaults().ReminderMinutes
	}
	p.ID, p.CreatedAt = before.ID, before.CreatedAt
	p.Version, p.Revision, p.UpdatedAt = before.Version+1, before.Revision+1, tx.Now
	n, err := tx.Exec(`update programs set slug = $2, name = $3, kind = $4, description = $5, status = $6, participants = $7, min_age = $8, max_age = $9, overlap = $10,
		auto_cutoff_minutes = $11, offer_ttl_minutes = $12, cancel_cutoff_minutes = $13, reminder_minutes = $14, version = $15, revision = $16, updated_at = $17
		where id = $1 and version = $18`,
		string(p.ID), p.Slug, p.Name, string(p.Kind), p.Description, string(p.Status), string(p.Participants), p.MinAge, p.MaxAge, string(p.Overlap),
		p.AutoCutoffMinutes, p.OfferTTLMinutes, p.CancelCutoffMinutes, ints(p.ReminderMinutes), p.Version, p.Revision, int64(p.UpdatedAt), before.Version)
	if err := slugTaken(err); err != nil {
		return before, err
	}
	if n == 0 {
		return before, stale()
	}
	if _, err := tx.Record(programs.Entry{
		Actor: a.ID(), Verb: programs.ProgramEdited, Kind: programs.OnProgram, Subject: string(p.ID), Before: string(before.Status), After: string(p.Status),
	}); err != nil {
		return p, err
	}
	if err := tx.Touch("program:" + string(p.ID)); err != nil {
		return p, err
	}
	if p.Status != before.Status {
		if err := tx.touchSeats(`select id from sessions where program_id = $1`, string(p.ID)); err != nil {
			return p, err
		}
	}
	if err := tx.fill("s.program_id = ?", string(p.ID)); err != nil { // a policy that changed can let somebody in
		return p, err
	}
	if p.Name != before.Name {
		return p, tx.reworded(`select id from sessions where program_id = $1`, string(p.ID))
	}
	return p, nil
}

func stale() error {
	return programs.Refuse(programs.Stale, "Somebody changed this since you read it; read it again and repeat the change.")
}

// Coordinators lists who coordinates a program, by name. It is for admins (Forbidden).
func (v *View) Coordinators(a programs.Actor, id programs.ProgramID) ([]programs.Person, error) {
	if !programs.May(a, programs.WriteScopes) {
		return nil, programs.Refuse(programs.Forbidden, "Only an admin sees and says who coordinates a program.")
	}
	rows, err := v.Query(`select `+personColumns+` from grants g join people p on p.id = g.person_id left join offices o on o.id = p.office_id
		where g.program_id = $1 order by p.sort_name, p.id`, string(id))
	return Collect(rows, err, scanPerson)
}

// Grant makes a person a coordinator of a program; granting twice is the same. It is for admins (Forbidden); the person must have
// the role coordinator (Conflict).
func (tx *Tx) Grant(a programs.Actor, program programs.ProgramID, person programs.PersonID) error {
	p, err := tx.scope(a, program, person)
	if err != nil {
		return err
	}
	if who := (programs.Actor{Roles: p.Roles}); !who.Is(programs.Coordinator) && !who.Is(programs.Admin) {
		return programs.Refuse(programs.Conflict, "This person does not have the role coordinator; give it first.")
	}
	return tx.grant(a, program, person)
}

func (tx *Tx) grant(a programs.Actor, program programs.ProgramID, person programs.PersonID) error {
	n, err := tx.Exec(`insert into grants (person_id, program_id) values ($1, $2) on conflict do nothing`, string(person), string(program))
	if err != nil || n == 0 {
		return err
	}
	_, err = tx.Record(programs.Entry{Actor: a.ID(), Verb: programs.ScopeGranted, Kind: programs.OnProgram, Subject: string(program), After: string(person)})
	if err != nil {
		return err
	}
	return tx.Touch("person:" + string(person))
}

// Ungrant takes the desk of a program away; taking it twice is the same. It is for admins (Forbidden).
func (tx *Tx) Ungrant(a programs.Actor, program programs.ProgramID, person programs.PersonID) error {
	if _, err := tx.scope(a, program, person); err != nil {
		return err
	}
	n, err := tx.Exec(`delete from grants where person_id = $1 and program_id = $2`, string(person), string(program))
	if err != nil || n == 0 {
		return err
	}
	_, err = tx.Record(programs.Entry{Actor: a.ID(), Verb: programs.ScopeRevoked, Kind: programs.OnProgram, Subject: string(program), Before: string(person)})
	if err != nil {
		return err
	}
	return tx.Touch("person:" + string(person))
}

func (tx *Tx) scope(a programs.Actor, program programs.ProgramID, person programs.PersonID) (programs.Person, error) {
	if !programs.May(a, programs.WriteScopes) {
		return programs.Person{}, programs.Refuse(programs.Forbidden, "Only an admin says who coordinates a program.")
	}
	if _, err := tx.Program(a, string(program)); err != nil {
		return programs.Person{}, err
	}
	return tx.Person(a, person)
}
