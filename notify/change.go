package notify

import (
	"slices"
	"strings"

	"github.com/wellweek/wellweek/programs"
)

// gravity orders the events of one change: a person is told the gravest, once (I-14). A move of a session that is back on is told
// as that, with both times: who heard that it is off must not read that it has moved.
var gravity = []string{Cancelled, Reinstated, Moved, Left, Confirmed, Promoted, Offered, Waitlisted, Lapsed, Enrolled}

// notices are what the saves about one session owe, a person each.
type notices struct {
	mails map[programs.PersonID]owed
	order []programs.PersonID
}

// put keeps the gravest of what a person is owed.
func (n *notices) put(o owed) {
	have, ok := n.mails[o.Person]
	if !ok {
		n.order = append(n.order, o.Person)
	}
	if !ok || slices.Index(gravity, o.Event) < slices.Index(gravity, have.Event) {
		n.mails[o.Person] = o
	}
}

// effects are what the saves about one session owe, whose holds are over: one row a person with the net result, whatever the number of
// saves, seats and children (V6, L3). Their keys and lanes are not set.
func (p *planner) effects(id programs.SessionID, entries []programs.Entry, seats map[programs.SignupID]seat, sc scene) ([]owed, error) {
	n := notices{mails: map[programs.PersonID]owed{}}
	var moves []programs.Entry
	var was, is programs.Verb // the first and the last save that called the session off or put it back on
	var actor string          // who made the last of them
	returned := map[programs.SignupID]bool{}
	for _, e := range entries {
		switch e.Verb {
		case programs.SessionMoved:
			moves, actor = append(moves, e), e.Actor
		case programs.SessionCancelled, programs.SessionReinstated:
			if is, actor = e.Verb, e.Actor; was == "" {
				was = is
			}
		case programs.SignupReturned:
			returned[programs.SignupID(e.Subject)] = true
		}
	}
	news := was == programs.SessionReinstated // they were told before that it is off
	var lost []seat
	for _, e := range entries {
		if e.Verb == programs.SeatFree {
			for _, o := range sc.offers(e) {
				n.put(o)
			}
		}
		if e.Kind != programs.OnSignup {
			continue
		}
		s := seats[programs.SignupID(e.Subject)]
		event := eventOf(e, s)
		switch {
		case event == "":
		case event != Cancelled:
			n.put(owed{Event: event, Person: s.Person, Address: s.Address, Signup: s.ID, Cause: e.ID, NotAfter: lastMoment(event, s)})
		case news && returned[s.ID]: // off, on and off again: they know that it is off
		case is == programs.SessionReinstated:
			lost = append(lost, s)
		default: // about the session, so it ends what all their seats were told
			n.put(owed{Event: Cancelled, Person: s.Person, Address: s.Address, NotAfter: s.Ends})
		}
	}
	leads := sc.led(id, actor)
	switch {
	case is == programs.SessionReinstated:
		if err := p.reinstated(id, news, returned, lost, leads, sc, &n); err != nil {
			return nil, err
		}
	case is == programs.SessionCancelled && !news:
		for _, s := range leads {
			n.put(owed{Event: Cancelled, Person: s.Person, Address: s.Address, NotAfter: s.Ends})
		}
	}
	if len(moves) > 0 && is != programs.SessionCancelled {
		sc.moved(id, moves, leads, n.put)
	}
	last := entries[len(entries)-1]
	list := make([]owed, 0, len(n.order))
	for _, person := range n.order {
		o := n.mails[person]
		o.Session, o.Turn = id, string(last.ID)
		if o.Cause == "" { // not one seat's own entry
			o.Cause = last.ID
		}
		list = append(list, o)
	}
	return list, nil
}

// moved decides who is told of a move: seats held and those who lead it of time and place, the waiting list of the time alone.
// Recipients had their sign-up when it moved (L2); who joined later was told the new facts at once. Told means: by us, to that
// mailbox, so that a session that is back where it was says nothing.
func (sc scene) moved(id programs.SessionID, moves []programs.Entry, leads []seat, put func(owed)) {
	f, told, all := sc.facts[id], sc.told[id], sc.roster[id]
	if f.Status != programs.Scheduled {
		return // a cancellation said more
	}
	wasStarts, wasEnds := span(moves[0].Before)
	time := wasStarts != f.Starts || wasEnds != f.Ends
	place := slices.ContainsFunc(moves, func(e programs.Entry) bool { return strings.Contains(e.Fields, "location") })
	holders := map[programs.PersonID]bool{}
	for _, s := range slices.Concat(all, leads) {
		if s.State.Held() || s.State == "" {
			holders[s.Person] = true
		}
	}
	for _, s := range slices.Concat(all, leads) {
		if s.CreatedAt > moves[0].At {
			continue
		}
		o := owed{Event: Moved, Person: s.Person, Address: s.Address, WasStarts: wasStarts, WasEnds: wasEnds, NewPlace: place, NotAfter: s.Ends}
		changed := time || place && holders[s.Person]
		if t, ok := told[s.Person]; ok {
			changed = t.differs(f, holders[s.Person])
		}
		if !changed {
			o.Skipped = "unchanged"
			if !time && !holders[s.Person] {
				continue // a new place is no news to the waiting list, so nothing was owed
			}
		}
		put(o)
	}
}
