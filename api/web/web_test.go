package web

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata"
)

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
