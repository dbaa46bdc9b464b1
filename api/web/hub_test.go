package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

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

// A visitor sees what was announced: no draft program, no draft date.
func TestVisitor(t *testing.T) {
	t.Parallel()
	w := full(t)
	draft := func(program programs.Program, title string) programs.SessionID {
		return write(w, func(tx *store.Tx) (programs.SessionID, error) {
			start, err := programs.ParseWall("2026-11-20T10:00")
			if err != nil {
				return "", err
			}
			made, _, err := tx.Schedule(programs.System(), programs.Series{ProgramID: program.ID, Status: programs.DraftSeries, Details: programs.Details{
				Title: title, LocalStart: start, TimeZone: "Europe/Lisbon", DurationMinutes: 30,
			}})
			if err != nil {
				return "", err
			}
			list, _, err := tx.Sessions(programs.System(), store.SessionFilter{Series: made.ID})
			if err != nil || len(list) != 1 {
				return "", fmt.Errorf("%d sessions: %w", len(list), err)
			}
			return list[0].ID, nil
		})
	}
	secret := write(w, func(tx *store.Tx) (programs.Program, error) {
		p := programs.Defaults()
		p.Slug, p.Name, p.Kind, p.Status = "secret", "Secret plan", programs.Training, programs.DraftProgram
		return tx.AddProgram(programs.System(), p)
	})
	one, two := draft(secret, "Secret plan, part 1"), draft(w.demo.Programs["first-aid"], "Secret plan, part 2")
	for path, want := range map[string]int{
		"/": 200, "/programs": 200, "/programs/first-aid": 200, "/?program=first-aid": 200, "/?program=secret": 404, "/programs/secret": 404,
		"/sessions/" + string(one): 404, "/sessions/" + string(two): 404,
	} {
		if r, html := w.get(path); r.StatusCode != want || strings.Contains(html, "Secret") {
			t.Errorf("%s: %d, want %d, or it tells a draft", path, r.StatusCode, want)
		}
	}
}
