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

// act runs a POST or DELETE in one transaction: the answer that its Idempotency-Key was given before, or the verb and the note of
// its answer. secret is an answer that shows a secret once.
func act[O any, P interface {
	*O
	replayed()
}](ctx context.Context, s *server, rq *door.Request, secret bool, verb func(tx *store.Tx) (*O, error)) (*O, error) {
	return store.Write(ctx, s.Store, func(tx *store.Tx) (*O, error) {
		kept, found, err := door.Replay(tx, rq)
		if err != nil {
			return nil, err
		}
		if found {
			out := new(O)
			if err := json.Unmarshal(kept, out); err != nil {
				return nil, err
			}
			P(out).replayed()
			return out, nil
		}
		out, err := verb(tx)
		if err != nil || rq.Key == "" {
			return out, err
		}
		if kept, err = json.Marshal(out); err != nil {
			return nil, err
		}
		return out, door.Keep(tx, rq, kept, secret)
	})
}

// look runs a POST that only reads. With an Idempotency-Key its answer is kept like every other's.
func look[O any, P interface {
	*O
	replayed()
}](ctx context.Context, s *server, rq *door.Request, read func(v *store.View) (*O, error)) (*O, error) {
	if rq.Key == "" {
		return store.Read(ctx, s.Store, read)
	}
	return act[O, P](ctx, s, rq, false, func(tx *store.Tx) (*O, error) { return read(&tx.View) })
}
