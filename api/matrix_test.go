package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// matrix says what each operation answers to whom. The columns: nobody; ann, an employee with a seat and a child; ben, another
// employee; fay, who leads the session; cora, who coordinates the program; otto, who coordinates another one; rita, a reporter; ada,
// an admin; and keys made with the roles coordinator, employee and inbound. Objects are ann's or the program's. A status of 404
// where another column has a success is the promise that a foreign thing and no such thing look alike.
var columns = []string{"", "ann", "ben", "fay", "cora", "otto", "rita", "ada", "key:coordinator", "key:employee", "key:inbound"}

var matrix = map[string][]int{
	//                     -   ann  ben  fay  cora otto rita ada  k:co k:em k:in
	"list-programs":         {401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403},
	"create-program":        {401, 403, 403, 403, 201, 201, 403, 201, 201, 403, 403},
	"read-program":          {401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403},
	"edit-program":          {401, 403, 403, 403, 200, 403, 403, 200, 200, 403, 403},
	"list-coordinators":     {401, 403, 403, 403, 403, 403, 403, 200, 403, 403, 403},
	"grant-coordinator":     {401, 403, 403, 403, 403, 403, 403, 204, 403, 403, 403},
	"revoke-coordinator":    {401, 403, 403, 403, 403, 403, 403, 204, 403, 403, 403},
	"preview-series":        {401, 403, 403, 403, 200, 403, 403, 200, 200, 403, 403},
	"list-series":           {401, 403, 403, 403, 200, 200, 403, 200, 200, 403, 403},
	"create-series":         {401, 403, 403, 403, 201, 403, 403, 201, 201, 403, 403},
	"read-series":           {401, 403, 403, 403, 200, 404, 403, 200, 200, 403, 403},
	"preview-series-change": {401, 403, 403, 403, 200, 404, 403, 200, 200, 403, 403},
	"change-series":         {401, 403, 403, 403, 201, 404, 403, 201, 201, 403, 403},
	"list-sessions":         {401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403},
	"read-session":          {401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403},
	"edit-session":          {401, 403, 403, 403, 200, 403, 403, 200, 200, 403, 403},
	"cancel-session":        {401, 403, 403, 403, 200, 403, 403, 200, 200, 403, 403},
	"reinstate-session":     {401, 403, 403, 403, 200, 403, 403, 200, 200, 403, 403},
	"sign-up":               {401, 200, 201, 201, 201, 201, 201, 201, 422, 422, 403}, // ann is signed up already
	"read-roster":           {401, 403, 403, 200, 200, 404, 403, 200, 200, 403, 403},
	"read-signup":           {401, 200, 404, 404, 200, 404, 404, 200, 200, 404, 403},
	"cancel-signup":         {401, 204, 404, 404, 204, 404, 404, 204, 204, 404, 403},
	"accept-offer":          {401, 200, 404, 404, 200, 404, 404, 200, 200, 404, 403},
	"enroll":                {401, 200, 201, 201, 201, 201, 201, 201, 422, 422, 403}, // ann is enrolled already
	"read-enrollment":       {401, 200, 404, 404, 200, 404, 404, 200, 200, 404, 403},
	"set-skips":             {401, 200, 404, 404, 200, 404, 404, 200, 200, 404, 403},
	"end-enrollment":        {401, 204, 404, 404, 204, 404, 404, 204, 204, 404, 403},
	"read-change":           {401, 403, 403, 403, 200, 404, 403, 200, 200, 403, 403},
	"undo-change":           {401, 403, 403, 403, 200, 404, 403, 200, 200, 403, 403}, // each another change
	"read-me":               {401, 200, 200, 200, 200, 200, 200, 200, 403, 403, 403},
	"list-my-signups":       {401, 200, 200, 200, 200, 200, 200, 200, 403, 403, 403},
	"list-my-enrollments":   {401, 200, 200, 200, 200, 200, 200, 200, 403, 403, 403},
	"list-dependents":       {401, 200, 200, 200, 200, 200, 200, 200, 403, 403, 403},
	"add-dependent":         {401, 201, 201, 201, 201, 201, 201, 201, 403, 403, 403},
	"read-dependent":        {401, 200, 404, 404, 404, 404, 404, 404, 403, 403, 403},
	"edit-dependent":        {401, 200, 404, 404, 404, 404, 404, 404, 403, 403, 403},
	"list-feeds":            {401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403},
	"create-feed":           {401, 201, 201, 201, 201, 201, 201, 201, 403, 403, 403}, // scope mine; see TestKeyFeeds
	"revoke-feed":           {401, 204, 404, 404, 404, 404, 404, 404, 404, 404, 403},
	"list-people":           {401, 403, 403, 403, 200, 200, 403, 200, 200, 403, 403},
	"add-person":            {401, 403, 403, 403, 403, 403, 403, 201, 403, 403, 403},
	"read-person":           {401, 403, 403, 403, 200, 200, 403, 200, 200, 403, 403},
	"edit-person":           {401, 403, 403, 403, 403, 403, 403, 200, 403, 403, 403},
	"import-people":         {401, 403, 403, 403, 403, 403, 403, 200, 403, 403, 403},
	"list-messages":         {401, 403, 403, 403, 200, 200, 403, 200, 200, 403, 403},
	"retry-message":         {401, 403, 403, 403, 409, 404, 403, 409, 409, 403, 403}, // it did not fail
	"read-audit":            {401, 403, 403, 403, 403, 403, 403, 200, 403, 403, 403},
}

// TestMatrix asks every operation of the document as everybody. An operation without a row fails. Each operation has a world of its
// own, and within it those who may not come before those who may: a refusal that acted all the same would show.
func TestMatrix(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for _, o := range operations(t) {
		want, ok := matrix[o.OperationID]
		if !ok || len(want) != len(columns) {
			t.Errorf("%s has no row of %d", o.OperationID, len(columns))
			continue
		}
		rows[o.OperationID] = true
		t.Run(o.OperationID, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			m := w.scene()
			order := make([]int, len(columns))
			for i := range order {
				order[i] = i
			}
			slices.SortStableFunc(order, func(a, b int) int { return rank(want[a]) - rank(want[b]) })
			for _, i := range order {
				before := ""
				if want[i] >= 300 {
					before = w.dump()
				}
				r := m.call(w, o, columns[i], i)
				if r.status != want[i] {
					t.Errorf("as %q: %d, want %d: %s", columns[i], r.status, want[i], r.body)
				}
				if want[i] >= 300 && w.dump() != before {
					t.Errorf("as %q: refused, and acted all the same", columns[i])
				}
			}
		})
	}
	for id := range matrix {
		if !rows[id] {
			t.Errorf("the row %s is of no operation", id)
		}
	}
}

func rank(status int) int {
	if status >= 300 {
		return 0
	}
	return 1
}

// scene is the world of the matrix.
type scene struct {
	program, series, session, signup, child, feed, message, enrollment string
	off                                                                string            // a session that was called off
	changes                                                            map[string]string // by who undoes it; "" for everybody else
}

func (w *world) scene() scene {
	w.t.Helper()
	var m scene
	m.program = w.program("yoga", "wellness")
	w.ask("otto", "POST", "/programs", map[string]any{"slug": "other", "name": "Other", "kind": "other"}).is(201)
	var sessions []string
	m.series, sessions = w.weekly("yoga", map[string]any{"facilitator_ids": []string{w.ids["fay"]}, "capacity": 40, "rrule": "FREQ=WEEKLY;COUNT=6"})
	m.session = sessions[0]
	m.signup = w.ask("ann", "POST", "/sessions/"+m.session+"/signups", nil).is(201).text("id")
	m.child = w.ask("ann", "POST", "/me/dependents", map[string]any{"given_name": "Kim", "birth_date": "2018-05-04"}).is(201).text("id")
	m.feed = w.ask("ann", "POST", "/me/feeds", map[string]any{"scope": "mine"}).is(201).text("id")
	m.enrollment = w.ask("ann", "POST", "/series/"+m.series+"/enrollments", nil).is(201).text("id")
	m.message = w.mailed()
	m.changes = map[string]string{}
	for i, who := range []string{"", "cora", "ada", "key:coordinator"} {
		r := w.ask("cora", "PATCH", "/sessions/"+sessions[1+i], map[string]any{"title": "Evening yoga"}, "If-Match", "*").is(200)
		m.changes[who] = r.header.Get("X-Wellweek-Change")
	}
	m.off = sessions[5]
	w.ask("cora", "PUT", "/sessions/"+m.off+"/cancellation", map[string]any{"reason": "The teacher is ill."}).is(200)
	return m
}

// call asks one operation as somebody, with input that would do; n makes names unique.
func (m scene) call(w *world, o documented, who string, n int) reply {
	w.t.Helper()
	id := m.program
	switch {
	case o.OperationID == "reinstate-session":
		id = m.off
	case strings.Contains(o.path, "/enrollments/{id}"):
		id = m.enrollment
	case strings.Contains(o.path, "/changes/{id}"):
		id = m.changes[""]
		if own, ok := m.changes[who]; ok {
			id = own
		}
	case strings.Contains(o.path, "/series/{id}"):
		id = m.series
	case strings.Contains(o.path, "/sessions/{id}"):
		id = m.session
	case strings.Contains(o.path, "/signups/{id}"):
		id = m.signup
	case strings.Contains(o.path, "/dependents/{id}"):
		id = m.child
	case strings.Contains(o.path, "/feeds/{id}"):
		id = m.feed
	case strings.Contains(o.path, "/people/{id}"):
		id = w.ids["ben"]
	case strings.Contains(o.path, "/messages/{id}"):
		id = m.message
	}
	path := strings.NewReplacer("{id}", id, "{person_id}", w.ids["cora"]).Replace(o.path)
	series := map[string]any{
		"program_id": "yoga", "title": "T", "local_start": "2026-11-20T12:30", "time_zone": "Europe/Lisbon", "duration_minutes": 45,
	}
	var body any
	headers := []string{}
	switch o.OperationID {
	case "create-program":
		body = map[string]any{"slug": fmt.Sprintf("p%d", n), "name": "P", "kind": "other"}
	case "preview-series", "create-series":
		body = series
	case "edit-program", "edit-session", "edit-dependent", "edit-person":
		body, headers = map[string]any{}, []string{"If-Match", "*"}
	case "cancel-session":
		body = map[string]any{"reason": "The teacher is ill."}
	case "preview-series-change", "change-series":
		change := map[string]any{"scope": "all", "set": map[string]any{"title": fmt.Sprintf("Yoga %d", n)}}
		if o.OperationID == "change-series" {
			change["preview_hash"] = w.ask("ada", "POST", path+"/preview", change).is(200).text("preview_hash")
		}
		body = change
	case "set-skips":
		body = map[string]any{"session_ids": []string{m.session}}
	case "add-dependent":
		body = map[string]any{"given_name": "Lou", "birth_date": "2019-05-04"}
	case "create-feed":
		body = map[string]any{"scope": "mine"}
	case "add-person":
		body = map[string]any{"email": "new@example.org", "name": "New Example"}
	case "import-people":
		body, headers = "email,name\nnew@example.org,New Example\n", []string{"Content-Type", "text/csv"}
	}
	return w.ask(who, o.method, path, body, headers...)
}

// TestKeyFeeds gives a key without a person program feeds and no other.
func TestKeyFeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("yoga", "wellness")
	for _, who := range []string{"key:employee", "key:coordinator", "key:admin"} {
		w.ask(who, "POST", "/me/feeds", map[string]any{"scope": "program", "program_id": "yoga"}).is(201)
		w.ask(who, "POST", "/me/feeds", map[string]any{"scope": "hosting"}).problem(403, "forbidden")
	}
	w.ask("ann", "POST", "/me/feeds", map[string]any{"scope": "program", "program_id": "none"}).problem(404, "not_found")
	w.ask("ann", "POST", "/me/feeds", map[string]any{"scope": "program"}).problem(422, "invalid")
}

// TestForeignIsUnknown answers the same bytes for what is somebody else's and for what is nobody's.
func TestForeignIsUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.scene()
	draft := w.ask("cora", "POST", "/programs", map[string]any{"slug": "secret", "name": "S", "kind": "other", "status": "draft"}).is(201).text("id")
	secret, hidden := w.weekly("secret", nil)
	for _, c := range []struct{ who, method, format, id string }{
		{"ben", "GET", "/signups/%s", m.signup},
		{"ben", "DELETE", "/signups/%s", m.signup},
		{"ben", "POST", "/signups/%s/acceptance", m.signup},
		{"ben", "GET", "/me/dependents/%s", m.child},
		{"ben", "DELETE", "/me/feeds/%s", m.feed},
		{"otto", "GET", "/series/%s", m.series},
		{"otto", "POST", "/series/%s/changes/preview", m.series},
		{"otto", "POST", "/series/%s/changes", m.series},
		{"ann", "GET", "/programs/%s", draft},
		{"ann", "GET", "/programs/%s", "secret"},
		{"ann", "GET", "/sessions/%s", hidden[0]},
		{"ann", "POST", "/sessions/%s/signups", hidden[0]},
		{"otto", "POST", "/messages/%s/retry", m.message},
		{"otto", "GET", "/sessions/%s/signups", hidden[0]},
		{"otto", "PUT", "/sessions/%s/cancellation", hidden[0]},
		{"otto", "DELETE", "/sessions/%s/cancellation", hidden[0]},
		{"ben", "GET", "/enrollments/%s", m.enrollment},
		{"ben", "DELETE", "/enrollments/%s", m.enrollment},
		{"ben", "PUT", "/enrollments/%s/skips", m.enrollment},
		{"ann", "POST", "/series/%s/enrollments", secret},
		{"otto", "GET", "/changes/%s", m.changes[""]},
		{"otto", "PUT", "/changes/%s/reversal", m.changes[""]},
	} {
		var body any
		if c.method != "DELETE" {
			change := map[string]any{"scope": "all", "set": map[string]any{"title": "T"}, "preview_hash": "none"}
			body = map[string]any{
				"/sessions/%s/cancellation": map[string]any{"reason": "R"}, "/enrollments/%s/skips": map[string]any{"session_ids": []string{}},
				"/series/%s/changes/preview": change, "/series/%s/changes": change,
			}[c.format]
		}
		foreign := w.ask(c.who, c.method, fmt.Sprintf(c.format, c.id), body, "X-Request-Id", "same").problem(404, "not_found")
		unknown := w.ask(c.who, c.method, fmt.Sprintf(c.format, "0192f000-0000-7000-8000-999999999999"), body, "X-Request-Id", "same").problem(404, "not_found")
		if string(foreign.body) != string(unknown.body) {
			t.Errorf("%s %s:\n%s\n%s", c.method, c.format, foreign.body, unknown.body)
		}
	}
	// Another's child cannot be signed up, and that looks like no child at all.
	foreign := w.ask("ben", "POST", "/sessions/"+m.session+"/signups", map[string]any{"dependent_id": m.child}, "X-Request-Id", "same").problem(404, "not_found")
	unknown := w.ask("ben", "POST", "/sessions/"+m.session+"/signups", map[string]any{"dependent_id": "none"}, "X-Request-Id", "same").problem(404, "not_found")
	if string(foreign.body) != string(unknown.body) {
		t.Errorf("%s\n%s", foreign.body, unknown.body)
	}
}

// TestI19_ReadsChangeNothing asks every GET and HEAD of the document twice, as an admin and as an employee, and looks at every row
// of every table.
func TestI19_ReadsChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.scene()
	for _, o := range operations(t) {
		if o.method != "GET" {
			continue
		}
		for _, who := range []string{"ada", "ann", "cora"} {
			before := w.dump()
			first := m.call(w, o, who, 0)
			o.method = "HEAD"
			m.call(w, o, who, 0)
			o.method = "GET"
			w.clock.Add(1e9)
			second := m.call(w, o, who, 0)
			if w.dump() != before {
				t.Errorf("%s as %s: a row changed", o.OperationID, who)
			}
			if first.status != second.status || first.status == 200 && string(first.body) != string(second.body) {
				t.Errorf("%s as %s: %d %s and then %d %s", o.OperationID, who, first.status, first.body, second.status, second.body)
			}
		}
	}
	before := w.dump()
	for _, path := range []string{"//healthz", "//openapi.yaml", "//openapi.json", "//docs", "//", "//mail"} {
		for range 2 {
			w.ask("", "GET", path, nil)
		}
	}
	if w.dump() != before {
		t.Error("a page changed a row")
	}
}
