package api

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// feedWorld is a world with a program of three Tuesdays in which ann has the first place and cora leads.
type feedWorld struct {
	*world
	program  string
	sessions []string
	feeds    *feeds
}

func newFeedWorld(t *testing.T, database string) *feedWorld {
	t.Helper()
	w := &feedWorld{world: newWorldOn(t, database)}
	if err := w.store.LoadFeeds(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.program = w.world.program("yoga", "wellness")
	_, w.sessions = w.weekly(w.program, map[string]any{"location": "Oak room", "facilitator_ids": []string{w.ids["fay"]}})
	w.world.ask("ann", "POST", "/sessions/"+w.sessions[0]+"/signups", map[string]any{}).is(201)
	w.fresh(nil)
	return w
}

// fresh forgets everything that was rendered.
func (w *feedWorld) fresh(change func(*Deps)) {
	d := Deps{
		Store: w.store, PublicURL: "https://wellweek.example.org", TimeZone: "Europe/Lisbon",
		Log: slog.New(slog.NewJSONHandler(&lockedWriter{w: w.log}, nil)), Now: w.clock.Now, Real: w.clock.Now,
	}
	if change != nil {
		change(&d)
	}
	w.feeds = newFeeds(d)
}

// subscribe makes a feed of somebody's and returns its path.
func (w *feedWorld) subscribe(who, scope string) (path, id string) {
	w.t.Helper()
	in := map[string]any{"scope": scope}
	if scope == "program" {
		in["program_id"] = w.program
	}
	r := w.world.ask(who, "POST", "/me/feeds", in).is(201)
	return strings.TrimPrefix(r.text("url"), "https://wellweek.example.org"), r.text("id")
}

func (w *feedWorld) get(method, path string, headers ...string) *http.Response {
	w.t.Helper()
	return ask(w.feeds, method, path, headers...)
}

func ask(h http.Handler, method, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFeedAnswer(t *testing.T) {
	t.Parallel()
	w := newFeedWorld(t, storetest.SQLite(t))
	path, _ := w.subscribe("ann", "program")
	w.clock.Add(time.Minute)
	r := w.get("GET", path)
	text := body(t, r)
	if r.StatusCode != 200 || !strings.HasPrefix(text, "BEGIN:VCALENDAR\r\n") || strings.Count(text, "BEGIN:VEVENT") != 3 || strings.Contains(text, "METHOD") {
		t.Fatalf("%d %s", r.StatusCode, text)
	}
	if !strings.Contains(strings.ReplaceAll(text, "\r\n ", ""), "https://wellweek.example.org/sessions/"+w.sessions[0]) {
		t.Error("no link to the session page")
	}
	want := http.Header{
		"Cache-Control": {"private, max-age=300, must-revalidate"}, "Content-Disposition": {`inline; filename="wellweek.ics"`},
		"Content-Length": {fmt.Sprint(len(text))}, "Content-Type": {"text/calendar; charset=utf-8"}, "Etag": r.Header["Etag"],
		"Last-Modified": {"Mon, 02 Nov 2026 09:00:00 GMT"}, "Referrer-Policy": {"no-referrer"}, "Vary": {"Accept-Encoding, User-Agent"},
		"X-Content-Type-Options": {"nosniff"}, "X-Robots-Tag": {"noindex"},
	}
	if diff := cmp.Diff(want, r.Header); diff != "" {
		t.Error(diff)
	}
	head := w.get("HEAD", path)
	if diff := cmp.Diff(r.Header, head.Header); diff != "" || body(t, head) != "" || head.StatusCode != 200 {
		t.Errorf("HEAD differs: %d %s", head.StatusCode, diff)
	}
	bare := strings.TrimSuffix(path, ".ics")
	for _, same := range []struct{ path, header, value string }{
		{bare, "", ""}, {path + "?cachebust=1&x", "", ""}, {path, "Authorization", "Bearer ww_nonsense"}, {path, "Authorization", "Basic ="}, {path, "Cookie", "a=b"},
	} {
		if other := w.get("GET", same.path, same.header, same.value); other.StatusCode != 200 || body(t, other) != text {
			t.Errorf("%+v: %d", same, other.StatusCode)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		if other := w.get(method, path); other.StatusCode != 405 || other.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d %v", method, other.StatusCode, other.Header)
		}
	}
}

// Unknown and stopped links cannot be told apart but by their status, and neither is ever a calendar, a redirect or a cookie.
func TestFeedRefused(t *testing.T) {
	t.Parallel()
	w := newFeedWorld(t, storetest.SQLite(t))
	path, id := w.subscribe("ann", "mine")
	left, _ := w.subscribe("ben", "mine")
	w.world.ask("ann", "DELETE", "/me/feeds/"+id, nil)
	w.world.ask("ada", "PATCH", "/people/"+w.ids["ben"], map[string]any{"status": "left"}, "If-Match", "*").is(200)
	var first *http.Response
	var said string
	for _, c := range []struct {
		path   string
		status int
	}{
		{"/feeds/" + strings.Repeat("A", 32) + ".ics", 404},
		{path, 410},
		{strings.TrimSuffix(path, ".ics"), 410},
		{left, 410},
		{"/feeds/", 404},
		{"/feeds/.ics", 404},
		{path + ".ics", 404},
		{"/feeds/" + strings.Repeat("x", 5000), 404},
		{"/feeds/%00", 404},
	} {
		r := w.get("GET", c.path, "If-None-Match", "*")
		text := body(t, r)
		if r.StatusCode != c.status || r.Header.Get("Location") != "" || r.Header.Get("Set-Cookie") != "" || strings.Contains(text, "VCALENDAR") {
			t.Errorf("%.60s: %d %s", c.path, r.StatusCode, text)
		}
		if first == nil {
			first, said = r, text
		}
		if diff := cmp.Diff(first.Header, r.Header); diff != "" || text != said {
			t.Errorf("%.60s tells more than its status: %s %q", c.path, diff, text)
		}
	}
	if strings.Contains(w.log.String(), "VCALENDAR") || strings.Contains(w.log.String(), path[7:30]) {
		t.Error("the log has a token or a feed")
	}
}

func TestFeedConditional(t *testing.T) {
	t.Parallel()
	w := newFeedWorld(t, storetest.SQLite(t))
	path, _ := w.subscribe("ann", "program")
	w.clock.Add(time.Minute)
	plain := w.get("GET", path).Header.Get("Etag")
	zipped := w.get("GET", path, "Accept-Encoding", "gzip").Header.Get("Etag")
	if plain == zipped || plain == "" || strings.HasPrefix(plain, "W/") {
		t.Fatalf("tags %s and %s", plain, zipped)
	}
	const outlook = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0)"
	for _, c := range []struct {
		name    string
		status  int
		tag     string
		headers []string
	}{
		{"none", 200, plain, nil},
		{"the plain tag", 304, plain, []string{"If-None-Match", plain}},
		{"weak", 304, plain, []string{"If-None-Match", "W/" + plain}},
		{"the compressed tag", 304, zipped, []string{"If-None-Match", zipped, "Accept-Encoding", "gzip"}},
		{"the other form", 304, zipped, []string{"If-None-Match", zipped}},
		{"list", 304, plain, []string{"If-None-Match", `"a", W/"b,c" ,` + plain}},
		{"empty members", 304, plain, []string{"If-None-Match", `, ,` + plain}},
		{"two headers", 304, plain, []string{"If-None-Match", `"a"`, "If-None-Match", plain}},
		{"star", 304, plain, []string{"If-None-Match", "*"}},
		{"star, compressed", 304, zipped, []string{"If-None-Match", " * ", "Accept-Encoding", "gzip"}},
		{"another", 200, plain, []string{"If-None-Match", `"a"`}},
		{"the tag in another", 200, plain, []string{"If-None-Match", `"x` + plain[1:]}},
		{"no quotes", 200, plain, []string{"If-None-Match", strings.Trim(plain, `"`)}},
		{"open quote", 200, plain, []string{"If-None-Match", plain[:len(plain)-1]}},
		{"empty", 200, plain, []string{"If-None-Match", ""}},
		{"Outlook, plain", 304, plain, []string{"If-None-Match", plain, "User-Agent", outlook, "Accept-Encoding", "gzip"}},
		{"Outlook cannot have the compressed one", 200, plain, []string{"If-None-Match", zipped, "User-Agent", outlook, "Accept-Encoding", "gzip"}},
		{"since then", 304, plain, []string{"If-Modified-Since", "Mon, 02 Nov 2026 09:00:00 GMT"}},
		{"since later", 304, plain, []string{"If-Modified-Since", "Mon, 02 Nov 2026 09:00:30 GMT"}},
		{"since before", 200, plain, []string{"If-Modified-Since", "Mon, 02 Nov 2026 08:59:59 GMT"}},
		{"since nonsense", 200, plain, []string{"If-Modified-Since", "yesterday"}},
		{"the tag is asked first", 200, plain, []string{"If-None-Match", `"a"`, "If-Modified-Since", "Mon, 02 Nov 2026 09:00:30 GMT"}},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			r := w.get(method, path, c.headers...)
			if r.StatusCode != c.status || r.Header.Get("Etag") != c.tag {
				t.Errorf("%s %s: %d %s, want %d %s", method, c.name, r.StatusCode, r.Header.Get("Etag"), c.status, c.tag)
			}
			if c.status == 304 {
				want := http.Header{"Etag": {c.tag}, "Cache-Control": {feedCache}, "Vary": {feedVary}}
				if diff := cmp.Diff(want, r.Header); diff != "" || body(t, r) != "" {
					t.Errorf("%s %s: %s", method, c.name, diff)
				}
			}
		}
	}
}

// While a second change could fall into the second of the last one, no date is given that would hide it.
func TestFeedLastModifiedWaits(t *testing.T) {
	t.Parallel()
	w := newFeedWorld(t, storetest.SQLite(t))
	path, _ := w.subscribe("ann", "mine")
	if got := w.get("GET", path).Header.Get("Last-Modified"); got != "" {
		t.Errorf("at once: %s", got)
	}
	since := []string{"If-Modified-Since", "Mon, 02 Nov 2026 09:00:00 GMT"}
	if got := w.get("GET", path, since...).StatusCode; got != 200 {
		t.Errorf("at once: %d", got)
	}
	w.clock.Add(3 * time.Second)
	if got := w.get("GET", path, since...).StatusCode; got != 304 {
		t.Errorf("three seconds later: %d", got)
	}
	w.clock.Add(7 * 24 * time.Hour) // the window has moved on: the bytes may have changed without a write
	if got := w.get("GET", path, since...).StatusCode; got != 200 {
		t.Errorf("a week later: %d", got)
	}
}

// A 304 needs no database and builds nothing: it is given with the store closed. What needs the database is then a 503, never a
// calendar without its sessions.
func TestFeed304NeedsNoStore(t *testing.T) {
	t.Parallel()
	w := newFeedWorld(t, storetest.SQLite(t))
	path, _ := w.subscribe("ann", "mine")
	other, _ := w.subscribe("ann", "hosting")
	tag := w.get("GET", path).Header.Get("Etag")
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if r := w.get("GET", path, "If-None-Match", tag); r.StatusCode != 304 {
			t.Fatalf("%d", r.StatusCode)
		}
	}
	if n := w.feeds.rendered.Load(); n != 1 {
		t.Errorf("rendered %d times", n)
	}
	if r := w.get("GET", path); r.StatusCode != 200 || w.feeds.rendered.Load() != 1 { // kept bytes
		t.Errorf("%d", r.StatusCode)
	}
	r := w.get("GET", other)
	if text := body(t, r); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || strings.Contains(text, "VCALENDAR") || r.Header.Get("Etag") != "" {
		t.Errorf("%d %v %s", r.StatusCode, r.Header, text)
	}
}

// The whole answer, as it travels, through everything that stands before it.
func TestFeed304OnTheWire(t *testing.T) {
	t.Parallel()
	w := newFeedWorld(t, storetest.SQLite(t))
	path, _ := w.subscribe("ann", "program")
	for range 200 { // a revision with several digits
		write(w.world, func(tx *store.Tx) (bool, error) { return true, tx.Touch("program:" + w.program) })
	}
	tag := w.get("GET", path).Header.Get("Etag")
	server := httptest.NewServer(w.handler)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: %s\r\nAccept-Encoding: gzip\r\n\r\n", path, tag)
	lines, size := bufio.NewReader(conn), 0
	var all []string
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		size += len(line)
		if line == "\r\n" {
			break
		}
		all = append(all, strings.TrimSpace(line))
	}
	t.Logf("%d bytes", size)
	if all[0] != "HTTP/1.1 304 Not Modified" || size > 220 {
		t.Errorf("%d bytes: %q", size, all)
	}
	for _, name := range []string{"Etag: ", "Cache-Control: ", "Date: ", "Vary: "} { // RFC 9110 15.4.5
		if !strings.Contains(strings.Join(all, "\n"), name) {
			t.Errorf("no %s", name)
		}
	}
}
