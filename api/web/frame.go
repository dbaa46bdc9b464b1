package web

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strconv"
	"sync"

	"github.com/wellweek/wellweek/api/door"
)

//go:embed templates
var templates embed.FS

// pages are the parsed templates, by the name of their page.
type pages map[string]*template.Template

// view is what a page is filled with. Body is the page's own.
type view struct {
	Title    string // of the window; differs from page to page
	Current  string // the part of the site it belongs to: hub, programs, mail
	Open     bool   // the pages with data are open to this reader
	MailOpen bool   // so is the caught mail
	Zone     string // in words, the zone the page speaks in; empty: it has no times
	Body     any
}

// parsePages reads every template once: each page with the frame and the parts that pages share.
func parsePages() pages {
	icons := map[string]template.HTML{}
	var mu sync.Mutex
	funcs := template.FuncMap{
		"asset": AssetURL,
		"icon": func(name string) (template.HTML, error) {
			mu.Lock()
			defer mu.Unlock()
			if svg, ok := icons[name]; ok {
				return svg, nil
			}
			svg, err := icon(name)
			icons[name] = svg
			return svg, err
		},
		"markdown": markdown(),
		"count":    count,
	}
	all := pages{}
	for _, name := range []string{"hub", "programs", "program", "session", "mail", "letter", "closed", "sorry"} {
		all[name] = template.Must(template.New("frame.html").Funcs(funcs).ParseFS(templates, "templates/frame.html", "templates/parts.html", "templates/"+name+".html"))
	}
	return all
}

// count is a number with its noun: 1 place, 2 places.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// show writes a whole page. It is made in memory first, so that an error is never half a page.
func (s *site) show(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	v.Open = s.demo(r)
	v.MailOpen = v.Open && !s.Relay || v.Current == "mail"
	var b bytes.Buffer
	if err := s.pages[name].Execute(&b, v); err != nil {
		s.Log.Error("a template failed", "page", name, "error", err)
		http.Error(w, "Something went wrong here. It was written down; try again in a minute.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes())
	}
}

// sorry is the page for everything that went differently: what it is, what now, one way on.
func (s *site) sorry(w http.ResponseWriter, r *http.Request, status int, title, next string) {
	id := ""
	if rq := door.From(r.Context()); rq != nil {
		id = rq.ID
	}
	s.show(w, r, status, "sorry", view{Title: title, Body: struct {
		Status    int
		Next      string
		RequestID string
	}{status, next, id}})
}
