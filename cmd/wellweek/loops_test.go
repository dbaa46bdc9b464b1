package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// running starts loops in a bubble of their own time and returns what ends them.
func running(c *clock, log *bytes.Buffer, table ...*loop) (stop func()) {
	l := &loops{table: table, clock: c, log: slog.New(slog.NewJSONHandler(log, nil))}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); l.run(ctx) }()
	return func() { cancel(); <-done }
}

func TestLoopsTick(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		fast, err := rehearsal(1, 60)
		if err != nil {
			t.Fatal(err)
		}
		count := func(context.Context) (int, error) { return 0, nil }
		poke := make(chan struct{}, 1)
		people := &loop{name: "people", every: time.Minute, run: count}
		machine := &loop{name: "machine", every: time.Minute, real: true, run: count}
		woken := &loop{name: "woken", every: time.Hour, real: true, run: count, woken: poke}
		chain := make(chan struct{}, 1)
		first := &loop{name: "first", every: 30 * time.Minute, real: true, then: chain, run: func(context.Context) (int, error) { return 1, nil }}
		second := &loop{name: "second", every: time.Hour, real: true, woken: chain, run: count}
		stop := running(fast, &log, people, machine, woken, first, second)
		defer stop()

		check := func(one *loop, want int64) {
			t.Helper()
			synctest.Wait()
			if got := one.runs.Load(); got != want {
				t.Errorf("%s ran %d times, want %d", one.name, got, want)
			}
		}
		check(people, 1) // at once: what fell due while nothing ran is late already
		check(machine, 1)
		time.Sleep(10*time.Second + time.Millisecond)
		check(people, 11)
		check(machine, 1)
		poke <- struct{}{}
		check(woken, 2)
		check(first, 1)
		time.Sleep(time.Minute)
		check(machine, 2)
		before := second.runs.Load() // one or two: its own first tick and the poke of the other's first may be one
		time.Sleep(30 * time.Minute)
		check(first, 2)
		check(second, before+1)
		if log.Len() > 0 {
			t.Error(log.String())
		}
	})
}

func TestLoopsFollowWhatIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := wall()
		due := c.now().Add(7 * time.Second)
		var ran []programs.Instant
		one := &loop{name: "send", every: time.Minute, run: func(context.Context) (int, error) {
			ran = append(ran, c.now())
			if c.now() >= due {
				due = 0
			}
			return 0, nil
		}, next: func(context.Context) (programs.Instant, error) { return due, nil }}
		want := due
		stop := running(c, &log, one)
		time.Sleep(50 * time.Second)
		stop()
		if len(ran) != 2 || ran[1] != want {
			t.Errorf("ran at %v, want a second time at %v", ran, want)
		}
	})
}

// TestLoopsSurvive holds that a panic and an error cost one tick of one loop, are logged and counted, and never end the others.
func TestLoopsSurvive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var n atomic.Int64
		bad := &loop{name: "bad", every: time.Second, run: func(context.Context) (int, error) {
			switch n.Add(1) {
			case 1:
				panic("boom")
			case 2:
				return 0, errors.New("full disk")
			}
			return 0, nil
		}}
		good := &loop{name: "good", every: time.Second, run: func(context.Context) (int, error) { return 0, nil }}
		stop := running(wall(), &log, bad, good)
		time.Sleep(4*time.Second + time.Millisecond)
		stop()
		if bad.runs.Load() != 5 || good.runs.Load() != 5 {
			t.Errorf("bad ran %d, good %d times", bad.runs.Load(), good.runs.Load())
		}
		if bad.panics.Load() != 1 || bad.failed.Load() != 1 || good.panics.Load()+good.failed.Load() != 0 {
			t.Errorf("counted %d panics, %d failures", bad.panics.Load(), bad.failed.Load())
		}
		for _, want := range []string{`"loop":"bad"`, "boom", "full disk", "loops_test.go"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not say %s", want)
			}
		}
	})
}

// TestLoopsStop holds that the end waits for the tick in hand and begins no other.
func TestLoopsStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		finished := false
		one := &loop{name: "send", every: time.Millisecond, run: func(context.Context) (int, error) {
			time.Sleep(5 * time.Second) // a message in hand is finished whatever the context says
			finished = true
			return 0, context.Canceled
		}}
		stop := running(wall(), &log, one)
		time.Sleep(time.Second)
		stop()
		if !finished || one.runs.Load() != 1 {
			t.Errorf("finished %v, %d runs", finished, one.runs.Load())
		}
		if one.failed.Load() != 0 || log.Len() > 0 {
			t.Errorf("the end is no failure: %s", log.String())
		}
	})
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		release := make(chan struct{})
		hangs := &loop{name: "lapse", every: time.Hour, run: func(context.Context) (int, error) { <-release; return 0, nil }}
		l := &loops{table: []*loop{hangs}, clock: wall(), log: slog.New(slog.NewJSONHandler(&log, nil))}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); l.run(ctx) }()
		time.Sleep(9 * time.Minute)
		if err := l.alive(ctx); err != nil {
			t.Errorf("after nine minutes: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if err := l.alive(ctx); !errors.Is(err, programs.Busy) || !strings.Contains(err.Error(), "lapse") {
			t.Errorf("after eleven minutes: %v", err)
		}
		close(release)
		synctest.Wait()
		if err := l.alive(ctx); err != nil {
			t.Errorf("once it has come to an end: %v", err)
		}
		cancel()
		<-done
	})
}

// TestLease holds that of two processes on one database one does a loop, and the other takes over when the first gives it back.
func TestLease(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		ctx := context.Background()
		at := storetest.NewClock(1_000_000)
		s, err := store.Open(ctx, store.Options{Database: database, Schemas: schemas()[:1], Now: at.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		run := func(context.Context) (int, error) { return 1, nil }
		process := func(name string) *loops {
			return &loops{
				table: []*loop{{name: "lapse", alone: true, run: run}, {name: "plan", run: run}},
				clock: wall(), store: s, lease: name, log: slog.New(slog.DiscardHandler),
			}
		}
		a, b := process("a"), process("b")
		check := func(l *loops, i, want int) {
			t.Helper()
			if got := l.tick(ctx, l.table[i]); got != want {
				t.Errorf("%s did %d in %s, want %d", l.lease, got, l.table[i].name, want)
			}
		}
		check(a, 0, 1)
		check(b, 0, 0)
		check(a, 1, 1)
		check(b, 1, 1) // not alone: both plan, rows are skipped where the other has them
		at.Add(leased / 2)
		check(a, 0, 1) // renewed
		at.Add(leased / 2)
		check(b, 0, 0)
		at.Add(leased)
		check(b, 0, 1) // a has died
		check(a, 0, 0)
		if err := b.release(ctx); err != nil {
			t.Fatal(err)
		}
		check(a, 0, 1)
	})
}
