package door

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/wellweek/wellweek/programs"
)

// How much of a body is read, in octets.
const (
	BodyLimit   = 64 << 10
	ImportLimit = 1 << 20
)

// maxDepth is how deep JSON may nest; nothing of ours goes deeper than four.
const maxDepth = 16

// ReadBody reads a whole body of the media type, at most limit octets. Without a body there is nothing to judge, unless it is
// required. It refuses TooLarge, UnsupportedMediaType and Invalid.
func ReadBody(w http.ResponseWriter, r *http.Request, mediaType string, limit int64, required bool) ([]byte, error) {
	tooLarge := programs.Refuse(TooLarge, "The body is larger than the %d octets this operation takes.", limit)
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	if r.ContentLength != 0 || required {
		if err := contentType(r.Header.Values("Content-Type"), mediaType, r.ContentLength == 0); err != nil {
			return nil, err
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case err != nil:
		return nil, programs.Refuse(programs.Invalid, "The body ended before it was complete.").At("body")
	case len(body) == 0 && required:
		return nil, programs.Refuse(programs.Invalid, "The body is missing.").At("body")
	case len(body) > 0 && !utf8.Valid(body):
		return nil, programs.Refuse(programs.Invalid, "The body is not UTF-8.").At("body")
	}
	return body, nil
}

// contentType refuses (UnsupportedMediaType) every media type but the one, and charsets other than UTF-8. An empty body needs none.
func contentType(given []string, want string, empty bool) error {
	refuse := programs.Refuse(UnsupportedMediaType, "This operation takes Content-Type: %s.", want)
	if len(given) == 0 && empty {
		return nil
	}
	if len(given) != 1 {
		return refuse
	}
	got, params, err := mime.ParseMediaType(given[0])
	if err != nil || got != want {
		return refuse
	}
	if c, ok := params["charset"]; ok && !strings.EqualFold(c, "utf-8") {
		return refuse
	}
	return nil
}

// CheckJSON refuses (Invalid) what encoding/json would take and another reader would read otherwise: a member that comes twice,
// U+0000 (which one of the databases refuses), half a surrogate pair, nesting without end, and anything behind the document.
func CheckJSON(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := walk(d, "body", 0); err != nil {
		var refused *programs.Error
		if errors.As(err, &refused) {
			return err
		}
		return programs.Refuse(programs.Invalid, "The body is not well-formed JSON.").At("body")
	}
	if _, err := d.Token(); err != io.EOF {
		return programs.Refuse(programs.Invalid, "The body goes on behind the JSON document.").At("body")
	}
	if lone(body) {
		return programs.Refuse(programs.Invalid, "The body has half a surrogate pair, which is no character.").At("body")
	}
	return nil
}

func walk(d *json.Decoder, where string, depth int) error {
	if depth > maxDepth {
		return programs.Refuse(programs.Invalid, "The body nests deeper than %d levels.", maxDepth).At("body")
	}
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case string:
		return noNUL(t, where)
	case json.Delim:
		if t == '[' {
			for i := 0; d.More(); i++ {
				if err := walk(d, fmt.Sprintf("%s[%d]", where, i), depth+1); err != nil {
					return err
				}
			}
		} else if err := members(d, where, depth); err != nil {
			return err
		}
		_, err = d.Token()
		return err
	}
	return nil
}

func members(d *json.Decoder, where string, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string) // encoding/json gives nothing else in this place
		at := where + "." + name
		if err := noNUL(name, where); err != nil {
			return err
		}
		if seen[name] {
			return programs.Refuse(programs.Invalid, "A member comes twice; which one counts would be a guess.").At(at)
		}
		seen[name] = true
		if err := walk(d, at, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func noNUL(s, where string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return programs.Refuse(programs.Invalid, "Text has no character U+0000.").At(where)
	}
	return nil
}

// lone reports whether an escape stands for half a surrogate pair: encoding/json would quietly make U+FFFD of it (RFC 8259 8.2).
func lone(body []byte) bool {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		i++
		if i >= len(body) || body[i] != 'u' {
			continue
		}
		unit := hex4(body, i+1)
		switch {
		case unit >= 0xdc00 && unit <= 0xdfff:
			return true
		case unit >= 0xd800 && unit <= 0xdbff:
			if i+6 >= len(body) || body[i+5] != '\\' || body[i+6] != 'u' {
				return true
			}
			if low := hex4(body, i+7); low < 0xdc00 || low > 0xdfff {
				return true
			}
			i += 10
		default:
			i += 4
		}
	}
	return false
}

func hex4(b []byte, i int) int {
	n := 0
	for j := i; j < i+4; j++ {
		if j >= len(b) {
			return -1
		}
		c := b[j]
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 + int(c-'0')
		case c >= 'a' && c <= 'f':
			n = n<<4 + int(c-'a') + 10
		case c >= 'A' && c <= 'F':
			n = n<<4 + int(c-'A') + 10
		default:
			return -1
		}
	}
	return n
}
