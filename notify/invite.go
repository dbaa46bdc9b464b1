package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// The methods of a calendar part.
const (
	request = "REQUEST"
	cancel  = "CANCEL"
)

// The answers an invitation starts with (RFC 5545 3.2.12).
const (
	accepted    = "ACCEPTED"
	needsAction = "NEEDS-ACTION"
)

// majorMove is from which difference on an old answer says nothing about the new time (W14).
const majorMove = 15 * time.Minute

// facts is what a calendar shows of a session and a mail must not get wrong.
type facts struct {
	Starts   programs.Instant
	Ends     programs.Instant
	Location string
	Status   programs.SessionStatus
}

// hash is equal for equal facts (L4).
func (f facts) hash() string {
	status := "CONFIRMED"
	if f.Status == programs.Cancelled {
		status = "CANCELLED"
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\n%d\n%s\n%s", f.Starts, f.Ends, f.Location, status))
	return hex.EncodeToString(sum[:12])
}

// invite is what one mailbox was last told about one session. There is one per person and session, for life.
type invite struct {
	Person    programs.PersonID
	Session   programs.SessionID
	Address   string // ATTENDEE as last mailed
	First     string // Message-ID of the first mail, for References
	Method    string // of the last calendar part; empty: none went out
	Sequence  int    // of that part; it never falls
	Major     int    // the sequence from which on answers count (W15)
	Stamp     programs.Instant
	Hash      string // of the facts in that part
	Partstat  string
	Starts    programs.Instant // as last told in words
	Ends      programs.Instant
	Location  string
	ToldAt    programs.Instant
	Said      string // hash of the facts as last told in words, also where the calendar is a mail of its own; empty: never
	TokenHash []byte
	KeyID     string
}

const inviteColumns = `i.person_id, i.session_id, i.address, i.first_message_id, i.last_method, i.last_sequence, i.major_sequence, i.stamp, i.content_hash, i.partstat,
	i.told_starts_at, i.told_ends_at, i.told_location, i.told_at, i.said, i.token_hash, i.key_id`

func scanInvite(scan func(...any) error) (i invite, err error) {
	err = scan(&i.Person, &i.Session, &i.Address, &i.First, &i.Method, &i.Sequence, &i.Major, &i.Stamp, &i.Hash, &i.Partstat,
		&i.Starts, &i.Ends, &i.Location, &i.ToldAt, &i.Said, &i.TokenHash, &i.KeyID)
	return i, err
}

// differs reports whether the mailbox was told something else than f: its calendar where it has the session, else its words. Who has
// no seat was not promised a place, only a time.
func (i invite) differs(f facts, holder bool) bool {
	if i.Method == request {
		return i.Hash != f.hash()
	}
	return i.Starts != f.Starts || i.Ends != f.Ends || holder && i.Location != f.Location
}

// part is a calendar part that a mail carries.
type part struct {
	Method   string // empty: the mail has none
	Sequence int
	Stamp    programs.Instant
	Partstat string
	Hash     string
}

// asked says what a mail wants of the calendar.
type asked struct {
	Method string
	Own    bool             // the person took the seat, nobody else for them
	Cause  programs.Instant // when the cause was journaled
	Zone   *time.Location   // of the session: another local date is a major move
	Facts  facts
}

// next decides the counters of a calendar part (L4, W14): SEQUENCE rises when the facts changed and with every CANCEL, and never
// falls, also not for who joins again; the stamp moves on by a second at least (calendar.md C6). The second answer is the invitation
// as it is once the part is out.
func (i invite) next(session programs.Session, a asked) (part, invite) {
	p := part{Method: a.Method, Partstat: i.Partstat, Hash: a.Facts.hash()}
	if a.Method == cancel {
		f := a.Facts
		f.Status = programs.Cancelled
		p.Hash = f.hash()
	}
	p.Stamp = max(a.Cause, i.Stamp+1000)
	fresh := i.Method != request
	switch {
	case i.Method == "":
		p.Sequence = session.Sequence
	case a.Method == cancel || p.Hash != i.Hash:
		p.Sequence = max(session.Sequence, i.Sequence+1)
	default:
		p.Sequence = i.Sequence
	}
	if a.Method == request {
		switch {
		case fresh && a.Own:
			p.Partstat, i.Major = accepted, p.Sequence
		case fresh, i.major(a):
			p.Partstat, i.Major = needsAction, p.Sequence
		}
	}
	i.Method, i.Sequence, i.Stamp, i.Hash, i.Partstat = p.Method, p.Sequence, p.Stamp, p.Hash, p.Partstat
	return p, i
}

// major reports whether the session starts 15 minutes or more away from what was told, or on another date.
func (i invite) major(a asked) bool {
	d := a.Facts.Starts.Sub(i.Starts)
	return d >= majorMove || -d >= majorMove || programs.WallAt(i.Starts, a.Zone).Date != programs.WallAt(a.Facts.Starts, a.Zone).Date
}

// save writes what the mailbox has been told.
func (i invite) save(tx *store.Tx) error {
	_, err := tx.Exec(`insert into invites (person_id, session_id, token_hash, key_id, address, first_message_id, last_method, last_sequence, major_sequence,
			stamp, content_hash, partstat, told_starts_at, told_ends_at, told_location, told_at, said)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
		on conflict (person_id, session_id) do update set address = excluded.address, last_method = excluded.last_method, last_sequence = excluded.last_sequence,
			major_sequence = excluded.major_sequence, stamp = excluded.stamp, content_hash = excluded.content_hash, partstat = excluded.partstat,
			told_starts_at = excluded.told_starts_at, told_ends_at = excluded.told_ends_at, told_location = excluded.told_location, told_at = excluded.told_at, said = excluded.said`,
		string(i.Person), string(i.Session), i.TokenHash, i.KeyID, i.Address, i.First, i.Method, i.Sequence, i.Major,
		i.Stamp, i.Hash, i.Partstat, i.Starts, i.Ends, i.Location, i.ToldAt, i.Said)
	return err
}
