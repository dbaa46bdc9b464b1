package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestDemo starts the demo as a visitor does, follows everything it prints, and sees that it leaves nothing behind.
func TestDemo(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	environ := []string{
		"WELLWEEK_SMTP_URL=smtp://127.0.0.1:1?tls=off", // a relay of the surroundings, which the demo leaves alone
		"WELLWEEK_DATABASE=" + filepath.Join(folder, "mine.db"), "TMPDIR=" + folder,
	}
	s := process(t, itself(t), environ, "demo")
	s.stdout.wait(t, `Admin token +(ww_\S+)\n`, nil)
	lines := strings.Split(strings.TrimSpace(s.stdout.String()), "\n")
	if len(lines) != 7 {
		t.Fatalf("%d lines:\n%s", len(lines), s.stdout)
	}
	find := func(label, pattern string) string {
		t.Helper()
		m := regexp.MustCompile(`(?m)^` + label + ` +(` + pattern + `)$`).FindStringSubmatch(s.stdout.String())
		if m == nil {
			t.Fatalf("no line %s:\n%s", label, s.stdout)
		}
		return m[1]
	}
	stranger := s.as("")
	for label, want := range map[string]string{"What is on": "Lunchtime yoga", "API reference": "openapi", "Caught mail": "Caught mail"} {
		path := strings.TrimPrefix(find(label, `http://\S+`), s.url)
		status, page, err := stranger.send("GET", path, nil)
		if status != http.StatusOK || err != nil || !strings.Contains(string(page), want) {
			t.Errorf("%s at %s: %d %v, or it does not show %s", label, path, status, err, want)
		}
	}
	status, feed, err := stranger.send("GET", strings.TrimPrefix(find("Program feed", `http://\S+\.ics`), s.url), nil)
	if status != http.StatusOK || err != nil || !strings.Contains(string(feed), "SUMMARY:Lunchtime yoga") {
		t.Errorf("the feed: %d %v %.200s", status, err, feed)
	}
	for role, name := range map[string]string{"Employee": "Ana Duarte", "Coordinator": "Owen Hart", "Admin": "Inês Moreira"} {
		me := s.as(find(role+" token", `ww_\S+`)).must(t, http.StatusOK, "GET", "/api/v1/me", nil)
		if word(t, me, "name") != name {
			t.Errorf("the %s is %v", role, me["name"])
		}
	}
	admin := s.as(find("Admin token", `ww_\S+`))
	// Who has a place has the invitation before the date is moved or called off, so the mail about that carries the calendar's update.
	for event, want := range map[string]string{"confirmed": "method=REQUEST", "promoted": "method=REQUEST", "moved": "method=REQUEST", "cancelled": "method=CANCEL", "left": "method=CANCEL"} {
		if !caught(t, admin, event, want) {
			t.Errorf("no mail %s with %s", event, want)
		}
	}
	if err := s.process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if status := s.stop(); status != 0 {
		t.Errorf("exit status %d: %s", status, s.stderr)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("it leaves %v behind, %v", left, err)
	}
	if want := regexp.MustCompile(`^wellweek \S+ listens on \S+\n$`); !want.MatchString(s.stderr.String()) {
		t.Errorf("it says more than it must: %s", s.stderr)
	}
}

// caught reports whether a mail of an event is kept whose calendar part is of that method.
func caught(t *testing.T, admin caller, event, method string) bool {
	t.Helper()
	for range 100 { // mail about changes is planned and rendered after the server has begun to answer
		list := admin.must(t, http.StatusOK, "GET", "/api/v1/messages?event="+event+"&limit=200", nil)
		for _, m := range list["items"].([]any) {
			status, raw, err := admin.send("GET", "/mail/"+word(t, m.(map[string]any), "id")+"/message.eml", nil)
			if status == http.StatusOK && err == nil && strings.Contains(string(raw), method) {
				return true
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}
