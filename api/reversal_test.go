package api

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// TestChangeResources asks for everything about changes and their undo once and compares the whole answers.
func TestChangeResources(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pages := newTranscripts(w)
	ask := func(who, method, path string, body any, headers ...string) reply {
		t.Helper()
		return pages.on("changes", who, method, path, body, headers...)
	}
	w.program("yoga", "wellness")
	_, sessions := w.weekly("yoga", nil)
	session := "/sessions/" + sessions[0]
	w.ask("ann", "POST", session+"/signups", nil).is(201)
	moved := w.ask("cora", "PATCH", session, map[string]any{"local_start": "2026-11-10T13:30"}, "If-Match", "*").is(200).header.Get("X-Wellweek-Change")
	ask("cora", "GET", "/changes/"+moved, nil).is(200)
	ask("cora", "PUT", "/changes/"+moved+"/reversal", nil).is(200)
	ask("cora", "PUT", "/changes/"+moved+"/reversal", nil).is(409)
	w.ask("cora", "PUT", session+"/cancellation", map[string]any{"reason": "The teacher is ill."}).is(200)
	ask("cora", "DELETE", session+"/cancellation", nil, "Idempotency-Key", "golden").is(200)
	ask("cora", "DELETE", session+"/cancellation", nil, "Idempotency-Key", "golden").is(200)
	ask("cora", "DELETE", session+"/cancellation", nil).is(200)
	pages.compare()
}

// TestC2_Undo takes a move back over HTTP while its mail is held: the session is as before with a higher sequence, and afterwards, too
// late or behind a later change, it is 409 (V5).
func TestC2_Undo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorldOn(t, database)
		w.program("yoga", "wellness")
		_, sessions := w.weekly("yoga", map[string]any{"capacity": 1})
		session := "/sessions/" + sessions[0]
		for _, who := range []string{"ann", "ben"} {
			w.ask(who, "POST", session+"/signups", nil).is(201)
		}
		edit := func(members map[string]any) string {
			t.Helper()
			id := w.ask("cora", "PATCH", session, members, "If-Match", "*").is(200).header.Get("X-Wellweek-Change")
			if id == "" {
				t.Fatal("no X-Wellweek-Change")
			}
			return "/changes/" + id
		}
		before := w.ask("cora", "GET", session, nil).is(200)
		change := edit(map[string]any{"local_start": "2026-11-10T18:30", "capacity": 2})
		if got := w.ask("cora", "GET", session, nil).is(200); got.get("confirmed") != 2.0 || got.get("sequence") != 1.0 {
			t.Fatalf("%s", got.body)
		}
		if got := w.ask("cora", "GET", change, nil).is(200).text("hold_until"); got != monday.Add(programs.Hold).String() {
			t.Errorf("held until %s", got)
		}
		undone := w.ask("cora", "PUT", change+"/reversal", nil).is(200)
		reversal := undone.header.Get("X-Wellweek-Change")
		if reversal == "" || "/changes/"+reversal == change || undone.text("undone_by") != reversal {
			t.Errorf("%v %s", undone.header, undone.body)
		}
		for _, member := range []string{"title", "starts_at", "ends_at", "local_start", "capacity", "confirmed", "waitlisted", "status", "location"} {
			after := w.ask("cora", "GET", session, nil).is(200)
			if diff := cmp.Diff(before.get(member), after.get(member)); diff != "" {
				t.Errorf("%s:\n%s", member, diff)
			}
			if after.get("sequence").(float64) <= 1 {
				t.Errorf("sequence %v", after.get("sequence"))
			}
		}
		tag := w.ask("cora", "GET", change, nil).is(200).header.Get("ETag")
		if tag != undone.header.Get("ETag") {
			t.Errorf("ETag %s and %s", tag, undone.header.Get("ETag"))
		}
		w.ask("cora", "PUT", change+"/reversal", nil).problem(409, "conflict")
		w.ask("cora", "PUT", "/changes/"+reversal+"/reversal", nil).problem(409, "conflict")

		earlier := edit(map[string]any{"title": "Evening yoga"})
		later := edit(map[string]any{"title": "Night yoga"})
		w.ask("cora", "PUT", earlier+"/reversal", nil).problem(409, "conflict")
		w.clock.Add(programs.Hold - time.Second)
		w.ask("cora", "PUT", later+"/reversal", nil).is(200)
		late := edit(map[string]any{"title": "Late yoga"})
		w.clock.Add(programs.Hold)
		w.ask("cora", "PUT", late+"/reversal", nil).problem(409, "conflict")
		w.ask("cora", "PUT", "/changes/none/reversal", nil).problem(404, "not_found")
	})
}

// TestC6_CancelReinstate is the journey over HTTP: everybody's sign-up ends and comes back with its place in line, minus who booked
// elsewhere meanwhile (W11, W12); after the start it is 409 (S3).
func TestC6_CancelReinstate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("yoga", "wellness")
	_, sessions := w.weekly("yoga", map[string]any{"capacity": 5})
	_, other := w.weekly("yoga", map[string]any{"rrule": ""})
	session := "/sessions/" + sessions[0]
	names := w.crowd(8)
	ids := map[string]string{}
	for _, who := range names {
		ids[who] = w.ask(who, "POST", session+"/signups", nil).is(201).text("id")
		w.clock.Add(time.Second)
	}
	w.ask("cora", "PUT", session+"/cancellation", map[string]any{"reason": ""}).problem(422, "invalid")
	off := w.ask("cora", "PUT", session+"/cancellation", map[string]any{"reason": "The teacher is ill."}).is(200)
	for _, who := range names {
		if r := w.ask(who, "GET", "/signups/"+ids[who], nil).is(200); r.text("state") != "cancelled" || r.text("end_reason") != "session" {
			t.Errorf("%s: %s", who, r.body)
		}
	}
	w.clock.Add(24 * time.Hour)
	w.ask(names[1], "POST", "/sessions/"+other[0]+"/signups", nil).is(201) // at the same time
	on := w.ask("cora", "DELETE", session+"/cancellation", nil, "Idempotency-Key", "c6").is(200)
	if on.text("status") != "scheduled" || on.get("cancel_reason") != nil || on.get("confirmed") != 5.0 || on.get("waitlisted") != 2.0 {
		t.Errorf("%s", on.body)
	}
	if on.get("sequence").(float64) <= off.get("sequence").(float64) {
		t.Errorf("sequence %v and %v", off.get("sequence"), on.get("sequence"))
	}
	change := on.header.Get("X-Wellweek-Change")
	if got := w.ask("cora", "GET", "/changes/"+change, nil).is(200).text("kind"); got != string(programs.SessionReinstated) {
		t.Errorf("kind %s", got)
	}
	for i, who := range names {
		r := w.ask(who, "GET", "/signups/"+ids[who], nil).is(200)
		switch {
		case i == 1 && r.text("state") != "cancelled", i < 6 && i != 1 && r.text("state") != "confirmed":
			t.Errorf("%s: %s", who, r.body)
		case i >= 6 && (r.text("state") != "waitlisted" || r.get("position") != float64(i-5)):
			t.Errorf("%s: %s", who, r.body)
		}
	}
	again := w.ask("cora", "DELETE", session+"/cancellation", nil, "Idempotency-Key", "c6").is(200)
	if again.header.Get("Idempotent-Replayed") != "true" || again.header.Get("X-Wellweek-Change") != change || string(again.body) != string(on.body) {
		t.Errorf("a repetition with the same key: %v %s", again.header, again.body)
	}
	if same := w.ask("cora", "DELETE", session+"/cancellation", nil).is(200); same.header.Get("X-Wellweek-Change") != "" || same.header.Get("ETag") != on.header.Get("ETag") {
		t.Errorf("putting on what is on: %v", same.header)
	}
	w.ask("cora", "PUT", session+"/cancellation", map[string]any{"reason": "The teacher is ill."}).is(200)
	w.clock.Set(programs.At(time.Date(2026, 11, 10, 12, 30, 0, 0, time.UTC)))
	w.ask("cora", "DELETE", session+"/cancellation", nil).problem(409, "closed")
}
