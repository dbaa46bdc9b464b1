package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// loop is one thing that happens on its own. run does everything that is due until now, so that a machine that slept catches up
// and a double run is harmless.
type loop struct {
	name   string
	every  time.Duration                                   // of people's time, unless real
	after  time.Duration                                   // how long the first tick waits, in real time; zero: it is at once
	real   bool                                            // the machinery's pace: a rehearsal does not change it
	alone  bool                                            // on PostgreSQL one process at a time, by a lease
	woken  <-chan struct{}                                 // an earlier tick; nil: none
	then   chan<- struct{}                                 // poked when run did something; nil: nobody
	next   func(context.Context) (programs.Instant, error) // when something is due before every is over; nil: nothing is
	run    func(context.Context) (int, error)
	within time.Duration // a tick that takes longer makes the server not ready; zero: ten minutes

	begun  atomic.Int64 // real instant of the tick in progress, 0 between two
	runs   atomic.Int64
	failed atomic.Int64
	panics atomic.Int64
}

// loops runs a table of them until its context ends.
type loops struct {
	table []*loop
	clock *clock
	store *store.Store
	lease string // this process's name in the table of leases; empty on SQLite, where the file has one owner
	log   *slog.Logger
}

// run blocks until the context is done and every tick in progress has ended.
func (l *loops) run(ctx context.Context) {
	var all sync.WaitGroup
	for _, one := range l.table {
		all.Go(func() { l.repeat(ctx, one) })
	}
	all.Wait()
}

func (l *loops) repeat(ctx context.Context, one *loop) {
	timer := time.NewTimer(one.after) // at once unless it says otherwise: what fell due while nothing ran is late already
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-one.woken:
			timer.Stop()
		}
		if ctx.Err() != nil {
			return
		}
		n := l.tick(ctx, one)
		if n > 0 && one.then != nil {
			select {
			case one.then <- struct{}{}:
			default: // it has one waiting
			}
		}
		timer.Reset(l.pause(ctx, one))
	}
}

// pause is how long to wait until the next tick, in real time.
func (l *loops) pause(ctx context.Context, one *loop) time.Duration {
	wait := one.every
	if one.next != nil && ctx.Err() == nil {
		if at, err := one.next(ctx); err != nil {
			l.report(one, err)
		} else if at != 0 {
			wait = min(wait, at.Sub(l.clock.now()))
		}
	}
	if one.real {
		return max(floor, wait)
	}
	return l.clock.pause(wait)
}

// tick runs a loop once. A panic is one failed tick: the next one comes as usual, and the other loops do not notice.
func (l *loops) tick(ctx context.Context, one *loop) (n int) {
	one.begun.Store(int64(l.clock.real()))
	defer func() {
		if cause := recover(); cause != nil {
			one.panics.Add(1)
			l.log.Error("a loop panicked", "loop", one.name, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			n = 0
		}
		one.runs.Add(1)
		one.begun.Store(0)
	}()
	mine, err := l.mine(ctx, one)
	if err == nil && mine {
		n, err = one.run(ctx)
	}
	if err != nil {
		l.report(one, err)
	}
	return n
}

func (l *loops) report(one *loop, err error) {
	if errors.Is(err, context.Canceled) { // the server is going down
		return
	}
	one.failed.Add(1)
	l.log.Error("a loop failed", "loop", one.name, "error", err)
}

// leased is how long a lease lasts. A process that died is replaced after that; idempotence comes from unique keys, not from it.
const leased = time.Minute

// mine reports whether this process does the loop now.
func (l *loops) mine(ctx context.Context, one *loop) (bool, error) {
	if !one.alone || l.lease == "" {
		return true, nil
	}
	return store.Write(ctx, l.store, func(tx *store.Tx) (bool, error) { return tx.Lease("loop:"+one.name, l.lease, leased) })
}

// release gives this process's leases back, so that another one goes on at once.
func (l *loops) release(ctx context.Context) error {
	if l.lease == "" {
		return nil
	}
	_, err := store.Write(ctx, l.store, func(tx *store.Tx) (bool, error) {
		for _, one := range l.table {
			if one.alone {
				if err := tx.Release("loop:"+one.name, l.lease); err != nil {
					return false, err
				}
			}
		}
		return true, nil
	})
	return err
}

// alive is the heartbeat: it names the loop whose tick hangs (Busy).
func (l *loops) alive(context.Context) error {
	now := l.clock.real()
	for _, one := range l.table {
		within := one.within
		if within == 0 {
			within = 10 * time.Minute
		}
		if begun := one.begun.Load(); begun != 0 && now.Sub(programs.Instant(begun)) > within {
			return programs.Refuse(programs.Busy, "The loop %s has not come to an end for too long.", one.name)
		}
	}
	return nil
}
