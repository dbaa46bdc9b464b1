package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wellweek/wellweek/programs"
)

// Difference says row by row what Import would do. It writes nothing.
func (v *View) Difference(a programs.Actor, rows []programs.Row, full bool) (programs.Difference, error) {
	if !programs.May(a, programs.WritePeople) {
		return programs.Difference{}, programs.Refuse(programs.Forbidden, "Only an admin changes the directory.")
	}
	known, err := v.directory()
	if err != nil {
		return programs.Difference{}, err
	}
	var d programs.Difference
	listed := map[string]bool{}
	for _, r := range rows {
		listed[r.Person.Email] = true
	}
	for _, r := range rows {
		row := programs.DiffRow{Row: r.N, Email: r.Person.Email, Act: "add"}
		var manager programs.PersonID
		if r.Manager != "" {
			m, ok := known[r.Manager]
			if !ok && !listed[r.Manager] {
				fault := programs.Refuse(programs.Invalid, "The manager is not in the directory and not in this file.").At(fmt.Sprintf("row %d", r.N))
				return programs.Difference{}, fault
			}
			if manager = m.ID; !ok {
				manager = "new"
			}
		}
		if p, ok := known[r.Person.Email]; ok {
			row.Fields = p.Changed(r.Onto(p, manager))
			row.Act = "update"
			if row.Fields == "" {
				row.Act = "same"
			}
		}
		switch row.Act {
		case "add":
			d.Added++
		case "update":
			d.Updated++
		default:
			d.Same++
		}
		d.Rows = append(d.Rows, row)
	}
	if !full {
		return d, nil
	}
	for email, p := range known {
		if p.Status == programs.Active && !listed[email] {
			d.Missing++
			d.Rows = append(d.Rows, programs.DiffRow{Email: email, Act: "end", Fields: "status"})
		}
	}
	sortEnds(d.Rows)
	return d, nil
}

// Import adds and updates people in one transaction, and with full ends those who are missing (domain.md, Leaver). It does exactly
// what Difference says, or nothing. It refuses (Conflict) to end more than a tenth unless confirmed, and the last admin.
func (tx *Tx) Import(a programs.Actor, rows []programs.Row, full, confirmed bool) (programs.Difference, error) {
	d, err := tx.Difference(a, rows, full)
	if err != nil {
		return d, err
	}
	known, err := tx.directory()
	if err != nil {
		return d, err
	}
	active := 0
	for _, p := range known {
		active += flag(p.Status == programs.Active)
	}
	if err := programs.CheckMissing(active, d.Missing, confirmed); err != nil {
		return d, err
	}
	for _, r := range rows {
		if _, ok := known[r.Person.Email]; ok {
			continue
		}
		p, err := tx.AddPerson(a, r.Onto(programs.Person{}, ""))
		if err != nil {
			return d, inRow(err, r.N)
		}
		known[p.Email] = p
	}
	for _, r := range rows {
		before := known[r.Person.Email]
		after := r.Onto(before, known[r.Manager].ID)
		if before.Changed(after) == "" {
			continue
		}
		if _, err := tx.editPerson(a, before.ID, 0, false, func(p *programs.Person) { *p = after }); err != nil {
			return d, inRow(err, r.N)
		}
	}
	for _, row := range d.Rows {
		if row.Act == "end" {
			if _, err := tx.editPerson(a, known[row.Email].ID, 0, false, func(p *programs.Person) { p.Status = programs.Left }); err != nil {
				return d, err
			}
		}
	}
	had := false
	for _, p := range known {
		had = had || p.Status == programs.Active && (programs.Actor{Roles: p.Roles}).Is(programs.Admin)
	}
	if had {
		return d, tx.someAdmin()
	}
	return d, nil
}

// directory is everybody by address.
func (v *View) directory() (map[string]programs.Person, error) {
	rows, err := v.Query(`select ` + personColumns + ` from people p left join offices o on o.id = p.office_id`)
	list, err := Collect(rows, err, scanPerson)
	out := make(map[string]programs.Person, len(list))
	for _, p := range list {
		out[p.Email] = p
	}
	return out, err
}

// inRow says which row of the file a refusal is about.
func inRow(err error, n int) error {
	if fault, ok := errors.AsType[*programs.Error](err); ok {
		return programs.Refuse(fault.Reason, fault.Format, fault.Args...).At(fmt.Sprintf("row %d", n))
	}
	return err
}

// sortEnds puts the people a full list ends in a stable order behind its rows.
func sortEnds(rows []programs.DiffRow) {
	slices.SortStableFunc(rows, func(a, b programs.DiffRow) int {
		switch {
		case a.Row != 0 && b.Row != 0:
			return a.Row - b.Row
		case a.Row != 0:
			return -1
		case b.Row != 0:
			return 1
		}
		return strings.Compare(a.Email, b.Email)
	})
}
