package programs

import "fmt"

// Reason is why an act was refused. It is itself an error, so errors.Is(err, programs.NotFound) works on any wrapped refusal.
// The door maps each Reason to one HTTP status (domain.md section 15).
type Reason string

// The reasons a refusal can have.
const (
	NotFound  Reason = "not_found" // no such thing, or not the asker's to see: the two are never told apart
	Invalid   Reason = "invalid"   // the input breaks a rule that it could have kept
	Forbidden Reason = "forbidden" // the asker's role does not allow the act
	Conflict  Reason = "conflict"  // the input is fine, the state of the world is not
	Stale     Reason = "stale"     // If-Match names an older version
	Closed    Reason = "closed"    // too late: started, ended, offer over
	Gone      Reason = "gone"      // a link or token that was good once
	Busy      Reason = "busy"      // try again shortly
)

// Error implements error with the reason's stable code.
func (r Reason) Error() string { return string(r) }

// Location points at one faulty member of the input, for example "body.local_start". It never repeats the submitted value.
type Location struct {
	Where  string // body.rrule, query.limit, row 3
	Format string // one sentence, with verbs for Args
	Args   []any
}

// Message is the location's sentence in English.
func (l Location) Message() string { return fmt.Sprintf(l.Format, l.Args...) }

// Error is a refusal that is safe to show: one sentence that says what to do next. Format and Args are kept apart so that the
// door can say it in the reader's language; neither ever holds a submitted value, an SQL text or a path.
type Error struct {
	Reason Reason
	Format string
	Args   []any
	Where  []Location
}

// Refuse makes a refusal.
func Refuse(r Reason, format string, args ...any) *Error {
	return &Error{Reason: r, Format: format, Args: args}
}

// At adds the member of the input that is at fault; the sentence is the error's own.
func (e *Error) At(where string) *Error {
	e.Where = append(e.Where, Location{Where: where, Format: e.Format, Args: e.Args})
	return e
}

// Error implements error with the English sentence.
func (e *Error) Error() string { return fmt.Sprintf(e.Format, e.Args...) }

// Unwrap returns the Reason, so that errors.Is works with it.
func (e *Error) Unwrap() error { return e.Reason }
