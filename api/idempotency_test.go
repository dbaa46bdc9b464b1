package api

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// TestIdempotency is the table of interface.md: same key and request, same key and another request, another asker, a refusal.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorldOn(t, database)
		w.program("yoga", "wellness")
		_, sessions := w.weekly("yoga", map[string]any{"capacity": 1})
		path := "/sessions/" + sessions[0] + "/signups"
		key := []string{"Idempotency-Key", "k-1"}

		first := w.ask("ann", "POST", path, map[string]any{}, key...).is(201)
		if first.header.Get("Idempotent-Replayed") != "" {
			t.Error("the first answer says it was given before")
		}
		again := w.ask("ann", "POST", path, map[string]any{}, key...).is(201)
		if again.header.Get("Idempotent-Replayed") != "true" || string(again.body) != string(first.body) ||
			again.header.Get("ETag") != first.header.Get("ETag") || again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%v %s", again.header, again.body)
		}
		w.ask("ann", "POST", path, map[string]any{"mode": "onsite"}, key...).problem(422, "invalid")
		w.ask("ann", "POST", "/sessions/"+sessions[1]+"/signups", map[string]any{}, key...).problem(422, "invalid")
		w.ask("ann", "DELETE", "/signups/"+first.text("id"), nil, key...).problem(422, "invalid")
		if got := w.ask("ben", "POST", path, map[string]any{}, key...).is(201).text("state"); got != "waitlisted" {
			t.Errorf("somebody else with the same key: %s", got)
		}

		// A replayed cancellation of an old sign-up must not end the new one.
		gone := []string{"Idempotency-Key", "k-2"}
		w.ask("ann", "DELETE", "/signups/"+first.text("id"), nil, gone...).is(204)
		rejoined := w.ask("ann", "POST", path, nil).is(201).text("id")
		if got := w.ask("ann", "DELETE", "/signups/"+first.text("id"), nil, gone...).is(204).header.Get("Idempotent-Replayed"); got != "true" {
			t.Errorf("the second cancellation: %q", got)
		}
		w.ask("ann", "DELETE", "/signups/"+first.text("id"), nil).is(204)
		if got := w.ask("ann", "GET", "/signups/"+rejoined, nil).is(200).text("state"); got != "waitlisted" {
			t.Errorf("the new sign-up is %s", got)
		}

		// A refusal is not kept: the key is free for the repetition that works.
		w.ask("cora", "POST", "/programs", map[string]any{"slug": "yoga", "name": "N", "kind": "other"}, "Idempotency-Key", "k-3").problem(409, "conflict")
		w.ask("cora", "POST", "/programs", map[string]any{"slug": "free", "name": "N", "kind": "other"}, "Idempotency-Key", "k-3").is(201)

		// PUT and PATCH are repeatable by themselves and take no key.
		w.ask("cora", "PUT", "/sessions/"+sessions[1]+"/cancellation", map[string]any{"reason": "Ill."}, "Idempotency-Key", "k-3").is(200)
		if n := w.kept(); n != 4 {
			t.Errorf("%d answers are kept, want 4", n)
		}

		// Reading by POST keeps its answer too.
		in := map[string]any{"program_id": "yoga", "title": "T", "local_start": "2026-11-10T12:30", "time_zone": "Europe/Lisbon", "duration_minutes": 30}
		w.ask("cora", "POST", "/series/preview", in, "Idempotency-Key", "k-4").is(200)
		if got := w.ask("cora", "POST", "/series/preview", in, "Idempotency-Key", "k-4").is(200).header.Get("Idempotent-Replayed"); got != "true" {
			t.Errorf("a preview: %q", got)
		}
		change := w.ask("cora", "POST", "/series", in, "Idempotency-Key", "k-5").is(201)
		same := w.ask("cora", "POST", "/series", in, "Idempotency-Key", "k-5").is(201)
		if change.header.Get("X-Wellweek-Change") == "" || same.header.Get("X-Wellweek-Change") != change.header.Get("X-Wellweek-Change") || string(same.body) != string(change.body) {
			t.Errorf("a series: %v and %v", change.header, same.header)
		}
	})
}

// TestSecretIsReplayed gives the address of a feed a second time to who has the key, and to nobody who has the database.
func TestSecretIsReplayed(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	w := newWorldOn(t, database)
	in := map[string]any{"scope": "mine"}
	first := w.ask("ann", "POST", "/me/feeds", in, "Idempotency-Key", "canary-key").is(201)
	again := w.ask("ann", "POST", "/me/feeds", in, "Idempotency-Key", "canary-key").is(201)
	if first.text("url") != again.text("url") || again.header.Get("Idempotent-Replayed") != "true" || first.text("id") != again.text("id") {
		t.Errorf("%s\n%s", first.body, again.body)
	}
	if other := w.ask("ann", "POST", "/me/feeds", in, "Idempotency-Key", "other-key").is(201); other.text("url") == first.text("url") {
		t.Error("two feeds with one address")
	}
	address := first.text("url")
	token := strings.TrimSuffix(address[strings.LastIndex(address, "/")+1:], ".ics")
	if len(token) != 32 {
		t.Fatalf("the token has %d characters, want 32 (192 bits)", len(token))
	}
	feed := w.ask("", "GET", "/feeds/"+token+".ics", nil).is(200)
	if !strings.HasPrefix(string(feed.body), "BEGIN:VCALENDAR") {
		t.Errorf("%s", feed.body)
	}
	w.ask("ann", "DELETE", "/me/feeds/"+first.text("id"), nil).is(204)
	w.ask("", "GET", "/feeds/"+token+".ics", nil).is(410)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{token, "canary-key"} {
		if strings.Contains(string(raw), secret) || strings.Contains(w.log.String(), secret) {
			t.Error("a secret is in the database or in the log")
		}
	}
}

// TestTwins sends one keyed request many times at once: it happens once, and everybody else is told to wait or given the answer.
func TestTwins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answers := make([]reply, 20)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			answers[i] = w.ask("cora", "POST", "/programs", map[string]any{"slug": "once", "name": "Once", "kind": "other"}, "Idempotency-Key", "twin")
		})
	}
	group.Wait()
	made := 0
	for _, a := range answers {
		switch {
		case a.status == 201 && a.header.Get("Idempotent-Replayed") == "":
			made++
		case a.status == 201:
		default:
			a.problem(409, "conflict")
		}
	}
	if made != 1 {
		t.Errorf("it was made %d times", made)
	}
	w.ask("cora", "POST", "/programs", map[string]any{"slug": "once", "name": "Once", "kind": "other"}, "Idempotency-Key", "twin").is(201)
}

// TestTwinIsToldToWait holds the writer, so that a keyed request cannot be answered: its twin is refused at once all the same.
func TestTwinIsToldToWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held, release := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		write(w, func(*store.Tx) (struct{}, error) {
			close(held)
			<-release
			return struct{}{}, nil
		})
	})
	<-held
	answers := make(chan reply, 2)
	for range 2 {
		group.Go(func() {
			answers <- w.ask("cora", "POST", "/programs", map[string]any{"slug": "once", "name": "Once", "kind": "other"}, "Idempotency-Key", "twin")
		})
	}
	select {
	case first := <-answers:
		first.problem(409, "conflict")
	case <-time.After(4 * time.Second):
		t.Error("the twin waits for the writer")
	}
	close(release)
	group.Wait()
	close(answers)
	for last := range answers {
		if last.status != 201 {
			t.Errorf("%d %s", last.status, last.body)
		}
	}
}

// TestPreconditions is the table of If-Match over HTTP: 428 without where an edit could be lost, 412 when stale, counts not compared.
func TestPreconditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	program := w.program("yoga", "wellness")
	_, sessions := w.weekly("yoga", nil)
	ann := w.ask("ann", "POST", "/sessions/"+sessions[0]+"/signups", nil).is(201)
	tag := func(path string) string { return w.ask("cora", "GET", path, nil).is(200).header.Get("ETag") }
	session := "/sessions/" + sessions[0]

	old := tag(session)
	w.ask("ben", "POST", session+"/signups", nil).is(201)
	if tag(session) == old {
		t.Error("a sign-up moves the counts in the tag")
	}
	edited := w.ask("cora", "PATCH", session, map[string]any{"title": "Evening yoga"}, "If-Match", old).is(200) // a sign-up is no edit
	if edited.header.Get("ETag") != tag(session) {
		t.Error("the answer's tag is not the resource's")
	}
	w.ask("cora", "PATCH", session, map[string]any{"title": "Morning yoga"}, "If-Match", old).problem(412, "stale")
	w.ask("cora", "PATCH", session, map[string]any{"title": "Morning yoga"}, "If-Match", "W/"+edited.header.Get("ETag")).problem(412, "stale")
	w.ask("cora", "PATCH", session, map[string]any{"title": "Morning yoga"}).problem(428, "precondition_required")
	w.ask("cora", "PATCH", session, map[string]any{"title": "Morning yoga"}, "If-Match", `"other.1", `+edited.header.Get("ETag")).is(200)
	w.ask("cora", "PATCH", session, map[string]any{"title": "Noon yoga"}, "If-Match", "*").is(200)
	w.ask("cora", "PATCH", "/sessions/none", map[string]any{"title": "X"}, "If-Match", "*").problem(404, "not_found")

	path := "/programs/" + program
	was := tag(path)
	w.ask("cora", "PATCH", path, map[string]any{"name": "A"}).problem(428, "precondition_required")
	w.ask("cora", "PATCH", "/programs/yoga", map[string]any{"name": "A"}, "If-Match", was).is(200)
	w.ask("cora", "PATCH", path, map[string]any{"name": "B"}, "If-Match", was).problem(412, "stale")

	w.ask("ann", "DELETE", ann.header.Get("Location")[len(base):], nil, "If-Match", `"x.1"`).problem(412, "stale")
	w.ask("ann", "DELETE", ann.header.Get("Location")[len(base):], nil, "If-Match", ann.header.Get("ETag")).is(204)

	person := "/people/" + w.ids["ann"]
	old = tag(person)
	w.ask("ada", "PATCH", person, map[string]any{"department": "Sales"}, "If-Match", old).is(200)
	w.ask("ada", "PATCH", person, map[string]any{"department": "Support"}, "If-Match", old).problem(412, "stale")
	w.ask("ada", "PATCH", person, map[string]any{"department": "Support"}).is(200)
}

// kept is how many answers are stored.
func (w *world) kept() int {
	w.t.Helper()
	n, err := store.Read(w.t.Context(), w.store, func(v *store.View) (n int, err error) {
		return n, v.QueryRow(`select count(*) from idempotency`).Scan(&n)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// TestPatchNull empties what can be empty and leaves the rest alone.
func TestPatchNull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("yoga", "wellness")
	_, sessions := w.weekly("yoga", map[string]any{"capacity": 5, "description": "D", "location": "L", "join_url": "https://meet.example.org/x"})
	r := w.ask("cora", "PATCH", "/sessions/"+sessions[0], map[string]any{"capacity": nil, "description": nil}, "If-Match", "*").is(200)
	if r.get("capacity") != nil || r.get("description") != "" || r.get("location") != "L" || r.get("join_url") != "https://meet.example.org/x" || r.get("title") != "Lunchtime yoga" {
		t.Errorf("%s", r.body)
	}
	if got := w.ask("ann", "GET", "/sessions/"+sessions[0], nil).is(200); strings.Contains(string(got.body), "meet.example.org") {
		t.Error("the join link is for coordinators of the program")
	}
	if got := w.ask("otto", "GET", "/sessions/"+sessions[0], nil).is(200); strings.Contains(string(got.body), "meet.example.org") {
		t.Error("the join link is for coordinators of this program")
	}
	w.ask("cora", "PATCH", "/sessions/"+sessions[0], map[string]any{}, "If-Match", "*").is(200)
	if p := w.ask("cora", "PATCH", "/programs/yoga", map[string]any{"min_age": 3, "max_age": nil}, "If-Match", "*").is(200); p.get("min_age") != 3.0 || p.get("max_age") != nil {
		t.Errorf("%s", p.body)
	}
}
