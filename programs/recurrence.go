package programs

import (
	"cmp"
	"math/bits"
	"slices"
	"time"
)

// maxDates is how many dates a series with an end may have, skipped and extra ones included (T4); maxYears how long it may run.
const (
	maxDates = 520
	maxYears = 5
)

// lastDay is where every walk ends: later years have no four-digit form on the wire.
var lastDay = DateOf(9999, 12, 31)

// Stepper walks the dates of a rule in order without allocating. It counts civil dates, never hours (T4), and ends at COUNT, at
// UNTIL, or after the last day it was given.
type Stepper struct {
	rule  Rule
	clock clock
	start Wall
	last  Date
	left  int64 // dates that COUNT still allows; negative: no COUNT
	unit  int64 // where the walk is: a day, the first day of a week, a month since year 0, or a year
	turn  int   // WEEKLY: how many days of that week are behind
	set   uint8 // WEEKLY: the weekdays, bit 0 being the first day of the week
}

// Steps starts a walk at the series' first wall time, up to and including last. The start itself is given out only when it is a
// date of the rule; whether it has to be is for Dates to say.
func (r Rule) Steps(start Wall, loc *time.Location, last Date) Stepper {
	s := Stepper{rule: r, clock: clockOf(loc), start: start, last: min(last, lastDay), left: -1, unit: int64(start.Date)}
	if r.count > 0 {
		s.left = r.count
	}
	year, month, _ := start.Date.Civil()
	switch r.freq {
	case once:
		s.left = 1
	case weekly:
		days := r.days
		if days == 0 {
			days = 1 << start.Date.Weekday()
		}
		s.turn = int(start.Date.Weekday()-r.weekStart+7) % 7
		s.unit -= int64(s.turn)
		s.set = days>>r.weekStart | days<<(7-r.weekStart)&0x7f
	case monthly:
		s.unit = int64(year)*12 + int64(month) - 1
	case yearly:
		s.unit = int64(year)
	}
	return s
}

// Next is the next wall time and its instant; false when the walk has ended.
func (s *Stepper) Next() (Wall, Resolved, bool) {
	if s.left == 0 {
		return Wall{}, Resolved{}, false
	}
	date, ok := s.date()
	if !ok || s.rule.until.form == 'd' && date > s.rule.until.day {
		return Wall{}, Resolved{}, false
	}
	w := Wall{Date: date, Minute: s.start.Minute}
	at := s.clock.resolve(w)
	if s.rule.until.form == 'i' && at.At > s.rule.until.at {
		return Wall{}, Resolved{}, false
	}
	if s.left > 0 {
		s.left--
	}
	return w, at, true
}

// date is the next date of the pattern, whatever COUNT and UNTIL say; false when it would be after the last day. Units without
// such a date (no 31 April, no fifth Tuesday) are passed over (Q10).
func (s *Stepper) date() (Date, bool) {
	for s.unit <= int64(s.last) || s.rule.freq >= monthly {
		var d Date
		ok := true
		switch s.rule.freq {
		case weekly:
			left := s.set >> s.turn
			if left == 0 {
				s.unit, s.turn = s.unit+7*s.rule.interval, 0
				continue
			}
			s.turn += bits.TrailingZeros8(left)
			d = Date(s.unit + int64(s.turn))
			s.turn++
		case monthly, yearly:
			year, month := s.unit, int64(s.rule.month)
			if s.rule.freq == monthly {
				year, month = s.unit/12, s.unit%12+1
			} else if month == 0 {
				_, m, _ := s.start.Date.Civil()
				month = int64(m)
			}
			if year > 9999 {
				return 0, false
			}
			d, ok = s.inMonth(int(year), int(month))
			s.unit += s.rule.interval
		default:
			d = Date(s.unit)
			s.unit += s.rule.interval
		}
		if ok && d > s.last {
			return 0, false
		}
		if ok && d >= s.start.Date {
			return d, true
		}
	}
	return 0, false
}

// inMonth is the rule's date in one month, if the month has it.
func (s *Stepper) inMonth(year, month int) (Date, bool) {
	first, length := DateOf(year, month, 1), monthDays(year, month)
	day := s.rule.monthDay
	switch nth := s.rule.nth; {
	case nth > 0:
		day = 1 + int(s.rule.weekday-first.Weekday()+7)%7 + 7*(nth-1)
	case nth < 0:
		end := first + Date(length-1)
		day = length - int(end.Weekday()-s.rule.weekday+7)%7 + 7*(nth+1)
	case day < 0:
		day += length + 1
	case day == 0:
		_, _, day = s.start.Date.Civil()
	}
	if day < 1 || day > length {
		return 0, false
	}
	return first + Date(day-1), true
}

// Dates computes the dates of a series in order of their instants, skipped ones included: those of an open-ended rule up to and
// including the local date horizon, all of a rule with an end. A skip date wins over extra dates of that day, which fall away;
// wall times that are one instant become one date: what takes place stays before what is skipped, and the rule's before an extra (Q11).
//
// It refuses (Invalid) a zone or rule that cannot be read, a start that is no date of its rule (Q7), an UNTIL before the start, and a
// series with an end of more than 520 dates or 5 years (Q8).
func Dates(s Series, horizon Date) ([]Occurrence, error) {
	loc, err := Zone(s.TimeZone)
	if err != nil {
		return nil, err
	}
	rule, err := ParseRule(s.RRule)
	if err != nil {
		return nil, err
	}
	if err := rule.starts(s.LocalStart, loc); err != nil {
		return nil, err
	}
	if len(s.ExtraDates) > maxDates {
		return nil, Refuse(Invalid, "A series has at most %d extra dates.", maxDates).At("body.extra_dates")
	}
	if len(s.SkipDates) > maxDates {
		return nil, Refuse(Invalid, "A series has at most %d skip dates.", maxDates).At("body.skip_dates")
	}
	year, month, day := s.LocalStart.Date.Civil()
	first, end := DateOf(year-maxYears, month, day), DateOf(year+maxYears, month, day)
	last := lastDay
	if rule.Open() {
		last = horizon
	}
	skipped := slices.Sorted(slices.Values(s.SkipDates))
	found := make([]Occurrence, 0, 64)
	add := func(slot string, w Wall, at Resolved, skip bool) {
		ends := at.At.Add(time.Duration(s.DurationMinutes) * time.Minute)
		found = append(found, Occurrence{Slot: slot, Wall: w, StartsAt: at.At, EndsAt: ends, Skipped: skip, Gap: at.Gap, Overlap: at.Overlap})
	}
	steps := rule.Steps(s.LocalStart, loc, last)
	for w, at, ok := steps.Next(); ok; w, at, ok = steps.Next() {
		if !rule.Open() && (w.Date > end || len(found) == maxDates) {
			return nil, tooLong("body.rrule")
		}
		_, skip := slices.BinarySearch(skipped, w.Date)
		add(w.Date.String(), w, at, skip)
	}
	if steps.left > 0 { // the calendar ended before COUNT did
		return nil, tooLong("body.rrule")
	}
	for _, w := range s.ExtraDates {
		if w.Date < first || !rule.Open() && w.Date > end {
			return nil, Refuse(Invalid, "An extra date is more than %d years away from the start.", maxYears).At("body.extra_dates")
		}
		if _, skip := slices.BinarySearch(skipped, w.Date); !skip && w.Date <= last {
			add(w.String(), w, steps.clock.resolve(w), false)
		}
	}
	found = oneEach(found)
	if !rule.Open() && len(found) > maxDates {
		return nil, tooLong("body.extra_dates")
	}
	return found, nil
}

func tooLong(where string) error {
	return Refuse(Invalid, "A series with an end has at most %d dates and runs at most %d years; end it sooner, or leave COUNT and UNTIL out to run until further notice.",
		maxDates, maxYears).At(where)
}

// starts refuses a start that is no date of the rule, and an UNTIL before it.
func (r Rule) starts(start Wall, loc *time.Location) error {
	steps := r.Steps(start, loc, lastDay)
	switch d, ok := steps.date(); {
	case !ok:
		return Refuse(Invalid, "The start must be a date of the rule, and from there on the rule has none.").At("body.local_start")
	case d != start.Date:
		return Refuse(Invalid, "The start must be a date of the rule; the next one is %s.", d.String()).At("body.local_start")
	}
	if r.until.form == 'd' && r.until.day < start.Date || r.until.form == 'i' && r.until.at < steps.clock.resolve(start).At {
		return Refuse(Invalid, "UNTIL is before the start; end the rule on a later day.").At("body.rrule")
	}
	return nil
}

// oneEach sorts by instant and leaves one occurrence for each. The slots of the rule are shorter than those of extra dates.
func oneEach(found []Occurrence) []Occurrence {
	slices.SortStableFunc(found, func(a, b Occurrence) int {
		return cmp.Or(cmp.Compare(a.StartsAt, b.StartsAt), less(a.Skipped, b.Skipped), cmp.Compare(len(a.Slot), len(b.Slot)), less(a.Gap, b.Gap))
	})
	return slices.CompactFunc(found, func(a, b Occurrence) bool { return a.StartsAt == b.StartsAt })
}

// less puts what does not hold before what does.
func less(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
