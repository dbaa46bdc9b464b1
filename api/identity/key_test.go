package identity_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/api/identity"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// start is Wednesday 18 November 2026, 10:00 UTC.
var start = programs.At(time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC))

type world struct {
	t     *testing.T
	store *store.Store
	clock *storetest.Clock
	who   *identity.Identity
}

func open(t *testing.T, database string, log *slog.Logger) world {
	t.Helper()
	clock := storetest.NewClock(start)
	s, err := store.Open(t.Context(), store.Options{
		Database: database, Now: clock.Now, Log: log,
		Schemas: []store.Schema{{Room: "store", Files: store.Files()}, {Room: "identity", Files: identity.Schema()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return world{t, s, clock, identity.New(s, clock.Now)}
}

// write runs one act and fails the test when it is refused.
func write[T any](w world, f func(tx *store.Tx) (T, error)) T {
	w.t.Helper()
	v, err := store.Write(context.WithoutCancel(w.t.Context()), w.store, f)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w world) person(email string, roles ...programs.Role) programs.Person {
	w.t.Helper()
	return write(w, func(tx *store.Tx) (programs.Person, error) {
		return tx.AddPerson(programs.System(), programs.Person{Email: email, Name: "Somebody", Roles: roles})
	})
}

func (w world) key(k identity.Key) (string, identity.Key) {
	w.t.Helper()
	type both struct {
		token string
		key   identity.Key
	}
	b := write(w, func(tx *store.Tx) (both, error) {
		token, made, err := identity.MakeKey(tx, programs.System(), k)
		return both{token, made}, err
	})
	return b.token, b.key
}

func (w world) ask(values ...string) (programs.Actor, error) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header["Authorization"] = values
	return w.who.Actor(w.t.Context(), r)
}

// refused fails the test unless the error is the one that a 401 answers, in both of its forms.
func (w world) refused(err error) {
	w.t.Helper()
	if !errors.Is(err, door.Unauthenticated) || !errors.As(err, new(identity.Unauthenticated)) {
		w.t.Errorf("want Unauthenticated, got %v", err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := open(t, database, nil)
		ann := w.person("ann@example.org", programs.Coordinator)
		role, made := w.key(identity.Key{Name: "scripts", Role: programs.Reporter})
		person, hers := w.key(identity.Key{Name: "ann's laptop", Person: ann.ID, ExpiresAt: start.Add(time.Hour)})
		if len(role) != len("ww_")+43 || !strings.HasPrefix(role, "ww_") || role == person {
			t.Errorf("tokens %q and %q", role, person)
		}
		a, err := w.ask("Bearer " + role)
		if diff := cmp.Diff(programs.Actor{Key: made.ID, Roles: []programs.Role{programs.Reporter}}, a); err != nil || diff != "" {
			t.Errorf("role key: %v %s", err, diff)
		}
		a, err = w.ask("bearer  " + person)
		if diff := cmp.Diff(programs.Actor{Person: ann.ID, Key: hers.ID, Roles: []programs.Role{programs.Coordinator}}, a); err != nil || diff != "" {
			t.Errorf("person's key: %v %s", err, diff)
		}

		// Last use is told once a minute at most, and only after a flush.
		if n, err := w.who.FlushUses(t.Context()); n != 2 || err != nil {
			t.Errorf("flushed %d, %v", n, err)
		}
		w.clock.Add(59 * time.Second)
		if _, err := w.ask("Bearer " + role); err != nil {
			t.Error(err)
		}
		if n, err := w.who.FlushUses(t.Context()); n != 0 || err != nil {
			t.Errorf("flushed %d within the minute, %v", n, err)
		}
		w.clock.Add(time.Second)
		if _, err := w.ask("Bearer " + role); err != nil {
			t.Error(err)
		}
		for i, want := range []int{1, 0} {
			if n, err := w.who.FlushUses(t.Context()); n != want || err != nil {
				t.Errorf("flush %d wrote %d, want %d, %v", i, n, want, err)
			}
		}
		keys, err := store.Read(t.Context(), w.store, identity.Keys)
		if err != nil || len(keys) != 2 || keys[0].LastUsedAt != start.Add(time.Minute) || keys[1].LastUsedAt != start || keys[1].Person != ann.ID || keys[0].Role != programs.Reporter {
			t.Errorf("keys %+v, %v", keys, err)
		}

		// Revoked: dead on the next request. Twice is the same. An unknown id is told.
		for range 2 {
			write(w, func(tx *store.Tx) (bool, error) { return true, identity.RevokeKey(tx, programs.System(), made.ID) })
			_, err = w.ask("Bearer " + role)
			w.refused(err)
		}
		_, err = store.Write(t.Context(), w.store, func(tx *store.Tx) (bool, error) { return true, identity.RevokeKey(tx, programs.System(), "none") })
		if !errors.Is(err, programs.NotFound) {
			t.Errorf("unknown key: %v", err)
		}

		// A role that changes counts at once; so does its person's leave, and coming back.
		edit := func(change func(*programs.Person)) {
			write(w, func(tx *store.Tx) (programs.Person, error) {
				return tx.EditPerson(programs.System(), ann.ID, 0, change)
			})
		}
		edit(func(p *programs.Person) { p.Roles = []programs.Role{programs.Employee} })
		if a, err = w.ask("Bearer " + person); err != nil || a.Is(programs.Coordinator) {
			t.Errorf("after losing the role: %+v, %v", a, err)
		}
		edit(func(p *programs.Person) { p.Status = programs.Suspended })
		_, err = w.ask("Bearer " + person)
		w.refused(err)
		edit(func(p *programs.Person) { p.Status = programs.Active })
		if _, err = w.ask("Bearer " + person); err != nil {
			t.Errorf("back again: %v", err)
		}
		w.clock.Set(start.Add(time.Hour - time.Millisecond))
		if _, err = w.ask("Bearer " + person); err != nil {
			t.Errorf("before its end: %v", err)
		}
		w.clock.Set(start.Add(time.Hour))
		_, err = w.ask("Bearer " + person)
		w.refused(err)
	})
}

func TestGrantCountsAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t, storetest.SQLite(t), nil)
	ann := w.person("ann@example.org", programs.Coordinator)
	token, _ := w.key(identity.Key{Name: "k", Person: ann.ID})
	p := write(w, func(tx *store.Tx) (programs.Program, error) {
		p := programs.Defaults()
		p.Slug, p.Name, p.Kind = "yoga", "Yoga", programs.Wellness
		return tx.AddProgram(programs.System(), p)
	})
	coordinates := func(want bool) {
		t.Helper()
		if a, err := w.ask("Bearer " + token); err != nil || a.Coordinates(p.ID) != want {
			t.Errorf("coordinates %v, want %v, %v", a.Coordinates(p.ID), want, err)
		}
	}
	coordinates(false)
	write(w, func(tx *store.Tx) (bool, error) { return true, tx.Grant(programs.System(), p.ID, ann.ID) })
	coordinates(true)
	write(w, func(tx *store.Tx) (bool, error) { return true, tx.Ungrant(programs.System(), p.ID, ann.ID) })
	coordinates(false)
}

func TestMakeKeyRefuses(t *testing.T) {
	t.Parallel()
	w := open(t, storetest.SQLite(t), nil)
	ann := w.person("ann@example.org")
	gone := w.person("gone@example.org")
	write(w, func(tx *store.Tx) (programs.Person, error) {
		return tx.EditPerson(programs.System(), gone.ID, 0, func(p *programs.Person) { p.Status = programs.Suspended })
	})
	coordinator := programs.Actor{Person: ann.ID, Roles: []programs.Role{programs.Coordinator}}
	for _, c := range []struct {
		name  string
		actor programs.Actor
		key   identity.Key
		want  programs.Reason
	}{
		{"no admin", coordinator, identity.Key{Name: "k", Role: programs.Employee}, programs.Forbidden},
		{"no name", programs.System(), identity.Key{Role: programs.Admin}, programs.Invalid},
		{"line break in the name", programs.System(), identity.Key{Name: "a\r\nb", Role: programs.Admin}, programs.Invalid},
		{"neither", programs.System(), identity.Key{Name: "k"}, programs.Invalid},
		{"both", programs.System(), identity.Key{Name: "k", Role: programs.Admin, Person: ann.ID}, programs.Invalid},
		{"no such role", programs.System(), identity.Key{Name: "k", Role: "root"}, programs.Invalid},
		{"past end", programs.System(), identity.Key{Name: "k", Role: programs.Admin, ExpiresAt: start}, programs.Invalid},
		{"nobody", programs.System(), identity.Key{Name: "k", Person: "nobody"}, programs.NotFound},
		{"not active", programs.System(), identity.Key{Name: "k", Person: gone.ID}, programs.NotFound},
	} {
		_, err := store.Write(t.Context(), w.store, func(tx *store.Tx) (string, error) {
			token, _, err := identity.MakeKey(tx, c.actor, c.key)
			return token, err
		})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if keys, err := store.Read(t.Context(), w.store, identity.Keys); len(keys) != 0 || err != nil {
		t.Errorf("refused keys were stored: %+v, %v", keys, err)
	}
	if _, err := store.Write(t.Context(), w.store, func(tx *store.Tx) (bool, error) {
		return true, identity.RevokeKey(tx, coordinator, "any")
	}); !errors.Is(err, programs.Forbidden) {
		t.Errorf("a coordinator revokes: %v", err)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	w := open(t, storetest.SQLite(t), nil)
	token, _ := w.key(identity.Key{Name: "k", Role: programs.Employee})
	for _, values := range [][]string{
		nil,
		{""},
		{"Bearer"},
		{"Bearer "},
		{token},
		{"Basic " + token},
		{"Bearer " + token + "A"},
		{"Bearer " + token[:len(token)-1]},
		{"Bearer " + token[:len(token)-1] + "="},
		{"Bearer ww_" + strings.Repeat("A", 43)},
		{"Bearer xx_" + token[3:]},
		{"Bearer " + token + " "},
		{"Bearer " + token, "Bearer " + token},
	} {
		if _, err := w.ask(values...); !errors.As(err, new(identity.Unauthenticated)) {
			t.Errorf("%q: %v", values, err)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/?access_token="+token, nil)
	r.AddCookie(&http.Cookie{Name: "token", Value: token})
	if _, err := w.who.Actor(t.Context(), r); !errors.As(err, new(identity.Unauthenticated)) {
		t.Errorf("query or cookie let somebody in: %v", err)
	}
}

// Every other process sees a revoked key and a changed role within one poll.
func TestOtherProcess(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		here, there := open(t, database, nil), open(t, database, nil)
		ann := here.person("ann@example.org", programs.Admin)
		here.person("ben@example.org", programs.Admin) // the last admin stays one
		token, made := here.key(identity.Key{Name: "k", Person: ann.ID})
		if a, err := there.ask("Bearer " + token); err != nil || !a.Is(programs.Admin) {
			t.Fatalf("%+v, %v", a, err)
		}
		write(here, func(tx *store.Tx) (programs.Person, error) {
			return tx.EditPerson(programs.System(), ann.ID, 0, func(p *programs.Person) { p.Roles = []programs.Role{programs.Employee} })
		})
		if err := there.store.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a, err := there.ask("Bearer " + token); err != nil || a.Is(programs.Admin) {
			t.Errorf("after the role went: %+v, %v", a, err)
		}
		write(here, func(tx *store.Tx) (bool, error) { return true, identity.RevokeKey(tx, programs.System(), made.ID) })
		if err := there.store.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := there.ask("Bearer " + token)
		there.refused(err)
	})
}

// The token is nowhere but in the answer: not in any file of the database, not in the log.
func TestTokenIsNowhere(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	file := storetest.SQLite(t)
	w := open(t, file, slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	var tokens []string
	for _, name := range []string{"a", "b", "c"} {
		token, made := w.key(identity.Key{Name: name, Role: programs.Admin})
		tokens = append(tokens, token)
		if _, err := w.ask("Bearer " + token); err != nil {
			t.Fatal(err)
		}
		write(w, func(tx *store.Tx) (bool, error) { return true, identity.RevokeKey(tx, programs.System(), made.ID) })
		_, err := w.ask("Bearer " + token)
		w.refused(err)
		if strings.Contains(err.Error(), token[3:]) {
			t.Error("the refusal repeats the token")
		}
	}
	if _, err := w.who.FlushUses(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(file + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	seen := log.Bytes()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, b...)
	}
	if !bytes.Contains(seen, []byte("key.revoked")) {
		t.Error("the journal was not among the bytes looked at")
	}
	for _, token := range tokens {
		if bytes.Contains(seen, []byte(token[3:])) {
			t.Error("a token is in the database or in the log")
		}
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	w := open(t, storetest.SQLite(t), nil)
	_, made := w.key(identity.Key{Name: "k", Role: programs.Inbound})
	for range 2 { // the second is no news
		write(w, func(tx *store.Tx) (bool, error) { return true, identity.RevokeKey(tx, programs.System(), made.ID) })
	}
	list, err := store.Read(t.Context(), w.store, func(v *store.View) ([]programs.Entry, error) {
		list, _, err := v.Journal(programs.System(), store.JournalFilter{Subject: made.ID})
		return list, err
	})
	if err != nil {
		t.Fatal(err)
	}
	var verbs []string
	for _, e := range list {
		verbs = append(verbs, string(e.Verb)+" "+e.Actor+" "+e.After)
	}
	if len(verbs) != 2 || !strings.Contains(strings.Join(verbs, "\n"), "key.made system inbound") || !strings.Contains(strings.Join(verbs, "\n"), "key.revoked system ") {
		t.Errorf("journal: %q", verbs)
	}
}

// Many at once, while the key's person changes: whoever asks after a change sees it.
func TestActorConcurrently(t *testing.T) {
	t.Parallel()
	w := open(t, storetest.SQLite(t), nil)
	ann := w.person("ann@example.org", programs.Employee)
	token, _ := w.key(identity.Key{Name: "k", Person: ann.ID})
	stop := make(chan struct{})
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := w.ask("Bearer " + token); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 50 {
		want := []programs.Role{programs.Reporter, programs.Facilitator}[i%2]
		write(w, func(tx *store.Tx) (programs.Person, error) {
			return tx.EditPerson(programs.System(), ann.ID, 0, func(p *programs.Person) { p.Roles = []programs.Role{want} })
		})
		if a, err := w.ask("Bearer " + token); err != nil || !a.Is(want) {
			t.Errorf("edit %d: %+v, %v", i, a, err)
		}
	}
	close(stop)
	asking.Wait()
}

func BenchmarkActor(b *testing.B) {
	clock := storetest.NewClock(start)
	s, err := store.Open(b.Context(), store.Options{
		Database: storetest.SQLite(b), Now: clock.Now,
		Schemas: []store.Schema{{Room: "store", Files: store.Files()}, {Room: "identity", Files: identity.Schema()}},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	token, err := store.Write(b.Context(), s, func(tx *store.Tx) (string, error) {
		token, _, err := identity.MakeKey(tx, programs.System(), identity.Key{Name: "k", Role: programs.Admin})
		return token, err
	})
	if err != nil {
		b.Fatal(err)
	}
	who := identity.New(s, clock.Now)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := who.Actor(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
