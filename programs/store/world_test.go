package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
	"pgregory.net/rapid"
)

// world is a store with one coordinator, one admin, some employees and a yoga program; its clock stands until it is moved.
type world struct {
	t     tester
	ctx   context.Context
	s     *store.Store
	clock *storetest.Clock

	admin, coordinator programs.Actor
	yoga               programs.Program
	people             []programs.Person
}

// tester is a test, or one case of a property.
type tester interface {
	rapid.TB
	Cleanup(f func())
}

// noon is Monday 2027-03-01 12:00 UTC.
var noon = programs.At(time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC))

func newWorld(t tester, database string, employees int) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), clock: storetest.NewClock(noon), admin: programs.System()}
	w.open(database)
	chief := do(w, func(tx *store.Tx) (programs.Person, error) {
		return tx.AddPerson(w.admin, programs.Person{Email: "chief@example.org", Name: "Chief", Roles: []programs.Role{programs.Admin}})
	})
	c := do(w, func(tx *store.Tx) (programs.Person, error) {
		return tx.AddPerson(w.admin, programs.Person{Email: "carla@example.org", Name: "Carla", Roles: []programs.Role{programs.Employee, programs.Coordinator}})
	})
	w.admin = programs.Actor{Person: chief.ID, Roles: chief.Roles}
	w.coordinator = programs.Actor{Person: c.ID, Roles: c.Roles}
	p := programs.Defaults()
	p.Slug, p.Name, p.Kind = "yoga", "BeWell", programs.Wellness
	w.yoga = do(w, func(tx *store.Tx) (programs.Program, error) { return tx.AddProgram(w.coordinator, p) })
	w.coordinator = look(w, func(v *store.View) (programs.Actor, error) { return v.Actor(c.ID) })
	for i := range employees {
		w.people = append(w.people, do(w, func(tx *store.Tx) (programs.Person, error) {
			return tx.AddPerson(w.admin, programs.Person{Email: fmt.Sprintf("e%d@example.org", i), Name: fmt.Sprintf("Employee %d", i)})
		}))
	}
	return w
}

func (w *world) open(database string) {
	w.t.Helper()
	s, err := store.Open(w.ctx, store.Options{Database: database, Schemas: []store.Schema{{Room: "store", Files: store.Files()}}, Now: w.clock.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := s.LoadFeeds(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	w.s = s
	w.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
	})
}

// do writes and must succeed.
func do[T any](w *world, f func(*store.Tx) (T, error)) T {
	w.t.Helper()
	out, err := store.Write(w.ctx, w.s, f)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// refused writes and must be refused for the reason.
func refused[T any](w *world, want programs.Reason, f func(*store.Tx) (T, error)) *programs.Error {
	w.t.Helper()
	_, err := store.Write(w.ctx, w.s, f)
	if !errors.Is(err, want) {
		w.t.Fatalf("got %v, want a refusal: %s", err, want)
	}
	refusal, ok := errors.AsType[*programs.Error](err)
	if !ok || refusal.Error() == "" {
		w.t.Fatalf("%v has no sentence to show", err)
	}
	return refusal
}

// look reads and must succeed.
func look[T any](w *world, f func(*store.View) (T, error)) T {
	w.t.Helper()
	out, err := store.Read(w.ctx, w.s, f)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func wall(t tester, s string) programs.Wall {
	t.Helper()
	out, err := programs.ParseWall(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func capacity(n int) *int { return &n }

// schedule stores a series of the yoga program in Berlin and returns its sessions.
func (w *world) schedule(start, rule string, seats *int, change ...func(*programs.Series)) []programs.Session {
	w.t.Helper()
	s := programs.Series{ProgramID: w.yoga.ID, RRule: rule, Details: programs.Details{
		Title: "Lunchtime yoga", LocalStart: wall(w.t, start), TimeZone: "Europe/Berlin", DurationMinutes: 45, Capacity: seats,
	}}
	for _, c := range change {
		c(&s)
	}
	made := do(w, func(tx *store.Tx) (programs.Series, error) {
		made, _, err := tx.Schedule(w.coordinator, s)
		return made, err
	})
	return look(w, func(v *store.View) ([]programs.Session, error) {
		list, _, err := v.Sessions(w.coordinator, store.SessionFilter{Series: made.ID, Page: store.Page{Limit: 600}})
		return list, err
	})
}

func as(p programs.Person) programs.Actor { return programs.Actor{Person: p.ID, Roles: p.Roles} }

func (w *world) join(i int, s programs.Session) programs.Signup {
	w.t.Helper()
	return do(w, func(tx *store.Tx) (programs.Signup, error) {
		u, _, _, err := tx.SignUp(as(w.people[i]), store.Joiner{Session: s.ID})
		return u, err
	})
}

func (w *world) leave(u programs.Signup) programs.Signup {
	w.t.Helper()
	return do(w, func(tx *store.Tx) (programs.Signup, error) {
		return tx.Cancel(programs.Actor{Person: u.Person, Roles: []programs.Role{programs.Employee}}, u.ID)
	})
}

func (w *world) signup(id programs.SignupID) programs.Signup {
	w.t.Helper()
	return look(w, func(v *store.View) (programs.Signup, error) { return v.Signup(programs.System(), id) })
}

func (w *world) session(id programs.SessionID) programs.Session {
	w.t.Helper()
	return look(w, func(v *store.View) (programs.Session, error) { return v.Session(programs.System(), id) })
}

// sound fails the test when an invariant is broken.
func (w *world) sound() {
	w.t.Helper()
	faults, err := store.Check(w.ctx, w.s)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range faults {
		w.t.Errorf("%s: %s", f.Invariant, f.Rows)
	}
}

// status sets a person's status in the directory.
func (w *world) status(i int, s programs.PersonStatus) {
	w.t.Helper()
	do(w, func(tx *store.Tx) (programs.Person, error) {
		return tx.EditPerson(w.admin, w.people[i].ID, 0, func(p *programs.Person) { p.Status = s })
	})
}

// policy changes the yoga program.
func (w *world) policy(edit func(*programs.Program)) {
	w.t.Helper()
	do(w, func(tx *store.Tx) (programs.Program, error) {
		return tx.EditProgram(w.coordinator, string(w.yoga.ID), 0, edit)
	})
}

// details changes one session.
func (w *world) details(id programs.SessionID, edit func(*programs.Details)) programs.Session {
	w.t.Helper()
	return do(w, func(tx *store.Tx) (programs.Session, error) { return tx.EditSession(w.coordinator, id, 0, edit) })
}

func (w *world) callOff(id programs.SessionID) programs.Session {
	w.t.Helper()
	return do(w, func(tx *store.Tx) (programs.Session, error) { return tx.CallOff(w.coordinator, id, "Ill") })
}

func (w *world) putBackOn(id programs.SessionID) programs.Session {
	w.t.Helper()
	return do(w, func(tx *store.Tx) (programs.Session, error) { return tx.PutBackOn(w.coordinator, id) })
}

// tick runs the loops of the server once.
func (w *world) tick() {
	w.t.Helper()
	for _, loop := range []func(context.Context, *store.Store) (int, error){store.Lapse, store.CloseLists, store.Complete, store.Extend} {
		if _, err := loop(w.ctx, w.s); err != nil {
			w.t.Fatal(err)
		}
	}
}

// verbs are the journal's verbs about a subject, oldest first, with the state or fields after them.
func (w *world) verbs(subject string) []string {
	w.t.Helper()
	entries := look(w, func(v *store.View) ([]programs.Entry, error) {
		list, _, err := v.Journal(programs.System(), store.JournalFilter{Subject: subject, Page: store.Page{Limit: 1000}})
		return list, err
	})
	var out []string
	for i := len(entries) - 1; i >= 0; i-- {
		out = append(out, string(entries[i].Verb)+" "+entries[i].Before+">"+entries[i].After)
	}
	return out
}

func hashOf(token string) [32]byte { return sha256.Sum256([]byte(token)) }
