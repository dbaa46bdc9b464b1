package programs

import (
	"math"
	"slices"
)

// Scope is how many sessions of a series an edit means.
type Scope string

// The scopes of an edit. The past is never edited (V3).
const (
	ThisSession Scope = "this"      // one session
	Following   Scope = "following" // it and every later one
	AllSessions Scope = "all"       // every session to come
)

// Set names the members of a series to change; nil leaves one as it is.
type Set struct {
	Title           *string
	Description     *string
	LocalStart      *Wall // its time of day is the new one; its date, where it differs, the first of the new pattern
	TimeZone        *string
	DurationMinutes *int
	Capacity        **int
	Location        *string
	JoinURL         *string
	RRule           *string
	ExtraDates      *[]Wall
	SkipDates       *[]Date
	Facilitators    *[]PersonID
	ReminderMinutes *[]int
}

// SeriesEdit is one save of a coordinator's to a series.
type SeriesEdit struct {
	Scope  Scope
	From   SessionID // the session, or the first one; empty with AllSessions
	Set    Set
	Reset  bool   // sessions that say something of their own in an edited field lose it
	Reason string // told to those whose session is dropped
}

// Effect is what an edit does to one session.
type Effect string

// The effects of an edit.
const (
	EffectKept    Effect = "kept"    // it says something of its own in every edited field, and stays
	EffectChanged Effect = "changed" // text, capacity, link: no calendar moves
	EffectMoved   Effect = "moved"   // time, date or place
	EffectAdded   Effect = "added"
	EffectDropped Effect = "dropped" // called off
)

// SessionEffect is one line of a plan. Before is zero for an added session; of After only what an edit decides is set then.
type SessionEffect struct {
	Effect Effect
	Before Session
	After  Session
	Fields Fields
	New    Occurrence // for an added session
}

// SeriesPlan is everything that an edit does to a series and its sessions. Making it changes nothing.
type SeriesPlan struct {
	Series    Series  // as it is afterwards; the part before the split, if there is one
	Successor *Series // what the sessions from the split on belong to then, without an id; nil: no split (V2)
	From      string  // with a split: the first slot that belongs to the successor
	Sessions  []SessionEffect
	Skipped   []Occurrence // new dates that are skipped: stored, and never announced
}

// PlanEdit decides what an edit of the series does. sessions are all of the series, by start. It refuses (Invalid) a scope that does
// not fit and what Check and Dates refuse, (Closed) an edit that reaches into the past, (Conflict) a capacity below seats held.
func PlanEdit(s Series, sessions []Session, e SeriesEdit, now Instant) (SeriesPlan, error) {
	if err := e.check(); err != nil {
		return SeriesPlan{}, err
	}
	first, err := e.first(sessions, now)
	if err != nil {
		return SeriesPlan{}, err
	}
	if e.Scope == ThisSession {
		return e.this(s, first, now)
	}
	var ahead []Session
	earlier := false
	last := Date(math.MinInt32) // of the dates before the first session
	for _, x := range sessions {
		day := slotDate(x)
		switch {
		case e.Scope == Following && day < slotDate(first):
			// An extra date has its own time, and what was before the pattern began is not of it: neither needs a split.
			if !x.extra() && day >= s.LocalStart.Date {
				earlier, last = true, max(last, day)
			}
		case x.StartsAt > now:
			ahead = append(ahead, x)
		}
	}
	if e.Set, err = e.Set.ahead(s, e.Scope, slotDate(first), now); err != nil {
		return SeriesPlan{}, err
	}
	if e.Set.times() && e.Set.ExtraDates == nil {
		if s.ExtraDates, err = s.apart(); err != nil {
			return SeriesPlan{}, err
		}
	}
	target := e.Set.onto(s)
	if err := target.Details.Check(); err != nil {
		return SeriesPlan{}, err
	}
	if target.ReminderMinutes, err = Reminders(target.ReminderMinutes); err != nil {
		return SeriesPlan{}, err
	}
	pattern, err := e.Set.repatterns(s, first)
	if err != nil {
		return SeriesPlan{}, err
	}
	plan := SeriesPlan{Series: target}
	if e.Scope == Following && earlier && (pattern || e.Set.times()) {
		if first.extra() {
			return SeriesPlan{}, Refuse(Invalid, "This session is an extra date; begin with a date of the pattern.").At("body.from_session_id")
		}
		before, after, err := s.cut(slotDate(first), e.Set, pattern)
		if err != nil {
			return SeriesPlan{}, err
		}
		plan.Series, plan.Successor, plan.From, target = before, &after, slotDate(first).String(), after
	}
	if !pattern && e.Set.RRule == nil && e.Set.ExtraDates == nil && e.Set.SkipDates == nil {
		return plan, plan.edit(e, target, ahead, now)
	}
	stays := map[string]bool{}
	for _, x := range sessions {
		if !slices.ContainsFunc(ahead, func(k Session) bool { return k.ID == x.ID }) {
			stays[x.Slot] = true
		}
	}
	return plan, plan.remap(e, target, first, ahead, limits{stays, last, now, e.Set.newDate(s)}, pattern)
}

// ahead is the set with the extra and skipped dates of the series that it does not reach as they are: what is past, or before the first
// session it means.
func (set Set) ahead(s Series, scope Scope, first Date, now Instant) (Set, error) {
	loc, err := Zone(s.TimeZone)
	if err != nil {
		return set, err
	}
	if scope == AllSessions {
		first = WallAt(now, loc).Date
	}
	reached := func(w Wall) bool { return w.Date >= first && (scope == Following || Resolve(w, loc).At > now) }
	if set.ExtraDates != nil {
		var extra []Wall
		for _, w := range s.ExtraDates {
			if !reached(w) {
				extra = append(extra, w)
			}
		}
		for _, w := range *set.ExtraDates {
			if reached(w) {
				extra = append(extra, w)
			}
		}
		set.ExtraDates = &extra
	}
	if set.SkipDates != nil {
		var skip []Date
		for _, d := range s.SkipDates {
			if d < first {
				skip = append(skip, d)
			}
		}
		for _, d := range *set.SkipDates {
			if d >= first {
				skip = append(skip, d)
			}
		}
		set.SkipDates = &skip
	}
	return set, nil
}

// apart are the extra dates that are no dates of the rule. The others have no session of their own, and get none when the rule's time
// moves away from them.
func (s Series) apart() (extra []Wall, err error) {
	rule, err := ParseRule(s.RRule)
	if err != nil {
		return nil, err
	}
	loc, err := Zone(s.TimeZone)
	if err != nil {
		return nil, err
	}
	for _, w := range s.ExtraDates {
		at, same := Resolve(w, loc).At, false
		steps := rule.Steps(s.LocalStart, loc, w.Date+1)
		for _, r, ok := steps.Next(); ok && !same; _, r, ok = steps.Next() {
			same = r.At == at
		}
		if !same {
			extra = append(extra, w)
		}
	}
	return extra, nil
}

// extra reports whether the session is an extra date of its series; the slots of those have a time.
func (s Session) extra() bool { return len(s.Slot) > len("2006-01-02") }

// first is the first session an edit means.
func (e SeriesEdit) first(sessions []Session, now Instant) (Session, error) {
	switch e.Scope {
	case AllSessions:
		if e.From != "" {
			return Session{}, Refuse(Invalid, "With the scope all, leave from_session_id out.").At("body.from_session_id")
		}
		for _, x := range sessions {
			if x.StartsAt > now {
				return x, nil
			}
		}
		return Session{}, Refuse(Closed, "This series has no session to come; what has been is not changed.")
	case Following, ThisSession:
		i := slices.IndexFunc(sessions, func(x Session) bool { return x.ID == e.From })
		if i < 0 {
			return Session{}, Refuse(Invalid, "The from_session_id names a session of this series.").At("body.from_session_id")
		}
		if sessions[i].StartsAt <= now {
			return Session{}, Refuse(Closed, "This session has started; an edit begins with one that has not.").At("body.from_session_id")
		}
		return sessions[i], nil
	}
	return Session{}, Refuse(Invalid, "The scope is this, following or all.").At("body.scope")
}

// onto is the series with the members of the set changed.
func (set Set) onto(s Series) Series {
	put(&s.Title, set.Title)
	put(&s.Description, set.Description)
	put(&s.TimeZone, set.TimeZone)
	put(&s.DurationMinutes, set.DurationMinutes)
	put(&s.Capacity, set.Capacity)
	put(&s.Location, set.Location)
	put(&s.JoinURL, set.JoinURL)
	put(&s.RRule, set.RRule)
	put(&s.ExtraDates, set.ExtraDates)
	put(&s.SkipDates, set.SkipDates)
	put(&s.Facilitators, set.Facilitators)
	put(&s.ReminderMinutes, set.ReminderMinutes)
	if set.LocalStart != nil {
		s.LocalStart.Minute = set.LocalStart.Minute
	}
	return s
}

func put[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// times reports whether the edit changes the time of day, the zone or the length.
func (set Set) times() bool {
	return set.LocalStart != nil || set.TimeZone != nil || set.DurationMinutes != nil
}

// repatterns reports whether the edit changes on which dates sessions are: another rule, its end apart, or a start on another date.
func (set Set) repatterns(s Series, first Session) (bool, error) {
	if set.RRule != nil {
		before, err := ParseRule(s.RRule)
		if err != nil {
			return false, err
		}
		after, err := ParseRule(*set.RRule)
		if err != nil {
			return false, err
		}
		if before.endless() != after.endless() {
			return true, nil
		}
	}
	d := set.newDate(s)
	return d != nil && d.Date != slotDate(first), nil
}

// newDate is the start where it is on another date than the series' own; the same date is but a time of day.
func (set Set) newDate(s Series) *Wall {
	if set.LocalStart == nil || set.LocalStart.Date == s.LocalStart.Date {
		return nil
	}
	return set.LocalStart
}

// cut splits a series before a slot: the first part ends the day before, the second begins with it and has what is left of COUNT (V2).
func (s Series) cut(slot Date, set Set, pattern bool) (before, after Series, err error) {
	rule, err := ParseRule(s.RRule)
	if err != nil {
		return s, s, err
	}
	loc, err := Zone(s.TimeZone)
	if err != nil {
		return s, s, err
	}
	before, after = s, s
	past := 0
	steps := rule.Steps(s.LocalStart, loc, lastDay)
	w, _, ok := steps.Next()
	for ; ok && w.Date < slot; w, _, ok = steps.Next() {
		past++
	}
	if !ok && !pattern {
		return s, s, Refuse(Invalid, "The pattern has no date from this session on; begin with an earlier one.").At("body.from_session_id")
	}
	before.RRule, after.RRule = rule.ending(slot-1).String(), rule.rest(past).String()
	before.ExtraDates, after.ExtraDates, before.SkipDates, after.SkipDates = nil, nil, nil, nil
	whole := set.onto(s)
	for _, w := range whole.ExtraDates {
		if w.Date < slot {
			before.ExtraDates = append(before.ExtraDates, w)
		} else {
			after.ExtraDates = append(after.ExtraDates, w)
		}
	}
	for _, d := range whole.SkipDates {
		if d < slot {
			before.SkipDates = append(before.SkipDates, d)
		} else {
			after.SkipDates = append(after.SkipDates, d)
		}
	}
	set.ExtraDates, set.SkipDates = nil, nil
	before.Status = SplitSeries
	if after.Status == SplitSeries { // the first part is split once more
		after.Status = ActiveSeries
	}
	after.ID, after.Version, after.Revision = "", 0, 0
	after = set.onto(after)
	after.LocalStart.Date = slot
	if ok { // the session may be one that an earlier pattern left behind
		after.LocalStart.Date = w.Date
	}
	return before, after, nil
}

// edit plans an edit that leaves the dates alone: every session keeps its slot, and takes the new values in the fields that it has not
// been given of its own.
func (p *SeriesPlan) edit(e SeriesEdit, target Series, ahead []Session, now Instant) error {
	for _, x := range ahead {
		if x.Status != Scheduled && x.Status != Draft {
			continue
		}
		d, own := x.Details, x.Overrides
		if e.Reset {
			own = 0
		}
		wanted := e.words(own, target, &d)
		if e.Set.times() {
			wanted |= FieldTime
			if own&FieldTime == 0 {
				d.LocalStart.Minute, d.TimeZone, d.DurationMinutes = target.LocalStart.Minute, target.TimeZone, target.DurationMinutes
			}
		}
		effect, err := x.effect(d, now)
		if err != nil {
			return err
		}
		effect.After.Overrides = x.Overrides // the series says it now, not the session
		if e.Reset {
			effect.After.Overrides &^= wanted
		}
		p.Sessions = append(p.Sessions, effect.led(e, now))
	}
	return nil
}

// words gives a session's details the new values in every edited field but time that is not its own. wanted are the fields edited.
func (e SeriesEdit) words(own Fields, target Series, d *Details) (wanted Fields) {
	take := func(bit Fields, asked bool, set func()) {
		if asked {
			wanted |= bit
			if own&bit == 0 {
				set()
			}
		}
	}
	take(FieldTitle, e.Set.Title != nil, func() { d.Title = target.Title })
	take(FieldDescription, e.Set.Description != nil, func() { d.Description = target.Description })
	take(FieldCapacity, e.Set.Capacity != nil, func() { d.Capacity = target.Capacity })
	take(FieldLocation, e.Set.Location != nil, func() { d.Location = target.Location })
	take(FieldJoinURL, e.Set.JoinURL != nil, func() { d.JoinURL = target.JoinURL })
	return wanted
}

// led is the effect with other people to lead the session, if the edit names them: a change even where nothing else is.
func (x SessionEffect) led(e SeriesEdit, now Instant) SessionEffect {
	if x.Effect == EffectKept && e.Set.Facilitators != nil {
		x.Effect, x.After = EffectChanged, x.After.touched(now)
	}
	return x
}

// effect is what becomes of a session whose details become d.
func (s Session) effect(d Details, now Instant) (SessionEffect, error) {
	after, fields, err := s.Edit(d, now)
	if err != nil {
		return SessionEffect{}, err
	}
	out := SessionEffect{Effect: EffectChanged, Before: s, After: after, Fields: fields}
	switch {
	case fields == 0:
		out.Effect = EffectKept
	case fields&(FieldTime|FieldLocation) != 0:
		out.Effect = EffectMoved
	}
	return out, nil
}
