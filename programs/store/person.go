package store

import (
	"strings"
	"unicode"

	"github.com/wellweek/wellweek/programs"
)

const personColumns = `p.id, p.email, p.name, coalesce(o.name, ''), p.department, coalesce(p.manager_id, ''), coalesce(p.time_zone, ''), coalesce(p.locale, ''),
	p.roles, p.status, p.version, p.revision, p.created_at, p.updated_at`

func scanPerson(scan func(...any) error) (p programs.Person, err error) {
	var roles string
	err = scan(&p.ID, &p.Email, &p.Name, &p.Office, &p.Department, &p.Manager, &p.TimeZone, &p.Locale,
		&roles, &p.Status, &p.Version, &p.Revision, &p.CreatedAt, &p.UpdatedAt)
	for r := range strings.SplitSeq(roles, ",") {
		p.Roles = append(p.Roles, programs.Role(r))
	}
	return p, err
}

func joined(roles []programs.Role) string {
	parts := make([]string, len(roles))
	for i, r := range roles {
		parts[i] = string(r)
	}
	return strings.Join(parts, ",")
}

// sortName is the key lists of people are sorted by on both engines: the name in lower case (lower() is ASCII-only on SQLite).
func sortName(name string) string { return strings.Map(unicode.ToLower, name) }

// People lists the directory by name. It is for admins and coordinators (Forbidden).
func (v *View) People(a programs.Actor, page Page) ([]programs.Person, string, error) {
	if !programs.May(a, programs.ReadPeople) {
		return nil, "", programs.Refuse(programs.Forbidden, "Only coordinators and admins read the directory.")
	}
	after, err := page.after(2)
	if err != nil {
		return nil, "", err
	}
	var w where
	if after != nil {
		w.and("(p.sort_name, p.id) > (?, ?)", after[0], after[1])
	}
	rows, err := v.Query(`select `+personColumns+` from people p left join offices o on o.id = p.office_id`+w.String()+
		` order by p.sort_name, p.id`+w.limit(page.limit()+1), w.args...)
	list, err := Collect(rows, err, scanPerson)
	if err != nil {
		return nil, "", err
	}
	list, cursor := next(page, list, func(p programs.Person) []string { return []string{sortName(p.Name), string(p.ID)} })
	return list, cursor, nil
}

// Person returns one person (NotFound). Everybody reads themselves; admins and coordinators read all.
func (v *View) Person(a programs.Actor, id programs.PersonID) (programs.Person, error) {
	const none = "There is no such person."
	if a.Person != id && !programs.May(a, programs.ReadPeople) {
		return programs.Person{}, programs.Refuse(programs.NotFound, none)
	}
	return one(v, scanPerson, none, `select `+personColumns+` from people p left join offices o on o.id = p.office_id where p.id = $1`, string(id))
}

// PersonByEmail returns the person with that address, in any case of letters (NotFound). It asks nobody's permission.
func (v *View) PersonByEmail(email string) (programs.Person, error) {
	return one(v, scanPerson, "There is nobody with that email in the directory.",
		`select `+personColumns+` from people p left join offices o on o.id = p.office_id where p.email = $1`, strings.ToLower(strings.TrimSpace(email)))
}

// Actor is an active person with roles and the programs they coordinate (NotFound for anybody else).
func (v *View) Actor(id programs.PersonID) (programs.Actor, error) {
	p, err := v.Person(programs.System(), id)
	if err != nil {
		return programs.Actor{}, err
	}
	if p.Status != programs.Active {
		return programs.Actor{}, programs.Refuse(programs.NotFound, "There is no such person.")
	}
	a := programs.Actor{Person: p.ID, Roles: p.Roles}
	rows, err := v.Query(`select program_id from grants where person_id = $1 order by program_id`, string(id))
	a.Programs, err = Collect(rows, err, func(scan func(...any) error) (id programs.ProgramID, err error) {
		return id, scan(&id)
	})
	return a, err
}

// AddPerson stores a new person. It is for admins (Forbidden); an address in use is a Conflict. An office nobody named before is made.
func (tx *Tx) AddPerson(a programs.Actor, p programs.Person) (programs.Person, error) {
	if !programs.May(a, programs.WritePeople) {
		return p, programs.Refuse(programs.Forbidden, "Only an admin changes the directory.")
	}
	if err := p.Check(); err != nil {
		return p, err
	}
	office, err := tx.office(p.Office)
	if err != nil {
		return p, err
	}
	p.ID, p.Version, p.Revision, p.CreatedAt, p.UpdatedAt = programs.PersonID(tx.NewID()), 1, 1, tx.Now, tx.Now
	_, err = tx.Exec(`insert into people (id, email, name, sort_name, office_id, department, manager_id, time_zone, locale, roles, status, version, revision, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		string(p.ID), p.Email, p.Name, sortName(p.Name), null(office), p.Department, null(p.Manager), null(p.TimeZone), null(p.Locale),
		joined(p.Roles), string(p.Status), p.Version, p.Revision, int64(p.CreatedAt), int64(p.UpdatedAt))
	if err := emailTaken(err); err != nil {
		return p, err
	}
	if _, err := tx.Record(programs.Entry{Actor: a.ID(), Verb: programs.PersonAdded, Kind: programs.OnPerson, Subject: string(p.ID), After: string(p.Status)}); err != nil {
		return p, err
	}
	return p, tx.Touch("person:" + string(p.ID))
}

func emailTaken(err error) error {
	if IsUnique(err) {
		return programs.Refuse(programs.Conflict, "Somebody in the directory has this email.").At("body.email")
	}
	return err
}

// office is the id of the office with that name; it is made when nobody named it before. Empty for no office.
func (tx *Tx) office(name string) (programs.OfficeID, error) {
	if name == "" {
		return "", nil
	}
	_, err := tx.Exec(`insert into offices (id, name, created_at) values ($1, $2, $3) on conflict do nothing`, tx.NewID(), name, int64(tx.Now))
	if err != nil {
		return "", err
	}
	var id programs.OfficeID
	err = tx.QueryRow(`select id from offices where name = $1`, name).Scan(&id)
	return id, err
}

// EditPerson changes a person through edit. It is for admins (Forbidden). version is what If-Match named, 0 for no guard (Stale).
// Who leaves loses future seats and feeds in the same transaction, and those who wait move up (domain.md, Leaver). The last
// active admin stays one (Conflict).
func (tx *Tx) EditPerson(a programs.Actor, id programs.PersonID, version int64, edit func(*programs.Person)) (programs.Person, error) {
	return tx.editPerson(a, id, version, true, edit)
}

// editPerson is EditPerson; without keep somebody else asks whether an admin is left.
func (tx *Tx) editPerson(a programs.Actor, id programs.PersonID, version int64, keep bool, edit func(*programs.Person)) (programs.Person, error) {
	if !programs.May(a, programs.WritePeople) {
		return programs.Person{}, programs.Refuse(programs.Forbidden, "Only an admin changes the directory.")
	}
	if err := tx.lockDirectory(id); err != nil {
		return programs.Person{}, err
	}
	before, err := tx.Person(a, id)
	if err != nil {
		return before, err
	}
	if version != 0 && version != before.Version {
		return before, stale()
	}
	p := before
	edit(&p)
	if err := p.Check(); err != nil {
		return before, err
	}
	office, err := tx.office(p.Office)
	if err != nil {
		return before, err
	}
	p.ID, p.CreatedAt = before.ID, before.CreatedAt
	p.Version, p.Revision, p.UpdatedAt = before.Version+1, before.Revision+1, tx.Now
	n, err := tx.Exec(`update people set email = $2, name = $3, sort_name = $4, office_id = $5, department = $6, manager_id = $7, time_zone = $8, locale = $9,
		roles = $10, status = $11, version = $12, revision = $13, updated_at = $14 where id = $1 and version = $15`,
		string(p.ID), p.Email, p.Name, sortName(p.Name), null(office), p.Department, null(p.Manager), null(p.TimeZone), null(p.Locale),
		joined(p.Roles), string(p.Status), p.Version, p.Revision, int64(p.UpdatedAt), before.Version)
	if err := emailTaken(err); err != nil {
		return before, err
	}
	if n == 0 {
		return before, stale()
	}
	if keep {
		if err := tx.keepAdmin(before, p); err != nil {
			return before, err
		}
	}
	if _, err := tx.Record(programs.Entry{
		Actor: a.ID(), Verb: programs.PersonEdited, Kind: programs.OnPerson, Subject: string(p.ID),
		Before: string(before.Status), After: string(p.Status), Fields: before.Changed(p),
	}); err != nil {
		return p, err
	}
	if before.Name != p.Name {
		if err := tx.reworded(`select session_id from assignments where person_id = $1`, string(p.ID)); err != nil {
			return p, err
		}
	}
	if before.Status != p.Status {
		if err := tx.touchFeeds(p.ID); err != nil {
			return p, err
		}
	}
	if p.Status == programs.Left && before.Status != programs.Left {
		if err := tx.leave(a, p); err != nil {
			return p, err
		}
	}
	if p.Status == programs.Active && before.Status != programs.Active {
		if err := tx.fill(`s.id in (select w.session_id from signups w where w.state = 'waitlisted' and w.person_id = ?)`, string(p.ID)); err != nil {
			return p, err
		}
	}
	return p, tx.Touch("person:" + string(p.ID))
}

// lockDirectory takes what an edit of a person may change, in the order everybody takes it: the sessions in which they have a place, by
// id, then the person and the admins.
func (tx *Tx) lockDirectory(id programs.PersonID) error {
	if tx.ForUpdate() == "" {
		return nil
	}
	if _, err := tx.Exec(`select 1 from sessions where id in (select session_id from signups where person_id = $1
		and state in ('requested', 'waitlisted', 'offered', 'confirmed')) and starts_at > $2 order by id`+tx.ForUpdate(), string(id), int64(tx.Now)); err != nil {
		return err
	}
	_, err := tx.Exec(`select 1 from people where id = $1 or (',' || roles || ',') like '%,admin,%' order by id`+tx.ForUpdate(), string(id))
	return err
}

// keepAdmin refuses an edit after which nobody active is an admin.
func (tx *Tx) keepAdmin(before, after programs.Person) error {
	was, is := programs.Actor{Roles: before.Roles}, programs.Actor{Roles: after.Roles}
	if !was.Is(programs.Admin) || is.Is(programs.Admin) && after.Status == programs.Active {
		return nil
	}
	return tx.someAdmin()
}

// someAdmin refuses a directory without an active admin.
func (tx *Tx) someAdmin() error {
	var admins int
	err := tx.QueryRow(`select count(*) from people where status = 'active' and (',' || roles || ',') like '%,admin,%'`).Scan(&admins)
	if err == nil && admins == 0 {
		return programs.Refuse(programs.Conflict, "This is the last admin; make somebody else an admin first.")
	}
	return err
}

// leave ends what a person who left still holds in the future, and revokes the feeds.
func (tx *Tx) leave(a programs.Actor, p programs.Person) error {
	rows, err := tx.Query(`select `+signupColumns+` from signups u join sessions s on s.id = u.session_id
		where u.person_id = $1 and u.state in ('requested', 'waitlisted', 'offered', 'confirmed') and s.starts_at > $2 order by u.session_id, u.id`,
		string(p.ID), int64(tx.Now))
	seats, err := Collect(rows, err, scanSignup)
	if err != nil {
		return err
	}
	for _, s := range seats {
		if _, err := tx.end(a, s.ID, programs.EndedLeft); err != nil {
			return err
		}
	}
	if err := tx.endEnrollments(p.ID); err != nil {
		return err
	}
	// What they were to lead looks for somebody else; calendars no longer say their name.
	const led = `select session_id from assignments where person_id = $1 and status = 'accepted' and session_id in (select id from sessions where status = 'scheduled')`
	if err := tx.reworded(led, string(p.ID)); err != nil {
		return err
	}
	if _, err := tx.Exec(`update assignments set status = 'replaced' where person_id = $1 and status = 'accepted'
		and session_id in (select id from sessions where status = 'scheduled' and starts_at > $2)`, string(p.ID), int64(tx.Now)); err != nil {
		return err
	}
	_, err = tx.Exec(`update feeds set revoked_at = $2 where person_id = $1 and revoked_at is null`, string(p.ID), int64(tx.Now))
	return err
}
