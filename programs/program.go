package programs

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ProgramID names a program.
type ProgramID string

// Kind is what sort of program it is.
type Kind string

// The kinds of a program.
const (
	Wellness  Kind = "wellness"
	Childcare Kind = "childcare"
	Training  Kind = "training"
	Other     Kind = "other"
)

// ProgramStatus says whether people see a program.
type ProgramStatus string

// The states of a program.
const (
	DraftProgram ProgramStatus = "draft"
	Published    ProgramStatus = "published"
	Archived     ProgramStatus = "archived"
)

// Participants says who may take a seat.
type Participants string

// The kinds of participants.
const (
	Persons    Participants = "person"
	Dependents Participants = "dependent"
	Either     Participants = "either"
)

// Overlap says what happens when somebody signs up for two sessions at one time.
type Overlap string

// The policies about a participant's own overlap.
const (
	WarnOverlap  Overlap = "warn"
	BlockOverlap Overlap = "block"
)

// Program is a standing offer: yoga, an after-school club, first-aid training. The policy fields hold for its series and sessions.
type Program struct {
	ID           ProgramID
	Slug         string
	Name         string
	Kind         Kind
	Description  string // Markdown
	Status       ProgramStatus
	Participants Participants
	MinAge       *int // whole years on the session's local date, inclusive; nil: none
	MaxAge       *int
	Overlap      Overlap

	AutoCutoffMinutes   int   // until so long before the start a freed seat confirms the next in line at once (W5)
	OfferTTLMinutes     int   // later it is offered, for so long at most
	CancelCutoffMinutes int   // leaving later than so long before the start is flagged late (W13)
	ReminderMinutes     []int // before the start, for series that do not say their own

	Version   int64
	Revision  int64
	CreatedAt Instant
	UpdatedAt Instant
}

// Check fills the defaults of domain.md section 2, cleans the texts and refuses (Invalid) what cannot be kept.
func (p *Program) Check() error {
	if !slug(p.Slug) {
		return Refuse(Invalid, "The slug has 1 to 64 lower-case letters, digits and hyphens, and does not look like an id.").At("body.slug")
	}
	var err error
	if p.Name, err = Line("name", p.Name, 1, 200); err != nil {
		return err
	}
	if p.Description, err = Paragraphs("description", p.Description, 8000); err != nil {
		return err
	}
	switch p.Kind {
	case Wellness, Childcare, Training, Other:
	default:
		return Refuse(Invalid, "The kind is wellness, childcare, training or other.").At("body.kind")
	}
	switch p.Status {
	case "":
		p.Status = Published
	case DraftProgram, Published, Archived:
	default:
		return Refuse(Invalid, "The status is draft, published or archived.").At("body.status")
	}
	switch p.Participants {
	case "":
		p.Participants = Persons
		if p.Kind == Childcare {
			p.Participants = Either
		}
	case Persons, Dependents, Either:
	default:
		return Refuse(Invalid, "The participants are person, dependent or either.").At("body.participants")
	}
	switch p.Overlap {
	case "":
		p.Overlap = WarnOverlap
	case WarnOverlap, BlockOverlap:
	default:
		return Refuse(Invalid, "The overlap policy is warn or block.").At("body.overlap")
	}
	for _, age := range []*int{p.MinAge, p.MaxAge} {
		if age != nil && (*age < 0 || *age > 120) {
			return Refuse(Invalid, "An age is a number of whole years from 0 to 120.").At("body.min_age")
		}
	}
	if p.MinAge != nil && p.MaxAge != nil && *p.MinAge > *p.MaxAge {
		return Refuse(Invalid, "The lowest age is above the highest.").At("body.min_age")
	}
	for _, c := range []struct {
		where   string
		minutes int
	}{{"auto_cutoff_minutes", p.AutoCutoffMinutes}, {"offer_ttl_minutes", p.OfferTTLMinutes}, {"cancel_cutoff_minutes", p.CancelCutoffMinutes}} {
		if c.minutes < 0 || c.minutes > 30*24*60 {
			return Refuse(Invalid, "A cutoff is a number of minutes from 0 to 43200.").At("body." + c.where)
		}
	}
	if p.OfferTTLMinutes < int(offerMin.Minutes()) {
		return Refuse(Invalid, "An offer leaves at least %d minutes to answer.", int(offerMin.Minutes())).At("body.offer_ttl_minutes")
	}
	p.ReminderMinutes, err = Reminders(p.ReminderMinutes)
	return err
}

// Defaults are the policy values a new program starts with (domain.md section 2).
func Defaults() Program {
	return Program{Status: Published, Overlap: WarnOverlap, AutoCutoffMinutes: 12 * 60, OfferTTLMinutes: 60, CancelCutoffMinutes: 12 * 60, ReminderMinutes: []int{1440, 30}}
}

// Ages is the age range in words: "ages 4 to 8", "at least age 4", "at most age 8".
func (p Program) Ages() string {
	switch {
	case p.MinAge != nil && p.MaxAge != nil:
		return fmt.Sprintf("ages %d to %d", *p.MinAge, *p.MaxAge)
	case p.MinAge != nil:
		return fmt.Sprintf("at least age %d", *p.MinAge)
	case p.MaxAge != nil:
		return fmt.Sprintf("at most age %d", *p.MaxAge)
	}
	return "any age"
}

// Reminders refuses (Invalid) offsets that are no minutes before a start, and sorts them, longest first, without repeats.
// Nil stays nil: the series has none of its own.
func Reminders(minutes []int) ([]int, error) {
	if minutes == nil {
		return nil, nil
	}
	if len(minutes) > 10 {
		return nil, Refuse(Invalid, "At most 10 reminders fit one session.").At("body.reminder_minutes")
	}
	out := make([]int, 0, len(minutes))
	for _, m := range minutes {
		if m < 1 || m > 28*24*60 {
			return nil, Refuse(Invalid, "A reminder is a number of minutes from 1 to 40320 before the start.").At("body.reminder_minutes")
		}
		i := 0
		for i < len(out) && out[i] > m {
			i++
		}
		if i < len(out) && out[i] == m {
			continue
		}
		out = append(out[:i], append([]int{m}, out[i:]...)...)
	}
	return out, nil
}

func slug(s string) bool {
	if len(s) < 1 || len(s) > 64 {
		return false
	}
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	// An id in the place of a slug would make another program's unreachable, since both are looked up in one place.
	return !(len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-')
}

// Line cleans one line of text: outer space is trimmed. It refuses (Invalid) what could forge a header, a calendar property or a
// direction of writing: C0 and C1 controls, line and paragraph separators, bidi controls, invalid UTF-8; and lengths, in
// characters, outside lo..hi.
func Line(member, s string, lo, hi int) (string, error) {
	s = strings.TrimSpace(s)
	for _, c := range s {
		if c < 0x20 || forbidden(c) {
			return "", Refuse(Invalid, "The %s is one line of plain text, without control characters.", member).At("body." + member)
		}
	}
	return s, bounds(member, s, lo, hi)
}

// Paragraphs cleans text of several lines: line ends become LF. It refuses (Invalid) the same characters as Line, LF and TAB apart.
func Paragraphs(member, s string, hi int) (string, error) {
	s = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"))
	for _, c := range s {
		if c < 0x20 && c != '\n' && c != '\t' || forbidden(c) {
			return "", Refuse(Invalid, "The %s is plain text, without control characters.", member).At("body." + member)
		}
	}
	return s, bounds(member, s, 0, hi)
}

func bounds(member, s string, lo, hi int) error {
	if !utf8.ValidString(s) {
		return Refuse(Invalid, "The %s is text in UTF-8.", member).At("body." + member)
	}
	switch n := utf8.RuneCountInString(s); {
	case n < lo:
		return Refuse(Invalid, "The %s is missing.", member).At("body." + member)
	case n > hi:
		return Refuse(Invalid, "The %s has at most %d characters.", member, hi).At("body." + member)
	}
	return nil
}

// forbidden are DEL, C1, U+2028 and U+2029, the bidi embeddings, overrides and isolates, and the byte order mark.
func forbidden(c rune) bool {
	return c >= 0x7f && c <= 0x9f || c == 0x2028 || c == 0x2029 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0xfeff
}
