package notify

import (
	"strconv"
	"strings"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// The values of X-Wellweek-Part; most mails have none.
const (
	notice       = "notice"   // says in words what a change means for several sessions
	calendarOnly = "calendar" // moves one more calendar object of such a change, or brings the invitation to an enrolled date
)

// owed is a row about to enter the outbox.
type owed struct {
	Key       string
	Event     string
	Part      string
	Person    programs.PersonID
	Address   string
	Session   programs.SessionID
	Signup    programs.SignupID // empty: about the session
	Lane      string
	Turn      string // orders the lane
	Cause     programs.EntryID
	WasStarts programs.Instant // what the session was before the change; zero: not a move
	WasEnds   programs.Instant
	NewPlace  bool // the change names another place
	Due       programs.Instant
	NotAfter  programs.Instant
	Skipped   string  // why nothing is to be said; empty: it is queued
	Dates     []dated // what it lists; empty: it is about the one session
}

// dated is one session that a row lists.
type dated struct {
	Session   programs.SessionID
	Signup    programs.SignupID // empty: about the session
	Event     string
	WasStarts programs.Instant // zero: not a move
	WasEnds   programs.Instant
	WasPlace  *string // nil: not known, and another one
}

// Rows of one statement, and lanes of one: both stay far below the engines' limits of parameters.
const (
	rowsAtOnce  = 50
	lanesAtOnce = 200
)

// add puts a row into the outbox, unless its key is there, and makes its lane agree. It reports whether the row is new.
func (l links) add(tx *store.Tx, o owed) (bool, error) {
	n, err := l.addAll(tx, []owed{o})
	return n > 0, err
}

// addAll puts rows into the outbox in few statements, with what they list, and makes their lanes agree. Rows whose key is there are
// left out. It returns how many are new.
func (l links) addAll(tx *store.Tx, rows []owed) (made int, err error) {
	var lanes []string
	var dates []any
	for len(rows) > 0 {
		some := rows[:min(len(rows), rowsAtOnce)]
		rows = rows[len(some):]
		var args []any
		byKey := make(map[string]owed, len(some))
		for _, o := range some {
			id, state := tx.NewID(), Queued
			if o.Skipped != "" {
				state = Skipped
			}
			byKey[o.Key] = o
			args = append(args, id, o.Key, o.Event, o.Part, string(o.Person), o.Address, string(o.Session), null(o.Signup), o.Lane, o.Turn, null(o.Cause),
				nullAt(o.WasStarts), nullAt(o.WasEnds), int64(o.Due), int64(o.NotAfter), state, o.Skipped, 0, int64(o.Due), l.messageID(o.Key), l.mailFrom(id),
				"", "", 0, "", "", int64(tx.Now))
		}
		found, err := tx.Query(`insert into outbox (id, key, event, part, person_id, address, session_id, signup_id, lane, turn, cause_id, was_starts_at, was_ends_at,
				not_before, not_after, state, reason, attempts, next_try, message_id, mail_from, method, content, last_code, last_text, queue_id, created_at)
			values `+tuples(len(some), 27)+` on conflict (key) do nothing returning id, key`, args...)
		type added struct{ id, key string }
		fresh, err := store.Collect(found, err, func(scan func(...any) error) (a added, err error) { return a, scan(&a.id, &a.key) })
		if err != nil {
			return made, err
		}
		made += len(fresh)
		for _, a := range fresh {
			o := byKey[a.key]
			if o.Skipped == "" {
				lanes = append(lanes, o.Lane)
			}
			for _, d := range o.Dates {
				var place any
				if d.WasPlace != nil {
					place = *d.WasPlace
				}
				dates = append(dates, a.id, string(d.Session), null(d.Signup), d.Event, nullAt(d.WasStarts), nullAt(d.WasEnds), place)
			}
		}
	}
	const columns = 7
	for len(dates) > 0 {
		n := min(len(dates)/columns, 2*rowsAtOnce)
		if _, err := tx.Exec(`insert into notices (outbox_id, session_id, signup_id, event, was_starts_at, was_ends_at, was_location)
			values `+tuples(n, columns), dates[:n*columns]...); err != nil {
			return made, err
		}
		dates = dates[n*columns:]
	}
	return made, tidyAll(tx, lanes)
}

// tidyAll makes those of the lanes agree that have more than one unsent row.
func tidyAll(tx *store.Tx, lanes []string) error {
	for len(lanes) > 0 {
		some := lanes[:min(len(lanes), lanesAtOnce)]
		lanes = lanes[len(some):]
		rows, err := tx.Query(`select o.lane from outbox o where o.state in ('queued', 'unknown') and o.lane in `+tuples(1, len(some))+`
			group by o.lane having count(*) > 1 order by o.lane`, texts(some)...)
		crowded, err := store.Collect(rows, err, func(scan func(...any) error) (lane string, err error) { return lane, scan(&lane) })
		if err != nil {
			return err
		}
		for _, lane := range crowded {
			if err := tidy(tx, lane); err != nil {
				return err
			}
		}
	}
	return nil
}

// tuples is ($1, $2), ($3, $4) for two rows of two columns.
func tuples(rows, columns int) string { return tuplesFrom(1, rows, columns) }

// tuplesFrom is tuples whose numbers begin with first.
func tuplesFrom(first, rows, columns int) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteString("($")
		case i%columns == 0:
			b.WriteString("), ($")
		default:
			b.WriteString(", $")
		}
		b.WriteString(strconv.Itoa(first + i))
	}
	return b.String() + ")"
}

func texts[T ~string](list []T) []any {
	out := make([]any, len(list))
	for i, t := range list {
		out[i] = string(t)
	}
	return out
}

// null is nil for the empty string, so that optional columns hold null.
func null[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// nullAt is nil for the zero instant.
func nullAt(i programs.Instant) any {
	if i == 0 {
		return nil
	}
	return int64(i)
}

// newLinks takes the keys of the installation.
func newLinks(s *store.Store, set Settings) links {
	return links{Settings: set, reply: s.Key("reply-token"), bounce: s.Key("bounce-token")}
}
