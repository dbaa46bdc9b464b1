package api

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/programs/store/storetest"
)

// The page of the API's document: everything it loads is ours, and its policy is the only one with an unsafe word.
func TestDocs(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, storetest.SQLite(t))
	r := ask(w.handler, http.MethodGet, "/docs")
	html := body(t, r)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %v", r.StatusCode, r.Header)
	}
	if got := r.Header.Get("Content-Security-Policy"); got != docsPolicy || strings.Contains(got, "unsafe-eval") || strings.Contains(got, "http") ||
		strings.Count(got, "unsafe") != 1 || !strings.Contains(got, "style-src 'self' 'unsafe-inline'") {
		t.Errorf("policy %q", got)
	}
	for _, want := range []string{`<html lang="en">`, `apiDescriptionUrl="/openapi.json"`, "<title>", "<noscript>"} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Count(html, "<h1>") != 1 || strings.Contains(html, "<style") || strings.Contains(html, " style=") || regexp.MustCompile(` on\w+=`).MatchString(html) {
		t.Error("not one h1, or something inline")
	}
	loads := regexp.MustCompile(`(?:src|href|Url)="([^"]*)"`).FindAllStringSubmatch(html, -1)
	if len(loads) < 6 {
		t.Fatalf("%q", loads)
	}
	for _, l := range loads {
		if !strings.HasPrefix(l[1], "/") {
			t.Errorf("%s is not ours", l[1])
			continue
		}
		if strings.HasPrefix(l[1], "/static/") {
			asset := ask(w.handler, http.MethodGet, l[1], "Accept-Encoding", "gzip")
			if asset.StatusCode != 200 || !strings.Contains(asset.Header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %d %v", l[1], asset.StatusCode, asset.Header)
			}
		}
	}
	if head := ask(w.handler, http.MethodHead, "/docs"); head.StatusCode != 200 {
		t.Errorf("HEAD: %d", head.StatusCode)
	}
}

// No other page has an unsafe word in its policy, and what is not there is a page of ours, or a problem below /api.
func TestPolicies(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, storetest.SQLite(t))
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/mail": "text/html; charset=utf-8", "/nothing": "text/html; charset=utf-8", "/sessions/none": "text/html; charset=utf-8",
		"/api/v1/nothing": "application/problem+json", "/openapi.json": "application/json", "/feeds/none.ics": "text/plain; charset=utf-8",
	} {
		r := ask(w.handler, http.MethodGet, path)
		if got := r.Header.Get("Content-Security-Policy"); got == "" || strings.Contains(got, "unsafe") || r.Header.Get("Content-Type") != kind {
			t.Errorf("%s: %q %q", path, r.Header.Get("Content-Type"), got)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Set-Cookie") != "" || r.Header.Get("Location") != "" {
			t.Errorf("%s: %v", path, r.Header)
		}
	}
}
