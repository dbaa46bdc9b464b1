package notify

import (
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// leftOut is the line of a date that an enrollment could not join (N1). It is no event of its own.
const leftOut = "left_out"

// enrolled plans the one mail about an enrollment: all its dates when it is made, the dates that were joined again when it skips them no
// longer. A date that is skipped is told by the sign-up that ends, and only where a calendar has it.
func (p *planner) enrolled(e programs.Entry) (joined []programs.SessionID, err error) {
	query, args := "", []any{e.Subject, int64(e.At)}
	switch e.Verb {
	case programs.EnrollmentMade:
		query = `select s.id, coalesce(u.id, ''), s.ends_at, n.person_id, p.email
			from enrollments n join people p on p.id = n.person_id join sessions s on s.series_id = n.series_id
			left join signups u on u.session_id = s.id and u.participant = n.participant and u.state in ('requested', 'waitlisted', 'offered', 'confirmed')
			where n.id = $1 and s.status = 'scheduled' and s.starts_at > $2
			and not exists (select 1 from enrollment_skips k where k.enrollment_id = n.id and k.session_id = s.id) order by s.starts_at, s.id`
	case programs.EnrollmentSkipped:
		// What was joined again stands in the journal before the entry about the skips, and after the last one about this enrollment.
		query = `select s.id, u.id, s.ends_at, n.person_id, p.email
			from enrollments n join people p on p.id = n.person_id join journal j on j.kind = 'signup' and j.verb = 'signup.made' and j.at = $2 and j.id < $3
				and j.id > coalesce((select max(b.id) from journal b where b.kind = 'enrollment' and b.subject = n.id and b.id < $3), '')
			join signups u on u.id = j.subject and u.participant = n.participant and u.source = 'enrollment' and u.state in ('requested', 'waitlisted', 'offered', 'confirmed')
			join sessions s on s.id = u.session_id and s.series_id = n.series_id and s.status = 'scheduled'
			where n.id = $1 order by s.starts_at, s.id`
		args = append(args, string(e.ID))
	default:
		return nil, nil
	}
	o := owed{
		Key: Enrolled + ":" + e.Subject + ":" + string(e.ID), Event: Enrolled, Turn: string(e.ID), Cause: e.ID,
	}
	rows, err := p.tx.Query(query, args...)
	o.Dates, err = store.Collect(rows, err, func(scan func(...any) error) (d dated, err error) {
		var ends programs.Instant
		err = scan(&d.Session, &d.Signup, &ends, &o.Person, &o.Address)
		if d.Event = Enrolled; d.Signup == "" {
			d.Event = leftOut
			return d, err
		}
		joined = append(joined, d.Session)
		if o.Signup == "" {
			o.Session, o.Signup = d.Session, d.Signup
		}
		o.NotAfter = max(o.NotAfter, ends)
		return d, err
	})
	if err != nil || len(joined) == 0 {
		return nil, err
	}
	o.Lane = listLane(o.Person)
	return joined, p.oweAll([]owed{o})
}
