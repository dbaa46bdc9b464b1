package notify

import (
	"slices"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// reinstated plans what a session that takes place after all owes (W12). news is false when it was called off and put back on within
// one hold: then nobody has heard of either. lost are the seats that ended on the way; who has none of them back is told in any case.
func (p *planner) reinstated(id programs.SessionID, news bool, returned map[programs.SignupID]bool, lost, leads []seat, sc scene, n *notices) error {
	all, told := sc.roster[id], sc.told[id]
	unheard, err := p.unheard(id)
	if err != nil {
		return err
	}
	here := map[string]bool{}
	for _, s := range all {
		here[s.Participant] = true
	}
	for _, s := range slices.Concat(lost, unheard) {
		if !here[s.Participant] && s.State == programs.CancelledSeat {
			n.put(owed{Event: Left, Person: s.Person, Address: s.Address, Signup: s.ID, NotAfter: s.Ends})
		}
	}
	if !news {
		return nil
	}
	for _, s := range all {
		if !returned[s.ID] {
			continue // joined since, and was told then
		}
		o := owed{Event: Reinstated, Person: s.Person, Address: s.Address, NotAfter: s.Ends}
		if up, ok := n.mails[s.Person]; ok && (up.Event == Promoted || up.Event == Offered) {
			o.Signup = up.Signup // what became of the seat is said in the same mail
		}
		if _, heard := told[s.Person]; !heard { // neither of the seat nor of the cancellation: this is the first they hear
			o.Event, o.Signup = Waitlisted, s.ID
			if s.State == programs.Confirmed {
				o.Event = Confirmed
			}
		}
		n.put(o)
	}
	for _, s := range leads {
		n.put(owed{Event: Reinstated, Person: s.Person, Address: s.Address, NotAfter: s.Ends})
	}
	return nil
}

// unheard are the seats whose people still wait to be told that the session is off, which it is not any more.
func (p *planner) unheard(id programs.SessionID) ([]seat, error) {
	rows, err := p.tx.Query(`select `+seatColumns+` from signups u join sessions s on s.id = u.session_id join people p on p.id = u.person_id
		where u.session_id = $1 and u.state = 'cancelled' and u.end_reason = 'session' and exists (select 1 from outbox o
			where o.session_id = u.session_id and o.person_id = u.person_id and o.event = 'cancelled' and o.state in ('queued', 'unknown', 'sending'))
		order by u.created_at, u.id`, string(id))
	return store.Collect(rows, err, scanSeat)
}
