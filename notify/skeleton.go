package notify

import (
	"context"
	"log/slog"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

func Plan(ctx context.Context, s *store.Store, set Settings) (int, error)   { return 0, set.check() }
func Remind(ctx context.Context, s *store.Store, set Settings) (int, error) { return 0, nil }

type Mailer struct {
	Store       *store.Store
	Settings    Settings
	Relay       *Relay
	Connections int
	Log         *slog.Logger
}

func (m *Mailer) Send(ctx context.Context) (int, error)              { return 0, nil }
func (m *Mailer) Next(ctx context.Context) (programs.Instant, error) { return 0, nil }
func (m *Mailer) Close() error                                       { return nil }
func Recover(ctx context.Context, s *store.Store) error              { return nil }
