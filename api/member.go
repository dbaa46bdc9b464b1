package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
)

// Member is a member of a PATCH: left out, null, or a value.
type Member[T any] struct {
	Set   bool
	Null  bool
	Value T
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *Member[T]) UnmarshalJSON(b []byte) error {
	m.Set = true
	if bytes.Equal(bytes.TrimSpace(b), []byte("null")) {
		m.Null = true
		return nil
	}
	return json.Unmarshal(b, &m.Value)
}

// Schema implements huma.SchemaProvider: the value's schema, or null.
func (m Member[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), true, "")
	s.Nullable = true
	return &s
}

// Maybe is a resource inside another, or null. The framework knows nullable values but no nullable objects.
type Maybe[T any] struct{ Value *T }

// MarshalJSON implements json.Marshaler.
func (m Maybe[T]) MarshalJSON() ([]byte, error) { return json.Marshal(m.Value) }

// UnmarshalJSON implements json.Unmarshaler.
func (m *Maybe[T]) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &m.Value) }

// Schema implements huma.SchemaProvider.
func (m Maybe[T]) Schema(r huma.Registry) *huma.Schema {
	t := reflect.TypeFor[T]()
	return &huma.Schema{AnyOf: []*huma.Schema{r.Schema(t, true, t.Name()), {Type: "null"}}}
}

// edits collects what a PATCH changes. Everything is judged before the first write; what cannot be said is a fault at its member.
type edits[T any] struct {
	list   []func(*T)
	faults []door.Fault
}

func (e *edits[T]) fault(at, message string) {
	e.faults = append(e.faults, door.Fault{Location: at, Message: message})
}

// apply makes the edits, or says what is wrong with them.
func (e *edits[T]) apply() (func(*T), error) {
	if e.faults != nil {
		return nil, door.InvalidProblem(e.faults...)
	}
	return func(t *T) {
		for _, edit := range e.list {
			edit(t)
		}
	}, nil
}

// set adds the edit of a member that cannot be empty: null is refused.
func set[T, V any](e *edits[T], at string, m Member[V], edit func(*T, V)) {
	switch {
	case !m.Set:
	case m.Null:
		e.fault(at, "This member cannot be empty.")
	default:
		e.list = append(e.list, func(t *T) { edit(t, m.Value) })
	}
}

// clearable adds the edit of a member that null empties: it becomes its zero value.
func clearable[T, V any](e *edits[T], m Member[V], edit func(*T, V)) {
	if m.Set {
		e.list = append(e.list, func(t *T) { edit(t, m.Value) })
	}
}

// pointed adds the edit of a member for which null means none.
func pointed[T, V any](e *edits[T], m Member[V], edit func(*T, *V)) {
	if !m.Set {
		return
	}
	e.list = append(e.list, func(t *T) {
		if m.Null {
			edit(t, nil)
			return
		}
		edit(t, &m.Value)
	})
}

// parsed adds the edit of a member whose text must first be read; null is refused.
func parsed[T, V any](e *edits[T], at string, m Member[string], parse func(string) (V, error), edit func(*T, V)) {
	switch {
	case !m.Set:
	case m.Null:
		e.fault(at, "This member cannot be empty.")
	default:
		v, err := parse(m.Value)
		if err != nil {
			e.fault(at, err.Error())
			return
		}
		e.list = append(e.list, func(t *T) { edit(t, v) })
	}
}

// at points a refusal at the member that was being read.
func at(err error, where string) error {
	var refused *programs.Error
	if errors.As(err, &refused) && len(refused.Where) == 0 {
		return refused.At(where)
	}
	return err
}

// instant is an instant on the wire; null when there is none.
func instant(i programs.Instant) *string {
	if i == 0 {
		return nil
	}
	s := i.String()
	return &s
}

// text is an optional choice on the wire; null when it was not made.
func text[T ~string](s T) *string {
	if s == "" {
		return nil
	}
	t := string(s)
	return &t
}

// value is what a pointer points at, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// each is a slice that is never null on the wire.
func each[F, T any](from []F, form func(F) T) []T {
	out := make([]T, 0, len(from))
	for _, f := range from {
		out = append(out, form(f))
	}
	return out
}

// queryInstant reads a bound of a list; the empty text is no bound.
func queryInstant(name, s string) (programs.Instant, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, programs.Refuse(programs.Invalid, "This is an instant such as 2026-12-01T12:30:00Z.").At("query." + name)
	}
	if i := programs.At(t); i != 0 {
		return i, nil
	}
	return 1, nil // zero means no bound, and nothing of ours lies between the two
}
