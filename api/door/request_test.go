package door

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func testGate(log *bytes.Buffer) *Gate {
	return &Gate{
		Log: slog.New(slog.NewJSONHandler(log, nil)), Real: storetest.NewClock(1_000_000_000_000).Now,
		Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Route: func(*http.Request) string { return "/feeds/{token}" },
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	for given, taken := range map[string]bool{
		"abc-DEF-123": true, strings.Repeat("a", 64): true, "": false, strings.Repeat("a", 65): false, "a b": false, "a\n": false, "ä": false, "a_b": false, "{}": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Request-Id"] = []string{given}
		w := httptest.NewRecorder()
		testGate(&bytes.Buffer{}).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			WriteProblem(w, r, programs.NotFound)
		})).ServeHTTP(w, r)
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		id := w.Header().Get("X-Request-Id")
		if p.RequestID != id || (id == given) != taken || !plain(id) || id == "" {
			t.Errorf("%q: answered %q and %q", given, id, p.RequestID)
		}
	}
}

// TestAddress believes X-Forwarded-For only as far as trusted proxies wrote it.
func TestAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, forwarded, want string }{
		{"192.0.2.1:5", "", "192.0.2.1"},
		{"192.0.2.1:5", "203.0.113.9", "192.0.2.1"}, // a stranger's word
		{"10.0.0.1:5", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:5", "198.51.100.7, 203.0.113.9", "203.0.113.9"}, // what the client itself wrote stands to the left
		{"10.0.0.1:5", "203.0.113.9, 10.0.0.2", "203.0.113.9"},
		{"10.0.0.1:5", "nonsense", "10.0.0.1"},
		{"10.0.0.1:5", "", "10.0.0.1"},
		{"[::ffff:192.0.2.1]:5", "", "192.0.2.1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.from
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := testGate(&bytes.Buffer{}).address(r).String(); got != c.want {
			t.Errorf("%s, %q: %s, want %s", c.from, c.forwarded, got, c.want)
		}
	}
}

// TestGateLog writes the pattern of a route and never the path, which may be a secret.
func TestGateLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	g := testGate(&log)
	g.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("12345"))
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/feeds/canary-secret.ics?x=canary-query", nil))
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["route"] != "/feeds/{token}" || line["status"] != 200.0 || line["bytes"] != 5.0 || strings.Contains(log.String(), "canary") {
		t.Error(log.String())
	}
}

func TestGatePanic(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	g := testGate(&log)
	w := httptest.NewRecorder()
	g.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("canary-panic") })).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || w.Header().Get("Content-Type") != "application/problem+json" || strings.Contains(w.Body.String(), "canary") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if g.Panics() != 1 || !strings.Contains(log.String(), "canary-panic") {
		t.Error("the panic was neither counted nor logged")
	}
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("a handler that wants its connection cut has it cut")
		}
	}()
	g.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}
