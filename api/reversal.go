package api

import (
	"context"
	"net/http"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Change is one save of a coordinator's, with everything it did.
type Change struct {
	ID        string  `json:"id"`
	Kind      string  `json:"kind" doc:"The verb that led to it, such as session.cancelled"`
	CreatedAt string  `json:"created_at" format:"date-time"`
	HoldUntil *string `json:"hold_until" format:"date-time" doc:"Its mail waits until then, and so long it can be undone; null: it was never held"`
	UndoneBy  *string `json:"undone_by" doc:"The id of the change that took it back; null: it stands"`
}

// ChangePath names a change.
type ChangePath struct {
	ID string `path:"id" maxLength:"64"`
}

func (s *server) changes() {
	op(s, operation{
		Method: http.MethodGet, Path: "/changes/{id}", ID: "read-change", Tag: "Changes", Act: programs.WritePrograms,
		Summary: "Read a change", About: "Its id is the X-Wellweek-Change of the answer to the save.",
	}, func(ctx context.Context, rq *door.Request, in *ChangePath) (*single[Change], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*single[Change], error) {
			c, err := v.Changed(rq.Actor, programs.ChangeID(in.ID))
			return &single[Change]{ETag: changeTag(c), Body: changeForm(c)}, err
		})
	})
	op(s, operation{
		Method: http.MethodPut, Path: "/changes/{id}/reversal", ID: "undo-change", Tag: "Changes", Act: programs.WritePrograms,
		Summary: "Undo a change whose mail is still held", About: "Everything is as it was, and nobody hears of either. 409 once its mail may be on its way, once somebody has changed " +
			"the same sessions or sign-ups since, and when it was undone before.",
		Refusal: []int{409},
	}, func(ctx context.Context, rq *door.Request, in *ChangePath) (*changed[Change], error) {
		return store.Write(ctx, s.Store, func(tx *store.Tx) (*changed[Change], error) {
			c, err := tx.Undo(rq.Actor, programs.ChangeID(in.ID))
			return &changed[Change]{ETag: changeTag(c), Change: string(tx.Change()), Body: changeForm(c)}, err
		})
	})
}

// changeTag is the tag of a change, which has two versions in its life: it stands, or it was undone.
func changeTag(c programs.Change) string {
	if c.UndoneBy != "" {
		return door.ETag(string(c.ID), 2)
	}
	return door.ETag(string(c.ID), 1)
}

func changeForm(c programs.Change) Change {
	return Change{ID: string(c.ID), Kind: c.Kind, CreatedAt: c.CreatedAt.String(), HoldUntil: instant(c.HoldUntil), UndoneBy: text(c.UndoneBy)}
}
