package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Person is somebody in the directory.
type Person struct {
	ID           string   `json:"id"`
	Email        string   `json:"email"`
	Name         string   `json:"name"`
	TimeZone     *string  `json:"time_zone" doc:"IANA name; null: the office's, else the organization's"`
	Locale       *string  `json:"locale" doc:"BCP 47; null: the organization's"`
	Roles        []string `json:"roles" enum:"employee,facilitator,coordinator,reporter,admin"`
	Office       string   `json:"office"`
	Department   string   `json:"department"`
	ManagerEmail *string  `json:"manager_email"`
	Status       string   `json:"status" enum:"active,suspended,left"`
	CreatedAt    string   `json:"created_at" format:"date-time"`
	UpdatedAt    string   `json:"updated_at" format:"date-time"`
}

// Me is the person who asks.
type Me struct {
	Person
	Coordinates []string `json:"coordinates" doc:"Ids of the programs this person coordinates; an admin acts for all"`
}

// PersonInput adds a person.
type PersonInput struct {
	Email        string   `json:"email"`
	Name         string   `json:"name"`
	TimeZone     string   `json:"time_zone,omitempty" doc:"IANA name"`
	Locale       string   `json:"locale,omitempty" doc:"BCP 47"`
	Roles        []string `json:"roles,omitempty" enum:"employee,facilitator,coordinator,reporter,admin" doc:"Default: employee"`
	Office       string   `json:"office,omitempty"`
	Department   string   `json:"department,omitempty"`
	ManagerEmail string   `json:"manager_email,omitempty" doc:"The address of somebody in the directory"`
}

// PersonPatch names the members of a person to change; null empties one.
type PersonPatch struct {
	Email        Member[string]   `json:"email,omitempty" nullable:"false"`
	Name         Member[string]   `json:"name,omitempty" nullable:"false"`
	TimeZone     Member[string]   `json:"time_zone,omitempty"`
	Locale       Member[string]   `json:"locale,omitempty"`
	Roles        Member[[]string] `json:"roles,omitempty" enum:"employee,facilitator,coordinator,reporter,admin" doc:"null: employee"`
	Office       Member[string]   `json:"office,omitempty"`
	Department   Member[string]   `json:"department,omitempty"`
	ManagerEmail Member[string]   `json:"manager_email,omitempty"`
	Status       Member[string]   `json:"status,omitempty" nullable:"false" enum:"active,suspended,left" doc:"left ends future sign-ups, feeds and keys"`
}

// ImportRow is what an import does, or would do, with one person.
type ImportRow struct {
	Row    *int     `json:"row" doc:"1 for the first line below the header; null: missing from a full list"`
	Email  string   `json:"email"`
	Act    string   `json:"act" enum:"add,update,same,end"`
	Fields []string `json:"fields" doc:"Names of what changes"`
}

// Import is what an import did, or would do.
type Import struct {
	DryRun  bool        `json:"dry_run" doc:"Nothing was written"`
	Added   int         `json:"added"`
	Updated int         `json:"updated"`
	Same    int         `json:"same"`
	Missing int         `json:"missing" doc:"Of a full list: who is not in it"`
	Rows    []ImportRow `json:"rows"`
}

// PersonPath names a person.
type PersonPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (s *server) me() {
	op(s, operation{
		Method: http.MethodGet, Path: "/me", ID: "read-me", Tag: "Me", Act: programs.ReadSelf,
		Summary: "Read who you are",
	}, func(ctx context.Context, rq *door.Request, _ *struct{}) (*single[Me], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*single[Me], error) {
			p, err := v.Person(programs.System(), rq.Actor.Person)
			if err != nil {
				return nil, err
			}
			form, err := newManagers(v).form(p)
			return &single[Me]{ETag: door.ETag(string(p.ID), p.Version), Body: Me{
				Person: form, Coordinates: each(rq.Actor.Programs, func(id programs.ProgramID) string { return string(id) }),
			}}, err
		})
	})
	op(s, operation{
		Method: http.MethodGet, Path: "/me/signups", ID: "list-my-signups", Tag: "Me", Act: programs.ReadSelf,
		Summary: "List your sign-ups and those of your children, newest first",
	}, func(ctx context.Context, rq *door.Request, in *Paging) (*page[Signup], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*page[Signup], error) {
			signups, cursor, err := v.SignupsOf(rq.Actor.Person, in.page())
			return pageOf(signups, cursor, signupForm), err
		})
	})
}

func (s *server) people() {
	op(s, operation{
		Method: http.MethodGet, Path: "/people", ID: "list-people", Tag: "People", Act: programs.ReadPeople,
		Summary: "List the directory by name",
	}, func(ctx context.Context, rq *door.Request, in *Paging) (*page[Person], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*page[Person], error) {
			people, cursor, err := v.People(rq.Actor, in.page())
			if err != nil {
				return nil, err
			}
			managers := newManagers(v)
			forms := make([]Person, len(people))
			for i, p := range people {
				if forms[i], err = managers.form(p); err != nil {
					return nil, err
				}
			}
			return pageOf(forms, cursor, func(p Person) Person { return p }), nil
		})
	})
	op(s, operation{
		Method: http.MethodPost, Path: "/people", ID: "add-person", Tag: "People", Act: programs.WritePeople, Status: http.StatusCreated,
		Summary: "Add a person",
	}, func(ctx context.Context, rq *door.Request, in *struct{ Body PersonInput }) (*made[Person], error) {
		return act(ctx, s, rq, false, func(tx *store.Tx) (*made[Person], error) {
			b := in.Body
			p := programs.Person{
				Email: b.Email, Name: b.Name, TimeZone: b.TimeZone, Locale: b.Locale, Office: b.Office, Department: b.Department, Roles: roles(b.Roles),
			}
			var err error
			if p.Manager, err = manager(&tx.View, b.ManagerEmail); err != nil {
				return nil, err
			}
			if p, err = tx.AddPerson(rq.Actor, p); err != nil {
				return nil, err
			}
			form, err := newManagers(&tx.View).form(p)
			return &made[Person]{
				Status: http.StatusCreated, Location: base + "/people/" + string(p.ID), ETag: door.ETag(string(p.ID), p.Version), Body: form,
			}, err
		})
	})
	op(s, operation{
		Method: http.MethodGet, Path: "/people/{id}", ID: "read-person", Tag: "People", Act: programs.ReadPeople,
		Summary: "Read a person",
	}, func(ctx context.Context, rq *door.Request, in *PersonPath) (*single[Person], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*single[Person], error) {
			p, err := v.Person(rq.Actor, programs.PersonID(in.ID))
			if err != nil {
				return nil, err
			}
			form, err := newManagers(v).form(p)
			return &single[Person]{ETag: door.ETag(string(p.ID), p.Version), Body: form}, err
		})
	})
	op(s, operation{
		Method: http.MethodPatch, Path: "/people/{id}", ID: "edit-person", Tag: "People", Act: programs.WritePeople,
		Summary: "Change a person", Refusal: []int{409, 412},
	}, func(ctx context.Context, rq *door.Request, in *struct {
		PersonPath
		IfMatch string `header:"If-Match" doc:"Optional: the ETag of what the change was made from"`
		Body    PersonPatch
	},
	) (*single[Person], error) {
		match, err := door.ParseIfMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		edit, err := in.Body.edit()
		if err != nil {
			return nil, err
		}
		return store.Write(ctx, s.Store, func(tx *store.Tx) (*single[Person], error) {
			before, err := tx.Person(rq.Actor, programs.PersonID(in.ID))
			if err != nil {
				return nil, err
			}
			if err := match.Check(string(before.ID), before.Version); err != nil {
				return nil, err
			}
			boss := before.Manager
			if in.Body.ManagerEmail.Set {
				if boss, err = manager(&tx.View, in.Body.ManagerEmail.Value); err != nil {
					return nil, err
				}
			}
			p, err := tx.EditPerson(rq.Actor, before.ID, before.Version, func(p *programs.Person) {
				edit(p)
				p.Manager = boss
			})
			if err != nil {
				return nil, err
			}
			form, err := newManagers(&tx.View).form(p)
			return &single[Person]{ETag: door.ETag(string(p.ID), p.Version), Body: form}, err
		})
	})
	op(s, operation{
		Method: http.MethodPost, Path: "/people/import", ID: "import-people", Tag: "People", Act: programs.WritePeople, Status: http.StatusOK,
		Media: "text/csv", Limit: door.ImportLimit,
		Summary: "Import the directory from CSV", About: "The header names columns as `POST /people` names members. It adds and updates only; with `full=true` it also ends people who " +
			"are missing, more than a tenth of them only with `confirm_missing=true`. One bad row refuses the whole file.",
	}, func(ctx context.Context, rq *door.Request, in *struct {
		DryRun         bool   `query:"dry_run" doc:"Answer the difference and write nothing"`
		Full           bool   `query:"full" doc:"The file is everybody: who is missing has left"`
		ConfirmMissing bool   `query:"confirm_missing" doc:"More than a tenth may be missing"`
		RawBody        []byte `contentType:"text/csv"`
	},
	) (*told[Import], error) {
		rows, err := programs.ParseDirectory(bytes.NewReader(in.RawBody))
		if err != nil {
			return nil, err
		}
		if in.DryRun {
			return look(ctx, s, rq, func(v *store.View) (*told[Import], error) {
				d, err := v.Difference(rq.Actor, rows, in.Full)
				return &told[Import]{Body: importForm(d, true)}, err
			})
		}
		return act(ctx, s, rq, false, func(tx *store.Tx) (*told[Import], error) {
			d, err := tx.Import(rq.Actor, rows, in.Full, in.ConfirmMissing)
			return &told[Import]{Body: importForm(d, false)}, err
		})
	})
}

// manager is the person whom an address names; the empty address is nobody.
func manager(v *store.View, email string) (programs.PersonID, error) {
	if email == "" {
		return "", nil
	}
	unknown := programs.Refuse(programs.Invalid, "The manager is not in the directory; add the manager first.").At("body.manager_email")
	address, err := programs.Address(email)
	if err != nil {
		return "", unknown
	}
	p, err := v.PersonByEmail(address)
	if errors.Is(err, programs.NotFound) {
		return "", unknown
	}
	return p.ID, err
}

// managers makes forms of people and reads each manager once.
type managers struct {
	view  *store.View
	email map[programs.PersonID]string
}

func newManagers(v *store.View) managers {
	return managers{view: v, email: map[programs.PersonID]string{}}
}

func (m managers) form(p programs.Person) (Person, error) {
	out := Person{
		ID: string(p.ID), Email: p.Email, Name: p.Name, TimeZone: text(p.TimeZone), Locale: text(p.Locale), Office: p.Office, Department: p.Department,
		Roles: each(p.Roles, func(r programs.Role) string { return string(r) }), Status: string(p.Status),
		CreatedAt: p.CreatedAt.String(), UpdatedAt: p.UpdatedAt.String(),
	}
	if p.Manager == "" {
		return out, nil
	}
	if _, known := m.email[p.Manager]; !known {
		boss, err := m.view.Person(programs.System(), p.Manager)
		if err != nil {
			return out, err
		}
		m.email[p.Manager] = boss.Email
	}
	out.ManagerEmail = text(m.email[p.Manager])
	return out, nil
}

func roles(names []string) []programs.Role {
	return each(names, func(n string) programs.Role { return programs.Role(n) })
}

func (in PersonPatch) edit() (func(*programs.Person), error) {
	var e edits[programs.Person]
	set(&e, "body.email", in.Email, func(p *programs.Person, v string) { p.Email = v })
	set(&e, "body.name", in.Name, func(p *programs.Person, v string) { p.Name = v })
	clearable(&e, in.TimeZone, func(p *programs.Person, v string) { p.TimeZone = v })
	clearable(&e, in.Locale, func(p *programs.Person, v string) { p.Locale = v })
	clearable(&e, in.Roles, func(p *programs.Person, v []string) { p.Roles = roles(v) })
	clearable(&e, in.Office, func(p *programs.Person, v string) { p.Office = v })
	clearable(&e, in.Department, func(p *programs.Person, v string) { p.Department = v })
	set(&e, "body.status", in.Status, func(p *programs.Person, v string) { p.Status = programs.PersonStatus(v) })
	return e.apply()
}

func importForm(d programs.Difference, dry bool) Import {
	return Import{DryRun: dry, Added: d.Added, Updated: d.Updated, Same: d.Same, Missing: d.Missing, Rows: each(d.Rows, func(r programs.DiffRow) ImportRow {
		out := ImportRow{Email: r.Email, Act: r.Act, Fields: fieldNames(r.Fields)}
		if r.Row > 0 {
			out.Row = &r.Row
		}
		return out
	})}
}
