package notify

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// planBatch is how many journal entries one transaction plans.
const planBatch = 500

// Plan turns the open entries of the journal into messages, and reports how many. The rows and the entries' leaving the list of open
// ones are one transaction, so nothing is missed and nothing planned twice, in whatever order transactions commit. An entry that
// concerns nobody just leaves the list. Entries of a change wait until nothing about their session is held any more (V6).
func Plan(ctx context.Context, s *store.Store, set Settings) (int, error) {
	if err := set.check(); err != nil {
		return 0, err
	}
	l := newLinks(s, set)
	total := 0
	for limit := planBatch; ; {
		p, err := store.Write(ctx, s, func(tx *store.Tx) (planner, error) {
			p := planner{tx: tx, links: l}
			return p, p.run(limit)
		})
		if err != nil {
			return total, err
		}
		total += p.made
		switch {
		case p.open < limit:
			return total, nil
		case p.done == 0:
			limit *= 2 // all of them wait for a hold: look past them
		}
	}
}

// planner plans one batch in one transaction.
type planner struct {
	links
	tx   *store.Tx
	open int // entries looked at
	done int // entries that left the list
	made int // messages
}

// seat is a sign-up as planning sees it.
type seat struct {
	ID          programs.SignupID
	Session     programs.SessionID
	Person      programs.PersonID
	Address     string
	Participant string
	Source      programs.Source
	State       programs.SignupState
	OfferEnds   programs.Instant
	CreatedAt   programs.Instant
	Starts      programs.Instant // the session's
	Ends        programs.Instant
	Traced      bool // ended with its enrollment or a skip, and a calendar has the session, or may be about to
}

const seatColumns = `u.id, u.session_id, u.person_id, p.email, u.participant, u.source, u.state, coalesce(u.offer_expires_at, 0), u.created_at, s.starts_at, s.ends_at,
	case when u.end_reason in ('skip', 'enrollment') and (exists (select 1 from invites t where t.person_id = u.person_id and t.session_id = u.session_id and t.last_method = 'REQUEST')
		or exists (select 1 from outbox w where w.lane = u.session_id || ':' || u.person_id and w.state in ('queued', 'sending', 'unknown'))) then 1 else 0 end`

func scanSeat(scan func(...any) error) (s seat, err error) {
	var traced int
	err = scan(&s.ID, &s.Session, &s.Person, &s.Address, &s.Participant, &s.Source, &s.State, &s.OfferEnds, &s.CreatedAt, &s.Starts, &s.Ends, &traced)
	s.Traced = traced == 1
	return s, err
}

func (p *planner) run(limit int) error {
	p.open, p.done, p.made = 0, 0, 0 // a callback may run twice
	if err := p.alone(); err != nil {
		return err
	}
	entries, err := p.tx.Open(limit)
	if err != nil || len(entries) == 0 {
		return err
	}
	p.open = len(entries)
	if entries, err = p.whole(entries, limit); err != nil {
		return err
	}
	seats, err := p.seats(entries[len(entries)-1].ID)
	if err != nil {
		return err
	}
	undone, err := p.undone()
	if err != nil {
		return err
	}
	var planned []programs.EntryID
	groups := map[programs.SessionID][]programs.Entry{}
	var order, joined []programs.SessionID
	for _, e := range entries {
		session := programs.SessionID(e.Subject)
		if e.Kind == programs.OnSignup {
			session = seats[programs.SignupID(e.Subject)].Session
		}
		switch {
		case e.Kind == programs.OnEnrollment && !undone[e.Change]:
			planned = append(planned, e.ID)
			var dates []programs.SessionID
			dates, err = p.enrolled(e)
			joined = append(joined, dates...)
		case e.Kind != programs.OnSession && e.Kind != programs.OnSignup, undone[e.Change]:
			planned = append(planned, e.ID)
		case e.Change != "":
			if groups[session] == nil {
				order = append(order, session)
			}
			groups[session] = append(groups[session], e)
		case e.Kind == programs.OnSignup:
			planned = append(planned, e.ID)
			err = p.act(e, seats[programs.SignupID(e.Subject)])
		default:
			planned = append(planned, e.ID)
			err = p.free(e)
		}
		if err != nil {
			return err
		}
	}
	held, err := p.held(len(order))
	if err != nil {
		return err
	}
	for _, save := range saves(order, groups) {
		if slices.ContainsFunc(save, func(id programs.SessionID) bool { return held[id] }) {
			continue
		}
		more, err := p.change(save, groups, seats)
		if err != nil {
			return err
		}
		if more {
			joined = append(joined, save...)
		}
		for _, session := range save {
			for _, e := range groups[session] {
				planned = append(planned, e.ID)
			}
		}
	}
	if err := p.invite(joined); err != nil {
		return err
	}
	p.done = len(planned)
	return p.tx.Planned(planned)
}

// alone waits until no other process plans. Two that shared the entries of one change would each tell people their part of it, and
// one of them would not know what the change was.
func (p *planner) alone() error {
	if p.tx.ForUpdate() == "" {
		return nil // SQLite has one writer anyway
	}
	_, err := p.tx.Exec(`insert into marks (name, at) values ('plan', $1) on conflict (name) do update set at = excluded.at`, p.tx.Now)
	return err
}

// whole adds the entries of the changes in a full batch that the batch cuts off: a change is planned at once, so that nobody with
// two children in a session is told twice (I-14).
func (p *planner) whole(entries []programs.Entry, limit int) ([]programs.Entry, error) {
	if len(entries) < limit {
		return entries, nil
	}
	last := entries[len(entries)-1].ID
	seen := map[programs.ChangeID]bool{}
	for _, e := range slices.Clone(entries) {
		if e.Change == "" || seen[e.Change] {
			continue
		}
		seen[e.Change] = true
		rows, err := p.tx.Query(`select j.id, j.change_id, j.at, j.actor, j.verb, j.kind, j.subject, j.before, j.after, j.fields
			from journal j join journal_open o on o.entry = j.id where j.change_id = $1 and j.id > $2 order by j.id`, string(e.Change), string(last))
		rest, err := store.Collect(rows, err, func(scan func(...any) error) (e programs.Entry, err error) {
			err = scan(&e.ID, &e.Change, &e.At, &e.Actor, &e.Verb, &e.Kind, &e.Subject, &e.Before, &e.After, &e.Fields)
			return e, err
		})
		if err != nil {
			return nil, err
		}
		entries = append(entries, rest...)
	}
	slices.SortFunc(entries, func(a, b programs.Entry) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return entries, nil
}

// seats reads the sign-ups that open entries up to last are about.
func (p *planner) seats(last programs.EntryID) (map[programs.SignupID]seat, error) {
	rows, err := p.tx.Query(`select `+seatColumns+` from journal_open o cross join journal j
		join signups u on u.id = j.subject join sessions s on s.id = u.session_id join people p on p.id = u.person_id
		where o.entry <= $1 and j.id = o.entry and j.kind = 'signup'`, string(last))
	list, err := store.Collect(rows, err, scanSeat)
	seats := make(map[programs.SignupID]seat, len(list))
	for _, s := range list {
		seats[s.ID] = s
	}
	return seats, err
}

// held are the sessions about which something still waits for its hold to end.
func (p *planner) held(changed int) (map[programs.SessionID]bool, error) {
	held := map[programs.SessionID]bool{}
	if changed == 0 {
		return held, nil
	}
	rows, err := p.tx.Query(`select distinct case when j.kind = 'signup' then u.session_id else j.subject end
		from journal_open o join journal j on j.id = o.entry join changes c on c.id = j.change_id
		left join signups u on j.kind = 'signup' and u.id = j.subject
		where c.hold_until > $1 and j.kind in ('session', 'signup')`, p.tx.Now)
	list, err := store.Collect(rows, err, func(scan func(...any) error) (id programs.SessionID, err error) { return id, scan(&id) })
	for _, id := range list {
		held[id] = true
	}
	return held, err
}

// undone are the changes with open entries that were taken back: nobody is told of them (V5).
func (p *planner) undone() (map[programs.ChangeID]bool, error) {
	rows, err := p.tx.Query(`select distinct c.id from journal_open o join journal j on j.id = o.entry
		join changes c on c.id = j.change_id where c.undone_by is not null`)
	list, err := store.Collect(rows, err, func(scan func(...any) error) (id programs.ChangeID, err error) { return id, scan(&id) })
	undone := map[programs.ChangeID]bool{}
	for _, id := range list {
		undone[id] = true
	}
	return undone, err
}

// act plans what one act about one sign-up owes. Such acts are not held (V4).
func (p *planner) act(e programs.Entry, s seat) error {
	event := eventOf(e, s)
	if event == "" {
		return nil
	}
	return p.owe(owed{
		Key: event + ":" + string(s.ID) + ":" + string(e.ID), Event: event, Person: s.Person, Address: s.Address, Session: s.Session,
		Signup: s.ID, Turn: string(e.ID), Cause: e.ID, NotAfter: lastMoment(event, s),
	})
}

// eventOf says which mail an entry about a sign-up owes; empty when none (domain.md section 11).
func eventOf(e programs.Entry, s seat) string {
	switch e.Verb {
	case programs.SignupMade:
		switch {
		case s.Source == programs.WalkIn:
		case s.Source == programs.ByEnrollment: // one mail tells all its dates, and only a change joins more (N1, N4)
			if e.Change != "" {
				return Enrolled
			}
		case e.After == string(programs.Confirmed):
			return Confirmed
		case e.After == string(programs.Waitlisted):
			return Waitlisted
		}
	case programs.SignupPromoted, programs.SignupAccepted:
		return Promoted
	case programs.SignupOffered:
		return Offered
	case programs.SignupLapsed, programs.SignupClosed:
		return Lapsed
	case programs.SignupEnded:
		own := e.Actor == "person:"+string(s.Person)
		listed := e.Before == string(programs.Waitlisted) || e.Before == string(programs.Requested)
		switch programs.EndReason(e.Fields) {
		case programs.EndedSession:
			return Cancelled
		case programs.EndedSkip, programs.EndedEnrollment:
			if !s.Traced {
				return ""
			}
			return Left
		}
		if !(own && listed) {
			return Left
		}
	}
	return ""
}

// lastMoment is after when a mail about a seat has nothing to say any more: the session's end, an offer's expiry.
func lastMoment(event string, s seat) programs.Instant {
	if event == Offered && s.OfferEnds != 0 {
		return s.OfferEnds
	}
	return s.Ends
}

// free tells everybody on the list that the first click takes a seat (W5).
func (p *planner) free(e programs.Entry) error {
	if e.Verb != programs.SeatFree {
		return nil
	}
	id := programs.SessionID(e.Subject)
	sc, err := p.scene([]programs.SessionID{id})
	if err != nil {
		return err
	}
	for _, o := range sc.offers(e) {
		o.Key, o.Session, o.Turn = Offered+":"+string(o.Signup)+":"+string(e.ID), id, string(e.ID)
		if err := p.owe(o); err != nil {
			return err
		}
	}
	return nil
}

// offers are what the first click owes: one to each person on the list.
func (sc scene) offers(e programs.Entry) []owed {
	told := map[programs.PersonID]bool{}
	var offers []owed
	for _, s := range sc.roster[programs.SessionID(e.Subject)] {
		if s.State == programs.Waitlisted && !told[s.Person] {
			told[s.Person] = true
			offers = append(offers, owed{Event: Offered, Person: s.Person, Address: s.Address, Signup: s.ID, Cause: e.ID, NotAfter: s.Starts})
		}
	}
	return offers
}

// owe queues a row about a seat, due at once.
func (p *planner) owe(o owed) error {
	o.Lane = lane(o.Session, o.Person)
	return p.oweAll([]owed{o})
}

// oweAll queues rows, due at once.
func (p *planner) oweAll(rows []owed) error {
	for i := range rows {
		rows[i].Due = p.tx.Now
	}
	n, err := p.addAll(p.tx, rows)
	p.made += n
	return err
}

// invite queues the invitations that are due at once to dates that an enrollment has joined (L5).
func (p *planner) invite(joined []programs.SessionID) error {
	for some := range slices.Chunk(joined, lanesAtOnce) {
		due, err := invitesDue(&p.tx.View, some)
		if err != nil {
			return err
		}
		n, err := p.links.invite(p.tx, due)
		if err != nil {
			return err
		}
		p.made += n
	}
	return nil
}

// span reads the "start/end" of a move's entry.
func span(text string) (starts, ends programs.Instant) {
	a, b, _ := strings.Cut(text, "/")
	from, err := strconv.ParseInt(a, 10, 64)
	until, err2 := strconv.ParseInt(b, 10, 64)
	if err != nil || err2 != nil {
		return 0, 0
	}
	return programs.Instant(from), programs.Instant(until)
}
