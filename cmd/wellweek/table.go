package main

import (
	"context"
	"errors"
	"time"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/api/identity"
	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// everything is the one table of what happens on its own: its name, its interval, its function. Seats and lists come first, then
// the mail that follows from them, then the machinery.
func everything(s *store.Store, who *identity.Identity, mailer *notify.Mailer) []*loop {
	on := func(f func(context.Context, *store.Store) (int, error)) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) { return f(ctx, s) }
	}
	mail := make(chan struct{}, 1) // planning pokes sending
	return []*loop{
		{name: "extend", every: time.Hour, alone: true, run: on(store.Extend)},
		{name: "lapse", every: 15 * time.Second, alone: true, run: on(store.Lapse)},
		{name: "close", every: 30 * time.Second, alone: true, run: on(store.CloseLists)},
		{name: "complete", every: time.Minute, alone: true, run: on(store.Complete)},

		{
			name: "plan", every: 30 * time.Second, woken: s.Wake(), then: mail, next: held(s),
			run: func(ctx context.Context) (int, error) { return notify.Plan(ctx, s, mailer.Settings) },
		},
		{
			name: "remind", every: 15 * time.Second, alone: true, then: mail,
			run: func(ctx context.Context) (int, error) { return notify.Remind(ctx, s, mailer.Settings) },
		},
		{
			name: "invite", every: 30 * time.Second, alone: true, then: mail,
			run: func(ctx context.Context) (int, error) { return notify.Invite(ctx, s, mailer.Settings) },
		},
		// A long queue is one long tick: at a hundred mails a second an announcement to everybody takes its time.
		{name: "send", every: 30 * time.Second, woken: mail, next: mailer.Next, run: mailer.Send, within: 2 * time.Hour},

		{name: "fetches", every: 30 * time.Second, real: true, run: on(store.FlushFetches)},
		{name: "uses", every: time.Minute, real: true, run: who.FlushUses},
		{name: "idempotency", every: time.Hour, alone: true, run: on(door.Sweep)},
		{
			name: "revisions", every: 500 * time.Millisecond, real: true,
			run: func(ctx context.Context) (int, error) { return 0, s.Poll(ctx) },
		},
		{
			name: "quick_check", every: 24 * time.Hour, real: true, alone: true,
			run: func(ctx context.Context) (int, error) { return 0, s.QuickCheck(ctx) },
		},
		{
			name: "settle", every: time.Minute, after: 2 * time.Second, real: true,
			run: func(ctx context.Context) (int, error) {
				err := s.Rest() // first: what it closes leaves garbage
				n, err2 := settle(ctx)
				return n, errors.Join(err, err2)
			},
		},
	}
}

// held is when the next change that is held for its undo may be planned.
func held(s *store.Store) func(context.Context) (programs.Instant, error) {
	return func(ctx context.Context) (programs.Instant, error) {
		return store.Read(ctx, s, (*store.View).Held)
	}
}
