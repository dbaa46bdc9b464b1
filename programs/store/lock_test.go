package store_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// beside runs second while the transaction of first, whose statements are done, is still open: until second waits for one of its rows, or
// is done without. Only PostgreSQL has two writers.
func (w *world) beside(first, second func(*store.Tx) error) (a, b error) {
	w.t.Helper()
	write := func(f func(*store.Tx) error) error {
		_, err := store.Write(w.ctx, w.s, func(tx *store.Tx) (int, error) { return 0, f(tx) })
		return err
	}
	backend, release, firstDone, secondDone := make(chan int, 1), make(chan struct{}), make(chan error, 1), make(chan error, 1)
	var once sync.Once
	go func() {
		firstDone <- write(func(tx *store.Tx) error {
			var pid int
			err := errors.Join(first(tx), tx.QueryRow(`select pg_backend_pid()`).Scan(&pid))
			once.Do(func() { backend <- pid })
			<-release
			return err
		})
	}()
	pid := <-backend
	go func() { secondDone <- write(second) }()
	waiting := func() bool {
		return look(w, func(v *store.View) (n int, err error) {
			return n, v.QueryRow(`select count(*) from pg_stat_activity where $1 = any(pg_blocking_pids(pid))`, pid).Scan(&n)
		}) > 0
	}
	for !waiting() {
		select {
		case b = <-secondDone:
			close(release)
			return <-firstDone, b
		case <-time.After(5 * time.Millisecond):
		}
	}
	close(release)
	return <-firstDone, <-secondDone
}

func (w *world) signUp(i int, s programs.Session) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		_, _, _, err := tx.SignUp(as(w.people[i]), store.Joiner{Session: s.ID})
		return err
	}
}

func (w *world) edits(id programs.PersonID, edit func(*programs.Person)) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		_, err := tx.EditPerson(programs.System(), id, 0, edit)
		return err
	}
}

func leaves(p *programs.Person) { p.Status = programs.Left }

func TestLeaver_HoldsNoSeatTakenAtTheSameMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Postgres(t), 1)
	s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
	if joined, left := w.beside(w.signUp(0, s), w.edits(w.people[0].ID, leaves)); joined != nil || left != nil {
		t.Fatal(joined, left)
	}
	if got := w.session(s.ID); got.Taken != 0 {
		t.Errorf("%d seats are held by somebody who has left", got.Taken)
	}
	w.sound()
}

func TestLeaver_HoldsNoSeatGivenBackAtTheSameMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Postgres(t), 1)
	s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
	w.join(0, s)
	w.clock.Add(time.Hour)
	w.callOff(s.ID)
	w.clock.Add(time.Hour)
	back := func(tx *store.Tx) error {
		_, err := tx.PutBackOn(w.coordinator, s.ID)
		return err
	}
	if on, left := w.beside(back, w.edits(w.people[0].ID, leaves)); on != nil || left != nil {
		t.Fatal(on, left)
	}
	if got := w.session(s.ID); got.Taken != 0 {
		t.Errorf("%d seats are held by somebody who has left", got.Taken)
	}
	w.sound()
}

func TestSignup_TwoOverlappingAtTheSameMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Postgres(t), 1)
	w.blockOverlap()
	s, other := w.schedule("2027-03-16T12:30", "", nil)[0], w.schedule("2027-03-16T12:30", "", nil)[0]
	first, second := w.beside(w.signUp(0, s), w.signUp(0, other))
	if first != nil || !errors.Is(second, programs.Conflict) {
		t.Errorf("the first: %v; the second: %v", first, second)
	}
	w.sound()
}

func TestDirectory_TwoAdminsResignAtTheSameMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Postgres(t), 0)
	second := do(w, func(tx *store.Tx) (programs.Person, error) {
		return tx.AddPerson(programs.System(), programs.Person{Email: "second@example.org", Name: "Second", Roles: []programs.Role{programs.Admin}})
	})
	resigns := func(p *programs.Person) { p.Roles = []programs.Role{programs.Employee} }
	a, b := w.beside(w.edits(w.admin.Person, resigns), w.edits(second.ID, resigns))
	if a != nil || !errors.Is(b, programs.Conflict) {
		t.Errorf("the first: %v; the second: %v", a, b)
	}
}

func TestW2_WhoIsAnsweredFirstIsFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Postgres(t), 2)
	s := w.schedule("2027-03-16T12:30", "", capacity(0))[0]
	var first programs.Signup
	late := do(w, func(tx *store.Tx) (programs.Signup, error) { // its now is fixed, and it waits for the session's row
		if first.ID == "" {
			w.clock.Add(time.Second)
			first = w.join(1, s)
		}
		u, _, _, err := tx.SignUp(as(w.people[0]), store.Joiner{Session: s.ID})
		return u, err
	})
	if got := w.signup(first.ID).Position; first.Position != 1 || got != 1 || late.Position != 2 {
		t.Errorf("who was answered %d is %d, who came after is %d", first.Position, got, late.Position)
	}
}

// TestLocks_AreTakenInOneOrder changes the same people and sessions from all sides at once. Transactions wait for one another, and no two
// of them for each other: none has to run again.
func TestLocks_AreTakenInOneOrder(t *testing.T) {
	t.Parallel()
	const people, leavers = 12, 4
	w := newWorld(t, storetest.Postgres(t), people)
	sessions := w.schedule("2027-03-02T12:30", "FREQ=DAILY;COUNT=8", capacity(6))
	seats := map[programs.SessionID][]programs.Signup{}
	for _, s := range sessions {
		for i := range people {
			seats[s.ID] = append(seats[s.ID], w.join(i, s))
		}
	}
	before := w.s.Stats().Retries
	var acts []func(*store.Tx) error
	for i := range leavers {
		acts = append(acts, w.edits(w.people[i].ID, leaves))
		for _, s := range sessions {
			acts = append(acts, func(tx *store.Tx) error { // they have a place already, or have left
				if err := w.signUp(i, s)(tx); !errors.Is(err, programs.Conflict) {
					return err
				}
				return nil
			})
		}
	}
	for i := leavers; i < people; i++ {
		for _, s := range slices.Backward(sessions[4:]) {
			acts = append(acts, func(tx *store.Tx) error {
				_, err := tx.Cancel(as(w.people[i]), seats[s.ID][i].ID)
				return err
			})
		}
	}
	for _, s := range sessions {
		acts = append(acts, func(tx *store.Tx) error {
			_, err := tx.EditSession(w.coordinator, s.ID, 0, func(d *programs.Details) { d.Location = "Hall" })
			return err
		})
	}
	var all sync.WaitGroup
	for _, act := range acts {
		all.Go(func() {
			if _, err := store.Write(w.ctx, w.s, func(tx *store.Tx) (int, error) { return 0, act(tx) }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := w.s.Stats().Retries - before; n != 0 {
		t.Errorf("%d transactions had to run again", n)
	}
	w.sound()
}
