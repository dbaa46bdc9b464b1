package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/api/identity"
	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// monday is when every test of this room begins: Monday 2 November 2026, 09:00 UTC.
var monday = programs.At(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))

// world is a server over a store of its own, with one of everybody.
type world struct {
	t       *testing.T
	store   *store.Store
	clock   *storetest.Clock
	handler http.Handler
	log     *bytes.Buffer
	tokens  map[string]string // by role or name
	ids     map[string]string
}

// testStore opens a store whose ids count up.
func testStore(t *testing.T, database string, clock *storetest.Clock) *store.Store {
	t.Helper()
	var n atomic.Int64
	s, err := store.Open(t.Context(), store.Options{
		Database: database,
		Schemas: []store.Schema{
			{Room: "store", Files: store.Files()},
			{Room: "notify", Files: notify.Schema()},
			{Room: "door", Files: door.Schema()},
			{Room: "identity", Files: identity.Schema()},
		},
		Now: clock.Now, Real: clock.Now,
		NewID: func() string { return fmt.Sprintf("0192f000-0000-7000-8000-%012d", n.Add(1)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.LoadFeeds(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, storetest.SQLite(t))
}

func newWorldOn(t *testing.T, database string) *world {
	t.Helper()
	w := &world{t: t, clock: storetest.NewClock(monday), log: &bytes.Buffer{}, tokens: map[string]string{}, ids: map[string]string{}}
	w.store = testStore(t, database, w.clock)
	w.serve(nil)
	write(w, func(tx *store.Tx) (struct{}, error) {
		person := func(name string, roles ...programs.Role) error {
			p, err := tx.AddPerson(programs.System(), programs.Person{
				Email: name + "@example.org", Name: strings.ToUpper(name[:1]) + name[1:] + " Example", TimeZone: "Europe/Lisbon", Roles: roles,
			})
			if err != nil {
				return err
			}
			w.ids[name] = string(p.ID)
			w.tokens[name], _, err = identity.MakeKey(tx, programs.System(), identity.Key{Name: name, Person: p.ID})
			return err
		}
		for _, p := range []struct {
			name  string
			roles []programs.Role
		}{
			{"ann", nil},
			{"ben", nil},
			{"fay", []programs.Role{programs.Facilitator}},
			{"cora", []programs.Role{programs.Coordinator}},
			{"otto", []programs.Role{programs.Coordinator}},
			{"rita", []programs.Role{programs.Reporter}},
			{"ada", []programs.Role{programs.Admin}},
		} {
			if err := person(p.name, p.roles...); err != nil {
				return struct{}{}, err
			}
		}
		for _, r := range append(programs.Roles(), programs.Inbound) {
			token, _, err := identity.MakeKey(tx, programs.System(), identity.Key{Name: "key of " + string(r), Role: r})
			if err != nil {
				return struct{}{}, err
			}
			w.tokens["key:"+string(r)] = token
		}
		return struct{}{}, nil
	})
	return w
}

// serve makes the handler, with what a test changes about its surroundings.
func (w *world) serve(change func(*Deps)) {
	w.t.Helper()
	d := Deps{
		Store: w.store, PublicURL: "https://wellweek.example.org", TimeZone: "Europe/Lisbon", Identity: identity.New(w.store, w.clock.Now),
		Log: slog.New(slog.NewJSONHandler(&lockedWriter{w: w.log}, nil)), Now: w.clock.Now, Real: w.clock.Now,
	}
	if change != nil {
		change(&d)
	}
	w.handler = Handler(d)
}

type lockedWriter struct {
	busy atomic.Bool
	w    io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	for !l.busy.CompareAndSwap(false, true) {
	}
	defer l.busy.Store(false)
	return l.w.Write(b)
}

func write[T any](w *world, f func(*store.Tx) (T, error)) T {
	w.t.Helper()
	v, err := store.Write(context.WithoutCancel(w.t.Context()), w.store, f)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// reply is an answer as a test looks at it.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// ask sends one request as somebody: a name or "key:role" of the world, or "" for nobody. body is text as it is, or a value that is
// sent as JSON. headers are pairs.
func (w *world) ask(who, method, path string, body any, headers ...string) reply {
	w.t.Helper()
	var r io.Reader
	var length bool
	switch b := body.(type) {
	case nil:
	case string:
		r, length = strings.NewReader(b), true
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		r, length = bytes.NewReader(raw), true
	}
	if strings.HasPrefix(path, "/me") || !strings.HasPrefix(path, "/api") && !strings.HasPrefix(path, "/feeds") && !strings.HasPrefix(path, "//") {
		path = base + path
	}
	rq := httptest.NewRequest(method, strings.Replace(path, "//", "/", 1), r)
	if length {
		rq.Header.Set("Content-Type", "application/json")
	}
	if who != "" {
		token, ok := w.tokens[who]
		if !ok {
			w.t.Fatalf("nobody is called %q", who)
		}
		rq.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "" {
			rq.Header.Del(headers[i])
			continue
		}
		if name, more := strings.CutPrefix(headers[i], "+"); more { // a second line of it
			rq.Header.Add(name, headers[i+1])
			continue
		}
		rq.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, rq)
	if o := operationAt(method, rq.URL.Path); o != nil && o.Responses[strconv.Itoa(rec.Code)].Content == nil && rec.Body.Len() != 0 {
		w.t.Errorf("%s answers %d, which its document does not know: %s", o.OperationID, rec.Code, rec.Body)
	}
	return reply{t: w.t, status: rec.Code, header: rec.Header(), body: rec.Body.Bytes()}
}

// is checks the status.
func (r reply) is(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	return r
}

// get is a member of the body, by names and indexes joined with dots.
func (r reply) get(path string) any {
	r.t.Helper()
	var v any
	if err := json.Unmarshal(r.body, &v); err != nil {
		r.t.Fatalf("the body is no JSON: %s", r.body)
	}
	for name := range strings.SplitSeq(path, ".") {
		switch c := v.(type) {
		case map[string]any:
			m, ok := c[name]
			if !ok {
				r.t.Fatalf("no member %s in %s", path, r.body)
			}
			v = m
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(c) {
				r.t.Fatalf("no item %s in %s", path, r.body)
			}
			v = c[i]
		default:
			r.t.Fatalf("no %s in %s", path, r.body)
		}
	}
	return v
}

func (r reply) text(path string) string {
	r.t.Helper()
	s, ok := r.get(path).(string)
	if !ok {
		r.t.Fatalf("%s is no text in %s", path, r.body)
	}
	return s
}

// problem checks that the answer is the problem of a reason.
func (r reply) problem(status int, reason string) reply {
	r.t.Helper()
	r.is(status)
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		r.t.Fatalf("Content-Type %q", got)
	}
	if got := r.text("type"); got != "urn:wellweek:problem:"+reason {
		r.t.Fatalf("type %s, want %s: %s", got, reason, r.body)
	}
	return r
}

// yoga makes a program of cora's and returns its id.
func (w *world) program(slug, kind string) string {
	w.t.Helper()
	return w.ask("cora", "POST", "/programs", map[string]any{"slug": slug, "name": "The " + slug, "kind": kind}).is(201).text("id")
}

// weekly makes a series of some Tuesdays at 12:30 and returns its id and its sessions' ids.
func (w *world) weekly(program string, more map[string]any) (series string, sessions []string) {
	w.t.Helper()
	in := map[string]any{
		"program_id": program, "title": "Lunchtime yoga", "local_start": "2026-11-10T12:30", "time_zone": "Europe/Lisbon",
		"duration_minutes": 45, "rrule": "FREQ=WEEKLY;COUNT=3",
	}
	for k, v := range more {
		in[k] = v
	}
	series = w.ask("cora", "POST", "/series", in).is(201).text("id")
	list := w.ask("cora", "GET", "/sessions?series_id="+series, nil).is(200).get("items").([]any)
	for _, s := range list {
		sessions = append(sessions, s.(map[string]any)["id"].(string))
	}
	return series, sessions
}

// crowd adds people to the directory, each with a key, and returns their names.
func (w *world) crowd(n int) []string {
	w.t.Helper()
	return write(w, func(tx *store.Tx) ([]string, error) {
		var names []string
		for i := range n {
			name := fmt.Sprintf("person%d", i)
			p, err := tx.AddPerson(programs.System(), programs.Person{Email: name + "@example.org", Name: name})
			if err != nil {
				return nil, err
			}
			if w.tokens[name], _, err = identity.MakeKey(tx, programs.System(), identity.Key{Name: name, Person: p.ID}); err != nil {
				return nil, err
			}
			w.ids[name] = string(p.ID)
			names = append(names, name)
		}
		return names, nil
	})
}

// dropTable breaks the database under the server.
func dropTable(tx *store.Tx) (struct{}, error) {
	_, err := tx.Exec(`alter table programs rename column slug to lost`)
	return struct{}{}, err
}

func nilHandler(context.Context, *door.Request, *struct{}) (*done, error) { return &done{}, nil }

// mailed plans what is owed and returns the id of a message.
func (w *world) mailed() string {
	w.t.Helper()
	if _, err := notify.Plan(w.t.Context(), w.store, notify.Settings{
		PublicURL: "https://wellweek.example.org", From: "wellweek@example.org", ReplyDomain: "reply.example.org", TimeZone: "Europe/Lisbon",
	}); err != nil {
		w.t.Fatal(err)
	}
	return w.ask("ada", "GET", "/messages", nil).is(200).text("items.0.id")
}
