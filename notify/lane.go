package notify

import (
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// lane is where everything about one person's seats in one session queues up: one row at a time, in the order of its causes.
func lane(s programs.SessionID, p programs.PersonID) string { return string(s) + ":" + string(p) }

// reminderLane keeps reminders from holding up, or being overtaken by, what happens to the seat.
func reminderLane(s programs.SessionID, p programs.PersonID) string {
	return "reminder:" + lane(s, p)
}

// listLane is where the mails that list several sessions of one person queue up, unless one carries a session's calendar object.
func listLane(p programs.PersonID) string { return "list:" + string(p) }

// waiting is an unsent row of a lane.
type waiting struct {
	ID          string
	Event       string
	Part        string
	Turn        string
	Signup      programs.SignupID
	Participant string // of the sign-up; empty for what concerns the session
	State       programs.SignupState
	WasStarts   programs.Instant
	WasEnds     programs.Instant
	Touched     bool // has bytes, so what it says can no longer change
}

// overtakes decides what becomes of an unsent row when a later one of its lane is planned: whether the later one makes it needless,
// and with which event the later one then goes, because what the earlier one owed is still owed; no event says that nothing is owed
// any more. Two rows of which neither makes the other needless are sent one after the other.
func overtakes(later, earlier waiting) (needless bool, event string) {
	same := later.Participant == earlier.Participant
	switch {
	case later.Part == notice || earlier.Part == notice: // it tells of other sessions too
		return false, later.Event
	case later.Part == calendarOnly: // it has no words, so it replaces only what has none, or whose words the notice beside it has
		return earlier.Part == calendarOnly || later.Event == Moved && earlier.Event == Moved, later.Event
	case earlier.Part == calendarOnly && later.Event == Moved: // which brings the invitation too, and the words
		return earlier.Event == Confirmed || earlier.Event == Promoted || earlier.Event == Moved || earlier.Event == Reinstated, Moved
	case earlier.Part == calendarOnly && later.Event == Reinstated: // whose words stay: the notice may have said that it is off
		return earlier.Event != Left, Reinstated
	}
	switch later.Event {
	case Cancelled:
		if earlier.Event == Reinstated && earlier.Part == "" && !earlier.Touched {
			return true, "" // they were told that it is off, and so it is
		}
		return earlier.Event != Left, Cancelled // somebody who has left is not told that the session is off, so the two are of different seats
	case Moved:
		switch earlier.Event {
		case Confirmed, Promoted:
			return true, earlier.Event // with the new facts; nobody can be told of a move of what they never heard of
		case Moved, Waitlisted, Offered:
			return true, Moved
		case Reinstated:
			return true, Reinstated // at the new time
		}
	case Reinstated:
		if earlier.Event != Cancelled {
			break
		}
		if earlier.Touched {
			return true, Reinstated
		}
		switch { // they never heard that it was off: what is left to say is what became of their seat, or the difference if there is one
		case later.State == programs.Confirmed:
			return true, Promoted
		case later.State == programs.Offered:
			return true, Offered
		}
		return true, Moved
	case Confirmed, Promoted:
		switch earlier.Event {
		case Confirmed, Promoted, Moved:
			return true, later.Event // it lists every seat, and says the old time beside the new one
		case Left, Lapsed, Waitlisted, Offered:
			return same, later.Event
		}
	case Left:
		return same && earlier.Event != Left, Left
	case Waitlisted, Offered, Lapsed:
		switch earlier.Event {
		case Waitlisted, Offered, Lapsed:
			return same, later.Event
		}
	case Reminder:
		return earlier.Event == Reminder, Reminder
	}
	return false, later.Event
}

// tidy makes the unsent rows of a lane agree: walking them in the order of their causes, it ends those that a later one overtakes.
// It runs whenever a row becomes unsent: planned, refused for now, or lost with the connection.
func tidy(tx *store.Tx, lane string) error {
	lock := ""
	if tx.ForUpdate() != "" {
		lock = " for update of o" // a row that is being claimed meanwhile is no longer ours to change
	}
	rows, err := tx.Query(`select o.id, o.event, o.part, o.turn, coalesce(o.signup_id, ''), coalesce(u.participant, ''), coalesce(u.state, ''),
			coalesce(o.was_starts_at, 0), coalesce(o.was_ends_at, 0), case when o.bytes is null then 0 else 1 end
		from outbox o left join signups u on u.id = o.signup_id
		where o.lane = $1 and o.state in ('queued', 'unknown') order by o.turn`+lock, lane)
	unsent, err := store.Collect(rows, err, func(scan func(...any) error) (w waiting, err error) {
		var touched int
		err = scan(&w.ID, &w.Event, &w.Part, &w.Turn, &w.Signup, &w.Participant, &w.State, &w.WasStarts, &w.WasEnds, &touched)
		w.Touched = touched == 1
		return w, err
	})
	if err != nil {
		return err
	}
	ended, merged := settleLane(unsent)
	for _, id := range ended {
		if _, err := tx.Exec(`update outbox set state = 'superseded', reason = 'a later message says it', lease_owner = null, lease_until = null where id = $1`, id); err != nil {
			return err
		}
	}
	for _, w := range merged {
		if w.Event == "" {
			if _, err := tx.Exec(`update outbox set state = 'skipped', reason = 'unchanged', lease_owner = null, lease_until = null where id = $1`, w.ID); err != nil {
				return err
			}
			continue
		}
		if _, err := tx.Exec(`update outbox set event = $2, signup_id = $3, was_starts_at = $4, was_ends_at = $5 where id = $1`,
			w.ID, w.Event, null(w.Signup), nullAt(w.WasStarts), nullAt(w.WasEnds)); err != nil {
			return err
		}
	}
	return nil
}

// settleLane is the decision of tidy: which rows end, and which of those that stay now owe something else, or, with no event, nothing.
func settleLane(unsent []waiting) (ended []string, merged []waiting) {
	gone := make([]bool, len(unsent))
	for i := range unsent {
		before := unsent[i]
		for j := range i {
			if gone[j] {
				continue
			}
			needless, event := overtakes(before, unsent[j])
			if !needless || before.Touched && event != before.Event {
				continue
			}
			gone[j] = true
			ended = append(ended, unsent[j].ID)
			gone[i] = gone[i] || event == ""
			if event != before.Event {
				unsent[i].Event = event
			}
			if event != before.Event && event == unsent[j].Event { // it goes as the earlier one would have
				unsent[i].Signup, unsent[i].Participant = unsent[j].Signup, unsent[j].Participant
			}
			if unsent[j].WasStarts != 0 { // one move, from where they were first
				unsent[i].WasStarts, unsent[i].WasEnds = unsent[j].WasStarts, unsent[j].WasEnds
			}
		}
		if unsent[i] != before {
			merged = append(merged, unsent[i])
		}
	}
	return ended, merged
}
