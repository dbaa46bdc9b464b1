package web

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/wellweek/wellweek/api/identity"
	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/demo"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// morning is Wednesday 18 November 2026, 08:40 UTC.
var morning = programs.At(time.Date(2026, 11, 18, 8, 40, 0, 0, time.UTC))

// world is the pages over a store of their own.
type world struct {
	t     *testing.T
	store *store.Store
	clock *storetest.Clock
	demo  demo.World
	log   strings.Builder
	made  map[[2]bool]http.Handler // by Demo and Relay
	Deps
}

// empty is a world in which nothing is planned.
func empty(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: storetest.NewClock(morning), made: map[[2]bool]http.Handler{}}
	s, err := store.Open(t.Context(), store.Options{Database: storetest.SQLite(t), Now: w.clock.Now, Schemas: []store.Schema{
		{Room: "store", Files: store.Files()}, {Room: "notify", Files: notify.Schema()}, {Room: "identity", Files: identity.Schema()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.store = s
	w.Deps = Deps{
		Store: s, PublicURL: "http://localhost:8080", TimeZone: "Europe/Lisbon", Demo: true, Identity: identity.New(s, w.clock.Now),
		Log: slog.New(slog.NewTextHandler(&w.log, nil)), Now: w.clock.Now,
	}
	return w
}

// full is the sample company, with its mail caught.
func full(t *testing.T) *world {
	t.Helper()
	w := empty(t)
	var err error
	if w.demo, err = demo.Build(t.Context(), w.store, morning); err != nil {
		t.Fatal(err)
	}
	w.clock.Add(5 * time.Minute)
	set := notify.Settings{PublicURL: w.PublicURL, From: "wellweek@example.org", ReplyDomain: "example.org", TimeZone: w.TimeZone}
	if _, err := notify.Plan(t.Context(), w.store, set); err != nil {
		t.Fatal(err)
	}
	m := &notify.Mailer{Store: w.store, Settings: set, Log: slog.New(slog.DiscardHandler)}
	if n, err := m.Send(t.Context()); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	return w
}

// visit is a request from this machine, with pairs of headers.
func visit(path string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr, r.Host = "127.0.0.1:40000", "localhost:8080"
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func (w *world) get(path string) (*http.Response, string) {
	w.t.Helper()
	return w.answer(visit(path))
}

func (w *world) answer(r *http.Request) (*http.Response, string) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	kind := [2]bool{w.Demo, w.Relay}
	if w.made[kind] == nil {
		w.made[kind] = Handler(w.Deps)
	}
	w.made[kind].ServeHTTP(rec, r)
	return rec.Result(), rec.Body.String()
}

// write runs one act.
func write[T any](w *world, f func(*store.Tx) (T, error)) T {
	w.t.Helper()
	v, err := store.Write(context.WithoutCancel(w.t.Context()), w.store, f)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// key is the token of a new key with a role.
func (w *world) key(role programs.Role) string {
	w.t.Helper()
	return write(w, func(tx *store.Tx) (string, error) {
		token, _, err := identity.MakeKey(tx, programs.System(), identity.Key{Name: "k", Role: role})
		return token, err
	})
}

// structure reads a page as a browser without scripts or styles would, and tells what is wrong with it. It returns the title and the
// links to other pages.
func structure(html string) (title string, links, faults []string) {
	if !strings.HasPrefix(html, "<!doctype html>\n") {
		faults = append(faults, "no doctype")
	}
	d := xml.NewDecoder(strings.NewReader(html))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	ids, labels, level, heads, mains := map[string]int{}, []string{}, 0, 0, 0
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return title, links, append(faults, "not well formed: "+err.Error())
		}
		switch e := token.(type) {
		case xml.CharData:
			if len(open) != 0 && open[len(open)-1] == "title" {
				title += string(e)
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.StartElement:
			name := e.Name.Local
			open = append(open, name)
			attr := map[string]string{}
			for _, a := range e.Attr {
				n := a.Name.Local
				attr[n] = a.Value
				if n == "style" || strings.HasPrefix(n, "on") {
					faults = append(faults, name+" has an inline "+n)
				}
				if n == "id" {
					ids[a.Value]++
				}
				if n == "aria-labelledby" || n == "aria-describedby" || n == "for" {
					labels = append(labels, a.Value)
				}
				if (n == "src" || n == "href" && name != "a") && !strings.HasPrefix(a.Value, "/") {
					faults = append(faults, name+" loads from outside: "+a.Value)
				}
			}
			switch name {
			case "html":
				if attr["lang"] == "" {
					faults = append(faults, "no lang")
				}
			case "script", "style":
				faults = append(faults, "an inline "+name)
			case "main":
				mains++
			case "img", "iframe":
				if _, ok := attr["alt"]; !ok && attr["title"] == "" {
					faults = append(faults, name+" without words")
				}
			case "a":
				if u, err := url.Parse(attr["href"]); err != nil || attr["href"] == "" {
					faults = append(faults, "a link to nowhere")
				} else if u.Host == "" && u.Path != "" {
					links = append(links, attr["href"])
				}
			case "h1", "h2", "h3", "h4":
				n := int(name[1] - '0')
				if n == 1 {
					heads++
				}
				if n > level+1 {
					faults = append(faults, "heading "+name+" skips a level")
				}
				level = n
			case "section", "nav", "aside":
				if attr["aria-label"] == "" && attr["aria-labelledby"] == "" {
					faults = append(faults, name+" without a name")
				}
			case "input", "select", "textarea":
				if attr["id"] == "" || !strings.Contains(html, `for="`+attr["id"]+`"`) {
					faults = append(faults, name+" without a label")
				}
			}
		}
	}
	for id, n := range ids {
		if n > 1 {
			faults = append(faults, "the id "+id+" is there twice")
		}
	}
	for _, l := range labels {
		if ids[l] == 0 {
			faults = append(faults, "nothing has the id "+l)
		}
	}
	for _, l := range links {
		if _, at, ok := strings.Cut(l, "#"); ok && strings.HasPrefix(l, "#") && ids[at] == 0 {
			faults = append(faults, "a link to "+l+", which is not there")
		}
	}
	if heads != 1 || mains != 1 {
		faults = append(faults, count(heads, "h1", "h1s")+", "+count(mains, "main", "mains"))
	}
	return title, links, faults
}

// The check must see what it is for.
func TestStructureSees(t *testing.T) {
	t.Parallel()
	const good = `<!doctype html>
<html lang="en"><head><title>A</title><link rel="stylesheet" href="/a.css"/></head><body><main><h1>A</h1><h2 id="x">B</h2><section aria-labelledby="x"><img src="/a" alt=""/></section></main></body></html>`
	if title, _, faults := structure(good); title != "A" || len(faults) != 0 {
		t.Fatalf("%q %q", title, faults)
	}
	for from, to := range map[string]string{
		"<!doctype html>\n": "", ` lang="en"`: "", "<h2 id": "<h3 id", "h1>": "p>", `id="x"`: `id="y"`, ` alt=""`: "",
		`href="/a.css"`: `href="https://example.org/a.css"`, "<main>": `<main onload="x">`, "<h1>": `<h1 style="x">`,
		"</main>": "<script></script></main>", `<section aria-labelledby="x">`: "<section>", "<body>": `<body id="x">`, "<h1>A": `<input id="q"/><h1>A`,
	} {
		if _, _, faults := structure(strings.ReplaceAll(good, from, to)); len(faults) == 0 {
			t.Errorf("%q -> %q is not seen", from, to)
		}
	}
}

// Every page that can be reached from the first one by links, and the pages for when there is nothing or no such thing.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	w := full(t)
	titles, seen, todo := map[string]string{}, map[string]bool{}, []string{"/", "/nothing", "/programs/none", "/sessions/none", "/mail/none"}
	byKind := map[string]int{}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		path, _, _ = strings.Cut(path, "#")
		if path == "" || seen[path] || path == "/docs" || strings.HasPrefix(path, "/openapi.") {
			continue
		}
		seen[path] = true
		r, html := w.get(path)
		want := http.StatusOK
		if strings.Contains(path, "none") || path == "/nothing" {
			want = http.StatusNotFound
		}
		if r.StatusCode != want || r.Header.Get("Referrer-Policy") == "" || r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
		}
		if strings.Contains(path, "message.eml") || strings.Contains(path, "invite.ics") {
			continue
		}
		if got := r.Header.Get("Content-Security-Policy"); got != policy {
			t.Errorf("%s: policy %q", path, got)
		}
		title, links, faults := structure(html)
		for _, f := range faults {
			t.Errorf("%s: %s", path, f)
		}
		if other, ok := titles[title]; ok && want == http.StatusOK && !strings.HasPrefix(path, "/mail") && !strings.HasPrefix(path, "/?") {
			t.Errorf("%s and %s have the title %q", path, other, title)
		}
		titles[title] = path
		byKind[strings.SplitN(strings.Trim(path, "/")+"//", "/", 2)[0]]++
		todo = append(todo, links...)
	}
	for kind, least := range map[string]int{"sessions": 30, "programs": 7, "mail": 50, "": 1} {
		if byKind[kind] < least {
			t.Errorf("only %d pages of %q: %v", byKind[kind], kind, byKind)
		}
	}
	if w.log.Len() != 0 {
		t.Errorf("log: %s", w.log.String())
	}
	nothing := empty(t)
	for _, path := range []string{"/", "/programs", "/mail"} {
		r, html := nothing.get(path)
		if _, _, faults := structure(html); r.StatusCode != 200 || len(faults) != 0 || !strings.Contains(html, "w-empty") {
			t.Errorf("empty %s: %d %q", path, r.StatusCode, faults)
		}
	}
}

func TestHub(t *testing.T) {
	t.Parallel()
	w := full(t)
	_, html := w.get("/")
	for _, want := range []string{
		"18 November – 1 December", "Wednesday 18 November <span", ">Today</span>", "Times are shown in Lisbon time.", "Full, 2 people waiting", `href="/mail"`, `href="/docs"`,
		"Earlier today", ` in New York</span>`, `class="w-card h-`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, hidden := range []string{"alderfinch.example", "Duarte"} { // who goes is nobody's business here
		if strings.Contains(html, hidden) {
			t.Errorf("the page tells %q", hidden)
		}
	}
	_, html = w.get("/?program=first-aid")
	if !strings.Contains(html, "First aid: the basics") || strings.Contains(html, "Lunchtime yoga") {
		t.Error("the filter does not filter")
	}
	if r, _ := w.get("/?program=none"); r.StatusCode != 404 {
		t.Errorf("a program that is none: %d", r.StatusCode)
	}
	w.clock.Set(programs.At(time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC).AddDate(4, 0, 0))) // past every planned date
	if _, html = w.get("/"); !strings.Contains(html, "Nothing is planned in these two weeks") {
		t.Error("no empty state")
	}
}

// With nothing near, the page names what comes later.
func TestHubNext(t *testing.T) {
	t.Parallel()
	w := empty(t)
	write(w, func(tx *store.Tx) (programs.Series, error) {
		p := programs.Defaults()
		p.Slug, p.Name, p.Kind = "first-aid", "First aid", programs.Training
		p, err := tx.AddProgram(programs.System(), p)
		if err != nil {
			return programs.Series{}, err
		}
		start, err := programs.ParseWall("2027-01-12T09:00")
		if err != nil {
			return programs.Series{}, err
		}
		made, _, err := tx.Schedule(programs.System(), programs.Series{ProgramID: p.ID, Details: programs.Details{
			Title: "First aid: the basics", LocalStart: start, TimeZone: "Europe/Berlin", DurationMinutes: 180,
		}})
		return made, err
	})
	for path, more := range map[string]string{"/": "Plan a series", "/?program=first-aid": "Show all programs"} {
		_, html := w.get(path)
		if !strings.Contains(html, `Next: <a href="/sessions/`) || !strings.Contains(html, ">Tue 12 January, First aid: the basics</a>") || !strings.Contains(html, more) {
			t.Errorf("%s offers no next step", path)
		}
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	w := full(t)
	write(w, func(tx *store.Tx) (programs.Session, error) {
		return tx.EditSession(programs.System(), w.demo.Full.ID, 0, func(d *programs.Details) {
			d.Title = `<script>alert("x")</script>`
			d.JoinURL = "https://video.example.org/secret-room"
			d.Description = "# Head\n\n**bold** <script>bad()</script> [go](javascript:alert(1)) ![pixel](https://tracker.example.org/p.png)\n\n<script>\nworse()\n</script>"
		})
	})
	_, html := w.get("/sessions/" + string(w.demo.Full.ID))
	for _, bad := range []string{"<script", "secret-room", `href="javascript`, "<img src=\"https", "alderfinch.example"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, want := range []string{"&lt;script&gt;", "<h3>Head</h3>", "<strong>bold</strong>", `<a href="https://tracker.example.org/p.png">pixel</a>`, "2 people waiting"} {
		if !strings.Contains(html, want) {
			t.Errorf("no %q", want)
		}
	}
	if _, _, faults := structure(html); len(faults) != 0 {
		t.Error(faults)
	}
	_, html = w.get("/sessions/" + string(w.demo.Cancelled.ID))
	if !strings.Contains(html, "This session is cancelled.") || !strings.Contains(html, w.demo.Cancelled.CancelReason) || strings.Contains(html, "places left of") {
		t.Error("a cancelled session does not say so, or not why")
	}
}

// Who sees which page, in a demo and not, with a relay and not, from here and from elsewhere.
func TestGuards(t *testing.T) {
	t.Parallel()
	w := full(t)
	session := "/sessions/" + string(w.demo.Full.ID)
	list, err := store.Read(t.Context(), w.store, func(v *store.View) ([]notify.Message, error) {
		list, _, err := notify.Messages(v, notify.MessageFilter{State: notify.Sent, Event: notify.Confirmed})
		return list, err
	})
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	letter := "/mail/" + list[0].ID
	mails := []string{"/mail", letter, letter + "/html", letter + "/message.eml", letter + "/invite.ics", "/mail/none"}
	tokens := map[string]string{"nobody": "", "stranger": "ww_" + strings.Repeat("A", 43)}
	for _, role := range append(programs.Roles(), programs.Inbound) {
		tokens[string(role)] = w.key(role)
	}
	from := map[string]func(*http.Request){
		"here":            func(*http.Request) {},
		"here, IPv6":      func(r *http.Request) { r.RemoteAddr, r.Host = "[::1]:4000", "[::1]:8080" },
		"elsewhere":       func(r *http.Request) { r.RemoteAddr = "192.0.2.7:4000" },
		"a foreign name":  func(r *http.Request) { r.Host = "rebound.example.org:8080" },
		"through a proxy": func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") },
		"another proxy":   func(r *http.Request) { r.Header.Set("Forwarded", "for=127.0.0.1") },
		"no address":      func(r *http.Request) { r.RemoteAddr = "@" },
	}
	for _, c := range []struct{ demo, relay bool }{{true, false}, {false, false}, {true, true}, {false, true}} {
		w.Demo, w.Relay = c.demo, c.relay
		for place, move := range from {
			open := c.demo && strings.HasPrefix(place, "here")
			for who, token := range tokens {
				ask := func(path string) (int, string) {
					r := visit(path)
					move(r)
					if token != "" {
						r.Header.Set("Authorization", "Bearer "+token)
					}
					res, body := w.answer(r)
					if res.StatusCode == 401 && res.Header.Get("WWW-Authenticate") != "Bearer" {
						t.Errorf("%s: 401 without a way in", path)
					}
					return res.StatusCode, body
				}
				var first string
				for _, path := range []string{"/", "/programs", "/programs/first-aid", "/programs/none", session, "/sessions/none"} {
					status, body := ask(path)
					want := 403
					if open || path == "/" {
						want = 200
					}
					if open && strings.Contains(path, "none") {
						want = 404
					}
					if status != want {
						t.Errorf("%+v %s %s %s: %d, want %d", c, place, who, path, status, want)
					}
					if open {
						continue
					}
					if first == "" {
						first = body
					}
					if body != first || !strings.Contains(body, "Sign-in is not part of this version") || strings.Contains(body, "yoga") {
						t.Errorf("%+v %s %s %s: the closed page differs or tells something", c, place, who, path)
					}
				}
				for _, path := range mails {
					status, body := ask(path)
					want := 200
					switch {
					case c.relay:
						want = 404
					case open, who == "admin":
						if strings.Contains(path, "none") {
							want = 404
						}
					case who == "nobody", who == "stranger":
						want = 401
					default:
						want = 403
					}
					if status != want {
						t.Errorf("%+v %s %s %s: %d, want %d", c, place, who, path, status, want)
					}
					if want != 200 && strings.Contains(body, "alderfinch") {
						t.Errorf("%+v %s %s %s tells an address", c, place, who, path)
					}
				}
			}
		}
	}
	if strings.Contains(w.log.String(), "ww_") {
		t.Error("a token is in the log")
	}
}

func TestLetter(t *testing.T) {
	t.Parallel()
	w := full(t)
	list, err := store.Read(t.Context(), w.store, func(v *store.View) ([]notify.Message, error) {
		list, _, err := notify.Messages(v, notify.MessageFilter{State: notify.Sent, Event: notify.Confirmed})
		return list, err
	})
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	path := "/mail/" + list[0].ID
	_, html := w.get(path)
	for _, want := range []string{
		list[0].Address, "<code>REQUEST</code>", "<dt>Sequence</dt>", "<dt>UID</dt>", `sandbox="allow-popups allow-popups-to-escape-sandbox"`,
		path + "/message.eml", path + "/invite.ics", "X-Wellweek-Event",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %q", want)
		}
	}
	r, html := w.get(path + "/html")
	if !strings.Contains(html, `<base target="_blank">`) || !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") ||
		!strings.Contains(r.Header.Get("Content-Security-Policy"), "; sandbox ") || strings.Contains(r.Header.Get("Content-Security-Policy"), "allow-scripts") ||
		r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%v", r.Header)
	}
	r, raw := w.get(path + "/message.eml")
	if r.Header.Get("Content-Type") != "message/rfc822" || !strings.Contains(raw, "X-Wellweek-Event: confirmed\r\n") || !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%v", r.Header)
	}
	r, ics := w.get(path + "/invite.ics")
	if r.Header.Get("Content-Type") != "text/calendar; charset=utf-8; method=REQUEST" || !strings.HasPrefix(ics, "BEGIN:VCALENDAR\r\n") || !strings.Contains(ics, "METHOD:REQUEST\r\n") {
		t.Errorf("%v %s", r.Header, ics)
	}

	// A mail that lets somebody in: its text is for a demo on this machine only, also for admins.
	write(w, func(tx *store.Tx) (int64, error) {
		return tx.Exec(`update outbox set event = 'sign-in' where id = $1`, list[0].ID)
	})
	if _, html = w.get(path); !strings.Contains(html, "As text") {
		t.Error("in a demo the text is shown")
	}
	w.Demo = false
	admin := w.key(programs.Admin)
	ask := func(path string) (int, string) {
		r, html := w.answer(visit(path, "Authorization", "Bearer "+admin))
		return r.StatusCode, html
	}
	status, html := ask(path)
	if status != 200 || !strings.Contains(html, "its text is not shown") || strings.Contains(html, "As text") || strings.Contains(html, "Open the session page") || strings.Contains(html, "<iframe") {
		t.Errorf("%d %s", status, html)
	}
	for _, more := range []string{"/html", "/message.eml", "/invite.ics"} {
		if status, _ := ask(path + more); status != 404 {
			t.Errorf("%s of a sign-in mail: %d", more, status)
		}
	}
}

func TestMailPages(t *testing.T) {
	t.Parallel()
	w := full(t)
	_, html := w.get("/mail")
	first := strings.Count(html, `<li><a href="/mail/`)
	at := strings.Index(html, `/mail?after=`)
	if first != 50 || at < 0 {
		t.Fatalf("%d rows, older at %d", first, at)
	}
	next, _, _ := strings.Cut(html[at:], `"`)
	if _, html = w.get(next); strings.Count(html, `<li><a href="/mail/`) == 0 || !strings.Contains(html, ">Newest<") && !strings.Contains(html, "Newest</a>") {
		t.Error("no second page, or no way back")
	}
	if r, _ := w.get("/mail?after=%21"); r.StatusCode != 422 {
		t.Errorf("a cursor that is none: %d", r.StatusCode)
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		r := visit("/mail")
		r.Method = method
		if res, _ := w.answer(r); res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d", method, res.StatusCode)
		}
	}
	r := visit("/")
	r.Method = http.MethodHead
	if res, body := w.answer(r); res.StatusCode != 200 || body != "" {
		t.Errorf("HEAD: %d, %d bytes", res.StatusCode, len(body))
	}
}

// With the database gone a page says so, with when to come back, and nothing about why.
func TestBusy(t *testing.T) {
	t.Parallel()
	w := full(t)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	r, html := w.get("/")
	if !slices.Contains([]int{500, 503}, r.StatusCode) || strings.Contains(html, "sql") || strings.Contains(html, "closed") || r.StatusCode == 503 && r.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.StatusCode, html)
	}
	if _, _, faults := structure(html); len(faults) != 0 {
		t.Error(faults)
	}
}
