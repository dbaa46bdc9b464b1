package programs

// DependentID names a dependent.
type DependentID string

// Dependent is a child somebody signs up. No surname and no photo is kept; the given name never leaves pages that its guardians,
// its coordinators and its facilitator read (domain.md section 9).
type Dependent struct {
	ID        DependentID
	GivenName string
	BirthDate Date
	Version   int64
	CreatedAt Instant
	UpdatedAt Instant
}

// Check cleans the fields and refuses (Invalid) a name that is none and a birth date that is not in the past hundred years.
func (d *Dependent) Check(today Date) error {
	var err error
	if d.GivenName, err = Line("given_name", d.GivenName, 1, 100); err != nil {
		return err
	}
	if d.BirthDate > today || YearsBetween(d.BirthDate, today) > 100 {
		return Refuse(Invalid, "The birth date is a day in the past, written YYYY-MM-DD.").At("body.birth_date")
	}
	return nil
}

// Guardianship is who may act for a dependent. Until is zero while it holds.
type Guardianship struct {
	Person     PersonID
	Dependent  DependentID
	Relation   string
	MayBook    bool
	MayCollect bool
	From       Instant
	Until      Instant
}

// YearsBetween is the age in whole years of somebody born on birth at the civil date on. Who was born on 29 February has the
// birthday on 1 March of other years (domain.md K2).
func YearsBetween(birth, on Date) int {
	by, bm, bd := birth.Civil()
	y, m, d := on.Civil()
	age := y - by
	if m < bm || m == bm && d < bd {
		age--
	}
	return age
}

// birthday is the civil date on which somebody born on birth turns age.
func birthday(birth Date, age int) Date {
	y, m, d := birth.Civil()
	if m == 2 && d == 29 && !leap(y+age) {
		return DateOf(y+age, 3, 1)
	}
	return DateOf(y+age, m, d)
}

// FitsAge refuses (Conflict) a child who is too young or too old for the program on the session's local date, and says from or
// until which date it would fit (domain.md K2). The sentence names no child.
func FitsAge(p Program, birth, on Date) error {
	age := YearsBetween(birth, on)
	if p.MinAge != nil && age < *p.MinAge {
		return Refuse(Conflict, "This activity is for children of %s; this child is old enough for dates from %s on.",
			p.Ages(), birthday(birth, *p.MinAge).String()).At("body.dependent_id")
	}
	if p.MaxAge != nil && age > *p.MaxAge {
		return Refuse(Conflict, "This activity is for children of %s; this child was young enough for dates before %s.",
			p.Ages(), birthday(birth, *p.MaxAge+1).String()).At("body.dependent_id")
	}
	return nil
}
