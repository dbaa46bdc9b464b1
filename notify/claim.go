package notify

import (
	"context"
	"database/sql"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// lost is the reason of a row whose last hand-off the relay may have taken without our hearing of it.
const lost = "the answer of the relay was lost"

// leaseTime is how long claimed rows are ours. The sender renews it while it works, so that it runs out only with the process.
const leaseTime = time.Minute

// letter is a claimed row with everything that decides whether it is still true, and what it says.
type letter struct {
	ID        string
	Key       string
	Event     string
	Part      string
	Said      string // what its bytes say of the sessions it lists, as a hash
	Lane      string
	Signup    programs.SignupID
	Attempts  int
	Unknown   bool // the relay may have it already
	NotAfter  programs.Instant
	CreatedAt programs.Instant
	MessageID string
	MailFrom  string
	Bytes     []byte // nil: never tried
	WasStarts programs.Instant
	WasEnds   programs.Instant
	WasPlace  *string // of a line of a list; nil: not known
	Listed    []dated
	Dates     []*letter // what is still to be said of the sessions it lists, in the order of saying it; each stands for a line

	Cause      programs.Entry // zero for a reminder
	Person     programs.Person
	Zone       string // where the reader lives
	Session    programs.Session
	Program    string
	AutoCutoff int      // minutes; the program's rule for its waiting lists
	OfferTTL   int      // minutes
	Leads      []string // names of the facilitators, in order
	Lead       bool     // the reader is one of them
	Seats      []standing
	Told       invite // zero Session: nothing yet
	Moving     bool   // a change of when, where or whether the session takes place is not planned yet
	Undoable   bool   // and was made after the cause of this letter, so that it can be undone as if it had not been (V5)
	Now        programs.Instant

	Telling bool // its bytes say what its mailbox is told of the session, so freezing them noted it
	Frozen  bool // its bytes were written in this round
	Tried   bool // a hand-off began in this round that the relay may remember
	Settled bool // and its outcome is on the disk
}

// standing is how one of the reader's sign-ups in the session stands.
type standing struct {
	ID        programs.SignupID
	Child     bool
	State     programs.SignupState
	Source    programs.Source
	Mode      programs.Mode
	EndReason programs.EndReason
	OfferEnds programs.Instant
	Own       bool // by its person, or by an enrollment that they made
	Position  int  // in the list; 0 when not waiting
}

// rescue ends leases of processes that died: the relay may have those messages, so they are tried again with the same bytes.
func rescue(tx *store.Tx, where string, args ...any) error {
	rows, err := tx.Query(`update outbox set state = case when bytes is null then 'queued' else 'unknown' end, reason = case when bytes is null then reason else '`+lost+`' end,
		lease_owner = null, lease_until = null, next_try = $1
		where state = 'sending' and `+where+` returning lane`, append([]any{tx.Now}, args...)...)
	lanes, err := store.Collect(rows, err, func(scan func(...any) error) (lane string, err error) { return lane, scan(&lane) })
	if err != nil {
		return err
	}
	for _, l := range lanes {
		if err := tidy(tx, l); err != nil {
			return err
		}
	}
	return nil
}

// overdue rescues what was leased and not renewed.
func overdue(tx *store.Tx) error { return rescue(tx, "lease_until <= $2", tx.Real) }

// Recover makes what a process that died left in flight due at once. It is for the start on SQLite, where the lock of the file proves
// that no other process lives; on PostgreSQL it changes nothing, and leases run out.
func Recover(ctx context.Context, s *store.Store) error {
	_, err := store.Write(ctx, s, func(tx *store.Tx) (struct{}, error) {
		if tx.Engine() != "sqlite" {
			return struct{}{}, nil
		}
		return struct{}{}, rescue(tx, "1 = 1")
	})
	return err
}

// claim takes up to limit due rows for the owner, at most one of a lane and that one the oldest, and reads all about them.
func claim(tx *store.Tx, owner string, limit int) ([]*letter, error) {
	if err := overdue(tx); err != nil {
		return nil, err
	}
	lock := ""
	if tx.SkipLocked() != "" {
		lock = " for update of o skip locked"
	}
	n, err := tx.Exec(`update outbox set state = 'sending', lease_owner = $1, lease_until = $2
		where id in (select o.id from outbox o where o.state in ('queued', 'unknown') and o.next_try <= $3
			and not exists (select 1 from outbox e where e.lane = o.lane and e.id <> o.id
				and (e.state = 'sending' or e.state in ('queued', 'unknown') and e.turn < o.turn))
			order by o.next_try, o.id limit $4`+lock+`)`, owner, tx.Real.Add(leaseTime), tx.Now, limit)
	if err != nil || n == 0 {
		return nil, err
	}
	letters, err := claimed(tx, owner)
	if err != nil {
		return nil, err
	}
	return letters, background(tx, owner, letters)
}

// openChange is the last entry about when, where and whether a session takes place that is not planned yet.
const openChange = `coalesce((select max(e.id) from journal_open q join journal e on e.id = q.entry where e.kind = 'session' and e.subject = s.id
	and e.verb in ('session.moved', 'session.cancelled', 'session.reinstated')), '')`

// claimed reads the owner's rows with their person, session and cause.
func claimed(tx *store.Tx, owner string) ([]*letter, error) {
	rows, err := tx.Query(`select o.id, o.key, o.event, o.part, o.said, o.lane, coalesce(o.signup_id, ''), o.attempts, o.reason, o.not_after, o.created_at, o.message_id, o.mail_from,
			o.bytes, coalesce(o.was_starts_at, 0), coalesce(o.was_ends_at, 0),
			coalesce(j.id, ''), coalesce(j.at, 0), coalesce(j.actor, ''), coalesce(j.verb, ''), coalesce(j.before, ''), coalesce(j.fields, ''),
			p.id, p.email, p.name, p.status, coalesce(p.time_zone, f.time_zone, ''),
			s.id, s.program_id, s.title, s.description, s.local_start, s.time_zone, s.duration_minutes, s.starts_at, s.ends_at, s.status, s.capacity, s.location, s.join_url,
			s.uid, s.sequence, s.taken, s.created_at, s.last_modified, coalesce(s.cancel_reason, ''), g.name, g.auto_cutoff_minutes, g.offer_ttl_minutes,
			coalesce((select 1 from assignments a where a.session_id = s.id and a.person_id = p.id and a.status = 'accepted'), 0),
			`+openChange+`
		from outbox o join people p on p.id = o.person_id left join offices f on f.id = p.office_id
		join sessions s on s.id = o.session_id join programs g on g.id = s.program_id left join journal j on j.id = o.cause_id
		where o.lease_owner = $1 and o.state = 'sending' order by o.next_try, o.id`, owner)
	return store.Collect(rows, err, func(scan func(...any) error) (*letter, error) {
		l := &letter{Now: tx.Now}
		var lead int
		var moving programs.EntryID
		var start, reason string
		var capacity sql.NullInt64
		c, s, p := &l.Cause, &l.Session, &l.Person
		err := scan(&l.ID, &l.Key, &l.Event, &l.Part, &l.Said, &l.Lane, &l.Signup, &l.Attempts, &reason, &l.NotAfter, &l.CreatedAt, &l.MessageID, &l.MailFrom,
			&l.Bytes, &l.WasStarts, &l.WasEnds,
			&c.ID, &c.At, &c.Actor, &c.Verb, &c.Before, &c.Fields,
			&p.ID, &p.Email, &p.Name, &p.Status, &l.Zone,
			&s.ID, &s.ProgramID, &s.Title, &s.Description, &start, &s.TimeZone, &s.DurationMinutes, &s.StartsAt, &s.EndsAt, &s.Status, &capacity, &s.Location, &s.JoinURL,
			&s.UID, &s.Sequence, &s.Taken, &s.CreatedAt, &s.LastModified, &s.CancelReason, &l.Program, &l.AutoCutoff, &l.OfferTTL, &lead, &moving)
		if err != nil {
			return nil, err
		}
		if capacity.Valid {
			n := int(capacity.Int64)
			s.Capacity = &n
		}
		l.Unknown, l.Lead, l.Moving, l.Undoable = reason == lost, lead == 1, moving != "", moving > c.ID
		s.LocalStart, err = programs.ParseWall(start)
		return l, err
	})
}

// key is one person's part of one session.
type key struct {
	session programs.SessionID
	person  programs.PersonID
}

// concerned are the sessions and people of an owner's rows, those in their lists included.
const concerned = `(select o.session_id, o.person_id from outbox o where o.lease_owner = $1 and o.state = 'sending'
	union select d.session_id, o.person_id from outbox o join notices d on d.outbox_id = o.id where o.lease_owner = $1 and o.state = 'sending') o`

// background adds what several rows share: seats, facilitators and what was told.
func background(tx *store.Tx, owner string, letters []*letter) error {
	seats, told, leads := map[key][]standing{}, map[key]invite{}, map[programs.SessionID][]string{}
	// The order of the joins is given, here and in planning: SQLite has no statistics, and would look at everybody's.
	rows, err := tx.Query(`select u.session_id, u.person_id, u.id, case when u.dependent_id is null then 0 else 1 end, u.state, u.source, u.mode,
			coalesce(u.end_reason, ''), coalesce(u.offer_expires_at, 0),
			case when u.source = 'self' then 1 when u.source <> 'enrollment' then 0 else coalesce((select case when j.actor in ('system', 'person:' || u.person_id) then 1 else 0 end
				from journal j where j.kind = 'signup' and j.subject = u.id order by j.id limit 1), 0) end,
			case when u.state = 'waitlisted' then (select 1 + count(*) from signups w where w.session_id = u.session_id and w.state = 'waitlisted'
				and (w.priority > u.priority or w.priority = u.priority and (w.queued_at < u.queued_at or w.queued_at = u.queued_at and w.id < u.id))) else 0 end
		from (select distinct r.person_id from outbox r where r.lease_owner = $1 and r.state = 'sending') q cross join signups u
		where u.person_id = q.person_id and u.session_id in (select o.session_id from `+concerned+`) order by u.created_at, u.id`, owner)
	_, err = store.Collect(rows, err, func(scan func(...any) error) (struct{}, error) {
		var k key
		var s standing
		var child, own int
		err := scan(&k.session, &k.person, &s.ID, &child, &s.State, &s.Source, &s.Mode, &s.EndReason, &s.OfferEnds, &own, &s.Position)
		s.Child, s.Own = child == 1, own == 1
		seats[k] = append(seats[k], s)
		return struct{}{}, err
	})
	if err != nil {
		return err
	}
	rows, err = tx.Query(`select `+inviteColumns+` from invites i join `+concerned+` on i.person_id = o.person_id and i.session_id = o.session_id`, owner)
	invites, err := store.Collect(rows, err, scanInvite)
	if err != nil {
		return err
	}
	for _, i := range invites {
		told[key{i.Session, i.Person}] = i
	}
	rows, err = tx.Query(`select a.session_id, p.name from assignments a join people p on p.id = a.person_id
		where a.status = 'accepted' and a.session_id in (select o.session_id from outbox o where o.lease_owner = $1 and o.state = 'sending')
		order by a.session_id, a.position, a.person_id`, owner)
	_, err = store.Collect(rows, err, func(scan func(...any) error) (struct{}, error) {
		var id programs.SessionID
		var name string
		err := scan(&id, &name)
		leads[id] = append(leads[id], name)
		return struct{}{}, err
	})
	if err != nil {
		return err
	}
	for _, l := range letters {
		k := key{l.Session.ID, l.Person.ID}
		l.Seats, l.Told, l.Leads = seats[k], told[k], leads[l.Session.ID]
	}
	return dates(tx, owner, letters, seats, told)
}
