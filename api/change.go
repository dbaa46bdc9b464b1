package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// SeriesChangeInput is one save of a coordinator's to a series, or the question what it would do.
type SeriesChangeInput struct {
	Scope          string      `json:"scope" enum:"this,following,all" doc:"all: every session to come; following: from_session_id and every later one. The past is never edited"`
	FromSessionID  *string     `json:"from_session_id,omitempty" maxLength:"64" doc:"The session, or the first one; not with the scope all"`
	Set            SeriesPatch `json:"set" doc:"What to change; what is left out stays"`
	ResetOverrides bool        `json:"reset_overrides,omitempty" doc:"Sessions that say something of their own in an edited member lose it; else they are left alone"`
	Reason         *string     `json:"reason,omitempty" doc:"What those are told whose session is called off"`
	PreviewHash    *string     `json:"preview_hash,omitempty" maxLength:"64" doc:"From the preview's answer; required to apply, and of no account to a preview"`
}

// ChangePreview is what a change of a series does.
type ChangePreview struct {
	PreviewHash string            `json:"preview_hash" doc:"Names this preview when it is applied"`
	Summary     string            `json:"summary" doc:"What happens, in words"`
	Split       bool              `json:"split" doc:"The sessions from from_session_id on become a series of their own; sessions keep ids and sign-ups, enrollments go along"`
	Sessions    []SessionEffect   `json:"sessions" doc:"By the start that they have now, or will have"`
	People      []PersonEffect    `json:"people" doc:"Who is told: one notice a person"`
	Counts      ChangePreviewSums `json:"counts"`
}

// SessionEffect is what a change does to one session.
type SessionEffect struct {
	ID             *string  `json:"id" doc:"null: a new session"`
	Effect         string   `json:"effect" enum:"kept,changed,moved,added,dropped" doc:"kept: left alone; moved: in time or place; dropped: called off"`
	StartsAtBefore *string  `json:"starts_at_before" format:"date-time" doc:"null: a new session"`
	StartsAt       *string  `json:"starts_at" format:"date-time" doc:"null: it is called off"`
	LocalStart     string   `json:"local_start" doc:"Wall time in time_zone; of a session that is called off the one it had"`
	TimeZone       string   `json:"time_zone" doc:"IANA name"`
	Confirmed      int      `json:"confirmed" doc:"Confirmed places afterwards; of a session that is called off those it had"`
	Waitlisted     int      `json:"waitlisted" doc:"People on the waiting list, likewise"`
	Fields         []string `json:"fields" doc:"Names of what changes"`
}

// PersonEffect is the notice that a person gets.
type PersonEffect struct {
	PersonID string `json:"person_id"`
	Event    string `json:"event" doc:"X-Wellweek-Event of the mail: the gravest of what happens"`
	Sessions int    `json:"sessions" doc:"About how many sessions it is"`
}

// ChangePreviewSums counts sessions by effect, and people who are told.
type ChangePreviewSums struct {
	Kept    int `json:"kept"`
	Changed int `json:"changed"`
	Moved   int `json:"moved"`
	Added   int `json:"added"`
	Dropped int `json:"dropped"`
	People  int `json:"people"`
}

// SeriesChange is what a change of a series did.
type SeriesChange struct {
	ChangePreview
	SeriesID    string  `json:"series_id"`
	SuccessorID *string `json:"successor_id" doc:"The series of the sessions from the split on; null: there was no split"`
}

// madeChange is the answer to a change of a series.
type madeChange struct {
	Replay
	Location string `header:"Location" doc:"The address of the change"`
	Change   string `header:"X-Wellweek-Change" doc:"The id of the change that this request made"`
	Body     SeriesChange
}

// StaleProblem is the 409 of a preview that the world has moved on from, with the new one as an extension member (RFC 9457 section
// 3.2). Other conflicts have none.
type StaleProblem struct {
	door.Problem
	Preview *ChangePreview `json:"preview,omitempty" doc:"The new preview, when the preview_hash is of an older one"`
}

func (s *server) seriesChanges() {
	op(s, operation{
		Method: http.MethodPost, Path: "/series/{id}/changes/preview", ID: "preview-series-change", Tag: "Series", Act: programs.WritePrograms, Status: http.StatusOK,
		Summary: "See what a change of a series would do", About: "To each session, seat and person. Nothing stays of it, and applying it does exactly this.",
	}, func(ctx context.Context, rq *door.Request, in *struct {
		SeriesPath
		Body SeriesChangeInput
	},
	) (*told[ChangePreview], error) {
		edit, err := in.Body.edit()
		if err != nil {
			return nil, err
		}
		return aside(ctx, s, rq, func() (*told[ChangePreview], error) {
			c, err := store.PreviewSeriesChange(ctx, s.Store, rq.Actor, programs.SeriesID(in.ID), edit)
			if err != nil {
				return nil, inSet(err)
			}
			return &told[ChangePreview]{Body: changePreviewForm(c)}, nil
		})
	})
	apply := operation{
		Method: http.MethodPost, Path: "/series/{id}/changes", ID: "change-series", Tag: "Series", Act: programs.WritePrograms, Status: http.StatusCreated,
		Summary: "Change a series", About: "In one transaction, as the preview with this `preview_hash` said. When the world has moved on since, 409 with the new preview. " +
			"One change, and at most one notice a person; it can be undone while its mail is held.",
	}
	op(s, apply, func(ctx context.Context, rq *door.Request, in *struct {
		SeriesPath
		Body SeriesChangeInput
	},
	) (*madeChange, error) {
		edit, err := in.Body.edit()
		if err != nil {
			return nil, err
		}
		return act(ctx, s, rq, false, func(tx *store.Tx) (*madeChange, error) {
			c, err := tx.ChangeSeries(rq.Actor, programs.SeriesID(in.ID), edit, value(in.Body.PreviewHash))
			if err != nil {
				return nil, inSet(err)
			}
			id := string(tx.Change())
			out := &madeChange{Location: base + "/changes/" + id, Change: id, Body: SeriesChange{ChangePreview: changePreviewForm(c), SeriesID: string(c.Series.ID)}}
			if c.Successor != nil {
				out.Body.SuccessorID = text(c.Successor.ID)
			}
			return out, nil
		})
	})
	s.documented(apply).Responses["409"].Content["application/problem+json"].Schema = s.huma.OpenAPI().Components.Schemas.Schema(
		reflect.TypeFor[StaleProblem](), true, "StaleProblem",
	)
}

// staleProblem is the problem of a stale preview with the new one in it, or nil when the error is another.
func staleProblem(err error) *StaleProblem {
	stale, ok := errors.AsType[*store.StalePreview](err)
	if !ok {
		return nil
	}
	preview := changePreviewForm(stale.Preview)
	return &StaleProblem{Problem: *door.ProblemOf(stale), Preview: &preview}
}
