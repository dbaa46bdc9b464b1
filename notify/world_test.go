package notify

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

var start = instant("2026-11-19T09:00:00Z") // a Thursday

func instant(s string) programs.Instant {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return programs.At(t)
}

// world is a small company with one program, and its mail.
type world struct {
	testing.TB
	database string
	ids      atomic.Int64 // of every process of this world

	store   *store.Store
	clock   *storetest.Clock
	set     Settings
	mailer  *Mailer
	sink    *notifytest.Sink
	boss    programs.Actor // coordinates every program
	people  map[string]programs.Person
	program programs.Program
}

func newWorld(t testing.TB, database string) *world {
	t.Helper()
	w := &world{
		TB: t, database: database, clock: storetest.NewClock(start), people: map[string]programs.Person{},
		set: Settings{PublicURL: "https://well.example.org", From: "wellweek@example.org", ReplyDomain: "reply.example.org", TimeZone: "Europe/Berlin"},
	}
	w.store = w.open(database)
	w.boss = programs.Actor{Key: "boss", Roles: []programs.Role{programs.Coordinator}}
	p := programs.Defaults()
	p.Slug, p.Name, p.Kind, p.Participants = "bewell", "BeWell", programs.Wellness, programs.Either
	w.program = do(w, func(tx *store.Tx) (programs.Program, error) { return tx.AddProgram(programs.System(), p) })
	w.mailer = &Mailer{Store: w.store, Settings: w.set}
	return w
}

func (w *world) open(database string) *store.Store {
	w.Helper()
	s, err := store.Open(context.Background(), store.Options{
		Database: database, Now: w.clock.Now, Real: w.clock.Now, Schemas: []store.Schema{{Room: "store", Files: store.Files()}, {Room: "notify", Files: Schema()}},
		NewID: func() string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", w.ids.Add(1)) },
	})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.Error(err)
		}
	})
	return s
}

// relay gives the world a sink to send to.
func (w *world) relay(o notifytest.Options) *notifytest.Sink {
	w.Helper()
	w.sink = notifytest.New(w, o)
	w.mailer.Relay = &Relay{Host: w.sink.Host, Port: w.sink.Port, TLS: NoTLS}
	w.mailer.patience = patience{connect: 2 * time.Second, command: 2 * time.Second, data: 2 * time.Second, finish: 2 * time.Second, renew: time.Minute}
	w.Cleanup(func() { w.mailer.Close() })
	return w.sink
}

func do[T any](w *world, f func(*store.Tx) (T, error)) T {
	w.Helper()
	v, err := store.Write(context.Background(), w.store, f)
	if err != nil {
		w.Fatal(err)
	}
	return v
}

func look[T any](w *world, f func(*store.View) (T, error)) T {
	w.Helper()
	v, err := store.Read(context.Background(), w.store, f)
	if err != nil {
		w.Fatal(err)
	}
	return v
}

// person is somebody of the company by first name, made when first asked for.
func (w *world) person(name string) programs.Person {
	w.Helper()
	return w.personIn(name, "")
}

func (w *world) personIn(name, zone string) programs.Person {
	w.Helper()
	if p, ok := w.people[name]; ok {
		return p
	}
	p := do(w, func(tx *store.Tx) (programs.Person, error) {
		return tx.AddPerson(programs.System(), programs.Person{Email: name + "@example.com", Name: name + " Example", TimeZone: zone, Roles: []programs.Role{programs.Employee}})
	})
	w.people[name] = p
	return p
}

func (w *world) actor(name string) programs.Actor {
	return programs.Actor{Person: w.person(name).ID, Roles: []programs.Role{programs.Employee}}
}

// session schedules one date in Berlin, a week ahead unless edited.
func (w *world) session(edit func(*programs.Series)) programs.Session {
	w.Helper()
	wall, err := programs.ParseWall("2026-11-26T12:30")
	if err != nil {
		w.Fatal(err)
	}
	s := programs.Series{ProgramID: w.program.ID, Details: programs.Details{
		Title: "Lunchtime yoga", Description: "Bring a mat.", LocalStart: wall, TimeZone: "Europe/Berlin", DurationMinutes: 45, Location: "Room 4",
	}}
	if edit != nil {
		edit(&s)
	}
	return do(w, func(tx *store.Tx) (programs.Session, error) {
		made, _, err := tx.Schedule(w.boss, s)
		if err != nil {
			return programs.Session{}, err
		}
		list, _, err := tx.Sessions(programs.System(), store.SessionFilter{Series: made.ID})
		return list[0], err
	})
}

func (w *world) join(name string, s programs.Session) programs.Signup {
	w.Helper()
	return w.joinAs(w.actor(name), name, s, "")
}

func (w *world) joinAs(a programs.Actor, name string, s programs.Session, child programs.DependentID) programs.Signup {
	w.Helper()
	person := w.person(name).ID
	return do(w, func(tx *store.Tx) (programs.Signup, error) {
		u, _, _, err := tx.SignUp(a, store.Joiner{Session: s.ID, Person: person, Dependent: child})
		return u, err
	})
}

func (w *world) child(parent, name string) programs.DependentID {
	w.Helper()
	person := w.person(parent).ID
	return do(w, func(tx *store.Tx) (programs.DependentID, error) {
		d, err := tx.AddDependent(w.actor(parent), person, programs.Dependent{GivenName: name, BirthDate: programs.DateOf(2020, 5, 1)}, "parent")
		return d.ID, err
	})
}

func (w *world) leave(a programs.Actor, u programs.Signup) {
	w.Helper()
	do(w, func(tx *store.Tx) (programs.Signup, error) { return tx.Cancel(a, u.ID) })
}

func (w *world) edit(s programs.Session, edit func(*programs.Details)) programs.Session {
	w.Helper()
	return do(w, func(tx *store.Tx) (programs.Session, error) { return tx.EditSession(w.boss, s.ID, 0, edit) })
}

func (w *world) callOff(s programs.Session, reason string) {
	w.Helper()
	do(w, func(tx *store.Tx) (programs.Session, error) { return tx.CallOff(w.boss, s.ID, reason) })
}

func (w *world) putBackOn(s programs.Session) {
	w.Helper()
	do(w, func(tx *store.Tx) (programs.Session, error) { return tx.PutBackOn(w.boss, s.ID) })
}

// undo takes back the newest change.
func (w *world) undo() {
	w.Helper()
	do(w, func(tx *store.Tx) (programs.Change, error) {
		var id programs.ChangeID
		if err := tx.QueryRow(`select id from changes order by id desc limit 1`).Scan(&id); err != nil {
			return programs.Change{}, err
		}
		return tx.Undo(w.boss, id)
	})
}

// plan plans, twice: the second run must find nothing.
func (w *world) plan() int {
	w.Helper()
	n, err := Plan(context.Background(), w.store, w.set)
	if err != nil {
		w.Fatal(err)
	}
	again, err := Plan(context.Background(), w.store, w.set)
	if err != nil || again != 0 {
		w.Fatalf("planning again made %d messages, %v", again, err)
	}
	return n
}

func (w *world) remind() int {
	w.Helper()
	n, err := Remind(context.Background(), w.store, w.set)
	if err != nil {
		w.Fatal(err)
	}
	again, err := Remind(context.Background(), w.store, w.set)
	if err != nil || again != 0 {
		w.Fatalf("reminding again made %d messages, %v", again, err)
	}
	return n
}

func (w *world) send() int {
	w.Helper()
	n, err := w.mailer.Send(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// told is planning and sending after any hold is over.
func (w *world) told() {
	w.Helper()
	w.clock.Add(programs.Hold)
	w.plan()
	w.send()
}

// ledger is every message in the order of planning.
func (w *world) ledger() []Message {
	w.Helper()
	return look(w, func(v *store.View) ([]Message, error) {
		m, _, err := Messages(v, MessageFilter{Page: store.Page{Limit: 100000}})
		slices.Reverse(m)
		return m, err
	})
}

// states is the ledger in short: event person state.
func (w *world) states() []string {
	w.Helper()
	names := map[programs.PersonID]string{}
	for name, p := range w.people {
		names[p.ID] = name
	}
	var out []string
	for _, m := range w.ledger() {
		out = append(out, m.Event+" "+names[m.Person]+" "+m.State)
	}
	return out
}

func (w *world) raw(id string) []byte {
	w.Helper()
	return look(w, func(v *store.View) ([]byte, error) {
		_, raw, err := Caught(v, id)
		return raw, err
	})
}

// mail is the newest message of an event to somebody, taken apart.
func (w *world) mail(event, name string) notifytest.Parsed {
	w.Helper()
	all := w.ledger()
	for _, m := range slices.Backward(all) {
		if m.Event == event && m.Person == w.people[name].ID && m.State == Sent {
			return notifytest.Parse(w, w.raw(m.ID))
		}
	}
	w.Fatalf("no %s mail was sent to %s: %q", event, name, w.states())
	return notifytest.Parsed{}
}

func (w *world) sound() {
	w.Helper()
	for _, f := range look(w, func(v *store.View) ([]store.Fault, error) { return Check(v) }) {
		w.Errorf("%s: %s", f.Invariant, f.Rows)
	}
}

func capacity(n int) func(*programs.Series) {
	return func(s *programs.Series) { s.Capacity = &n }
}

func wall(t testing.TB, s string) programs.Wall {
	t.Helper()
	w, err := programs.ParseWall(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}
