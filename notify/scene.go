package notify

import (
	"slices"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// scene is what planning needs to know of the sessions that a change touched, read in few statements whatever their number.
type scene struct {
	facts  map[programs.SessionID]facts
	roster map[programs.SessionID][]seat // active sign-ups, in the order of joining
	leads  map[programs.SessionID][]seat // who leads it, in order
	told   map[programs.SessionID]map[programs.PersonID]invite
}

func (p *planner) scene(ids []programs.SessionID) (scene, error) {
	sc := scene{
		facts: map[programs.SessionID]facts{}, roster: map[programs.SessionID][]seat{}, leads: map[programs.SessionID][]seat{},
		told: map[programs.SessionID]map[programs.PersonID]invite{},
	}
	for some := range slices.Chunk(ids, lanesAtOnce) {
		if err := sc.read(p.tx, ` in `+tuples(1, len(some)), texts(some)); err != nil {
			return sc, err
		}
	}
	return sc, nil
}

func (sc scene) read(tx *store.Tx, in string, args []any) error {
	rows, err := tx.Query(`select s.id, s.starts_at, s.ends_at, s.location, s.status from sessions s where s.id`+in, args...)
	_, err = store.Collect(rows, err, func(scan func(...any) error) (none struct{}, err error) {
		var id programs.SessionID
		var f facts
		err = scan(&id, &f.Starts, &f.Ends, &f.Location, &f.Status)
		sc.facts[id] = f
		return none, err
	})
	if err != nil {
		return err
	}
	rows, err = tx.Query(`select `+seatColumns+` from signups u join sessions s on s.id = u.session_id join people p on p.id = u.person_id
		where u.session_id`+in+` and u.state in ('requested', 'waitlisted', 'offered', 'confirmed') order by u.session_id, u.created_at, u.id`, args...)
	seats, err := store.Collect(rows, err, scanSeat)
	if err != nil {
		return err
	}
	for _, s := range seats {
		sc.roster[s.Session] = append(sc.roster[s.Session], s)
	}
	rows, err = tx.Query(`select a.session_id, a.person_id, p.email, s.starts_at, s.ends_at from assignments a join people p on p.id = a.person_id
		join sessions s on s.id = a.session_id where a.session_id`+in+` and a.status = 'accepted' order by a.session_id, a.position, a.person_id`, args...)
	leads, err := store.Collect(rows, err, func(scan func(...any) error) (s seat, err error) {
		return s, scan(&s.Session, &s.Person, &s.Address, &s.Starts, &s.Ends)
	})
	if err != nil {
		return err
	}
	for _, s := range leads {
		sc.leads[s.Session] = append(sc.leads[s.Session], s)
	}
	rows, err = tx.Query(`select `+inviteColumns+` from invites i where i.session_id`+in, args...)
	told, err := store.Collect(rows, err, scanInvite)
	if err != nil {
		return err
	}
	for _, i := range told {
		if sc.told[i.Session] == nil {
			sc.told[i.Session] = map[programs.PersonID]invite{}
		}
		sc.told[i.Session][i.Person] = i
	}
	return nil
}

// led are those who lead the session, apart from whoever made the change: nobody is told of their own act as others are (L2).
func (sc scene) led(id programs.SessionID, actor string) []seat {
	return slices.DeleteFunc(slices.Clone(sc.leads[id]), func(s seat) bool { return actor == "person:"+string(s.Person) })
}
