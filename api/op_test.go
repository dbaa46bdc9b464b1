package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
)

// TestAnonymous calls every operation of the document without credentials that hold: always 401, before query, media type and
// body are judged.
func TestAnonymous(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tokens["stranger"] = "ww_" + strings.Repeat("A", 43)
	w.tokens["empty"] = ""
	for _, o := range operations(t) {
		path := strings.NewReplacer("{id}", "x", "{person_id}", "y").Replace(o.path)
		for _, who := range []string{"", "stranger", "empty"} {
			w.clock.Add(1e9) // strangers are counted too
			for _, r := range []reply{
				w.ask(who, o.method, path, nil),
				w.ask(who, o.method, path+"?canary=1", strings.Repeat("x", 2<<20), "Content-Type", "text/canary"),
			} {
				if r.problem(401, "unauthenticated").header.Get("WWW-Authenticate") != "Bearer" {
					t.Errorf("%s: WWW-Authenticate is missing", o.OperationID)
				}
				if strings.Contains(string(r.body), "canary") {
					t.Errorf("%s: says more than it should: %s", o.OperationID, r.body)
				}
			}
		}
	}
}

// TestEveryOperationHasAnAct refuses to start with an operation that nobody was asked about.
func TestEveryOperationHasAnAct(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("an operation without an act was taken")
		}
	}()
	s := newServer(Deps{}, chi.NewRouter())
	op(s, operation{Method: "GET", Path: "/open", ID: "open", Tag: "Me", Summary: "Open to all"}, nilHandler)
}

// TestUnknownActIsForbidden shows that an act outside the permission table is allowed to nobody, admins included.
func TestUnknownActIsForbidden(t *testing.T) {
	t.Parallel()
	if programs.May(programs.Actor{Person: "x", Roles: programs.Roles()}, "unheard.of") {
		t.Error("an act that is in no table was allowed")
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	count := func(who string, n int) (over int) {
		for range n {
			r := w.ask(who, "GET", "/programs", nil)
			if r.status == http.StatusTooManyRequests {
				if r.problem(429, "too_many_requests").header.Get("Retry-After") != "1" {
					t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
				}
				over++
			}
		}
		return over
	}
	if over := count("ann", door.Burst+10); over != 10 {
		t.Errorf("a person: %d of %d refused, want 10", over, door.Burst+10)
	}
	if over := count("ben", 10); over != 0 {
		t.Errorf("another person: %d refused", over)
	}
	if over := count("key:coordinator", 2*door.Burst); over != 0 {
		t.Errorf("a key made with a role is never refused; %d were", over)
	}
	if over := count("", door.Burst+10); over != 10 {
		t.Errorf("an address: %d refused, want 10", over)
	}
	if over := count("ben", 10); over != 0 {
		t.Errorf("a person at the address of a stranger: %d refused", over)
	}
}

// TestHead answers HEAD wherever GET is answered, and without a body.
func TestHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("yoga", "wellness")
	get, head := w.ask("ann", "GET", "/programs/yoga", nil).is(200), w.ask("ann", "HEAD", "/programs/yoga", nil).is(200)
	if head.header.Get("ETag") != get.header.Get("ETag") || get.header.Get("ETag") == "" {
		t.Errorf("ETag %q and %q", get.header.Get("ETag"), head.header.Get("ETag"))
	}
	w.ask("ann", "OPTIONS", "/programs/yoga", nil).problem(405, "method_not_allowed")
	w.ask("ann", "DELETE", "/programs/yoga", nil).problem(405, "method_not_allowed")
	if got := w.ask("ann", "DELETE", "/programs/yoga", nil).header.Get("Allow"); got != "GET, HEAD, PATCH" {
		t.Errorf("Allow %q", got)
	}
	for _, path := range []string{"/programs/", "/nothing", "//api", "//api/", "//api/v2/programs"} {
		w.ask("ann", "GET", path, nil).problem(404, "not_found")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if got := w.ask("", "GET", "//healthz", nil).is(200).text("status"); got != "ok" {
		t.Error(got)
	}
	w.ask("", "GET", "//readyz", nil).is(200)
	w.serve(func(d *Deps) { d.Ready = func(context.Context) error { return programs.Busy } })
	r := w.ask("", "GET", "//readyz", nil).is(503)
	if r.text("failing") != "loops" || r.header.Get("Retry-After") == "" {
		t.Errorf("%s", r.body)
	}
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	w.clock.Add(2e9) // the answer is shared for a second
	if got := w.ask("", "GET", "//readyz", nil).is(503).text("failing"); got != "database" {
		t.Error(got)
	}
	w.ask("", "GET", "//healthz", nil).is(200)
	busy := w.ask("ann", "GET", "/programs", nil).problem(503, "busy")
	if busy.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}

// TestHeaders are on every answer, and no answer of the API is kept by a cache.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, r := range []reply{w.ask("ann", "GET", "/me", nil), w.ask("", "GET", "/me", nil), w.ask("ann", "GET", "/nothing", nil)} {
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Strict-Transport-Security": "max-age=31536000",
		} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%d: %s: %q", r.status, name, got)
			}
		}
		if !strings.HasPrefix(r.header.Get("Content-Security-Policy"), "default-src 'none'") || r.header.Get("Server") != "" {
			t.Errorf("%v", r.header)
		}
		for _, name := range []string{"Set-Cookie", "Access-Control-Allow-Origin", "Link", "$schema"} {
			if r.header.Get(name) != "" {
				t.Errorf("%s: %s", name, r.header.Get(name))
			}
		}
		if strings.Contains(string(r.body), "$schema") {
			t.Errorf("a link to a schema: %s", r.body)
		}
	}
}

// TestNoCookie shows that the token API takes nothing but the Authorization header.
func TestNoCookie(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.tokens["ann"]
	for _, headers := range [][]string{
		{"Cookie", "wellweek=" + token}, {"Authorization", token}, {"Authorization", "Basic " + token}, {"X-Api-Key", token},
	} {
		w.ask("", "GET", "/me", nil, headers...).problem(401, "unauthenticated")
	}
	w.ask("", "GET", "/me?access_token="+token, nil).problem(401, "unauthenticated")
	if strings.Contains(w.log.String(), token) {
		t.Error("a token is in the log")
	}
}

// TestFaultSaysNothing gives the client of a fault of ours one fixed sentence, and the log the rest.
func TestFaultSaysNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	write(w, dropTable)
	r := w.ask("cora", "POST", "/programs", map[string]any{"slug": "yoga", "name": "canary-name", "kind": "other"}, "X-Request-Id", "find-me").problem(500, "internal")
	var p door.Problem
	if err := json.Unmarshal(r.body, &p); err != nil {
		t.Fatal(err)
	}
	if p.RequestID != "find-me" || p.Detail != "Something went wrong on our side; the request id helps to find it." || len(p.Errors) != 0 {
		t.Errorf("%+v", p)
	}
	if !strings.Contains(w.log.String(), "find-me") || !strings.Contains(w.log.String(), "create-program") || strings.Contains(w.log.String(), "canary-name") {
		t.Errorf("the log: %s", w.log)
	}
}

// TestManyPeople lets 64 people sign up at once; nobody is refused, and nobody gets what is not there.
func TestManyPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const people, seats = 64, 10
	program := w.program("yoga", "wellness")
	_, sessions := w.weekly(program, map[string]any{"capacity": seats})
	names := w.crowd(people)
	states := make([]string, people)
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() {
			states[i] = w.ask(name, "POST", "/sessions/"+sessions[0]+"/signups", nil).is(201).text("state")
		})
	}
	group.Wait()
	confirmed := 0
	for _, s := range states {
		if s == "confirmed" {
			confirmed++
		}
	}
	if confirmed != seats {
		t.Errorf("%d confirmed on %d seats", confirmed, seats)
	}
}
