package api

import (
	"context"
	"net/http"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Message is one line of the delivery ledger: what was owed to whom, and what became of it.
type Message struct {
	ID        string  `json:"id"`
	Event     string  `json:"event" doc:"As X-Wellweek-Event"`
	PersonID  string  `json:"person_id"`
	Address   string  `json:"address"`
	SessionID *string `json:"session_id"`
	State     string  `json:"state" doc:"queued, sending, unknown, sent, failed, expired, suppressed, superseded or skipped"`
	Reason    *string `json:"reason"`
	Attempts  int     `json:"attempts"`
	NotBefore *string `json:"not_before" format:"date-time"`
	NotAfter  *string `json:"not_after" format:"date-time"`
	MessageID string  `json:"message_id" doc:"Without angle brackets"`
	LastCode  *int    `json:"last_code" doc:"Of the relay's last answer"`
	LastText  string  `json:"last_text"`
	QueueID   string  `json:"queue_id" doc:"What the relay called it"`
	CreatedAt string  `json:"created_at" format:"date-time"`
	SentAt    *string `json:"sent_at" format:"date-time"`
}

func (s *server) messages() {
	op(s, operation{
		Method: http.MethodGet, Path: "/messages", ID: "list-messages", Tag: "Mail", Act: programs.ReadMessages,
		Summary: "List what was mailed about your programs, newest first",
	}, func(ctx context.Context, rq *door.Request, in *struct {
		SessionID string `query:"session_id" maxLength:"64"`
		PersonID  string `query:"person_id" maxLength:"64"`
		Event     string `query:"event" maxLength:"40"`
		State     string `query:"state" maxLength:"40"`
		Paging
	},
	) (*page[Message], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*page[Message], error) {
			found, cursor, err := notify.Messages(v, notify.MessageFilter{
				Session: programs.SessionID(in.SessionID), Person: programs.PersonID(in.PersonID), Event: in.Event, State: in.State,
				Programs: ledgerScope(rq.Actor), Page: in.page(),
			})
			return pageOf(found, cursor, messageForm), err
		})
	})
	op(s, operation{
		Method: http.MethodPost, Path: "/messages/{id}/retry", ID: "retry-message", Tag: "Mail", Act: programs.ReadMessages, Status: http.StatusOK,
		Summary: "Send a message that failed once more", About: "The same bytes with the same Message-ID.",
	}, func(ctx context.Context, rq *door.Request, in *struct {
		ID string `path:"id" maxLength:"64"`
	},
	) (*told[Message], error) {
		return act(ctx, s, rq, false, func(tx *store.Tx) (*told[Message], error) {
			m, _, err := notify.Caught(&tx.View, in.ID)
			if err != nil {
				return nil, err
			}
			if err := inLedger(&tx.View, rq.Actor, m); err != nil {
				return nil, err
			}
			m, err = notify.Retry(tx, in.ID)
			return &told[Message]{Body: messageForm(m)}, err
		})
	})
}

// ledgerScope is whose mail the asker reads: nil is everybody's.
func ledgerScope(a programs.Actor) []programs.ProgramID {
	if a.Is(programs.Admin) || a.Person == "" {
		return nil
	}
	return append([]programs.ProgramID{}, a.Programs...)
}

// inLedger refuses (NotFound) a message that the asker's ledger does not show.
func inLedger(v *store.View, a programs.Actor, m notify.Message) error {
	if ledgerScope(a) == nil {
		return nil
	}
	none := programs.Refuse(programs.NotFound, "There is no such message.")
	if m.Session == "" {
		return none
	}
	session, err := v.Session(programs.System(), m.Session)
	if err != nil {
		return err
	}
	if !a.Coordinates(session.ProgramID) {
		return none
	}
	return nil
}

func messageForm(m notify.Message) Message {
	out := Message{
		ID: m.ID, Event: m.Event, PersonID: string(m.Person), Address: m.Address, SessionID: text(m.Session), State: m.State, Reason: text(m.Reason),
		Attempts: m.Attempts, NotBefore: instant(m.NotBefore), NotAfter: instant(m.NotAfter), MessageID: m.MessageID, LastText: m.LastText,
		QueueID: m.QueueID, CreatedAt: m.CreatedAt.String(), SentAt: instant(m.SentAt),
	}
	if m.LastCode != 0 {
		out.LastCode = &m.LastCode
	}
	return out
}
