package calendar

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// How much of a text a document holds, in characters, the ellipsis included.
const (
	lineLimit = 255  // a title, a place, a name
	textLimit = 8000 // a description
)

// foldWidth is the most octets a physical line has, without its CRLF (RFC 5545 3.1).
const foldWidth = 75

// text makes the value of a TEXT property from what somebody typed: clean, cut to limit characters, escaped. The order matters: an
// escape must not be cut in two, and what is cut must be what a reader sees.
func text(s string, limit int) string { return escape(cut(clean(s), limit)) }

// parameter makes the value of a parameter from what somebody typed. The encoder adds quotation marks where RFC 5545 3.2 wants
// them; what it cannot hold at all is a quotation mark or a line break. The first has an encoding (RFC 6868 3), the second
// becomes a space, because some clients print "^n".
func parameter(s string) string {
	return parameterEscapes.Replace(cut(oneLine(s), lineLimit))
}

var parameterEscapes = strings.NewReplacer("^", "^^", `"`, "^'")

// clean keeps what a reader can see: bad UTF-8 becomes U+FFFD, every kind of line end becomes LF, and other control characters
// but TAB are dropped, for go-ical writes them through. Space around the text goes.
func clean(s string) string {
	if printable(s) {
		return strings.TrimSpace(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for i, r := range s {
		switch {
		case r == '\n' && i > 0 && s[i-1] == '\r': // CRLF is one line end, made by its CR
		case r == '\n', r == '\r', r == '\u0085', r == '\u2028', r == '\u2029':
			b.WriteByte('\n')
		case r < ' ' && r != '\t', r >= 0x7f && r <= 0x9f:
		default:
			b.WriteRune(r) // RuneError stands for the bytes that are no UTF-8
		}
	}
	return strings.TrimSpace(b.String())
}

// printable reports whether s is printable ASCII, the usual case, in which there is nothing to clean.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// oneLine is clean without line ends, for names: a second line in a name would read like a line of ours.
func oneLine(s string) string {
	return strings.ReplaceAll(clean(s), "\n", " ")
}

// cut shortens s to limit characters; a text that was shortened ends in an ellipsis.
func cut(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	n := 0
	for i := range s {
		if n == limit-1 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// escape writes a TEXT value (RFC 5545 3.3.11). The colon is not escaped, and no other kind of value is.
func escape(s string) string { return textEscapes.Replace(s) }

var textEscapes = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`)

// appendLine adds one content line, folded. The name, with its parameters if any, is a constant of ours; the value has been made by
// text or is one of ours as well.
func appendLine(dst []byte, name, value string) []byte {
	line := make([]byte, 0, len(name)+1+len(value))
	line = append(line, name...)
	line = append(line, ':')
	line = append(line, value...)
	return appendFolded(dst, line)
}

// fold breaks the lines of an encoded component, which go-ical leaves as long as they are.
func fold(encoded []byte) []byte {
	out := make([]byte, 0, len(encoded)+len(encoded)/24)
	for len(encoded) > 0 {
		line, rest, _ := bytes.Cut(encoded, []byte("\r\n"))
		out = appendFolded(out, line)
		encoded = rest
	}
	return out
}

// appendFolded adds a line in pieces of at most 75 octets, each further one after CRLF and one space (RFC 5545 3.1). It never cuts a
// character in two: the RFC lets it, and a client that reads physical lines then shows rubbish or drops the whole calendar.
func appendFolded(dst, line []byte) []byte {
	room := foldWidth
	for len(line) > room {
		end := room
		for end > 0 && !utf8.RuneStart(line[end]) {
			end--
		}
		if end == 0 { // no character is that long: not UTF-8, which check refuses
			end = room
		}
		dst = append(dst, line[:end]...)
		dst = append(dst, "\r\n "...)
		line = line[end:]
		room = foldWidth - 1 // the space counts
	}
	dst = append(dst, line...)
	return append(dst, "\r\n"...)
}
