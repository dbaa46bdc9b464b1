package notify

import (
	"context"
	"slices"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// inviteAhead is how long before its start a date of an enrollment is put into the calendar (L5).
const inviteAhead = 14 * 24 * time.Hour

// bare is a calendar-only invitation that is due.
type bare struct {
	Signup  programs.SignupID
	Session programs.SessionID
	Person  programs.PersonID
	Address string
	Starts  programs.Instant
	Again   bool // its row was overtaken by one that brought no invitation after all
}

// Invite queues the invitation of every confirmed date of an enrollment that starts within the next 14 days and is in no calendar yet, as
// a mail of its own with two lines of text (L5), and returns how many. It looks at all of them each time, so that it is also what catches
// up after a stop; a date whose invitation a mail about the seat brings, or is about to bring, is left alone.
func Invite(ctx context.Context, s *store.Store, set Settings) (int, error) {
	if err := set.check(); err != nil {
		return 0, err
	}
	due, err := store.Read(ctx, s, func(v *store.View) ([]bare, error) { return invitesDue(v, nil) })
	if err != nil {
		return 0, err
	}
	l, made := newLinks(s, set), 0
	for chunk := range slices.Chunk(due, planBatch) {
		n, err := store.Write(ctx, s, func(tx *store.Tx) (int, error) { return l.invite(tx, chunk) })
		made += n
		if err != nil {
			return made, err
		}
	}
	return made, nil
}

// invitesDue are the invitations to enrolled dates that are owed, of these sessions, or of all where sessions is nil. One person has one
// calendar entry a session, whoever of theirs is enrolled.
func invitesDue(v *store.View, sessions []programs.SessionID) ([]bare, error) {
	args := []any{int64(v.Now), int64(v.Now.Add(inviteAhead))}
	only := ""
	if sessions != nil {
		only = ` and s.id in ` + tuplesFrom(3, 1, len(sessions))
		args = append(args, texts(sessions)...)
	}
	rows, err := v.Query(`select u.id, u.session_id, u.person_id, p.email, s.starts_at,
			case when exists (select 1 from outbox k where k.key = 'confirmed:' || u.id || ':calendar') then 1 else 0 end
		from sessions s join signups u on u.session_id = s.id and u.state = 'confirmed' and u.source = 'enrollment' join people p on p.id = u.person_id
		where s.status = 'scheduled' and s.starts_at > $1 and s.starts_at <= $2`+only+` and p.status = 'active'
		and not exists (select 1 from invites i where i.person_id = u.person_id and i.session_id = u.session_id and i.last_method = 'REQUEST')
		and not exists (select 1 from outbox k where k.key = 'confirmed:' || u.id || ':calendar' and k.state <> 'superseded')
		and not exists (select 1 from outbox o where o.lane = u.session_id || ':' || u.person_id and o.state in ('queued', 'sending', 'unknown')
			and o.event in ('confirmed', 'promoted', 'moved') and o.part <> 'notice')
		order by s.starts_at, s.id, u.person_id, u.id`, args...)
	return store.Collect(rows, err, func(scan func(...any) error) (b bare, err error) {
		var again int
		err = scan(&b.Signup, &b.Session, &b.Person, &b.Address, &b.Starts, &again)
		b.Again = again == 1
		return b, err
	})
}

// invite queues them.
func (l links) invite(tx *store.Tx, due []bare) (made int, err error) {
	var rows []owed
	for i, b := range due {
		if i > 0 && due[i-1].Session == b.Session && due[i-1].Person == b.Person {
			continue
		}
		o := owed{
			Key: Confirmed + ":" + string(b.Signup) + ":calendar", Event: Confirmed, Part: calendarOnly, Person: b.Person, Address: b.Address,
			Session: b.Session, Signup: b.Signup, Lane: lane(b.Session, b.Person), Turn: tx.NewID(), Due: tx.Now, NotAfter: b.Starts,
		}
		if !b.Again {
			rows = append(rows, o)
			continue
		}
		n, err := tx.Exec(`update outbox set state = 'queued', reason = '', turn = $2, next_try = $3, created_at = $3, not_after = $4, bytes = null, method = '',
			sequence = null, content = '' where key = $1 and state = 'superseded'`, o.Key, o.Turn, int64(tx.Now), int64(o.NotAfter))
		if err != nil {
			return made, err
		}
		if n > 0 {
			made++
			if err := tidy(tx, o.Lane); err != nil {
				return made, err
			}
		}
	}
	n, err := l.addAll(tx, rows)
	return made + n, err
}
