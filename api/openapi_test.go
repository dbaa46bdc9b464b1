package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var documentVersion = regexp.MustCompile(`(?m)^  version: (.+)$`)

// drift says what is wrong with a document beside the golden one: nothing, "version" when it changed under the same version, or
// "golden" when only the file must be written anew.
func drift(golden, now []byte) string {
	if bytes.Equal(golden, now) {
		return ""
	}
	was, is := documentVersion.FindSubmatch(golden), documentVersion.FindSubmatch(now)
	if was == nil || is == nil || bytes.Equal(was[1], is[1]) {
		return "version"
	}
	return "golden"
}

// TestOpenAPI compares the document with openapi.yaml. -update writes the file anew, but only under a new DocumentVersion: clients
// are made from the document, and must see that it changed.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	yaml, _, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("openapi.yaml")
	if err != nil && !(*update && os.IsNotExist(err)) {
		t.Fatal(err)
	}
	what := drift(golden, yaml)
	if err != nil { // the very first one
		what = "golden"
	}
	switch {
	case what == "version":
		t.Fatalf("the document changed and DocumentVersion did not; raise it and run with -update\n%s", cmp.Diff(string(golden), string(yaml)))
	case what == "golden" && *update:
		if err := os.WriteFile("openapi.yaml", yaml, 0o644); err != nil {
			t.Fatal(err)
		}
	case what == "golden":
		t.Fatalf("openapi.yaml is of another version; run with -update\n%s", cmp.Diff(string(golden), string(yaml)))
	}
}

func TestDrift(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ golden, now, want string }{
		{"info:\n  version: 1.0.0\na: 1\n", "info:\n  version: 1.0.0\na: 1\n", ""},
		{"info:\n  version: 1.0.0\na: 1\n", "info:\n  version: 1.0.0\na: 2\n", "version"},
		{"info:\n  version: 1.0.0\na: 1\n", "info:\n  version: 1.1.0\na: 2\n", "golden"},
		{"", "info:\n  version: 1.1.0\na: 2\n", "version"},
	} {
		if got := drift([]byte(c.golden), []byte(c.now)); got != c.want {
			t.Errorf("%q -> %q: %q, want %q", c.golden, c.now, got, c.want)
		}
	}
}

// TestOpenAPITwice makes the document over and over: it never depends on an order of maps.
func TestOpenAPITwice(t *testing.T) {
	t.Parallel()
	yaml, json, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		y, j, err := OpenAPI()
		if err != nil || !bytes.Equal(y, yaml) || !bytes.Equal(j, json) {
			t.Fatal("the document is another one each time", err)
		}
	}
	w := newWorld(t)
	for path, want := range map[string][]byte{"//openapi.yaml": yaml, "//openapi.json": json} {
		r := w.ask("", "GET", path, nil).is(200)
		if !bytes.Equal(r.body, want) {
			t.Errorf("%s is another document", path)
		}
	}
}

// documented is one operation of the document.
type documented struct {
	method, path string
	taken        *regexp.Regexp
	OperationID  string `json:"operationId"`
	Tags         []string
	Summary      string
	Security     []map[string][]string
	Parameters   []struct{ Name, In string }
	RequestBody  *struct{ Required bool }
	Responses    map[string]struct {
		Headers map[string]any
		Content map[string]any
	}
}

// operations are all operations, from the document itself.
func operations(t *testing.T) []documented {
	t.Helper()
	all, err := readOperations()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 47 {
		t.Fatalf("only %d operations", len(all))
	}
	return all
}

func readOperations() (all []documented, err error) {
	_, raw, err := OpenAPI()
	if err != nil {
		return nil, err
	}
	var doc struct {
		Paths map[string]map[string]documented
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	for path, methods := range doc.Paths {
		for method, o := range methods {
			o.method, o.path = strings.ToUpper(method), path
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b documented) int { return strings.Compare(a.OperationID, b.OperationID) })
	return all, nil
}

// operationAt is the operation that takes a request, by its method and path; nil when the document has none.
func operationAt(method, path string) *documented {
	for i, o := range everyOperation() {
		if o.method == method && len(strings.Split(o.path, "/")) == len(strings.Split(path, "/")) && o.taken.MatchString(path) {
			return &everyOperation()[i]
		}
	}
	return nil
}

// everyOperation are the operations with the paths that they take, for the whole suite: world.ask holds each answer to the document.
var everyOperation = sync.OnceValue(func() []documented {
	all, err := readOperations()
	if err != nil {
		panic(err)
	}
	parameter := regexp.MustCompile(`\\\{[a-z_]+\\\}`)
	for i, o := range all {
		all[i].taken = regexp.MustCompile("^" + parameter.ReplaceAllString(regexp.QuoteMeta(o.path), ".+") + "$")
	}
	return all
})

// TestDocument holds every operation to what interface.md promises of all of them.
func TestDocument(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, tag := range tags() {
		known[tag.Name] = true
	}
	changes := map[string]bool{"create-series": true, "edit-session": true, "cancel-session": true, "reinstate-session": true, "undo-change": true, "change-series": true}
	seen := map[string]bool{}
	for _, o := range operations(t) {
		if seen[o.OperationID] || o.OperationID == "" || o.Summary == "" || len(o.Tags) != 1 || !known[o.Tags[0]] {
			t.Errorf("%s %s: id %q, tags %v", o.method, o.path, o.OperationID, o.Tags)
		}
		seen[o.OperationID] = true
		if len(o.Security) != 1 || o.Security[0]["key"] == nil {
			t.Errorf("%s: security %v", o.OperationID, o.Security)
		}
		want := []string{"401", "403", "422", "429", "500", "503"}
		if strings.Contains(o.path, "{") {
			want = append(want, "404")
		}
		if o.method != http.MethodGet {
			want = append(want, "413", "415")
		}
		for _, status := range want {
			if _, ok := o.Responses[status].Content["application/problem+json"]; !ok {
				t.Errorf("%s: no %s", o.OperationID, status)
			}
		}
		success := ""
		for status, r := range o.Responses {
			if status < "300" {
				success = status
				if _, ok := r.Headers["X-Wellweek-Change"]; ok != changes[o.OperationID] {
					t.Errorf("%s: X-Wellweek-Change is there: %t", o.OperationID, ok)
				}
			}
		}
		if success == "" || o.Responses["400"].Content != nil || o.Responses["default"].Content != nil {
			t.Errorf("%s: responses %v", o.OperationID, o.Responses)
		}
		keyed := slices.ContainsFunc(o.Parameters, func(p struct{ Name, In string }) bool { return p.Name == "Idempotency-Key" && p.In == "header" })
		if keyed != (o.method == http.MethodPost || o.method == http.MethodDelete) {
			t.Errorf("%s: Idempotency-Key is there: %t", o.OperationID, keyed)
		}
	}
	for id := range changes {
		if !seen[id] {
			t.Errorf("no operation %s", id)
		}
	}
}

// TestNoMemberIsClosed leaves the schemas of answers open for members to come, and those of requests closed.
func TestNoMemberIsClosed(t *testing.T) {
	t.Parallel()
	_, raw, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]map[string]any
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	for name, s := range doc.Components.Schemas {
		request := strings.HasSuffix(name, "Input") || strings.HasSuffix(name, "Patch") || name == "Cancellation"
		if _, closed := s["additionalProperties"]; closed != request {
			t.Errorf("%s: closed %t, request %t", name, closed, request)
		}
	}
}
