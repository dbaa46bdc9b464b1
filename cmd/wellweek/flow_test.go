package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// flow is the whole program as its people meet it: a server with a real relay, some callers, and the post that arrived.
type flow struct {
	t       *testing.T
	environ []string
	server  *server
	sink    *notifytest.Sink
	seen    int // mails that a step has accounted for
}

// startFlow starts a server on the database whose time begins at start and runs speed times as fast.
func startFlow(t *testing.T, database, start string, speed int) *flow {
	t.Helper()
	f := &flow{t: t, sink: notifytest.New(t, notifytest.Options{Pipelining: true})}
	f.environ = []string{
		"WELLWEEK_DATABASE=" + database,
		fmt.Sprintf("WELLWEEK_SMTP_URL=smtp://%s:%d?tls=off", f.sink.Host, f.sink.Port),
		"WELLWEEK_MAIL_FROM=wellweek@example.org", "WELLWEEK_TIME_ZONE=Europe/Berlin", "WELLWEEK_PUBLIC_URL=https://wellweek.example.org",
	}
	f.start(start, speed)
	return f
}

// start starts the server, again after it was stopped.
func (f *flow) start(start string, speed int) {
	f.t.Helper()
	f.server = serving(f.t, f.environ, "serve", "--clock-start", start, "--clock-speed", strconv.Itoa(speed))
}

// person makes somebody in the directory and returns the id and a caller with their token.
func (f *flow) person(admin caller, email, name string, roles ...string) (string, caller) {
	f.t.Helper()
	id := word(f.t, admin.must(f.t, http.StatusCreated, "POST", "/api/v1/people", map[string]any{"email": email, "name": name, "roles": roles}), "id")
	return id, f.server.as(newToken(f.t, f.environ, "--person", email))
}

// letter is one mail with its calendar object, both parsed back.
type letter struct {
	to, event string
	mail      notifytest.Parsed
	object    *ical.Event // nil: no calendar part
}

// post waits until exactly the wanted mails have arrived since the last call, in any order, each named "event address METHOD".
func (f *flow) post(want ...string) map[string]letter {
	f.t.Helper()
	late := time.Now().Add(30 * time.Second)
	for len(f.sink.Mails()) < f.seen+len(want) && time.Now().Before(late) {
		time.Sleep(20 * time.Millisecond)
	}
	got := map[string]letter{}
	for _, m := range f.sink.Mails()[f.seen:] {
		l := f.read(m)
		name := l.event + " " + l.to
		if l.object != nil {
			name += " " + l.mail.Method
		}
		if _, twice := got[name]; twice {
			f.t.Errorf("%s came twice", name)
		}
		got[name] = l
		f.seen++
	}
	for _, name := range want {
		if _, ok := got[name]; !ok {
			f.t.Fatalf("no mail %q; there are %q", name, keys(got))
		}
	}
	if len(got) != len(want) {
		f.t.Fatalf("mails %q, want %q", keys(got), want)
	}
	return got
}

// read takes a mail apart and checks what every mail has.
func (f *flow) read(m notifytest.Mail) letter {
	f.t.Helper()
	p := notifytest.Parse(f.t, m.Raw)
	l := letter{event: p.Header.Get("X-Wellweek-Event"), mail: p}
	if len(m.To) != 1 || p.Header.Get("To") == "" || !strings.Contains(p.Header.Get("To"), m.To[0]) {
		f.t.Errorf("to %q and %q", m.To, p.Header.Get("To"))
	}
	l.to = strings.TrimSuffix(m.To[0], "@example.org")
	if p.Text == "" || p.HTML == "" || p.Header.Get("Message-ID") == "" || p.Header.Get("Auto-Submitted") != "auto-generated" {
		f.t.Errorf("%s to %s: text, HTML, Message-ID or Auto-Submitted is missing", l.event, l.to)
	}
	if p.Calendar == "" {
		return l
	}
	c, err := ical.NewDecoder(strings.NewReader(p.Calendar)).Decode()
	if err != nil {
		f.t.Fatalf("%s to %s: %v\n%s", l.event, l.to, err, p.Calendar)
	}
	events := c.Events()
	if method := c.Props.Get("METHOD"); len(events) != 1 || method == nil || method.Value != p.Method || p.Attachment != p.Calendar {
		f.t.Fatalf("%s to %s: not one event with one METHOD, as part and as attachment:\n%s", l.event, l.to, p.Calendar)
	}
	l.object = &events[0]
	attendees := l.object.Props["ATTENDEE"]
	if len(attendees) != 1 || attendees[0].Value != "mailto:"+m.To[0] {
		f.t.Errorf("%s to %s: attendees %v", l.event, l.to, attendees)
	}
	return l
}

// agrees checks a calendar object against the session as the API shows it, with the wanted SEQUENCE.
func (f *flow) agrees(what string, object *ical.Event, session map[string]any, sequence int) {
	f.t.Helper()
	value := func(name string) string {
		if p := object.Props.Get(name); p != nil {
			return p.Value
		}
		return ""
	}
	stamp := func(member string) string {
		at, err := time.Parse(time.RFC3339, word(f.t, session, member))
		if err != nil {
			f.t.Fatal(err)
		}
		return at.Format("20060102T150405Z")
	}
	status := map[string]string{"scheduled": "CONFIRMED", "cancelled": "CANCELLED"}[word(f.t, session, "status")]
	for name, want := range map[string]string{
		"UID": word(f.t, session, "id") + "@wellweek", "DTSTART": stamp("starts_at"), "DTEND": stamp("ends_at"),
		"SEQUENCE": strconv.Itoa(sequence), "STATUS": status,
	} {
		if got := value(name); got != want {
			f.t.Errorf("%s: %s is %q, the API says %q", what, name, got, want)
		}
	}
	if summary := value("SUMMARY"); !strings.Contains(summary, word(f.t, session, "title")) {
		f.t.Errorf("%s: summary %q", what, summary)
	}
}

// feed makes a private link and returns a function that fetches it: the events by UID, and the ETag with the bytes.
func (f *flow) feed(c caller, body map[string]any) func() (map[string]ical.Event, string) {
	f.t.Helper()
	url := word(f.t, c.must(f.t, http.StatusCreated, "POST", "/api/v1/me/feeds", body), "url")
	path := strings.TrimPrefix(url, "https://wellweek.example.org")
	return func() (map[string]ical.Event, string) {
		f.t.Helper()
		answer, err := http.Get(f.server.url + path)
		if err != nil {
			f.t.Fatal(err)
		}
		defer answer.Body.Close()
		raw, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			f.t.Fatalf("feed: %d %v", answer.StatusCode, err)
		}
		c, err := ical.NewDecoder(bytes.NewReader(raw)).Decode()
		if err != nil {
			f.t.Fatalf("feed: %v\n%s", err, raw)
		}
		events := map[string]ical.Event{}
		for _, e := range c.Events() {
			events[e.Props.Get("UID").Value] = e
		}
		return events, answer.Header.Get("ETag") + string(raw)
	}
}

func keys(m map[string]letter) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}

// TestFlow is the main job, end to end: a weekly session is scheduled, joined, invited to, moved, called off and seen in a calendar.
func TestFlow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		f := startFlow(t, database, "2027-03-01T08:00:00Z", 240)
		admin := f.server.as(newToken(t, f.environ, "--name", "setup", "--role", "admin"))
		_, carla := f.person(admin, "carla@example.org", "Carla Coordinator", "coordinator")
		_, ann := f.person(admin, "ann@example.org", "Ann")
		_, bo := f.person(admin, "bo@example.org", `Bo "the Builder" O'Hara; Ltd, ÄÖ`)
		_, cy := f.person(admin, "cy@example.org", "Cy")

		program := word(t, carla.must(t, http.StatusCreated, "POST", "/api/v1/programs", map[string]any{"slug": "bewell", "name": "BeWell", "kind": "wellness"}), "id")
		series := word(t, carla.must(t, http.StatusCreated, "POST", "/api/v1/series", map[string]any{
			"program_id": program, "title": "BeWell: Lunchtime yoga", "local_start": "2027-03-09T12:30", "time_zone": "Europe/Berlin",
			"duration_minutes": 45, "rrule": "FREQ=WEEKLY;COUNT=10", "capacity": 2, "location": "Room 1, left; \\ ^ wing",
		}), "id")
		list := ann.must(t, http.StatusOK, "GET", "/api/v1/sessions?series_id="+series, nil)["items"].([]any)
		if len(list) != 10 {
			t.Fatalf("%d sessions", len(list))
		}
		for i, want := range []string{"2027-03-23T11:30:00Z", "2027-03-30T10:30:00Z"} { // the clocks go forward on 28 March
			if got := word(t, list[i+2].(map[string]any), "starts_at"); got != want {
				t.Errorf("session %d starts at %s, want %s", i+2, got, want)
			}
		}
		id := word(t, list[3].(map[string]any), "id")
		session := func() map[string]any { return ann.must(t, http.StatusOK, "GET", "/api/v1/sessions/"+id, nil) }
		uid := id + "@wellweek"
		annsFeed, bosFeed, cysFeed := f.feed(ann, map[string]any{"scope": "mine"}), f.feed(bo, map[string]any{"scope": "mine"}), f.feed(cy, map[string]any{"scope": "mine"})
		bewell := f.feed(bo, map[string]any{"scope": "program", "program_id": program})

		// Two are confirmed and invited, the third waits.
		join := func(c caller) map[string]any {
			return c.must(t, http.StatusCreated, "POST", "/api/v1/sessions/"+id+"/signups", map[string]any{}, "Idempotency-Key", "flow-1")
		}
		annsSeat, bosSeat, cysSeat := join(ann), join(bo), join(cy)
		for who, row := range map[string]struct {
			signup   map[string]any
			state    string
			position any
		}{"ann": {annsSeat, "confirmed", nil}, "bo": {bosSeat, "confirmed", nil}, "cy": {cysSeat, "waitlisted", 1.0}} {
			if row.signup["state"] != row.state || row.signup["position"] != row.position {
				t.Errorf("%s: %v", who, row.signup)
			}
		}
		mails := f.post("confirmed ann REQUEST", "confirmed bo REQUEST", "waitlisted cy")
		f.agrees("ann's invitation", mails["confirmed ann REQUEST"].object, session(), 0)
		f.agrees("bo's invitation", mails["confirmed bo REQUEST"].object, session(), 0)
		organizer := mails["confirmed bo REQUEST"].object.Props.Get("ORGANIZER").Value
		if events, _ := bosFeed(); len(events) != 1 || events[uid].Component == nil {
			t.Errorf("bo's feed has %d events", len(events))
		} else {
			e := events[uid]
			f.agrees("bo's feed", &e, session(), 0)
		}
		if events, _ := cysFeed(); events[uid].Component != nil {
			t.Error("a waiting place is in a feed")
		}

		// Ann leaves: that is told to her alone; Cy has the place in the same moment.
		ann.must(t, http.StatusNoContent, "DELETE", "/api/v1/signups/"+word(t, annsSeat, "id"), nil)
		ann.must(t, http.StatusNoContent, "DELETE", "/api/v1/signups/"+word(t, annsSeat, "id"), nil)
		if got := cy.must(t, http.StatusOK, "GET", "/api/v1/signups/"+word(t, cysSeat, "id"), nil); got["state"] != "confirmed" {
			t.Errorf("cy is %v", got["state"])
		}
		mails = f.post("left ann CANCEL", "promoted cy REQUEST")
		if left := mails["left ann CANCEL"].object; left.Props.Get("UID").Value != uid || left.Props.Get("SEQUENCE").Value != "1" || left.Props.Get("STATUS").Value != "CANCELLED" {
			t.Errorf("ann's cancellation: %v", left.Props)
		}
		f.agrees("cy's invitation", mails["promoted cy REQUEST"].object, session(), 0)
		if events, _ := annsFeed(); events[uid].Component != nil {
			t.Error("ann's feed keeps the seat she gave up")
		}

		// The session is moved by an hour and to another room.
		before, move := session(), map[string]any{"local_start": "2027-03-30T13:30", "location": "Room 2"}
		carla.must(t, http.StatusPreconditionRequired, "PATCH", "/api/v1/sessions/"+id, move)
		carla.must(t, http.StatusPreconditionFailed, "PATCH", "/api/v1/sessions/"+id, move, "If-Match", `"`+id+`.99"`)
		ann.must(t, http.StatusForbidden, "PATCH", "/api/v1/sessions/"+id, move, "If-Match", f.etag(carla, id))
		_, etag := bosFeed()
		carla.must(t, http.StatusOK, "PATCH", "/api/v1/sessions/"+id, move, "If-Match", f.etag(carla, id))
		moved := session()
		if moved["starts_at"] != "2027-03-30T11:30:00Z" || moved["sequence"] != 1.0 || moved["status"] != "scheduled" {
			t.Fatalf("moved: %v", moved)
		}
		if events, now := bosFeed(); now == etag {
			t.Error("the feed's ETag stayed")
		} else {
			e := events[uid]
			f.agrees("bo's feed, moved", &e, moved, 1)
		}
		mails = f.post("moved bo REQUEST", "moved cy REQUEST")
		for name, m := range mails {
			f.agrees(name, m.object, moved, 1)
			for _, fact := range []string{"12:30", "13:30", "Room 2"} {
				if !strings.Contains(m.mail.Text, fact) || !strings.Contains(m.mail.HTML, fact) {
					t.Errorf("%s does not say %s:\n%s", name, fact, m.mail.Text)
				}
			}
		}
		if got := mails["moved bo REQUEST"].object.Props.Get("ORGANIZER").Value; got != organizer {
			t.Errorf("the organizer changed from %s to %s", organizer, got)
		}

		// It is called off.
		carla.must(t, http.StatusUnprocessableEntity, "PUT", "/api/v1/sessions/"+id+"/cancellation", map[string]any{"reason": " "})
		carla.must(t, http.StatusOK, "PUT", "/api/v1/sessions/"+id+"/cancellation", map[string]any{"reason": "The teacher is ill"})
		off := session()
		if off["status"] != "cancelled" || off["sequence"] != 2.0 || off["cancel_reason"] != "The teacher is ill" || off["starts_at"] != moved["starts_at"] {
			t.Fatalf("called off: %v", off)
		}
		mails = f.post("cancelled bo CANCEL", "cancelled cy CANCEL")
		for name, m := range mails {
			f.agrees(name, m.object, off, 2)
			if !strings.Contains(m.mail.Text, "The teacher is ill") || !strings.HasPrefix(m.mail.Subject, "Cancelled: ") {
				t.Errorf("%s: %q does not say why:\n%s", name, m.mail.Subject, m.mail.Text)
			}
		}
		for who, feed := range map[string]func() (map[string]ical.Event, string){"bo": bosFeed, "cy": cysFeed, "program": bewell} {
			events, _ := feed()
			e, ok := events[uid]
			if !ok {
				t.Fatalf("%s: the cancelled session vanished from the feed", who)
			}
			f.agrees(who+"'s feed, cancelled", &e, off, 2)
			if summary := e.Props.Get("SUMMARY").Value; !strings.HasPrefix(summary, "Cancelled: ") {
				t.Errorf("%s: %q", who, summary)
			}
			if who == "program" && len(events) != 10 {
				t.Errorf("the program's feed has %d events: the other weeks stay", len(events))
			}
		}
		if same := before["id"] == off["id"]; !same {
			t.Error("the id changed")
		}

		// The ledger says the same, and every invariant holds.
		for late := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) { // a mail is here before its row says so
			all := carla.must(t, http.StatusOK, "GET", "/api/v1/messages?session_id="+id, nil)["items"].([]any)
			sent := carla.must(t, http.StatusOK, "GET", "/api/v1/messages?state=sent&session_id="+id, nil)["items"].([]any)
			if len(all) == f.seen && len(sent) == f.seen {
				break
			}
			if time.Now().After(late) {
				t.Fatalf("%d mails, but %d rows in the ledger, %d of them sent", f.seen, len(all), len(sent))
			}
		}
		_, etag = bosFeed()
		if status := f.server.stop(); status != 0 {
			t.Fatalf("exit status %d: %s", status, f.server.stderr)
		}
		if got := typing(t, f.environ, "", "check"); got.status != 0 {
			t.Errorf("check: %s%s", got.stdout, got.stderr)
		}
		f.start("2027-03-02T08:00:00Z", 1)
		if _, again := bosFeed(); again != etag {
			t.Errorf("the feed's bytes or its ETag changed with a restart:\n%s\n%s", etag, again)
		}
	})
}

// TestFlow_Reminders rehearses the last weekend of March 2027 in Berlin: a session on Saturday and one on Sunday at 13:30, with the
// night in which the clocks go forward between them. Each reminder comes once, at its local time, over two restarts.
func TestFlow_Reminders(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		f := startFlow(t, database, "2027-03-26T11:50:00Z", 300)
		adminToken := newToken(t, f.environ, "--name", "setup", "--role", "admin")
		admin := f.server.as(adminToken)
		_, ann := f.person(admin, "ann@example.org", "Ann")
		_, bo := f.person(admin, "bo@example.org", "Bo")
		admin.must(t, http.StatusCreated, "POST", "/api/v1/programs", map[string]any{"slug": "run", "name": "Running", "kind": "wellness"})
		admin.must(t, http.StatusCreated, "POST", "/api/v1/series", map[string]any{
			"program_id": "run", "title": "Weekend run", "local_start": "2027-03-27T13:30", "time_zone": "Europe/Berlin", "duration_minutes": 60,
			"rrule": "FREQ=DAILY;COUNT=2", "capacity": 1,
		})
		for _, s := range ann.must(t, http.StatusOK, "GET", "/api/v1/sessions", nil)["items"].([]any) {
			for _, c := range []caller{ann, bo} { // Bo waits, and is never reminded
				c.must(t, http.StatusCreated, "POST", "/api/v1/sessions/"+word(t, s.(map[string]any), "id")+"/signups", map[string]any{})
			}
		}
		reminded := func(n int) []any {
			t.Helper()
			admin := f.server.as(adminToken)
			for late := time.Now().Add(30 * time.Second); time.Now().Before(late); time.Sleep(20 * time.Millisecond) {
				rows := admin.must(t, http.StatusOK, "GET", "/api/v1/messages?event=reminder&state=sent", nil)["items"].([]any)
				if len(rows) >= n {
					return rows
				}
			}
			t.Fatalf("%d reminders did not come", n)
			return nil
		}
		reminded(1)
		f.server.stop()
		f.start("2027-03-27T11:40:00Z", 300)
		reminded(3)
		f.server.stop()
		f.start("2027-03-28T10:45:00Z", 300)
		rows := reminded(4)
		time.Sleep(2 * time.Second) // ten rehearsed minutes in which nothing more may come
		if got := len(reminded(4)); got != 4 {
			t.Errorf("%d reminders", got)
		}
		sent := 0
		for _, m := range f.sink.Mails() {
			if l := f.read(m); l.event == "reminder" {
				sent++
				if l.object != nil || l.to != "ann" {
					t.Errorf("a reminder to %s with %v", l.to, l.object)
				}
			}
		}
		if sent != 4 {
			t.Errorf("%d reminders arrived", sent)
		}
		want := []string{
			"2027-03-28T11:00:00Z", // Sunday 13:00 CEST
			"2027-03-27T12:30:00Z", // Saturday 13:30 CET: the same wall time, 23 hours before
			"2027-03-27T12:00:00Z",
			"2027-03-26T12:30:00Z",
		}
		for i, row := range rows {
			due, at := f.instant(row, "not_before"), f.instant(row, "sent_at")
			if got := due.Format(time.RFC3339); got != want[i] {
				t.Errorf("reminder %d was due at %s, want %s", i, got, want[i])
			}
			if at.Before(due) || at.Sub(due) > 25*time.Minute {
				t.Errorf("reminder %d was due at %s and sent at %s", i, due, at)
			}
		}
	})
}

func (f *flow) instant(row any, member string) time.Time {
	f.t.Helper()
	at, err := time.Parse(time.RFC3339, word(f.t, row.(map[string]any), member))
	if err != nil {
		f.t.Fatal(err)
	}
	return at
}

// etag is the session's tag as its coordinator reads it.
func (f *flow) etag(c caller, id string) string {
	f.t.Helper()
	r, err := http.NewRequest(http.MethodGet, c.url+"/api/v1/sessions/"+id, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	answer, err := c.client.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.Header.Get("ETag")
}
