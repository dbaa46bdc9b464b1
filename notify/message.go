package notify

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Message is one outbox row as people may see it: what was owed to whom, and what became of it.
type Message struct {
	ID        string
	Key       string // unique for good
	Event     string // the value of X-Wellweek-Event
	Part      string // the value of X-Wellweek-Part; most have none
	Person    programs.PersonID
	Address   string // where it goes or went
	Session   programs.SessionID
	State     string
	Reason    string // why it ended, in a word or two; empty when the state says it all
	Attempts  int    // hand-offs that were tried and counted
	NotBefore programs.Instant
	NotAfter  programs.Instant
	MessageID string // without angle brackets
	LastCode  int    // of the relay's last answer; 0: none came
	LastText  string
	QueueID   string // what the relay called it, when it said so
	CreatedAt programs.Instant
	SentAt    programs.Instant
}

// The states of a message (the package comment draws them).
const (
	Queued     = "queued"
	Sending    = "sending"
	Unknown    = "unknown"
	Sent       = "sent"
	Failed     = "failed"
	Expired    = "expired"
	Suppressed = "suppressed"
	Superseded = "superseded"
	Skipped    = "skipped"
)

// The events of a message, as X-Wellweek-Event and the ledger have them.
const (
	Confirmed  = "confirmed"
	Waitlisted = "waitlisted"
	Offered    = "offered"
	Promoted   = "promoted"
	Lapsed     = "lapsed"
	Moved      = "moved"
	Cancelled  = "cancelled"
	Reinstated = "reinstated"
	Left       = "left"
	Reminder   = "reminder"
	Enrolled   = "enrolled"
)

// MessageFilter narrows the ledger; zero fields do not.
type MessageFilter struct {
	Session  programs.SessionID
	Person   programs.PersonID
	Event    string
	State    string
	Programs []programs.ProgramID // nil: every program's; empty: none's
	Page     store.Page
}

const messageColumns = `o.id, o.key, o.event, o.part, o.person_id, o.address, o.session_id, o.state, o.reason, o.attempts, o.not_before, o.not_after,
	o.message_id, o.last_code, o.last_text, o.queue_id, o.created_at, coalesce(o.sent_at, 0)`

func scanMessage(scan func(...any) error) (m Message, err error) {
	err = scan(&m.ID, &m.Key, &m.Event, &m.Part, &m.Person, &m.Address, &m.Session, &m.State, &m.Reason, &m.Attempts, &m.NotBefore, &m.NotAfter,
		&m.MessageID, &m.LastCode, &m.LastText, &m.QueueID, &m.CreatedAt, &m.SentAt)
	return m, err
}

// Messages lists the ledger, newest first, with the cursor of the next page. It refuses (Invalid) a cursor that it did not make.
func Messages(v *store.View, f MessageFilter) ([]Message, string, error) {
	var w where
	if f.Page.Cursor != "" {
		id, err := base64.RawURLEncoding.DecodeString(f.Page.Cursor)
		if err != nil || len(id) == 0 || len(id) > 64 || !utf8.Valid(id) || bytes.IndexByte(id, 0) >= 0 { // PostgreSQL takes neither in text
			return nil, "", programs.Refuse(programs.Invalid, "The cursor is one that an earlier page answered as next_cursor.").At("query.cursor")
		}
		w.and("o.id < ?", string(id))
	}
	for _, c := range []struct{ column, value string }{
		{"o.session_id", string(f.Session)}, {"o.person_id", string(f.Person)}, {"o.event", f.Event}, {"o.state", f.State},
	} {
		if c.value != "" {
			w.and(c.column+" = ?", c.value)
		}
	}
	if f.Programs != nil {
		var ids []any
		for _, p := range f.Programs {
			ids = append(ids, string(p))
		}
		if len(ids) == 0 {
			return nil, "", nil
		}
		w.and("o.session_id in (select s.id from sessions s where s.program_id in (?"+strings.Repeat(", ?", len(ids)-1)+"))", ids...)
	}
	limit := f.Page.Limit
	if limit <= 0 {
		limit = 50
	}
	rows, err := v.Query(`select `+messageColumns+` from outbox o`+w.text()+` order by o.id desc`+w.limit(limit+1), w.args...)
	messages, err := store.Collect(rows, err, scanMessage)
	if err != nil || len(messages) <= limit {
		return messages, "", err
	}
	messages = messages[:limit]
	return messages, base64.RawURLEncoding.EncodeToString([]byte(messages[limit-1].ID)), nil
}

// Retry puts a failed message back into the queue, with the same bytes and the same Message-ID. It refuses one that is not there
// (NotFound) or did not fail (Conflict), and one that a later message to the same person about the same session has overtaken
// (Conflict), because the last mail a person gets about a session is the true one.
func Retry(tx *store.Tx, id string) (Message, error) {
	m, err := message(&tx.View, id)
	if err != nil {
		return m, err
	}
	if m.State != Failed {
		return m, programs.Refuse(programs.Conflict, "Only a message that failed can be sent again.")
	}
	var later int
	err = tx.QueryRow(`select count(*) from outbox o join outbox n on n.lane = o.lane and n.turn > o.turn
		where o.id = $1 and o.said = '' and n.state in ('queued', 'sending', 'unknown', 'sent')`, id).Scan(&later)
	if err != nil {
		return m, err
	}
	if later > 0 {
		return m, programs.Refuse(programs.Conflict, "A later message tells this person what is true now; this one would contradict it.")
	}
	if _, err := tx.Exec(`update outbox set state = 'queued', reason = '', attempts = 0, next_try = $2 where id = $1`, id, tx.Now); err != nil {
		return m, err
	}
	m.State, m.Reason, m.Attempts = Queued, "", 0
	return m, nil
}

// Caught returns a message with the bytes that were, or would be, handed to the relay. The bytes are nil until the first attempt.
// It refuses what is not there (NotFound).
func Caught(v *store.View, id string) (Message, []byte, error) {
	m, err := message(v, id)
	if err != nil {
		return m, nil, err
	}
	var raw []byte
	err = v.QueryRow(`select o.bytes from outbox o where o.id = $1`, id).Scan(&raw)
	return m, raw, err
}

func message(v *store.View, id string) (Message, error) {
	m, err := scanMessage(v.QueryRow(`select `+messageColumns+` from outbox o where o.id = $1`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return m, programs.Refuse(programs.NotFound, "There is no such message.")
	}
	return m, err
}

// where builds a condition of parts with ? for their arguments, which become $1, $2 and so on.
type where struct {
	parts []string
	args  []any
}

func (w *where) and(part string, args ...any) {
	for _, a := range args {
		w.args = append(w.args, a)
		part = strings.Replace(part, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	w.parts = append(w.parts, part)
}

func (w *where) text() string {
	if len(w.parts) == 0 {
		return ""
	}
	return " where " + strings.Join(w.parts, " and ")
}

func (w *where) limit(n int) string {
	w.args = append(w.args, n)
	return " limit $" + strconv.Itoa(len(w.args))
}
