package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Entry is one fact of the journal: who did what, when, to what.
type Entry struct {
	ID        string   `json:"id"`
	At        string   `json:"at" format:"date-time"`
	Actor     string   `json:"actor" doc:"person: or key: and an id, or system"`
	Verb      string   `json:"verb" doc:"A stable name, such as session.cancelled"`
	Kind      string   `json:"kind" doc:"What the subject is"`
	SubjectID string   `json:"subject_id"`
	Before    string   `json:"before"`
	After     string   `json:"after"`
	Fields    []string `json:"fields" doc:"Names of what changed"`
	ChangeID  *string  `json:"change_id" doc:"The save that it was part of"`
	Reason    *string  `json:"reason" doc:"Why, in the words of who did it"`
}

func (s *server) audit() {
	op(s, operation{
		Method: http.MethodGet, Path: "/audit", ID: "read-audit", Tag: "Audit", Act: programs.ReadAudit,
		Summary: "Read who did what, newest first",
	}, func(ctx context.Context, rq *door.Request, in *struct {
		From      string `query:"from" maxLength:"40" doc:"Instant, inclusive"`
		To        string `query:"to" maxLength:"40" doc:"Instant, exclusive"`
		Verb      string `query:"verb" maxLength:"40"`
		SubjectID string `query:"subject_id" maxLength:"64"`
		Paging
	},
	) (*page[Entry], error) {
		from, err := queryInstant("from", in.From)
		if err != nil {
			return nil, err
		}
		until, err := queryInstant("to", in.To)
		if err != nil {
			return nil, err
		}
		return store.Read(ctx, s.Store, func(v *store.View) (*page[Entry], error) {
			entries, cursor, err := v.Journal(rq.Actor, store.JournalFilter{
				Verb: programs.Verb(in.Verb), Subject: in.SubjectID, From: from, Until: until, Page: in.page(),
			})
			if err != nil {
				return nil, err
			}
			reasons, err := reasonsOf(v, entries)
			return pageOf(entries, cursor, func(e programs.Entry) Entry { return entryForm(e, reasons[e.Change]) }), err
		})
	})
}

// reasonsOf are the reasons of the changes that the entries belong to.
func reasonsOf(v *store.View, entries []programs.Entry) (map[programs.ChangeID]string, error) {
	reasons := map[programs.ChangeID]string{}
	for _, e := range entries {
		if _, known := reasons[e.Change]; known || e.Change == "" {
			continue
		}
		c, err := v.ChangeOf(e.Change)
		if err != nil {
			return nil, err
		}
		reasons[e.Change] = c.Reason
	}
	return reasons, nil
}

func entryForm(e programs.Entry, reason string) Entry {
	return Entry{
		ID: string(e.ID), At: e.At.String(), Actor: e.Actor, Verb: string(e.Verb), Kind: e.Kind, SubjectID: e.Subject, Before: e.Before, After: e.After,
		Fields:   fieldNames(e.Fields),
		ChangeID: text(e.Change), Reason: text(reason),
	}
}

// fieldNames splits names of changed fields as the journal joins them.
func fieldNames(joined string) []string {
	return strings.FieldsFunc(joined, func(c rune) bool { return c == ',' })
}
