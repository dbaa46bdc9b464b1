package api

import (
	"context"
	"net/http"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Dependent is a child in the asker's care.
type Dependent struct {
	ID        string `json:"id"`
	GivenName string `json:"given_name"`
	BirthDate string `json:"birth_date" format:"date"`
	CreatedAt string `json:"created_at" format:"date-time"`
	UpdatedAt string `json:"updated_at" format:"date-time"`
}

// DependentInput adds a child.
type DependentInput struct {
	GivenName string `json:"given_name" doc:"No surname"`
	BirthDate string `json:"birth_date" doc:"YYYY-MM-DD; for the age on a session's date"`
	Relation  string `json:"relation,omitempty" doc:"What the asker is to the child, in a word"`
}

// DependentPatch names the members of a child to change.
type DependentPatch struct {
	GivenName Member[string] `json:"given_name,omitempty" nullable:"false"`
	BirthDate Member[string] `json:"birth_date,omitempty" nullable:"false"`
}

// DependentPath names a child.
type DependentPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (s *server) dependents() {
	op(s, operation{
		Method: http.MethodGet, Path: "/me/dependents", ID: "list-dependents", Tag: "Me", Act: programs.ReadSelf,
		Summary: "List the children in your care",
	}, func(ctx context.Context, rq *door.Request, _ *struct{}) (*page[Dependent], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*page[Dependent], error) {
			children, err := v.Dependents(rq.Actor.Person)
			return pageOf(children, "", dependentForm), err
		})
	})
	op(s, operation{
		Method: http.MethodPost, Path: "/me/dependents", ID: "add-dependent", Tag: "Me", Act: programs.WriteSelf, Status: http.StatusCreated,
		Summary: "Add a child to your care",
	}, func(ctx context.Context, rq *door.Request, in *struct{ Body DependentInput }) (*made[Dependent], error) {
		birth, err := programs.ParseDate(in.Body.BirthDate)
		if err != nil {
			return nil, at(err, "body.birth_date")
		}
		return act(ctx, s, rq, false, func(tx *store.Tx) (*made[Dependent], error) {
			d, err := tx.AddDependent(rq.Actor, rq.Actor.Person, programs.Dependent{GivenName: in.Body.GivenName, BirthDate: birth}, in.Body.Relation)
			return &made[Dependent]{
				Status: http.StatusCreated, Location: base + "/me/dependents/" + string(d.ID), ETag: door.ETag(string(d.ID), d.Version), Body: dependentForm(d),
			}, err
		})
	})
	op(s, operation{
		Method: http.MethodGet, Path: "/me/dependents/{id}", ID: "read-dependent", Tag: "Me", Act: programs.ReadSelf,
		Summary: "Read a child in your care",
	}, func(ctx context.Context, rq *door.Request, in *DependentPath) (*single[Dependent], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*single[Dependent], error) {
			d, err := v.Dependent(rq.Actor.Person, programs.DependentID(in.ID))
			return &single[Dependent]{ETag: door.ETag(string(d.ID), d.Version), Body: dependentForm(d)}, err
		})
	})
	op(s, operation{
		Method: http.MethodPatch, Path: "/me/dependents/{id}", ID: "edit-dependent", Tag: "Me", Act: programs.WriteSelf,
		Summary: "Change a child in your care", Refusal: []int{412},
	}, func(ctx context.Context, rq *door.Request, in *struct {
		DependentPath
		IfMatch string `header:"If-Match" doc:"Optional: the ETag of what the change was made from"`
		Body    DependentPatch
	},
	) (*single[Dependent], error) {
		match, err := door.ParseIfMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		var e edits[programs.Dependent]
		set(&e, "body.given_name", in.Body.GivenName, func(d *programs.Dependent, v string) { d.GivenName = v })
		parsed(&e, "body.birth_date", in.Body.BirthDate, programs.ParseDate, func(d *programs.Dependent, v programs.Date) { d.BirthDate = v })
		edit, err := e.apply()
		if err != nil {
			return nil, err
		}
		return store.Write(ctx, s.Store, func(tx *store.Tx) (*single[Dependent], error) {
			before, err := tx.Dependent(rq.Actor.Person, programs.DependentID(in.ID))
			if err != nil {
				return nil, err
			}
			if err := match.Check(string(before.ID), before.Version); err != nil {
				return nil, err
			}
			d, err := tx.EditDependent(rq.Actor, rq.Actor.Person, before.ID, before.Version, edit)
			return &single[Dependent]{ETag: door.ETag(string(d.ID), d.Version), Body: dependentForm(d)}, err
		})
	})
}

func dependentForm(d programs.Dependent) Dependent {
	return Dependent{
		ID: string(d.ID), GivenName: d.GivenName, BirthDate: d.BirthDate.String(), CreatedAt: d.CreatedAt.String(), UpdatedAt: d.UpdatedAt.String(),
	}
}
