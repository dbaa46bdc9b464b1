package programs

import "time"

// Hold is how long the mail of a coordinator's session or series change waits after the save (V4).
const Hold = 2 * time.Minute

// Change is one save by one actor, with its journal entries and its mails. Its reason is the only free text of an act.
type Change struct {
	ID        ChangeID
	Actor     string // Actor.ID
	Kind      string // the verb that led to it
	CreatedAt Instant
	HoldUntil Instant // its mail is not planned before
	Reason    string
	UndoneBy  ChangeID // the change that took it back; empty: it stands
}

// Undo refuses (Conflict) to take back a change that was taken back already, or whose mail may be on its way (V5).
func (c Change) Undo(now Instant) error {
	switch {
	case c.UndoneBy != "":
		return Refuse(Conflict, "This change has been undone already.")
	case now >= c.HoldUntil:
		return Refuse(Conflict, "People are being told of this change; make another one instead.")
	}
	return nil
}

// HoldUntil is when the mail of a change made now may leave: after Hold, but at once when a session it touches starts within two
// hours (V4). starts is the earliest start touched, before or after the change.
func HoldUntil(now, starts Instant) Instant {
	if starts <= now.Add(2*time.Hour) {
		return now
	}
	return now.Add(Hold)
}
