package notify

import (
	"slices"
	"strings"

	"github.com/wellweek/wellweek/programs"
)

// saves groups the sessions of changes that are linked: those that one change touched, and those of another one that touched any of
// them too, for one mail says the net result of all (V6). Sessions keep the order of their first entries.
func saves(order []programs.SessionID, groups map[programs.SessionID][]programs.Entry) [][]programs.SessionID {
	of := map[programs.ChangeID]int{} // the save that a change belongs to
	var list [][]programs.SessionID
	for _, id := range order {
		into := -1
		for _, e := range groups[id] {
			have, ok := of[e.Change]
			switch {
			case !ok || have == into:
			case into < 0:
				into = have
			default: // this session links two saves
				from, to := max(have, into), min(have, into)
				list[to] = append(list[to], list[from]...)
				list[from] = nil
				for c, n := range of {
					if n == from {
						of[c] = to
					}
				}
				into = to
			}
		}
		if into < 0 {
			into = len(list)
			list = append(list, nil)
		}
		list[into] = append(list[into], id)
		for _, e := range groups[id] {
			of[e.Change] = into
		}
	}
	return slices.DeleteFunc(list, func(s []programs.SessionID) bool { return len(s) == 0 })
}

// change plans what the linked saves owe, whose holds are over: one notice a person, however many sessions it is about (L3, I-14), and
// bare calendar updates beside it. It reports whether dates were joined by enrollment.
func (p *planner) change(ids []programs.SessionID, groups map[programs.SessionID][]programs.Entry, seats map[programs.SignupID]seat) (joined bool, err error) {
	sc, err := p.scene(ids)
	if err != nil {
		return false, err
	}
	first := groups[ids[0]][0].ID
	owes := map[programs.PersonID][]owed{}
	var order []programs.PersonID
	for _, id := range ids {
		first = min(first, groups[id][0].ID)
		list, err := p.effects(id, groups[id], seats, sc)
		if err != nil {
			return false, err
		}
		for _, o := range list {
			if owes[o.Person] == nil {
				order = append(order, o.Person)
			}
			owes[o.Person] = append(owes[o.Person], o)
			joined = joined || o.Event == Enrolled
		}
	}
	var rows []owed
	for _, person := range order {
		rows = append(rows, sc.notices("changes:"+string(first)+":"+string(person), owes[person])...)
	}
	return joined, p.oweAll(rows)
}

// notices are the rows for one person. One session is told as ever. Several stand in one notice, the gravest first; the first that has a
// calendar object to move carries it in the notice, since a client reads one UID a mail (RFC 5546 3.2), and each other one follows in the
// lane of its own session.
func (sc scene) notices(key string, list []owed) []owed {
	news := slices.DeleteFunc(slices.Clone(list), func(o owed) bool { return o.Skipped != "" })
	one := list[0]
	if len(news) > 0 {
		one = news[0]
	}
	if len(news) == 0 || len(news) == 1 && one.Event != Enrolled {
		one.Key, one.Lane = key, lane(one.Session, one.Person)
		return []owed{one}
	}
	slices.SortStableFunc(news, func(a, b owed) int {
		if g := slices.Index(gravity, a.Event) - slices.Index(gravity, b.Event); g != 0 {
			return g
		}
		if d := sc.facts[a.Session].Starts - sc.facts[b.Session].Starts; d != 0 {
			return int(d / 1000)
		}
		return strings.Compare(string(a.Session), string(b.Session))
	})
	carrier := slices.IndexFunc(news, sc.object)
	n := news[max(carrier, 0)]
	n.Key, n.Event, n.Part, n.Signup, n.WasStarts, n.WasEnds = key, news[0].Event, notice, "", 0, 0
	n.Lane = listLane(n.Person)
	if carrier >= 0 {
		n.Lane = lane(n.Session, n.Person)
	}
	rows := []owed{n}
	for i, o := range news {
		rows[0].Dates = append(rows[0].Dates, sc.dated(o))
		rows[0].NotAfter = max(rows[0].NotAfter, o.NotAfter)
		if i != carrier && sc.object(o) {
			o.Key, o.Part, o.Lane = key+":"+string(o.Session), calendarOnly, lane(o.Session, o.Person)
			rows = append(rows, o)
		}
	}
	return rows
}

// object reports whether a calendar must hear of it: the session's invitation is in that mailbox, or is due now.
func (sc scene) object(o owed) bool {
	method := sc.told[o.Session][o.Person].Method
	switch o.Event {
	case Moved, Cancelled, Left:
		return method == request
	case Reinstated, Confirmed: // an enrolled date that no calendar has heard of enters it two weeks ahead (L5)
		return slices.ContainsFunc(sc.roster[o.Session], func(s seat) bool {
			return s.Person == o.Person && s.State == programs.Confirmed && (method != "" || s.Source != programs.ByEnrollment)
		})
	}
	return o.Event == Promoted
}

// dated is a row about one session as a line of a list, with what its reader knew before: what we told them last, else what the session
// was.
func (sc scene) dated(o owed) dated {
	d := dated{Session: o.Session, Signup: o.Signup, Event: o.Event}
	if o.Event != Moved && o.Event != Reinstated {
		return d
	}
	d.WasStarts, d.WasEnds = o.WasStarts, o.WasEnds
	if t, ok := sc.told[o.Session][o.Person]; ok {
		d.WasStarts, d.WasEnds, d.WasPlace = t.Starts, t.Ends, &t.Location
	} else if place := sc.facts[o.Session].Location; !o.NewPlace {
		d.WasPlace = &place
	}
	return d
}
