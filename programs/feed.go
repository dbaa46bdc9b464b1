package programs

import "time"

// FeedID names a feed.
type FeedID string

// FeedScope says what a feed shows.
type FeedScope string

// The scopes of a feed.
const (
	Mine        FeedScope = "mine"    // the owner's confirmed seats and those of dependents
	ProgramFeed FeedScope = "program" // every announced session of one program
	Hosting     FeedScope = "hosting" // the sessions the owner leads
)

// Feed is a private calendar link. Its token is shown once and stored as a hash only.
type Feed struct {
	ID        FeedID
	Owner     PersonID // empty: made by a key without a person
	Program   ProgramID
	Scope     FeedScope
	Name      string
	CreatedAt Instant
	RevokedAt Instant
	FetchedAt Instant
	Client    string // family of the client that fetched last
}

// CheckFeed refuses (Invalid, Forbidden) a scope that does not fit the asker: a key without a person has program feeds only.
func CheckFeed(a Actor, f Feed) error {
	switch f.Scope {
	case ProgramFeed:
		if f.Program == "" {
			return Refuse(Invalid, "A program feed names its program_id.").At("body.program_id")
		}
		return nil
	case Mine, Hosting:
		if f.Program != "" {
			return Refuse(Invalid, "Only a program feed names a program_id.").At("body.program_id")
		}
		if a.Person == "" {
			return Refuse(Forbidden, "A key without a person has program feeds only.")
		}
		return nil
	}
	return Refuse(Invalid, "The scope is mine, program or hosting.").At("body.scope")
}

// FeedWindow is the range of starts a feed shows at now: 180 days back to 400 days ahead of the Monday of now's week in UTC, so
// that bytes change at most weekly without a write (calendar.md F4). Cancelled sessions stay while they end after ended.
func FeedWindow(now Instant) (monday Date, from, until, ended Instant) {
	const day = Instant(24 * time.Hour / time.Millisecond)
	d := now / day
	monday = Date(d - (d+3)%7) // 1970-01-01 was a Thursday
	at := Instant(monday) * day
	return monday, at - 180*day, at + 400*day, at - 30*day
}
