package api

import (
	"context"
	"encoding/json"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs/store"
)

// Replay is the header of an answer that was given before.
type Replay struct {
	Replayed string `header:"Idempotent-Replayed" json:"-" doc:"true: an earlier request with this Idempotency-Key was given this answer"`
}

func (r *Replay) replayed() { r.Replayed = "true" }

// single is an answer of one resource.
type single[T any] struct {
	ETag string `header:"ETag" doc:"Strong: the id and version of the resource, of a session also its counts"`
	Body T
}

// changed is the answer to a coordinator's edit of a session.
type changed[T any] struct {
	ETag   string `header:"ETag" doc:"Strong: the id and version of the resource, of a session also its counts"`
	Change string `header:"X-Wellweek-Change" doc:"The id of the change that this request made"`
	Body   T
}

// resumed is the answer to a coordinator's DELETE of a part of a resource, which leaves the resource.
type resumed[T any] struct {
	Replay
	ETag   string `header:"ETag" doc:"Strong: the id and version of the resource, of a session also its counts"`
	Change string `header:"X-Wellweek-Change" doc:"The id of the change that this request made; none when there was nothing to do"`
	Body   T
}

// made is the answer to a POST that makes a resource with an address of its own.
type made[T any] struct {
	Replay
	Status   int
	Location string `header:"Location" doc:"The address of the resource"`
	ETag     string `header:"ETag" doc:"Strong: the id and version of the resource"`
	Body     T
}

// acted is the answer to a POST that changes a resource or makes none.
type acted[T any] struct {
	Replay
	ETag string `header:"ETag" doc:"Strong: the id and version of the resource"`
	Body T
}

// told is the answer to a POST whose answer is no resource.
type told[T any] struct {
	Replay
	Body T
}

// ended is the answer to a DELETE.
type ended struct {
	Replay
}

// done is an answer without a body.
type done struct{}

// replayable is an answer that can say that it was given before.
type replayable[O any] interface {
	*O
	replayed()
}

// act runs a POST or DELETE in one transaction: the answer that its Idempotency-Key was given before, or the verb and the note of
// its answer. secret is an answer that shows a secret once.
func act[O any, P replayable[O]](ctx context.Context, s *server, rq *door.Request, secret bool, verb func(tx *store.Tx) (*O, error)) (*O, error) {
	return store.Write(ctx, s.Store, func(tx *store.Tx) (*O, error) {
		if out, err := given[O, P](tx, rq); out != nil || err != nil {
			return out, err
		}
		out, err := verb(tx)
		if err != nil {
			return out, err
		}
		return out, note(tx, rq, out, secret)
	})
}

// look runs a POST that only reads. With an Idempotency-Key its answer is kept like every other's.
func look[O any, P replayable[O]](ctx context.Context, s *server, rq *door.Request, read func(v *store.View) (*O, error)) (*O, error) {
	if rq.Key == "" {
		return store.Read(ctx, s.Store, read)
	}
	return act[O, P](ctx, s, rq, false, func(tx *store.Tx) (*O, error) { return read(&tx.View) })
}

// aside runs a POST that stores nothing and needs a transaction of its own to find that out. The note of its answer cannot be part
// of that one, which is taken back; two at once in different processes are told apart when they note their answers.
func aside[O any, P replayable[O]](ctx context.Context, s *server, rq *door.Request, try func() (*O, error)) (*O, error) {
	if rq.Key == "" {
		return try()
	}
	out, err := store.Write(ctx, s.Store, func(tx *store.Tx) (*O, error) { return given[O, P](tx, rq) })
	if out != nil || err != nil {
		return out, err
	}
	if out, err = try(); err != nil {
		return nil, err
	}
	return store.Write(ctx, s.Store, func(tx *store.Tx) (*O, error) { return out, note(tx, rq, out, false) })
}

// given is the answer that a request was given before, or nil.
func given[O any, P replayable[O]](tx *store.Tx, rq *door.Request) (*O, error) {
	kept, found, err := door.Replay(tx, rq)
	if err != nil || !found {
		return nil, err
	}
	out := new(O)
	if err := json.Unmarshal(kept, out); err != nil {
		return nil, err
	}
	P(out).replayed()
	return out, nil
}

// note keeps the answer to a keyed request.
func note[O any](tx *store.Tx, rq *door.Request, out *O, secret bool) error {
	if rq.Key == "" {
		return nil
	}
	kept, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return door.Keep(tx, rq, kept, secret)
}
