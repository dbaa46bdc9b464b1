package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// TestSeriesChangeResources asks for previews and changes of a series once and compares the whole answers.
func TestSeriesChangeResources(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pages := newTranscripts(w)
	ask := func(who, method, path string, body any, headers ...string) reply {
		t.Helper()
		return pages.on("series_changes", who, method, path, body, headers...)
	}
	w.program("yoga", "wellness")
	series, sessions := w.weekly("yoga", map[string]any{"capacity": 1, "rrule": "FREQ=WEEKLY;COUNT=4"})
	path := "/series/" + series + "/changes"
	w.ask("ann", "POST", "/series/"+series+"/enrollments", nil).is(201)
	w.ask("ben", "POST", "/sessions/"+sessions[3]+"/signups", nil).is(201)
	w.ask("cora", "PATCH", "/sessions/"+sessions[1], map[string]any{"title": "Guest teacher"}, "If-Match", "*").is(200)

	words := map[string]any{"scope": "all", "set": map[string]any{"title": "Yoga at noon", "description": nil}}
	words["preview_hash"] = ask("cora", "POST", path+"/preview", words).is(200).text("preview_hash")
	ask("cora", "POST", path, words).is(201)
	ask("cora", "POST", path, words).is(409)
	later := map[string]any{"scope": "following", "from_session_id": sessions[2], "set": map[string]any{"local_start": "2026-11-24T18:00"}}
	ask("cora", "POST", path, later).is(422)
	later["preview_hash"] = ask("cora", "POST", path+"/preview", later, "Idempotency-Key", "golden").is(200).text("preview_hash")
	split := ask("cora", "POST", path, later, "Idempotency-Key", "golden-2").is(201)
	ask("cora", "POST", path, later, "Idempotency-Key", "golden-2").is(201)
	ask("cora", "GET", split.header.Get("Location")[len(base):], nil).is(200)
	next := "/series/" + split.text("successor_id")
	ask("cora", "GET", next, nil).is(200)
	shorter := map[string]any{"scope": "all", "set": map[string]any{"rrule": "FREQ=WEEKLY;COUNT=1", "capacity": 5}, "reason": "The room is gone."}
	shorter["preview_hash"] = ask("cora", "POST", next+"/changes/preview", shorter).is(200).text("preview_hash")
	ask("cora", "POST", next+"/changes", shorter).is(201)
	pages.compare()
}

// change previews and applies a change of a series, and holds the two answers to be equal (V1).
func (w *world) change(series string, edit map[string]any) reply {
	w.t.Helper()
	path := "/series/" + series + "/changes"
	before := w.dump()
	preview := w.ask("cora", "POST", path+"/preview", edit).is(200)
	if w.dump() != before {
		w.t.Error("a preview stored something")
	}
	edit["preview_hash"] = preview.text("preview_hash")
	made := w.ask("cora", "POST", path, edit).is(201)
	for _, member := range []string{"preview_hash", "summary", "split", "sessions", "people", "counts"} {
		if diff := cmp.Diff(preview.get(member), made.get(member)); diff != "" {
			w.t.Errorf("the change is not its preview: %s\n%s", member, diff)
		}
	}
	if id := made.header.Get("X-Wellweek-Change"); id == "" || made.header.Get("Location") != base+"/changes/"+id {
		w.t.Errorf("%v", made.header)
	}
	return made
}

// starts are a series' sessions to come by id, with when they are.
func (w *world) starts(series string) map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, s := range w.ask("cora", "GET", "/sessions?series_id="+series, nil).is(200).get("items").([]any) {
		s := s.(map[string]any)
		out[s["id"].(string)] = s["local_start"].(string) + " " + s["status"].(string)
	}
	return out
}

// deliver plans and keeps all mail that is owed once what is held is released.
func (w *world) deliver() {
	w.t.Helper()
	w.clock.Add(3 * time.Minute)
	settings := notify.Settings{PublicURL: "https://wellweek.example.org", From: "wellweek@example.org", ReplyDomain: "reply.example.org", TimeZone: "Europe/Lisbon"}
	if _, err := notify.Plan(w.t.Context(), w.store, settings); err != nil {
		w.t.Fatal(err)
	}
	if _, err := (&notify.Mailer{Store: w.store, Settings: settings}).Send(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// told are the people who were told of sessions that moved or were called off, as "id event". How many mails
// that takes is the business of notify.
func (w *world) told() []string {
	w.t.Helper()
	w.deliver()
	var out []string
	for _, m := range w.ask("ada", "GET", "/messages?limit=200", nil).is(200).get("items").([]any) {
		m := m.(map[string]any)
		if e := m["event"].(string); e == "moved" || e == "cancelled" {
			out = append(out, m["person_id"].(string)+" "+e)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// promised are the people who will be told, by the answer to a change.
func (r reply) promised() []string {
	r.t.Helper()
	var out []string
	for _, p := range r.get("people").([]any) {
		p := p.(map[string]any)
		out = append(out, p["person_id"].(string)+" "+p["event"].(string))
	}
	return out
}

// TestC3_NewTimeFromWeek moves a series from its third week on: sessions keep their ids and sign-ups, the successor has them, its
// enrollments go along, and undo inside the hold puts everything back.
func TestC3_NewTimeFromWeek(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("yoga", "wellness")
	series, sessions := w.weekly("yoga", map[string]any{"rrule": "FREQ=WEEKLY;COUNT=5"})
	for _, who := range []string{"ann", "ben"} {
		w.ask(who, "POST", "/series/"+series+"/enrollments", nil).is(201)
	}
	w.deliver()
	before := w.starts(series)
	roster := func() string {
		var b strings.Builder
		for _, id := range sessions {
			b.Write(w.ask("cora", "GET", "/sessions/"+id+"/signups", nil).is(200).body)
		}
		return b.String()
	}
	seats := roster()
	edit := func() map[string]any {
		return map[string]any{"scope": "following", "from_session_id": sessions[2], "set": map[string]any{"local_start": "2026-11-24T13:30", "duration_minutes": 60}}
	}
	made := w.change(series, edit())
	next := made.text("successor_id")
	if made.text("series_id") != series || made.get("split") != true || made.get("counts.moved") != 3.0 || made.get("counts.people") != 2.0 {
		t.Errorf("%s", made.body)
	}
	for i, who := range []string{"ann", "ben"} {
		if p := made.get(fmt.Sprintf("people.%d", i)).(map[string]any); p["person_id"] != w.ids[who] || p["event"] != "moved" || p["sessions"] != 3.0 {
			t.Errorf("%s: %v", who, p)
		}
	}
	want := map[string]string{sessions[2]: "2026-11-24T13:30 scheduled", sessions[3]: "2026-12-01T13:30 scheduled", sessions[4]: "2026-12-08T13:30 scheduled"}
	if diff := cmp.Diff(want, w.starts(next)); diff != "" {
		t.Error(diff)
	}
	if roster() != seats {
		t.Error("a sign-up is another one")
	}
	if got := w.ask("ann", "POST", "/series/"+next+"/enrollments", nil).is(200).get("signups").([]any); len(got) != 3 {
		t.Errorf("the successor's enrollment has %d sign-ups", len(got))
	}
	w.ask("cora", "PUT", "/changes/"+made.header.Get("X-Wellweek-Change")+"/reversal", nil).is(200)
	if diff := cmp.Diff(before, w.starts(series)); diff != "" {
		t.Errorf("undone:\n%s", diff)
	}
	if roster() != seats {
		t.Error("undone, a sign-up is another one")
	}
	if told := w.told(); len(told) != 0 {
		t.Errorf("undone, and %v were told", told)
	}

	again := w.change(series, edit())
	heard := []string{w.ids["ann"] + " moved", w.ids["ben"] + " moved"}
	if diff := cmp.Diff(heard, again.promised()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(heard, w.told()); diff != "" {
		t.Error(diff)
	}
}

// TestC4_NewWeekday goes from Tuesdays to Thursdays: paired by week, with ids and people, and a week that has no date any more is
// called off with the reason.
func TestC4_NewWeekday(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("yoga", "wellness")
	series, sessions := w.weekly("yoga", map[string]any{"rrule": "FREQ=WEEKLY;COUNT=4"})
	w.ask("ann", "POST", "/sessions/"+sessions[1]+"/signups", nil).is(201)
	w.ask("ben", "POST", "/sessions/"+sessions[3]+"/signups", nil).is(201)
	w.deliver()
	made := w.change(series, map[string]any{
		"scope": "all", "reason": "The room is gone.",
		"set": map[string]any{"rrule": "FREQ=WEEKLY;BYDAY=TH;COUNT=4", "local_start": "2026-11-12T12:30", "skip_dates": []string{"2026-12-03"}},
	})
	if made.get("counts.moved") != 3.0 || made.get("counts.dropped") != 1.0 || made.get("split") != false || made.get("successor_id") != nil {
		t.Errorf("%s", made.body)
	}
	want := map[string]string{
		sessions[0]: "2026-11-12T12:30 scheduled", sessions[1]: "2026-11-19T12:30 scheduled", sessions[2]: "2026-11-26T12:30 scheduled",
		sessions[3]: "2026-12-01T12:30 cancelled",
	}
	got := w.starts(series)
	for id, at := range want {
		if got[id] != at {
			t.Errorf("%s is %s, want %s", id, got[id], at)
		}
	}
	if r := w.ask("cora", "GET", "/sessions/"+sessions[3], nil).is(200); r.text("cancel_reason") != "The room is gone." {
		t.Errorf("%s", r.body)
	}
	heard := []string{w.ids["ann"] + " moved", w.ids["ben"] + " cancelled"}
	if diff := cmp.Diff(heard, made.promised()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(heard, w.told()); diff != "" {
		t.Error(diff)
	}
}

// TestC5_TextOnAllWeeks leaves weeks alone that say something of their own unless they are ticked, moves no calendar and mails nobody.
func TestC5_TextOnAllWeeks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("yoga", "wellness")
	series, sessions := w.weekly("yoga", map[string]any{"rrule": "FREQ=WEEKLY;COUNT=4", "description": "Bring a mat."})
	w.ask("ann", "POST", "/series/"+series+"/enrollments", nil).is(201)
	for _, id := range sessions[:2] {
		w.ask("cora", "PATCH", "/sessions/"+id, map[string]any{"description": "Bring nothing."}, "If-Match", "*").is(200)
	}
	descriptions := func() (list []string) {
		for _, id := range sessions {
			r := w.ask("cora", "GET", "/sessions/"+id, nil).is(200)
			if r.get("sequence") != 0.0 {
				t.Errorf("sequence %v", r.get("sequence"))
			}
			list = append(list, r.text("description"))
		}
		return list
	}
	made := w.change(series, map[string]any{"scope": "all", "set": map[string]any{"description": "Bring two mats."}})
	if made.get("counts.kept") != 2.0 || made.get("counts.changed") != 2.0 || made.get("counts.people") != 0.0 {
		t.Errorf("%s", made.body)
	}
	if got := made.get("summary"); got != "2 sessions change, but stay when and where they are. 2 sessions stay as they are. Nobody is told." {
		t.Errorf("summary %q", got)
	}
	if got := descriptions(); !slices.Equal(got, []string{"Bring nothing.", "Bring nothing.", "Bring two mats.", "Bring two mats."}) {
		t.Errorf("%q", got)
	}
	made = w.change(series, map[string]any{"scope": "all", "reset_overrides": true, "set": map[string]any{"description": nil}})
	if made.get("counts.changed") != 4.0 {
		t.Errorf("%s", made.body)
	}
	if got := descriptions(); !slices.Equal(got, []string{"", "", "", ""}) {
		t.Errorf("%q", got)
	}
	if told := w.told(); len(told) != 0 {
		t.Errorf("%v were told", told)
	}
}

// TestStalePreview refuses to apply a preview that the world has moved on from, stores nothing of it, and answers the new preview,
// whose hash then applies (V1, V7).
func TestStalePreview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("yoga", "wellness")
	series, sessions := w.weekly("yoga", nil)
	path := "/series/" + series + "/changes"
	edit := map[string]any{"scope": "all", "set": map[string]any{"local_start": "2026-11-10T18:00"}}
	edit["preview_hash"] = w.ask("cora", "POST", path+"/preview", edit).is(200).text("preview_hash")
	w.ask("ann", "POST", "/sessions/"+sessions[0]+"/signups", nil).is(201)
	before := w.dump()
	stale := w.ask("cora", "POST", path, edit, "X-Request-Id", "find-me", "Idempotency-Key", "stale").problem(409, "conflict")
	if w.dump() != before {
		t.Error("refused, and acted all the same")
	}
	if stale.text("request_id") != "find-me" || stale.get("preview.people.0.person_id") != w.ids["ann"] || stale.get("preview.sessions.0.confirmed") != 1.0 {
		t.Errorf("%s", stale.body)
	}
	if stale.text("preview.preview_hash") == edit["preview_hash"] {
		t.Error("the new preview has the old hash")
	}
	if w.log.Len() != 0 && strings.Contains(w.log.String(), "operation failed") {
		t.Errorf("a refusal is in the log as a fault:\n%s", w.log)
	}
	fresh := w.ask("cora", "POST", path+"/preview", edit).is(200)
	if diff := cmp.Diff(fresh.get("summary"), stale.get("preview.summary")); diff != "" {
		t.Error(diff)
	}
	edit["preview_hash"] = stale.text("preview.preview_hash")
	w.ask("cora", "POST", path, edit, "Idempotency-Key", "stale").is(201)

	// Another edit under the hash of this one is as stale.
	other := map[string]any{"scope": "all", "set": map[string]any{"title": "Other"}, "preview_hash": edit["preview_hash"]}
	w.ask("cora", "POST", path, other).problem(409, "conflict")
	// A conflict of another kind has no preview.
	w.ask("ann", "POST", "/sessions/"+sessions[1]+"/signups", nil).is(201)
	w.ask("ben", "POST", "/sessions/"+sessions[1]+"/signups", nil).is(201)
	full := w.ask("cora", "POST", path+"/preview", map[string]any{"scope": "all", "set": map[string]any{"capacity": 1}}).problem(409, "conflict")
	if strings.Contains(string(full.body), `"preview"`) {
		t.Errorf("%s", full.body)
	}
}

// TestSeriesChangeKeys repeats a preview and a change with the same key: the same bytes, and one change.
func TestSeriesChangeKeys(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorldOn(t, database)
		w.program("yoga", "wellness")
		series, sessions := w.weekly("yoga", nil)
		path := "/series/" + series + "/changes"
		edit := map[string]any{"scope": "all", "set": map[string]any{"location": "Room 2"}}
		preview := w.ask("cora", "POST", path+"/preview", edit, "Idempotency-Key", "k-1").is(200)
		w.ask("ann", "POST", "/sessions/"+sessions[0]+"/signups", nil).is(201)
		again := w.ask("cora", "POST", path+"/preview", edit, "Idempotency-Key", "k-1").is(200)
		if preview.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" || string(again.body) != string(preview.body) {
			t.Errorf("%v %s", again.header, again.body)
		}
		w.ask("cora", "POST", path+"/preview", map[string]any{"scope": "all", "set": map[string]any{}}, "Idempotency-Key", "k-1").problem(422, "invalid")
		edit["preview_hash"] = w.ask("cora", "POST", path+"/preview", edit).is(200).text("preview_hash")
		first := w.ask("cora", "POST", path, edit, "Idempotency-Key", "k-2").is(201)
		same := w.ask("cora", "POST", path, edit, "Idempotency-Key", "k-2").is(201)
		if string(same.body) != string(first.body) || same.header.Get("X-Wellweek-Change") != first.header.Get("X-Wellweek-Change") || same.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%v %s", same.header, same.body)
		}
		if n, err := store.Read(t.Context(), w.store, func(v *store.View) (n int, err error) {
			return n, v.QueryRow(`select count(*) from changes where kind = 'series.edited'`).Scan(&n)
		}); n != 1 || err != nil {
			t.Errorf("%d changes, %v", n, err)
		}
	})
}
