package notify

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func TestMessages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		s := w.session(capacity(3))
		other := w.session(nil)
		for i := range 7 {
			w.join(fmt.Sprintf("p%03d", i), s)
		}
		w.join("zoe", other)
		w.told()
		for name, c := range map[string]struct {
			filter MessageFilter
			want   int
		}{
			"all":                     {MessageFilter{}, 8},
			"a session":               {MessageFilter{Session: s.ID}, 7},
			"a person":                {MessageFilter{Person: w.people["zoe"].ID}, 1},
			"an event":                {MessageFilter{Event: Waitlisted}, 4},
			"a state":                 {MessageFilter{State: Failed}, 0},
			"all of it":               {MessageFilter{Session: s.ID, Event: Confirmed, State: Sent, Person: w.people["p001"].ID}, 1},
			"a coordinator's program": {MessageFilter{Programs: []programs.ProgramID{"x", w.program.ID}}, 8},
			"another's":               {MessageFilter{Programs: []programs.ProgramID{"x"}}, 0},
			"nobody's":                {MessageFilter{Programs: []programs.ProgramID{}}, 0},
		} {
			got := look(w, func(v *store.View) (int, error) {
				m, _, err := Messages(v, c.filter)
				return len(m), err
			})
			if got != c.want {
				t.Errorf("%s: %d messages, want %d", name, got, c.want)
			}
		}
		var seen []string
		f := MessageFilter{Page: store.Page{Limit: 3}}
		for page := 0; ; page++ {
			cursor := look(w, func(v *store.View) (string, error) {
				m, cursor, err := Messages(v, f)
				for _, one := range m {
					seen = append(seen, one.ID)
				}
				return cursor, err
			})
			if f.Page.Cursor = cursor; cursor == "" {
				break
			}
		}
		if len(seen) != 8 {
			t.Errorf("%d messages on all pages", len(seen))
		}
		for i := 1; i < len(seen); i++ {
			if seen[i] >= seen[i-1] {
				t.Error("not newest first")
			}
		}
		_, err := store.Read(t.Context(), w.store, func(v *store.View) (int, error) {
			_, _, err := Messages(v, MessageFilter{Page: store.Page{Cursor: "%%%"}})
			return 0, err
		})
		if !errors.Is(err, programs.Invalid) {
			t.Errorf("a made-up cursor: %v", err)
		}
	})
}

func TestRetry_Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.relay(notifytest.Options{})
	s := w.session(nil)
	u := w.join("zoe", s)
	w.plan()
	retry := func(id string) error {
		_, err := store.Write(t.Context(), w.store, func(tx *store.Tx) (Message, error) { return Retry(tx, id) })
		return err
	}
	if err := retry("nobody"); !errors.Is(err, programs.NotFound) {
		t.Errorf("no such message: %v", err)
	}
	id := w.ledger()[0].ID
	if err := retry(id); !errors.Is(err, programs.Conflict) {
		t.Errorf("a queued message: %v", err)
	}
	w.sink.Break(notifytest.Fault{At: notifytest.RcptTo, Reply: "550 5.1.1 no", Times: 1})
	w.send()
	w.leave(w.actor("zoe"), u)
	w.plan()
	w.send()
	want(t, w, "confirmed zoe failed", "left zoe sent")
	if err := retry(id); !errors.Is(err, programs.Conflict) || !strings.Contains(err.Error(), "later message") {
		t.Errorf("a message that a later one contradicts: %v", err)
	}
	_, err := store.Read(t.Context(), w.store, func(v *store.View) (int, error) {
		_, _, err := Caught(v, "nobody")
		return 0, err
	})
	if !errors.Is(err, programs.NotFound) {
		t.Errorf("caught: %v", err)
	}
}

// TestCheck_Finds: each invariant has a fault that it finds.
func TestCheck_Finds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil     func(w *world, tx *store.Tx) error
		invariant string
	}{
		"an entry nobody planned": {func(w *world, tx *store.Tx) error {
			_, err := tx.Exec(`insert into journal_open (entry) select min(j.id) from journal j`)
			return err
		}, "I-11"},
		"mail to somebody who had left": {func(w *world, tx *store.Tx) error {
			_, err := tx.EditPerson(programs.System(), w.people["zoe"].ID, 0, func(p *programs.Person) { p.Status = programs.Left })
			if err == nil {
				_, err = tx.Exec(`update outbox set sent_at = $1`, tx.Now+1000)
			}
			return err
		}, "I-11"},
		"a sequence above the mailbox's": {func(w *world, tx *store.Tx) error {
			_, err := tx.Exec(`update invites set last_sequence = last_sequence - 1`)
			return err
		}, "I-12"},
		"a cancellation that did not rise": {func(w *world, tx *store.Tx) error {
			_, err := tx.Exec(`update outbox set sequence = 0`)
			return err
		}, "I-12"},
		"a change told twice": {func(w *world, tx *store.Tx) error {
			_, err := tx.Exec(`update outbox set cause_id = (select max(o.cause_id) from outbox o where o.event = 'moved')`)
			return err
		}, "I-14"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, storetest.SQLite(t))
			s := w.session(nil)
			u := w.join("zoe", s)
			w.told()
			w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T15:00") })
			w.told()
			w.leave(w.actor("zoe"), u)
			w.told()
			w.clock.Add(3 * programs.Hold * 2)
			w.join("wim", s)
			w.told()
			w.sound()
			do(w, func(tx *store.Tx) (struct{}, error) { return struct{}{}, c.spoil(w, tx) })
			faults := look(w, func(v *store.View) ([]store.Fault, error) { return Check(v) })
			if len(faults) == 0 || faults[0].Invariant != c.invariant {
				t.Errorf("found %v, want %s", faults, c.invariant)
			}
		})
	}
}
