package api

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// SeriesPatch names the members of a series to change; null empties one.
type SeriesPatch struct {
	Title           Member[string]   `json:"title,omitempty" nullable:"false"`
	Description     Member[string]   `json:"description,omitempty" doc:"Markdown"`
	LocalStart      Member[string]   `json:"local_start,omitempty" nullable:"false" doc:"Wall time: its time of day is the new one; another date begins another pattern there"`
	TimeZone        Member[string]   `json:"time_zone,omitempty" nullable:"false" doc:"IANA name"`
	DurationMinutes Member[int]      `json:"duration_minutes,omitempty" nullable:"false"`
	RRule           Member[string]   `json:"rrule,omitempty" maxLength:"2000" doc:"As of a new series; null: a single date and the extra ones"`
	ExtraDates      Member[[]string] `json:"extra_dates,omitempty" maxItems:"520" doc:"Wall times: the whole list"`
	SkipDates       Member[[]string] `json:"skip_dates,omitempty" maxItems:"520" doc:"Local dates: the whole list"`
	Capacity        Member[int]      `json:"capacity,omitempty" doc:"null: unlimited"`
	Location        Member[string]   `json:"location,omitempty"`
	JoinURL         Member[string]   `json:"join_url,omitempty" doc:"http or https"`
	FacilitatorIDs  Member[[]string] `json:"facilitator_ids,omitempty" maxItems:"100" doc:"The whole list"`
	ReminderMinutes Member[[]int]    `json:"reminder_minutes,omitempty" doc:"null: the program's"`
}

// edit is the input as the domain has it. What cannot be read is refused (Invalid) at its member.
func (in SeriesChangeInput) edit() (programs.SeriesEdit, error) {
	out := programs.SeriesEdit{
		Scope: programs.Scope(in.Scope), From: programs.SessionID(value(in.FromSessionID)), Reset: in.ResetOverrides, Reason: value(in.Reason),
	}
	var e edits[programs.Set]
	p := in.Set
	set(&e, "body.set.title", p.Title, func(s *programs.Set, v string) { s.Title = &v })
	clearable(&e, p.Description, func(s *programs.Set, v string) { s.Description = &v })
	parsed(&e, "body.set.local_start", p.LocalStart, programs.ParseWall, func(s *programs.Set, v programs.Wall) { s.LocalStart = &v })
	set(&e, "body.set.time_zone", p.TimeZone, func(s *programs.Set, v string) { s.TimeZone = &v })
	set(&e, "body.set.duration_minutes", p.DurationMinutes, func(s *programs.Set, v int) { s.DurationMinutes = &v })
	clearable(&e, p.RRule, func(s *programs.Set, v string) { s.RRule = &v })
	listed(&e, "body.set.extra_dates", p.ExtraDates, programs.ParseWall, func(s *programs.Set, v []programs.Wall) { s.ExtraDates = &v })
	listed(&e, "body.set.skip_dates", p.SkipDates, programs.ParseDate, func(s *programs.Set, v []programs.Date) { s.SkipDates = &v })
	pointed(&e, p.Capacity, func(s *programs.Set, v *int) { s.Capacity = &v })
	clearable(&e, p.Location, func(s *programs.Set, v string) { s.Location = &v })
	clearable(&e, p.JoinURL, func(s *programs.Set, v string) { s.JoinURL = &v })
	clearable(&e, p.FacilitatorIDs, func(s *programs.Set, v []string) {
		people := each(v, func(id string) programs.PersonID { return programs.PersonID(id) })
		s.Facilitators = &people
	})
	clearable(&e, p.ReminderMinutes, func(s *programs.Set, v []int) { s.ReminderMinutes = &v })
	apply, err := e.apply()
	if err != nil {
		return out, err
	}
	apply(&out.Set)
	return out, nil
}

// listed adds the edit of a list whose texts must first be read; null empties it.
func listed[T, V any](e *edits[T], at string, m Member[[]string], parse func(string) (V, error), edit func(*T, []V)) {
	if !m.Set {
		return
	}
	var all []V
	for i, s := range m.Value {
		v, err := parse(s)
		if err != nil {
			e.fault(fmt.Sprintf("%s[%d]", at, i), err.Error())
			return
		}
		all = append(all, v)
	}
	e.list = append(e.list, func(t *T) { edit(t, all) })
}

// setMember is the place of a refusal about a member of a series, which is at the top of a SeriesInput and one deeper here.
var setMember = regexp.MustCompile(`^body\.(title|description|local_start|time_zone|duration_minutes|rrule|extra_dates|skip_dates|capacity|location|join_url|facilitator_ids|reminder_minutes)\b`)

// inSet makes the domain's refusals of members of a series point into set.
func inSet(err error) error {
	refused, ok := err.(*programs.Error) // not one that another error wraps: that is more than its refusal
	if !ok {
		return err
	}
	moved := *refused
	moved.Where = each(refused.Where, func(l programs.Location) programs.Location {
		l.Where = setMember.ReplaceAllString(l.Where, "body.set.$1")
		return l
	})
	return &moved
}

func changePreviewForm(c store.SeriesChange) ChangePreview {
	out := ChangePreview{
		PreviewHash: c.Hash, Split: c.Successor != nil,
		Sessions: each(c.Sessions, sessionEffectForm),
		People: each(c.People, func(p store.PersonEffect) PersonEffect {
			return PersonEffect{PersonID: string(p.Person), Event: p.Event, Sessions: p.Sessions}
		}),
	}
	n := &out.Counts
	n.People = len(c.People)
	for _, x := range c.Sessions {
		switch x.Effect {
		case programs.EffectKept:
			n.Kept++
		case programs.EffectChanged:
			n.Changed++
		case programs.EffectMoved:
			n.Moved++
		case programs.EffectAdded:
			n.Added++
		case programs.EffectDropped:
			n.Dropped++
		}
	}
	out.Summary = n.words(out.Split)
	return out
}

func sessionEffectForm(x programs.SessionEffect) SessionEffect {
	shown := x.After
	if x.Effect == programs.EffectDropped || x.Effect == programs.EffectKept {
		shown = x.Before
	}
	out := SessionEffect{
		ID: text(x.Before.ID), Effect: string(x.Effect), StartsAtBefore: instant(x.Before.StartsAt), StartsAt: instant(shown.StartsAt),
		LocalStart: shown.LocalStart.String(), TimeZone: shown.TimeZone, Confirmed: shown.Confirmed(), Waitlisted: shown.Waiting, Fields: fieldNames(x.Fields.Names()),
	}
	if x.Effect == programs.EffectDropped {
		out.StartsAt = nil
	}
	return out
}

// words are the sums in sentences.
func (n ChangePreviewSums) words(split bool) string {
	var said []string
	count := func(n int, noun, nouns, verb, verbs string) {
		switch {
		case n == 1:
			said = append(said, fmt.Sprintf("1 %s %s.", noun, verb))
		case n > 1:
			said = append(said, fmt.Sprintf("%d %s %s.", n, nouns, verbs))
		}
	}
	if split {
		said = append(said, "The series is split in two.")
	}
	count(n.Moved, "session", "sessions", "moves", "move")
	count(n.Changed, "session", "sessions", "changes, but stays when and where it is", "change, but stay when and where they are")
	count(n.Added, "session", "sessions", "is added", "are added")
	count(n.Dropped, "session", "sessions", "is called off", "are called off")
	count(n.Kept, "session", "sessions", "stays as it is", "stay as they are")
	if n.People == 0 {
		said = append(said, "Nobody is told.")
	}
	count(n.People, "person", "people", "is told", "are told")
	return strings.Join(said, " ")
}
