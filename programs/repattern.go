package programs

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// remap plans an edit that changes the dates. Sessions whose slot is a date of the new pattern keep it. With another pattern the others
// are paired with new dates of the same ISO week (of the same month for MONTHLY, the same year for YEARLY), in order inside it and never
// by position in the list; a paired session keeps its id and sign-ups and takes the new slot. What is left over is called off, and new
// dates are added (domain.md section 6, C and D). A cancelled date never comes back by an edit.
func (p *SeriesPlan) remap(e SeriesEdit, target Series, first Session, ahead []Session, now Instant, pattern bool) error {
	rule, err := ParseRule(target.RRule)
	if err != nil {
		return err
	}
	loc, err := Zone(target.TimeZone)
	if err != nil {
		return err
	}
	if pattern {
		if err := target.anchor(rule, loc, slotDate(first), e.Set.LocalStart); err != nil {
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
		if own[d.Slot] || d.StartsAt > now && (e.Scope == AllSessions || pattern || d.Slot >= first.Slot) {
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
		if !slices.Contains(pairs, k) && !d.Skipped && d.StartsAt > now {
			p.Sessions = append(p.Sessions, SessionEffect{Effect: EffectAdded, New: d})
		}
	}
	slices.SortStableFunc(p.Sessions, func(a, b SessionEffect) int { return cmp.Compare(a.at(), b.at()) })
	return nil
}

// repaired is what becomes of a session that is paired with the date d of the new pattern, or with none.
func (s Session) repaired(e SeriesEdit, target Series, d *Occurrence, now Instant) (SessionEffect, error) {
	kept := SessionEffect{Effect: EffectKept, Before: s, After: s}
	switch {
	case s.Status == Scheduled && (d == nil || d.Skipped):
		after, _, err := s.CallOff(e.dropReason(), now)
		return SessionEffect{Effect: EffectDropped, Before: s, After: after}, err
	case d == nil || d.Skipped:
		return kept, nil // a draft, cancelled or skipped date stays what it is
	case s.Status == Skipped && d.StartsAt > now: // held after all (S6)
		back := s.touched(now)
		back.Status = Scheduled
		return SessionEffect{Effect: EffectAdded, Before: s, After: back, New: *d}, nil
	case s.Status != Scheduled && s.Status != Draft:
		return kept, nil
	}
	details := s.Details
	if s.Overrides&FieldTime == 0 || e.Reset || s.Slot != d.Slot {
		details.LocalStart, details.TimeZone, details.DurationMinutes = d.Wall, target.TimeZone, target.DurationMinutes
	}
	effect, err := s.effect(details, now)
	effect.After.Overrides, effect.After.Slot = s.Overrides, d.Slot
	return effect, err
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

// anchor makes LocalStart a date of the rule: the given one must be, otherwise the first session's slot is taken where it fits the rule,
// else the first date of the rule from the Monday of that week on.
func (s *Series) anchor(rule Rule, loc *time.Location, slot Date, given *Wall) error {
	if given != nil {
		s.LocalStart.Date = given.Date
		return nil
	}
	s.LocalStart.Date = slot
	if rule.freq == once || rule.starts(s.LocalStart, loc) == nil {
		return nil
	}
	for d := mondayOf(slot); d < slot+366; d++ {
		s.LocalStart.Date = d
		if rule.starts(s.LocalStart, loc) == nil {
			return nil
		}
	}
	return Refuse(Invalid, "This pattern has no date within a year of the first session to come; set local_start to its first date.").At("body.set.rrule")
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
