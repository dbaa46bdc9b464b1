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
	caught := false
	for range 100 { // mail is planned and rendered after the server has begun to answer
		_, mails, err := admin.send("GET", "/api/v1/messages?event=cancelled&limit=200", nil)
		if err != nil {
			t.Fatal(err)
		}
		if caught = strings.Contains(string(mails), `"event":"cancelled"`); caught {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !caught {
		t.Error("nobody was told about the cancelled run")
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
