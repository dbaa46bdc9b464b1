package api

import (
	"slices"
	"testing"

	"github.com/wellweek/wellweek/programs/store/storetest"
)

// TestEnrollmentResources asks for everything about enrollments once and compares the whole answers.
func TestEnrollmentResources(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pages := newTranscripts(w)
	ask := func(who, method, path string, body any, headers ...string) reply {
		t.Helper()
		return pages.on("enrollments", who, method, path, body, headers...)
	}
	w.program("yoga", "wellness")
	w.ask("cora", "PATCH", "/programs/yoga", map[string]any{"overlap": "block"}, "If-Match", "*").is(200)
	series, sessions := w.weekly("yoga", map[string]any{"capacity": 1})
	_, busy := w.weekly("yoga", map[string]any{"title": "Morning yoga", "local_start": "2026-11-24T12:00", "rrule": ""})
	w.ask("ann", "POST", "/sessions/"+busy[0]+"/signups", nil).is(201)     // overlaps the third date
	w.ask("ben", "POST", "/sessions/"+sessions[1]+"/signups", nil).is(201) // has the only seat of the second
	path := "/series/" + series + "/enrollments"

	first := ask("ann", "POST", path, nil, "Idempotency-Key", "golden").is(201)
	ask("ann", "POST", path, nil, "Idempotency-Key", "golden").is(201)
	ask("ann", "POST", path, map[string]any{"mode": "onsite"}).is(200)
	one := "/enrollments/" + first.text("id")
	ask("ann", "GET", one, nil).is(200)
	ask("ann", "GET", "/me/enrollments", nil).is(200)
	ask("ann", "PUT", one+"/skips", map[string]any{"session_ids": []string{sessions[0]}}).is(200)
	ask("cora", "PUT", one+"/skips", map[string]any{"session_ids": []string{}}).is(200)
	ask("ann", "DELETE", one, nil, "If-Match", first.header.Get("ETag")).is(412)
	ask("ann", "DELETE", one, nil).is(204)
	ask("ann", "DELETE", one, nil).is(204)
	ask("ann", "PUT", one+"/skips", map[string]any{"session_ids": []string{}}).is(409)
	ask("ann", "GET", one, nil).is(200)
	ask("ann", "GET", "/me/enrollments", nil).is(200)
	pages.compare()
}

// TestE3_WholeSeries is the journey: join a series, skip a date, take it back, leave. A skipped seat goes to the next in line at once,
// a date taken back is joined at the tail (N1, N2, N5), and a repetition with the same key does nothing twice.
func TestE3_WholeSeries(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorldOn(t, database)
		w.program("yoga", "wellness")
		series, sessions := w.weekly("yoga", map[string]any{"capacity": 1})
		path := "/series/" + series + "/enrollments"
		states := func(r reply) (list []string) {
			t.Helper()
			for _, s := range r.get("signups").([]any) {
				s := s.(map[string]any)
				list = append(list, s["state"].(string))
				if s["source"] != "enrollment" {
					t.Errorf("source %v", s["source"])
				}
			}
			return list
		}
		want := func(r reply, states []string, list ...string) {
			t.Helper()
			if !slices.Equal(states, list) {
				t.Errorf("%v, want %v: %s", states, list, r.body)
			}
		}
		ann := w.ask("ann", "POST", path, nil, "Idempotency-Key", "e3").is(201)
		want(ann, states(ann), "confirmed", "confirmed", "confirmed")
		ben := w.ask("ben", "POST", path, nil).is(201)
		want(ben, states(ben), "waitlisted", "waitlisted", "waitlisted")

		skips := "/enrollments/" + ann.text("id") + "/skips"
		second := map[string]any{"session_ids": []string{sessions[1]}}
		r := w.ask("ann", "PUT", skips, second).is(200)
		want(r, states(r), "confirmed", "confirmed")
		if got := r.text("session_ids_skipped.0"); got != sessions[1] {
			t.Errorf("skipped %s", got)
		}
		r = w.ask("ben", "POST", path, nil).is(200)
		want(r, states(r), "waitlisted", "confirmed", "waitlisted")
		r = w.ask("ann", "PUT", skips, map[string]any{"session_ids": []string{}}).is(200)
		want(r, states(r), "confirmed", "waitlisted", "confirmed")
		if again := w.ask("ann", "POST", path, nil, "Idempotency-Key", "e3").is(201); string(again.body) != string(ann.body) || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("a repetition with the same key: %s", again.body)
		}

		end := "/enrollments/" + ann.text("id")
		w.ask("ann", "DELETE", end, nil, "Idempotency-Key", "bye").is(204)
		if got := w.ask("ann", "DELETE", end, nil, "Idempotency-Key", "bye").is(204).header.Get("Idempotent-Replayed"); got != "true" {
			t.Errorf("a repetition with the same key: %q", got)
		}
		r = w.ask("ben", "POST", path, nil).is(200)
		want(r, states(r), "confirmed", "confirmed", "confirmed")
		if n := len(w.ask("ann", "GET", "/me/enrollments", nil).is(200).get("items").([]any)); n != 0 {
			t.Errorf("%d active enrollments are left", n)
		}
		fresh := w.ask("ann", "POST", path, nil).is(201)
		if fresh.text("id") == ann.text("id") {
			t.Error("joining again has a new id")
		}
	})
}

// TestEnrollSomebody lets a coordinator enroll others, a guardian a child, and nobody else anybody.
func TestEnrollSomebody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("club", "childcare")
	series, _ := w.weekly("club", nil)
	path := "/series/" + series + "/enrollments"
	child := w.ask("ann", "POST", "/me/dependents", map[string]any{"given_name": "Kim", "birth_date": "2018-05-04"}).is(201).text("id")
	kim := w.ask("ann", "POST", path, map[string]any{"dependent_id": child}).is(201)
	if kim.text("dependent_id") != child || kim.text("person_id") != w.ids["ann"] || kim.text("signups.0.dependent_id") != child {
		t.Errorf("%s", kim.body)
	}
	for _, who := range []string{"cora", "key:coordinator", "ada"} {
		r := w.ask(who, "POST", path, map[string]any{"person_id": w.ids["ben"]})
		if who == "cora" && r.status != 201 || who != "cora" && r.status != 200 || r.text("person_id") != w.ids["ben"] {
			t.Errorf("%s: %d %s", who, r.status, r.body)
		}
	}
	w.ask("ann", "POST", path, map[string]any{"person_id": w.ids["fay"]}).problem(403, "forbidden")
	w.ask("otto", "POST", path, map[string]any{"person_id": w.ids["fay"]}).problem(403, "forbidden")
	w.ask("ann", "POST", "/series/none/enrollments", nil).problem(404, "not_found")
}

// TestEnrollForeign answers the same bytes for another's child and for no child, also where that child is enrolled already, and 404 to a
// coordinator who names nobody.
func TestEnrollForeign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("club", "childcare")
	series, _ := w.weekly("club", nil)
	path := "/series/" + series + "/enrollments"
	child := w.ask("ann", "POST", "/me/dependents", map[string]any{"given_name": "Kim", "birth_date": "2018-05-04"}).is(201).text("id")
	same := func() {
		t.Helper()
		foreign := w.ask("ben", "POST", path, map[string]any{"dependent_id": child}, "X-Request-Id", "same").problem(404, "not_found")
		unknown := w.ask("ben", "POST", path, map[string]any{"dependent_id": "none"}, "X-Request-Id", "same").problem(404, "not_found")
		if string(foreign.body) != string(unknown.body) {
			t.Errorf("%s\n%s", foreign.body, unknown.body)
		}
	}
	same()
	w.ask("ann", "POST", path, map[string]any{"dependent_id": child}).is(201)
	same()
	w.ask("cora", "POST", path, map[string]any{"person_id": "none"}).problem(404, "not_found")
}
