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
}

// HoldUntil is when the mail of a change made now may leave: after Hold, but at once when a session it touches starts within two
// hours (V4). starts is the earliest start touched, before or after the change.
func HoldUntil(now, starts Instant) Instant {
	if starts <= now.Add(2*time.Hour) {
		return now
	}
	return now.Add(Hold)
}
