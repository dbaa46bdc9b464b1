package api

import (
	"context"
	"net/http"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Program is a standing offer.
type Program struct {
	ID                  string `json:"id"`
	Slug                string `json:"slug"`
	Name                string `json:"name"`
	Kind                string `json:"kind" enum:"wellness,childcare,training,other"`
	Description         string `json:"description" doc:"Markdown"`
	Status              string `json:"status" enum:"draft,published,archived"`
	Participants        string `json:"participants" enum:"person,dependent,either" doc:"Who takes the seats"`
	MinAge              *int   `json:"min_age" doc:"In whole years on the session's local date, inclusive"`
	MaxAge              *int   `json:"max_age" doc:"In whole years on the session's local date, inclusive"`
	Overlap             string `json:"overlap" enum:"warn,block" doc:"What happens when a participant overlaps an own sign-up"`
	AutoCutoffMinutes   int    `json:"auto_cutoff_minutes" doc:"Until so long before the start a free place confirms the next in line at once"`
	OfferTTLMinutes     int    `json:"offer_ttl_minutes" doc:"Later it is offered, for so long at most"`
	CancelCutoffMinutes int    `json:"cancel_cutoff_minutes" doc:"Leaving later than so long before the start is flagged late"`
	ReminderMinutes     []int  `json:"reminder_minutes" doc:"Before the start, for series that say none of their own"`
	CreatedAt           string `json:"created_at" format:"date-time"`
	UpdatedAt           string `json:"updated_at" format:"date-time"`
}

// ProgramInput makes a program.
type ProgramInput struct {
	Slug                string `json:"slug" doc:"1 to 64 of a-z, 0-9 and -"`
	Name                string `json:"name"`
	Kind                string `json:"kind" enum:"wellness,childcare,training,other"`
	Description         string `json:"description,omitempty" doc:"Markdown"`
	Status              string `json:"status,omitempty" enum:"draft,published,archived" doc:"Default: published"`
	Participants        string `json:"participants,omitempty" enum:"person,dependent,either" doc:"Default: either for childcare, else person"`
	MinAge              *int   `json:"min_age,omitempty" nullable:"true"`
	MaxAge              *int   `json:"max_age,omitempty" nullable:"true"`
	Overlap             string `json:"overlap,omitempty" enum:"warn,block" doc:"Default: warn"`
	AutoCutoffMinutes   *int   `json:"auto_cutoff_minutes,omitempty" doc:"Default: 720"`
	OfferTTLMinutes     *int   `json:"offer_ttl_minutes,omitempty" doc:"Default: 60"`
	CancelCutoffMinutes *int   `json:"cancel_cutoff_minutes,omitempty" doc:"Default: 720"`
	ReminderMinutes     *[]int `json:"reminder_minutes,omitempty" doc:"Default: 1440 and 30"`
}

// ProgramPatch names the members of a program to change; null empties one.
type ProgramPatch struct {
	Slug                Member[string] `json:"slug,omitempty" nullable:"false"`
	Name                Member[string] `json:"name,omitempty" nullable:"false"`
	Kind                Member[string] `json:"kind,omitempty" nullable:"false" enum:"wellness,childcare,training,other"`
	Description         Member[string] `json:"description,omitempty"`
	Status              Member[string] `json:"status,omitempty" nullable:"false" enum:"draft,published,archived"`
	Participants        Member[string] `json:"participants,omitempty" nullable:"false" enum:"person,dependent,either"`
	MinAge              Member[int]    `json:"min_age,omitempty"`
	MaxAge              Member[int]    `json:"max_age,omitempty"`
	Overlap             Member[string] `json:"overlap,omitempty" nullable:"false" enum:"warn,block"`
	AutoCutoffMinutes   Member[int]    `json:"auto_cutoff_minutes,omitempty" nullable:"false"`
	OfferTTLMinutes     Member[int]    `json:"offer_ttl_minutes,omitempty" nullable:"false"`
	CancelCutoffMinutes Member[int]    `json:"cancel_cutoff_minutes,omitempty" nullable:"false"`
	ReminderMinutes     Member[[]int]  `json:"reminder_minutes,omitempty" doc:"null: the default, 1440 and 30"`
}

// Coordinator is who coordinates a program.
type Coordinator struct {
	ID    string `json:"id" doc:"The person's id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// ProgramPath names a program.
type ProgramPath struct {
	ID string `path:"id" doc:"The program's id or slug" maxLength:"64"`
}

func (s *server) programs() {
	op(s, operation{
		Method: http.MethodGet, Path: "/programs", ID: "list-programs", Tag: "Programs", Act: programs.ReadPrograms,
		Summary: "List the programs you see, by name",
	}, func(ctx context.Context, rq *door.Request, in *Paging) (*page[Program], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*page[Program], error) {
			list, cursor, err := v.Programs(rq.Actor, in.page())
			return pageOf(list, cursor, programForm), err
		})
	})
	op(s, operation{
		Method: http.MethodPost, Path: "/programs", ID: "create-program", Tag: "Programs", Act: programs.AddProgram, Status: http.StatusCreated,
		Summary: "Make a program", About: "A coordinator who makes a program coordinates it.",
	}, func(ctx context.Context, rq *door.Request, in *struct{ Body ProgramInput }) (*made[Program], error) {
		return act(ctx, s, rq, false, func(tx *store.Tx) (*made[Program], error) {
			p, err := tx.AddProgram(rq.Actor, in.Body.program())
			return &made[Program]{
				Status: http.StatusCreated, Location: base + "/programs/" + string(p.ID), ETag: door.ETag(string(p.ID), p.Version), Body: programForm(p),
			}, err
		})
	})
	op(s, operation{
		Method: http.MethodGet, Path: "/programs/{id}", ID: "read-program", Tag: "Programs", Act: programs.ReadPrograms,
		Summary: "Read a program",
	}, func(ctx context.Context, rq *door.Request, in *ProgramPath) (*single[Program], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*single[Program], error) {
			p, err := v.Program(rq.Actor, in.ID)
			return &single[Program]{ETag: door.ETag(string(p.ID), p.Version), Body: programForm(p)}, err
		})
	})
	op(s, operation{
		Method: http.MethodPatch, Path: "/programs/{id}", ID: "edit-program", Tag: "Programs", Act: programs.WritePrograms,
		Summary: "Change a program", Refusal: []int{409, 412, 428},
	}, func(ctx context.Context, rq *door.Request, in *struct {
		ProgramPath
		IfMatch string `header:"If-Match" doc:"The ETag of what the change was made from"`
		Body    ProgramPatch
	},
	) (*single[Program], error) {
		match, err := door.ParseIfMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		edit, err := in.Body.edit()
		if err != nil {
			return nil, err
		}
		return store.Write(ctx, s.Store, func(tx *store.Tx) (*single[Program], error) {
			before, err := tx.Program(rq.Actor, in.ID)
			if err != nil {
				return nil, err
			}
			if err := match.Required(); err != nil {
				return nil, err
			}
			if err := match.Check(string(before.ID), before.Version); err != nil {
				return nil, err
			}
			p, err := tx.EditProgram(rq.Actor, string(before.ID), before.Version, edit)
			return &single[Program]{ETag: door.ETag(string(p.ID), p.Version), Body: programForm(p)}, err
		})
	})
	s.coordinators()
}

func (s *server) coordinators() {
	type desk struct {
		ProgramPath
		PersonID string `path:"person_id" maxLength:"64"`
	}
	op(s, operation{
		Method: http.MethodGet, Path: "/programs/{id}/coordinators", ID: "list-coordinators", Tag: "Programs", Act: programs.WriteScopes,
		Summary: "List who coordinates a program",
	}, func(ctx context.Context, rq *door.Request, in *ProgramPath) (*page[Coordinator], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*page[Coordinator], error) {
			p, err := v.Program(rq.Actor, in.ID)
			if err != nil {
				return nil, err
			}
			list, err := v.Coordinators(rq.Actor, p.ID)
			return pageOf(list, "", func(p programs.Person) Coordinator {
				return Coordinator{ID: string(p.ID), Name: p.Name, Email: p.Email}
			}), err
		})
	})
	op(s, operation{
		Method: http.MethodPut, Path: "/programs/{id}/coordinators/{person_id}", ID: "grant-coordinator", Tag: "Programs", Act: programs.WriteScopes,
		Summary: "Let a person coordinate a program", About: "Granting twice is the same.", Refusal: []int{409},
	}, func(ctx context.Context, rq *door.Request, in *desk) (*done, error) {
		return store.Write(ctx, s.Store, func(tx *store.Tx) (*done, error) {
			p, err := tx.Program(rq.Actor, in.ID)
			if err != nil {
				return nil, err
			}
			return &done{}, tx.Grant(rq.Actor, p.ID, programs.PersonID(in.PersonID))
		})
	})
	op(s, operation{
		Method: http.MethodDelete, Path: "/programs/{id}/coordinators/{person_id}", ID: "revoke-coordinator", Tag: "Programs", Act: programs.WriteScopes,
		Summary: "Take a program's desk back", About: "Taking it back twice is the same.",
	}, func(ctx context.Context, rq *door.Request, in *desk) (*ended, error) {
		return act(ctx, s, rq, false, func(tx *store.Tx) (*ended, error) {
			p, err := tx.Program(rq.Actor, in.ID)
			if err != nil {
				return nil, err
			}
			return &ended{}, tx.Ungrant(rq.Actor, p.ID, programs.PersonID(in.PersonID))
		})
	})
}

func programForm(p programs.Program) Program {
	return Program{
		ID: string(p.ID), Slug: p.Slug, Name: p.Name, Kind: string(p.Kind), Description: p.Description, Status: string(p.Status),
		Participants: string(p.Participants), MinAge: p.MinAge, MaxAge: p.MaxAge, Overlap: string(p.Overlap),
		AutoCutoffMinutes: p.AutoCutoffMinutes, OfferTTLMinutes: p.OfferTTLMinutes, CancelCutoffMinutes: p.CancelCutoffMinutes,
		ReminderMinutes: each(p.ReminderMinutes, func(n int) int { return n }), CreatedAt: p.CreatedAt.String(), UpdatedAt: p.UpdatedAt.String(),
	}
}

func (in ProgramInput) program() programs.Program {
	p := programs.Defaults()
	p.Slug, p.Name, p.Kind, p.Description = in.Slug, in.Name, programs.Kind(in.Kind), in.Description
	p.Participants, p.MinAge, p.MaxAge = programs.Participants(in.Participants), in.MinAge, in.MaxAge
	if in.Status != "" {
		p.Status = programs.ProgramStatus(in.Status)
	}
	if in.Overlap != "" {
		p.Overlap = programs.Overlap(in.Overlap)
	}
	if in.AutoCutoffMinutes != nil {
		p.AutoCutoffMinutes = *in.AutoCutoffMinutes
	}
	if in.OfferTTLMinutes != nil {
		p.OfferTTLMinutes = *in.OfferTTLMinutes
	}
	if in.CancelCutoffMinutes != nil {
		p.CancelCutoffMinutes = *in.CancelCutoffMinutes
	}
	if in.ReminderMinutes != nil {
		p.ReminderMinutes = *in.ReminderMinutes
	}
	return p
}

func (in ProgramPatch) edit() (func(*programs.Program), error) {
	var e edits[programs.Program]
	set(&e, "body.slug", in.Slug, func(p *programs.Program, v string) { p.Slug = v })
	set(&e, "body.name", in.Name, func(p *programs.Program, v string) { p.Name = v })
	set(&e, "body.kind", in.Kind, func(p *programs.Program, v string) { p.Kind = programs.Kind(v) })
	clearable(&e, in.Description, func(p *programs.Program, v string) { p.Description = v })
	set(&e, "body.status", in.Status, func(p *programs.Program, v string) { p.Status = programs.ProgramStatus(v) })
	set(&e, "body.participants", in.Participants, func(p *programs.Program, v string) { p.Participants = programs.Participants(v) })
	pointed(&e, in.MinAge, func(p *programs.Program, v *int) { p.MinAge = v })
	pointed(&e, in.MaxAge, func(p *programs.Program, v *int) { p.MaxAge = v })
	set(&e, "body.overlap", in.Overlap, func(p *programs.Program, v string) { p.Overlap = programs.Overlap(v) })
	set(&e, "body.auto_cutoff_minutes", in.AutoCutoffMinutes, func(p *programs.Program, v int) { p.AutoCutoffMinutes = v })
	set(&e, "body.offer_ttl_minutes", in.OfferTTLMinutes, func(p *programs.Program, v int) { p.OfferTTLMinutes = v })
	set(&e, "body.cancel_cutoff_minutes", in.CancelCutoffMinutes, func(p *programs.Program, v int) { p.CancelCutoffMinutes = v })
	clearable(&e, in.ReminderMinutes, func(p *programs.Program, v []int) { p.ReminderMinutes = v })
	return e.apply()
}
