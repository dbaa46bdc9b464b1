package calendar

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/emersion/go-ical"

	"github.com/wellweek/wellweek/programs"
)

// Renderer is part of every feed's ETag. It is raised with any change of the bytes that the same records give, so that a calendar
// client that has the old ones is not told that nothing has changed.
const Renderer = 1

// productID names who made a document (RFC 5545 3.7.3). No version is in it: an upgrade must not change every ETag.
const productID = "-//Wellweek//Wellweek//EN"

// utcForm is FORM #2 of RFC 5545 3.3.5, the only one we write. go-ical's own setter would add a TZID to some of them.
const utcForm = "20060102T150405Z"

// Instants outside are no time of a session but a broken record; the year has four digits (RFC 5545 3.3.4).
const (
	firstInstant programs.Instant = 1000            // zero means none
	afterInstant programs.Instant = 253402300800000 // 10000-01-01
)

// component is a VEVENT in the making. Its first fault is kept, so that a builder reads as the list of what it writes.
type component struct {
	*ical.Component
	fault error
}

func newComponent() *component { return &component{Component: ical.NewComponent(ical.CompEvent)} }

// fail keeps the first fault. The sentence never holds a value of the record.
func (c *component) fail(sentence string) {
	if c.fault == nil {
		c.fault = errors.New(sentence)
	}
}

// put adds a property whose value is already in its final form, with parameters in pairs of name and value.
func (c *component) put(name, value string, parameters ...string) {
	p := ical.Prop{Name: name, Value: value, Params: make(ical.Params, len(parameters)/2)}
	for i := 0; i+1 < len(parameters); i += 2 {
		p.Params[parameters[i]] = []string{parameters[i+1]}
	}
	c.Props[name] = append(c.Props[name], p)
}

// instant adds a UTC date-time in whole seconds.
func (c *component) instant(name string, at programs.Instant) {
	if at < firstInstant || at >= afterInstant {
		c.fail("an instant is missing or outside the years 1970 to 9999")
		return
	}
	c.put(name, at.Time().Format(utcForm))
}

// encode gives the bytes from BEGIN:VEVENT to END:VEVENT. go-ical writes as it goes and may fail in the middle, so it writes into a
// buffer of its own, as a calendar of one event, for it checks and encodes whole calendars only.
func (c *component) encode() ([]byte, error) {
	if c.fault != nil {
		return nil, c.fault
	}
	calendar := ical.NewCalendar()
	calendar.Props[ical.PropVersion] = []ical.Prop{{Name: ical.PropVersion, Value: "2.0"}}
	calendar.Props[ical.PropProductID] = []ical.Prop{{Name: ical.PropProductID, Value: productID}}
	calendar.Children = []*ical.Component{c.Component}
	var buffer bytes.Buffer
	if err := ical.NewEncoder(&buffer).Encode(calendar); err != nil {
		return nil, errors.New("the event cannot be encoded") // go-ical's own words could hold a value
	}
	from := bytes.Index(buffer.Bytes(), []byte("BEGIN:VEVENT\r\n"))
	to := bytes.LastIndex(buffer.Bytes(), []byte("END:VCALENDAR\r\n"))
	if from < 0 || to < from {
		return nil, errors.New("the event is not in what was encoded")
	}
	fragment := fold(buffer.Bytes()[from:to])
	if err := check(fragment); err != nil {
		return nil, fmt.Errorf("check the encoded event: %w", err)
	}
	return fragment, nil
}

// check reads a fragment as octets, without trust in how it was made: what a hostile record slipped past the guards of text.go
// would show here as a line, a name or an END that is not ours. Then this fragment is lost and not the whole feed.
func check(fragment []byte) error {
	rest, ok := bytes.CutSuffix(fragment, []byte("\r\n"))
	if !ok {
		return errors.New("the last line has no CRLF")
	}
	lines, seen, ended := 0, uint32(0), false
	for more := true; more; lines++ {
		var line []byte
		line, rest, more = bytes.Cut(rest, []byte("\r\n"))
		switch {
		case len(line) == 0:
			return errors.New("a line is empty")
		case len(line) > foldWidth:
			return errors.New("a line has more than 75 octets")
		case !utf8.Valid(line):
			return errors.New("a line is not UTF-8")
		case bytes.ContainsFunc(line, control):
			return errors.New("a line holds a control character")
		case ended:
			return errors.New("something follows the end")
		case lines == 0:
			if string(line) != "BEGIN:VEVENT" {
				return errors.New("the first line does not begin a VEVENT")
			}
			continue
		case line[0] == ' ':
			continue // the further part of a folded line
		}
		if string(line) == "END:VEVENT" {
			ended = true
			continue
		}
		name := line
		if i := bytes.IndexAny(line, ":;"); i >= 0 {
			name = line[:i]
		}
		bit := property(name)
		switch {
		case bit == 0:
			return errors.New("a property is not one of ours")
		case seen&bit != 0:
			return errors.New("a property is there twice")
		}
		seen |= bit
	}
	if !ended {
		return errors.New("the VEVENT does not end")
	}
	if seen&required != required {
		return errors.New("a property is missing")
	}
	return nil
}

// control finds what may be in no line: RFC 5545 3.1 has TAB as the only control character.
func control(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f && r <= 0x9f }

// required are the properties that every VEVENT of ours has, as the first bits of property.
const required = 1<<8 - 1

// property gives each property that we write a bit of its own, and 0 to every other name. None is written twice.
func property(name []byte) uint32 {
	switch string(name) {
	case ical.PropUID:
		return 1 << 0
	case ical.PropDateTimeStamp:
		return 1 << 1
	case ical.PropDateTimeStart:
		return 1 << 2
	case ical.PropDateTimeEnd:
		return 1 << 3
	case ical.PropSequence:
		return 1 << 4
	case ical.PropStatus:
		return 1 << 5
	case ical.PropSummary:
		return 1 << 6
	case ical.PropTransparency:
		return 1 << 7
	case ical.PropLastModified:
		return 1 << 8
	case ical.PropCreated:
		return 1 << 9
	case ical.PropDescription:
		return 1 << 10
	case ical.PropLocation:
		return 1 << 11
	case ical.PropURL:
		return 1 << 12
	case ical.PropOrganizer:
		return 1 << 13
	case ical.PropAttendee:
		return 1 << 14
	case disallowCounter:
		return 1 << 15
	}
	return 0
}

// appendOpening adds the lines with which each of our documents begins (RFC 5545 3.6). An empty method is none.
func appendOpening(dst []byte, method string) []byte {
	dst = appendLine(dst, "BEGIN", "VCALENDAR")
	dst = appendLine(dst, "VERSION", "2.0")
	dst = appendLine(dst, "PRODID", productID)
	dst = appendLine(dst, "CALSCALE", "GREGORIAN")
	if method != "" {
		dst = appendLine(dst, "METHOD", method)
	}
	return dst
}

func appendClosing(dst []byte) []byte { return appendLine(dst, "END", "VCALENDAR") }
