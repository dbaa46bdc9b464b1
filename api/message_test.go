package api

import (
	"testing"

	"github.com/wellweek/wellweek/programs/store"
)

// TestRetry queues a message that failed once more: by the coordinators of its program, with the same Message-ID.
func TestRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.scene()
	before := w.ask("cora", "GET", "/messages", nil).is(200).text("items.0.message_id")
	write(w, func(tx *store.Tx) (int64, error) {
		return tx.Exec(`update outbox set state = 'failed', reason = '550', attempts = 1 where id = $1`, m.message)
	})
	if r := w.ask("cora", "GET", "/messages?state=failed", nil).is(200); r.text("items.0.id") != m.message {
		t.Errorf("%s", r.body)
	}
	w.ask("otto", "POST", "/messages/"+m.message+"/retry", nil).problem(404, "not_found")
	r := w.ask("cora", "POST", "/messages/"+m.message+"/retry", nil).is(200)
	if r.text("state") != "queued" || r.text("message_id") != before {
		t.Errorf("%s", r.body)
	}
	w.ask("key:coordinator", "POST", "/messages/"+m.message+"/retry", nil).problem(409, "conflict")
}
