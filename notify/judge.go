package notify

import (
	"time"

	"github.com/wellweek/wellweek/programs"
)

// holdOff is how long a message waits whose frozen words a change has made untrue, until that change is planned.
const holdOff = 30 * time.Second

// verdict is what becomes of a claimed row before it is handed over. The zero verdict is: it goes.
type verdict struct {
	State  string // queued: later
	Reason string
}

// judge looks whether the row is still true and still wanted (L6, L13). Each change that makes one untrue has an entry in the journal
// from which the true one is planned, so dropping it loses nothing.
func (l *letter) judge() verdict {
	switch {
	case l.Person.Status == programs.Left:
		return verdict{Suppressed, "the person has left"}
	case l.Person.Status != programs.Active:
		return verdict{Suppressed, "the person is suspended"}
	case l.Now >= l.NotAfter:
		return verdict{Expired, "too late"}
	case l.Moving && l.untrue(), l.Undoable && len(l.Bytes) == 0:
		return verdict{Queued, "waits for a change to be told"} // if that is undone, nobody may have heard of it, nor miss this
	case l.lists() && len(l.Dates) == 0:
		if l.Event == Moved {
			return verdict{Skipped, "unchanged"}
		}
		return verdict{Superseded, "no longer true"}
	case l.lists(): // what it says of each session was looked at, and is written anew when it has changed
	case !l.true():
		return verdict{Superseded, "no longer true"}
	case l.Part == calendarOnly && len(l.Bytes) == 0 && (l.method() == "" || l.Event == Confirmed && l.Told.Method == request):
		return verdict{Skipped, "the calendar has it right"}
	case l.Event == Moved && len(l.Bytes) == 0 && l.unmoved():
		return verdict{Skipped, "unchanged"}
	case len(l.Bytes) > 0 && l.Event != Reminder && !l.lists() && l.stale():
		if l.Moving {
			return verdict{Queued, "waits for a change to be told"}
		}
		return verdict{Superseded, "no longer true"}
	}
	if _, err := programs.Address(l.Person.Email); err != nil {
		return verdict{Failed, "bad address"}
	}
	return verdict{}
}

// true reports whether session and seat are as the event says.
func (l *letter) true() bool {
	scheduled := l.Session.Status == programs.Scheduled
	seat, ok := l.seat()
	switch l.Event {
	case Confirmed, Promoted:
		return scheduled && ok && seat.State == programs.Confirmed
	case Waitlisted:
		return scheduled && ok && seat.State == programs.Waitlisted
	case Offered:
		if l.Cause.Verb == programs.SeatFree {
			free, unlimited := l.Session.Free()
			return scheduled && ok && seat.State == programs.Waitlisted && (free > 0 || unlimited)
		}
		return scheduled && ok && seat.State == programs.Offered && l.Now < seat.OfferEnds
	case Lapsed:
		return ok && (seat.State == programs.Lapsed || seat.State == programs.ClosedList)
	case Enrolled:
		return scheduled && ok && seat.State.Active()
	case leftOut:
		return scheduled
	case Left:
		return ok && !seat.State.Active()
	case Moved, Reinstated:
		return scheduled && (l.Lead || l.active())
	case Cancelled:
		return l.Session.Status == programs.Cancelled
	case Reminder:
		return scheduled && l.confirmed() > 0 && l.Session.StartsAt == l.NotAfter
	}
	return false
}

// untrue reports whether what the row says is not so at the moment: of a list, whether its frozen bytes would have to be written anew.
func (l *letter) untrue() bool {
	if l.lists() {
		return len(l.Bytes) > 0 && l.outdated()
	}
	return !l.true()
}

// unmoved reports whether a move has nothing to say: the mailbox knows the facts.
func (l *letter) unmoved() bool {
	if l.Told.Session == "" {
		return l.WasStarts == 0 // off and on again before anybody heard of it
	}
	return !l.Told.differs(l.facts(), l.holder())
}

// stale reports whether frozen bytes say something about the session that has changed since.
func (l *letter) stale() bool {
	if l.Event == Left || l.Event == Lapsed {
		return false // they are about a seat that is gone, wherever the session moves
	}
	f := l.facts()
	if l.Told.Method == request {
		return l.Told.Hash != f.hash()
	}
	return l.Told.Starts != f.Starts || l.Told.Ends != f.Ends || l.holder() && l.Told.Location != f.Location
}

func (l *letter) facts() facts {
	return facts{Starts: l.Session.StartsAt, Ends: l.Session.EndsAt, Location: l.Session.Location, Status: l.Session.Status}
}

// seat is the sign-up the row is about.
func (l *letter) seat() (standing, bool) {
	for _, s := range l.Seats {
		if s.ID == l.Signup {
			return s, true
		}
	}
	return standing{}, false
}

// confirmed counts the seats the reader has in the session, children's included.
func (l *letter) confirmed() int {
	n := 0
	for _, s := range l.Seats {
		if s.State == programs.Confirmed {
			n++
		}
	}
	return n
}

// active reports whether any sign-up of the reader still claims something.
func (l *letter) active() bool {
	for _, s := range l.Seats {
		if s.State.Active() {
			return true
		}
	}
	return false
}

// holder reports whether the reader was promised the place: with a seat, or leading the session.
func (l *letter) holder() bool {
	for _, s := range l.Seats {
		if s.State.Held() {
			return true
		}
	}
	return l.Lead
}

// method decides what the mail does to the reader's calendar (mail.md section 6): confirmed seats are invited to, and an invitation
// that went out is taken back with the last of them.
func (l *letter) method() string {
	invited := l.Told.Method == request
	switch l.Event {
	case Confirmed, Promoted:
		return request
	case Moved, Reinstated:
		if l.confirmed() > 0 {
			return request
		}
	case Cancelled:
		if invited {
			return cancel
		}
	case Left:
		switch {
		case invited && l.confirmed() > 0:
			return request // for the seat of theirs that stays
		case invited:
			return cancel
		}
	}
	return ""
}

// own reports whether the invited person took the seat, rather than somebody for them.
func (l *letter) own() bool {
	if s, ok := l.seat(); ok && s.State == programs.Confirmed {
		return s.Own
	}
	for _, s := range l.Seats {
		if s.State == programs.Confirmed {
			return s.Own
		}
	}
	return false
}
