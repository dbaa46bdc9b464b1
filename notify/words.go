package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wellweek/wellweek/programs"
)

// page is what a mail says, before it is set as text and as HTML.
type page struct {
	Subject   string
	Preheader string // what a list of mails shows after the subject
	Tag       string // the state in a word or two
	Tone      string // good, warn, bad or plain: the color beside the word
	Headline  string
	Lead      string // what happened, and what to do
	Title     string
	Program   string
	When      []when // the session's clock, and the reader's where it shows something else
	Was       []when // before a move; the same zones
	Place     string
	WasPlace  string
	Leads     string
	Seats     []string // how each seat stands, where there is more than one
	Notes     []string
	Button    string
	URL       string
	Why       string
	Cause     string // reason of a cancellation, as the coordinator wrote it
	Lines     []fact // of a list: its sessions under what each means
	Bare      bool   // the mail is there for its calendar part: no facts
}

// fact is one labeled line or two of a mail.
type fact struct {
	Label string
	Lines []string
	Gone  bool // no longer so
}

// Facts are the labeled lines, in order.
func (p page) Facts() []fact {
	if p.Bare {
		return nil
	}
	f := []fact{{Label: "Session", Lines: []string{p.Title}}}
	f = append(f, p.Lines...)
	for i, w := range p.When {
		label := "When"
		if i > 0 {
			label = "Also"
		}
		f = append(f, fact{Label: label, Lines: []string{w.Day, w.Hours + ", " + w.Zone}})
	}
	for i, w := range p.Was {
		if i == 0 {
			f = append(f, fact{Label: "Before", Lines: []string{w.Day, w.Hours + ", " + w.Zone}, Gone: true})
		}
	}
	if p.Place != "" {
		f = append(f, fact{Label: "Where", Lines: []string{p.Place}})
	}
	if p.WasPlace != "" {
		f = append(f, fact{Label: "Before", Lines: []string{p.WasPlace}, Gone: true})
	}
	if p.Leads != "" {
		f = append(f, fact{Label: "With", Lines: []string{p.Leads}})
	}
	if len(p.Seats) > 0 {
		f = append(f, fact{Label: "Places", Lines: p.Seats})
	}
	if p.Cause != "" {
		f = append(f, fact{Label: "Reason", Lines: []string{p.Cause}})
	}
	return f
}

// say writes the mail of a letter. method is what its calendar part does; zone is the reader's.
func (l *letter) say(method string, zone *time.Location, url string) (page, error) {
	loc, err := programs.Zone(l.Session.TimeZone)
	if err != nil {
		return page{}, err
	}
	s := l.Session
	p := page{
		Title: s.Title, Program: l.Program, Place: place(s), Leads: list(l.Leads), URL: url, Button: "Open the session page",
		When: clocks(s.StartsAt, s.EndsAt, loc, zone, online(l)), Why: l.why(), Tone: "plain",
	}
	if len(l.Seats) > 1 {
		p.Seats = l.standings()
	}
	l.sayWas(&p, loc, zone)
	start := brief(s.StartsAt, loc)
	seat, _ := l.seat()
	you, have, your := "You", "have", "Your"
	if seat.Child {
		you, have = "Your child", "has"
	}
	subject := func(word string) { p.Tag, p.Subject = word, word+": "+s.Title+", "+start }
	switch l.Event {
	case Confirmed:
		p.Tone, p.Headline = "good", you+" "+have+" a place"
		p.Lead = you + " " + have + " a place in " + s.Title + "."
		if seat.Source == programs.ByCoordinator {
			p.Lead = fmt.Sprintf("A coordinator has signed %s up for %s.", strings.ToLower(you), s.Title)
		}
		subject("Confirmed")
		p.Notes = append(p.Notes, "If plans change, give the place up on the session page; the next in line gets it.")
	case Promoted:
		p.Tone, p.Headline = "good", you+" "+have+" a place"
		p.Lead = fmt.Sprintf("%s moved up from the waiting list and now %s a place in %s.", you, have, s.Title)
		if l.Cause.Verb == programs.SignupAccepted {
			p.Lead = fmt.Sprintf("The offered place in %s is taken: it is yours.", s.Title)
			if seat.Child {
				p.Lead = fmt.Sprintf("The offered place in %s is taken: it is your child's.", s.Title)
			}
		}
		subject("You have a place")
		p.Tag = "Confirmed"
		p.Notes = append(p.Notes, "If plans change, give the place up on the session page; the next in line gets it.")
	case Waitlisted:
		p.Tone, p.Headline = "warn", fmt.Sprintf("Number %d on the waiting list", seat.Position)
		p.Lead = fmt.Sprintf("%s is full. %s %s number %d on the waiting list.", s.Title, you, map[bool]string{true: "is", false: "are"}[seat.Child], seat.Position)
		p.Notes = append(p.Notes, l.rule())
		p.Button = "See the session, or leave the list"
		subject("Waiting list")
	case Offered:
		p.Tone, p.Headline, p.Button = "warn", "A place is free", "Take the place"
		subject("A place is free")
		p.Tag = "Offered"
		if l.Cause.Verb == programs.SeatFree {
			p.Lead = fmt.Sprintf("A place in %s is free, and whoever takes it first has it.", s.Title)
			break
		}
		p.Headline = "Take it by " + seat.OfferEnds.Time().In(zone).Format("15:04")
		p.Lead = fmt.Sprintf("A place in %s is kept for %s until %s.", s.Title, strings.ToLower(you), moment(seat.OfferEnds, zone))
		p.Notes = append(p.Notes, "After that it goes to the next in line.")
	case Lapsed:
		p.Headline = "The offer is over"
		p.Lead = fmt.Sprintf("The place in %s was not taken in time and has gone to the next in line.", s.Title)
		p.Notes = append(p.Notes, "You can join the waiting list again on the session page, at its end.")
		subject("Offer over")
		if l.Cause.Verb == programs.SignupClosed {
			p.Headline, p.Notes = "No place this time", nil
			p.Lead = fmt.Sprintf("%s has started, and the waiting list is closed. No place became free for %s.", s.Title, strings.ToLower(you))
			subject("Waiting list closed")
		}
	case Moved:
		p.Tone, p.Headline = "warn", "The time has changed"
		p.Lead = fmt.Sprintf("%s is now on %s.", s.Title, p.When[0])
		if len(p.Was) == 0 {
			p.Headline = "The place has changed"
			p.Lead = fmt.Sprintf("%s is now at %s.", s.Title, p.Place)
			if p.Place == "" {
				p.Lead = fmt.Sprintf("The place of %s has changed; the session page says where it is.", s.Title)
			}
		}
		p.Notes = append(p.Notes, l.keeps(your))
		subject("Moved")
	case Cancelled:
		p.Tone, p.Headline, p.Cause = "bad", "This session is cancelled", s.CancelReason
		p.Lead = fmt.Sprintf("%s on %s does not take place. There is nothing you need to do.", s.Title, p.When[0].Day)
		subject("Cancelled")
	case Reinstated:
		p.Tone, p.Headline = "good", "It takes place after all"
		p.Lead = fmt.Sprintf("%s was cancelled and is back on: %s.", s.Title, p.When[0])
		p.Notes = append(p.Notes, l.returns(zone))
		if l.active() {
			p.Button = "See the session, or give the place up"
		}
		subject("Back on")
	case Left:
		p.Headline = "The place is given up"
		switch {
		case seat.EndReason == programs.EndedSession:
			p.Headline, p.Notes = "The place has gone", append(p.Notes, "You can sign up again on the session page.")
		case l.Cause.Before == string(programs.Waitlisted), l.Cause.Before == string(programs.Requested):
			p.Headline = "Off the waiting list"
		}
		p.Lead = l.gone(seat, you)
		subject("Not going")
		p.Button = "Open the session page"
		if l.confirmed() > 0 {
			p.Notes = append(p.Notes, "What else you have in this session stays, in your calendar too.")
		}
	case Reminder:
		p.Tone, p.Headline = "good", "Coming up"
		p.Lead = fmt.Sprintf("%s starts on %s at %s.", s.Title, p.When[0].Day, hour(s.StartsAt, loc, zone, online(l)))
		p.Notes = append(p.Notes, "If you cannot come, give the place up on the session page; the next in line gets it.")
		subject("Reminder")
	default:
		return p, fmt.Errorf("no words for the event %s", l.Event)
	}
	switch method {
	case request:
		p.Notes = append(p.Notes, "The invitation in this mail keeps your calendar right.")
	case cancel:
		p.Notes = append(p.Notes, "The cancellation in this mail takes the session out of your calendar.")
	}
	p.Preheader = p.When[0].String()
	if p.Place != "" {
		p.Preheader += ", " + p.Place
	}
	return p, nil
}

// sayWas adds what the reader knows and what is no longer so: what we last told this mailbox, else what the session was.
func (l *letter) sayWas(p *page, loc, zone *time.Location) {
	starts, ends, place := l.Told.Starts, l.Told.Ends, l.Told.Location
	known := l.Told.Session != ""
	if !known {
		starts, ends, place = l.WasStarts, l.WasEnds, l.Session.Location
	}
	switch l.Event {
	case Moved, Confirmed, Promoted, Reinstated:
	default:
		return
	}
	if starts != 0 && (starts != l.Session.StartsAt || ends != l.Session.EndsAt) && (known || l.Event == Moved) {
		p.Was = clocks(starts, ends, loc, zone, online(l))
	}
	if place != l.Session.Location && place != "" && l.holder() {
		p.WasPlace = place
	}
}

// clocks is when the session is: on site by its own clock first, online by the reader's (T9).
func clocks(starts, ends programs.Instant, loc, zone *time.Location, online bool) []when {
	w := []when{inZone(starts, ends, loc)}
	if !same(starts, ends, loc, zone) {
		w = append(w, inZone(starts, ends, zone))
		if online {
			w[0], w[1] = w[1], w[0]
		}
	}
	return w
}

func hour(at programs.Instant, loc, zone *time.Location, online bool) string {
	if online {
		loc = zone
	}
	t := at.Time().In(loc)
	return t.Format("15:04, ") + zoneWords(t)
}

// online reports whether the reader attends from where they are.
func online(l *letter) bool {
	s, ok := l.seat()
	return ok && s.Mode == programs.Online || l.Session.Location == "" && l.Session.JoinURL != ""
}

// place is where the session is. The join link stands on the session page only (I-13).
func place(s programs.Session) string {
	switch {
	case s.Location == "" && s.JoinURL != "":
		return "Online; the way in is on the session page"
	case s.JoinURL != "":
		return s.Location + ", and online by the session page"
	}
	return s.Location
}

// rule says how the waiting list works, in this program's figures (D15).
func (l *letter) rule() string {
	if l.AutoCutoff == 0 {
		return "Places go in the order of joining the list. A place that becomes free is yours at once, and we write to you."
	}
	return fmt.Sprintf("Places go in the order of joining the list. Until %s before the start a free place is yours at once, and we write to you; "+
		"later it is offered to you, with up to %s to take it.", length(l.AutoCutoff), length(l.OfferTTL))
}

// keeps says what a move leaves as it was.
func (l *letter) keeps(your string) string {
	switch {
	case l.confirmed() > 0 && l.Told.Method != request && !l.enrolled():
		return "You moved up from the waiting list: you have a place. If it no longer suits you, give it up on the session page."
	case l.confirmed() > 0:
		return "Your place stays yours. If the change does not suit you, give it up on the session page; the next in line gets it."
	case l.holder() && !l.Lead:
		return "The place that is offered to you stays open until the time we wrote."
	case l.active() && l.firstClick():
		return "A place is free, and whoever takes it first on the session page has it."
	case l.active():
		return your + " number on the waiting list stays."
	}
	return "You lead this session."
}

// firstClick reports whether a seat is free to whoever takes it first. The session says so rather than the cause of the mail: the seat may
// have gone since, and those who wait are told of free seats once, whatever change frees more of them (W5).
func (l *letter) firstClick() bool {
	_, free := programs.Promote(l.Session, programs.Program{AutoCutoffMinutes: l.AutoCutoff, OfferTTLMinutes: l.OfferTTL}, make([]programs.Candidate, 1), l.Now)
	return free
}

// returns says what the reader has in a session that is back on, and the way out (W12).
func (l *letter) returns(zone *time.Location) string {
	seat, _ := l.seat()
	for _, s := range l.Seats {
		if l.Signup == "" && s.State.Active() && (seat.ID == "" || s.State == programs.Confirmed && seat.State != programs.Confirmed) {
			seat = s
		}
	}
	you, have, your, yours := "You", "have", "Your", "yours"
	if seat.Child {
		you, have, your, yours = "Your child", "has", "Your child's", "your child's"
	}
	switch {
	case seat.State == programs.Confirmed && l.Signup != "":
		return fmt.Sprintf("%s moved up from the waiting list and now %s a place. If it does not suit you, give it up on the session page.", you, have)
	case seat.State == programs.Confirmed:
		return fmt.Sprintf("The place is %s again. If it no longer suits you, give it up on the session page; the next in line gets it.", yours)
	case seat.State == programs.Offered:
		return fmt.Sprintf("A place is kept for %s until %s. Take it on the session page; after that it goes to the next in line.", strings.ToLower(you), moment(seat.OfferEnds, zone))
	case seat.State == programs.Waitlisted:
		return fmt.Sprintf("%s number on the waiting list is %d. If it no longer suits you, leave the list on the session page.", your, seat.Position)
	}
	return "You lead this session."
}

// enrolled reports whether a seat of theirs was joined by an enrollment, whose invitation comes later (L5).
func (l *letter) enrolled() bool {
	return slices.ContainsFunc(l.Seats, func(s standing) bool { return s.State == programs.Confirmed && s.Source == programs.ByEnrollment })
}

// gone says how a seat ended.
func (l *letter) gone(s standing, you string) string {
	child := map[bool]string{true: "your child's", false: "your"}[s.Child]
	what := child + " place in " + l.Session.Title
	switch l.Cause.Before {
	case string(programs.Waitlisted), string(programs.Requested):
		what = child + " number on the waiting list of " + l.Session.Title
	case string(programs.Offered):
		what = "the place in " + l.Session.Title + " that was offered"
	}
	switch s.EndReason {
	case programs.EndedSelf, programs.EndedReply:
		if l.Cause.Actor == "person:"+string(l.Person.ID) {
			return "You have given up " + what + "."
		}
		return "A coordinator has given up " + what + " for you."
	case programs.EndedSkip:
		return fmt.Sprintf("This date is skipped, so %s goes to the next in line.", what)
	case programs.EndedEnrollment:
		return fmt.Sprintf("The enrollment has ended, and %s with it.", what)
	case programs.EndedCoordinator:
		return "A coordinator has given up " + what + "."
	case programs.EndedSession:
		return l.Session.Title + " was cancelled and is back on, but " + child + " place in it has gone."
	case programs.EndedIneligible:
		return you + " can no longer take part in " + l.Session.Title + ", so the place has gone to the next in line."
	}
	return strings.ToUpper(what[:1]) + what[1:] + " has ended."
}

// standings says how each of the reader's seats stands; no child is named outside the pages.
func (l *letter) standings() []string {
	var lines []string
	children := 0
	for _, s := range l.Seats {
		if !s.State.Active() {
			continue
		}
		who := "You"
		if s.Child {
			children++
			who = "Your child"
			if children > 1 {
				who = "Another child of yours"
			}
		}
		switch s.State {
		case programs.Confirmed:
			lines = append(lines, who+": going")
		case programs.Waitlisted:
			lines = append(lines, fmt.Sprintf("%s: waiting, number %d", who, s.Position))
		case programs.Offered:
			lines = append(lines, who+": a place is offered")
		default:
			lines = append(lines, who+": asked for")
		}
	}
	if len(lines) < 2 {
		return nil
	}
	return lines
}

// why says why the reader gets this mail.
func (l *letter) why() string {
	s, ok := l.seat()
	const always = " Mails about your own places are always sent."
	if !ok && len(l.Seats) > 0 {
		s, ok = l.Seats[0], true
	}
	switch {
	case ok && s.Child:
		return "You get this mail because you look after a child who was signed up for this session." + always
	case ok && s.Source == programs.ByCoordinator:
		return "You get this mail because a coordinator signed you up for this session." + always
	case ok:
		return "You get this mail because you signed up for this session." + always
	}
	return "You get this mail because you lead this session."
}

// list joins names as a sentence does.
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
