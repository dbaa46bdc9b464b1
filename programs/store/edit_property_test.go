package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
	"pgregory.net/rapid"
)

// TestV1_PreviewEqualsApplying draws 300 worlds and edits in them of every scope and class. What the preview says is what happens (V1),
// no sign-up is lost (V3), sessions keep their identity (S9), and an undo brings everything back (V5).
func TestV1_PreviewEqualsApplying(t *testing.T) {
	t.Parallel()
	for i := range 3 { // a hundred each
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) {
				d := &dice{world: newWorld(r, storetest.SQLite(t), 4), r: r}
				id := d.populate()
				for range 1 + d.upTo(2, "edits") {
					id = d.changes(id)
					d.clock.Add(time.Second)
					if d.often(50, "and then") {
						d.act(id)
					}
				}
			})
		})
	}
}

// changes previews and applies a random edit, undoes it sometimes, and returns the series that goes on.
func (d *dice) changes(id programs.SeriesID) programs.SeriesID {
	e := d.edit(id)
	before := d.picture()
	preview, refusal := store.PreviewSeriesChange(d.ctx, d.s, d.coordinator, id, e)
	d.same("the preview wrote", before, d.picture())
	if refusal != nil {
		if _, ok := errors.AsType[*programs.Error](refusal); !ok {
			d.r.Fatal(refusal)
		}
		if _, err := attempt(d, func(tx *store.Tx) (store.SeriesChange, error) { return tx.ChangeSeries(d.coordinator, id, e, "x") }); err == nil || err.Error() != refusal.Error() {
			d.r.Fatalf("the preview is refused (%v), applying is not: %v", refusal, err)
		}
		d.same("a refused edit wrote", before, d.picture())
		return id
	}
	var change programs.ChangeID
	applied := do(d.world, func(tx *store.Tx) (store.SeriesChange, error) {
		c, err := tx.ChangeSeries(d.coordinator, id, e, preview.Hash)
		change = tx.Change()
		return c, err
	})
	if diff := cmp.Diff(lines(preview), lines(applied)); diff != "" {
		d.r.Fatalf("applied is not what the preview said: %s", diff)
	}
	if diff := cmp.Diff(preview.People, applied.People); diff != "" {
		d.r.Fatalf("other people than the preview said: %s", diff)
	}
	d.holds("after the edit")
	after := d.picture()
	d.kept(before, after)
	d.stored(applied, after)
	d.says(e, applied, after)
	d.complete(applied, after)
	if c := look(d.world, func(v *store.View) (programs.Change, error) { return v.ChangeOf(change) }); c.HoldUntil > d.clock.Now() && d.often(40, "undo") {
		d.clock.Add(time.Second)
		do(d.world, func(tx *store.Tx) (programs.Change, error) { return tx.Undo(d.coordinator, change) })
		d.holds("after the undo")
		now := d.picture()
		d.kept(after, now)
		d.same("undone", before.undone(before), now.undone(before))
		for _, uid := range sortedKeys(now.Signups) {
			if _, was := before.Signups[uid]; !was && now.Signups[uid].State.Active() {
				d.r.Fatalf("a sign-up that the change made is %s after its undo", now.Signups[uid].State)
			}
		}
		for _, sid := range sortedKeys(now.Sessions) {
			if _, was := before.Sessions[sid]; !was && now.Sessions[sid].Status != programs.Skipped {
				d.r.Fatalf("a session that the change made is %s after its undo", now.Sessions[sid].Status)
			}
		}
		d.extends(id)
		return id
	}
	if applied.Successor != nil {
		id = applied.Successor.ID
	}
	d.extends(id)
	return id
}

// holds fails the case when an invariant is broken.
func (d *dice) holds(when string) {
	faults, err := store.Check(d.ctx, d.s)
	if err != nil || len(faults) > 0 {
		d.r.Fatalf("%s: %v %v", when, faults, err)
	}
}

// kept compares what no edit may lose: sign-ups, the identity of sessions, and everything about the past.
func (d *dice) kept(before, after picture) {
	for _, id := range sortedKeys(before.Signups) {
		was, is := before.Signups[id], after.Signups[id]
		if is.ID == "" || is.SessionID != was.SessionID || is.Person != was.Person || is.QueuedAt != was.QueuedAt || is.CreatedAt != was.CreatedAt {
			d.r.Fatalf("the sign-up %+v is %+v", was, is)
		}
		if was.State.Active() && !is.State.Active() && is.EndReason == "" && is.State != programs.Lapsed {
			d.r.Fatalf("the sign-up %+v ended without a reason: %+v", was, is)
		}
	}
	for _, id := range sortedKeys(before.Sessions) {
		was, is := before.Sessions[id], after.Sessions[id]
		if is.UID != was.UID || is.UID == "" || is.ProgramID != was.ProgramID || is.CreatedAt != was.CreatedAt || is.Sequence < was.Sequence || is.Version < was.Version || is.LastModified < was.LastModified {
			d.r.Fatalf("the session %+v is %+v", was, is)
		}
		if was.StartsAt <= d.clock.Now() && was.Status != programs.Skipped && was.Status != programs.Cancelled {
			if diff := cmp.Diff(was, is); diff != "" {
				d.r.Fatalf("the past has changed: %s", diff)
			}
		}
	}
}

// stored compares what the answer says of each session with what is stored.
func (d *dice) stored(c store.SeriesChange, now picture) {
	seen := map[programs.SessionID]bool{}
	for _, x := range c.Sessions {
		got, ok := now.Sessions[x.After.ID]
		if !ok || seen[x.After.ID] {
			d.r.Fatalf("%s: session %q stored: %t, named twice: %t", x.Effect, x.After.ID, ok, seen[x.After.ID])
		}
		seen[x.After.ID] = true
		if x.Before.ID != "" && x.Before.ID != x.After.ID {
			d.r.Fatalf("%s: the session %s became %s", x.Effect, x.Before.ID, x.After.ID)
		}
		if diff := cmp.Diff(x.After, got); diff != "" {
			d.r.Fatalf("%s: the answer and the store differ: %s", x.Effect, diff)
		}
	}
}

// says compares what sessions say after the edit with what the edit wants of those that have nothing of their own in a field.
func (d *dice) says(e programs.SeriesEdit, c store.SeriesChange, now picture) {
	owner := c.Series
	if c.Successor != nil {
		owner = *c.Successor
	}
	for _, x := range c.Sessions {
		s, own := x.After, x.Before.Overrides
		if s.Status != programs.Scheduled && s.Status != programs.Draft {
			continue
		}
		if e.Reset {
			own = 0
		}
		asked := func(field programs.Fields, is bool) bool {
			return is && own&field == 0 || x.Effect == programs.EffectAdded
		}
		switch {
		case asked(programs.FieldTitle, e.Set.Title != nil) && s.Title != owner.Title,
			asked(programs.FieldLocation, e.Set.Location != nil) && s.Location != owner.Location,
			asked(programs.FieldCapacity, e.Set.Capacity != nil) && !cmp.Equal(s.Capacity, owner.Capacity),
			asked(programs.FieldTime, e.Set.DurationMinutes != nil) && s.DurationMinutes != owner.DurationMinutes,
			asked(programs.FieldTime, e.Set.TimeZone != nil) && s.TimeZone != owner.TimeZone,
			asked(programs.FieldTime, e.Set.LocalStart != nil) && len(s.Slot) == len("2006-01-02") && s.LocalStart.Minute != owner.LocalStart.Minute,
			x.Effect == programs.EffectAdded && (s.StartsAt != x.New.StartsAt || s.EndsAt != x.New.EndsAt || s.Slot != x.New.Slot),
			(e.Set.Facilitators != nil || x.Effect == programs.EffectAdded) && !slices.Equal(now.Leads[s.ID], owner.Facilitators):
			d.r.Fatalf("%s: the session %+v does not say what the series %+v says, led by %s", x.Effect, s, owner, now.Leads[s.ID])
		}
	}
}

// complete compares the sessions to come with the dates of the rule they have now: none is missing.
func (d *dice) complete(c store.SeriesChange, now picture) {
	owner := c.Series
	if c.Successor != nil {
		owner = *c.Successor
	}
	for _, s := range []programs.Series{c.Series, owner} {
		if _, err := programs.Dates(s, s.LocalStart.Date+programs.Horizon); err != nil {
			d.r.Fatalf("the rule %q from %s that is stored cannot be read: %v", s.RRule, s.LocalStart, err)
		}
		stored := now.Series[s.ID]
		stored.UpdatedAt, stored.CreatedAt = s.UpdatedAt, s.CreatedAt
		if diff := cmp.Diff(s, stored, cmp.Comparer(func(a, b []programs.Wall) bool { return slices.Equal(a, b) }),
			cmp.Comparer(func(a, b []programs.Date) bool { return slices.Equal(a, b) }), cmp.Comparer(func(a, b []programs.PersonID) bool { return slices.Equal(a, b) })); diff != "" {
			d.r.Fatalf("the series is stored as something else: %s", diff)
		}
	}
	slots := map[string]programs.Session{}
	for _, s := range now.Sessions {
		if s.SeriesID == owner.ID {
			slots[s.Slot] = s
		}
	}
	ahead := programs.WallAt(d.clock.Now(), time.UTC).Date + programs.Horizon - 1
	if owner.Status == programs.DraftSeries { // the loop leaves drafts alone, so they fall behind
		ahead -= programs.Horizon / 2
	}
	dates, err := programs.Dates(owner, ahead)
	if err != nil {
		d.r.Fatalf("the rule that is stored cannot be read: %v", err)
	}
	for _, x := range dates {
		if _, ok := slots[x.Slot]; !ok && x.StartsAt > d.clock.Now() && !x.Skipped {
			d.r.Fatalf("no session has the date %s of %q from %s", x.Slot, owner.RRule, owner.LocalStart)
		}
	}
}

// extends runs the loop that extends open-ended series: what it adds comes after everything there is.
func (d *dice) extends(id programs.SeriesID) {
	before := d.picture()
	if _, err := store.Extend(d.ctx, d.s); err != nil {
		d.r.Fatal(err)
	}
	after := d.picture()
	for _, sid := range sortedKeys(after.Sessions) {
		s := after.Sessions[sid]
		if _, was := before.Sessions[sid]; was {
			continue
		}
		for _, other := range before.Sessions {
			if other.SeriesID == id && other.Slot < "3" && other.Slot >= s.Slot {
				d.r.Fatalf("the loop adds %s, which the edit left out; there is %s", s.Slot, other.Slot)
			}
		}
	}
}
