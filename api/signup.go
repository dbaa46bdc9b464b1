package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Signup is the claim of one participant on one session.
type Signup struct {
	ID             string  `json:"id"`
	SessionID      string  `json:"session_id"`
	PersonID       string  `json:"person_id" doc:"Who takes the seat, or the guardian who booked it"`
	DependentID    *string `json:"dependent_id" doc:"The child who takes the seat; null: the person"`
	State          string  `json:"state" enum:"requested,waitlisted,offered,confirmed,declined,lapsed,cancelled,closed"`
	Position       *int    `json:"position" doc:"1-based while waitlisted"`
	OfferExpiresAt *string `json:"offer_expires_at" format:"date-time"`
	Source         string  `json:"source" enum:"self,coordinator,enrollment,walk_in,import"`
	EndReason      *string `json:"end_reason"`
	CreatedAt      string  `json:"created_at" format:"date-time"`
}

// NewSignup is a sign-up that was just made, or that was there already.
type NewSignup struct {
	Signup
	Warnings []string `json:"warnings" doc:"Sentences to show beside the answer, such as an overlap"`
}

// RosterEntry is a sign-up with the participant's name.
type RosterEntry struct {
	Signup
	Name string `json:"name" doc:"The person's name, or the child's given name"`
}

// SignupInput says who takes the seat. Left out: the asker.
type SignupInput struct {
	PersonID    *string `json:"person_id,omitempty" doc:"Default: the asker; with dependent_id the guardian who books"`
	DependentID *string `json:"dependent_id,omitempty"`
	Mode        *string `json:"mode,omitempty" enum:"onsite,online" doc:"Default: onsite"`
}

// SignupPath names a sign-up.
type SignupPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (s *server) signups() {
	op(s, operation{
		Method: http.MethodPost, Path: "/sessions/{id}/signups", ID: "sign-up", Tag: "Sign-ups", Act: programs.TakeSeats, Status: http.StatusCreated, Also: http.StatusOK,
		Summary: "Take a seat, or a place on the waiting list", About: "A full session is no refusal: the answer is `waitlisted` with a `position`. " +
			"200 with the same sign-up when the participant is signed up already.",
	}, func(ctx context.Context, rq *door.Request, in *struct {
		SessionPath
		Body *SignupInput
	},
	) (*made[NewSignup], error) {
		j := store.Joiner{Session: programs.SessionID(in.ID)}
		if in.Body != nil {
			j.Person, j.Dependent = programs.PersonID(value(in.Body.PersonID)), programs.DependentID(value(in.Body.DependentID))
			j.Mode = programs.Mode(value(in.Body.Mode))
		}
		return act(ctx, s, rq, false, func(tx *store.Tx) (*made[NewSignup], error) {
			signup, fresh, warnings, err := tx.SignUp(rq.Actor, j)
			if err != nil {
				return nil, err
			}
			out := &made[NewSignup]{
				Status: http.StatusOK, Location: base + "/signups/" + string(signup.ID), ETag: door.ETag(string(signup.ID), signup.Version),
				Body: NewSignup{Signup: signupForm(signup), Warnings: each(warnings, func(w string) string { return w })},
			}
			if fresh {
				out.Status = http.StatusCreated
			}
			return out, nil
		})
	})
	op(s, operation{
		Method: http.MethodGet, Path: "/sessions/{id}/signups", ID: "read-roster", Tag: "Sign-ups", Act: programs.ReadRoster,
		Summary: "Read the roster of a session", About: "Every state, in the order of signing up. For coordinators of the program and facilitators of the session.",
	}, func(ctx context.Context, rq *door.Request, in *struct {
		SessionPath
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"1000"`
		Cursor string `query:"cursor" maxLength:"100"`
	},
	) (*page[RosterEntry], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*page[RosterEntry], error) {
			roster, err := v.Roster(rq.Actor, programs.SessionID(in.ID))
			if err != nil {
				return nil, err
			}
			roster, cursor, err := rosterPage(roster, in.Limit, in.Cursor)
			if err != nil {
				return nil, err
			}
			names, err := participantNames(v, roster)
			if err != nil {
				return nil, err
			}
			session, err := v.Session(programs.System(), programs.SessionID(in.ID))
			if err != nil {
				return nil, err
			}
			program, err := v.Program(programs.System(), string(session.ProgramID))
			if err != nil {
				return nil, err
			}
			return pageOf(roster, cursor, func(s programs.Signup) RosterEntry {
				return RosterEntry{Signup: signupForm(s), Name: rq.Actor.Shown(program, names[s.Participant()])}
			}), nil
		})
	})
	op(s, operation{
		Method: http.MethodGet, Path: "/signups/{id}", ID: "read-signup", Tag: "Sign-ups", Act: programs.TakeSeats,
		Summary: "Read a sign-up",
	}, func(ctx context.Context, rq *door.Request, in *SignupPath) (*single[Signup], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*single[Signup], error) {
			signup, err := v.Signup(rq.Actor, programs.SignupID(in.ID))
			return &single[Signup]{ETag: door.ETag(string(signup.ID), signup.Version), Body: signupForm(signup)}, err
		})
	})
	op(s, operation{
		Method: http.MethodDelete, Path: "/signups/{id}", ID: "cancel-signup", Tag: "Sign-ups", Act: programs.TakeSeats,
		Summary: "Give a seat or a place on the list up", About: "Cancelling twice is the same. A freed seat goes to the next in line in the same transaction.",
		Refusal: []int{412},
	}, func(ctx context.Context, rq *door.Request, in *struct {
		SignupPath
		IfMatch string `header:"If-Match" doc:"Optional: the ETag of the sign-up"`
	},
	) (*ended, error) {
		match, err := door.ParseIfMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		return act(ctx, s, rq, false, func(tx *store.Tx) (*ended, error) {
			before, err := tx.Signup(rq.Actor, programs.SignupID(in.ID))
			if err != nil {
				return nil, err
			}
			if err := match.Check(string(before.ID), before.Version); err != nil {
				return nil, err
			}
			_, err = tx.Cancel(rq.Actor, before.ID)
			return &ended{}, err
		})
	})
	op(s, operation{
		Method: http.MethodPost, Path: "/signups/{id}/acceptance", ID: "accept-offer", Tag: "Sign-ups", Act: programs.TakeSeats, Status: http.StatusOK,
		Summary: "Take an offered place", About: "Or a free one while the first click wins. Too late is 409.",
	}, func(ctx context.Context, rq *door.Request, in *SignupPath) (*acted[Signup], error) {
		return act(ctx, s, rq, false, func(tx *store.Tx) (*acted[Signup], error) {
			signup, err := tx.Accept(rq.Actor, programs.SignupID(in.ID))
			return &acted[Signup]{ETag: door.ETag(string(signup.ID), signup.Version), Body: signupForm(signup)}, err
		})
	})
}

func signupForm(s programs.Signup) Signup {
	out := Signup{
		ID: string(s.ID), SessionID: string(s.SessionID), PersonID: string(s.Person), DependentID: text(s.Dependent), State: string(s.State),
		OfferExpiresAt: instant(s.OfferExpiresAt), Source: string(s.Source), EndReason: text(s.EndReason), CreatedAt: s.CreatedAt.String(),
	}
	if s.Position > 0 {
		out.Position = &s.Position
	}
	return out
}

// rosterPage is the part of a roster behind the sign-up that the cursor names.
func rosterPage(roster []programs.Signup, limit int, cursor string) (part []programs.Signup, next string, err error) {
	if cursor != "" {
		id, ok := strings.CutPrefix(cursor, "after-")
		i := 0
		for i < len(roster) && string(roster[i].ID) != id {
			i++
		}
		if !ok || i == len(roster) {
			return nil, "", programs.Refuse(programs.Invalid, "The cursor is one that an earlier page answered as next_cursor.").At("query.cursor")
		}
		roster = roster[i+1:]
	}
	if len(roster) > limit {
		return roster[:limit], "after-" + string(roster[limit-1].ID), nil
	}
	return roster, "", nil
}

// participantNames are the names of who takes the seats: a person's name, a child's given name.
func participantNames(v *store.View, roster []programs.Signup) (map[string]string, error) {
	names := map[string]string{}
	for _, s := range roster {
		if _, known := names[s.Participant()]; known {
			continue
		}
		if s.Dependent == "" {
			p, err := v.Person(programs.System(), s.Person)
			if err != nil {
				return nil, err
			}
			names[s.Participant()] = p.Name
			continue
		}
		d, err := v.Dependent(s.Person, s.Dependent)
		if err != nil && !errors.Is(err, programs.NotFound) { // a guardianship that ended: the sign-up stays in the roster
			return nil, err
		}
		names[s.Participant()] = d.GivenName
	}
	return names, nil
}
