package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func (w *world) seriesStatus(id programs.SeriesID) programs.SeriesStatus {
	w.t.Helper()
	return look(w, func(v *store.View) (programs.Series, error) { return v.Series(w.coordinator, id) }).Status
}

func TestSeries_EndsWithItsLastDate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		list := w.schedule("2027-03-16T12:30", "FREQ=DAILY;COUNT=2", nil)
		id := list[0].SeriesID
		w.callOff(list[1].ID)
		w.clock.Set(list[0].EndsAt.Add(time.Minute))
		w.tick()
		if got := w.seriesStatus(id); got != programs.ActiveSeries {
			t.Errorf("its last date is called off and may come back: %s", got)
		}
		w.putBackOn(list[1].ID)
		w.clock.Set(list[1].EndsAt.Add(time.Minute))
		w.tick()
		if got := w.seriesStatus(id); got != programs.EndedSeries {
			t.Errorf("all its dates are past: %s", got)
		}
	})
}

func TestSeries_EndsWhenItsLastDateWasCalledOff(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		s := w.schedule("2027-03-16T12:30", "", nil)[0]
		w.callOff(s.ID)
		w.clock.Set(s.EndsAt.Add(time.Hour))
		for range 2 {
			w.tick()
		}
		if got := w.seriesStatus(s.SeriesID); got != programs.EndedSeries {
			t.Errorf("its one date, called off, is past: %s", got)
		}
	})
}

func TestT5_NewDatesAreLedByNobodyWhoLeft(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		before := w.schedule("2027-03-16T18:30", "FREQ=WEEKLY", nil, func(s *programs.Series) {
			s.Facilitators = []programs.PersonID{w.people[0].ID, w.people[1].ID}
		})
		w.status(0, programs.Left)
		w.clock.Add(30 * 24 * time.Hour)
		w.tick()
		after := w.sessions(before[0].SeriesID)
		if len(after) <= len(before) {
			t.Fatal("no new date")
		}
		last := after[len(after)-1]
		leads := look(w, func(v *store.View) (map[programs.SessionID][]programs.Person, error) {
			return v.Facilitators([]programs.SessionID{last.ID, before[len(before)-1].ID})
		})
		for id, people := range leads {
			if len(people) != 1 || people[0].ID != w.people[1].ID {
				t.Errorf("%s is led by %+v", id, people)
			}
		}
		if len(leads) != 2 {
			t.Errorf("%d sessions are led", len(leads))
		}
	})
}

func TestT5_AnArchivedProgramGetsNoNewDates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		w.schedule("2027-03-16T18:30", "FREQ=WEEKLY", nil)
		w.policy(func(p *programs.Program) { p.Status = programs.Archived })
		w.clock.Add(30 * 24 * time.Hour)
		if n, err := store.Extend(w.ctx, w.s); n != 0 || err != nil {
			t.Errorf("%d new dates: %v", n, err)
		}
		w.policy(func(p *programs.Program) { p.Status = programs.Published })
		if n, err := store.Extend(w.ctx, w.s); n == 0 || err != nil {
			t.Errorf("published again, %d new dates: %v", n, err)
		}
	})
}

func TestT4_ASeriesWithoutADateIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t), 0)
	start := wall(t, "2027-03-16T12:30")
	for name, s := range map[string]programs.Series{
		"until before the start":          {RRule: "FREQ=WEEKLY;UNTIL=20270301"},
		"count and until":                 {RRule: "FREQ=DAILY;COUNT=1;UNTIL=20270301"},
		"count of none":                   {RRule: "FREQ=DAILY;COUNT=0"},
		"its one date skipped":            {SkipDates: []programs.Date{start.Date}},
		"drafted until before the start":  {RRule: "FREQ=WEEKLY;UNTIL=20270301", Status: programs.DraftSeries},
		"skipped, and extra on that date": {SkipDates: []programs.Date{start.Date}, ExtraDates: []programs.Wall{start}},
	} {
		s.ProgramID, s.Details = w.yoga.ID, programs.Details{Title: "Yoga", LocalStart: start, TimeZone: "Europe/Berlin", DurationMinutes: 45}
		_, err := store.Write(w.ctx, w.s, func(tx *store.Tx) (programs.Series, error) {
			made, _, err := tx.Schedule(w.coordinator, s)
			return made, err
		})
		if !errors.Is(err, programs.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestT4_NoYearHasFiveDigits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		s := w.schedule("2027-03-16T12:30", "", nil)[0]
		for start, refuse := range map[string]bool{"9999-12-31T23:59": true, "9999-12-01T00:00": true, "9999-11-30T23:59": false} {
			_, err := store.Write(w.ctx, w.s, func(tx *store.Tx) (programs.Session, error) {
				return tx.EditSession(w.coordinator, s.ID, 0, func(d *programs.Details) { d.LocalStart, d.DurationMinutes = wall(t, start), 7*24*60 })
			})
			if refuse != errors.Is(err, programs.Invalid) || !refuse && err != nil {
				t.Errorf("%s: %v", start, err)
			}
		}
		if _, err := w.session(s.ID).EndsAt.Time().MarshalJSON(); err != nil {
			t.Error(err)
		}
	})
}
