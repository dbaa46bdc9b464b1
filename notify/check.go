package notify

import (
	"fmt"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// checkGrace is how long an entry may wait for its plan. The planner runs twice a minute.
const checkGrace = programs.Instant(10 * 60 * 1000)

// Check looks for rows that break the invariants I-11, I-12 and I-14 of this room, as of the newest instant in the journal.
func Check(v *store.View) ([]store.Fault, error) {
	var faults []store.Fault
	for _, check := range []func(*store.View) ([]store.Fault, error){checkPlanned, checkGone, checkSequences, checkNotices} {
		f, err := check(v)
		if err != nil {
			return nil, err
		}
		faults = append(faults, f...)
	}
	return faults, nil
}

// checkPlanned finds entries that nobody has planned although they could be (I-11).
func checkPlanned(v *store.View) ([]store.Fault, error) {
	newest, err := v.Newest()
	if err != nil {
		return nil, err
	}
	return faulty(v, "I-11", `select 'entry ' || j.id || ' is not planned' from journal_open o join journal j on j.id = o.entry
		left join changes c on c.id = j.change_id
		where j.at < $1 and coalesce(c.hold_until, 0) < $1 order by j.id limit 100`, newest-checkGrace)
}

// checkGone finds mail that went to people who had left or were suspended when it was sent (I-11).
func checkGone(v *store.View) ([]store.Fault, error) {
	return faulty(v, "I-11", `select 'message ' || o.id || ' went to somebody who was gone' from outbox o
		join journal j on j.kind = 'person' and j.subject = o.person_id and j.after in ('left', 'suspended') and j.at < o.sent_at
		where o.state = 'sent' and not exists (select 1 from journal n where n.kind = 'person' and n.subject = o.person_id
			and n.after <> '' and n.id > j.id and n.at <= o.sent_at)
		order by o.id limit 100`)
}

// checkSequences replays the calendar parts of each mailbox and session: SEQUENCE never falls, rises when the facts change and with
// every CANCEL, and what the mailbox was last told is the last of them (I-12).
func checkSequences(v *store.View) ([]store.Fault, error) {
	rows, err := v.Query(`select o.id, o.lane, o.method, o.sequence, o.content, coalesce(i.last_sequence, -1)
		from outbox o left join invites i on i.person_id = o.person_id and i.session_id = o.session_id
		where o.method <> '' and o.sequence is not null order by o.lane, o.sequence, o.turn`)
	if err != nil {
		return nil, err
	}
	type sent struct {
		id, lane, method, content string
		sequence, last            int
	}
	var before sent
	var faults []store.Fault
	all, err := store.Collect(rows, err, func(scan func(...any) error) (s sent, err error) {
		return s, scan(&s.id, &s.lane, &s.method, &s.sequence, &s.content, &s.last)
	})
	for _, s := range all {
		if s.sequence > s.last {
			faults = append(faults, store.Fault{Invariant: "I-12", Rows: fmt.Sprintf("message %s has a sequence above its mailbox's", s.id)})
		}
		if s.lane == before.lane && s.sequence == before.sequence && (s.content != before.content || s.method == cancel || before.method == cancel) {
			faults = append(faults, store.Fault{Invariant: "I-12", Rows: fmt.Sprintf("messages %s and %s say different things with one sequence", before.id, s.id)})
		}
		before = s
	}
	return faults, err
}

// checkNotices finds people who were sent two notices of one change (I-14). Bare calendar updates beside a
// notice are none, nor is the news of a free seat, which each list hears for itself (W5).
func checkNotices(v *store.View) ([]store.Fault, error) {
	return faulty(v, "I-14", `select 'change ' || j.change_id || ' was told twice to ' || o.person_id from outbox o join journal j on j.id = o.cause_id
		where o.state = 'sent' and j.change_id is not null and o.part <> 'calendar' and o.key not like 'offered:%'
		group by j.change_id, o.person_id having count(*) > 1 order by 1 limit 100`)
}

func faulty(v *store.View, invariant, query string, args ...any) ([]store.Fault, error) {
	rows, err := v.Query(query, args...)
	return store.Collect(rows, err, func(scan func(...any) error) (store.Fault, error) {
		f := store.Fault{Invariant: invariant}
		return f, scan(&f.Rows)
	})
}
