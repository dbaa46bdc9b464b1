package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

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
