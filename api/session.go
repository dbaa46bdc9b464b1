package api

import (
	"context"
	"net/http"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Session is one dated meeting, as the asker sees it.
type Session struct {
	ID              string        `json:"id"`
	SeriesID        string        `json:"series_id"`
	ProgramID       string        `json:"program_id"`
	Title           string        `json:"title"`
	Description     string        `json:"description" doc:"Markdown"`
	StartsAt        string        `json:"starts_at" format:"date-time"`
	EndsAt          string        `json:"ends_at" format:"date-time"`
	LocalStart      string        `json:"local_start" doc:"Wall time in time_zone"`
	TimeZone        string        `json:"time_zone" doc:"IANA name"`
	DurationMinutes int           `json:"duration_minutes"`
	Status          string        `json:"status" enum:"draft,scheduled,cancelled,completed,finalized,skipped"`
	Capacity        *int          `json:"capacity" doc:"null: unlimited"`
	Confirmed       int           `json:"confirmed" doc:"Confirmed places"`
	Waitlisted      int           `json:"waitlisted" doc:"People on the waiting list"`
	Location        string        `json:"location"`
	JoinURL         *string       `json:"join_url,omitempty" doc:"Only for coordinators of the program"`
	Facilitators    []Facilitator `json:"facilitators"`
	Sequence        int           `json:"sequence" doc:"iCalendar SEQUENCE: rises with time, place, cancelled and put back on"`
	CancelReason    *string       `json:"cancel_reason"`
	MySignup        Maybe[Signup] `json:"my_signup" doc:"Your own sign-up: the active one, else the latest; null: none"`
}

// Facilitator is who leads a session.
type Facilitator struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// SessionPatch names the members of a session to change; null empties one.
type SessionPatch struct {
	Title           Member[string] `json:"title,omitempty" nullable:"false"`
	Description     Member[string] `json:"description,omitempty"`
	LocalStart      Member[string] `json:"local_start,omitempty" nullable:"false" doc:"Wall time in time_zone"`
	TimeZone        Member[string] `json:"time_zone,omitempty" nullable:"false"`
	DurationMinutes Member[int]    `json:"duration_minutes,omitempty" nullable:"false"`
	Capacity        Member[int]    `json:"capacity,omitempty" doc:"null: unlimited"`
	Location        Member[string] `json:"location,omitempty"`
	JoinURL         Member[string] `json:"join_url,omitempty"`
}

// SessionPath names a session.
type SessionPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (s *server) sessions() {
	op(s, operation{
		Method: http.MethodGet, Path: "/sessions", ID: "list-sessions", Tag: "Sessions", Act: programs.ReadPrograms,
		Summary: "List sessions by start", About: "Sessions that start in `[from, to)`, cancelled ones included; `draft` and `skipped` for coordinators only.",
		Refusal: []int{404},
	}, func(ctx context.Context, rq *door.Request, in *struct {
		From      string `query:"from" doc:"Instant, inclusive" maxLength:"40"`
		To        string `query:"to" doc:"Instant, exclusive" maxLength:"40"`
		ProgramID string `query:"program_id" maxLength:"64" doc:"The program's id or slug"`
		SeriesID  string `query:"series_id" maxLength:"64"`
		Paging
	},
	) (*page[Session], error) {
		from, err := queryInstant("from", in.From)
		if err != nil {
			return nil, err
		}
		until, err := queryInstant("to", in.To)
		if err != nil {
			return nil, err
		}
		return store.Read(ctx, s.Store, func(v *store.View) (*page[Session], error) {
			f := store.SessionFilter{From: from, Until: until, Program: programs.ProgramID(in.ProgramID), Series: programs.SeriesID(in.SeriesID), Page: in.page()}
			if in.ProgramID != "" {
				p, err := v.Program(rq.Actor, in.ProgramID)
				if err != nil {
					return nil, at(err, "query.program_id")
				}
				f.Program = p.ID
			}
			found, cursor, err := v.Sessions(rq.Actor, f)
			if err != nil {
				return nil, err
			}
			forms, err := sessionForms(v, rq.Actor, found)
			return pageOf(forms, cursor, func(s Session) Session { return s }), err
		})
	})
	op(s, operation{
		Method: http.MethodGet, Path: "/sessions/{id}", ID: "read-session", Tag: "Sessions", Act: programs.ReadPrograms,
		Summary: "Read a session",
	}, func(ctx context.Context, rq *door.Request, in *SessionPath) (*single[Session], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*single[Session], error) {
			session, err := v.Session(rq.Actor, programs.SessionID(in.ID))
			if err != nil {
				return nil, err
			}
			forms, err := sessionForms(v, rq.Actor, []programs.Session{session})
			if err != nil {
				return nil, err
			}
			return &single[Session]{ETag: sessionTag(session), Body: forms[0]}, nil
		})
	})
	op(s, operation{
		Method: http.MethodPatch, Path: "/sessions/{id}", ID: "edit-session", Tag: "Sessions", Act: programs.WritePrograms,
		Summary: "Move, rename or resize one session", Refusal: []int{409, 412, 428},
		About: "A capacity below the seats held is refused. More capacity promotes from the waiting list in the same transaction.",
	}, func(ctx context.Context, rq *door.Request, in *struct {
		SessionPath
		IfMatch string `header:"If-Match" doc:"The ETag of what the change was made from; its counts are not compared"`
		Body    SessionPatch
	},
	) (*changed[Session], error) {
		match, err := door.ParseIfMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		edit, err := in.Body.edit()
		if err != nil {
			return nil, err
		}
		return store.Write(ctx, s.Store, func(tx *store.Tx) (*changed[Session], error) {
			return changeSession(tx, rq, in.ID, func(before programs.Session) (programs.Session, error) {
				if err := match.Required(); err != nil {
					return before, err
				}
				if err := match.Check(string(before.ID), before.Version); err != nil {
					return before, err
				}
				return tx.EditSession(rq.Actor, before.ID, before.Version, edit)
			})
		})
	})
}

// changeSession runs a coordinator's verb on a session that the asker sees.
func changeSession(tx *store.Tx, rq *door.Request, id string, verb func(programs.Session) (programs.Session, error)) (*changed[Session], error) {
	before, err := tx.Session(rq.Actor, programs.SessionID(id))
	if err != nil {
		return nil, err
	}
	after, err := verb(before)
	if err != nil {
		return nil, err
	}
	forms, err := sessionForms(&tx.View, rq.Actor, []programs.Session{after})
	if err != nil {
		return nil, err
	}
	return &changed[Session]{ETag: sessionTag(after), Change: string(tx.Change()), Body: forms[0]}, nil
}

func sessionTag(s programs.Session) string { return door.ETag(string(s.ID), s.Version, s.Counts) }

// sessionForms are sessions as the asker sees them, with facilitators and own sign-ups in two reads for the whole list.
func sessionForms(v *store.View, a programs.Actor, sessions []programs.Session) ([]Session, error) {
	ids := make([]programs.SessionID, len(sessions))
	for i, s := range sessions {
		ids[i] = s.ID
	}
	leads, err := v.Facilitators(ids)
	if err != nil {
		return nil, err
	}
	mine := map[programs.SessionID]programs.Signup{}
	if a.Person != "" {
		if mine, err = v.MySignups(a.Person, ids); err != nil {
			return nil, err
		}
	}
	out := make([]Session, len(sessions))
	for i, s := range sessions {
		out[i] = Session{
			ID: string(s.ID), SeriesID: string(s.SeriesID), ProgramID: string(s.ProgramID), Title: s.Title, Description: s.Description,
			StartsAt: s.StartsAt.String(), EndsAt: s.EndsAt.String(), LocalStart: s.LocalStart.String(), TimeZone: s.TimeZone,
			DurationMinutes: s.DurationMinutes, Status: string(s.Status), Capacity: s.Capacity, Confirmed: s.Confirmed(), Waitlisted: s.Waiting,
			Location: s.Location, Sequence: s.Sequence, CancelReason: text(s.CancelReason),
			Facilitators: each(leads[s.ID], func(p programs.Person) Facilitator { return Facilitator{ID: string(p.ID), Name: p.Name} }),
		}
		if a.Coordinates(s.ProgramID) {
			out[i].JoinURL = &s.JoinURL
		}
		if signup, ok := mine[s.ID]; ok {
			form := signupForm(signup)
			out[i].MySignup.Value = &form
		}
	}
	return out, nil
}

func (in SessionPatch) edit() (func(*programs.Details), error) {
	var e edits[programs.Details]
	set(&e, "body.title", in.Title, func(d *programs.Details, v string) { d.Title = v })
	clearable(&e, in.Description, func(d *programs.Details, v string) { d.Description = v })
	parsed(&e, "body.local_start", in.LocalStart, programs.ParseWall, func(d *programs.Details, v programs.Wall) { d.LocalStart = v })
	set(&e, "body.time_zone", in.TimeZone, func(d *programs.Details, v string) { d.TimeZone = v })
	set(&e, "body.duration_minutes", in.DurationMinutes, func(d *programs.Details, v int) { d.DurationMinutes = v })
	pointed(&e, in.Capacity, func(d *programs.Details, v *int) { d.Capacity = v })
	clearable(&e, in.Location, func(d *programs.Details, v string) { d.Location = v })
	clearable(&e, in.JoinURL, func(d *programs.Details, v string) { d.JoinURL = v })
	return e.apply()
}
