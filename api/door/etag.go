package door

import (
	"strconv"
	"strings"

	"github.com/wellweek/wellweek/programs"
)

// ETag is the strong entity tag of a single resource: its id and version. more are counters that belong to its form but not to
// what If-Match guards, such as the counts of a session.
func ETag(id string, version int64, more ...int64) string {
	var b strings.Builder
	b.WriteByte('"')
	b.WriteString(id)
	for _, n := range append([]int64{version}, more...) {
		b.WriteByte('.')
		b.WriteString(strconv.FormatInt(n, 10))
	}
	b.WriteByte('"')
	return b.String()
}

// IfMatch is a parsed If-Match header (RFC 9110 13.1.1).
type IfMatch struct {
	given bool
	any   bool
	tags  []string // opaque parts of the strong tags; a weak tag never matches
}

// ParseIfMatch reads an If-Match header; the empty text is no header. It refuses (Invalid) what is neither * nor a list of tags.
func ParseIfMatch(s string) (IfMatch, error) {
	m := IfMatch{given: s != ""}
	rest := strings.TrimSpace(s)
	if rest == "*" {
		m.any = true
		return m, nil
	}
	for rest != "" {
		if rest[0] == ',' { // RFC 9110 5.6.1.2: empty elements are allowed
			rest = strings.TrimLeft(rest[1:], " \t")
			continue
		}
		weak := strings.HasPrefix(rest, "W/")
		if weak {
			rest = rest[2:]
		}
		if rest == "" || rest[0] != '"' {
			return m, malformed()
		}
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return m, malformed()
		}
		if !weak {
			m.tags = append(m.tags, rest[1:1+end])
		}
		rest = strings.TrimLeft(rest[end+2:], " \t")
		if rest != "" && rest[0] != ',' {
			return m, malformed()
		}
	}
	return m, nil
}

func malformed() error {
	return programs.Refuse(programs.Invalid, "If-Match is * or a list of the tags that ETag gave, each in double quotes.").At("header.If-Match")
}

// Required refuses (PreconditionRequired) a change that does not say which version it is made to.
func (m IfMatch) Required() error {
	if m.given {
		return nil
	}
	return programs.Refuse(PreconditionRequired, "This change needs If-Match with the ETag of what it was made from, so that nobody's edit is lost.")
}

// Check refuses (Stale) unless the header names the resource's id at its present version, whatever counters stand behind them.
// Without a header everything holds.
func (m IfMatch) Check(id string, version int64) error {
	if !m.given || m.any {
		return nil
	}
	want := id + "." + strconv.FormatInt(version, 10)
	for _, tag := range m.tags {
		if tag == want || strings.HasPrefix(tag, want+".") {
			return nil
		}
	}
	return programs.Refuse(programs.Stale, "This has changed since it was read; read it again and repeat the change.")
}
