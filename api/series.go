package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// SeriesInput makes a series, or previews one.
type SeriesInput struct {
	ProgramID       string   `json:"program_id" doc:"The program's id or slug"`
	Title           string   `json:"title"`
	Description     string   `json:"description,omitempty" doc:"Markdown"`
	LocalStart      string   `json:"local_start" doc:"The first date as a wall time, such as 2026-12-01T12:30; it is a date of its own rule"`
	TimeZone        string   `json:"time_zone" doc:"IANA name"`
	DurationMinutes int      `json:"duration_minutes" doc:"Elapsed minutes, also across a clock change"`
	RRule           string   `json:"rrule,omitempty" maxLength:"2000" doc:"RFC 5545 text of the supported subset: DAILY, WEEKLY, MONTHLY and YEARLY with INTERVAL, BYDAY, BYMONTHDAY, WKST, and COUNT or UNTIL or neither; empty for a single date"`
	ExtraDates      []string `json:"extra_dates,omitempty" maxItems:"520" doc:"Wall times beside the rule"`
	SkipDates       []string `json:"skip_dates,omitempty" maxItems:"520" doc:"Local dates of the rule that do not take place"`
	Blackouts       string   `json:"blackouts,omitempty" enum:"skip,keep,ask" doc:"What becomes of dates on a blackout; default: skip"`
	Capacity        *int     `json:"capacity,omitempty" nullable:"true" doc:"null: unlimited, the default"`
	Location        string   `json:"location,omitempty"`
	JoinURL         string   `json:"join_url,omitempty" doc:"http or https"`
	FacilitatorIDs  []string `json:"facilitator_ids,omitempty" maxItems:"100"`
	ReminderMinutes *[]int   `json:"reminder_minutes,omitempty" nullable:"true" doc:"Default: the program's"`
	Status          string   `json:"status,omitempty" enum:"draft,active" doc:"Default: active"`
}

// Series is a pattern of dates and the template of its sessions.
type Series struct {
	ID              string   `json:"id"`
	ProgramID       string   `json:"program_id"`
	Title           string   `json:"title"`
	Description     string   `json:"description"`
	LocalStart      string   `json:"local_start" doc:"Wall time of the first date"`
	TimeZone        string   `json:"time_zone" doc:"IANA name"`
	DurationMinutes int      `json:"duration_minutes"`
	RRule           string   `json:"rrule" doc:"Empty: a single date and the extra ones"`
	ExtraDates      []string `json:"extra_dates" doc:"Wall times"`
	SkipDates       []string `json:"skip_dates" doc:"Local dates"`
	Capacity        *int     `json:"capacity" doc:"null: unlimited"`
	Location        string   `json:"location"`
	JoinURL         string   `json:"join_url"`
	FacilitatorIDs  []string `json:"facilitator_ids"`
	ReminderMinutes *[]int   `json:"reminder_minutes" nullable:"true" doc:"null: the program's"`
	Status          string   `json:"status" enum:"draft,active,ended,cancelled,split"`
	CreatedAt       string   `json:"created_at" format:"date-time"`
	UpdatedAt       string   `json:"updated_at" format:"date-time"`
}

// SeriesPath names a series.
type SeriesPath struct {
	ID string `path:"id" maxLength:"64"`
}

// NewSeries is a series that was just made.
type NewSeries struct {
	Series
	Warnings []string `json:"warnings" doc:"Sentences about dates that are odd: clock changes, clashes"`
}

// SeriesPreview is what a series would be.
type SeriesPreview struct {
	Summary  string           `json:"summary" doc:"The rule in words"`
	Sessions []PreviewSession `json:"sessions" doc:"By starts_at, all in one answer"`
}

// PreviewSession is one date of a preview.
type PreviewSession struct {
	LocalStart string   `json:"local_start" doc:"Wall time"`
	StartsAt   string   `json:"starts_at" format:"date-time"`
	EndsAt     string   `json:"ends_at" format:"date-time"`
	Status     string   `json:"status" enum:"free,clash,skipped"`
	Notes      []string `json:"notes" doc:"What is odd about this date"`
}

// madeSeries is the answer to a new series.
type madeSeries struct {
	Replay
	Location string `header:"Location" doc:"The address of the series"`
	ETag     string `header:"ETag" doc:"Strong: the id and version of the series"`
	Change   string `header:"X-Wellweek-Change" doc:"The id of the change that this request made"`
	Body     NewSeries
}

func (s *server) series() {
	op(s, operation{
		Method: http.MethodPost, Path: "/series/preview", ID: "preview-series", Tag: "Series", Act: programs.WritePrograms, Status: http.StatusOK,
		Summary: "See what a series would be", About: "Writes nothing, and takes starts in the past too. An open-ended rule answers the 400 days from the later of its start and now.",
		Refusal: []int{404},
	}, func(ctx context.Context, rq *door.Request, in *struct{ Body SeriesInput }) (*told[SeriesPreview], error) {
		series, err := in.Body.series()
		if err != nil {
			return nil, err
		}
		return look(ctx, s, rq, func(v *store.View) (*told[SeriesPreview], error) {
			series, err := inProgram(v, rq.Actor, series)
			if err != nil {
				return nil, err
			}
			p, err := v.Preview(rq.Actor, series)
			return &told[SeriesPreview]{Body: previewForm(p)}, err
		})
	})
	op(s, operation{
		Method: http.MethodGet, Path: "/series", ID: "list-series", Tag: "Series", Act: programs.WritePrograms,
		Summary: "List the series of your programs",
	}, func(ctx context.Context, rq *door.Request, in *Paging) (*page[Series], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*page[Series], error) {
			list, cursor, err := v.SeriesList(rq.Actor, in.page())
			return pageOf(list, cursor, seriesForm), err
		})
	})
	op(s, operation{
		Method: http.MethodPost, Path: "/series", ID: "create-series", Tag: "Series", Act: programs.WritePrograms, Status: http.StatusCreated,
		Summary: "Make a series with its sessions", About: "Refused when all its dates are past; else past dates are stored as `completed`, never announced and without sign-ups.",
		Refusal: []int{404},
	}, func(ctx context.Context, rq *door.Request, in *struct{ Body SeriesInput }) (*madeSeries, error) {
		series, err := in.Body.series()
		if err != nil {
			return nil, err
		}
		return act(ctx, s, rq, false, func(tx *store.Tx) (*madeSeries, error) {
			series, err := inProgram(&tx.View, rq.Actor, series)
			if err != nil {
				return nil, err
			}
			stored, warnings, err := tx.Schedule(rq.Actor, series)
			if err != nil {
				return nil, err
			}
			return &madeSeries{
				Location: base + "/series/" + string(stored.ID), ETag: door.ETag(string(stored.ID), stored.Version), Change: string(tx.Change()),
				Body: NewSeries{Series: seriesForm(stored), Warnings: each(warnings, func(w string) string { return w })},
			}, nil
		})
	})
	op(s, operation{
		Method: http.MethodGet, Path: "/series/{id}", ID: "read-series", Tag: "Series", Act: programs.WritePrograms,
		Summary: "Read a series",
	}, func(ctx context.Context, rq *door.Request, in *SeriesPath) (*single[Series], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*single[Series], error) {
			series, err := v.Series(rq.Actor, programs.SeriesID(in.ID))
			return &single[Series]{ETag: door.ETag(string(series.ID), series.Version), Body: seriesForm(series)}, err
		})
	})
}

// inProgram replaces the slug by which a body may name its program.
func inProgram(v *store.View, a programs.Actor, s programs.Series) (programs.Series, error) {
	p, err := v.Program(a, string(s.ProgramID))
	s.ProgramID = p.ID
	return s, at(err, "body.program_id")
}

func (in SeriesInput) series() (programs.Series, error) {
	s := programs.Series{
		ProgramID: programs.ProgramID(in.ProgramID),
		Details: programs.Details{
			Title: in.Title, Description: in.Description, TimeZone: in.TimeZone, DurationMinutes: in.DurationMinutes,
			Capacity: in.Capacity, Location: in.Location, JoinURL: in.JoinURL,
		},
		RRule: in.RRule, Status: programs.SeriesStatus(in.Status),
	}
	var err error
	if s.LocalStart, err = programs.ParseWall(in.LocalStart); err != nil {
		return s, at(err, "body.local_start")
	}
	for i, text := range in.ExtraDates {
		w, err := programs.ParseWall(text)
		if err != nil {
			return s, at(err, fmt.Sprintf("body.extra_dates[%d]", i))
		}
		s.ExtraDates = append(s.ExtraDates, w)
	}
	for i, text := range in.SkipDates {
		d, err := programs.ParseDate(text)
		if err != nil {
			return s, at(err, fmt.Sprintf("body.skip_dates[%d]", i))
		}
		s.SkipDates = append(s.SkipDates, d)
	}
	for _, id := range in.FacilitatorIDs {
		s.Facilitators = append(s.Facilitators, programs.PersonID(id))
	}
	if in.ReminderMinutes != nil {
		s.ReminderMinutes = append([]int{}, *in.ReminderMinutes...)
	}
	return s, nil
}

func seriesForm(s programs.Series) Series {
	out := Series{
		ID: string(s.ID), ProgramID: string(s.ProgramID), Title: s.Title, Description: s.Description,
		LocalStart: s.LocalStart.String(), TimeZone: s.TimeZone, DurationMinutes: s.DurationMinutes, RRule: s.RRule,
		ExtraDates: each(s.ExtraDates, programs.Wall.String), SkipDates: each(s.SkipDates, programs.Date.String),
		Capacity: s.Capacity, Location: s.Location, JoinURL: s.JoinURL,
		FacilitatorIDs: each(s.Facilitators, func(id programs.PersonID) string { return string(id) }),
		Status:         string(s.Status), CreatedAt: s.CreatedAt.String(), UpdatedAt: s.UpdatedAt.String(),
	}
	if s.ReminderMinutes != nil {
		out.ReminderMinutes = &s.ReminderMinutes
	}
	return out
}

func previewForm(p programs.Preview) SeriesPreview {
	return SeriesPreview{Summary: p.Summary, Sessions: each(p.Sessions, func(s programs.PreviewSession) PreviewSession {
		return PreviewSession{
			LocalStart: s.Wall.String(), StartsAt: s.StartsAt.String(), EndsAt: s.EndsAt.String(), Status: string(s.Status),
			Notes: each(s.Notes, func(n string) string { return n }),
		}
	})}
}
