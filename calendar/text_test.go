package calendar

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// The rules X1 and X2 a second time, by other means, for the tests to compare with.
var (
	lineEnds = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")
	controls = regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f-\u009f]")
)

func wantClean(s string) string {
	s = string([]rune(s)) // each octet that is no UTF-8 becomes U+FFFD
	return strings.TrimSpace(controls.ReplaceAllString(lineEnds.ReplaceAllString(s, "\n"), ""))
}

func wantCut(s string, limit int) string {
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}

func wantLine(s string) string { return strings.ReplaceAll(wantClean(s), "\n", " ") }

func TestX1_Clean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain", "plain"},
		{"  both ends \t", "both ends"},
		{"a\r\nb\rc\nd\u0085e\u2028f\u2029g", "a\nb\nc\nd\ne\nf\ng"},
		{"a\n\rb", "a\n\nb"},
		{"a\r\r\nb", "a\n\nb"},
		{"nul\x00bel\x07esc\x1bdel\x7fcsi\u009bend", "nulbelescdelcsiend"},
		{"vt\vff\fend", "vtffend"},
		{"tab\tstays", "tab\tstays"},
		{"bad\xff\xfeutf", "bad\uFFFD\uFFFDutf"},
		{"half \xe2\x82", "half \uFFFD\uFFFD"},
		{"surrogate \xed\xa0\x80", "surrogate \uFFFD\uFFFD\uFFFD"},
		{"\x00\r\n\x01", ""},
		{"Grüße 🧘🏽‍♀️", "Grüße 🧘🏽‍♀️"},
	} {
		if got := clean(c.in); got != c.want {
			t.Errorf("clean(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestX2_Cut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"äöü", 3, "äöü"},
		{"äöüß", 3, "äö…"},
		{"🧘🧘🧘🧘", 2, "🧘…"},
	} {
		if got := cut(c.in, c.limit); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

func TestX3_Escape(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{`a;b,c\d:e`, `a\;b\,c\\d:e`},
		{"one\ntwo", `one\ntwo`},
		{`C:\new`, `C:\\new`},
		{`\n`, `\\n`},
		{`"quoted"`, `"quoted"`},
	} {
		if got := text(c.in, 100); got != c.want {
			t.Errorf("text(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	// Cut comes before escape: an escape in two pieces would be another character.
	if got := text(strings.Repeat(";", 10), 5); got != `\;\;\;\;…` {
		t.Errorf("text cuts escaped text: %q", got)
	}
}

func TestX4_Parameter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{`Zoë "Zed"`, `Zoë ^'Zed^'`},
		{"a^b", "a^^b"},
		{"a^nb", "a^^nb"},
		{"Ann\r\nATTENDEE:mailto:evil@x", "Ann ATTENDEE:mailto:evil@x"},
		{"bell\x07", "bell"},
		{strings.Repeat("x", 300), strings.Repeat("x", 254) + "…"},
	} {
		if got := parameter(c.in); got != c.want {
			t.Errorf("parameter(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestX7_Fold(t *testing.T) {
	t.Parallel()
	// Characters of one to four octets, shifted through the 75th octet of each line.
	for _, char := range []string{"x", "ü", "€", "🧘"} {
		for shift := range 8 {
			whole := "SUMMARY:" + strings.Repeat("-", shift) + strings.Repeat(char, 100)
			got := string(appendFolded(nil, []byte(whole)))
			s, ok := strings.CutSuffix(got, "\r\n")
			if !ok {
				t.Fatalf("no CRLF at the end of %q", got)
			}
			for i, l := range strings.Split(s, "\r\n") {
				if len(l) > 75 || !utf8.ValidString(l) || i > 0 && l[0] != ' ' {
					t.Errorf("%s, shift %d: bad line of %d octets: %q", char, shift, len(l), l)
				}
			}
			if back := strings.ReplaceAll(s, "\r\n ", ""); back != whole {
				t.Errorf("%s, shift %d: unfolds to %q", char, shift, back)
			}
		}
	}
	exact := "SUMMARY:" + strings.Repeat("x", 67)
	if got := string(appendFolded(nil, []byte(exact))); got != exact+"\r\n" {
		t.Errorf("a line of 75 octets was folded: %q", got)
	}
	if got := string(appendFolded(nil, []byte(exact+"y"))); got != exact+"\r\n y\r\n" {
		t.Errorf("a line of 76 octets: %q", got)
	}
	// What is not UTF-8 is refused later; folding it must end.
	if got := appendFolded(nil, []byte(strings.Repeat("\x80", 400))); len(got) != 400+2+5*3 {
		t.Errorf("octets that begin no character: %d octets", len(got))
	}
}

func TestX1X2_AnyString(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "s")
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		cleaned := clean(s)
		if want := wantClean(s); cleaned != want {
			t.Fatalf("clean(%q) = %q, want %q", s, cleaned, want)
		}
		if again := clean(cleaned); again != cleaned {
			t.Fatalf("cleaned again: %q -> %q", cleaned, again)
		}
		if got, want := cut(cleaned, limit), wantCut(cleaned, limit); got != want {
			t.Fatalf("cut(%q, %d) = %q, want %q", cleaned, limit, got, want)
		}
	})
}
