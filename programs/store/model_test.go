package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
	"pgregory.net/rapid"
)

// seats is the model of one session long before its start: who holds a seat and who waits, in order. Nothing more is needed to say
// what a sign-up, a cancellation, more room or the end of the session must lead to.
type seats struct {
	capacity  int // -1: unlimited
	confirmed []int
	waiting   []int
	cancelled bool
}

func (m *seats) join(i int) bool {
	if m.cancelled {
		return false
	}
	if slices.Contains(m.confirmed, i) || slices.Contains(m.waiting, i) {
		return true
	}
	if len(m.waiting) == 0 && (m.capacity < 0 || len(m.confirmed) < m.capacity) {
		m.confirmed = append(m.confirmed, i)
	} else {
		m.waiting = append(m.waiting, i)
	}
	return true
}

func (m *seats) leave(i int) {
	m.confirmed = slices.DeleteFunc(m.confirmed, func(k int) bool { return k == i })
	m.waiting = slices.DeleteFunc(m.waiting, func(k int) bool { return k == i })
	m.promote()
}

func (m *seats) promote() {
	for len(m.waiting) > 0 && (m.capacity < 0 || len(m.confirmed) < m.capacity) {
		m.confirmed, m.waiting = append(m.confirmed, m.waiting[0]), m.waiting[1:]
	}
}

// TestModel_SeatsAndListFollowTheModel drives a session with random acts and compares it with
// the model after each.
func TestModel_SeatsAndListFollowTheModel(t *testing.T) {
	t.Parallel()
	const people = 6
	w := newWorld(t, storetest.SQLite(t), people)
	rapid.Check(t, func(r *rapid.T) {
		w.clock.Add(time.Minute)
		m := &seats{capacity: rapid.IntRange(0, 3).Draw(r, "capacity")}
		s := w.schedule("2027-06-16T12:30", "", capacity(m.capacity))[0]
		var last [people]programs.Signup
		for step := range rapid.IntRange(1, 25).Draw(r, "steps") {
			w.clock.Add(time.Second)
			i := rapid.IntRange(0, people-1).Draw(r, fmt.Sprintf("who%d", step))
			switch act := rapid.IntRange(0, 9).Draw(r, fmt.Sprintf("act%d", step)); {
			case act < 5:
				u, err := store.Write(w.ctx, w.s, func(tx *store.Tx) (programs.Signup, error) {
					u, _, _, err := tx.SignUp(as(w.people[i]), store.Joiner{Session: s.ID})
					return u, err
				})
				if m.join(i) != (err == nil) {
					r.Fatalf("%d joins: %v", i, err)
				}
				if err == nil {
					last[i] = u
				}
			case act < 8:
				if last[i].ID == "" {
					continue
				}
				w.leave(last[i])
				if !m.cancelled {
					m.leave(i)
				}
			case act == 8:
				n := rapid.IntRange(0, 5).Draw(r, fmt.Sprintf("room%d", step))
				_, err := store.Write(w.ctx, w.s, func(tx *store.Tx) (programs.Session, error) {
					return tx.EditSession(w.coordinator, s.ID, 0, func(d *programs.Details) { d.Capacity = capacity(n) })
				})
				if refuse := m.cancelled && n != m.capacity || !m.cancelled && n < len(m.confirmed); refuse != (err != nil) {
					r.Fatalf("capacity %d of %+v: %v", n, m, err)
				}
				if err == nil && !m.cancelled {
					m.capacity = n
					m.promote()
				}
			default:
				do(w, func(tx *store.Tx) (programs.Session, error) { return tx.CallOff(w.coordinator, s.ID, "Weather") })
				m.cancelled, m.confirmed, m.waiting = true, nil, nil
			}
			agree(r, w, s.ID, m)
		}
	})
	w.sound()
}

func agree(r *rapid.T, w *world, id programs.SessionID, m *seats) {
	roster := look(w, func(v *store.View) ([]programs.Signup, error) { return v.Roster(w.coordinator, id) })
	waiting := make([]int, len(m.waiting))
	var confirmed []int
	for _, u := range roster {
		i := slices.IndexFunc(w.people, func(p programs.Person) bool { return p.ID == u.Person })
		switch u.State {
		case programs.Confirmed:
			confirmed = append(confirmed, i)
		case programs.Waitlisted:
			if u.Position < 1 || u.Position > len(waiting) {
				r.Fatalf("position %d with %d waiting in the model", u.Position, len(waiting))
			}
			waiting[u.Position-1] = i
		}
	}
	want := slices.Clone(m.confirmed)
	slices.Sort(want)
	slices.Sort(confirmed)
	if !slices.Equal(confirmed, want) || !slices.Equal(waiting, m.waiting) {
		r.Fatalf("confirmed %v and waiting %v, the model has %v and %v", confirmed, waiting, want, m.waiting)
	}
	s := w.session(id)
	if s.Confirmed() != len(m.confirmed) || s.Waiting != len(m.waiting) {
		r.Fatalf("counters %d and %d, the model has %d and %d", s.Confirmed(), s.Waiting, len(m.confirmed), len(m.waiting))
	}
}
