package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/wellweek/wellweek/programs"
)

// span of time in one zone, in words: always with weekday, date and zone (T9).
type when struct {
	Day   string // Thursday 26 November 2026
	Hours string // 12:30–13:15, or with the other date where the session runs past midnight
	Zone  string // Berlin time (CET)
}

func (w when) String() string { return w.Day + ", " + w.Hours + ", " + w.Zone }

// inZone says when something is on the clocks of a zone.
func inZone(starts, ends programs.Instant, loc *time.Location) when {
	from, until := starts.Time().In(loc), ends.Time().In(loc)
	w := when{Day: from.Format("Monday 2 January 2006"), Zone: zoneWords(from)}
	switch {
	case from.YearDay() == until.YearDay() && from.Year() == until.Year():
		w.Hours = from.Format("15:04") + "–" + until.Format("15:04")
	default:
		w.Hours = from.Format("15:04") + " to " + until.Format("Monday 2 January, 15:04")
	}
	return w
}

// moment is one instant in words: Thu 26 Nov, 14:20, Berlin time (CET).
func moment(at programs.Instant, loc *time.Location) string {
	t := at.Time().In(loc)
	return t.Format("Mon 2 Jan, 15:04, ") + zoneWords(t)
}

// brief is how a subject names a session's start: Thu 26 Nov 12:30.
func brief(at programs.Instant, loc *time.Location) string {
	return at.Time().In(loc).Format("Mon 2 Jan 15:04")
}

// zoneWords names a zone by its city, and by its letters where it has some: many zones only have a number.
func zoneWords(t time.Time) string {
	name := t.Location().String()
	abbreviation, offset := t.Zone()
	if name == "UTC" || name == "Etc/UTC" {
		return "UTC"
	}
	if !strings.ContainsAny(abbreviation, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		sign, minutes := "+", offset/60
		if minutes < 0 {
			sign, minutes = "-", -minutes
		}
		abbreviation = fmt.Sprintf("UTC%s%d:%02d", sign, minutes/60, minutes%60)
	}
	_, city, found := strings.Cut(name, "/")
	if !found {
		return name + " time (" + abbreviation + ")"
	}
	if i := strings.LastIndexByte(city, '/'); i >= 0 {
		city = city[i+1:]
	}
	return strings.ReplaceAll(city, "_", " ") + " time (" + abbreviation + ")"
}

// span in words is a length of time as people say it: 45 minutes, 12 hours, 2 days.
func length(minutes int) string {
	for _, u := range []struct {
		minutes int
		name    string
	}{{1440, "day"}, {60, "hour"}, {1, "minute"}} {
		if minutes >= u.minutes && minutes%u.minutes == 0 {
			n := minutes / u.minutes
			if n == 1 {
				return "1 " + u.name
			}
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return fmt.Sprintf("%d minutes", minutes)
}

// same reports whether two zones show the same clock at both ends of a session; then one is enough.
func same(starts, ends programs.Instant, a, b *time.Location) bool {
	return programs.WallAt(starts, a) == programs.WallAt(starts, b) && programs.WallAt(ends, a) == programs.WallAt(ends, b)
}
