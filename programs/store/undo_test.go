package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// TestV5 undoes each kind of change inside its hold: everything is as before, SEQUENCE has only risen, and no entry is left to tell.
func TestV5_UndoInsideTheHold(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(*world, *store.Tx, programs.Session) error{
		"move": func(w *world, tx *store.Tx, s programs.Session) error {
			_, err := tx.EditSession(w.coordinator, s.ID, 0, func(d *programs.Details) { d.LocalStart.Minute += 60; d.Location = "Elsewhere" })
			return err
		},
		"text": func(w *world, tx *store.Tx, s programs.Session) error {
			_, err := tx.EditSession(w.coordinator, s.ID, 0, func(d *programs.Details) { d.Title = "Other" })
			return err
		},
		"more room": func(w *world, tx *store.Tx, s programs.Session) error {
			_, err := tx.EditSession(w.coordinator, s.ID, 0, func(d *programs.Details) { d.Capacity = capacity(3) })
			return err
		},
		"cancel": func(w *world, tx *store.Tx, s programs.Session) error {
			_, err := tx.CallOff(w.coordinator, s.ID, "Ill")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, database string) {
				w := newWorld(t, database, 3)
				s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
				seats := []programs.Signup{w.join(0, s), w.join(1, s), w.join(2, s)}
				s = w.session(s.ID)
				w.clock.Add(time.Hour) // past the hold of what made the world
				w.planAll()
				change := do(w, func(tx *store.Tx) (programs.ChangeID, error) {
					err := act(w, tx, s)
					return tx.Change(), err
				})
				changed := w.session(s.ID)
				w.clock.Add(programs.Hold - time.Millisecond)
				refused(w, programs.NotFound, func(tx *store.Tx) (programs.Change, error) { return tx.Undo(as(w.people[0]), change) })
				undone := do(w, func(tx *store.Tx) (programs.Change, error) { return tx.Undo(w.coordinator, change) })
				if undone.UndoneBy == "" {
					t.Errorf("%s: not undone by anything", name)
				}
				after := w.session(s.ID)
				if after.Sequence < changed.Sequence || changed.Sequence > s.Sequence && after.Sequence == changed.Sequence {
					t.Errorf("%s: sequence %d, %d, %d", name, s.Sequence, changed.Sequence, after.Sequence)
				}
				if after.Version <= changed.Version || after.LastModified <= changed.LastModified {
					t.Errorf("%s: version or stamp did not rise", name)
				}
				want := s
				want.Sequence, want.Version, want.Revision, want.Counts, want.LastModified = after.Sequence, after.Version, after.Revision, after.Counts, after.LastModified
				if diff := cmp.Diff(want, after); diff != "" {
					t.Errorf("%s: the session is not as before: %s", name, diff)
				}
				for _, u := range seats {
					got := w.signup(u.ID)
					got.Version, got.UpdatedAt = u.Version, u.UpdatedAt
					if diff := cmp.Diff(u, got); diff != "" {
						t.Errorf("%s: a sign-up is not as before: %s", name, diff)
					}
				}
				w.clock.Add(time.Hour)
				if open := do(w, func(tx *store.Tx) (int, error) {
					list, err := tx.Open(100)
					return len(list), err
				}); open != 0 {
					t.Errorf("%s: %d entries are left to tell", name, open)
				}
				refused(w, programs.Conflict, func(tx *store.Tx) (programs.Change, error) { return tx.Undo(w.coordinator, change) })
				w.sound()
			})
		})
	}
}

// planAll takes every entry that is not held off the list of open ones, as a planner does.
func (w *world) planAll() {
	w.t.Helper()
	do(w, func(tx *store.Tx) (int, error) {
		open, err := tx.Open(1000)
		ids := make([]programs.EntryID, len(open))
		for i, e := range open {
			ids[i] = e.ID
		}
		if err == nil {
			err = tx.Planned(ids)
		}
		return len(ids), err
	})
}

func TestV5_UndoIsRefusedWhenTooLateOrOvertaken(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		s := w.schedule("2027-03-16T12:30", "", capacity(1))[0]
		move := func() programs.ChangeID {
			return do(w, func(tx *store.Tx) (programs.ChangeID, error) {
				_, err := tx.EditSession(w.coordinator, s.ID, 0, func(d *programs.Details) { d.LocalStart.Minute += 15 })
				return tx.Change(), err
			})
		}
		undo := func(id programs.ChangeID) func(*store.Tx) (programs.Change, error) {
			return func(tx *store.Tx) (programs.Change, error) { return tx.Undo(w.coordinator, id) }
		}
		late := move()
		w.clock.Add(programs.Hold)
		refused(w, programs.Conflict, undo(late))
		overtaken := move()
		later := move()
		refused(w, programs.Conflict, undo(overtaken))
		do(w, undo(later))
		overtaken = move()
		w.join(0, s)
		refused(w, programs.Conflict, undo(overtaken))
		w.sound()
	})
}
