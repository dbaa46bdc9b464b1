package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func ref[T any](v T) *T { return &v }

// change previews and applies an edit, and fails the test when the two differ.
func (w *world) change(id programs.SeriesID, e programs.SeriesEdit) store.SeriesChange {
	w.t.Helper()
	preview, err := store.PreviewSeriesChange(w.ctx, w.s, w.coordinator, id, e)
	if err != nil {
		w.t.Fatal(err)
	}
	applied := do(w, func(tx *store.Tx) (store.SeriesChange, error) {
		return tx.ChangeSeries(w.coordinator, id, e, preview.Hash)
	})
	if diff := cmp.Diff(lines(preview), lines(applied)); diff != "" {
		w.t.Errorf("applied is not what the preview said: %s", diff)
	}
	if diff := cmp.Diff(preview.People, applied.People); diff != "" {
		w.t.Errorf("other people than the preview said: %s", diff)
	}
	return applied
}

// lines are the effects of a change in words: "moved 2027-03-09 11:30Z>12:30Z 2+1".
func lines(c store.SeriesChange) (out []string) {
	for _, x := range c.Sessions {
		was := "-"
		if x.Before.StartsAt != 0 {
			was = x.Before.StartsAt.Time().Format("01-02 15:04")
		}
		out = append(out, fmt.Sprintf("%s %s>%s %d+%d %s", x.Effect, was, x.After.StartsAt.Time().Format("01-02 15:04"), x.After.Confirmed(), x.After.Waiting, x.Fields.Names()))
	}
	return out
}

func (w *world) sessions(id programs.SeriesID) []programs.Session {
	w.t.Helper()
	return look(w, func(v *store.View) ([]programs.Session, error) {
		list, _, err := v.Sessions(w.coordinator, store.SessionFilter{Series: id, Page: store.Page{Limit: 600}})
		return list, err
	})
}

func TestEditB_NewTimeFromWeekThreeSplits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 3)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=6", capacity(2))
		series := list[0].SeriesID
		enrolled := w.enroll(0, series)
		do(w, func(tx *store.Tx) (store.Enrolling, error) {
			return tx.Skip(as(w.people[0]), enrolled.Enrollment.ID, []programs.SessionID{list[4].ID})
		})
		w.join(1, list[3])
		waiting := w.join(2, list[3])
		do(w, func(tx *store.Tx) (programs.Session, error) { // week 6 has a time of its own
			return tx.EditSession(w.coordinator, list[5].ID, 0, func(d *programs.Details) { d.LocalStart = wall(t, "2027-04-07T09:00") })
		})
		c := w.change(series, programs.SeriesEdit{Scope: programs.Following, From: list[2].ID, Set: programs.Set{LocalStart: ref(wall(t, "2027-03-16T18:00"))}})
		if c.Successor == nil {
			t.Fatal("no split")
		}
		want := []string{
			"moved 03-16 11:30>03-16 17:00 1+0 time", "moved 03-23 11:30>03-23 17:00 2+1 time", "moved 03-30 10:30>03-30 16:00 0+0 time", "kept 04-07 07:00>04-07 07:00 1+0 ",
		}
		if diff := cmp.Diff(want, lines(c)); diff != "" {
			t.Error(diff)
		}
		old, next := w.sessions(series), w.sessions(c.Successor.ID)
		if len(old) != 2 || len(next) != 4 {
			t.Fatalf("%d and %d sessions", len(old), len(next))
		}
		for i, s := range next {
			before := list[i+2]
			if s.ID != before.ID || s.UID != before.UID || s.Slot != before.Slot {
				t.Errorf("%s: identity changed", s.Slot)
			}
			if i < 3 && (s.LocalStart.Minute != 18*60 || s.Sequence != before.Sequence+1) {
				t.Errorf("%s: at %s, sequence %d", s.Slot, s.LocalStart, s.Sequence)
			}
		}
		if got := w.signup(waiting.ID); got.State != programs.Waitlisted || got.Position != 1 {
			t.Errorf("who waited is %s", got.State)
		}
		first := look(w, func(v *store.View) (programs.Series, error) { return v.Series(w.coordinator, series) })
		second := look(w, func(v *store.View) (programs.Series, error) { return v.Series(w.coordinator, c.Successor.ID) })
		if first.RRule != "FREQ=WEEKLY;UNTIL=20270315" || first.Status != programs.SplitSeries || second.RRule != "FREQ=WEEKLY;COUNT=4" || second.LocalStart.String() != "2027-03-16T18:00" {
			t.Errorf("rules %q (%s) and %q from %s", first.RRule, first.Status, second.RRule, second.LocalStart)
		}
		mine := look(w, func(v *store.View) ([]programs.Enrollment, error) { return v.Enrollments(w.people[0].ID) })
		if len(mine) != 1 || mine[0].Series != second.ID || !slices.Equal(mine[0].Skips, []programs.SessionID{list[4].ID}) {
			t.Errorf("the enrollment did not come along: %+v", mine)
		}
		if len(c.People) != 3 || slices.ContainsFunc(c.People, func(p store.PersonEffect) bool { return p.Event != "moved" }) {
			t.Errorf("people %+v", c.People)
		}
		w.sound()
	})
}

func TestEditA_TextOnAllWeeksLeavesOwnWordsAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=4", capacity(1))
		series := list[0].SeriesID
		w.join(0, list[2])
		waiting := w.join(1, list[2])
		do(w, func(tx *store.Tx) (programs.Session, error) {
			return tx.EditSession(w.coordinator, list[1].ID, 0, func(d *programs.Details) { d.Title = "Guest teacher" })
		})
		edit := programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{Title: ref("Slow yoga"), Capacity: ref(capacity(2))}}
		c := w.change(series, edit)
		if c.Successor != nil {
			t.Error("text split the series")
		}
		titles := func() (out []string) {
			for _, s := range w.sessions(series) {
				out = append(out, s.Title)
				if s.Sequence != 0 {
					t.Errorf("%s: sequence %d", s.Slot, s.Sequence)
				}
			}
			return out
		}
		if got := titles(); !slices.Equal(got, []string{"Slow yoga", "Guest teacher", "Slow yoga", "Slow yoga"}) {
			t.Errorf("titles %q", got)
		}
		if got := w.signup(waiting.ID).State; got != programs.Confirmed {
			t.Errorf("more room did not promote: %s", got)
		}
		if len(c.People) != 1 || c.People[0].Event != "promoted" {
			t.Errorf("people %+v", c.People)
		}
		edit.Reset = true
		w.change(series, edit)
		if got := titles()[1]; got != "Slow yoga" {
			t.Errorf("reset: %q", got)
		}
		w.sound()
	})
}

func TestEditC_NewWeekdayPairsByWeekNeverByPosition(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=5", capacity(2), func(s *programs.Series) {
			s.SkipDates = []programs.Date{programs.DateOf(2027, 3, 9)}
		})
		series := list[0].SeriesID
		seat := w.join(0, list[2]) // 16 March
		c := w.change(series, programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{RRule: ref("FREQ=WEEKLY;BYDAY=TH;COUNT=4"), SkipDates: ref([]programs.Date{})}})
		want := []string{
			"moved 03-02 11:30>03-04 11:30 0+0 time", "kept 03-09 11:30>03-09 11:30 0+0 ", "added -<03-11", "moved 03-16 11:30>03-18 11:30 1+0 time", "moved 03-23 11:30>03-25 11:30 0+0 time", "dropped 03-30 10:30>03-30 10:30 0+0 ",
		}
		got := lines(c)
		for i := range got {
			if strings.HasPrefix(got[i], "added") {
				got[i] = "added -<" + c.Sessions[i].After.Slot[5:]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if s := w.session(list[2].ID); s.Slot != "2027-03-18" || s.LocalStart.String() != "2027-03-18T12:30" || s.Confirmed() != 1 {
			t.Errorf("the week of 16 March is %s at %s", s.Slot, s.LocalStart)
		}
		if got := w.signup(seat.ID).State; got != programs.Confirmed {
			t.Errorf("the seat is %s", got)
		}
		w.sound()
	})
}

func TestEditD_LongerAndShorter(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=3", capacity(1))
		series := list[0].SeriesID
		w.enroll(0, series)
		w.clock.Add(time.Second)
		w.enroll(1, series)
		longer := w.change(series, programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{RRule: ref("FREQ=WEEKLY;COUNT=4"), ExtraDates: ref([]programs.Wall{wall(t, "2027-03-10T09:00")})}})
		if n := len(w.sessions(series)); n != 5 {
			t.Errorf("%d sessions", n)
		}
		added := 0
		for _, x := range longer.Sessions {
			if x.Effect == programs.EffectAdded {
				added++
				if x.After.Confirmed() != 1 || x.After.Waiting != 1 || x.After.ID == "" { // W17, in the order of enrolling
					t.Errorf("added %s has %d+%d", x.After.Slot, x.After.Confirmed(), x.After.Waiting)
				}
			} else if x.Effect != programs.EffectKept {
				t.Errorf("%s %s", x.Effect, x.Before.Slot)
			}
		}
		if added != 2 || len(longer.People) != 2 || longer.People[0].Event != "enrolled" || longer.People[0].Sessions != 2 {
			t.Errorf("%d added, people %+v", added, longer.People)
		}
		shorter := w.change(series, programs.SeriesEdit{Scope: programs.AllSessions, Reason: "Fewer weeks", Set: programs.Set{RRule: ref("FREQ=WEEKLY;COUNT=2")}})
		var dropped []string
		for _, s := range w.sessions(series) {
			if s.Status == programs.Cancelled {
				dropped = append(dropped, s.Slot+" "+s.CancelReason)
			}
		}
		if !slices.Equal(dropped, []string{"2027-03-16 Fewer weeks", "2027-03-23 Fewer weeks"}) {
			t.Errorf("dropped %q", dropped)
		}
		if len(shorter.People) != 2 || shorter.People[0].Event != "cancelled" {
			t.Errorf("people %+v", shorter.People)
		}
		again := w.change(series, programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{RRule: ref("FREQ=WEEKLY;COUNT=3")}})
		for _, x := range again.Sessions {
			if x.Effect != programs.EffectKept { // a cancelled date never comes back by an edit
				t.Errorf("%s %s", x.Effect, x.Before.Slot)
			}
		}
		w.sound()
	})
}

func TestV1_StaleHashIsRefusedWithTheNewPreview(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 1)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=3", capacity(1))
		edit := programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{LocalStart: ref(wall(t, "2027-03-02T13:00"))}}
		preview, err := store.PreviewSeriesChange(w.ctx, w.s, w.coordinator, list[0].SeriesID, edit)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.session(list[0].ID); got.Version != list[0].Version {
			t.Error("the preview wrote")
		}
		w.join(0, list[1])
		_, err = store.Write(w.ctx, w.s, func(tx *store.Tx) (store.SeriesChange, error) {
			return tx.ChangeSeries(w.coordinator, list[0].SeriesID, edit, preview.Hash)
		})
		stale, ok := errors.AsType[*store.StalePreview](err)
		if !ok || !errors.Is(err, programs.Conflict) || len(stale.Preview.People) != 1 || stale.Preview.Hash == preview.Hash {
			t.Fatalf("%v", err)
		}
		if got := w.session(list[0].ID); got.Version != list[0].Version {
			t.Error("a refused change left something behind")
		}
		do(w, func(tx *store.Tx) (store.SeriesChange, error) {
			return tx.ChangeSeries(w.coordinator, list[0].SeriesID, edit, stale.Preview.Hash)
		})
		refused(w, programs.Invalid, func(tx *store.Tx) (store.SeriesChange, error) {
			return tx.ChangeSeries(w.coordinator, list[0].SeriesID, edit, "")
		})
		w.sound()
	})
}

func TestV5_UndoOfAScopeEdit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		for name, set := range map[string]programs.Set{
			"time":    {LocalStart: ref(wall(t, "2027-03-16T18:00"))},
			"weekday": {RRule: ref("FREQ=WEEKLY;BYDAY=TH;COUNT=3")},
			"twice":   {RRule: ref("FREQ=WEEKLY;BYDAY=MO,TU;COUNT=9")},
			"title":   {Title: ref("Other"), Capacity: ref(capacity(2))},
			"shorter": {RRule: ref("FREQ=WEEKLY;COUNT=4")},
			"longer":  {RRule: ref("FREQ=WEEKLY;COUNT=8")},
		} {
			w := newWorld(t, storetest.SQLite(t), 3)
			if strings.HasPrefix(database, "postgres") && name == "weekday" {
				w = newWorld(t, database, 3)
			}
			list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=6", capacity(1))
			series := list[0].SeriesID
			w.enroll(0, series)
			w.join(1, list[2])
			before := map[int][]string{0: w.states(0, series), 1: w.states(1, series)}
			edit := programs.SeriesEdit{Scope: programs.Following, From: list[2].ID, Set: set}
			preview, err := store.PreviewSeriesChange(w.ctx, w.s, w.coordinator, series, edit)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			change := do(w, func(tx *store.Tx) (programs.ChangeID, error) {
				_, err := tx.ChangeSeries(w.coordinator, series, edit, preview.Hash)
				return tx.Change(), err
			})
			do(w, func(tx *store.Tx) (programs.Change, error) { return tx.Undo(w.coordinator, change) })
			now := w.sessions(series)
			shown := now[:0:0]
			for _, s := range now {
				if s.Status != programs.Skipped {
					shown = append(shown, s)
				}
			}
			if len(shown) != 6 {
				t.Errorf("%s: %d sessions", name, len(shown))
				continue
			}
			for i, s := range shown {
				if s.ID != list[i].ID || s.Slot != list[i].Slot || s.StartsAt != list[i].StartsAt || s.Title != list[i].Title || s.Status != programs.Scheduled || *s.Capacity != 1 {
					t.Errorf("%s: %s is %s at %s, %s", name, list[i].Slot, s.Slot, s.StartsAt, s.Status)
				}
			}
			for i := range 2 {
				got := slices.DeleteFunc(w.states(i, series), func(s string) bool { return strings.HasSuffix(s, "coordinator") })
				if !slices.Equal(got, before[i]) {
					t.Errorf("%s: person %d has %q, had %q", name, i, got, before[i])
				}
			}
			w.sound()
		}
	})
}

func TestEdit_Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t), 2)
	list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=4", capacity(2))
	series := list[0].SeriesID
	w.join(0, list[3])
	w.join(1, list[3])
	w.clock.Set(list[1].StartsAt)
	for name, row := range map[string]struct {
		edit programs.SeriesEdit
		want programs.Reason
	}{
		"no scope":                 {programs.SeriesEdit{}, programs.Invalid},
		"nothing to change":        {programs.SeriesEdit{Scope: programs.AllSessions}, programs.Invalid},
		"a pattern of one session": {programs.SeriesEdit{Scope: programs.ThisSession, From: list[2].ID, Set: programs.Set{RRule: ref("FREQ=DAILY;COUNT=2")}}, programs.Invalid},
		"this without from":        {programs.SeriesEdit{Scope: programs.ThisSession, Set: programs.Set{Title: ref("x")}}, programs.Invalid},
		"a reason in two lines":    {programs.SeriesEdit{Scope: programs.AllSessions, Reason: "a\nb", Set: programs.Set{Title: ref("x")}}, programs.Invalid},
		"too many to lead":         {programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{Facilitators: ref(make([]programs.PersonID, 21))}}, programs.Invalid},
		"following without from":   {programs.SeriesEdit{Scope: programs.Following}, programs.Invalid},
		"all with from":            {programs.SeriesEdit{Scope: programs.AllSessions, From: list[2].ID}, programs.Invalid},
		"following from the past":  {programs.SeriesEdit{Scope: programs.Following, From: list[1].ID, Set: programs.Set{Title: ref("x")}}, programs.Closed},
		"capacity below the seats": {programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{Capacity: ref(capacity(1))}}, programs.Conflict},
		"no title":                 {programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{Title: ref(" ")}}, programs.Invalid},
		"a rule outside":           {programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{RRule: ref("FREQ=SECONDLY;COUNT=1000000000")}}, programs.Invalid},
		"no such zone":             {programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{TimeZone: ref("Mars/Base")}}, programs.Invalid},
		"nobody leads":             {programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{Facilitators: ref([]programs.PersonID{"nobody"})}}, programs.Invalid},
	} {
		if _, err := store.PreviewSeriesChange(w.ctx, w.s, w.coordinator, series, row.edit); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %s", name, err, row.want)
		}
	}
	if _, err := store.PreviewSeriesChange(w.ctx, w.s, as(w.people[0]), series, programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{Title: ref("x")}}); !errors.Is(err, programs.NotFound) {
		t.Errorf("an employee: %v", err)
	}
	w.clock.Set(list[3].EndsAt)
	if _, err := store.PreviewSeriesChange(w.ctx, w.s, w.coordinator, series, programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{Title: ref("x")}}); !errors.Is(err, programs.Closed) {
		t.Errorf("all past: %v", err)
	}
}

func TestEditThis_OneSessionHasItsOwn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=3", capacity(2))
		series := list[0].SeriesID
		w.join(0, list[1])
		c := w.change(series, programs.SeriesEdit{Scope: programs.ThisSession, From: list[1].ID, Set: programs.Set{
			LocalStart: ref(wall(t, "2027-03-10T09:00")), Title: ref("Guest teacher"), Facilitators: ref([]programs.PersonID{w.people[1].ID}),
		}})
		if diff := cmp.Diff([]string{"moved 03-09 11:30>03-10 08:00 1+0 title,time"}, lines(c)); diff != "" {
			t.Error(diff)
		}
		if c.Successor != nil || len(c.People) != 2 {
			t.Errorf("successor %v, people %+v", c.Successor, c.People)
		}
		after := w.sessions(series)
		if s := after[1]; s.ID != list[1].ID || s.Slot != "2027-03-09" || s.Overrides != programs.FieldTime|programs.FieldTitle {
			t.Errorf("%s, own %s", s.Slot, s.Overrides.Names())
		}
		if after[0].Version != list[0].Version || after[2].Version != list[2].Version {
			t.Error("other weeks changed")
		}
		leads := look(w, func(v *store.View) (map[programs.SessionID][]programs.Person, error) {
			return v.Facilitators([]programs.SessionID{list[0].ID, list[1].ID})
		})
		if len(leads[list[0].ID]) != 0 || len(leads[list[1].ID]) != 1 {
			t.Errorf("leads %v", leads)
		}
		own := look(w, func(v *store.View) (programs.Series, error) { return v.Series(w.coordinator, series) })
		if own.Title != "Lunchtime yoga" || own.Version != 1 || len(own.Facilitators) != 0 {
			t.Errorf("the series changed: %+v", own)
		}
		w.sound()
	})
}
