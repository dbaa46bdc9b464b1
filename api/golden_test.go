package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs; if it should, run with -update\n%s", name, diff)
	}
}

// secret is the random part of a feed's address.
var secret = regexp.MustCompile(`/feeds/[A-Za-z0-9_-]{32}\.ics`)

// transcript writes an answer as status, the headers that are promised, and the body.
func (r reply) transcript(title string) []byte {
	r.t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n%d\n", title, r.status)
	for _, h := range []string{"Content-Type", "Location", "ETag", "X-Wellweek-Change", "Idempotent-Replayed", "Retry-After", "WWW-Authenticate", "Allow"} {
		if v := r.header.Get(h); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", h, v)
		}
	}
	if len(r.body) > 0 {
		var body bytes.Buffer
		if err := json.Indent(&body, r.body, "", "  "); err != nil {
			r.t.Fatalf("%s: %v", title, err)
		}
		b.Write(secret.ReplaceAll(bytes.TrimSpace(body.Bytes()), []byte("/feeds/SECRET.ics")))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// transcripts are requests with their whole answers, on pages that become golden files.
type transcripts struct {
	*world
	pages map[string]*bytes.Buffer
}

func newTranscripts(w *world) transcripts {
	return transcripts{world: w, pages: map[string]*bytes.Buffer{}}
}

// on asks and writes the answer down on a page.
func (p transcripts) on(page, who, method, path string, body any, headers ...string) reply {
	p.t.Helper()
	r := p.ask(who, method, path, body, append(headers, "X-Request-Id", "golden")...)
	if p.pages[page] == nil {
		p.pages[page] = &bytes.Buffer{}
	}
	p.pages[page].Write(r.transcript(who + " " + method + " " + path))
	return r
}

// compare holds every page to its golden file.
func (p transcripts) compare() {
	p.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(p.pages)) {
		golden(p.t, name+".txt", p.pages[name].Bytes())
	}
}

// TestResources asks for every resource once, as somebody who may, and compares the whole answers.
func TestResources(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pages := newTranscripts(w)
	ask := pages.on

	p := ask("programs", "cora", "POST", "/programs", map[string]any{
		"slug": "yoga", "name": "BeWell yoga", "kind": "wellness", "description": "Bring a *mat*.", "reminder_minutes": []int{30, 1440},
	}).is(201)
	program := p.text("id")
	club := ask("programs", "cora", "POST", "/programs", map[string]any{
		"slug": "club", "name": "After-school club", "kind": "childcare", "min_age": 6, "max_age": 10,
	}).is(201).text("id")
	ask("programs", "ann", "GET", "/programs", nil).is(200)
	ask("programs", "ann", "GET", "/programs?limit=1", nil).is(200)
	ask("programs", "ann", "GET", "/programs/yoga", nil).is(200)
	ask("programs", "cora", "PATCH", "/programs/"+program, map[string]any{"description": nil, "overlap": "block"}, "If-Match", p.header.Get("ETag")).is(200)
	ask("programs", "ada", "PUT", "/programs/yoga/coordinators/"+w.ids["otto"], nil).is(204)
	ask("programs", "ada", "GET", "/programs/yoga/coordinators", nil).is(200)
	ask("programs", "ada", "DELETE", "/programs/yoga/coordinators/"+w.ids["otto"], nil).is(204)

	input := map[string]any{
		"program_id": "yoga", "title": "Lunchtime yoga", "description": "For everybody.", "local_start": "2026-11-10T12:30", "time_zone": "Europe/Lisbon",
		"duration_minutes": 45, "rrule": "FREQ=WEEKLY;COUNT=3", "extra_dates": []string{"2026-11-12T18:00"}, "skip_dates": []string{"2026-11-17"},
		"capacity": 1, "location": "Room 1", "join_url": "https://meet.example.org/yoga", "facilitator_ids": []string{w.ids["fay"]},
		"reminder_minutes": []int{60},
	}
	ask("series", "cora", "POST", "/series/preview", input).is(200)
	series := ask("series", "cora", "POST", "/series", input).is(201).text("id")
	ask("series", "cora", "GET", "/series", nil).is(200)
	ask("series", "cora", "GET", "/series/"+series, nil).is(200)

	first := ask("sessions", "ann", "GET", "/sessions", nil).is(200).text("items.0.id")
	second := ask("sessions", "cora", "GET", "/sessions?program_id=yoga&from=2026-11-12T00:00:00Z&to=2026-11-13T00:00:00Z", nil).is(200).text("items.0.id")
	one := ask("signups", "ann", "POST", "/sessions/"+first+"/signups", nil).is(201)
	ask("signups", "ann", "POST", "/sessions/"+first+"/signups", map[string]any{}).is(200)
	waiting := ask("signups", "ben", "POST", "/sessions/"+first+"/signups", nil, "Idempotency-Key", "golden-1").is(201).text("id")
	ask("signups", "ben", "POST", "/sessions/"+first+"/signups", nil, "Idempotency-Key", "golden-1").is(201)
	ask("signups", "ben", "GET", "/signups/"+waiting, nil).is(200)
	ask("signups", "cora", "GET", "/sessions/"+first+"/signups", nil).is(200)
	ask("signups", "fay", "GET", "/sessions/"+first+"/signups?limit=1", nil).is(200)
	ask("sessions", "ben", "GET", "/sessions/"+first, nil).is(200)
	ask("signups", "ann", "DELETE", one.header.Get("Location")[len(base):], nil).is(204)
	ask("signups", "ben", "POST", "/signups/"+waiting+"/acceptance", nil).is(200)
	tag := ask("sessions", "cora", "GET", "/sessions/"+second, nil).is(200).header.Get("ETag")
	ask("sessions", "cora", "PATCH", "/sessions/"+second, map[string]any{"local_start": "2026-11-12T18:30", "capacity": nil}, "If-Match", tag).is(200)
	ask("sessions", "cora", "PUT", "/sessions/"+second+"/cancellation", map[string]any{"reason": "The teacher is ill."}).is(200)

	ask("me", "ann", "GET", "/me", nil).is(200)
	ask("me", "cora", "GET", "/me", nil).is(200)
	ask("me", "ann", "GET", "/me/signups", nil).is(200)
	child := ask("me", "ann", "POST", "/me/dependents", map[string]any{"given_name": "Kim", "birth_date": "2018-05-04", "relation": "mother"}).is(201)
	ask("me", "ann", "GET", "/me/dependents", nil).is(200)
	ask("me", "ann", "GET", "/me/dependents/"+child.text("id"), nil).is(200)
	ask("me", "ann", "PATCH", "/me/dependents/"+child.text("id"), map[string]any{"birth_date": "2018-05-05"}, "If-Match", child.header.Get("ETag")).is(200)
	ask("me", "cora", "POST", "/series", map[string]any{
		"program_id": club, "title": "Club", "local_start": "2026-11-11T15:00", "time_zone": "Europe/Lisbon", "duration_minutes": 120,
	}).is(201)
	club = w.ask("ann", "GET", "/sessions?program_id=club", nil).is(200).text("items.0.id")
	ask("me", "ann", "POST", "/sessions/"+club+"/signups", map[string]any{"dependent_id": child.text("id")}).is(201)
	ask("me", "cora", "GET", "/sessions/"+club+"/signups", nil).is(200)
	feed := ask("feeds", "ann", "POST", "/me/feeds", map[string]any{"scope": "mine", "name": "phone"}).is(201).text("id")
	ask("feeds", "key:reporter", "POST", "/me/feeds", map[string]any{"scope": "program", "program_id": "yoga"}).is(201)
	ask("feeds", "ann", "GET", "/me/feeds", nil).is(200)
	ask("feeds", "ann", "DELETE", "/me/feeds/"+feed, nil).is(204)
	ask("feeds", "ann", "GET", "/me/feeds", nil).is(200)

	eve := ask("people", "ada", "POST", "/people", map[string]any{
		"email": "Eve@Example.org", "name": "Eve Example", "office": "Berlin", "department": "Sales", "manager_email": "ada@example.org", "locale": "de-DE",
	}).is(201)
	ask("people", "cora", "GET", "/people?limit=2", nil).is(200)
	ask("people", "cora", "GET", "/people/"+eve.text("id"), nil).is(200)
	ask("people", "ada", "PATCH", "/people/"+eve.text("id"), map[string]any{"locale": nil, "roles": []string{"facilitator"}, "manager_email": nil}).is(200)
	csv := "email,name,department\neve@example.org,Eve Example,Support\nnew@example.org,New Example,Sales\n"
	ask("people", "ada", "POST", "/people/import?dry_run=true", csv, "Content-Type", "text/csv").is(200)
	ask("people", "ada", "POST", "/people/import", csv, "Content-Type", "text/csv; charset=utf-8").is(200)

	message := w.mailed()
	ask("messages", "cora", "GET", "/messages?limit=2", nil).is(200)
	ask("messages", "cora", "GET", "/messages?event=promoted&session_id="+first+"&person_id="+w.ids["ben"]+"&state=queued", nil).is(200)
	ask("messages", "otto", "GET", "/messages", nil).is(200)
	ask("messages", "cora", "POST", "/messages/"+message+"/retry", nil).is(409)

	ask("audit", "ada", "GET", "/audit?verb=session.cancelled", nil).is(200)
	ask("audit", "ada", "GET", "/audit?limit=3", nil).is(200)

	ask("problems", "", "GET", "/me", nil).is(401)
	ask("problems", "ann", "GET", "/audit", nil).is(403)
	ask("problems", "ann", "GET", "/sessions/none", nil).is(404)
	ask("problems", "ann", "GET", "/nothing", nil).is(404)
	ask("problems", "ann", "PUT", "/me", nil).is(405)
	ask("problems", "cora", "POST", "/programs", map[string]any{"slug": "yoga", "name": "Again", "kind": "other"}).is(409)
	ask("problems", "cora", "PATCH", "/sessions/"+first, map[string]any{"title": "X"}, "If-Match", `"`+first+`.0"`).is(412)
	ask("problems", "cora", "POST", "/programs", `{"slug":"`+strings.Repeat("x", 70_000)+`"}`).is(413)
	ask("problems", "cora", "POST", "/programs", "slug=x", "Content-Type", "application/x-www-form-urlencoded").is(415)
	ask("problems", "cora", "POST", "/programs", map[string]any{"slug": "UP", "nmae": "x", "kind": 7}).is(422)
	ask("problems", "cora", "PATCH", "/sessions/"+first, map[string]any{"title": "X"}).is(428)

	pages.compare()
}
