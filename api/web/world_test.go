package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/api/identity"
	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/demo"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// morning is Wednesday 18 November 2026, 08:40 UTC.
var morning = programs.At(time.Date(2026, 11, 18, 8, 40, 0, 0, time.UTC))

// world is the pages over a store of their own.
type world struct {
	t     *testing.T
	store *store.Store
	clock *storetest.Clock
	demo  demo.World
	log   strings.Builder
	made  map[[2]bool]http.Handler // by Demo and Relay
	Deps
}

// empty is a world in which nothing is planned.
func empty(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: storetest.NewClock(morning), made: map[[2]bool]http.Handler{}}
	s, err := store.Open(t.Context(), store.Options{Database: storetest.SQLite(t), Now: w.clock.Now, Schemas: []store.Schema{
		{Room: "store", Files: store.Files()}, {Room: "notify", Files: notify.Schema()}, {Room: "identity", Files: identity.Schema()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.store = s
	w.Deps = Deps{
		Store: s, PublicURL: "http://localhost:8080", TimeZone: "Europe/Lisbon", Demo: true, Identity: identity.New(s, w.clock.Now),
		Log: slog.New(slog.NewTextHandler(&w.log, nil)), Now: w.clock.Now,
	}
	return w
}

// full is the sample company, with its mail caught.
func full(t *testing.T) *world {
	t.Helper()
	w := empty(t)
	var err error
	if w.demo, err = demo.Build(t.Context(), w.store, morning); err != nil {
		t.Fatal(err)
	}
	w.clock.Add(5 * time.Minute)
	set := notify.Settings{PublicURL: w.PublicURL, From: "wellweek@example.org", ReplyDomain: "example.org", TimeZone: w.TimeZone}
	if _, err := notify.Plan(t.Context(), w.store, set); err != nil {
		t.Fatal(err)
	}
	m := &notify.Mailer{Store: w.store, Settings: set, Log: slog.New(slog.DiscardHandler)}
	if n, err := m.Send(t.Context()); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	return w
}

// visit is a request from this machine, with pairs of headers.
func visit(path string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr, r.Host = "127.0.0.1:40000", "localhost:8080"
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func (w *world) get(path string) (*http.Response, string) {
	w.t.Helper()
	return w.answer(visit(path))
}

func (w *world) answer(r *http.Request) (*http.Response, string) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	kind := [2]bool{w.Demo, w.Relay}
	if w.made[kind] == nil {
		w.made[kind] = Handler(w.Deps)
	}
	w.made[kind].ServeHTTP(rec, r)
	return rec.Result(), rec.Body.String()
}

// write runs one act.
func write[T any](w *world, f func(*store.Tx) (T, error)) T {
	w.t.Helper()
	v, err := store.Write(context.WithoutCancel(w.t.Context()), w.store, f)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// key is the token of a new key with a role.
func (w *world) key(role programs.Role) string {
	w.t.Helper()
	return write(w, func(tx *store.Tx) (string, error) {
		token, _, err := identity.MakeKey(tx, programs.System(), identity.Key{Name: "k", Role: role})
		return token, err
	})
}
