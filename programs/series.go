package programs

// SeriesID names a series.
type SeriesID string

// SeriesStatus is where a series stands (domain.md section 6).
type SeriesStatus string

// The states of a series.
const (
	DraftSeries     SeriesStatus = "draft"
	ActiveSeries    SeriesStatus = "active"
	EndedSeries     SeriesStatus = "ended"
	CancelledSeries SeriesStatus = "cancelled"
	SplitSeries     SeriesStatus = "split"
)

// Horizon is how many days ahead the sessions of an open-ended series are stored (T5).
const Horizon = 400

// maxLeaders is how many people may lead one session.
const maxLeaders = 20

// Details are what a session says and a coordinator may edit; a series holds them as the template of its sessions.
type Details struct {
	Title           string
	Description     string
	LocalStart      Wall
	TimeZone        string // IANA name
	DurationMinutes int    // elapsed minutes
	Capacity        *int   // nil: unlimited
	Location        string
	JoinURL         string // https or http; shown to participants on the join page only
}

// Check cleans the texts and refuses (Invalid) what cannot be kept.
func (d *Details) Check() error {
	var err error
	if d.Title, err = Line("title", d.Title, 1, 200); err != nil {
		return err
	}
	if d.Description, err = Paragraphs("description", d.Description, 8000); err != nil {
		return err
	}
	if d.Location, err = Line("location", d.Location, 0, 200); err != nil {
		return err
	}
	if d.JoinURL, err = link("join_url", d.JoinURL); err != nil {
		return err
	}
	if _, err = Zone(d.TimeZone); err != nil {
		return err
	}
	if d.LocalStart.Date >= lastDay-30 {
		return Refuse(Invalid, "The start is too far ahead.").At("body.local_start") // its end would have five digits in the year
	}
	if d.DurationMinutes < 1 || d.DurationMinutes > 7*24*60 {
		return Refuse(Invalid, "The duration is a number of minutes from 1 to 10080.").At("body.duration_minutes")
	}
	if d.Capacity != nil && (*d.Capacity < 0 || *d.Capacity > 100000) {
		return Refuse(Invalid, "The capacity is a number from 0 to 100000, or null for no limit.").At("body.capacity")
	}
	return nil
}

// Series is a pattern of dates in one zone plus the template of its sessions. Details.LocalStart is its first date.
type Series struct {
	ID        SeriesID
	ProgramID ProgramID
	Details
	RRule           string // RFC 5545 text of the supported subset; empty: one date
	ExtraDates      []Wall
	SkipDates       []Date
	Facilitators    []PersonID
	ReminderMinutes []int // nil: the program's
	Status          SeriesStatus
	Version         int64
	Revision        int64
	CreatedAt       Instant
	UpdatedAt       Instant
}

// Check cleans and refuses (Invalid) everything about a series but its dates, which Dates judges.
func (s *Series) Check() error {
	if err := s.Details.Check(); err != nil {
		return err
	}
	switch s.Status {
	case "":
		s.Status = ActiveSeries
	case DraftSeries, ActiveSeries:
	default:
		return Refuse(Invalid, "A new series is draft or active.").At("body.status")
	}
	if len(s.Facilitators) > maxLeaders {
		return Refuse(Invalid, "At most %d people lead one session.", maxLeaders).At("body.facilitator_ids")
	}
	var err error
	s.ReminderMinutes, err = Reminders(s.ReminderMinutes)
	return err
}

// Occurrence is a computed date of a series that is not stored yet.
type Occurrence struct {
	Slot     string // the date of the rule, YYYY-MM-DD; an extra date has its wall time
	Wall     Wall
	StartsAt Instant
	EndsAt   Instant // StartsAt plus the duration in elapsed minutes (T6)
	Skipped  bool    // a skip date: stored as skipped, never announced
	Gap      bool    // the wall time does not exist on that day: an hour (or so) later
	Overlap  bool    // the wall time exists twice on that day: the first
}

// DateNotes says in words what is odd about the occurrence's wall time; empty when nothing is (T2).
func (o Occurrence) Notes() []string {
	var notes []string
	if o.Gap {
		notes = append(notes, "The clocks go forward on this day and skip this time; the session starts as much later.")
	}
	if o.Overlap {
		notes = append(notes, "The clocks go back on this day and this time comes twice; the session starts at the first.")
	}
	return notes
}
