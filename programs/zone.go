package programs

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Instant is a moment: milliseconds since 1970-01-01T00:00:00Z. Zero means none. It is what SQL stores and what rules compare.
type Instant int64

// At is the Instant of a time.Time, cut to the millisecond.
func At(t time.Time) Instant { return Instant(t.UnixMilli()) }

// Time is the instant in UTC; the zero Instant is the zero Time.
func (i Instant) Time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(i)).UTC()
}

// Add moves the instant by elapsed time.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d.Milliseconds()) }

// Sub is the elapsed time since o.
func (i Instant) Sub(o Instant) time.Duration { return time.Duration(i-o) * time.Millisecond }

// String is RFC 3339 in UTC with Z, to the second unless there are milliseconds.
func (i Instant) String() string { return i.Time().Format("2006-01-02T15:04:05.999Z07:00") }

// Date is a civil date: days since 1970-01-01.
type Date int32

// Wall is a wall time: a civil date and a minute of the day. It means an instant only together with a zone, through Resolve.
type Wall struct {
	Date   Date
	Minute int // 0..1439
}

// DateOf is the Date of a civil year, month and day. What runs over runs on, a day into the next month and a month into the next
// year: callers that must not (Q10) compare with what Civil gives back.
func DateOf(year, month, day int) Date {
	// Years are counted from March, so that the leap day is the last of its year, and from 4001 BC, so that none is negative.
	sinceMarch := int64(month) - 3
	y := int64(year) + 4000 + floor(sinceMarch, 12)
	m := sinceMarch - 12*floor(sinceMarch, 12)
	const epoch = 2180439 // 1970-01-01, counted so; 153 days are five months from March or August
	return Date(y*365 + y/4 - y/100 + y/400 + (153*m+2)/5 + int64(day) - epoch)
}

// Civil is the year, the month (1..12) and the day of the month.
func (d Date) Civil() (year, month, day int) {
	y, m, day := time.Unix(int64(d)*daySeconds, 0).UTC().Date()
	return y, int(m), day
}

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday {
	return time.Weekday(((int64(d)+int64(time.Thursday))%7 + 7) % 7) // day 0 was a Thursday
}

// String is YYYY-MM-DD, as it stands in SQL and on the wire.
func (d Date) String() string {
	y, m, day := d.Civil()
	return fmt.Sprintf("%04d-%02d-%02d", y, m, day)
}

// ParseDate reads YYYY-MM-DD, years 0001 to 9999. It refuses (Invalid) every other form and days that no calendar has; the caller
// adds which member was at fault.
func ParseDate(s string) (Date, error) {
	if d, ok := civilDate(s); ok {
		return d, nil
	}
	return 0, Refuse(Invalid, "A date is a day of the calendar, written YYYY-MM-DD.")
}

// String is the form of local_start, 2006-01-02T15:04: no seconds and no zone.
func (w Wall) String() string {
	return fmt.Sprintf("%sT%02d:%02d", w.Date, w.Minute/60, w.Minute%60)
}

// ParseWall reads exactly 2006-01-02T15:04. It refuses (Invalid) every other form, also those with seconds or an offset: an offset
// would say a second time, and perhaps differently, what the zone says (T1). The caller adds which member was at fault.
func ParseWall(s string) (Wall, error) {
	if len(s) == len("2006-01-02T15:04") && s[10] == 'T' && s[13] == ':' {
		d, ok := civilDate(s[:10])
		hour, okHour := digits(s[11:13])
		minute, okMinute := digits(s[14:16])
		if ok && okHour && okMinute && hour < 24 && minute < 60 {
			return Wall{Date: d, Minute: hour*60 + minute}, nil
		}
	}
	return Wall{}, Refuse(Invalid, "A local time is written YYYY-MM-DDTHH:MM, without seconds and without an offset.")
}

// Before reports whether w reads earlier than o on one clock face.
func (w Wall) Before(o Wall) bool {
	return w.Date < o.Date || w.Date == o.Date && w.Minute < o.Minute
}

// WallAt is what a clock in the zone shows at an instant, cut to the minute.
func WallAt(at Instant, loc *time.Location) Wall {
	_, offset := time.UnixMilli(int64(at)).In(loc).Zone()
	shown := floor(int64(at), 1000) + int64(offset)
	day := floor(shown, daySeconds)
	return Wall{Date: Date(day), Minute: int(shown-day*daySeconds) / 60}
}

// Zone is the zone of an IANA name. It refuses (Invalid) what is no such name: also the server's own zone ("Local", "localtime"),
// spellings that only a file system understands, and the "right/" tree, whose clocks count leap seconds.
func Zone(name string) (*time.Location, error) {
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	if zoneName(name) {
		if loc, err := time.LoadLocation(name); err == nil {
			if first, loaded := zones.LoadOrStore(name, loc); loaded { // somebody read it at the same moment
				return first.(*time.Location), nil
			}
			charts.Store(loc, chart(loc))
			return loc, nil
		}
	}
	return nil, Refuse(Invalid, "The time zone is a name of the IANA list, such as Europe/Berlin.").At("body.time_zone")
}

// zones keeps what Zone has read, name to *time.Location. Only names that exist get in, so it stays as small as the list.
var zones sync.Map

// zoneName reports whether name could be in the IANA list: parts of letters, digits, "_", "+" and "-", joined by single slashes.
func zoneName(name string) bool {
	if len(name) > 64 {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || !letter(part[0]) {
			return false
		}
		for i := range len(part) {
			if c := part[i]; !letter(c) && (c < '0' || c > '9') && c != '_' && c != '+' && c != '-' {
				return false
			}
		}
	}
	first, _, _ := strings.Cut(name, "/")
	switch first {
	case "Local", "localtime", "Factory", "posix", "posixrules", "right":
		return false
	}
	return true
}

// Resolved is the instant of a wall time, and what is odd about it.
type Resolved struct {
	At      Instant
	Gap     bool // the clocks skip this time; At is as much later as they skip
	Overlap bool // the clocks show this time twice or more; At is the first
}

// Resolve is the only way from a wall time to an instant. A time in a gap takes the offset before the gap, a time that comes twice
// is the first (RFC 5545 3.3.5). time.Date is not asked: what it answers differs from zone to zone.
func Resolve(w Wall, loc *time.Location) Resolved {
	c := clockOf(loc)
	return c.resolve(w)
}

const daySeconds = 24 * 3600

// TZData names the time-zone data in use, as far as it can be told: the Go release, which brings the data that is built in. Where
// the operating system has its own data the time package prefers those, and they can change under the same name: who must know
// whether an instant still holds resolves it again.
func TZData() string { return runtime.Version() }

// leap reports whether a year has a 29 February.
func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// civilDate reads YYYY-MM-DD with digits only and no day that runs over.
func civilDate(s string) (Date, bool) {
	if len(s) != len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	year, okYear := digits(s[:4])
	month, okMonth := digits(s[5:7])
	day, okDay := digits(s[8:])
	if !okYear || !okMonth || !okDay {
		return 0, false
	}
	return existing(year, month, day)
}

// existing is the Date of a day that is in the calendar: no month 13, no 31 April, no 29 February of a common year (Q10).
func existing(year, month, day int) (Date, bool) {
	if year < 1 || month < 1 || month > 12 || day < 1 || day > monthDays(year, month) {
		return 0, false
	}
	return DateOf(year, month, day), true
}

func monthDays(year, month int) int {
	switch {
	case month == 2 && leap(year):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

// digits reads a number of ASCII digits only; strconv takes signs, which no date has. The caller bounds the length.
func digits(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != ""
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// floor divides toward the past: Go's division would put the last day before 1970 on 1970-01-01.
func floor(n, by int64) int64 {
	q := n / by
	if n%by < 0 {
		q--
	}
	return q
}
