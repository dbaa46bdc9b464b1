package api

import (
	"context"
	"net/http"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Enrollment is the standing intent of one participant to attend every session of a series, minus the skipped ones.
type Enrollment struct {
	ID                string   `json:"id"`
	SeriesID          string   `json:"series_id"`
	PersonID          string   `json:"person_id" doc:"Who takes the seats, or the guardian who books them"`
	DependentID       *string  `json:"dependent_id" doc:"The child who takes the seats; null: the person"`
	Mode              string   `json:"mode" enum:"onsite,online"`
	Status            string   `json:"status" enum:"active,paused,ended"`
	SessionIDsSkipped []string `json:"session_ids_skipped" doc:"Dates that are left out on purpose"`
	CreatedAt         string   `json:"created_at" format:"date-time"`
	UpdatedAt         string   `json:"updated_at" format:"date-time"`
}

// Enrolled is an enrollment with what became of each date to come.
type Enrolled struct {
	Enrollment
	Signups []Signup      `json:"signups" doc:"By start; those that were there before are adopted, not doubled"`
	LeftOut []LeftOutDate `json:"left_out" doc:"Dates that this request could not join"`
}

// LeftOutDate is a date that an enrollment could not join.
type LeftOutDate struct {
	SessionID string `json:"session_id"`
	Reason    string `json:"reason" doc:"One sentence"`
}

// EnrollmentInput says who takes the seats. Left out: the asker.
type EnrollmentInput struct {
	PersonID    *string `json:"person_id,omitempty" doc:"Default: the asker; with dependent_id the guardian who books"`
	DependentID *string `json:"dependent_id,omitempty"`
	Mode        *string `json:"mode,omitempty" enum:"onsite,online" doc:"Default: onsite"`
}

// SkipsInput is the whole set of skipped dates.
type SkipsInput struct {
	SessionIDs []string `json:"session_ids" maxItems:"520" doc:"Sessions of the series; one left out is taken back and joined at the tail"`
}

// EnrollmentPath names an enrollment.
type EnrollmentPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (s *server) enrollments() {
	op(s, operation{
		Method: http.MethodPost, Path: "/series/{id}/enrollments", ID: "enroll", Tag: "Enrollments", Act: programs.TakeSeats,
		Status: http.StatusCreated, Also: http.StatusOK,
		Summary: "Take a seat in every session of a series", About: "Each date to come is `confirmed` or `waitlisted` by itself, dates that do not fit are left out with the " +
			"reason, and new dates join by themselves. 200 with the same enrollment when there is one already.",
	}, func(ctx context.Context, rq *door.Request, in *struct {
		SeriesPath
		Body *EnrollmentInput
	},
	) (*made[Enrolled], error) {
		var j store.Joiner
		if in.Body != nil {
			j.Person, j.Dependent = programs.PersonID(value(in.Body.PersonID)), programs.DependentID(value(in.Body.DependentID))
			j.Mode = programs.Mode(value(in.Body.Mode))
		}
		return act(ctx, s, rq, false, func(tx *store.Tx) (*made[Enrolled], error) {
			enrolling, fresh, err := tx.Enroll(rq.Actor, programs.SeriesID(in.ID), j)
			if err != nil {
				return nil, err
			}
			e := enrolling.Enrollment
			out := &made[Enrolled]{
				Status: http.StatusOK, Location: base + "/enrollments/" + string(e.ID), ETag: door.ETag(string(e.ID), e.Version), Body: enrolledForm(enrolling),
			}
			if fresh {
				out.Status = http.StatusCreated
			}
			return out, nil
		})
	})
	op(s, operation{
		Method: http.MethodGet, Path: "/me/enrollments", ID: "list-my-enrollments", Tag: "Me", Act: programs.ReadSelf,
		Summary: "List your active enrollments and those you made for your children, oldest first",
	}, func(ctx context.Context, rq *door.Request, _ *struct{}) (*page[Enrollment], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*page[Enrollment], error) {
			list, err := v.Enrollments(rq.Actor.Person)
			return pageOf(list, "", enrollmentForm), err
		})
	})
	op(s, operation{
		Method: http.MethodGet, Path: "/enrollments/{id}", ID: "read-enrollment", Tag: "Enrollments", Act: programs.TakeSeats,
		Summary: "Read an enrollment",
	}, func(ctx context.Context, rq *door.Request, in *EnrollmentPath) (*single[Enrollment], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*single[Enrollment], error) {
			e, err := v.Enrollment(rq.Actor, programs.EnrollmentID(in.ID))
			return &single[Enrollment]{ETag: door.ETag(string(e.ID), e.Version), Body: enrollmentForm(e)}, err
		})
	})
	op(s, operation{
		Method: http.MethodPut, Path: "/enrollments/{id}/skips", ID: "set-skips", Tag: "Enrollments", Act: programs.TakeSeats,
		Summary: "Say which dates of an enrollment are skipped", About: "The body is the whole set. A date that is new in it gives its seat to the next in line; a date that is no " +
			"longer in it is joined again, at the tail.",
		Refusal: []int{409},
	}, func(ctx context.Context, rq *door.Request, in *struct {
		EnrollmentPath
		Body SkipsInput
	},
	) (*single[Enrolled], error) {
		skips := each(in.Body.SessionIDs, func(id string) programs.SessionID { return programs.SessionID(id) })
		return store.Write(ctx, s.Store, func(tx *store.Tx) (*single[Enrolled], error) {
			enrolling, err := tx.Skip(rq.Actor, programs.EnrollmentID(in.ID), skips)
			e := enrolling.Enrollment
			return &single[Enrolled]{ETag: door.ETag(string(e.ID), e.Version), Body: enrolledForm(enrolling)}, err
		})
	})
	op(s, operation{
		Method: http.MethodDelete, Path: "/enrollments/{id}", ID: "end-enrollment", Tag: "Enrollments", Act: programs.TakeSeats,
		Summary: "End an enrollment", About: "Its seats in sessions to come go to the next in line; sessions joined one by one stay. Ending twice is the same.",
		Refusal: []int{412},
	}, func(ctx context.Context, rq *door.Request, in *struct {
		EnrollmentPath
		IfMatch string `header:"If-Match" doc:"Optional: the ETag of the enrollment"`
	},
	) (*ended, error) {
		match, err := door.ParseIfMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		return act(ctx, s, rq, false, func(tx *store.Tx) (*ended, error) {
			before, err := tx.Enrollment(rq.Actor, programs.EnrollmentID(in.ID))
			if err != nil {
				return nil, err
			}
			if err := match.Check(string(before.ID), before.Version); err != nil {
				return nil, err
			}
			return &ended{}, tx.EndEnrollment(rq.Actor, before.ID)
		})
	})
}

func enrollmentForm(e programs.Enrollment) Enrollment {
	return Enrollment{
		ID: string(e.ID), SeriesID: string(e.Series), PersonID: string(e.Person), DependentID: text(e.Dependent), Mode: string(e.Mode), Status: string(e.Status),
		SessionIDsSkipped: each(e.Skips, func(id programs.SessionID) string { return string(id) }),
		CreatedAt:         e.CreatedAt.String(), UpdatedAt: e.UpdatedAt.String(),
	}
}

func enrolledForm(e store.Enrolling) Enrolled {
	return Enrolled{
		Enrollment: enrollmentForm(e.Enrollment), Signups: each(e.Signups, signupForm),
		LeftOut: each(e.LeftOut, func(l programs.LeftOut) LeftOutDate {
			return LeftOutDate{SessionID: string(l.Session), Reason: l.Reason.Error()}
		}),
	}
}
