package programs

import (
	"math"
	"strconv"
	"strings"
	"time"
)

type frequency uint8

const (
	once frequency = iota
	daily
	weekly
	monthly
	yearly
)

var frequencies = [...]string{once: "", daily: "DAILY", weekly: "WEEKLY", monthly: "MONTHLY", yearly: "YEARLY"}

var weekdays = [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// Rule is a recurrence rule of the supported subset of RFC 5545 3.3.10 (T4). The zero Rule means a single date. Rules are
// values: two that were parsed from texts of the same meaning in the same parts are equal.
type Rule struct {
	freq      frequency
	interval  int64        // 1 or more; 0 only in the zero Rule
	days      uint8        // WEEKLY: a bit for each time.Weekday; none: the weekday of the start
	weekStart time.Weekday // WKST where it acts (Q5), else Monday
	nth       int          // MONTHLY and YEARLY: which weekday of the month, 1..5 or -1..-5 from its end; 0: none
	weekday   time.Weekday // the weekday that nth counts
	monthDay  int          // 1..31 or -1..-31 from the end of the month; 0: none
	month     int          // YEARLY: 1..12; 0: the start's
	count     int64        // COUNT; 0: none
	until     ending
}

// ending is UNTIL: a local day, or an instant; both inclusive.
type ending struct {
	form byte // 0: none, 'd': day, 'i': at
	day  Date
	at   Instant
}

// Open reports whether the rule runs until further notice: it has neither COUNT nor UNTIL, and is not empty.
func (r Rule) Open() bool { return r.freq != once && r.count == 0 && r.until.form == 0 }

// String is the rule's text, always in the same order and without the parts that change nothing; ParseRule reads it back to an
// equal Rule. It is empty for a single date.
func (r Rule) String() string {
	if r.freq == once {
		return ""
	}
	b := []byte("FREQ=" + frequencies[r.freq])
	part := func(name string, n int64) {
		b = strconv.AppendInt(append(b, name...), n, 10)
	}
	if r.interval > 1 {
		part(";INTERVAL=", r.interval)
	}
	if r.weekStart != time.Monday {
		b = append(b, ";WKST="+weekdays[r.weekStart]...)
	}
	if r.month != 0 {
		part(";BYMONTH=", int64(r.month))
	}
	if r.monthDay != 0 {
		part(";BYMONTHDAY=", int64(r.monthDay))
	}
	if r.nth != 0 {
		part(";BYDAY=", int64(r.nth))
		b = append(b, weekdays[r.weekday]...)
	}
	if r.days != 0 {
		var names []string
		for _, d := range mondayFirst(r.days) {
			names = append(names, weekdays[d])
		}
		b = append(b, ";BYDAY="+strings.Join(names, ",")...)
	}
	if r.count != 0 {
		part(";COUNT=", r.count)
	}
	switch r.until.form {
	case 'd':
		b = append(b, ";UNTIL="+strings.ReplaceAll(r.until.day.String(), "-", "")...)
	case 'i':
		b = time.UnixMilli(int64(r.until.at)).UTC().AppendFormat(append(b, ";UNTIL="...), "20060102T150405Z")
	}
	return string(b)
}

// mondayFirst lists the weekdays of a set as people read a week.
func mondayFirst(set uint8) []time.Weekday {
	var days []time.Weekday
	for i := range 7 {
		if d := time.Weekday((i + 1) % 7); set&(1<<d) != 0 {
			days = append(days, d)
		}
	}
	return days
}

// maxRule is how long a rule may be, in octets: ten times what every part with every weekday takes.
const maxRule = 1000

// ParseRule reads a recurrence rule, case ignored; the empty text is the empty rule, a single date. It refuses (Invalid) first what
// breaks the grammar of RFC 5545 3.3.10 and then what is outside the subset (Q1 to Q9). The sentence names the part and what to use
// instead where there is something, and repeats nothing of the text.
func ParseRule(text string) (Rule, error) {
	if text == "" {
		return Rule{}, nil
	}
	r, err := parseRule(text)
	if err != nil {
		return Rule{}, err.At("body.rrule")
	}
	return r, nil
}

func parseRule(text string) (Rule, *Error) {
	if len(text) > maxRule {
		return Rule{}, Refuse(Invalid, "The rule is longer than %d characters.", maxRule)
	}
	text = upper(text)
	if strings.HasPrefix(text, "RRULE:") {
		return Rule{}, Refuse(Invalid, "Leave out the property name before the rule; it begins with its first part.")
	}
	var p parts
	for part := range strings.SplitSeq(text, ";") {
		name, value, ok := strings.Cut(part, "=")
		if !ok || name == "" || value == "" {
			return Rule{}, Refuse(Invalid, "Each part of the rule is a name, an equals sign and a value, and single semicolons join them.")
		}
		if err := p.put(name, value); err != nil {
			return Rule{}, err
		}
	}
	return p.rule()
}

// parts are the values of a rule's parts; empty where the rule has no such part.
type parts struct{ freq, interval, count, until, byDay, byMonthDay, byMonth, weekStart string }

// put keeps one part, and refuses those that Wellweek has no use for (Q9).
func (p *parts) put(name, value string) *Error {
	if slot := p.slot(name); slot != nil {
		if *slot != "" {
			return Refuse(Invalid, "The rule has a part twice; each may stand once.")
		}
		*slot = value
		return nil
	}
	switch name {
	case "BYSETPOS":
		return Refuse(Invalid, "BYSETPOS is not supported; count the weekday in BYDAY instead, such as 1FR for the first or -1FR for the last Friday.")
	case "BYWEEKNO":
		return Refuse(Invalid, "BYWEEKNO is not supported; name the month with BYMONTH and the weekday with BYDAY instead.")
	case "BYYEARDAY":
		return Refuse(Invalid, "BYYEARDAY is not supported; name the date with BYMONTH and BYMONTHDAY instead.")
	case "BYHOUR", "BYMINUTE":
		return Refuse(Invalid, "%s is not supported; the time of day is that of the start, and each further time is a series of its own.", name)
	case "BYSECOND":
		return Refuse(Invalid, "BYSECOND is not supported; sessions start on the full minute.")
	case "BYEASTER":
		return Refuse(Invalid, "BYEASTER is not supported; list these dates as extra dates instead.")
	case "RSCALE":
		return Refuse(Invalid, "RSCALE is not supported; rules follow the Gregorian calendar.")
	case "SKIP":
		return Refuse(Invalid, "SKIP is not supported; a date that does not exist is left out.")
	}
	if strings.HasPrefix(name, "X-") {
		return Refuse(Invalid, "Parts of other programs, whose names begin with X-, are not supported; leave them out.")
	}
	return Refuse(Invalid, "The rule has an unknown part; it is made of FREQ, INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, WKST, COUNT and UNTIL.")
}

func (p *parts) slot(name string) *string {
	switch name {
	case "FREQ":
		return &p.freq
	case "INTERVAL":
		return &p.interval
	case "COUNT":
		return &p.count
	case "UNTIL":
		return &p.until
	case "BYDAY":
		return &p.byDay
	case "BYMONTHDAY":
		return &p.byMonthDay
	case "BYMONTH":
		return &p.byMonth
	case "WKST":
		return &p.weekStart
	}
	return nil
}

func (p *parts) rule() (Rule, *Error) {
	r := Rule{interval: 1, weekStart: time.Monday}
	switch p.freq {
	case "DAILY":
		r.freq = daily
	case "WEEKLY":
		r.freq = weekly
	case "MONTHLY":
		r.freq = monthly
	case "YEARLY":
		r.freq = yearly
	case "HOURLY", "MINUTELY", "SECONDLY":
		return r, Refuse(Invalid, "FREQ is DAILY at the finest; each further time of the day is a series of its own.")
	default:
		return r, Refuse(Invalid, "FREQ must be there and be DAILY, WEEKLY, MONTHLY or YEARLY.")
	}
	for _, number := range []struct {
		name, text string
		into       *int64
	}{{"INTERVAL", p.interval, &r.interval}, {"COUNT", p.count, &r.count}} {
		if number.text == "" {
			continue
		}
		n, ok := whole(number.text)
		if !ok || n < 1 {
			return r, Refuse(Invalid, "%s must be a whole number from 1 to %d.", number.name, math.MaxInt32)
		}
		*number.into = n
	}
	if p.weekStart != "" {
		d, ok := weekdayOf(p.weekStart)
		if !ok {
			return r, Refuse(Invalid, "WKST must be one of MO, TU, WE, TH, FR, SA and SU.")
		}
		if r.freq == weekly && r.interval > 1 {
			r.weekStart = d
		}
	}
	for _, read := range []func(*parts, *Rule) *Error{(*parts).readDays, (*parts).readMonthDay, (*parts).readMonth, (*parts).readUntil} {
		if err := read(p, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

// readDays reads BYDAY: weekdays for WEEKLY, one counted weekday for MONTHLY and YEARLY (Q2 to Q4).
func (p *parts) readDays(r *Rule) *Error {
	if p.byDay == "" {
		return nil
	}
	many, bare := false, false
	for item := range strings.SplitSeq(p.byDay, ",") {
		number, name := "", item
		if len(item) > 2 {
			number, name = item[:len(item)-2], item[len(item)-2:]
		}
		day, ok := weekdayOf(name)
		nth, okNth := ordinal(number)
		if !ok || !okNth && number != "" {
			return Refuse(Invalid, "BYDAY must list MO, TU, WE, TH, FR, SA or SU, joined by commas; a number in front counts the weekday within the month.")
		}
		if number == "" {
			bare = true
			r.days |= 1 << day
			continue
		}
		if r.freq == weekly {
			return Refuse(Invalid, "BYDAY takes no numbers with WEEKLY; MONTHLY counts weekdays.")
		}
		if nth == 0 || nth > 5 || nth < -5 {
			return Refuse(Invalid, "BYDAY counts a weekday from 1 to 5, or from -1 to -5 from the end of the month.")
		}
		many = many || r.nth != 0 && (r.nth != nth || r.weekday != day)
		r.nth, r.weekday = nth, day
	}
	switch {
	case r.freq == daily:
		return Refuse(Invalid, "BYDAY does not go with DAILY; use WEEKLY with these weekdays.")
	case r.freq != weekly && bare:
		return Refuse(Invalid, "BYDAY needs a number with MONTHLY and YEARLY, such as 1FR or -1FR; for every such weekday use WEEKLY.")
	case many:
		return Refuse(Invalid, "BYDAY takes one numbered weekday; each further one is a series of its own, and several weekdays of each week are WEEKLY.")
	}
	return nil
}

func (p *parts) readMonthDay(r *Rule) *Error {
	if p.byMonthDay == "" {
		return nil
	}
	many := false
	for item := range strings.SplitSeq(p.byMonthDay, ",") {
		day, ok := ordinal(item)
		if !ok || day == 0 || day > 31 || day < -31 {
			return Refuse(Invalid, "BYMONTHDAY must be a day from 1 to 31, or from -1 to -31 from the end of the month.")
		}
		many = many || r.monthDay != 0 && r.monthDay != day
		r.monthDay = day
	}
	switch {
	case r.freq == daily || r.freq == weekly:
		return Refuse(Invalid, "BYMONTHDAY goes only with MONTHLY and YEARLY; use one of these for a day of the month.")
	case many:
		return Refuse(Invalid, "BYMONTHDAY takes one day; each further one is a series of its own.")
	case r.nth != 0:
		return Refuse(Invalid, "BYDAY and BYMONTHDAY do not go together; use one of them.")
	}
	return nil
}

// readMonth reads BYMONTH, which YEARLY needs beside a day: without it, implementations disagree about which days are meant (Q4).
func (p *parts) readMonth(r *Rule) *Error {
	if p.byMonth == "" {
		if r.freq == yearly && (r.nth != 0 || r.monthDay != 0) {
			return Refuse(Invalid, "With YEARLY, BYDAY and BYMONTHDAY need BYMONTH beside them; without all three the date is that of the start.")
		}
		return nil
	}
	many := false
	for item := range strings.SplitSeq(p.byMonth, ",") {
		month, ok := digits(item)
		if !ok || len(item) > 2 || month < 1 || month > 12 {
			return Refuse(Invalid, "BYMONTH must be a month from 1 to 12.")
		}
		many = many || r.month != 0 && r.month != month
		r.month = month
	}
	switch {
	case r.freq != yearly:
		return Refuse(Invalid, "BYMONTH goes only with YEARLY; use that, with a series for each month, or skip dates.")
	case many:
		return Refuse(Invalid, "BYMONTH takes one month; each further one is a series of its own.")
	case r.nth == 0 && r.monthDay == 0:
		return Refuse(Invalid, "BYMONTH needs BYDAY or BYMONTHDAY beside it; without all three the date is that of the start.")
	}
	return nil
}

// readUntil reads UNTIL: a day, or an instant in UTC. A local date-time is refused: RFC 5545 3.3.10 wants UTC where the start has
// a zone, and clients that wrote local times meant different things (Q6).
func (p *parts) readUntil(r *Rule) *Error {
	if p.until == "" {
		return nil
	}
	if p.count != "" {
		return Refuse(Invalid, "COUNT and UNTIL do not go together; use one of them.")
	}
	u := p.until
	if len(u) == len("20060102") || len(u) == len("20060102T150405Z") {
		year, okYear := digits(u[:4])
		month, okMonth := digits(u[4:6])
		day, okDay := digits(u[6:8])
		if date, ok := existing(year, month, day); ok && okYear && okMonth && okDay {
			if len(u) == len("20060102") {
				r.until = ending{form: 'd', day: date}
				return nil
			}
			hour, okHour := digits(u[9:11])
			minute, okMinute := digits(u[11:13])
			second, okSecond := digits(u[13:15])
			if u[8] == 'T' && u[15] == 'Z' && okHour && okMinute && okSecond && hour < 24 && minute < 60 && second <= 60 {
				second = min(second, 59) // RFC 5545 3.3.12: without leap seconds 60 is read as 59
				r.until = ending{form: 'i', at: Instant((int64(date)*daySeconds + int64(hour*3600+minute*60+second)) * 1000)}
				return nil
			}
		}
	}
	return Refuse(Invalid, "UNTIL must be a date such as 20270131, or an instant in UTC such as 20270131T170000Z.")
}

// whole reads 1*DIGIT up to the largest 32-bit number; more is refused, never wrapped (Q1).
func whole(s string) (int64, bool) {
	s = strings.TrimLeft(s[:len(s)-1], "0") + s[len(s)-1:]
	if _, ok := digits(s); !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 32)
	return n, err == nil
}

// ordinal reads an optional sign and one or two digits (RFC 5545 3.3.10, ordwk and ordmoday).
func ordinal(s string) (int, bool) {
	bare := strings.TrimPrefix(s, "+")
	if bare == s {
		bare = strings.TrimPrefix(s, "-")
	}
	n, ok := digits(bare)
	if !ok || len(bare) > 2 {
		return 0, false
	}
	if s[0] == '-' {
		n = -n
	}
	return n, true
}

func weekdayOf(s string) (time.Weekday, bool) {
	for d, name := range weekdays {
		if s == name {
			return time.Weekday(d), true
		}
	}
	return 0, false
}

// upper raises ASCII letters only: strings.ToUpper would also turn foreign letters into the ones of a keyword.
func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// ending is the rule with its end on a local day instead of the end it has.
func (r Rule) ending(day Date) Rule {
	if r.freq == once {
		return r
	}
	r.count, r.until = 0, ending{form: 'd', day: day}
	return r
}

// rest is the rule without its first n dates: what is left of COUNT. The start is not part of a rule, so nothing else changes.
func (r Rule) rest(n int) Rule {
	if r.count > 0 {
		r.count = max(1, r.count-int64(n))
	}
	return r
}

// endless is the rule without its end: two rules with equal ones have the same pattern.
func (r Rule) endless() Rule {
	r.count, r.until = 0, ending{}
	return r
}
