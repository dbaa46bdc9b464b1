package store

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wellweek/wellweek/programs"
)

// Page is which part of a list is asked for. Limit 0 means 50. Cursor is what the page before gave, empty for the first.
type Page struct {
	Limit  int
	Cursor string
}

func (p Page) limit() int {
	if p.Limit <= 0 {
		return 50
	}
	return p.Limit
}

// after splits the cursor into the n sort keys of the last row seen; nil for the first page. It refuses (Invalid) anything this
// package did not make.
func (p Page) after(n int) ([]string, error) {
	if p.Cursor == "" {
		return nil, nil
	}
	refuse := programs.Refuse(programs.Invalid, "The cursor is one that an earlier page answered as next_cursor.").At("query.cursor")
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 { // PostgreSQL takes neither in text
		return nil, refuse
	}
	keys := strings.Split(string(raw), "\n")
	if len(keys) != n {
		return nil, refuse
	}
	return keys, nil
}

// number reads a cursor key that is an integer.
func number(key string) (int64, error) {
	n, err := strconv.ParseInt(key, 10, 64)
	if err != nil {
		return 0, programs.Refuse(programs.Invalid, "The cursor is one that an earlier page answered as next_cursor.").At("query.cursor")
	}
	return n, nil
}

// next cuts the one row too many that a query of limit+1 rows gave, and makes the cursor from the keys of the last row kept.
func next[T any](p Page, rows []T, keys func(T) []string) ([]T, string) {
	if len(rows) <= p.limit() {
		return rows, ""
	}
	rows = rows[:p.limit()]
	return rows, base64.RawURLEncoding.EncodeToString([]byte(strings.Join(keys(rows[len(rows)-1]), "\n")))
}

// where builds a condition: each part is SQL with ? for its arguments, which become $1, $2 and so on.
type where struct {
	text strings.Builder
	args []any
}

func (w *where) and(part string, args ...any) {
	if w.text.Len() == 0 {
		w.text.WriteString(" where ")
	} else {
		w.text.WriteString(" and ")
	}
	for _, a := range args {
		w.args = append(w.args, a)
		part = strings.Replace(part, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	w.text.WriteString("(" + part + ")")
}

// limit is the SQL of a limit clause with its argument added.
func (w *where) limit(n int) string {
	w.args = append(w.args, n)
	return " limit $" + strconv.Itoa(len(w.args))
}

func (w *where) String() string { return w.text.String() }

// null is nil for the empty string, so that optional columns hold null.
func null[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// nullAt is nil for the zero instant.
func nullAt(i programs.Instant) any {
	if i == 0 {
		return nil
	}
	return int64(i)
}

// flag is the integer that both engines store for a boolean.
func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ints writes a list of numbers as text: "1440,30".
func ints(list []int) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ",")
}

// parseInts reads what ints wrote.
func parseInts(s string) ([]int, error) {
	out := []int{}
	for part := range strings.SplitSeq(s, ",") {
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}
