package door

import (
	"errors"
	"testing"

	"github.com/wellweek/wellweek/programs"
)

func TestETag(t *testing.T) {
	t.Parallel()
	if got := ETag("a", 3); got != `"a.3"` {
		t.Error(got)
	}
	if got := ETag("a", 3, 17); got != `"a.3.17"` {
		t.Error(got)
	}
}

// TestIfMatch is RFC 9110 13.1.1 for a resource "a" at version 3, whose tag may carry counts.
func TestIfMatch(t *testing.T) {
	t.Parallel()
	const fits, stale, malformed, missing = "fits", "stale", "malformed", "missing"
	for header, want := range map[string]string{
		"": missing, "*": fits, " * ": fits,
		`"a.3"`: fits, `"a.3.17"`: fits, `"a.3.99"`: fits, // counts are not compared
		`"a.2"`: stale, `"a.2.17"`: stale, `"a.30"`: stale, `"a.33.3"`: stale, `"b.3"`: stale, `"a"`: stale, `""`: stale,
		`W/"a.3"`:        stale, // strong comparison: a weak tag never matches
		`"b.1", "a.3"`:   fits,
		`"b.1","a.3.4"`:  fits,
		`"b.1" , "a.2"`:  stale,
		`,, "a.3" ,`:     fits,
		`W/"a.3", "a.3"`: fits,
		`a.3`:            malformed, `"a.3`: malformed, `"a.3" "b"`: malformed, `*, "a.3"`: malformed, `W/`: malformed, `w/"a.3"`: malformed,
	} {
		m, err := ParseIfMatch(header)
		got := fits
		switch {
		case err != nil:
			got = malformed
			if !errors.Is(err, programs.Invalid) {
				t.Errorf("%s: %v", header, err)
			}
		case m.Required() != nil:
			got = missing
			if !errors.Is(m.Required(), PreconditionRequired) || m.Check("a", 3) != nil {
				t.Errorf("%s: %v", header, m.Required())
			}
		case m.Check("a", 3) != nil:
			got = stale
			if !errors.Is(m.Check("a", 3), programs.Stale) {
				t.Errorf("%s: %v", header, m.Check("a", 3))
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}
