package door

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/programs"
)

func TestCheckJSON(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{ // "" is taken; else where the fault is
		`{}`: "", `{"a":1,"b":[{"a":2},{"a":3}]}`: "", ` {"a":"\u00e9\ud83d\ude00"} `: "", `"\\ud800"`: "", `{"a":"\\u0000"}`: "", `[]`: "", `null`: "",
		`{"a":1,"a":2}`:            "body.a",
		`{"a":1,"\u0061":2}`:       "body.a",
		`{"x":{"a":1,"a":2}}`:      "body.x.a",
		`{"x":[{},{"a":1,"a":2}]}`: "body.x[1].a",
		`{"a":"\u0000"}`:           "body.a",
		`{"a":["\u0000"]}`:         "body.a[0]",
		`{"\u0000":1}`:             "body",
		`{"a":"\ud800"}`:           "body",
		`{"a":"\udc00"}`:           "body",
		`{"a":"\ud800\u0041"}`:     "body",
		`{"a":"\ud800x"}`:          "body",
		`{`:                        "body",
		``:                         "body",
		`{"a":1} {"b":2}`:          "body",
		`{"a":1}x`:                 "body",
		`{"a":01}`:                 "body",
		`{'a':1}`:                  "body",
		`{"a":1,}`:                 "body",
		`{"a":NaN}`:                "body",
		strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2): "body",
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1): "",
		strings.Repeat("[", 10_000):                                       "body",
		strings.Repeat(`{"a":`, 60) + "1":                                 "body",
	} {
		err := CheckJSON([]byte(body))
		if want == "" {
			if err != nil {
				t.Errorf("%.60q: %v", body, err)
			}
			continue
		}
		var refused *programs.Error
		if !errors.As(err, &refused) || refused.Reason != programs.Invalid || len(refused.Where) != 1 {
			t.Errorf("%.60q: %v", body, err)
		} else if got := refused.Where[0].Where; got != want && !(want == "body" && strings.HasPrefix(got, "body")) {
			t.Errorf("%.60q: at %s, want %s", body, got, want)
		}
	}
}

func TestReadBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, media, body string
		required          bool
		want              programs.Reason
	}{
		{"json", "application/json", `{}`, true, ""},
		{"with charset", "application/json; charset=UTF-8", `{}`, true, ""},
		{"in capitals", "Application/JSON", `{}`, true, ""},
		{"at the limit", "application/json", strings.Repeat(" ", 100), true, ""},
		{"over the limit", "application/json", strings.Repeat(" ", 101), true, TooLarge},
		{"no media type", "", `{}`, true, UnsupportedMediaType},
		{"other media type", "text/plain", `{}`, true, UnsupportedMediaType},
		{"suffix", "application/x+json", `{}`, true, UnsupportedMediaType},
		{"other charset", "application/json; charset=iso-8859-1", `{}`, true, UnsupportedMediaType},
		{"broken media type", "application/json; charset", `{}`, true, UnsupportedMediaType},
		{"missing", "application/json", ``, true, programs.Invalid},
		{"missing without media type", "", ``, true, programs.Invalid},
		{"none needed", "", ``, false, ""},
		{"no UTF-8", "application/json", "{\"a\":\"\xff\"}", true, programs.Invalid},
	} {
		for _, chunked := range []bool{false, true} {
			r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
			if chunked {
				r.ContentLength = -1
			}
			if c.media != "" {
				r.Header.Set("Content-Type", c.media)
			}
			body, err := ReadBody(httptest.NewRecorder(), r, "application/json", 100, c.required)
			want := c.want
			if chunked && c.body == "" && c.media == "" { // a body that is announced has a media type
				want = UnsupportedMediaType
			}
			if want == "" && (err != nil || string(body) != c.body) {
				t.Errorf("%s: %q %v", c.name, body, err)
			}
			if want != "" && !errors.Is(err, want) {
				t.Errorf("%s (chunked: %t): %v, want %s", c.name, chunked, err, want)
			}
		}
	}
}

// FuzzCheckJSON finds no body that is taken and that two readers could read differently.
func FuzzCheckJSON(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `{"a":"\ud83d\ude00"}`, `[1,{"a":[]}]`, `{"a":1,"a":2}`, `"\u0000"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if CheckJSON(body) == nil && bytes.Contains(body, []byte(`\u0000`)) && !bytes.Contains(body, []byte(`\\u0000`)) {
			t.Errorf("U+0000 in %q", body)
		}
	})
}
