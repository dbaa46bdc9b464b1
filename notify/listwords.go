package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wellweek/wellweek/programs"
)

// sayCalendar writes a mail that is there for its calendar part: what it is about, and where more stands.
func (l *letter) sayCalendar(method string, zone *time.Location, url string) (page, error) {
	loc, err := programs.Zone(l.Session.TimeZone)
	if err != nil {
		return page{}, err
	}
	s := l.Session
	p := page{
		Title: s.Title, Program: l.Program, URL: url, Button: "Open the session page", Tone: "plain", Tag: "Calendar", Headline: s.Title, Bare: true,
		When: clocks(s.StartsAt, s.EndsAt, loc, zone, online(l)), Why: "This mail only keeps your calendar right.",
	}
	p.Subject = "In your calendar: " + s.Title + ", " + brief(s.StartsAt, loc)
	line := onLine(s.StartsAt, s.EndsAt, "", l.Now, loc, zone)
	p.Lead = s.Title + ": " + line + "."
	switch {
	case method == cancel:
		p.Subject = "Out of your calendar: " + s.Title + ", " + brief(s.StartsAt, loc)
		p.Lead = "Out of your calendar: " + line + "."
	case l.Told.Method == request:
		p.Lead = "Now in your calendar: " + line + "."
	}
	p.Preheader = p.When[0].String()
	return p, nil
}

// sayList writes a mail about several sessions: what happened, and a line for each under what it means for the reader.
func (l *letter) sayList(method string, zone *time.Location, url string) (page, error) {
	p := page{Title: titles(l.Dates), Program: l.Program, URL: url, Button: "Open the session page", Tone: "plain"}
	first := l.Dates[0]
	for _, d := range l.Dates {
		if d.Event != leftOut {
			first = d
			break
		}
	}
	loc, err := programs.Zone(first.Session.TimeZone)
	if err != nil {
		return p, err
	}
	n := 0
	for _, d := range l.Dates {
		if d.Event == first.Event {
			n++
		}
		if err := p.line(d, zone); err != nil {
			return p, err
		}
	}
	if !slices.ContainsFunc(l.Dates, func(d *letter) bool { return place(d.Session) != place(first.Session) }) && first.Event != Cancelled {
		p.Place = place(first.Session)
	}
	p.listWords(l, first, n)
	p.Subject = p.Tag + ": " + p.Title + ", " + brief(first.Session.StartsAt, loc)
	if n > 1 {
		p.Subject = fmt.Sprintf("%s: %s, %d dates from %s", p.Tag, p.Title, n, brief(first.Session.StartsAt, loc))
	}
	switch method {
	case request:
		p.Notes = append(p.Notes, fmt.Sprintf("The invitation in this mail keeps your calendar right for %s.", brief(l.Session.StartsAt, loc)))
	case cancel:
		p.Notes = append(p.Notes, fmt.Sprintf("The cancellation in this mail takes %s out of your calendar.", brief(l.Session.StartsAt, loc)))
	}
	if method != "" && slices.ContainsFunc(l.Dates, func(d *letter) bool { return d.Session.ID != l.Session.ID && d.Told.Method == request }) {
		p.Notes = append(p.Notes, "Short mails of their own do the same for the other dates that are in your calendar.")
	}
	p.Preheader = p.Lead
	return p, nil
}

// listWords says what the gravest event of a list means; n is how many of its dates it meets.
func (p *page) listWords(l, first *letter, n int) {
	dates := plural(n, "date")
	seat, _ := first.seat()
	you, are := "You", "are"
	if seat.Child {
		you, are = "Your child", "is"
	}
	switch first.Event {
	case Cancelled:
		p.Tag, p.Tone, p.Headline = "Cancelled", "bad", capital(dates)+" cancelled"
		p.Lead = fmt.Sprintf("%s of %s %s not take place. There is nothing you need to do.", capital(dates), p.Title, verb(n, "does", "do"))
		for _, d := range l.Dates {
			if d.Event == Cancelled && p.Cause == "" {
				p.Cause = d.Session.CancelReason
			}
		}
	case Reinstated:
		p.Tag, p.Tone, p.Headline = "Back on", "good", capital(dates)+" back on"
		p.Lead = fmt.Sprintf("%s of %s %s cancelled and %s place after all.", capital(dates), p.Title, verb(n, "was", "were"), verb(n, "takes", "take"))
		p.Notes = append(p.Notes, "What does not suit you any more can be given up on the session's page.")
	case Confirmed:
		p.Tag, p.Tone, p.Headline = "Confirmed", "good", you+" "+verb(map[bool]int{true: 1}[seat.Child], "has", "have")+" places"
		p.Lead = fmt.Sprintf("%s %s a place on %s of %s.", you, verb(map[bool]int{true: 1}[seat.Child], "has", "have"), dates, p.Title)
	case Moved:
		p.Tag, p.Tone, p.Headline = "Moved", "warn", capital(dates)+" changed"
		p.Lead = fmt.Sprintf("%s of %s %s changed in time or place.", capital(dates), p.Title, verb(n, "has", "have"))
		p.Notes = append(p.Notes, "Places and numbers on waiting lists stay as they were. What does not suit you can be given up on the session's page.")
	case Left:
		p.Tag, p.Headline = "Not going", "Places given up"
		p.Lead = fmt.Sprintf("%s no longer %s a place, or a number on the waiting list, on %s of %s.", you, verb(map[bool]int{true: 1}[seat.Child], "has", "have"), dates, p.Title)
	case Promoted:
		p.Tag, p.Tone, p.Headline = "You have a place", "good", "Places became free"
		p.Lead = fmt.Sprintf("%s moved up from the waiting list and now %s a place on %s of %s.", you, verb(map[bool]int{true: 1}[seat.Child], "has", "have"), dates, p.Title)
	case Offered:
		p.Tag, p.Tone, p.Headline = "A place is free", "warn", "Places are offered"
		p.Lead = fmt.Sprintf("Places on %s of %s are kept for a while; take what you want on the session pages.", dates, p.Title)
	case Enrolled:
		p.enrolledWords(l, you, are, n)
	default:
		p.Tag, p.Headline = "Changed", capital(dates)+" changed"
		p.Lead = fmt.Sprintf("%s of %s changed for you.", capital(dates), p.Title)
	}
	p.Why = "You get this mail because you have places in these sessions, or wait for them. Mails about your own places are always sent."
	switch {
	case first.Event == Enrolled && seat.Child:
		p.Why = "You get this mail because you look after a child who is enrolled in this series. Mails about your own places are always sent."
	case first.Event == Enrolled:
		p.Why = "You get this mail because you are enrolled in this series. Mails about your own places are always sent."
	case first.Lead && !first.active():
		p.Why = "You get this mail because you lead these sessions."
	}
}

// enrolledWords are those of an enrollment, or of the dates that joined one.
func (p *page) enrolledWords(l *letter, you, are string, n int) {
	going, waiting, left := 0, 0, 0
	for _, d := range l.Dates {
		seat, _ := d.seat()
		switch {
		case d.Event == leftOut:
			left++
		case seat.State == programs.Confirmed:
			going++
		default:
			waiting++
		}
	}
	p.Tag, p.Tone, p.Headline = "Enrolled", "good", you+" "+are+" enrolled"
	p.Lead = fmt.Sprintf("%s %s enrolled in %s on %s.", you, are, p.Title, plural(n, "date"))
	if l.Cause.Verb != programs.EnrollmentMade {
		p.Headline = map[bool]string{true: "A new date", false: "New dates"}[n == 1]
		p.Lead = fmt.Sprintf("%s %s enrolled in %s, so %s joined by %s.", you, are, p.Title, plural(n, "new date"), verb(n, "itself", "themselves"))
		if l.Cause.Verb == programs.EnrollmentSkipped {
			p.Headline = map[bool]string{true: "A date is back", false: "Dates are back"}[n == 1]
			p.Lead = fmt.Sprintf("%s %s enrolled in %s, and %s %s no longer skipped.", you, are, p.Title, plural(n, "date"), verb(n, "is", "are"))
		}
	}
	if waiting > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%s %s full: there %s on the waiting list. %s", capital(plural(waiting, "date")), verb(waiting, "is", "are"),
			map[bool]string{true: "you are", false: "your child is"}[you == "You"], l.rule()))
	}
	if left > 0 {
		p.Notes = append(p.Notes, capital(plural(left, "date"))+" could not be joined.")
	}
	if going > 0 {
		p.Notes = append(p.Notes, "Each date comes into your calendar two weeks before it, by a short mail.")
	}
	p.Notes = append(p.Notes, "If you cannot come on one of the dates, skip it; the next in line gets the place.")
}

// line adds a line about one session under what it means.
func (p *page) line(d *letter, zone *time.Location) error {
	loc, err := programs.Zone(d.Session.TimeZone)
	if err != nil {
		return err
	}
	s := d.Session
	seat, _ := d.seat()
	label, before := "Changed", ""
	if (d.Event == Moved || d.Event == Reinstated) && d.WasStarts != 0 && (d.WasStarts != s.StartsAt || d.WasEnds != s.EndsAt) {
		before = was(d, loc)
	}
	text := onLine(s.StartsAt, s.EndsAt, before, d.Now, loc, zone)
	if p.Title != s.Title {
		text = s.Title + ": " + text
	}
	switch d.Event {
	case Enrolled, Confirmed, Waitlisted:
		label = "Going"
		if seat.State != programs.Confirmed {
			label = "Waiting"
		}
		if seat.State == programs.Waitlisted {
			text += fmt.Sprintf("; number %d", seat.Position)
		}
	case leftOut:
		label = "Left out"
	case Cancelled:
		label = "Cancelled"
	case Reinstated:
		label = "Back on"
		if seat, ok := d.waits(); ok {
			text += fmt.Sprintf("; waiting, number %d", seat.Position)
		}
	case Lapsed:
		label = "Offer over"
	case Left:
		label = "Not going"
	case Promoted:
		label = "Going"
	case Offered:
		label = "Offered"
		if d.Cause.Verb == programs.SeatFree {
			text += "; whoever takes it first has it"
			break
		}
		text += "; until " + moment(seat.OfferEnds, zone)
	case Moved:
		label = "Now"
		if d.holder() && (d.WasPlace == nil || *d.WasPlace != s.Location) {
			if at := place(s); at != "" {
				text += "; at " + at
			}
			if d.WasPlace != nil && *d.WasPlace != "" {
				text += ", no longer at " + *d.WasPlace
			}
		}
	}
	if more := d.standings(); len(more) > 0 && s.Status == programs.Scheduled {
		text += " (" + strings.Join(more, "; ") + ")"
	}
	for i := range p.Lines {
		if p.Lines[i].Label == label {
			p.Lines[i].Lines = append(p.Lines[i].Lines, text)
			return nil
		}
	}
	p.Lines = append(p.Lines, fact{Label: label, Lines: []string{text}})
	return nil
}

// waits is how the reader waits for a session that they have no seat in.
func (l *letter) waits() (standing, bool) {
	i := slices.IndexFunc(l.Seats, func(s standing) bool { return s.State == programs.Waitlisted })
	if i < 0 || l.holder() || len(l.standings()) > 0 {
		return standing{}, false
	}
	return l.Seats[i], true
}

// onLine is when a session is, on one line: Thu 26 Nov, 13:30–14:15 (was 12:30–13:15), Berlin time (CET); the reader's clock follows where
// it shows something else (T9).
func onLine(starts, ends programs.Instant, before string, now programs.Instant, loc, zone *time.Location) string {
	w := inZone(starts, ends, loc)
	text := day(starts, now, loc) + ", " + w.Hours
	if before != "" {
		text += " (was " + before + ")"
	}
	text += ", " + w.Zone
	if !same(starts, ends, loc, zone) {
		w = inZone(starts, ends, zone)
		text += "; for you " + day(starts, now, zone) + ", " + w.Hours + ", " + w.Zone
	}
	return text
}

// day is a date with its weekday, and with its year unless that is the present one.
func day(at, now programs.Instant, loc *time.Location) string {
	t := at.Time().In(loc)
	if t.Year() == now.Time().In(loc).Year() {
		return t.Format("Mon 2 Jan")
	}
	return t.Format("Mon 2 Jan 2006")
}

// was is when a session was, with its date where that is another one.
func was(d *letter, loc *time.Location) string {
	w := inZone(d.WasStarts, d.WasEnds, loc)
	if programs.WallAt(d.WasStarts, loc).Date == programs.WallAt(d.Session.StartsAt, loc).Date {
		return w.Hours
	}
	return day(d.WasStarts, d.Now, loc) + ", " + w.Hours
}

// titles names what a list is about: mostly one series.
func titles(dates []*letter) string {
	var names []string
	for _, d := range dates {
		if !slices.Contains(names, d.Session.Title) {
			names = append(names, d.Session.Title)
		}
	}
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d others", names[0], len(names)-1)
	}
	return list(names)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "one " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
