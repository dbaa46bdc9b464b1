package programs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

var ordinals = [...]string{1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth"}

// Words says the rule in English for a series with this first wall time, without its end and without a full stop: "Every Tuesday and
// Thursday at 12:30". Dates that not every month or year has are named as such, because they are left out there (Q10).
func (r Rule) Words(start Wall) string {
	year, month, day := start.Date.Civil()
	at := fmt.Sprintf(" at %02d:%02d", start.Minute/60, start.Minute%60)
	switch r.freq {
	case daily:
		return every(r.interval, "day") + at
	case weekly:
		return r.weekWords(start.Date.Weekday()) + at
	case monthly:
		on, rare := r.dayWords(day, 28)
		return every(r.interval, "month") + " on the " + on + having(rare, "months") + at
	case yearly:
		if r.month != 0 {
			month = r.month
		}
		length := monthDays(2027, month) // of a common year
		name := time.Month(month).String()
		if r.nth == 0 && r.monthDay >= 0 {
			if r.monthDay > 0 {
				day = r.monthDay
			}
			return fmt.Sprintf("%s on %d %s", every(r.interval, "year"), day, name) + having(day > length, "years") + at
		}
		on, rare := r.dayWords(day, length)
		return every(r.interval, "year") + " on the " + on + " of " + name + having(rare, "years") + at
	}
	return fmt.Sprintf("Once, on %s %d %s %d", start.Date.Weekday(), day, time.Month(month), year) + at
}

// weekWords are the days of a WEEKLY rule: "Every second Monday", "Every second week on Monday and Friday".
func (r Rule) weekWords(start time.Weekday) string {
	set := r.days
	if set == 0 {
		set = 1 << start
	}
	var names []string
	for _, d := range mondayFirst(set) {
		names = append(names, d.String())
	}
	list := names[0]
	if n := len(names); n > 1 {
		list = strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	const workdays, week = 1<<time.Monday | 1<<time.Tuesday | 1<<time.Wednesday | 1<<time.Thursday | 1<<time.Friday, 1<<7 - 1
	switch {
	case set == week:
		list = "day"
	case set == workdays:
		list = "day from Monday to Friday"
	}
	switch {
	case r.interval == 1:
		return "Every " + list
	case set == week || set == workdays:
		return every(r.interval, "week") + " on each " + list
	case len(names) == 1 && r.interval < int64(len(ordinals)):
		return every(r.interval, list)
	}
	return every(r.interval, "week") + " on " + list
}

// dayWords are the day of a month, "first Friday", "last day" or "15th", and whether some months of that length lack it.
func (r Rule) dayWords(start, length int) (words string, rare bool) {
	if r.nth != 0 {
		return fromEnd(r.nth, r.weekday.String()), r.nth == 5 || r.nth == -5
	}
	day := r.monthDay
	if day == 0 {
		day = start
	}
	if day < 0 {
		return fromEnd(day, "day"), -day > length
	}
	return numbered(day), day > length
}

// fromEnd is "second Friday", "last Friday", "second to last Friday", "10th to last day".
func fromEnd(n int, what string) string {
	switch {
	case n > 0:
		return nthWord(n) + " " + what
	case n == -1:
		return "last " + what
	}
	return nthWord(-n) + " to last " + what
}

func nthWord(n int) string {
	if n < len(ordinals) {
		return ordinals[n]
	}
	return numbered(n)
}

// numbered is 1st, 2nd, 3rd, 4th, 11th, 21st.
func numbered(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

// every is "Every week", "Every second week", "Every 15 weeks".
func every(interval int64, unit string) string {
	switch {
	case interval == 1:
		return "Every " + unit
	case interval < int64(len(ordinals)):
		return "Every " + ordinals[interval] + " " + unit
	}
	return fmt.Sprintf("Every %d %ss", interval, unit)
}

func having(rare bool, units string) string {
	if rare {
		return ", in " + units + " that have one,"
	}
	return ""
}
