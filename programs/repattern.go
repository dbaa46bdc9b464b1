package programs

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// limits are what an edit leaves alone.
type limits struct {
	stays map[string]bool // slots of sessions that are not edited: no new date takes one
	last  Date            // the last slot of the pattern before the first session that is edited
	now   Instant
	given *Wall // the first date of the new pattern; nil: found
}

// remap plans an edit that changes the dates. Sessions whose slot is a date of the new pattern keep it. With another pattern the others
// are paired with new dates of the same ISO week (of the same month for MONTHLY, the same year for YEARLY), in order inside it and never
// by position in the list; a paired session keeps its id and sign-ups and takes the new slot. What is left over is called off, and new
// dates are added (domain.md section 6, C and D). A cancelled date never comes back by an edit.
func (p *SeriesPlan) remap(e SeriesEdit, target Series, first Session, ahead []Session, b limits, pattern bool) error {
	now := b.now
	rule, err := ParseRule(target.RRule)
	if err != nil {
		return err
	}
	loc, err := Zone(target.TimeZone)
	if err != nil {
		return err
	}
	if pattern {
		if err := target.anchor(rule, loc, first, b); err != nil {
			return err
		}
	}
	if p.Successor != nil {
		*p.Successor = target
	} else {
		p.Series = target
	}
	dates, err := Dates(target, max(target.LocalStart.Date, WallAt(now, loc).Date)+Horizon)
	if err != nil {
		return err
	}
	own := map[string]bool{}
	for _, x := range ahead {
		own[x.Slot] = true
	}
	var fresh []Occurrence
	for _, d := range dates {
		if own[d.Slot] || d.StartsAt > now && !b.stays[d.Slot] {
			fresh = append(fresh, d)
		}
	}
	pairs := pairUp(ahead, fresh, rule, pattern)
	for i, x := range ahead {
		var d *Occurrence
		if k := pairs[i]; k >= 0 {
			d = &fresh[k]
		}
		effect, err := x.repaired(e, target, d, now)
		if err != nil {
			return err
		}
		p.Sessions = append(p.Sessions, effect)
	}
	for k, d := range fresh {
		switch {
		case slices.Contains(pairs, k) || d.StartsAt <= now:
		case d.Skipped:
			p.Skipped = append(p.Skipped, d)
		default:
			p.Sessions = append(p.Sessions, SessionEffect{Effect: EffectAdded, New: d})
		}
	}
	slices.SortStableFunc(p.Sessions, func(a, b SessionEffect) int { return cmp.Compare(a.at(), b.at()) })
	return nil
}

// repaired is what becomes of a session that is paired with the date d of the new pattern, or with none.
func (s Session) repaired(e SeriesEdit, target Series, d *Occurrence, now Instant) (SessionEffect, error) {
	kept := SessionEffect{Effect: EffectKept, Before: s, After: s}
	held := d != nil && !d.Skipped
	switch {
	case s.Status == Scheduled && !held:
		after, _, err := s.CallOff(e.dropReason(), now)
		return SessionEffect{Effect: EffectDropped, Before: s, After: after}, err
	case s.Status == Draft && !held: // nobody was told of it; nobody is
		after := s.touched(now)
		after.Status = Skipped
		return SessionEffect{Effect: EffectDropped, Before: s, After: after}, nil
	case s.Status == Skipped && held && d.StartsAt > now:
		return SessionEffect{Effect: EffectAdded, Before: s, After: s.unskipped(target, *d, now), New: *d}, nil
	case s.Status != Scheduled && s.Status != Draft || !held:
		return kept, nil // a cancelled or skipped date stays what it is
	}
	details, own := s.Details, s.Overrides
	if e.Reset {
		own = 0
	}
	reset := e.words(own, target, &details)
	if own&FieldTime == 0 || s.Slot != d.Slot {
		details.LocalStart, details.TimeZone, details.DurationMinutes = d.Wall, target.TimeZone, target.DurationMinutes
	}
	effect, err := s.effect(details, now)
	if err != nil {
		return effect, err
	}
	effect.After.Overrides, effect.After.Slot = s.Overrides, d.Slot
	if e.Reset {
		effect.After.Overrides &^= reset | FieldTime
	}
	if s.Slot != d.Slot {
		effect.After.Overrides &^= FieldTime
	}
	return effect.led(e, now), nil
}

// unskipped is a skipped date that is held after all (S6): like a new one it says what the series says now.
func (s Session) unskipped(target Series, d Occurrence, now Instant) Session {
	if s.StartsAt != d.StartsAt || s.EndsAt != d.EndsAt {
		s.Sequence++ // it may have been in calendars before an undo
	}
	s.Details, s.StartsAt, s.EndsAt, s.Slot, s.Overrides = target.Details, d.StartsAt, d.EndsAt, d.Slot, 0
	s.LocalStart = d.Wall
	s.Status = Scheduled
	if target.Status == DraftSeries {
		s.Status = Draft
	}
	return s.touched(now)
}

func (e SeriesEdit) dropReason() string {
	if e.Reason != "" {
		return e.Reason
	}
	return "The dates of this series have changed."
}

// at is when the session of an effect was, or will be if it is new.
func (x SessionEffect) at() Instant {
	if x.Effect == EffectAdded {
		return x.New.StartsAt
	}
	return x.Before.StartsAt
}

// anchor makes LocalStart the first date of the rule that is to come and after those that stay: from the given date on, else the first
// session's slot where it fits the rule, else from the Monday of that week on.
func (s *Series) anchor(rule Rule, loc *time.Location, first Session, b limits) error {
	slot := slotDate(first)
	none := Refuse(Invalid, "This pattern has no date within a year of the first session to come; set local_start to its first date.").At("body.set.rrule")
	open := func() bool { return s.LocalStart.Date > b.last && Resolve(s.LocalStart, loc).At > b.now }
	if b.given != nil {
		s.LocalStart.Date = b.given.Date
		if open() {
			return nil
		}
		if err := rule.starts(s.LocalStart, loc); err != nil {
			return err
		}
		past, ok := s.walk(rule, loc, open)
		s.RRule = rule.rest(past).String()
		if !ok {
			return none
		}
		return nil
	}
	s.LocalStart.Date = slot
	if rule.freq == once || rule.starts(s.LocalStart, loc) == nil {
		if first.extra() && !open() { // it is later on that day than the pattern
			if _, ok := s.walk(rule, loc, open); !ok {
				return none
			}
		}
		return nil
	}
	for d := max(mondayOf(slot), b.last+1); d < slot+366; d++ {
		s.LocalStart.Date = d
		if open() && rule.starts(s.LocalStart, loc) == nil {
			return nil
		}
	}
	return none
}

// walk moves LocalStart along the rule to the first date that is open, and counts those before it.
func (s *Series) walk(rule Rule, loc *time.Location, open func() bool) (past int, found bool) {
	steps := rule.Steps(s.LocalStart, loc, lastDay)
	for w, _, ok := steps.Next(); ok; w, _, ok = steps.Next() {
		if s.LocalStart = w; open() {
			return past, true
		}
		past++
	}
	return past, false
}

func mondayOf(d Date) Date { return d - Date((int(d.Weekday())+6)%7) }

// slotDate is the date of a session's slot.
func slotDate(s Session) Date {
	d, err := ParseDate(s.Slot[:min(len(s.Slot), len("2006-01-02"))])
	if err != nil {
		return s.LocalStart.Date
	}
	return d
}

// pairUp gives each session the index of its new date, or -1.
func pairUp(ahead []Session, fresh []Occurrence, rule Rule, pattern bool) []int {
	pairs := make([]int, len(ahead))
	taken := make([]bool, len(fresh))
	bySlot := map[string]int{}
	for k, d := range fresh {
		bySlot[d.Slot] = k
	}
	for i, x := range ahead {
		pairs[i] = -1
		if k, ok := bySlot[x.Slot]; ok {
			pairs[i], taken[k] = k, true
		}
	}
	if !pattern {
		return pairs
	}
	free := map[string][]int{}
	for k, d := range fresh {
		if !taken[k] && !d.Skipped {
			period := rule.period(d.Wall.Date)
			free[period] = append(free[period], k)
		}
	}
	for i, x := range ahead {
		if pairs[i] >= 0 || x.Status != Scheduled && x.Status != Draft {
			continue
		}
		period := rule.period(slotDate(x))
		if ks := free[period]; len(ks) > 0 {
			pairs[i], free[period] = ks[0], ks[1:]
		}
	}
	return pairs
}

// period names the stretch of time inside which old and new dates of a pattern are paired.
func (r Rule) period(d Date) string {
	y, m, _ := d.Civil()
	switch r.freq {
	case monthly:
		return strconv.Itoa(y) + "-" + strconv.Itoa(m)
	case yearly:
		return strconv.Itoa(y)
	}
	return strconv.Itoa(int(mondayOf(d))) // its ISO week
}

// Earliest is the first start that the plan touches, before or after; zero when it touches none. It decides how long mail is held (V4).
func (p SeriesPlan) Earliest() (at Instant) {
	for _, x := range p.Sessions {
		for _, start := range []Instant{x.Before.StartsAt, x.After.StartsAt, x.New.StartsAt} {
			if start != 0 && x.Effect != EffectKept && (at == 0 || start < at) {
				at = start
			}
		}
	}
	return at
}
