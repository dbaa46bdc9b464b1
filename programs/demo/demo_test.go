package demo_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/demo"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// open opens a fresh database whose ids count up.
func open(t testing.TB, database string, now programs.Instant) *store.Store {
	t.Helper()
	var n atomic.Int64
	clock := storetest.NewClock(now)
	s, err := store.Open(context.Background(), store.Options{
		Database: database, Schemas: []store.Schema{{Room: "store", Files: store.Files()}}, Now: clock.Now,
		NewID: func() string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", n.Add(1)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func at(t testing.TB, s string) programs.Instant {
	t.Helper()
	when, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return programs.At(when)
}

func TestBuild(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		ctx, now := context.Background(), at(t, "2026-11-25T10:00:00Z")
		s := open(t, database, now)
		w, err := demo.Build(ctx, s, now)
		if err != nil {
			t.Fatal(err)
		}
		if len(w.People) != 26 || len(w.Programs) != 7 || len(w.Series) != 12 {
			t.Errorf("%d people, %d programs, %d series", len(w.People), len(w.Programs), len(w.Series))
		}
		check := func(what string, got, want any) {
			t.Helper()
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", what, d)
			}
		}
		check("the full session", []int{w.Full.Taken, w.Full.Waiting}, []int{8, 2})
		check("the moved session", []any{w.Moved.Sequence, w.Moved.Status, w.Moved.Taken}, []any{1, programs.Scheduled, 2})
		check("the cancelled session", []any{w.Cancelled.Sequence, w.Cancelled.Status}, []any{1, programs.Cancelled})

		online := 0
		for key, series := range w.Series {
			if series.JoinURL != "" {
				online++
			}
			if (series.JoinURL == "") == (series.Location == "") {
				t.Errorf("%s is in %q and at %q: one place, or mails name two", key, series.Location, series.JoinURL)
			}
		}
		check("series online", online, 6)

		_, err = store.Read(ctx, s, func(v *store.View) (bool, error) {
			for who, want := range map[string]programs.SignupState{"tiago.faria": programs.CancelledSeat, "ana.duarte": programs.Confirmed, "marta.vieira": programs.Waitlisted} {
				states := map[programs.SignupState]bool{}
				list, _, err := v.SignupsOf(w.People[who].ID, store.Page{Limit: 200})
				if err != nil {
					return false, err
				}
				for _, g := range list {
					session, err := v.Session(programs.System(), g.SessionID)
					if err != nil {
						return false, err
					}
					if session.SeriesID == w.Series["basics"].ID {
						states[g.State] = true
					}
				}
				check("first aid of "+who, states, map[programs.SignupState]bool{want: true})
			}
			a, err := v.Actor(w.Coordinator.ID)
			check("programs of the coordinator", len(a.Programs), 7)
			return true, err
		})
		if err != nil {
			t.Fatal(err)
		}
		faults, err := store.Check(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range faults {
			t.Errorf("%s does not hold: %s", f.Invariant, f.Rows)
		}
		if _, err := demo.Build(ctx, s, now); !errors.Is(err, programs.Conflict) {
			t.Errorf("a second world in one database: %v", err)
		}
	})
}

// TestBuildAnyDay builds the world on days that are special: each day of a week, around midnight, around changes of the clocks,
// at the end of a year, and on the first days after it.
func TestBuildAnyDay(t *testing.T) {
	t.Parallel()
	for _, now := range []string{
		"2026-11-23T00:00:00Z", "2026-11-24T23:59:59Z", "2026-11-26T12:00:00Z", "2026-11-27T08:00:00Z", "2026-11-28T12:00:00Z", "2026-11-29T22:59:00Z",
		"2026-03-27T09:00:00Z", "2026-10-23T09:00:00Z", "2026-12-31T23:30:00Z", "2027-01-31T06:00:00Z", "2028-02-28T18:00:00Z",
	} {
		t.Run(now, func(t *testing.T) {
			t.Parallel()
			s := open(t, storetest.SQLite(t), at(t, now))
			w, err := demo.Build(context.Background(), s, at(t, now))
			if err != nil {
				t.Fatal(err)
			}
			if w.Full.Taken != 8 || w.Moved.Sequence != 1 || w.Cancelled.Status != programs.Cancelled {
				t.Errorf("full %d, moved %d, cancelled %s", w.Full.Taken, w.Moved.Sequence, w.Cancelled.Status)
			}
		})
	}
}

// TestBuildRepeats holds that the same now and the same ids make the same world.
func TestBuildRepeats(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-25T10:00:00Z")
	var worlds []demo.World
	for range 2 {
		w, err := demo.Build(context.Background(), open(t, storetest.SQLite(t), now), now)
		if err != nil {
			t.Fatal(err)
		}
		worlds = append(worlds, w)
	}
	if d := cmp.Diff(worlds[0], worlds[1]); d != "" {
		t.Error(d)
	}
}

func BenchmarkBuild(b *testing.B) {
	now := at(b, "2026-11-25T10:00:00Z")
	for b.Loop() {
		b.StopTimer()
		s := open(b, storetest.SQLite(b), now)
		b.StartTimer()
		if _, err := demo.Build(context.Background(), s, now); err != nil {
			b.Fatal(err)
		}
	}
}
