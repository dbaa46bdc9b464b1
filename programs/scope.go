package programs

// check refuses (Invalid) an edit that says nothing, and a reason or people that cannot be kept.
func (e *SeriesEdit) check() (err error) {
	switch {
	case e.Set == Set{}:
		return Refuse(Invalid, "Name at least one member to change.").At("body.set")
	case e.Set.Facilitators != nil && len(*e.Set.Facilitators) > maxLeaders:
		return Refuse(Invalid, "At most %d people lead one session.", maxLeaders).At("body.set.facilitator_ids")
	}
	e.Reason, err = Line("reason", e.Reason, 0, 500)
	return err
}

// this plans an edit of one session: what it says is its own from then on. The pattern is not its to change: another date is a move.
func (e SeriesEdit) this(s Series, x Session, now Instant) (SeriesPlan, error) {
	if e.Set.RRule != nil || e.Set.ExtraDates != nil || e.Set.SkipDates != nil || e.Set.ReminderMinutes != nil {
		return SeriesPlan{}, Refuse(Invalid, "One session has no pattern and no reminders of its own; use the scope following or all.").At("body.scope")
	}
	d := x.Details
	put(&d.Title, e.Set.Title)
	put(&d.Description, e.Set.Description)
	put(&d.LocalStart, e.Set.LocalStart)
	put(&d.TimeZone, e.Set.TimeZone)
	put(&d.DurationMinutes, e.Set.DurationMinutes)
	put(&d.Capacity, e.Set.Capacity)
	put(&d.Location, e.Set.Location)
	put(&d.JoinURL, e.Set.JoinURL)
	effect, err := x.effect(d, now)
	if effect.Effect == EffectKept && e.Set.Facilitators != nil {
		effect.Effect, effect.After = EffectChanged, effect.After.touched(now)
	}
	return SeriesPlan{Series: s, Sessions: []SessionEffect{effect}}, err
}

// Named are the members that the set has, as stable names: a member that is empty is named, one that is left out is not.
func (set Set) Named() (names []string) {
	for _, m := range []struct {
		name string
		has  bool
	}{
		{"title", set.Title != nil},
		{"description", set.Description != nil},
		{"local_start", set.LocalStart != nil},
		{"time_zone", set.TimeZone != nil},
		{"duration_minutes", set.DurationMinutes != nil},
		{"capacity", set.Capacity != nil},
		{"location", set.Location != nil},
		{"join_url", set.JoinURL != nil},
		{"rrule", set.RRule != nil},
		{"extra_dates", set.ExtraDates != nil},
		{"skip_dates", set.SkipDates != nil},
		{"facilitator_ids", set.Facilitators != nil},
		{"reminder_minutes", set.ReminderMinutes != nil},
	} {
		if m.has {
			names = append(names, m.name)
		}
	}
	return names
}
