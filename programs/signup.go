package programs

import "time"

// SignupID names a sign-up. Re-joining makes a new one, so that a repeated cancellation of the old one cannot end it (W16).
type SignupID string

// SignupState is where a sign-up stands.
type SignupState string

// The states of a sign-up (domain.md section 5). NotSignedUp is the state before the first one.
const (
	NotSignedUp   SignupState = ""
	Requested     SignupState = "requested"
	Waitlisted    SignupState = "waitlisted"
	Offered       SignupState = "offered"
	Confirmed     SignupState = "confirmed"
	Declined      SignupState = "declined"
	Lapsed        SignupState = "lapsed"
	CancelledSeat SignupState = "cancelled"
	ClosedList    SignupState = "closed"
)

// Active reports whether the state claims something: at most one active sign-up exists per session and participant (I-2).
func (s SignupState) Active() bool {
	return s == Requested || s == Waitlisted || s == Offered || s == Confirmed
}

// Held reports whether the state holds a seat.
func (s SignupState) Held() bool { return s == Confirmed || s == Offered }

// EndReason is why a sign-up was cancelled.
type EndReason string

// The reasons a sign-up can end with.
const (
	EndedSelf        EndReason = "self"
	EndedCoordinator EndReason = "coordinator"
	EndedSession     EndReason = "session"
	EndedReply       EndReason = "reply"
	EndedIneligible  EndReason = "ineligible"
	EndedLeft        EndReason = "left"
	EndedSkip        EndReason = "skip"       // this date of an enrollment is skipped
	EndedEnrollment  EndReason = "enrollment" // the enrollment ended
)

// Source is how a sign-up came about.
type Source string

// The sources of a sign-up.
const (
	BySelf        Source = "self"
	ByCoordinator Source = "coordinator"
	WalkIn        Source = "walk_in"
	Imported      Source = "import"
	ByEnrollment  Source = "enrollment"
)

// Mode is how a participant attends.
type Mode string

// The modes of attending.
const (
	Onsite Mode = "onsite"
	Online Mode = "online"
)

// Signup is the claim of one participant on one session.
type Signup struct {
	ID             SignupID
	SessionID      SessionID
	Person         PersonID    // who is mailed: the participant, or the guardian who books
	Dependent      DependentID // empty: the person takes the seat
	Mode           Mode
	State          SignupState
	Source         Source
	QueuedAt       Instant // when it joined the waiting list; zero: never waited
	Priority       int
	OfferExpiresAt Instant
	ConfirmedAt    Instant // when the seat was won; kept after it is given up; zero: never
	EndReason      EndReason
	Late           bool // left after the cancel cutoff (W13)
	Version        int64
	CreatedAt      Instant
	UpdatedAt      Instant
	Position       int // 1-based while waitlisted, else 0; counted when read
}

// Participant is who takes the seat: the dependent's id, else the person's.
func (s Signup) Participant() string {
	if s.Dependent != "" {
		return string(s.Dependent)
	}
	return string(s.Person)
}

// Joining is everything the decision about a new sign-up needs, as it is in the transaction that makes it.
type Joining struct {
	Actor     Actor
	Person    Person
	Dependent *Dependent // with a guardianship that MayBook, or nil
	MayBook   bool
	Mode      Mode
	Session   Session
	Program   Program
	Overlaps  []Session // sessions in which the participant holds a seat or waits, that overlap this one
	Now       Instant
}

// SignUp decides a new sign-up: confirmed when there is a seat and nobody ahead, else waitlisted (full is no error). warnings
// are sentences to show beside the answer. It refuses who may not (NotFound, Forbidden), who does not fit (Conflict), and
// sessions that are not open (Closed).
func SignUp(j Joining) (s Signup, warnings []string, err error) {
	self := j.Actor.Person != "" && j.Actor.Person == j.Person.ID
	switch {
	case !self && !j.Actor.Coordinates(j.Program.ID):
		return s, nil, Refuse(Forbidden, "Only a coordinator signs other people up.")
	case j.Person.Status != Active:
		return s, nil, Refuse(Conflict, "This person is not active in the directory.")
	}
	if err := j.Session.open(j.Program, j.Now); err != nil {
		return s, nil, err
	}
	if j.Dependent == nil && j.Program.Participants == Dependents {
		return s, nil, Refuse(Conflict, "This activity is for children; name the child to sign up.").At("body.dependent_id")
	}
	if j.Dependent != nil {
		switch {
		case !j.MayBook:
			return s, nil, Refuse(NotFound, "There is no such child in this person's care.").At("body.dependent_id")
		case j.Program.Participants == Persons:
			return s, nil, Refuse(Conflict, "This program is for employees, not for children.").At("body.dependent_id")
		}
		if err := FitsAge(j.Program, j.Dependent.BirthDate, j.Session.LocalStart.Date); err != nil {
			return s, nil, err
		}
	}
	if len(j.Overlaps) > 0 {
		// Where else somebody goes is theirs to know: who signs others up learns only that there is something.
		title := func(o Session) string {
			if self {
				return o.Title
			}
			return "another session"
		}
		if j.Program.Overlap == BlockOverlap {
			return s, nil, Refuse(Conflict, "This overlaps %s, which is already taken at that time.", title(j.Overlaps[0]))
		}
		for _, o := range j.Overlaps {
			warnings = append(warnings, Refuse(Conflict, "This overlaps %s at the same time.", title(o)).Error())
		}
	}
	s = Signup{
		SessionID: j.Session.ID, Person: j.Person.ID, Mode: j.Mode, State: Confirmed, Source: BySelf,
		Version: 1, CreatedAt: j.Now, UpdatedAt: j.Now,
	}
	if j.Dependent != nil {
		s.Dependent = j.Dependent.ID
	}
	if !self {
		s.Source = ByCoordinator
	}
	if !j.Session.Place(j.Now) {
		s.State, s.QueuedAt = Waitlisted, j.Now
	} else {
		s.ConfirmedAt = j.Now
	}
	return s, warnings, nil
}

// open refuses joining a session that is not announced, not published, called off or started.
func (s Session) open(p Program, now Instant) error {
	switch {
	case s.Status == Draft || s.Status == Skipped || p.Status == DraftProgram:
		return Refuse(NotFound, "There is no such session.")
	case s.Status == Cancelled:
		return Refuse(Closed, "This session is cancelled.")
	case p.Status == Archived:
		return Refuse(Closed, "This program is archived and takes no sign-ups.")
	case now >= s.StartsAt || s.Status != Scheduled:
		return Refuse(Closed, "This session has started; sign-up is over.")
	}
	return nil
}

// Cancel decides that a sign-up ends. changed is false when it had ended already: cancelling twice is the same answer (W16). It
// refuses (Closed) once the session has started: from then on attendance speaks.
func (s Signup) Cancel(session Session, p Program, reason EndReason, now Instant) (after Signup, changed bool, err error) {
	if !s.State.Active() {
		return s, false, nil
	}
	if now >= session.StartsAt && reason != EndedSession {
		return s, false, Refuse(Closed, "This session has started; a place can no longer be given up.")
	}
	s.Late = s.State == Confirmed && reason != EndedSession && now > session.StartsAt.Add(-time.Duration(p.CancelCutoffMinutes)*time.Minute)
	s.State, s.EndReason, s.OfferExpiresAt = CancelledSeat, reason, 0
	return s.touched(now), true, nil
}

// Return decides that a sign-up which a cancellation ended is as it was before, because the session takes place after all: its
// state, and its place in line. An offer returns to the list, for its time has gone on (W12). was is the state it had.
func (s Signup) Return(was SignupState, now Instant) Signup {
	if was == Offered {
		was = Waitlisted
	}
	s.State, s.EndReason, s.Late, s.OfferExpiresAt = was, "", false, 0
	return s.touched(now)
}

// Accept decides that an offered place is taken, or a free one while the first click wins (W5). An acceptance at or after the
// offer's end is refused (Closed) even if the offer has not lapsed yet.
func (s Signup) Accept(session Session, now Instant) (after Signup, changed bool, err error) {
	late := Refuse(Closed, "This offer is over.")
	switch {
	case s.State == Confirmed:
		return s, false, nil
	case session.Status != Scheduled || now >= session.StartsAt:
		return s, false, late
	case s.State == Offered && now < s.OfferExpiresAt:
	case s.State == Waitlisted && session.firstClick(now):
		if free, unlimited := session.Free(); free == 0 && !unlimited {
			return s, false, Refuse(Closed, "The free place has just been taken.")
		}
	case s.State == Waitlisted:
		return s, false, Refuse(Closed, "No place is offered to this sign-up; it is on the waiting list.")
	default:
		return s, false, late
	}
	s.State, s.OfferExpiresAt, s.ConfirmedAt = Confirmed, 0, now
	return s.touched(now), true, nil
}

func (s Signup) touched(now Instant) Signup {
	s.Version++
	s.UpdatedAt = now
	return s
}
