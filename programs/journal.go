package programs

// EntryID names a journal entry; ChangeID a change.
type (
	EntryID  string
	ChangeID string
)

// Verb is what happened, as a stable name that people script against.
type Verb string

// The verbs of the journal.
const (
	ProgramAdded   Verb = "program.added"
	ProgramEdited  Verb = "program.edited"
	ScopeGranted   Verb = "scope.granted"
	ScopeRevoked   Verb = "scope.revoked"
	SeriesAdded    Verb = "series.added"
	SeriesEdited   Verb = "series.edited" // Fields: the scope
	SeriesSplit    Verb = "series.split"  // After: the successor
	SeriesExtended Verb = "series.extended"
	SeriesEnded    Verb = "series.ended"

	ChangeUndone  Verb = "change.undone"
	SessionUndone Verb = "session.undone" // Before and After: its status; Fields: what went back
	SignupUndone  Verb = "signup.undone"

	SessionScheduled  Verb = "session.scheduled" // one entry a session, also for drafts (After: its status)
	SessionEdited     Verb = "session.edited"    // text, capacity, join link
	SessionMoved      Verb = "session.moved"     // time or place; Before and After: "start/end" in milliseconds
	SessionCancelled  Verb = "session.cancelled"
	SessionReinstated Verb = "session.reinstated"
	SessionCompleted  Verb = "session.completed"

	SignupMade     Verb = "signup.made"     // After: confirmed or waitlisted
	SignupPromoted Verb = "signup.promoted" // waitlisted -> confirmed
	SignupOffered  Verb = "signup.offered"  // waitlisted -> offered
	SignupAccepted Verb = "signup.accepted" // offered or waitlisted -> confirmed, by the person
	SignupLapsed   Verb = "signup.lapsed"   // offered -> lapsed
	SignupClosed   Verb = "signup.closed"   // at start: the list is over
	SignupEnded    Verb = "signup.ended"    // -> cancelled; Fields: the end reason
	SignupReturned Verb = "signup.returned" // cancelled with its session -> the state it had, when the session is put back on
	SignupPassed   Verb = "signup.passed"   // passed over by a promotion (W4); Fields: the reason code

	SeatFree Verb = "session.seat_free" // a seat goes to the first click (W5)

	EnrollmentMade    Verb = "enrollment.made"
	EnrollmentSkipped Verb = "enrollment.skipped"  // Before and After: how many dates are skipped
	EnrollmentLeftOut Verb = "enrollment.left_out" // After: the session; Fields: the reason
	EnrollmentEnded   Verb = "enrollment.ended"

	PersonAdded     Verb = "person.added"
	PersonEdited    Verb = "person.edited" // After: the status; Fields: what changed
	DependentAdded  Verb = "dependent.added"
	DependentEdited Verb = "dependent.edited"
	FeedMade        Verb = "feed.made"
	FeedRevoked     Verb = "feed.revoked"
	KeyMade         Verb = "key.made"
	KeyRevoked      Verb = "key.revoked"
)

// Subject kinds of an entry.
const (
	OnProgram    = "program"
	OnSeries     = "series"
	OnSession    = "session"
	OnSignup     = "signup"
	OnPerson     = "person"
	OnDependent  = "dependent"
	OnFeed       = "feed"
	OnKey        = "key"
	OnChange     = "change"
	OnEnrollment = "enrollment"
)

// Entry is one fact. It holds ids, codes, instants and names of changed fields only, so that it stays true after an erasure.
type Entry struct {
	ID      EntryID
	Change  ChangeID // empty: a single act that is not held
	At      Instant
	Actor   string // Actor.ID
	Verb    Verb
	Kind    string // On...
	Subject string // the id
	Before  string
	After   string
	Fields  string
}
