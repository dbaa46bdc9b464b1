package programs

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"
)

// vector is one line of a corpus of expansions and refusals.
type vector struct {
	Name     string   `json:"name"`
	Start    string   `json:"dtstart"`
	Zone     string   `json:"tzid"`
	RRule    string   `json:"rrule"`
	Skip     []string `json:"skip_dates"`
	Extra    []string `json:"extra_dates"`
	Expect   []string `json:"expect"`
	Gaps     []string `json:"gaps"`
	Overlaps []string `json:"overlaps"`
	Refuse   string   `json:"refuse"`
}

func TestQ14_OwnVectors(t *testing.T) {
	t.Parallel()
	runVectors(t, "testdata/recurrence.jsonl", 148, 52)
}

// TestQ14_SharedVectors reads the whole corpus, of which some lines come from other projects and therefore do not live here.
func TestQ14_SharedVectors(t *testing.T) {
	t.Parallel()
	const corpus = "../../shared/vectors/recurrence.jsonl"
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("the full corpus of recurrence vectors is not beside this checkout; its own share is tested by TestQ14_OwnVectors")
	}
	runVectors(t, corpus, 660, 341)
}

func runVectors(t *testing.T, path string, expansions, refusals int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	expanded, refused := 0, 0
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		if v.Expect == nil {
			refused++
			checkRefusal(t, v)
			continue
		}
		expanded++
		checkExpansion(t, v)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if expanded != expansions || refused != refusals {
		t.Errorf("read %d expansions and %d refusals, want %d and %d", expanded, refused, expansions, refusals)
	}
}

func checkExpansion(t *testing.T, v vector) {
	t.Helper()
	s := v.series(t)
	found, err := Dates(s, 0)
	if err != nil {
		t.Errorf("%s: %v", v.Name, err)
		return
	}
	loc := zoneOf(t, v.Zone)
	starts, gaps, overlaps := []string{}, []string{}, []string{}
	for i, o := range found {
		if i > 0 && found[i-1].StartsAt >= o.StartsAt {
			t.Errorf("%s: dates %d and %d are out of order", v.Name, i-1, i)
		}
		if o.Skipped {
			if !slices.Contains(v.Skip, o.Slot) {
				t.Errorf("%s: %s is skipped for no reason", v.Name, o.Slot)
			}
			continue
		}
		starts = append(starts, o.StartsAt.Time().In(loc).Format("2006-01-02T15:04:05-07:00"))
		if o.Gap {
			gaps = append(gaps, o.Wall.String())
		}
		if o.Overlap {
			overlaps = append(overlaps, o.Wall.String())
		}
	}
	if diff := cmp.Diff(v.Expect, starts); diff != "" {
		t.Errorf("%s: dates (-want +got):\n%s", v.Name, diff)
	}
	if diff := cmp.Diff(v.Gaps, gaps); diff != "" {
		t.Errorf("%s: gaps (-want +got):\n%s", v.Name, diff)
	}
	if diff := cmp.Diff(v.Overlaps, overlaps); diff != "" {
		t.Errorf("%s: overlaps (-want +got):\n%s", v.Name, diff)
	}
}

func checkRefusal(t *testing.T, v vector) {
	t.Helper()
	s := v.series(t)
	var err error
	if !within(10*time.Millisecond, func() { _, err = Dates(s, 0) }) {
		t.Errorf("%s: refused too late", v.Name)
	}
	var refusal *Error
	if !errors.As(err, &refusal) || !errors.Is(err, Invalid) {
		t.Errorf("%s: got %v, want a refusal (%s)", v.Name, err, v.Refuse)
		return
	}
	if says := refusal.Error(); says == "" || strings.Contains(strings.ToUpper(says), strings.ToUpper(v.RRule)) {
		t.Errorf("%s: the refusal %q is empty or repeats the rule", v.Name, says)
	}
	want := "body.rrule"
	if v.Refuse == "start" {
		want = "body.local_start"
	}
	if len(refusal.Where) != 1 || refusal.Where[0].Where != want {
		t.Errorf("%s: the refusal is about %v, want %s", v.Name, refusal.Where, want)
	}
}

func (v vector) series(t *testing.T) Series {
	t.Helper()
	s := Series{Details: Details{LocalStart: wallOf(t, v.Start), TimeZone: v.Zone, DurationMinutes: 45}, RRule: v.RRule}
	for _, d := range v.Skip {
		s.SkipDates = append(s.SkipDates, dayOf(t, d))
	}
	for _, w := range v.Extra {
		s.ExtraDates = append(s.ExtraDates, wallOf(t, w))
	}
	return s
}

func TestDates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone, start, rrule string
		skip, extra              []string
		horizon                  string
		want                     string // slots; "-" marks skipped, "^" gap, "~" overlap
	}{
		{name: "T4 the empty rule is one date", start: "2027-01-12T12:30", want: "2027-01-12"},
		{name: "T4 the empty rule with extra dates", start: "2027-01-12T12:30", extra: []string{"2027-02-01T09:00", "2027-01-14T09:00"}, want: "2027-01-12 2027-01-14T09:00 2027-02-01T09:00"},
		{name: "T5 an open rule ends at the horizon", start: "2027-01-12T12:30", rrule: "FREQ=WEEKLY", horizon: "2027-01-26", want: "2027-01-12 2027-01-19 2027-01-26"},
		{name: "T5 an extra date waits for the horizon", start: "2027-01-12T12:30", rrule: "FREQ=WEEKLY", extra: []string{"2027-01-21T09:00"}, horizon: "2027-01-20", want: "2027-01-12 2027-01-19"},
		{name: "T5 a rule with an end ignores the horizon", start: "2027-01-12T12:30", rrule: "FREQ=WEEKLY;COUNT=3", horizon: "2027-01-13", want: "2027-01-12 2027-01-19 2027-01-26"},
		{name: "T5 UNTIL is a local day", zone: "Pacific/Auckland", start: "2027-01-12T23:30", rrule: "FREQ=DAILY;UNTIL=20270114", want: "2027-01-12 2027-01-13 2027-01-14"},
		{name: "T5 UNTIL is a local day west of Greenwich", zone: "America/Los_Angeles", start: "2027-01-12T23:30", rrule: "FREQ=DAILY;UNTIL=20270114", want: "2027-01-12 2027-01-13 2027-01-14"},
		{name: "Q6 UNTIL is inclusive by instant", start: "2027-01-12T12:30", rrule: "FREQ=DAILY;UNTIL=20270114T113000Z", want: "2027-01-12 2027-01-13 2027-01-14"},
		{name: "Q6 UNTIL a second before", start: "2027-01-12T12:30", rrule: "FREQ=DAILY;UNTIL=20270114T112959Z", want: "2027-01-12 2027-01-13"},
		{name: "Q6 UNTIL at the start", start: "2027-01-12T12:30", rrule: "FREQ=DAILY;UNTIL=20270112T113000Z", want: "2027-01-12"},
		{name: "Q2 weekdays by number of the week", start: "2027-01-12T12:30", rrule: "FREQ=WEEKLY;BYDAY=TH,TU;COUNT=4", want: "2027-01-12 2027-01-14 2027-01-19 2027-01-21"},
		{name: "Q5 WKST Monday", start: "1997-08-05T09:00", rrule: "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", want: "1997-08-05 1997-08-10 1997-08-19 1997-08-24"},
		{name: "Q5 WKST Sunday", start: "1997-08-05T09:00", rrule: "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", want: "1997-08-05 1997-08-17 1997-08-19 1997-08-31"},
		{name: "Q10 31 April is no date and does not count", start: "2027-03-31T12:30", rrule: "FREQ=MONTHLY;COUNT=3", want: "2027-03-31 2027-05-31 2027-07-31"},
		{name: "Q10 a fifth Tuesday", start: "2027-03-30T12:30", rrule: "FREQ=MONTHLY;BYDAY=5TU;COUNT=3", want: "2027-03-30 2027-06-29 2027-08-31"},
		{name: "Q10 29 February", start: "2028-02-29T12:30", rrule: "FREQ=YEARLY;COUNT=1", want: "2028-02-29"},
		{name: "Q3 the last day", start: "2027-01-31T12:30", rrule: "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", want: "2027-01-31 2027-02-28 2027-03-31"},
		{name: "Q3 the last Friday", start: "2027-01-29T12:30", rrule: "FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", want: "2027-01-29 2027-02-26 2027-03-26"},
		{name: "Q4 by month and weekday", start: "2027-03-09T12:30", rrule: "FREQ=YEARLY;BYMONTH=3;BYDAY=2TU;COUNT=3", want: "2027-03-09 2028-03-14 2029-03-13"},
		{name: "Q11 COUNT counts skipped dates", start: "2027-01-12T12:30", rrule: "FREQ=WEEKLY;COUNT=3", skip: []string{"2027-01-19"}, want: "2027-01-12 -2027-01-19 2027-01-26"},
		{name: "Q11 the start may be skipped", start: "2027-01-12T12:30", rrule: "FREQ=WEEKLY;COUNT=2", skip: []string{"2027-01-12"}, want: "-2027-01-12 2027-01-19"},
		{name: "Q11 a skip date wins over an extra date of that day", start: "2027-01-12T12:30", rrule: "FREQ=WEEKLY;COUNT=2", skip: []string{"2027-01-14"}, extra: []string{"2027-01-14T09:00", "2027-01-15T09:00"}, want: "2027-01-12 2027-01-15T09:00 2027-01-19"},
		{name: "Q11 a skip date of no date is nothing", start: "2027-01-12T12:30", rrule: "FREQ=WEEKLY;COUNT=2", skip: []string{"2027-01-13"}, want: "2027-01-12 2027-01-19"},
		{name: "Q11 an extra date equal to a date is that date", start: "2027-01-12T12:30", rrule: "FREQ=WEEKLY;COUNT=2", extra: []string{"2027-01-19T12:30", "2027-01-20T12:30", "2027-01-20T12:30"}, want: "2027-01-12 2027-01-19 2027-01-20T12:30"},
		{name: "Q11 an extra date where a gap moves a date to is that date", start: "2027-03-21T02:30", rrule: "FREQ=WEEKLY;COUNT=2", extra: []string{"2027-03-28T03:30"}, want: "2027-03-21 2027-03-28^"},
		{name: "Q11 of two dates that are one instant, the one that takes place", zone: "Pacific/Apia", start: "2011-12-29T12:00", rrule: "FREQ=DAILY;COUNT=3", skip: []string{"2011-12-30"}, want: "2011-12-29 2011-12-31"},
		{name: "Q11 a skipped date hides no extra date of another day", zone: "Pacific/Apia", start: "2011-12-23T12:00", rrule: "FREQ=WEEKLY;COUNT=3", skip: []string{"2011-12-30"}, extra: []string{"2011-12-31T12:00"}, want: "2011-12-23 2011-12-31T12:00 2012-01-06"},
		{name: "Q11 a day that the zone leaves out is the next day's date", zone: "Pacific/Apia", start: "2011-12-29T12:00", rrule: "FREQ=DAILY;COUNT=4", want: "2011-12-29 2011-12-31 2012-01-01"},
		{name: "Q11 an extra date before the start", start: "2027-01-12T12:30", rrule: "FREQ=WEEKLY;COUNT=2", extra: []string{"2027-01-11T12:30"}, want: "2027-01-11T12:30 2027-01-12 2027-01-19"},
		{name: "T2 a gap is named", start: "2027-03-27T02:30", rrule: "FREQ=DAILY;COUNT=3", want: "2027-03-27 2027-03-28^ 2027-03-29"},
		{name: "T2 an overlap is named", start: "2026-10-24T02:30", rrule: "FREQ=DAILY;COUNT=3", want: "2026-10-24 2026-10-25~ 2026-10-26"},
		{name: "Q8 an interval beyond the calendar is one date", start: "2027-01-12T12:30", rrule: "FREQ=DAILY;INTERVAL=2147483647;UNTIL=99991231", want: "2027-01-12"},
		{name: "Q8 an interval that would wrap around to this year", start: "2027-01-12T12:30", rrule: "FREQ=YEARLY;INTERVAL=11759222;UNTIL=20300101", want: "2027-01-12"},
		{name: "Q8 a long UNTIL that meets no second date", start: "2027-01-12T12:30", rrule: "FREQ=YEARLY;INTERVAL=100;UNTIL=20990101", want: "2027-01-12"},
	} {
		s := Series{Details: Details{LocalStart: wallOf(t, c.start), TimeZone: c.zone, DurationMinutes: 45}, RRule: c.rrule}
		if c.zone == "" {
			s.TimeZone = "Europe/Berlin"
		}
		for _, d := range c.skip {
			s.SkipDates = append(s.SkipDates, dayOf(t, d))
		}
		for _, w := range c.extra {
			s.ExtraDates = append(s.ExtraDates, wallOf(t, w))
		}
		horizon := Date(0)
		if c.horizon != "" {
			horizon = dayOf(t, c.horizon)
		}
		found, err := Dates(s, horizon)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, o := range found {
			slot := o.Slot
			if o.Skipped {
				slot = "-" + slot
			}
			if o.Gap {
				slot += "^"
			}
			if o.Overlap {
				slot += "~"
			}
			got = append(got, slot)
		}
		if diff := cmp.Diff(strings.Fields(c.want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestDatesRefuse(t *testing.T) {
	t.Parallel()
	many := func(n int) (walls []Wall, dates []Date) {
		for i := range n {
			walls = append(walls, Wall{Date: DateOf(2027, 1, 13) + Date(i), Minute: 600})
			dates = append(dates, DateOf(2027, 1, 13)+Date(i))
		}
		return walls, dates
	}
	walls521, dates521 := many(521)
	walls519, dates520 := many(520)
	walls519 = walls519[:519]
	for _, c := range []struct {
		name, start, rrule string
		extra              []Wall
		skip               []Date
		part, where        string // no part: accepted
	}{
		{name: "Q7 weekday", start: "2027-01-12T12:30", rrule: "FREQ=WEEKLY;BYDAY=WE", part: "2027-01-13", where: "body.local_start"},
		{name: "Q7 the next date is two weeks on", start: "2027-01-17T12:30", rrule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA", part: "2027-01-30", where: "body.local_start"},
		{name: "Q7 month day", start: "2027-01-12T12:30", rrule: "FREQ=MONTHLY;BYMONTHDAY=-1", part: "2027-01-31", where: "body.local_start"},
		{name: "Q7 whatever COUNT and UNTIL say", start: "2027-01-12T12:30", rrule: "FREQ=WEEKLY;BYDAY=WE;UNTIL=20270112", part: "2027-01-13", where: "body.local_start"},
		{name: "Q7 no date at all", start: "2027-02-12T12:30", rrule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1", part: "none", where: "body.local_start"},
		{name: "Q6 UNTIL before the start", start: "2027-01-12T12:30", rrule: "FREQ=DAILY;UNTIL=20270111", part: "UNTIL", where: "body.rrule"},
		{name: "Q6 UNTIL a second before the start", start: "2027-01-12T12:30", rrule: "FREQ=DAILY;UNTIL=20270112T112959Z", part: "UNTIL", where: "body.rrule"},
		{name: "Q8 520 dates", start: "2027-01-12T12:30", rrule: "FREQ=DAILY;COUNT=520"},
		{name: "Q8 521 dates", start: "2027-01-12T12:30", rrule: "FREQ=DAILY;COUNT=521", part: "520", where: "body.rrule"},
		{name: "Q8 521 dates by UNTIL", start: "2027-01-12T12:30", rrule: "FREQ=DAILY;UNTIL=20300101", part: "520", where: "body.rrule"},
		{name: "Q8 skipped dates count", start: "2027-01-12T12:30", rrule: "FREQ=DAILY;COUNT=521", skip: dates520, part: "520", where: "body.rrule"},
		{name: "Q8 519 extra dates and the start", start: "2027-01-12T12:30", extra: walls519},
		{name: "Q8 extra dates count", start: "2027-01-12T12:30", rrule: "FREQ=DAILY;COUNT=2", extra: walls519, part: "520", where: "body.extra_dates"},
		{name: "Q8 five years to the day", start: "2027-01-12T12:30", rrule: "FREQ=YEARLY;UNTIL=20320112"},
		{name: "Q8 more than five years", start: "2027-01-12T12:30", rrule: "FREQ=YEARLY;COUNT=7", part: "5 years", where: "body.rrule"},
		{name: "Q8 more than five years by UNTIL", start: "2027-01-12T12:30", rrule: "FREQ=MONTHLY;UNTIL=20320113", extra: nil},
		{name: "Q8 one month more than five years by UNTIL", start: "2027-01-12T12:30", rrule: "FREQ=MONTHLY;UNTIL=20320212", part: "5 years", where: "body.rrule"},
		{name: "Q8 the calendar ends first", start: "9998-01-12T12:30", rrule: "FREQ=YEARLY;COUNT=3", part: "5 years", where: "body.rrule"},
		{name: "Q8 an extra date after five years", start: "2027-01-12T12:30", extra: []Wall{{Date: DateOf(2032, 1, 13)}}, part: "5 years", where: "body.extra_dates"},
		{name: "Q8 an extra date five years before", start: "2027-01-12T12:30", extra: []Wall{{Date: DateOf(2022, 1, 11)}}, part: "5 years", where: "body.extra_dates"},
		{name: "too many extra dates", start: "2027-01-12T12:30", rrule: "FREQ=DAILY", extra: walls521, part: "extra dates", where: "body.extra_dates"},
		{name: "too many skip dates", start: "2027-01-12T12:30", rrule: "FREQ=DAILY", skip: dates521, part: "skip dates", where: "body.skip_dates"},
		{name: "a rule that cannot be read", start: "2027-01-12T12:30", rrule: "FREQ=HOURLY", part: "FREQ", where: "body.rrule"},
	} {
		s := Series{Details: Details{LocalStart: wallOf(t, c.start), TimeZone: "Europe/Berlin", DurationMinutes: 45}, RRule: c.rrule, ExtraDates: c.extra, SkipDates: c.skip}
		found, err := Dates(s, DateOf(2028, 1, 1))
		switch {
		case c.part == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.part == "":
		case err == nil:
			t.Errorf("%s: %d dates", c.name, len(found))
		default:
			checkSentence(t, err, c.rrule, c.where)
			if !strings.Contains(err.Error(), c.part) {
				t.Errorf("%s: %q does not name %q", c.name, err, c.part)
			}
		}
	}
	if _, err := Dates(Series{Details: Details{LocalStart: wallOf(t, "2027-01-12T12:30"), TimeZone: "Mars/Olympus"}}, 0); err == nil {
		t.Error("a zone that does not exist: accepted")
	} else {
		checkSentence(t, err, "Mars/Olympus=", "body.time_zone")
	}
}

// TestQ8_TheCalendarEnds: no horizon leads past the last year that can be written.
func TestQ8_TheCalendarEnds(t *testing.T) {
	t.Parallel()
	s := Series{Details: Details{LocalStart: wallOf(t, "9999-12-30T12:30"), TimeZone: "Europe/Berlin", DurationMinutes: 45}, RRule: "FREQ=DAILY"}
	found, err := Dates(s, lastDay+Horizon)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || found[1].Slot != "9999-12-31" {
		t.Errorf("got %v", found)
	}
}

// TestT6_EndIsElapsedTime: an hour that begins before the clocks change ends sixty minutes later, whatever they show then.
func TestT6_EndIsElapsedTime(t *testing.T) {
	t.Parallel()
	s := Series{Details: Details{LocalStart: wallOf(t, "2027-03-28T01:30"), TimeZone: "Europe/Berlin", DurationMinutes: 90}}
	found, err := Dates(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := found[0].StartsAt.String() + " " + found[0].EndsAt.String(); got != "2027-03-28T00:30:00Z 2027-03-28T02:00:00Z" {
		t.Errorf("got %s", got)
	}
}

// TestT5_ALaterHorizonOnlyAdds: what extends an open-ended series relies on slots and instants that stay.
func TestT5_ALaterHorizonOnlyAdds(t *testing.T) {
	t.Parallel()
	s := Series{Details: Details{LocalStart: wallOf(t, "2026-10-06T02:30"), TimeZone: "Europe/Berlin", DurationMinutes: 45}, RRule: "FREQ=WEEKLY;BYDAY=TU,SU", SkipDates: []Date{DateOf(2026, 12, 27)}}
	long, err := Dates(s, DateOf(2037, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	if len(long) < 2*52*10 {
		t.Errorf("an open-ended rule gave %d dates in ten years", len(long))
	}
	for _, horizon := range []Date{DateOf(2026, 10, 5), DateOf(2026, 10, 6), DateOf(2027, 3, 28), DateOf(2030, 2, 3)} {
		short, err := Dates(s, horizon)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(long[:len(short)], short); diff != "" {
			t.Errorf("horizon %s (-long +short):\n%s", horizon, diff)
		}
		if next := long[len(short)]; next.Wall.Date <= horizon {
			t.Errorf("horizon %s: %s is missing", horizon, next.Slot)
		}
	}
}

// TestQ14_AgreesWithRRuleGo compares the walk with rrule-go on floating time, where no zone can hide a difference, for rules that
// our parser accepted: others make rrule-go run without end.
func TestQ14_AgreesWithRRuleGo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := drawRule(t)
		r, err := ParseRule(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		start := Wall{Date: DateOf(rapid.IntRange(1996, 2040).Draw(t, "year"), 1, 1) + Date(rapid.IntRange(0, 365).Draw(t, "day")), Minute: rapid.IntRange(0, 1439).Draw(t, "minute")}
		steps := r.Steps(start, time.UTC, lastDay)
		if d, ok := steps.date(); ok && rapid.IntRange(0, 9).Draw(t, "keep") > 0 {
			start.Date = d // nearly always a date of the rule
		}
		last := start.Date + 3*366
		steps = r.Steps(start, time.UTC, last)
		var got []string
		for w, at, ok := steps.Next(); ok; w, at, ok = steps.Next() {
			if at != (Resolved{At: Instant((int64(w.Date)*daySeconds + int64(w.Minute)*60) * 1000)}) {
				t.Fatalf("%s resolves to %v in UTC", w, at)
			}
			got = append(got, w.String())
		}
		options, err := rrule.StrToROption(text)
		if err != nil {
			t.Fatal(err)
		}
		y, m, d := start.Date.Civil()
		options.Dtstart = time.Date(y, time.Month(m), d, 0, start.Minute, 0, 0, time.UTC)
		if r.until.form == 'd' { // ours ends with that day, rrule-go with its midnight
			options.Until = options.Until.Add(24*time.Hour - time.Second)
		}
		oracle, err := rrule.NewRRule(*options)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, at := range oracle.Between(options.Dtstart, midnight(last).Add(24*time.Hour-time.Second).Time(), true) {
			want = append(want, at.Format("2006-01-02T15:04"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s from %s (-rrule-go +ours):\n%s", text, start, diff)
		}
	})
}

// drawRule draws a rule of the subset that starts in the years from 1996 to 2040.
func drawRule(t *rapid.T) string {
	freq := rapid.SampledFrom([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}).Draw(t, "freq")
	parts := []string{"FREQ=" + freq}
	if n := rapid.IntRange(1, 5).Draw(t, "interval"); n > 1 || rapid.Bool().Draw(t, "say interval") {
		parts = append(parts, fmt.Sprintf("INTERVAL=%d", n))
	}
	nth := func() int {
		return rapid.IntRange(1, 5).Draw(t, "nth") * rapid.SampledFrom([]int{1, -1}).Draw(t, "sign")
	}
	switch kind := rapid.IntRange(0, 2).Draw(t, "kind"); {
	case freq == "WEEKLY" && kind > 0:
		days := rapid.SliceOfN(rapid.SampledFrom(weekdays[:]), 1, 7).Draw(t, "days")
		parts = append(parts, "BYDAY="+strings.Join(days, ","))
	case (freq == "MONTHLY" || freq == "YEARLY") && kind == 1:
		parts = append(parts, fmt.Sprintf("BYDAY=%d%s", nth(), rapid.SampledFrom(weekdays[:]).Draw(t, "weekday")))
	case (freq == "MONTHLY" || freq == "YEARLY") && kind == 2:
		day := rapid.IntRange(1, 31).Draw(t, "month day") * rapid.SampledFrom([]int{1, -1}).Draw(t, "sign")
		parts = append(parts, fmt.Sprintf("BYMONTHDAY=%d", day))
	}
	if freq == "YEARLY" && len(parts) > 1 && strings.HasPrefix(parts[len(parts)-1], "BY") {
		parts = append(parts, fmt.Sprintf("BYMONTH=%d", rapid.IntRange(1, 12).Draw(t, "month")))
	}
	if rapid.Bool().Draw(t, "say WKST") {
		parts = append(parts, "WKST="+rapid.SampledFrom(weekdays[:]).Draw(t, "wkst"))
	}
	switch rapid.IntRange(0, 3).Draw(t, "end") {
	case 1:
		parts = append(parts, fmt.Sprintf("COUNT=%d", rapid.IntRange(1, 600).Draw(t, "count")))
	case 2:
		until := DateOf(1996, 1, 1) + Date(rapid.IntRange(0, 45*365).Draw(t, "until"))
		parts = append(parts, "UNTIL="+strings.ReplaceAll(until.String(), "-", ""))
	case 3:
		until := midnight(DateOf(1996, 1, 1)).Add(time.Duration(rapid.IntRange(0, 45*365*24*3600).Draw(t, "until")) * time.Second)
		parts = append(parts, "UNTIL="+until.Time().Format("20060102T150405Z"))
	}
	return strings.Join(rapid.Permutation(parts).Draw(t, "order"), ";")
}

func wallOf(t testing.TB, s string) Wall {
	t.Helper()
	w, err := ParseWall(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return w
}

func dayOf(t testing.TB, s string) Date {
	t.Helper()
	d, err := ParseDate(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return d
}

func zoneOf(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := Zone(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return loc
}
