package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func (w *world) blockOverlap() {
	w.t.Helper()
	w.policy(func(p *programs.Program) { p.Overlap = programs.BlockOverlap })
}

func TestW1_NobodyWaitsBehindWhoCannotTakeTheSeat(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 4)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		seat, head := w.join(0, s), w.join(1, s)
		w.status(1, programs.Suspended)
		w.leave(seat)
		if got := w.join(2, s); got.State != programs.Confirmed {
			t.Errorf("beside a free seat that the suspended head cannot take, a newcomer is %s", got.State)
		}
		if got := w.join(3, s); got.State != programs.Waitlisted || got.Position != 2 {
			t.Errorf("the next is %s at %d", got.State, got.Position)
		}
		if got := w.signup(head.ID); got.State != programs.Waitlisted || got.Position != 1 {
			t.Errorf("the head is %s at %d: it keeps its place in line", got.State, got.Position)
		}
		w.sound()
	})
}

func TestW3_WhoWasPassedOverGetsTheSeatOnceTheyCan(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		bar, lift func(w *world, other programs.Session)
	}{
		"active again": {
			func(w *world, _ programs.Session) { w.status(1, programs.Suspended) },
			func(w *world, _ programs.Session) { w.status(1, programs.Active) },
		},
		"the other seat given up": {
			func(w *world, _ programs.Session) { w.blockOverlap() },
			func(w *world, other programs.Session) {
				roster := look(w, func(v *store.View) ([]programs.Signup, error) { return v.Roster(w.coordinator, other.ID) })
				w.leave(roster[0])
			},
		},
		"the other session called off": {
			func(w *world, _ programs.Session) { w.blockOverlap() },
			func(w *world, other programs.Session) { w.callOff(other.ID) },
		},
		"overlaps allowed": {
			func(w *world, _ programs.Session) { w.blockOverlap() },
			func(w *world, _ programs.Session) {
				w.policy(func(p *programs.Program) { p.Overlap = programs.WarnOverlap })
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, database string) {
				w := newWorld(t, database, 2)
				s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
				other := w.schedule("2027-03-16T12:30", "", nil)[0]
				seat, waiting := w.join(0, s), w.join(1, s)
				w.join(1, other)
				row.bar(w, other)
				w.leave(seat)
				if got := w.signup(waiting.ID).State; got != programs.Waitlisted {
					t.Fatalf("who cannot take the seat is %s", got)
				}
				row.lift(w, other)
				if got := w.signup(waiting.ID).State; got != programs.Confirmed {
					t.Errorf("beside a free seat they may take now, they are %s", got)
				}
				w.sound()
			})
		})
	}
}

func TestW4_TheScanGoesOnBeyondABatch(t *testing.T) {
	t.Parallel()
	const suspended, seats, waiting = 55, 10, 70 // a batch is 50
	w := newWorld(t, storetest.SQLite(t), waiting)
	s := w.schedule("2027-03-16T12:30", "", capacity(0))[0]
	var list []programs.Signup
	for i := range waiting {
		list = append(list, w.join(i, s))
	}
	for i := range suspended {
		w.status(i, programs.Suspended)
	}
	w.details(s.ID, func(d *programs.Details) { d.Capacity = capacity(seats) })
	for i, u := range list {
		want := programs.Waitlisted
		if i >= suspended && i < suspended+seats {
			want = programs.Confirmed
		}
		if got := w.signup(u.ID).State; got != want {
			t.Errorf("number %d in line is %s, want %s", i+1, got, want)
		}
	}
	w.sound()
}

func TestW5_AcceptingAsksWhatAPromotionAsks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		other := w.schedule("2027-03-16T12:30", "", nil)[0]
		seat, waiting := w.join(0, s), w.join(1, s)
		w.join(1, other)
		w.blockOverlap()
		w.clock.Set(s.StartsAt.Add(-20 * time.Minute)) // the first click wins
		w.leave(seat)
		refused(w, programs.Conflict, func(tx *store.Tx) (programs.Signup, error) { return tx.Accept(as(w.people[1]), waiting.ID) })
		w.policy(func(p *programs.Program) { p.Overlap = programs.WarnOverlap })
		do(w, func(tx *store.Tx) (programs.Signup, error) { return tx.Accept(as(w.people[1]), waiting.ID) })
		w.sound()
	})
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		seat, waiting := w.join(0, s), w.join(1, s)
		w.clock.Set(s.StartsAt.Add(-5 * time.Hour)) // an offer
		w.leave(seat)
		w.status(1, programs.Suspended)
		refused(w, programs.Conflict, func(tx *store.Tx) (programs.Signup, error) { return tx.Accept(w.coordinator, waiting.ID) })
		w.status(1, programs.Active)
		do(w, func(tx *store.Tx) (programs.Signup, error) { return tx.Accept(w.coordinator, waiting.ID) })
		w.sound()
	})
}

func TestSignup_OverlapNamesTheOtherSessionToItsParticipantAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		secret := w.schedule("2027-03-16T12:30", "", nil, func(s *programs.Series) { s.Title = "Addiction support" })[0]
		w.join(0, secret)
		p := programs.Defaults()
		p.Slug, p.Name, p.Kind = "first-aid", "First aid", programs.Training
		p = do(w, func(tx *store.Tx) (programs.Program, error) { return tx.AddProgram(w.admin, p) })
		made := do(w, func(tx *store.Tx) (programs.Series, error) {
			made, _, err := tx.Schedule(w.admin, programs.Series{ProgramID: p.ID, Details: programs.Details{
				Title: "First aid", LocalStart: wall(t, "2027-03-16T12:30"), TimeZone: "Europe/Berlin", DurationMinutes: 45,
			}})
			return made, err
		})
		session := look(w, func(v *store.View) ([]programs.Session, error) {
			list, _, err := v.Sessions(w.admin, store.SessionFilter{Series: made.ID})
			return list, err
		})[0]
		stranger := programs.Actor{Person: w.people[1].ID, Roles: []programs.Role{programs.Coordinator}, Programs: []programs.ProgramID{p.ID}}
		undo := errors.New("undo")
		said := func(a programs.Actor) (text string) {
			_, err := store.Write(w.ctx, w.s, func(tx *store.Tx) (int, error) {
				_, _, warnings, err := tx.SignUp(a, store.Joiner{Session: session.ID, Person: w.people[0].ID})
				text = strings.Join(warnings, " ")
				return 0, errors.Join(err, undo)
			})
			if !errors.Is(err, undo) {
				t.Fatal(err)
			}
			return text
		}
		if got := said(stranger); got == "" || strings.Contains(got, "Addiction") {
			t.Errorf("a coordinator of another program is told %q", got)
		}
		if got := said(as(w.people[0])); !strings.Contains(got, "Addiction") {
			t.Errorf("the participant is told %q", got)
		}
		do(w, func(tx *store.Tx) (programs.Program, error) {
			return tx.EditProgram(w.admin, string(p.ID), 0, func(p *programs.Program) { p.Overlap = programs.BlockOverlap })
		})
		blocked := refused(w, programs.Conflict, func(tx *store.Tx) (programs.Signup, error) {
			u, _, _, err := tx.SignUp(stranger, store.Joiner{Session: session.ID, Person: w.people[0].ID})
			return u, err
		})
		if strings.Contains(blocked.Error(), "Addiction") {
			t.Errorf("the refusal says %q", blocked.Error())
		}
	})
}

func TestRoster_IsNotForOtherParticipants(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		s := w.schedule("2027-03-16T12:30", "", nil, func(s *programs.Series) { s.Facilitators = []programs.PersonID{w.people[1].ID} })[0]
		w.join(0, s)
		for name, row := range map[string]struct {
			actor programs.Actor
			sees  bool
		}{
			"participant":                   {as(w.people[0]), false},
			"leads, but is no facilitator":  {as(w.people[1]), false},
			"leads":                         {programs.Actor{Person: w.people[1].ID, Roles: []programs.Role{programs.Facilitator}}, true},
			"facilitator of something else": {programs.Actor{Person: w.people[0].ID, Roles: []programs.Role{programs.Facilitator}}, false},
			"coordinator":                   {w.coordinator, true},
		} {
			_, err := store.Read(w.ctx, w.s, func(v *store.View) ([]programs.Signup, error) { return v.Roster(row.actor, s.ID) })
			if row.sees != (err == nil) || err != nil && !errors.Is(err, programs.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
