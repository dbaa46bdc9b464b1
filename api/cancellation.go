package api

import (
	"context"
	"net/http"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Cancellation calls a session off.
type Cancellation struct {
	Reason string `json:"reason" doc:"What participants are told"`
}

func (s *server) cancellations() {
	op(s, operation{
		Method: http.MethodPut, Path: "/sessions/{id}/cancellation", ID: "cancel-session", Tag: "Sessions", Act: programs.WritePrograms,
		Summary: "Call a session off", About: "Every active sign-up ends, the waiting ones too, and each person is told once. Repeating it is the same answer.",
		Refusal: []int{409},
	}, func(ctx context.Context, rq *door.Request, in *struct {
		SessionPath
		Body Cancellation
	},
	) (*changed[Session], error) {
		return store.Write(ctx, s.Store, func(tx *store.Tx) (*changed[Session], error) {
			return changeSession(tx, rq, in.ID, func(before programs.Session) (programs.Session, error) {
				return tx.CallOff(rq.Actor, before.ID, in.Body.Reason)
			})
		})
	})
	op(s, operation{
		Method: http.MethodDelete, Path: "/sessions/{id}/cancellation", ID: "reinstate-session", Tag: "Sessions", Act: programs.WritePrograms,
		Summary: "Put a session back on", About: "Those whom the cancellation ended return with the place in line they had, unless they took another seat at that time " +
			"since. Only before the start; putting on what is on is the same answer.",
	}, func(ctx context.Context, rq *door.Request, in *SessionPath) (*resumed[Session], error) {
		return act(ctx, s, rq, false, func(tx *store.Tx) (*resumed[Session], error) {
			out, err := changeSession(tx, rq, in.ID, func(before programs.Session) (programs.Session, error) {
				return tx.PutBackOn(rq.Actor, before.ID)
			})
			if err != nil {
				return nil, err
			}
			return &resumed[Session]{ETag: out.ETag, Change: out.Change, Body: out.Body}, nil
		})
	})
}
