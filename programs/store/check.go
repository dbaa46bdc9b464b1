package store

import (
	"context"
	"fmt"
	"time"

	"github.com/wellweek/wellweek/programs"
)

// Fault is one breach of an invariant of domain.md section 13, with the rows at fault.
type Fault struct {
	Invariant string // I-1
	Rows      string // kind and ids, and what is wrong with them
}

// Check verifies the invariants of this room over the whole database, as of the newest instant in the journal: a copy checked a week
// later is not at fault. It changes nothing. No fault: an empty list.
func Check(ctx context.Context, s *Store) ([]Fault, error) {
	return Read(ctx, s, func(v *View) ([]Fault, error) {
		at, err := v.Newest()
		if err != nil {
			return nil, err
		}
		var faults []Fault
		for _, c := range checks {
			rows, err := v.Query(c.query, c.args(at)...)
			found, err := Collect(rows, err, scanText)
			if err != nil {
				return nil, fmt.Errorf("check %s: %w", c.invariant, err)
			}
			for _, id := range found {
				faults = append(faults, Fault{c.invariant, c.what + " " + id})
			}
		}
		for _, deep := range []func(*View, programs.Instant) ([]Fault, error){idleSeats, wrongInstants} {
			found, err := deep(v, at)
			if err != nil {
				return nil, err
			}
			faults = append(faults, found...)
		}
		return faults, nil
	})
}

type check struct {
	invariant string
	what      string
	query     string // selects the ids at fault
	grace     time.Duration
	timed     bool // the query's $1 is the instant of the check less grace
}

func (c check) args(at programs.Instant) []any {
	if !c.timed {
		return nil
	}
	return []any{int64(at.Add(-c.grace))}
}

// checks are the invariants that one statement can judge.
var checks = []check{
	{invariant: "I-1", what: "more seats held than the capacity in session", query: `select id from sessions where capacity is not null and taken > capacity and forced = 0`},
	{invariant: "I-1", what: "counters differ from the sign-ups of session", query: `select s.id from sessions s left join (
		select session_id, sum(case when state in ('confirmed', 'offered') then 1 else 0 end) as taken,
			sum(case when state = 'offered' then 1 else 0 end) as offered, sum(case when state = 'waitlisted' then 1 else 0 end) as waiting
		from signups group by session_id) u on u.session_id = s.id
		where s.taken <> coalesce(u.taken, 0) or s.offered <> coalesce(u.offered, 0) or s.waiting <> coalesce(u.waiting, 0)`},
	{invariant: "I-2", what: "several active sign-ups of one participant in session", query: `select session_id from signups
		where state in ('requested', 'waitlisted', 'offered', 'confirmed') group by session_id, participant having count(*) > 1`},
	{invariant: "I-3", what: "a child without a guardian who books, sign-up", query: `select u.id from signups u where u.dependent_id is not null
		and not exists (select 1 from guardianships g where g.dependent_id = u.dependent_id and g.person_id = u.person_id and g.may_book = 1 and g.from_at <= u.created_at)`},
	{invariant: "I-11", what: "a place to come of somebody who has left, sign-up", timed: true, query: `select u.id from signups u join sessions s on s.id = u.session_id
		join people p on p.id = u.person_id where p.status = 'left' and s.starts_at > $1 and u.state in ('requested', 'waitlisted', 'offered', 'confirmed')`},
	{invariant: "I-7", what: "still on the list of a session that is not open, sign-up", grace: 2 * time.Minute, timed: true, query: `select u.id from signups u join sessions s on s.id = u.session_id
		where u.state in ('requested', 'waitlisted', 'offered') and (s.starts_at < $1 or s.status in ('cancelled', 'skipped'))`},
	{invariant: "I-10", what: "the journal ends in another state than sign-up", query: `select u.id from signups u where u.state <> coalesce((select j.after from journal j
		where j.kind = 'signup' and j.subject = u.id order by j.id desc limit 1), '')`},
	{invariant: "I-10", what: "the journal ends in another state than session", query: `select s.id from sessions s where s.status <> coalesce((select j.after from journal j
		where j.kind = 'session' and j.subject = s.id and j.verb in ('session.scheduled', 'session.cancelled', 'session.reinstated', 'session.completed', 'session.undone') order by j.id desc limit 1), '')`},
	{invariant: "I-12", what: "SEQUENCE is behind the journal in session", query: `select s.id from sessions s where s.sequence < (select count(*) from journal j
		where j.kind = 'session' and j.subject = s.id and j.verb in ('session.moved', 'session.cancelled', 'session.reinstated'))`},
	{invariant: "I-21", what: "a token that is not stored as a hash, feed", query: `select id from feeds where length(token_hash) <> 32`},
}

// idleSeats finds I-6: somebody who could move up waits beside a free seat. The rule itself is asked, so that those it passes over
// and the hours of the first click are no faults.
func idleSeats(v *View, at programs.Instant) ([]Fault, error) {
	rows, err := v.Query(`select `+sessionColumns+` from sessions s where s.status = 'scheduled' and s.waiting > 0 and s.starts_at > $1
		and (s.capacity is null or s.taken < s.capacity) order by s.id`, int64(at))
	sessions, err := Collect(rows, err, scanSession)
	if err != nil {
		return nil, err
	}
	var faults []Fault
	for _, s := range sessions {
		p, err := v.Program(programs.System(), string(s.ProgramID))
		if err != nil {
			return nil, err
		}
		waiting, err := v.candidates(s, s.Waiting, 0)
		if err != nil {
			return nil, err
		}
		moves, _ := programs.Promote(s, p, waiting, at)
		for _, m := range moves {
			if m.Verb != programs.SignupPassed {
				faults = append(faults, Fault{"I-6", "a free seat beside sign-up " + string(m.Signup.ID)})
				break
			}
		}
	}
	return faults, nil
}

// wrongInstants finds I-20: a cached instant that is not what the wall time and zone mean by the zone data it was made with.
func wrongInstants(v *View, _ programs.Instant) ([]Fault, error) {
	rows, err := v.Query(`select s.id, s.local_start, s.time_zone, s.duration_minutes, s.starts_at, s.ends_at from sessions s where s.tzdata = $1`, programs.TZData())
	type row struct {
		id, start, zone string
		minutes         int
		starts, ends    programs.Instant
	}
	list, err := Collect(rows, err, func(scan func(...any) error) (r row, err error) {
		return r, scan(&r.id, &r.start, &r.zone, &r.minutes, &r.starts, &r.ends)
	})
	if err != nil {
		return nil, err
	}
	var faults []Fault
	for _, r := range list {
		wall, err := programs.ParseWall(r.start)
		if err != nil {
			faults = append(faults, Fault{"I-20", "no wall time in session " + r.id})
			continue
		}
		loc, err := programs.Zone(r.zone)
		if err != nil {
			faults = append(faults, Fault{"I-20", "no time zone in session " + r.id})
			continue
		}
		if at := programs.Resolve(wall, loc).At; at != r.starts || at.Add(time.Duration(r.minutes)*time.Minute) != r.ends {
			faults = append(faults, Fault{"I-20", "the instant differs from the wall time in session " + r.id})
		}
	}
	return faults, nil
}
