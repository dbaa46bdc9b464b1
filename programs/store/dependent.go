package store

import (
	"github.com/wellweek/wellweek/programs"
)

const dependentColumns = `d.id, d.given_name, d.birth_date, d.version, d.created_at, d.updated_at`

func scanDependent(scan func(...any) error) (d programs.Dependent, err error) {
	var birth string
	if err = scan(&d.ID, &d.GivenName, &birth, &d.Version, &d.CreatedAt, &d.UpdatedAt); err != nil {
		return d, err
	}
	d.BirthDate, err = programs.ParseDate(birth)
	return d, err
}

// Dependents lists the children a person is a guardian of now, oldest record first.
func (v *View) Dependents(person programs.PersonID) ([]programs.Dependent, error) {
	rows, err := v.Query(`select `+dependentColumns+` from guardianships g join dependents d on d.id = g.dependent_id
		where g.person_id = $1 and (g.until_at is null or g.until_at > $2) order by d.id`, string(person), int64(v.Now))
	return Collect(rows, err, scanDependent)
}

// Dependent returns one child the person is a guardian of now (NotFound).
func (v *View) Dependent(person programs.PersonID, id programs.DependentID) (programs.Dependent, error) {
	return one(v, scanDependent, "There is no such child in your care.", `select `+dependentColumns+` from guardianships g join dependents d on d.id = g.dependent_id
		where g.person_id = $1 and d.id = $2 and (g.until_at is null or g.until_at > $3)`, string(person), string(id), int64(v.Now))
}

// mayBook reports whether the person may book for the child now (K1).
func (v *View) mayBook(person programs.PersonID, id programs.DependentID) (bool, error) {
	var n int
	err := v.QueryRow(`select count(*) from guardianships where person_id = $1 and dependent_id = $2 and may_book = 1
		and from_at <= $3 and (until_at is null or until_at > $3)`, string(person), string(id), int64(v.Now)).Scan(&n)
	return n > 0, err
}

// AddDependent stores a child and the person as its guardian, who may book and collect. Everybody adds their own (Forbidden).
// At most 20 children are in one person's care (Conflict).
func (tx *Tx) AddDependent(a programs.Actor, person programs.PersonID, d programs.Dependent, relation string) (programs.Dependent, error) {
	if a.Person != person && !a.Is(programs.Admin) {
		return d, programs.Refuse(programs.Forbidden, "Children are added by their guardians.")
	}
	if err := d.Check(tx.today()); err != nil {
		return d, err
	}
	relation, err := programs.Line("relation", relation, 0, 50)
	if err != nil {
		return d, err
	}
	have, err := tx.Dependents(person)
	if err != nil {
		return d, err
	}
	if len(have) >= 20 {
		return d, programs.Refuse(programs.Conflict, "At most 20 children fit in one person's care.")
	}
	d.ID, d.Version, d.CreatedAt, d.UpdatedAt = programs.DependentID(tx.NewID()), 1, tx.Now, tx.Now
	if _, err := tx.Exec(`insert into dependents (id, given_name, birth_date, version, created_at, updated_at) values ($1, $2, $3, $4, $5, $6)`,
		string(d.ID), d.GivenName, d.BirthDate.String(), d.Version, int64(d.CreatedAt), int64(d.UpdatedAt)); err != nil {
		return d, err
	}
	if _, err := tx.Exec(`insert into guardianships (person_id, dependent_id, relation, may_book, may_collect, from_at) values ($1, $2, $3, $4, $5, $6)`,
		string(person), string(d.ID), relation, 1, 1, int64(tx.Now)); err != nil {
		return d, err
	}
	_, err = tx.Record(programs.Entry{Actor: a.ID(), Verb: programs.DependentAdded, Kind: programs.OnDependent, Subject: string(d.ID), After: string(person)})
	return d, err
}

// EditDependent changes a child through edit; for its guardians (NotFound). version is what If-Match named, 0 for no guard (Stale).
func (tx *Tx) EditDependent(a programs.Actor, person programs.PersonID, id programs.DependentID, version int64, edit func(*programs.Dependent)) (programs.Dependent, error) {
	before, err := tx.Dependent(person, id)
	if err != nil {
		return before, err
	}
	if version != 0 && version != before.Version {
		return before, stale()
	}
	d := before
	edit(&d)
	if err := d.Check(tx.today()); err != nil {
		return before, err
	}
	d.ID, d.Version, d.CreatedAt, d.UpdatedAt = before.ID, before.Version+1, before.CreatedAt, tx.Now
	n, err := tx.Exec(`update dependents set given_name = $2, birth_date = $3, version = $4, updated_at = $5 where id = $1 and version = $6`,
		string(d.ID), d.GivenName, d.BirthDate.String(), d.Version, int64(d.UpdatedAt), before.Version)
	if err != nil {
		return before, err
	}
	if n == 0 {
		return before, stale()
	}
	fields := ""
	switch {
	case d.GivenName != before.GivenName && d.BirthDate != before.BirthDate:
		fields = "given_name,birth_date"
	case d.GivenName != before.GivenName:
		fields = "given_name"
	case d.BirthDate != before.BirthDate:
		fields = "birth_date"
	}
	_, err = tx.Record(programs.Entry{Actor: a.ID(), Verb: programs.DependentEdited, Kind: programs.OnDependent, Subject: string(d.ID), Fields: fields})
	return d, err
}

// today is the civil date in the zone that is furthest ahead (UTC+14), so that nobody's today is refused as a future day.
func (tx *Tx) today() programs.Date {
	const ahead = 14 * 60 * 60 * 1000
	return programs.Date((int64(tx.Now) + ahead) / (24 * 60 * 60 * 1000))
}
