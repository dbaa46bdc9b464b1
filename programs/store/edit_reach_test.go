package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// slots are the slots of a series with the local starts of their sessions that are to take place or drafts.
func (w *world) slots(id programs.SeriesID) (out []string) {
	w.t.Helper()
	for _, s := range w.sessions(id) {
		if s.Status == programs.Scheduled || s.Status == programs.Draft {
			out = append(out, s.Slot+" "+s.LocalStart.String()[5:]+" "+s.Title)
		}
	}
	return out
}

func TestEdit_Reaches(t *testing.T) {
	t.Parallel()
	all := func(set programs.Set) func([]programs.Session) programs.SeriesEdit {
		return func([]programs.Session) programs.SeriesEdit {
			return programs.SeriesEdit{Scope: programs.AllSessions, Set: set}
		}
	}
	from := func(i int, set programs.Set) func([]programs.Session) programs.SeriesEdit {
		return func(list []programs.Session) programs.SeriesEdit {
			return programs.SeriesEdit{Scope: programs.Following, From: list[i].ID, Set: set}
		}
	}
	day := func(d int) programs.Date { return programs.DateOf(2027, 3, d) }
	at := func(s string) programs.Wall { return wall(t, "2027-03-"+s) }
	for name, row := range map[string]struct {
		rule  string
		extra []programs.Wall
		skip  []programs.Date
		edits []func([]programs.Session) programs.SeriesEdit
		want  []string // of the series that goes on
	}{
		"an extra date becomes one of the pattern": {
			rule: "FREQ=WEEKLY;COUNT=2", extra: []programs.Wall{at("04T12:30")}, skip: []programs.Date{day(2)},
			edits: []func([]programs.Session) programs.SeriesEdit{all(programs.Set{RRule: ref("FREQ=WEEKLY;BYDAY=TH;COUNT=2"), ExtraDates: ref([]programs.Wall{})})},
			want:  []string{"2027-03-04 03-04T12:30 Yoga", "2027-03-11 03-11T12:30 Yoga"},
		},
		"a rule and a title in one save": {
			rule: "FREQ=WEEKLY;COUNT=2", edits: []func([]programs.Session) programs.SeriesEdit{all(programs.Set{RRule: ref("FREQ=WEEKLY;COUNT=3"), Title: ref("Slow")})},
			want: []string{"2027-03-02 03-02T12:30 Slow", "2027-03-09 03-09T12:30 Slow", "2027-03-16 03-16T12:30 Slow"},
		},
		"a skipped date that is held after all": {
			rule: "FREQ=WEEKLY;COUNT=3", skip: []programs.Date{day(9)},
			edits: []func([]programs.Session) programs.SeriesEdit{
				all(programs.Set{LocalStart: ref(at("02T18:00")), Title: ref("Late")}), all(programs.Set{SkipDates: ref([]programs.Date{})}),
			},
			want: []string{"2027-03-02 03-02T18:00 Late", "2027-03-09 03-09T18:00 Late", "2027-03-16 03-16T18:00 Late"},
		},
		"a time on the series' own first date, from the third on": {
			rule: "FREQ=WEEKLY;COUNT=4", edits: []func([]programs.Session) programs.SeriesEdit{from(2, programs.Set{LocalStart: ref(at("02T18:00"))}), all(programs.Set{RRule: ref("FREQ=WEEKLY;COUNT=3")})},
			want: []string{"2027-03-16 03-16T18:00 Yoga", "2027-03-23 03-23T18:00 Yoga", "2027-03-30 03-30T18:00 Yoga"},
		},
		"dates skipped from the second on": {
			rule: "FREQ=WEEKLY;COUNT=3", skip: []programs.Date{day(2)}, edits: []func([]programs.Session) programs.SeriesEdit{from(1, programs.Set{SkipDates: ref([]programs.Date{day(16)})}), all(programs.Set{RRule: ref("FREQ=WEEKLY;COUNT=4")})},
			want: []string{"2027-03-09 03-09T12:30 Yoga", "2027-03-23 03-23T12:30 Yoga"},
		},
		"an extra date before the first needs no split": {
			rule: "FREQ=WEEKLY;COUNT=2", extra: []programs.Wall{at("01T18:00")},
			edits: []func([]programs.Session) programs.SeriesEdit{from(1, programs.Set{LocalStart: ref(at("02T18:00"))}), all(programs.Set{RRule: ref("FREQ=WEEKLY;COUNT=3")})},
			want:  []string{"2027-03-01T18:00 03-01T18:00 Yoga", "2027-03-02 03-02T18:00 Yoga", "2027-03-09 03-09T18:00 Yoga", "2027-03-16 03-16T18:00 Yoga"},
		},
		"one date more, from an extra date on": {
			rule: "FREQ=DAILY;COUNT=2", extra: []programs.Wall{at("10T18:00"), at("20T18:00")}, edits: []func([]programs.Session) programs.SeriesEdit{from(3, programs.Set{RRule: ref("FREQ=DAILY;COUNT=3")})},
			want: []string{"2027-03-02 03-02T12:30 Yoga", "2027-03-03 03-03T12:30 Yoga", "2027-03-04 03-04T12:30 Yoga", "2027-03-10T18:00 03-10T18:00 Yoga", "2027-03-20T18:00 03-20T18:00 Yoga"},
		},
		"an extra date that was one of the pattern's stays none": {
			rule: "FREQ=WEEKLY;COUNT=2", extra: []programs.Wall{at("09T12:30")},
			edits: []func([]programs.Session) programs.SeriesEdit{all(programs.Set{LocalStart: ref(at("02T18:00"))}), all(programs.Set{RRule: ref("FREQ=WEEKLY;COUNT=3")})},
			want:  []string{"2027-03-02 03-02T18:00 Yoga", "2027-03-09 03-09T18:00 Yoga", "2027-03-16 03-16T18:00 Yoga"},
		},
		"a new pattern from the middle of a week leaves its first half": {
			rule: "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=4", edits: []func([]programs.Session) programs.SeriesEdit{from(1, programs.Set{RRule: ref("FREQ=WEEKLY;BYDAY=TU,FR;COUNT=3")})},
			want: []string{"2027-03-05 03-05T12:30 Yoga", "2027-03-09 03-09T12:30 Yoga", "2027-03-12 03-12T12:30 Yoga"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, storetest.SQLite(t), 0)
			id := w.schedule("2027-03-02T12:30", row.rule, nil, func(s *programs.Series) { s.Title, s.ExtraDates, s.SkipDates = "Yoga", row.extra, row.skip })[0].SeriesID
			for _, edit := range row.edits {
				c := w.change(id, edit(w.sessions(id)))
				if c.Successor != nil {
					id = c.Successor.ID
				}
			}
			if got := w.slots(id); !slices.Equal(got, row.want) {
				t.Errorf("%q,\nwant %q", got, row.want)
			}
			w.sound()
		})
	}
}

func TestEdit_ASlotOfTodayIsNotTakenTwice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=3", nil)
		w.clock.Set(list[0].EndsAt)
		w.tick()
		w.change(list[0].SeriesID, programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{LocalStart: ref(wall(t, "2027-03-02T18:00")), RRule: ref("FREQ=WEEKLY;COUNT=4")}})
		want := []string{"2027-03-09 03-09T18:00 Lunchtime yoga", "2027-03-16 03-16T18:00 Lunchtime yoga", "2027-03-23 03-23T18:00 Lunchtime yoga"}
		if got := w.slots(list[0].SeriesID); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		if got := w.session(list[0].ID); got.StartsAt != list[0].StartsAt {
			t.Errorf("the past is at %s", got.StartsAt)
		}
		w.sound()
	})
}

func TestEdit_TheFirstPartMaySplitAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=6", nil)
		for _, i := range []int{4, 2} {
			c := w.change(list[0].SeriesID, programs.SeriesEdit{Scope: programs.Following, From: list[i].ID, Set: programs.Set{DurationMinutes: ref(60 + i)}})
			if c.Successor == nil || c.Successor.Status != programs.ActiveSeries || len(w.sessions(c.Successor.ID)) != 2 {
				t.Errorf("from %s on: %+v", list[i].Slot, c.Successor)
			}
		}
		w.sound()
	})
}

func TestV5_UndoBringsTheLeadersBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=2", nil, func(s *programs.Series) { s.Facilitators = []programs.PersonID{w.people[0].ID} })
		change, _ := w.applied(list[0].SeriesID, programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{Facilitators: ref([]programs.PersonID{w.people[1].ID})}})
		leads := func() (out []string) {
			p := w.picture()
			for _, s := range list {
				for _, id := range append(slices.Clone(p.Leads[s.ID]), p.Series[s.SeriesID].Facilitators...) {
					i := slices.IndexFunc(w.people, func(x programs.Person) bool { return x.ID == id })
					out = append(out, w.people[i].Name)
				}
			}
			return out
		}
		if got := strings.Join(leads(), ","); got != "Employee 1,Employee 1,Employee 1,Employee 1" {
			t.Errorf("after the edit: %s", got)
		}
		hosting := programs.Feed{Scope: programs.Hosting, Owner: w.people[0].ID}
		before, _ := w.s.FeedRevision(hosting)
		do(w, func(tx *store.Tx) (programs.Change, error) { return tx.Undo(w.coordinator, change) })
		if got := strings.Join(leads(), ","); got != "Employee 0,Employee 0,Employee 0,Employee 0" {
			t.Errorf("after the undo: %s", got)
		}
		if after, _ := w.s.FeedRevision(hosting); after <= before {
			t.Error("the feed of who leads again does not follow")
		}
		w.sound()
	})
}

func TestV5_UndoOfADateThatTookAnothersHour(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 1)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=2", capacity(1), func(s *programs.Series) { s.ExtraDates = []programs.Wall{wall(t, "2027-03-09T12:30")} })
		w.enroll(0, list[0].SeriesID)
		before := w.states(0, list[0].SeriesID)
		w.clock.Add(time.Second)
		change, c := w.applied(list[0].SeriesID, programs.SeriesEdit{Scope: programs.AllSessions, Set: programs.Set{RRule: ref("FREQ=WEEKLY;COUNT=1")}})
		if len(c.Sessions) != 3 { // the extra date on 9 March is one of its own now
			t.Fatalf("%q", lines(c))
		}
		w.clock.Add(time.Second)
		do(w, func(tx *store.Tx) (programs.Change, error) { return tx.Undo(w.coordinator, change) })
		got := slices.DeleteFunc(w.states(0, list[0].SeriesID), func(s string) bool { return strings.HasSuffix(s, "coordinator") })
		if !slices.Equal(got, before) {
			t.Errorf("%q, before %q", got, before)
		}
		w.sound()
	})
}

func TestV5_UndoIsRefusedOnceTheLoopHasExtendedTheSeries(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY", nil)
		change, _ := w.applied(list[0].SeriesID, programs.SeriesEdit{Scope: programs.Following, From: list[5].ID, Set: programs.Set{DurationMinutes: ref(60)}})
		w.clock.Add(time.Second)
		if n, err := store.Extend(w.ctx, w.s); n == 0 || err != nil {
			t.Fatalf("%d new dates: %v", n, err)
		}
		refused(w, programs.Conflict, func(tx *store.Tx) (programs.Change, error) { return tx.Undo(w.coordinator, change) })
		w.sound()
	})
}

// applied previews and applies an edit and returns its change.
func (w *world) applied(id programs.SeriesID, e programs.SeriesEdit) (change programs.ChangeID, c store.SeriesChange) {
	w.t.Helper()
	preview, err := store.PreviewSeriesChange(w.ctx, w.s, w.coordinator, id, e)
	if err != nil {
		w.t.Fatal(err)
	}
	c = do(w, func(tx *store.Tx) (store.SeriesChange, error) {
		c, err := tx.ChangeSeries(w.coordinator, id, e, preview.Hash)
		change = tx.Change()
		return c, err
	})
	return change, c
}
