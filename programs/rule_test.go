package programs

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// within reports whether f ends in time in one of three runs: on a shared machine one may be interrupted for longer than it takes.
func within(budget time.Duration, f func()) bool {
	for range 3 {
		over := time.NewTimer(budget)
		f()
		if over.Stop() {
			return true
		}
	}
	return false
}

func TestRuleParses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"Q1 any order", "COUNT=3;BYDAY=MO;FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO;COUNT=3"},
		{"Q1 any case", "freq=weekly;byday=mo;until=20270131t170000z", "FREQ=WEEKLY;BYDAY=MO;UNTIL=20270131T170000Z"},
		{"Q1 leading zeros", "FREQ=DAILY;INTERVAL=0002;COUNT=00000000000000004", "FREQ=DAILY;INTERVAL=2;COUNT=4"},
		{"Q1 largest number", "FREQ=DAILY;INTERVAL=2147483647", "FREQ=DAILY;INTERVAL=2147483647"},
		{"Q2 interval of one says nothing", "FREQ=DAILY;INTERVAL=1", "FREQ=DAILY"},
		{"Q2 repeated weekdays are one", "FREQ=WEEKLY;BYDAY=TH,MO,TH,SU", "FREQ=WEEKLY;BYDAY=MO,TH,SU"},
		{"Q3 weekday", "FREQ=MONTHLY;BYDAY=+1FR", "FREQ=MONTHLY;BYDAY=1FR"},
		{"Q3 weekday from the end", "FREQ=MONTHLY;BYDAY=-05FR", "FREQ=MONTHLY;BYDAY=-5FR"},
		{"Q3 month day", "FREQ=MONTHLY;BYMONTHDAY=-31", "FREQ=MONTHLY;BYMONTHDAY=-31"},
		{"Q3 neither", "FREQ=MONTHLY", "FREQ=MONTHLY"},
		{"Q4 weekday", "FREQ=YEARLY;BYMONTH=03;BYDAY=2TU", "FREQ=YEARLY;BYMONTH=3;BYDAY=2TU"},
		{"Q4 month day", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31"},
		{"Q4 none", "FREQ=YEARLY", "FREQ=YEARLY"},
		{"Q5 WKST acts", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;WKST=SU", "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU"},
		{"Q5 WKST does not act on every week", "FREQ=WEEKLY;BYDAY=SU;WKST=SU", "FREQ=WEEKLY;BYDAY=SU"},
		{"Q5 WKST does not act on months", "FREQ=MONTHLY;INTERVAL=2;WKST=SU", "FREQ=MONTHLY;INTERVAL=2"},
		{"Q6 UNTIL is a day", "FREQ=DAILY;UNTIL=20280229", "FREQ=DAILY;UNTIL=20280229"},
		{"Q6 UNTIL in a leap second", "FREQ=DAILY;UNTIL=20161231T235960Z", "FREQ=DAILY;UNTIL=20161231T235959Z"},
		{"the empty rule", "", ""},
	} {
		r, err := ParseRule(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := r.String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if again, err := ParseRule(r.String()); err != nil || again != r {
			t.Errorf("%s: %s reads back as %v, %v", c.name, r, again, err)
		}
	}
}

func TestRuleRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, part string }{
		{"Q1 property name", "RRULE:FREQ=DAILY", "property name"},
		{"Q1 trailing semicolon", "FREQ=DAILY;", "semicolons"},
		{"Q1 leading semicolon", ";FREQ=DAILY", "semicolons"},
		{"Q1 doubled semicolon", "FREQ=DAILY;;COUNT=2", "semicolons"},
		{"Q1 no value", "FREQ=DAILY;COUNT=", "semicolons"},
		{"Q1 no name", "FREQ=DAILY;=2", "semicolons"},
		{"Q1 no equals sign", "DAILY", "semicolons"},
		{"Q1 space", "FREQ=DAILY; COUNT=2", "unknown part"},
		{"Q1 space at the end", "FREQ=DAILY ", "FREQ"},
		{"Q1 line end", "FREQ=DAILY\r\n", "FREQ"},
		{"Q1 only a space", " ", "semicolons"},
		{"Q1 part twice", "FREQ=DAILY;COUNT=2;count=2", "twice"},
		{"Q1 FREQ twice", "FREQ=DAILY;FREQ=WEEKLY", "twice"},
		{"Q1 FREQ missing", "COUNT=2", "FREQ"},
		{"Q1 FREQ unknown", "FREQ=FORTNIGHTLY", "FREQ"},
		{"Q1 unknown", "FREQ=DAILY;BYMOON=1", "unknown part"},
		{"Q1 RSCALE", "RSCALE=GREGORIAN;FREQ=DAILY", "RSCALE"},
		{"Q1 SKIP", "FREQ=DAILY;SKIP=OMIT", "SKIP"},
		{"Q1 BYEASTER", "FREQ=YEARLY;BYEASTER=0", "BYEASTER"},
		{"Q1 X-", "FREQ=DAILY;X-COLOR=1", "X-"},
		{"Q1 foreign letters are no keyword", "FREQ=DA\u0131LY", "FREQ"},
		{"Q1 INTERVAL overflows", "FREQ=DAILY;INTERVAL=2147483648", "INTERVAL"},
		{"Q1 INTERVAL overflows 64 bits", "FREQ=DAILY;INTERVAL=18446744073709551617", "INTERVAL"},
		{"Q1 COUNT overflows", "FREQ=DAILY;COUNT=4294967297", "COUNT"},
		{"Q1 INTERVAL zero", "FREQ=DAILY;INTERVAL=0", "INTERVAL"},
		{"Q1 INTERVAL signed", "FREQ=DAILY;INTERVAL=+1", "INTERVAL"},
		{"Q1 too long", "FREQ=DAILY;COUNT=" + strings.Repeat("0", 1000) + "1", "longer"},
		{"Q5 WKST no weekday", "FREQ=DAILY;WKST=1MO", "WKST"},
		{"Q6 COUNT zero", "FREQ=DAILY;COUNT=0", "COUNT"},
		{"Q6 COUNT and UNTIL", "FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT and UNTIL"},
		{"Q6 local UNTIL", "FREQ=DAILY;UNTIL=20270101T120000", "UNTIL"},
		{"Q6 UNTIL with an offset", "FREQ=DAILY;UNTIL=20270101T12+01Z", "UNTIL"},
		{"Q6 UNTIL no day", "FREQ=DAILY;UNTIL=20270229", "UNTIL"},
		{"Q6 UNTIL no month", "FREQ=DAILY;UNTIL=20271301", "UNTIL"},
		{"Q6 UNTIL year zero", "FREQ=DAILY;UNTIL=00000101", "UNTIL"},
		{"Q6 UNTIL no hour", "FREQ=DAILY;UNTIL=20270101T240000Z", "UNTIL"},
		{"Q6 UNTIL in no zone that has a letter", "FREQ=DAILY;UNTIL=20270101T120000A", "UNTIL"},
		{"Q6 UNTIL signed", "FREQ=DAILY;UNTIL=+2270101", "UNTIL"},
		{"Q9 BYSETPOS", "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1", "BYSETPOS"},
		{"Q9 BYWEEKNO", "FREQ=YEARLY;BYWEEKNO=1", "BYWEEKNO"},
		{"Q9 BYYEARDAY", "FREQ=YEARLY;BYYEARDAY=1", "BYYEARDAY"},
		{"Q9 BYHOUR", "FREQ=DAILY;BYHOUR=9", "BYHOUR"},
		{"Q9 BYMINUTE", "FREQ=DAILY;BYMINUTE=9", "BYMINUTE"},
		{"Q9 BYSECOND", "FREQ=DAILY;BYSECOND=9", "BYSECOND"},
		{"Q9 HOURLY", "FREQ=HOURLY", "DAILY at the finest"},
		{"Q9 SECONDLY a billion times (trust.md 3)", "FREQ=SECONDLY;COUNT=1000000000", "DAILY at the finest"},
		{"Q9 BYDAY with DAILY", "FREQ=DAILY;BYDAY=MO", "does not go with DAILY"},
		{"Q9 numbers with WEEKLY", "FREQ=WEEKLY;BYDAY=1MO", "MONTHLY"},
		{"Q9 number beyond 5", "FREQ=MONTHLY;BYDAY=6MO", "1 to 5"},
		{"Q9 number beyond -5", "FREQ=MONTHLY;BYDAY=-6MO", "-5"},
		{"Q9 number zero", "FREQ=MONTHLY;BYDAY=0MO", "1 to 5"},
		{"Q9 number of three digits", "FREQ=MONTHLY;BYDAY=001MO", "BYDAY"},
		{"Q9 weekday without a number", "FREQ=MONTHLY;BYDAY=MO", "needs a number"},
		{"Q9 numbered and not", "FREQ=MONTHLY;BYDAY=1MO,TU", "needs a number"},
		{"Q9 several numbered weekdays", "FREQ=MONTHLY;BYDAY=1MO,3MO", "series of its own"},
		{"Q9 empty weekday", "FREQ=WEEKLY;BYDAY=MO,,TU", "BYDAY"},
		{"Q9 sign without a number", "FREQ=MONTHLY;BYDAY=-MO", "BYDAY"},
		{"Q9 month day with WEEKLY", "FREQ=WEEKLY;BYMONTHDAY=1", "MONTHLY"},
		{"Q9 several month days", "FREQ=MONTHLY;BYMONTHDAY=1,15", "series of its own"},
		{"Q9 month day out of range", "FREQ=MONTHLY;BYMONTHDAY=-32", "-31"},
		{"Q9 month day zero", "FREQ=MONTHLY;BYMONTHDAY=0", "1 to 31"},
		{"Q9 month day and weekday", "FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=1MO", "BYDAY and BYMONTHDAY"},
		{"Q9 BYMONTH with MONTHLY", "FREQ=MONTHLY;BYMONTH=3", "YEARLY"},
		{"Q4 BYMONTH alone", "FREQ=YEARLY;BYMONTH=3", "beside it"},
		{"Q4 day without BYMONTH", "FREQ=YEARLY;BYMONTHDAY=3", "need BYMONTH"},
		{"Q4 weekday without BYMONTH", "FREQ=YEARLY;BYDAY=1MO", "need BYMONTH"},
		{"Q4 several months", "FREQ=YEARLY;BYMONTH=3,9;BYMONTHDAY=1", "series of its own"},
		{"Q4 month 13", "FREQ=YEARLY;BYMONTH=13;BYMONTHDAY=1", "1 to 12"},
		{"Q4 month of three digits", "FREQ=YEARLY;BYMONTH=003;BYMONTHDAY=1", "1 to 12"},
		{"Q4 month signed", "FREQ=YEARLY;BYMONTH=-1;BYMONTHDAY=1", "1 to 12"},
	} {
		r, err := ParseRule(c.text)
		if err == nil {
			t.Errorf("%s: accepted as %s", c.name, r)
			continue
		}
		if r != (Rule{}) {
			t.Errorf("%s: refused with a rule beside it", c.name)
		}
		checkSentence(t, err, c.text, "body.rrule")
		if !strings.Contains(err.Error(), c.part) {
			t.Errorf("%s: %q does not name %q", c.name, err, c.part)
		}
	}
}

// checkSentence holds a refusal to its form: Invalid, one sentence, in its place, and without the submitted text.
func checkSentence(t interface{ Errorf(string, ...any) }, err error, text, where string) {
	var refusal *Error
	if !errors.As(err, &refusal) || !errors.Is(err, Invalid) {
		t.Errorf("%q is no refusal of the input", err)
		return
	}
	says := refusal.Error()
	if !strings.HasSuffix(says, ".") || strings.Contains(says, "%!") {
		t.Errorf("%q is no sentence", says)
	}
	if len(refusal.Where) != 1 || refusal.Where[0].Where != where {
		t.Errorf("%q is about %v, want %s", says, refusal.Where, where)
	}
	if strings.Contains(text, "=") && strings.Contains(upper(says), upper(text)) {
		t.Errorf("%q repeats the text", says)
	}
}

func TestRuleOpen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": false, "FREQ=DAILY": true, "FREQ=DAILY;COUNT=1": false, "FREQ=DAILY;UNTIL=20270101": false, "FREQ=DAILY;UNTIL=20270101T000000Z": false} {
		if got := ruleOf(t, text).Open(); got != want {
			t.Errorf("%q is open: %t, want %t", text, got, want)
		}
	}
}

func TestRuleWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ start, text, want string }{
		{"2027-01-12T12:30", "", "Once, on Tuesday 12 January 2027 at 12:30"},
		{"2027-01-12T07:05", "FREQ=DAILY;COUNT=3", "Every day at 07:05"},
		{"2027-01-12T12:30", "FREQ=DAILY;INTERVAL=2", "Every second day at 12:30"},
		{"2027-01-12T12:30", "FREQ=DAILY;INTERVAL=10", "Every 10 days at 12:30"},
		{"2027-01-12T12:30", "FREQ=WEEKLY", "Every Tuesday at 12:30"},
		{"2027-01-12T12:30", "FREQ=WEEKLY;BYDAY=TH,TU;UNTIL=20270128", "Every Tuesday and Thursday at 12:30"},
		{"2027-01-12T12:30", "FREQ=WEEKLY;BYDAY=SU,TH,TU", "Every Tuesday, Thursday and Sunday at 12:30"},
		{"2027-01-12T12:30", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Every day from Monday to Friday at 12:30"},
		{"2027-01-12T12:30", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU", "Every day at 12:30"},
		{"2027-01-11T12:30", "FREQ=WEEKLY;INTERVAL=2", "Every second Monday at 12:30"},
		{"2027-01-11T12:30", "FREQ=WEEKLY;INTERVAL=12", "Every 12 weeks on Monday at 12:30"},
		{"2027-01-11T12:30", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", "Every second week on Monday and Wednesday at 12:30"},
		{"2027-01-11T12:30", "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,TU,WE,TH,FR", "Every third week on each day from Monday to Friday at 12:30"},
		{"2027-01-11T12:30", "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,TU,WE,TH,FR,SA,SU", "Every third week on each day at 12:30"},
		{"2027-01-01T12:30", "FREQ=MONTHLY;BYDAY=1FR", "Every month on the first Friday at 12:30"},
		{"2027-01-29T12:30", "FREQ=MONTHLY;BYDAY=5FR", "Every month on the fifth Friday, in months that have one, at 12:30"},
		{"2027-01-29T12:30", "FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2", "Every second month on the last Friday at 12:30"},
		{"2027-01-22T12:30", "FREQ=MONTHLY;BYDAY=-2FR", "Every month on the second to last Friday at 12:30"},
		{"2027-01-12T12:30", "FREQ=MONTHLY", "Every month on the 12th at 12:30"},
		{"2027-01-21T12:30", "FREQ=MONTHLY;BYMONTHDAY=21", "Every month on the 21st at 12:30"},
		{"2027-01-31T12:30", "FREQ=MONTHLY", "Every month on the 31st, in months that have one, at 12:30"},
		{"2027-01-31T12:30", "FREQ=MONTHLY;BYMONTHDAY=-1", "Every month on the last day at 12:30"},
		{"2027-01-22T12:30", "FREQ=MONTHLY;BYMONTHDAY=-10", "Every month on the 10th to last day at 12:30"},
		{"2027-01-01T12:30", "FREQ=MONTHLY;BYMONTHDAY=-31", "Every month on the 31st to last day, in months that have one, at 12:30"},
		{"2027-03-15T12:30", "FREQ=YEARLY", "Every year on 15 March at 12:30"},
		{"2027-03-15T12:30", "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=15", "Every year on 15 March at 12:30"},
		{"2028-02-29T12:30", "FREQ=YEARLY", "Every year on 29 February, in years that have one, at 12:30"},
		{"2028-02-29T12:30", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", "Every year on the last day of February at 12:30"},
		{"2027-03-09T12:30", "FREQ=YEARLY;BYMONTH=3;BYDAY=2TU", "Every year on the second Tuesday of March at 12:30"},
		{"2027-03-30T12:30", "FREQ=YEARLY;INTERVAL=2;BYMONTH=3;BYDAY=-1TU", "Every second year on the last Tuesday of March at 12:30"},
	} {
		if got := ruleOf(t, c.text).Words(wallOf(t, c.start)); got != c.want {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
	}
}

// FuzzRRule: whatever arrives is answered within the budget of trust.md, with a rule that reads back or with a proper refusal, and a
// rule that is accepted expands within it too.
func FuzzRRule(f *testing.F) {
	for _, seed := range []string{
		"", "FREQ=DAILY", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=SU;COUNT=10", "FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20270131T170000Z",
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;INTERVAL=2147483647", "FREQ=MONTHLY;BYDAY=5TU;UNTIL=99991231",
		"FREQ=SECONDLY;COUNT=1000000000", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;BYDAY=", "RRULE:FREQ=DAILY", ";;;", "=", "FREQ=DAILY;INTERVAL=99999999999999999999",
	} {
		f.Add(seed, int32(20000), uint16(750))
	}
	berlin := zoneOf(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, text string, day int32, minute uint16) {
		const budget = 100 * time.Millisecond
		var r Rule
		var err error
		if !within(budget, func() { r, err = ParseRule(text) }) {
			t.Error("parsed too late")
		}
		if err != nil {
			checkSentence(t, err, text, "body.rrule")
			return
		}
		if again, err := ParseRule(r.String()); err != nil || again != r {
			t.Errorf("%s reads back as %s, %v", r, again, err)
		}
		start := Wall{Date: Date(day) % (lastDay + 1), Minute: int(minute) % 1440}
		if start.Date < 0 {
			start.Date = -start.Date
		}
		if r.Words(start) == "" {
			t.Error("no words")
		}
		s := Series{Details: Details{LocalStart: start, TimeZone: "Europe/Berlin", DurationMinutes: 45}, RRule: text}
		var found []Occurrence
		if !within(budget, func() { found, err = Dates(s, start.Date+Horizon) }) {
			t.Error("expanded too late")
		}
		if err != nil && !errors.Is(err, Invalid) {
			t.Errorf("an error that is no refusal: %v", err)
		}
		if len(found) > maxDates {
			t.Errorf("%d dates", len(found))
		}
		for i, o := range found {
			if i > 0 && o.StartsAt <= found[i-1].StartsAt {
				t.Errorf("dates %d and %d are out of order", i-1, i)
			}
			if o.StartsAt != Resolve(o.Wall, berlin).At {
				t.Errorf("%s is not where the resolver puts it", o.Slot)
			}
		}
	})
}

// midnight is the first instant of a day in UTC.
func midnight(d Date) Instant { return Instant(int64(d) * daySeconds * 1000) }

func ruleOf(t testing.TB, text string) Rule {
	t.Helper()
	r, err := ParseRule(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}
