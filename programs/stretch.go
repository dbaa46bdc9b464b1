package programs

import (
	"math"
	"sort"
	"sync"
	"time"
)

// reach is how far, in seconds, an instant can be from its wall time read as UTC, with room to spare: no zone was ever more than
// 16 hours off. Offsets at this distance on both sides are those before and after any change that the wall time can meet.
const reach = 26 * 3600

// stretch is a time during which a zone keeps one offset.
type stretch struct {
	from, to int64 // Unix seconds, to exclusive
	offset   int64 // seconds east of UTC
}

// clock resolves wall times of one zone. It keeps the stretch it met last: nearly all dates of a series lie well inside one, and
// then an addition answers.
type clock struct {
	loc   *time.Location
	chart []stretch // the zone's stretches of these years, if Zone has read it
	now   stretch   // empty at first
}

func clockOf(loc *time.Location) clock {
	c := clock{loc: loc}
	if known, ok := charts.Load(loc); ok {
		c.chart = known.([]stretch)
	}
	return c
}

func (c *clock) resolve(w Wall) Resolved {
	utc := int64(w.Date)*daySeconds + int64(w.Minute)*60
	if utc-reach < c.now.from || utc+reach >= c.now.to {
		if c.now = c.stretch(utc); utc-reach < c.now.from || utc+reach >= c.now.to {
			return c.nearChange(utc)
		}
	}
	return Resolved{At: Instant((utc - c.now.offset) * 1000)}
}

// nearChange resolves a wall time, given as if it were UTC, of which a change of offset may be near (Q12).
func (c *clock) nearChange(utc int64) Resolved {
	candidates := [...]int64{c.stretch(utc - reach).offset, c.stretch(utc).offset, c.stretch(utc + reach).offset}
	var first int64
	found := 0
	for i, offset := range candidates {
		if i > 0 && offset == candidates[i-1] || i > 1 && offset == candidates[0] {
			continue
		}
		at := utc - offset
		if c.stretch(at).offset != offset { // it would read as another wall time
			continue
		}
		if found == 0 || at < first {
			first = at
		}
		found++
	}
	if found == 0 {
		return Resolved{At: Instant((utc - candidates[0]) * 1000), Gap: true}
	}
	return Resolved{At: Instant(first * 1000), Overlap: found > 1}
}

// stretch is the one that holds an instant.
func (c *clock) stretch(sec int64) stretch {
	if sec >= c.now.from && sec < c.now.to {
		return c.now
	}
	if n := len(c.chart); n > 0 && sec >= c.chart[0].from && sec < c.chart[n-1].to {
		return c.chart[sort.Search(n, func(i int) bool { return sec < c.chart[i].to })]
	}
	return stretchAt(sec, c.loc)
}

// charts has the stretches of each zone that Zone has read, *time.Location to []stretch; they never change. Without them every
// look at a zone whose file ends with a formula, as those that are built in do, works the formula out again, and ten years of a
// monthly rule cost ten times their budget (speed.md row 2).
var charts sync.Map

// chart lists the stretches of the years in which series are, 2000 to 2060; all others are looked up one by one.
func chart(loc *time.Location) []stretch {
	var list []stretch
	begin, end := int64(DateOf(2000, 1, 1))*daySeconds, int64(DateOf(2061, 1, 1))*daySeconds
	for sec := begin; sec < end; {
		s := stretchAt(sec, loc)
		if s.to == sec+1 { // bounds unknown, see stretchAt
			s.to = sec + 3600
		}
		sec = s.to
		if n := len(list); n > 0 && list[n-1].offset == s.offset {
			list[n-1].to = s.to
			continue
		}
		list = append(list, s)
	}
	return list
}

// stretchAt asks the time package. On the last day of a leap year its bounds, if they come from a formula, end before the instant
// itself (golang/go#81583, Go 1.26): of such a day only that second is certain. A split at the new year only makes two true parts.
func stretchAt(sec int64, loc *time.Location) stretch {
	t := time.Unix(sec, 0).In(loc)
	_, offset := t.Zone()
	start, end := t.ZoneBounds()
	s := stretch{from: math.MinInt64, to: math.MaxInt64, offset: int64(offset)}
	if !start.IsZero() { // the zero Time: since ever, or for ever
		s.from = start.Unix()
	}
	if !end.IsZero() {
		s.to = end.Unix()
	}
	if sec < s.from || sec >= s.to {
		s.from, s.to = sec, sec+1
	}
	return s
}
