package programs

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones are there on a machine that has none, as they are in the built program

	"pgregory.net/rapid"
)

// TestQ12_Resolve has the odd wall times of the years around, by zone. want is the clock reading of the instant in the zone.
func TestQ12_Resolve(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone, wall, want string
		gap, overlap           bool
	}{
		{"a winter day", "Europe/Berlin", "2027-01-12T12:30", "2027-01-12T12:30:00+01:00", false, false},
		{"a summer day", "Europe/Berlin", "2027-07-12T12:30", "2027-07-12T12:30:00+02:00", false, false},
		{"T2 gap", "Europe/Berlin", "2027-03-28T02:30", "2027-03-28T03:30:00+02:00", true, false},
		{"last minute before the gap", "Europe/Berlin", "2027-03-28T01:59", "2027-03-28T01:59:00+01:00", false, false},
		{"first minute of the gap", "Europe/Berlin", "2027-03-28T02:00", "2027-03-28T03:00:00+02:00", true, false},
		{"last minute of the gap", "Europe/Berlin", "2027-03-28T02:59", "2027-03-28T03:59:00+02:00", true, false},
		{"first minute after the gap", "Europe/Berlin", "2027-03-28T03:00", "2027-03-28T03:00:00+02:00", false, false},
		{"T2 gap, where time.Date answers an hour early", "America/New_York", "2027-03-14T02:30", "2027-03-14T03:30:00-04:00", true, false},
		{"T2 overlap", "America/New_York", "2026-11-01T01:30", "2026-11-01T01:30:00-04:00", false, true},
		{"T2 overlap, where time.Date answers the second", "Europe/Berlin", "2026-10-25T02:30", "2026-10-25T02:30:00+02:00", false, true},
		{"last minute before the overlap", "Europe/Berlin", "2026-10-25T01:59", "2026-10-25T01:59:00+02:00", false, false},
		{"first minute of the overlap", "Europe/Berlin", "2026-10-25T02:00", "2026-10-25T02:00:00+02:00", false, true},
		{"last minute of the overlap", "Europe/Berlin", "2026-10-25T02:59", "2026-10-25T02:59:00+02:00", false, true},
		{"first minute after the overlap", "Europe/Berlin", "2026-10-25T03:00", "2026-10-25T03:00:00+01:00", false, false},
		{"midnight gap, where time.Date answers the day before", "America/Santiago", "2026-09-06T00:30", "2026-09-06T01:30:00-03:00", true, false},
		{"midnight overlap", "America/Santiago", "2026-04-04T23:30", "2026-04-04T23:30:00-03:00", false, true},
		{"midnight gap", "America/Havana", "2026-03-08T00:30", "2026-03-08T01:30:00-04:00", true, false},
		{"midnight overlap", "America/Havana", "2026-11-01T00:30", "2026-11-01T00:30:00-04:00", false, true},
		{"midnight gap", "Africa/Cairo", "2026-04-24T00:30", "2026-04-24T01:30:00+03:00", true, false},
		{"overlap before midnight", "Africa/Cairo", "2026-10-29T23:30", "2026-10-29T23:30:00+03:00", false, true},
		{"southern gap", "Australia/Sydney", "2026-10-04T02:30", "2026-10-04T03:30:00+11:00", true, false},
		{"southern overlap", "Australia/Sydney", "2027-04-04T02:30", "2027-04-04T02:30:00+11:00", false, true},
		{"half an hour's gap", "Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-04T02:45:00+11:00", true, false},
		{"after half an hour's gap", "Australia/Lord_Howe", "2026-10-04T02:30", "2026-10-04T02:30:00+11:00", false, false},
		{"half an hour's overlap", "Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-04T01:45:00+11:00", false, true},
		{"before half an hour's overlap", "Australia/Lord_Howe", "2027-04-04T01:15", "2027-04-04T01:15:00+11:00", false, false},
		{"quarter-hour offsets", "Pacific/Chatham", "2026-09-27T03:00", "2026-09-27T04:00:00+13:45", true, false},
		{"negative summer time", "Europe/Dublin", "2026-10-25T01:30", "2026-10-25T01:30:00+01:00", false, true},
		{"a day left out", "Pacific/Apia", "2011-12-30T12:00", "2011-12-31T12:00:00+14:00", true, false},
		{"a day lived twice", "Pacific/Kwajalein", "1969-09-30T12:00", "1969-09-30T12:00:00+11:00", false, true},
		{"a zone that gave up summer time", "America/Sao_Paulo", "2026-10-18T00:30", "2026-10-18T00:30:00-03:00", false, false},
		{"no changes", "UTC", "2026-10-25T02:30", "2026-10-25T02:30:00+00:00", false, false},
		{"before all tables", "Europe/Berlin", "0001-01-01T12:00", "0001-01-01T12:00:00+00:53", false, false},
		{"far future", "Europe/Berlin", "9999-07-01T12:00", "9999-07-01T12:00:00+02:00", false, false},
		{"before 1970", "Europe/London", "1965-07-01T12:00", "1965-07-01T12:00:00+01:00", false, false},
	} {
		got := Resolve(wallOf(t, c.wall), zoneOf(t, c.zone))
		shown := got.At.Time().In(zoneOf(t, c.zone)).Format("2006-01-02T15:04:05-07:00")
		if shown != c.want || got.Gap != c.gap || got.Overlap != c.overlap {
			t.Errorf("%s: %s in %s: %s, gap %t, overlap %t; want %s, %t, %t", c.name, c.wall, c.zone, shown, got.Gap, got.Overlap, c.want, c.gap, c.overlap)
		}
	}
}

var sampleZones = []string{
	"Africa/Cairo", "Africa/Casablanca", "Africa/Monrovia", "America/Asuncion", "America/Havana", "America/New_York", "America/Santiago", "America/St_Johns", "Antarctica/Troll",
	"Asia/Beirut", "Asia/Kathmandu", "Asia/Tehran", "Atlantic/Azores", "Australia/Lord_Howe", "Australia/Sydney", "Europe/Berlin", "Europe/Dublin", "Pacific/Apia", "Pacific/Chatham",
	"Pacific/Kiritimati", "UTC",
}

// TestQ12_EveryHour walks forty years of each zone by the hour and asks for what the clock shows: the resolver must answer that
// instant or, where the reading comes twice, an earlier one, and must know which.
func TestQ12_EveryHour(t *testing.T) {
	t.Parallel()
	for _, name := range sampleZones {
		loc := zoneOf(t, name)
		c := clockOf(loc) // kept over all steps, unlike that of Resolve
		for at := midnight(DateOf(1996, 1, 1)); at < midnight(DateOf(2036, 1, 1)); at = at.Add(time.Hour) {
			w := WallAt(at, loc)
			got := c.resolve(w)
			switch {
			case got.Gap, got.At > at, got.At < at && !got.Overlap, WallAt(got.At, loc) != w:
				t.Fatalf("%s: %s shows %s, which resolves to %s (gap %t, overlap %t)", name, at, w, got.At, got.Gap, got.Overlap)
			}
		}
	}
}

// TestStretches compares the chart of each zone, and what is looked up outside it, with the offsets of the time package, every
// three hours of eighty years: new year's eves of leap years, of which the time package gives wrong bounds, are among them.
func TestStretches(t *testing.T) {
	t.Parallel()
	for _, name := range sampleZones {
		loc := zoneOf(t, name)
		c := clockOf(loc)
		if n := len(c.chart); n == 0 || n > 400 {
			t.Fatalf("%s: a chart of %d stretches", name, n)
		}
		for sec := int64(DateOf(1990, 1, 1)) * daySeconds; sec < int64(DateOf(2070, 1, 1))*daySeconds; sec += 3 * 3600 {
			_, want := time.Unix(sec, 0).In(loc).Zone()
			got := c.stretch(sec)
			if got.offset != int64(want) || sec < got.from || sec >= got.to {
				t.Fatalf("%s at %s: %v, want the offset %d", name, time.Unix(sec, 0).UTC(), got, want)
			}
		}
	}
}

// TestQ12_OffsetThatComesBack: an offset that holds before and after a short other one is one candidate, not two readings.
func TestQ12_OffsetThatComesBack(t *testing.T) {
	t.Parallel()
	noon := int64(DateOf(2027, 1, 12))*daySeconds + 12*3600
	c := clock{loc: time.UTC, chart: []stretch{
		{from: math.MinInt64, to: noon - 5*3600, offset: 3600},
		{from: noon - 5*3600, to: noon + 5*3600, offset: 7200},
		{from: noon + 5*3600, to: math.MaxInt64, offset: 3600},
	}}
	for text, want := range map[string]string{
		"2027-01-11T20:00": "2027-01-11T19:00:00Z",
		"2027-01-12T07:30": "2027-01-12T06:30:00Z", // the only reading, though a change is hours away on both sides
		"2027-01-12T12:00": "2027-01-12T10:00:00Z",
		"2027-01-13T04:00": "2027-01-13T03:00:00Z",
	} {
		if got := c.resolve(wallOf(t, text)); got.At.String() != want || got.Gap || got.Overlap {
			t.Errorf("%s: %s, gap %t, overlap %t; want %s", text, got.At, got.Gap, got.Overlap, want)
		}
	}
}

// TestQ12_KeptStretch: the clock that steppers keep answers what a fresh one does, in whatever order it is asked.
func TestQ12_KeptStretch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(sampleZones).Draw(t, "zone")
		loc, err := Zone(name)
		if err != nil {
			t.Fatal(err)
		}
		kept := clockOf(loc)
		w := Wall{Date: DateOf(1900, 1, 1) + Date(rapid.IntRange(0, 200*365).Draw(t, "day"))}
		for range 50 {
			w.Date += Date(rapid.IntRange(-40, 40).Draw(t, "step"))
			w.Minute = rapid.IntRange(0, 1439).Draw(t, "minute")
			utc := int64(w.Date)*daySeconds + int64(w.Minute)*60
			plain := clock{loc: loc} // neither a chart nor a kept stretch
			if got, want := kept.resolve(w), plain.nearChange(utc); got != want {
				t.Fatalf("%s in %s: %v, want %v", w, name, got, want)
			}
		}
	})
}

func TestDate(t *testing.T) {
	t.Parallel()
	day := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for d := DateOf(1, 1, 1); d <= lastDay; d++ {
		y, m, dd := d.Civil()
		if y != day.Year() || m != int(day.Month()) || dd != day.Day() || d.Weekday() != day.Weekday() || DateOf(y, m, dd) != d {
			t.Fatalf("day %d is %d-%d-%d, %s; want %s", d, y, m, dd, d.Weekday(), day.Format("2006-01-02, Monday"))
		}
		if dd == 1 && (monthDays(y, m) != time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day() || leap(y) != (time.Date(y, 12, 31, 0, 0, 0, 0, time.UTC).YearDay() == 366)) {
			t.Fatalf("month %d-%d has %d days", y, m, monthDays(y, m))
		}
		if d%97 == 0 {
			if back, err := ParseDate(d.String()); err != nil || back != d || d.String() != day.Format("2006-01-02") {
				t.Fatalf("%s reads back as %s, %v", d, back, err)
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	for _, c := range [][3]int{{2027, 2, 29}, {2027, 13, 1}, {2027, 0, 1}, {2027, -11, 31}, {2027, 27, 0}, {2027, 1, -40}, {-4, 2, 29}} {
		want := time.Date(c[0], time.Month(c[1]), c[2], 0, 0, 0, 0, time.UTC).Unix() / daySeconds
		if got := DateOf(c[0], c[1], c[2]); int64(got) != want {
			t.Errorf("%v is day %d, want %d", c, got, want)
		}
	}
}

func TestParseDateRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "2027-02-29", "2100-02-29", "2027-04-31", "2027-13-01", "2027-00-01", "2027-01-00", "0000-01-01", "27-01-01", "2027-1-1", "2027/01/01", "20270101", "2027-01-01 ", " 2027-01-01",
		"-027-01-01", "2027-+1-01", "2027-01-01T00:00", "２027-01-01",
	} {
		checkForm(t, s, "YYYY-MM-DD", func() error { _, err := ParseDate(s); return err })
	}
}

func TestParseWall(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"2027-01-12T12:30", "2028-02-29T00:00", "1969-12-31T23:59", "0001-01-01T00:00", "9999-12-31T23:59"} {
		if w, err := ParseWall(s); err != nil || w.String() != s {
			t.Errorf("%s reads as %s, %v", s, w, err)
		}
	}
	for _, s := range []string{
		"", "2027-01-12", "2027-01-12 12:30", "2027-01-12t12:30", "2027-01-12T12:30:00", "2027-01-12T12:30Z", "2027-01-12T12:30+01:00", "2027-01-12T24:00", "2027-01-12T12:60", "2027-01-12T1:300",
		"2027-01-12T+1:30", "2027-01-12T12.30", "2027-02-29T12:30", "20270112T123000Z",
	} {
		checkForm(t, s, "YYYY-MM-DDTHH:MM", func() error { _, err := ParseWall(s); return err })
	}
}

func checkForm(t *testing.T, s, form string, parse func() error) {
	t.Helper()
	err := parse()
	switch {
	case err == nil:
		t.Errorf("%q: accepted", s)
	case !errors.Is(err, Invalid) || !strings.Contains(err.Error(), form):
		t.Errorf("%q: %v", s, err)
	case s != "" && strings.Contains(err.Error(), s):
		t.Errorf("%q is repeated in %q", s, err)
	}
}

func TestWallBefore(t *testing.T) {
	t.Parallel()
	early, late, next := Wall{Date: 1, Minute: 5}, Wall{Date: 1, Minute: 6}, Wall{Date: 2}
	for _, c := range []struct {
		a, b Wall
		want bool
	}{{early, late, true}, {late, early, false}, {early, early, false}, {late, next, true}, {next, late, false}} {
		if got := c.a.Before(c.b); got != c.want {
			t.Errorf("%s before %s: %t", c.a, c.b, got)
		}
	}
}

func TestWallAt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ at, zone, want string }{
		{"2027-01-12T11:30:00Z", "Europe/Berlin", "2027-01-12T12:30"},
		{"2027-01-12T11:30:59.999Z", "Europe/Berlin", "2027-01-12T12:30"},
		{"2027-01-12T11:30:00Z", "Pacific/Kiritimati", "2027-01-13T01:30"},
		{"2027-01-01T00:00:00Z", "America/Santiago", "2026-12-31T21:00"},
		{"1969-12-31T23:59:59.999Z", "UTC", "1969-12-31T23:59"},
		{"1960-01-01T00:00:00Z", "America/New_York", "1959-12-31T19:00"},
		{"1971-06-01T12:00:00Z", "Africa/Monrovia", "1971-06-01T11:15"}, // 44 minutes and 30 seconds west
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := WallAt(At(at), zoneOf(t, c.zone)).String(); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.at, c.zone, got, c.want)
		}
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	for _, name := range append([]string{"America/Argentina/Buenos_Aires", "America/Port-au-Prince", "Etc/GMT+3", "Etc/UTC"}, sampleZones...) {
		loc := zoneOf(t, name)
		if loc.String() != name {
			t.Errorf("%s is called %s", name, loc)
		}
		if again := zoneOf(t, name); again != loc {
			t.Errorf("%s was read twice", name)
		}
	}
	for _, name := range []string{
		"", "Local", "localtime", "posixrules", "Factory", "right/Europe/Berlin", "posix/Europe/Berlin", "Mars/Olympus", "Europe", "Europe/", "/Europe/Berlin", "Europe//Berlin", "./Europe/Berlin",
		"Europe/./Berlin", "Europe/../Europe/Berlin", "../zoneinfo/Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin", `Europe\Berlin`, "Europe/Berlin ", "Europe/Berlin\x00", "tzdata.zi", "zone.tab", "+01:00",
		strings.Repeat("Europe/", 20) + "Berlin",
	} {
		loc, err := Zone(name)
		if err == nil {
			t.Errorf("%q: accepted as %s", name, loc)
			continue
		}
		checkSentence(t, err, name, "body.time_zone")
	}
}

// TestZoneName has what must not reach the file system, whatever that would make of it.
func TestZoneName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Ber.lin", "Europe/Ber lin", "Europe/Berl\u0131n", "Europe/Berlin;", strings.Repeat("A", 65)} {
		if zoneName(name) {
			t.Errorf("%q could be a zone", name)
		}
	}
}

// TestTZData: two calls in one process agree, and there is something to show.
func TestTZData(t *testing.T) {
	t.Parallel()
	if v := TZData(); v == "" || v != TZData() {
		t.Errorf("version %q", v)
	}
}
