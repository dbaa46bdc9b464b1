package programs

// EnrollmentID names an enrollment.
type EnrollmentID string

// EnrollmentStatus says whether an enrollment still makes sign-ups.
type EnrollmentStatus string

// The states of an enrollment.
const (
	EnrollmentActive EnrollmentStatus = "active"
	EnrollmentOver   EnrollmentStatus = "ended"
)

// Enrollment is the standing intent of one participant to attend every session of a series, minus the skipped ones. It holds no seat:
// it makes sign-ups, also for dates that are added later (W17).
type Enrollment struct {
	ID        EnrollmentID
	Series    SeriesID
	Person    PersonID // who is mailed: the participant, or the guardian who books
	Dependent DependentID
	Mode      Mode
	Status    EnrollmentStatus
	Skips     []SessionID // in the order of their ids
	Version   int64
	CreatedAt Instant
	UpdatedAt Instant
}

// Participant is who takes the seats: the dependent's id, else the person's.
func (e Enrollment) Participant() string {
	if e.Dependent != "" {
		return string(e.Dependent)
	}
	return string(e.Person)
}

// LeftOut is a date that an enrollment could not join, with the reason in one sentence (N1).
type LeftOut struct {
	Session SessionID
	Reason  *Error
}

// Joins reports whether an enrollment makes a sign-up for a session at now: one that is announced, has not started and is not skipped.
func (e Enrollment) Joins(s Session, now Instant) bool {
	if e.Status != EnrollmentActive || s.Status != Scheduled || now >= s.StartsAt {
		return false
	}
	for _, id := range e.Skips {
		if id == s.ID {
			return false
		}
	}
	return true
}
