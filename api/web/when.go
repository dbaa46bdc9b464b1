package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/wellweek/wellweek/programs"
)

// zone is a time zone and what people call it.
type zone struct {
	name string // IANA
	loc  *time.Location
}

// zoneOf is the zone of a name. An unknown one, which only an old database can hold, is UTC: a page is shown all the same.
func zoneOf(name string) zone {
	loc, err := programs.Zone(name)
	if err != nil {
		return zone{"UTC", time.UTC}
	}
	return zone{name, loc}
}

// city is the zone in a word: "New York" of America/New_York.
func (z zone) city() string {
	return strings.ReplaceAll(z.name[strings.LastIndexByte(z.name, '/')+1:], "_", " ")
}

func (z zone) at(i programs.Instant) time.Time { return i.Time().In(z.loc) }

// date is the civil date of an instant.
func (z zone) date(i programs.Instant) programs.Date { return programs.WallAt(i, z.loc).Date }

// start is when a civil date begins.
func (z zone) start(d programs.Date) programs.Instant {
	return programs.Resolve(programs.Wall{Date: d}, z.loc).At
}

// same reports whether two zones show the same clock at an instant. Then one of them is enough for a reader.
func (z zone) same(o zone, at programs.Instant) bool {
	_, a := z.at(at).Zone()
	_, b := o.at(at).Zone()
	return a == b
}

// span is "Wed 18 November, 12:30–13:15"; the second date is there when it is another one, the year when it is not now's.
func (z zone) span(from, to, now programs.Instant) string {
	a, b := z.at(from), z.at(to)
	day := "Mon 2 January"
	if a.Year() != z.at(now).Year() {
		day += " 2006"
	}
	end := "15:04"
	if z.date(from) != z.date(to) {
		end = day + ", 15:04"
	}
	return a.Format(day+", 15:04") + "–" + b.Format(end)
}

// long is a day as a heading: "Wednesday 18 November".
func long(d programs.Date) string {
	y, m, day := d.Civil()
	return fmt.Sprintf("%s %d %s", time.Date(y, time.Month(m), day, 0, 0, 0, 0, time.UTC).Weekday(), day, time.Month(m))
}

// days is a range of days as a heading: "16 – 29 November", "23 November – 6 December".
func days(from, to programs.Date) string {
	_, fm, fd := from.Civil()
	_, tm, td := to.Civil()
	if fm == tm {
		return fmt.Sprintf("%d – %d %s", fd, td, time.Month(tm))
	}
	return fmt.Sprintf("%d %s – %d %s", fd, time.Month(fm), td, time.Month(tm))
}

// length is minutes as people say them.
func length(minutes int) string {
	switch {
	case minutes < 120:
		return fmt.Sprintf("%d min", minutes)
	case minutes >= 48*60 && minutes%(24*60) == 0:
		return fmt.Sprintf("%d days", minutes/(24*60))
	case minutes%60 == 0:
		return fmt.Sprintf("%d h", minutes/60)
	}
	return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
}
