package door

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/programs"
)

// TestProblemOf is the table of domain.md section 15 and of what the way in adds to it.
func TestProblemOf(t *testing.T) {
	t.Parallel()
	for reason, status := range map[programs.Reason]int{
		programs.NotFound: 404, programs.Invalid: 422, programs.Forbidden: 403, programs.Conflict: 409, programs.Closed: 409, programs.Stale: 412,
		programs.Gone: 410, programs.Busy: 503, Unauthenticated: 401, MethodNotAllowed: 405, TooLarge: 413, UnsupportedMediaType: 415,
		PreconditionRequired: 428, TooManyRequests: 429, Internal: 500,
	} {
		p := ProblemOf(fmt.Errorf("read session: %w", programs.Refuse(reason, "One sentence.").At("body.title")))
		if p.Status != status || p.Type != "urn:wellweek:problem:"+string(reason) || p.Detail != "One sentence." || p.Title == "" {
			t.Errorf("%s: %+v", reason, p)
		}
		if diff := cmp.Diff([]Fault{{Location: "body.title", Message: "One sentence."}}, p.Errors); diff != "" {
			t.Errorf("%s: %s", reason, diff)
		}
		if got := ProblemOf(reason).Status; got != status {
			t.Errorf("%s alone: %d", reason, got)
		}
		if got := p.GetHeaders().Get("Retry-After") != ""; got != (reason == programs.Busy) {
			t.Errorf("%s: Retry-After is there: %t", reason, got)
		}
		if got := p.GetHeaders().Get("WWW-Authenticate"); (got == "Bearer") != (reason == Unauthenticated) {
			t.Errorf("%s: WWW-Authenticate %q", reason, got)
		}
	}
	if len(Known()) != 15 {
		t.Errorf("%d reasons are known; this table has 15", len(Known()))
	}
}

// TestProblemOfFault shows nothing of an error that is no refusal: SQL, paths and names stay in the log.
func TestProblemOfFault(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errors.New("select name from people: no such table"), programs.Refuse("unheard_of", "x"), programs.Reason("unheard_of")} {
		p := ProblemOf(err)
		if p.Status != 500 || p.Detail != sentenceInternal || !IsFault(err) {
			t.Errorf("%v: %+v", err, p)
		}
	}
	if IsFault(programs.Refuse(programs.Conflict, "x")) {
		t.Error("a refusal is no fault")
	}
}

func TestWriteProblem(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r = r.WithContext(withRequest(r.Context(), &Request{ID: "abc-1"}))
	w.Header().Set("ETag", `"x.1"`)
	WriteProblem(w, r, TryLater(7))
	if w.Code != 429 || w.Header().Get("Retry-After") != "7" || w.Header().Get("Content-Type") != "application/problem+json" ||
		w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type": "urn:wellweek:problem:too_many_requests", "title": "Too many requests", "status": 429.0, "errors": []any{}, "request_id": "abc-1",
		"detail": "Too many requests came in a short time; wait as long as Retry-After says.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestLocation lets no text of a stranger's back out through the name of a member.
func TestLocation(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"body.title": "body.title", "body.items[3].name": "body.items[3].name", "row 12": "row 12", "body.<script>": "body",
		"body.a\r\nSet-Cookie: x": "body.a", "body.ünder": "body", "query." + strings.Repeat("x", 200): "query." + strings.Repeat("x", 94),
	} {
		if got := InvalidProblem(Fault{Location: in}).Errors[0].Location; got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
