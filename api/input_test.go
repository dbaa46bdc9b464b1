package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// TestBadInput sends what cannot be taken. Every answer is a problem that names the place and repeats nothing, and nothing is
// stored. The word canary stands for what a client wrote.
func TestBadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("yoga", "wellness")
	seriesID, sessions := w.weekly("yoga", nil)
	_, foreign := w.weekly("yoga", nil)
	enrollment := w.ask("ann", "POST", "/series/"+seriesID+"/enrollments", nil).is(201).text("id")
	changes := "/series/" + seriesID + "/changes"
	before := w.dump()
	series := func(member, value string) string {
		m := map[string]string{
			"program_id": `"yoga"`, "title": `"T"`, "local_start": `"2026-11-10T12:30"`, "time_zone": `"Europe/Lisbon"`, "duration_minutes": `45`,
		}
		if value == "" {
			delete(m, member)
		} else {
			m[member] = value
		}
		var parts []string
		for k, v := range m {
			parts = append(parts, fmt.Sprintf("%q:%s", k, v))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	person := func(member, value string) string {
		m := map[string]any{"email": "new@example.org", "name": "New"}
		m[member] = value
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	type row struct {
		name, who, method, path, body string
		status                        int
		at                            string // the place that is named; "" for none
		headers                       []string
	}
	rows := []row{
		// The form of a body.
		{name: "unknown member", body: series("canary", `1`), at: "body.canary"},
		{name: "member in capitals", body: series("TITLE", `"canary"`), at: "body.TITLE"},
		{name: "party, which comes later", path: "/sessions/" + sessions[0] + "/signups", body: `{"party":[{}]}`, at: "body.party"},
		{name: "swap, which comes later", path: "/sessions/" + sessions[0] + "/signups", body: `{"replaces_signup_id":"canary"}`, at: "body.replaces_signup_id"},
		{name: "member twice", body: `{"title":"canary","title":"canary2"}`, at: "body.title"},
		{name: "U+0000", body: series("title", `"can\u0000ary"`), at: "body.title"},
		{name: "half a surrogate pair", body: series("title", `"canary\ud800"`), at: "body"},
		{name: "no UTF-8", body: series("title", "\"canary\xff\""), at: "body"},
		{name: "no JSON", body: `{"title": canary}`, at: "body"},
		{name: "cut short", body: `{"title": "canary`, at: "body"},
		{name: "two documents", body: series("title", `"x"`) + `{"canary":1}`, at: "body"},
		{name: "too deep", body: series("extra_dates", strings.Repeat("[", 40)+strings.Repeat("]", 40)), at: "body"},
		{name: "an array", body: `["canary"]`, at: "body"},
		{name: "null", body: `null`, at: "body"},
		{name: "a number", body: `17`, at: "body"},
		{name: "no body", body: "", at: "body"},
		{name: "too large", body: series("title", `"`+strings.Repeat("canary", 20_000)+`"`), status: 413},
		{name: "form", body: "title=canary", status: 415, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{name: "no media type", body: series("title", `"canary"`), status: 415, headers: []string{"Content-Type", ""}},
		{name: "body where none is taken", path: "/signups/x/acceptance", body: `{"canary":1}`, at: "body"},
		{name: "CSV as JSON", who: "ada", path: "/people/import", body: `{}`, status: 415},

		// Types.
		{name: "text for a number", body: series("duration_minutes", `"canary"`), at: "body.duration_minutes"},
		{name: "number for a text", body: series("title", `17`), at: "body.title"},
		{name: "fraction", body: series("duration_minutes", `45.5`), at: "body.duration_minutes"},
		{name: "huge number", body: series("duration_minutes", `1e300`), at: "body"},
		{name: "number beyond any", body: series("capacity", `1e999`), at: "body"},
		{name: "text for a list", body: series("skip_dates", `"2026-11-10"`), at: "body.skip_dates"},
		{name: "null in a list", body: series("skip_dates", `[null]`), at: "body.skip_dates[0]"},
		{name: "required member missing", body: series("title", ``), at: "body.title"},
		{name: "required member null", body: series("title", `null`), at: "body.title"},
		{name: "not in the list of values", body: series("status", `"canary"`), at: "body.status"},

		// The query.
		{name: "unknown parameter", method: "GET", path: "/sessions?canary=1", at: "query.canary"},
		{name: "parameter twice", method: "GET", path: "/sessions?limit=1&limit=2", at: "query.limit"},
		{name: "limit of 0", method: "GET", path: "/sessions?limit=0", at: "query.limit"},
		{name: "limit above 200", method: "GET", path: "/sessions?limit=201", at: "query.limit"},
		{name: "limit in words", method: "GET", path: "/sessions?limit=canary", at: "query.limit"},
		{name: "no instant", method: "GET", path: "/sessions?from=canary", at: "query.from"},
		{name: "an instant without zone", method: "GET", path: "/sessions?to=2026-11-10T00:00:00", at: "query.to"},
		{name: "foreign cursor", method: "GET", path: "/sessions?cursor=canary", at: "query.cursor"},
		{name: "foreign cursor of the roster", method: "GET", path: "/sessions/" + sessions[0] + "/signups?cursor=canary", at: "query.cursor"},
		{name: "foreign cursor of the ledger", method: "GET", path: "/messages?cursor=%00canary", at: "query.cursor"},
		{name: "escapes that are none", method: "GET", path: "/sessions?program_id=%zzcanary", at: "query"},
		{name: "U+0000 in the query", method: "GET", path: "/sessions?series_id=canary%00", at: "query.series_id"},
		{name: "no UTF-8 in the query", method: "GET", path: "/sessions?series_id=canary%ff", at: "query.series_id"},
		{name: "unknown program", method: "GET", path: "/sessions?program_id=canary", status: 404, at: "query.program_id"},
		{name: "unknown parameter of a POST", path: "/series?canary=1", body: series("title", `"x"`), at: "query.canary"},
		{name: "dry_run in words", who: "ada", path: "/people/import?dry_run=canary", body: "email,name\n", at: "query.dry_run", headers: []string{"Content-Type", "text/csv"}},

		{name: "dry_run without a value", who: "ada", path: "/people/import?dry_run=", body: "email,name\nok@example.org,Ok\n", at: "query.dry_run", headers: []string{"Content-Type", "text/csv"}},
		{name: "dry_run as a bare word before another", who: "ada", path: "/people/import?dry_run&full=true&confirm_missing=true", body: "email,name\nok@example.org,Ok\nada@example.org,Ada\n", at: "query", headers: []string{"Content-Type", "text/csv"}},
		{name: "limit without a value", method: "GET", path: "/sessions?limit=", at: "query.limit"},

		// Headers.
		{name: "key too long", body: series("title", `"x"`), at: "header.Idempotency-Key", headers: []string{"Idempotency-Key", strings.Repeat("canary", 50)}},
		{name: "blank key", body: series("title", `"x"`), at: "header.Idempotency-Key", headers: []string{"Idempotency-Key", " "}},
		{name: "two keys", body: series("title", `"x"`), at: "header.Idempotency-Key", headers: []string{"Idempotency-Key", "canary1", "+Idempotency-Key", "canary2"}},
		{name: "broken If-Match", method: "PATCH", path: "/sessions/" + sessions[0], body: `{}`, at: "header.If-Match", headers: []string{"If-Match", "canary"}},

		// Recurrence.
		{name: "SECONDLY", body: series("rrule", `"FREQ=SECONDLY;COUNT=1000000000"`), at: "body.rrule"},
		{name: "DAILY without end in sight", body: series("rrule", `"FREQ=DAILY;COUNT=1000000000"`), at: "body.rrule"},
		{name: "COUNT beyond any number", body: series("rrule", `"FREQ=DAILY;COUNT=99999999999999999999"`), at: "body.rrule"},
		{name: "COUNT and UNTIL", body: series("rrule", `"FREQ=DAILY;COUNT=3;UNTIL=20261231"`), at: "body.rrule"},
		{name: "unknown part", body: series("rrule", `"FREQ=DAILY;CANARY=3"`), at: "body.rrule"},
		{name: "CR LF in a rule", body: series("rrule", `"FREQ=DAILY\r\nATTENDEE:canary"`), at: "body.rrule"},
		{name: "start that is no date of its rule", body: series("rrule", `"FREQ=WEEKLY;BYDAY=WE;COUNT=3"`), at: "body.local_start"},

		// Time.
		{name: "unknown zone", body: series("time_zone", `"Mars/Canary"`), at: "body.time_zone"},
		{name: "the server's zone", body: series("time_zone", `"Local"`), at: "body.time_zone"},
		{name: "zone as a path", body: series("time_zone", `"../../etc/canary"`), at: "body.time_zone"},
		{name: "day that is none", body: series("local_start", `"2026-02-30T12:30"`), at: "body.local_start"},
		{name: "wall time with an offset", body: series("local_start", `"2026-11-10T12:30Z"`), at: "body.local_start"},
		{name: "skip date that is none", body: series("skip_dates", `["2026-11-17","canary"]`), at: "body.skip_dates[1]"},
		{name: "extra date that is none", body: series("extra_dates", `["canary"]`), at: "body.extra_dates[0]"},
		{name: "all dates past", body: series("local_start", `"2026-10-06T12:30"`), at: "body.local_start"},

		// Text.
		{name: "CR LF in a title", body: series("title", `"Yoga\r\nATTENDEE:canary"`), at: "body.title"},
		{name: "C1 in a title", body: series("title", `"can\u0085ary"`), at: "body.title"},
		{name: "bidi override in a title", body: series("title", `"canary\u202e"`), at: "body.title"},
		{name: "blank title", body: series("title", `"  "`), at: "body.title"},
		{name: "long title", body: series("title", `"`+strings.Repeat("é", 201)+`"`), at: "body.title"},
		{name: "script as join link", body: series("join_url", `"javascript:canary"`), at: "body.join_url"},
		{name: "CR LF in a name", who: "ada", path: "/people", body: person("name", "Eve\r\nBcc: canary@example.org"), at: "body.name"},
		{name: "tab in a name", who: "ada", path: "/people", body: person("name", "Ca\tnary"), at: "body.name"},
		{name: "two addresses", who: "ada", path: "/people", body: person("email", "canary@example.org, b@example.org"), at: "body.email"},
		{name: "unknown manager", who: "ada", path: "/people", body: person("manager_email", "canary@example.org"), at: "body.manager_email"},
		{name: "unknown role", who: "ada", path: "/people", body: `{"email":"n@example.org","name":"N","roles":["canary"]}`, at: "body.roles[0]"},
		{name: "slug in capitals", path: "/programs", body: `{"slug":"Canary","name":"N","kind":"other"}`, at: "body.slug"},
		{name: "unknown kind", path: "/programs", body: `{"slug":"x","name":"N","kind":"canary"}`, at: "body.kind"},
		{name: "no reason", method: "PUT", path: "/sessions/" + sessions[0] + "/cancellation", body: `{"reason":" "}`, at: "body.reason"},
		{name: "reason of two lines", method: "PUT", path: "/sessions/" + sessions[0] + "/cancellation", body: `{"reason":"a\ncanary"}`, at: "body.reason"},
		{name: "unknown facilitator", body: series("facilitator_ids", `["canary"]`), at: "body.facilitator_ids[0]"},
		{name: "unknown program of a series", body: series("program_id", `"canary"`), status: 404, at: "body.program_id"},
		{name: "birth date ahead", who: "ann", path: "/me/dependents", body: `{"given_name":"Kim","birth_date":"2027-01-01"}`, at: "body.birth_date"},
		{name: "null for what cannot be empty", method: "PATCH", path: "/sessions/" + sessions[0], body: `{"title":null,"local_start":null}`, at: "body.title", headers: []string{"If-Match", "*"}},
		{name: "key with no seats of its own", who: "key:coordinator", path: "/sessions/" + sessions[0] + "/signups", body: `{}`, at: "body.person_id"},

		// Enrollments and changes.
		{name: "enrolling with a member that is none", who: "ann", path: "/series/" + seriesID + "/enrollments", body: `{"canary":1}`, at: "body.canary"},
		{name: "enrolling in an unknown mode", who: "ann", path: "/series/" + seriesID + "/enrollments", body: `{"mode":"canary"}`, at: "body.mode"},
		{name: "enrolling by a key", who: "key:coordinator", path: "/series/" + seriesID + "/enrollments", body: `{}`, at: "body.person_id"},
		{name: "no skips", who: "ann", method: "PUT", path: "/enrollments/" + enrollment + "/skips", body: `{}`, at: "body.session_ids"},
		{name: "null skips", who: "ann", method: "PUT", path: "/enrollments/" + enrollment + "/skips", body: `{"session_ids":null}`, at: "body.session_ids"},
		{name: "skip of a foreign session", who: "ann", method: "PUT", path: "/enrollments/" + enrollment + "/skips", body: `{"session_ids":["` + sessions[0] + `","` + foreign[0] + `"]}`, at: "body.session_ids[1]"},
		{name: "skip of no session", who: "ann", method: "PUT", path: "/enrollments/" + enrollment + "/skips", body: `{"session_ids":["canary"]}`, at: "body.session_ids[0]"},
		{name: "a thousand skips", who: "ann", method: "PUT", path: "/enrollments/" + enrollment + "/skips", body: `{"session_ids":["` + strings.Repeat(sessions[0]+`","`, 999) + `canary"]}`, at: "body.session_ids"},
		{name: "stale form of If-Match", who: "ann", method: "DELETE", path: "/enrollments/" + enrollment, at: "header.If-Match", headers: []string{"If-Match", "canary"}},
		{name: "scope that is none", path: changes, body: `{"scope":"canary","set":{}}`, at: "body.scope"},
		{name: "no scope", path: changes, body: `{"set":{}}`, at: "body.scope"},
		{name: "no set", path: changes, body: `{"scope":"all"}`, at: "body.set"},
		{name: "null for a set", path: changes, body: `{"scope":"all","set":null}`, at: "body.set"},
		{name: "unknown member beside a set", path: changes, body: `{"scope":"all","set":{},"canary":1}`, at: "body.canary"},
		{name: "unknown member of a set", path: changes, body: `{"scope":"all","set":{"canary":1}}`, at: "body.set.canary"},
		{name: "unknown member of a previewed set", path: changes + "/preview", body: `{"scope":"all","set":{"status":"canary"}}`, at: "body.set.status"},
		{name: "all from a session on", path: changes + "/preview", body: `{"scope":"all","from_session_id":"` + sessions[0] + `","set":{"title":"T"}}`, at: "body.from_session_id"},
		{name: "following nothing", path: changes + "/preview", body: `{"scope":"following","set":{"title":"T"}}`, at: "body.from_session_id"},
		{name: "following a foreign session", path: changes + "/preview", body: `{"scope":"following","from_session_id":"` + foreign[0] + `","set":{"title":"T"}}`, at: "body.from_session_id"},
		{name: "null for a title of a set", path: changes, body: `{"scope":"all","set":{"title":null}}`, at: "body.set.title"},
		{name: "null for a start of a set", path: changes, body: `{"scope":"all","set":{"local_start":null}}`, at: "body.set.local_start"},
		{name: "start of a set that is none", path: changes, body: `{"scope":"all","set":{"local_start":"canary"}}`, at: "body.set.local_start"},
		{name: "CR LF in a title of a set", path: changes + "/preview", body: `{"scope":"all","set":{"title":"a\r\ncanary"}}`, at: "body.set.title"},
		{name: "unknown zone of a set", path: changes + "/preview", body: `{"scope":"all","set":{"time_zone":"Mars/Canary"}}`, at: "body.set.time_zone"},
		{name: "rule of a set that is none", path: changes + "/preview", body: `{"scope":"all","set":{"rrule":"FREQ=CANARY"}}`, at: "body.set.rrule"},
		{name: "rule of a set without end in sight", path: changes + "/preview", body: `{"scope":"all","set":{"rrule":"FREQ=DAILY;COUNT=1000000000"}}`, at: "body.set.rrule"},
		{name: "capacity of a set below nothing", path: changes + "/preview", body: `{"scope":"all","set":{"capacity":-1}}`, at: "body.set.capacity"},
		{name: "skip date of a set that is none", path: changes, body: `{"scope":"all","set":{"skip_dates":["2026-11-17","canary"]}}`, at: "body.set.skip_dates[1]"},
		{name: "extra date of a set that is none", path: changes, body: `{"scope":"all","set":{"extra_dates":["canary"]}}`, at: "body.set.extra_dates[0]"},
		{name: "a thousand skip dates", path: changes, body: `{"scope":"all","set":{"skip_dates":["` + strings.Repeat(`2026-11-17","`, 999) + `canary"]}}`, at: "body.set.skip_dates"},
		{name: "unknown facilitator of a set", path: changes + "/preview", body: `{"scope":"all","set":{"facilitator_ids":["canary"]}}`, at: "body.set.facilitator_ids"},
		{name: "reminder of a set that is none", path: changes + "/preview", body: `{"scope":"all","set":{"reminder_minutes":[-1]}}`, at: "body.set.reminder_minutes"},
		{name: "no hash", path: changes, body: `{"scope":"all","set":{"title":"canary"}}`, at: "body.preview_hash"},
		{name: "empty hash", path: changes, body: `{"scope":"all","set":{"title":"canary"},"preview_hash":""}`, at: "body.preview_hash"},
		{name: "stale hash", path: changes, body: `{"scope":"all","set":{"title":"T"},"preview_hash":"canary"}`, status: 409},
		{name: "change of no series", path: "/series/canary/changes/preview", body: `{"scope":"all","set":{"title":"T"}}`, status: 404},
		{name: "body of an undo", method: "PUT", path: "/changes/x/reversal", body: `{"canary":1}`, at: "body"},
		{name: "body of a session put back on", method: "DELETE", path: "/sessions/" + sessions[0] + "/cancellation", body: `{"canary":1}`, at: "body"},

		// CSV.
		{name: "bad row", who: "ada", path: "/people/import", body: "email,name\nok@example.org,Ok\ncanary,Bad\n", at: "row 2", headers: []string{"Content-Type", "text/csv"}},
		{name: "unknown column", who: "ada", path: "/people/import", body: "email,name,canary\n", at: "body", headers: []string{"Content-Type", "text/csv"}},
		{name: "no CSV", who: "ada", path: "/people/import", body: "", at: "body", headers: []string{"Content-Type", "text/csv"}},
		{name: "too large CSV", who: "ada", path: "/people/import", body: strings.Repeat("c", 1<<20+1), status: 413, headers: []string{"Content-Type", "text/csv"}},
		{name: "bad row of a dry run", who: "ada", path: "/people/import?dry_run=true", body: "email,name\na@example.org,\"A\r\ncanary\"\n", at: "row 1", headers: []string{"Content-Type", "text/csv"}},
	}
	reasons := map[int]string{404: "not_found", 409: "conflict", 413: "too_large", 415: "unsupported_media_type", 422: "invalid"}
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			if c.who == "" {
				c.who = "cora"
			}
			if c.method == "" {
				c.method = "POST"
			}
			if c.path == "" {
				c.path = "/series"
			}
			if c.status == 0 {
				c.status = 422
			}
			late := time.AfterFunc(2*time.Second, func() { t.Error("it takes more than two seconds to refuse") })
			r := w.ask(c.who, c.method, c.path, c.body, c.headers...)
			late.Stop()
			r.problem(c.status, reasons[c.status])
			place := strings.Contains(string(r.body), `"location":"`+c.at+`"`)
			if c.at != "" && !place {
				t.Errorf("does not name %s: %s", c.at, r.body)
			}
			// Names of members are named; what they hold is not.
			said := strings.ReplaceAll(string(r.body), `"location":"`+c.at+`"`, "")
			if strings.Contains(strings.ToLower(said), "canary") || strings.Contains(said, "1e300") || strings.Contains(said, "json:") {
				t.Errorf("repeats what was submitted: %s", r.body)
			}
		})
	}
	if after := w.dump(); after != before {
		t.Error("something was stored")
	}
	if strings.Contains(strings.ToLower(w.log.String()), "canary") {
		t.Errorf("something that was submitted is in the log:\n%s", w.log)
	}
}

// TestT2_GapIsNamed schedules 02:30 on the night the clocks go forward: 03:30, and both the preview and the answer say so.
func TestT2_GapIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("night", "other")
	in := map[string]any{
		"program_id": "night", "title": "Night walk", "local_start": "2027-03-28T02:30", "time_zone": "Europe/Berlin", "duration_minutes": 60,
	}
	preview := w.ask("cora", "POST", "/series/preview", in).is(200)
	if got := preview.text("sessions.0.starts_at"); got != "2027-03-28T01:30:00Z" { // 03:30 CEST
		t.Errorf("starts at %s", got)
	}
	if notes := preview.get("sessions.0.notes").([]any); len(notes) != 1 || !strings.Contains(notes[0].(string), "forward") {
		t.Errorf("notes %v", notes)
	}
	made := w.ask("cora", "POST", "/series", in).is(201)
	if warnings := made.get("warnings").([]any); len(warnings) != 1 || !strings.Contains(warnings[0].(string), "forward") {
		t.Errorf("warnings %v", warnings)
	}
	session := w.ask("cora", "GET", "/sessions?series_id="+made.text("id"), nil).is(200)
	if got := session.text("items.0.starts_at") + " " + session.text("items.0.local_start"); got != "2027-03-28T01:30:00Z 2027-03-28T02:30" {
		t.Error(got)
	}
}

// TestImportIsWhole stores nothing of a file with one bad row, and everything of a good one.
func TestImportIsWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	csv := func(body, query string) reply {
		return w.ask("ada", "POST", "/people/import"+query, body, "Content-Type", "text/csv")
	}
	good := "email,name,roles\na1@example.org,A One,employee\na2@example.org,A Two,facilitator\n"
	before := w.dump()
	csv(good+"broken,B,employee\n", "").problem(422, "invalid")
	if w.dump() != before {
		t.Fatal("a file with a bad row was stored in part")
	}
	if got := csv(good, "?dry_run=true").is(200); got.get("added") != 2.0 || w.dump() != before {
		t.Fatalf("dry run: %s", got.body)
	}
	if got := csv(good, "").is(200); got.get("added") != 2.0 {
		t.Fatalf("%s", got.body)
	}
	if got := csv(good, "").is(200); got.get("same") != 2.0 || got.get("added") != 0.0 {
		t.Fatalf("again: %s", got.body)
	}
	csv("email,name\nada@example.org,Ada Example\n", "?full=true").problem(409, "conflict")
	csv("email,name\nann@example.org,Ann Example\n", "?full=true&confirm_missing=true").problem(409, "conflict") // the last admin never ends
	if got := csv("email,name\nada@example.org,Ada Example\n", "?full=true&confirm_missing=true").is(200); got.get("missing") == 0.0 {
		t.Errorf("%s", got.body)
	}
	w.ask("ann", "GET", "/me", nil).problem(401, "unauthenticated") // who has left has no key any more
}

// dump is every row of every table.
func (w *world) dump() string {
	w.t.Helper()
	text, err := store.Read(w.t.Context(), w.store, func(v *store.View) (string, error) {
		rows, err := v.Query(`select name from sqlite_master where type = 'table' order by name`)
		tables, err := store.Collect(rows, err, func(scan func(...any) error) (s string, err error) { return s, scan(&s) })
		if err != nil {
			return "", err
		}
		var b strings.Builder
		for _, table := range tables {
			rows, err := v.Query(`select * from ` + table)
			if err != nil {
				return "", err
			}
			columns, err := rows.Columns()
			if err != nil {
				return "", err
			}
			for rows.Next() {
				values := make([]any, len(columns))
				for i := range values {
					values[i] = new(any)
				}
				if err := rows.Scan(values...); err != nil {
					return "", err
				}
				b.WriteString(table)
				for _, v := range values {
					fmt.Fprintf(&b, "\t%v", *v.(*any))
				}
				b.WriteByte('\n')
			}
			if err := rows.Err(); err != nil {
				return "", err
			}
			rows.Close()
		}
		return b.String(), nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// in is the same world for a subtest.
func (w *world) in(t *testing.T) *world {
	c := *w
	c.t = t
	return &c
}

// TestHostileText sends ids that no database should be asked for, on both engines: never a fault of ours.
func TestHostileText(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorldOn(t, database)
		w.program("yoga", "wellness")
		for _, id := range []string{"%00", "x%00", "%ff", "%c3%28", "%e2%80%ae", "'", "%25", strings.Repeat("x", 65)} {
			for _, path := range []string{"/programs/", "/sessions/", "/signups/", "/series/", "/people/", "/me/dependents/", "/enrollments/", "/changes/"} {
				if r := w.ask("ada", "GET", path+id, nil); r.status != 404 && r.status != 422 {
					t.Errorf("%s%s: %d %s", path, id, r.status, r.body)
				}
			}
			for _, path := range []string{"/sessions?series_id=", "/sessions?program_id=", "/messages?person_id=", "/audit?subject_id="} {
				if r := w.ask("ada", "GET", path+id, nil); r.status != 200 && r.status != 404 && r.status != 422 {
					t.Errorf("%s%s: %d %s", path, id, r.status, r.body)
				}
			}
		}
		w.ask("ada", "POST", "/people/import", "email,name\na@example.org,A\x00\n", "Content-Type", "text/csv").problem(422, "invalid")
		w.serve(func(d *Deps) { d.Demo = true })
		for _, path := range []string{"/programs/%00", "/sessions/%00", "/mail/%00", "/mail/%00/html", "/sessions/%ff", "/?program=%00", "/?program=%ff", "/mail?after=%00"} {
			rq := httptest.NewRequest("GET", path, nil)
			rq.RemoteAddr, rq.Host = "127.0.0.1:4000", "localhost"
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, rq)
			if rec.Code != 404 && rec.Code != 422 {
				t.Errorf("the page %s: %d", path, rec.Code)
			}
		}
	})
}

// TestHostileCursors sends cursors whose insides no list made.
func TestHostileCursors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, raw := range []string{"\x00", "\x00\n\x00", "1\n\x00", "a\xff", "1\n\xff", "\xff\n\xff", "9\n9", "99999999999999999999\nx"} {
		cursor := base64.RawURLEncoding.EncodeToString([]byte(raw))
		for _, path := range []string{"/programs", "/sessions", "/series", "/people", "/messages", "/audit", "/me/signups"} {
			if r := w.ask("ada", "GET", path+"?cursor="+cursor, nil); r.status != 200 && r.status != 422 {
				t.Errorf("%s with the cursor %q: %d %s", path, raw, r.status, r.body)
			}
		}
	}
}
