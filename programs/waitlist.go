package programs

import "time"

const (
	offerEnds = 15 * time.Minute // an offer ends so long before the start at the latest
	offerMin  = 10 * time.Minute // a shorter offer is none: the first click wins
)

// Place reports whether somebody who joins now is seated: a seat is free and nobody waits (W1). While the first click wins, those
// who wait have no precedence (W5).
func (s Session) Place(now Instant) bool {
	free, unlimited := s.Free()
	if unlimited {
		return true
	}
	return free > 0 && (s.Waiting == 0 || s.firstClick(now))
}

// firstClick reports whether it is too late for an offer that leaves time to answer: free seats go to whoever is first (W5).
func (s Session) firstClick(now Instant) bool {
	return s.StartsAt.Add(-offerEnds).Sub(now) < offerMin
}

// Candidate is a waiting sign-up with what decides whether it may move up.
type Candidate struct {
	Signup
	PersonStatus PersonStatus
	BirthDate    Date // of the dependent; used when Dependent is set
	MayBook      bool // the person still books for the dependent
	Overlapping  bool // the participant holds a seat elsewhere at that time
}

// Promotion is what becomes of one waiting sign-up when seats are free.
type Promotion struct {
	Signup Signup
	Verb   Verb   // SignupPromoted, SignupOffered or SignupPassed
	Passed string // reason code when passed over (W4)
}

// Promote decides who moves up when seats are free, in the order of the candidates, which is (priority desc, queued_at, id) (W2).
// It runs in the transaction that made the room (W3). Whoever cannot take the seat is passed over, and the scan goes on (W4).
// Until the program's auto cutoff a seat confirms, later it is offered with an expiry (W5). free is true when seats are left that
// go to the first click: everybody still waiting is then told once.
func Promote(s Session, p Program, waiting []Candidate, now Instant) (ps []Promotion, free bool) {
	seats, unlimited := s.Free()
	if s.Status != Scheduled || now >= s.StartsAt || seats == 0 && !unlimited || s.Forced && seats == 0 {
		return nil, false
	}
	if now > s.StartsAt.Add(-time.Duration(p.AutoCutoffMinutes)*time.Minute) && s.firstClick(now) {
		return nil, len(waiting) > 0
	}
	auto := now <= s.StartsAt.Add(-time.Duration(p.AutoCutoffMinutes)*time.Minute)
	ttl := min(time.Duration(p.OfferTTLMinutes)*time.Minute, s.StartsAt.Add(-offerEnds).Sub(now))
	for _, c := range waiting {
		if seats == 0 && !unlimited {
			break
		}
		if code := c.barred(s, p); code != "" {
			ps = append(ps, Promotion{Signup: c.Signup, Verb: SignupPassed, Passed: code})
			continue
		}
		up := c.Signup.touched(now)
		verb := SignupPromoted
		if auto {
			up.State, up.ConfirmedAt = Confirmed, now
		} else {
			verb, up.State, up.OfferExpiresAt = SignupOffered, Offered, now.Add(ttl)
		}
		ps = append(ps, Promotion{Signup: up, Verb: verb})
		seats--
	}
	return ps, false
}

// barred is why a candidate cannot take the seat now; empty when nothing stands in the way.
func (c Candidate) barred(s Session, p Program) string {
	switch {
	case c.PersonStatus != Active:
		return "inactive"
	case c.Dependent != "" && !c.MayBook:
		return "guardian"
	case c.Dependent != "" && FitsAge(p, c.BirthDate, s.LocalStart.Date) != nil:
		return "age"
	case c.Overlapping && p.Overlap == BlockOverlap:
		return "overlap"
	}
	return ""
}

// Fits refuses (Conflict) a candidate who cannot have the place, with the reason in one sentence.
func (c Candidate) Fits(s Session, p Program) error {
	switch c.barred(s, p) {
	case "inactive":
		return Refuse(Conflict, "This person is not active in the directory.")
	case "guardian":
		return Refuse(Conflict, "This person no longer books for the child.")
	case "age":
		return FitsAge(p, c.BirthDate, s.LocalStart.Date)
	case "overlap":
		return Refuse(Conflict, "This overlaps another place at the same time; give that one up first.")
	}
	return nil
}

// Sooner is an offer after its session was moved: it ends a quarter of an hour before the new start at the latest. over says that this
// has passed already.
func (s Signup) Sooner(session Session, now Instant) (after Signup, over bool) {
	ends := min(s.OfferExpiresAt, session.StartsAt.Add(-offerEnds))
	if ends <= now {
		return s, true
	}
	if ends != s.OfferExpiresAt {
		s.OfferExpiresAt = ends
		s = s.touched(now)
	}
	return s, false
}

// Lapse decides that an offer nobody took is over.
func (s Signup) Lapse(now Instant) Signup {
	s.State, s.OfferExpiresAt = Lapsed, 0
	return s.touched(now)
}

// Close decides that a list nobody left is over, because the session has started (W10).
func (s Signup) Close(now Instant) Signup {
	s.State, s.OfferExpiresAt = ClosedList, 0
	return s.touched(now)
}
