package notify

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// claimBatch is how many rows one claim takes. Most of the time of a claim does not depend on it.
const claimBatch = 128

// Mailer hands what is due to the relay. Store and Settings are needed. A Mailer without a relay writes the mails, keeps them, and
// calls them sent, with the reason "kept". It is not copied after its first use.
type Mailer struct {
	Store       *store.Store
	Settings    Settings
	Relay       *Relay       // nil: mail is kept and shown
	Connections int          // at most so many at once; 0: 4
	Log         *slog.Logger // nil: silence

	turn     sync.Mutex // one Send at a time
	idle     sync.Mutex // guards kept
	kept     []*conn
	breaker  breaker
	composer *composer
	patience patience       // zero: that of production
	roots    *x509.CertPool // nil: the system's
}

// prepare fills in what the first use needs.
func (m *Mailer) prepare() error {
	if m.composer != nil {
		return nil
	}
	if err := m.Settings.check(); err != nil {
		return err
	}
	c, err := newComposer(newLinks(m.Store, m.Settings), m.Store.KeyID())
	if err != nil {
		return err
	}
	if m.Connections <= 0 {
		m.Connections = 4
	}
	if m.patience == (patience{}) {
		m.patience = patient()
	}
	if m.Log == nil {
		m.Log = slog.New(slog.DiscardHandler)
	}
	m.composer = c
	return nil
}

// Send hands over everything that is due and returns how many messages the relay took, or, without a relay, how many were kept. A
// relay that does not answer is no error: the messages stay due, and Next says when it is worth trying again. When ctx ends, what is
// in flight is finished, for 20 seconds at most, and the rest goes back into the queue.
func (m *Mailer) Send(ctx context.Context) (int, error) {
	m.turn.Lock()
	defer m.turn.Unlock()
	if err := m.prepare(); err != nil {
		return 0, err
	}
	total := 0
	for ctx.Err() == nil {
		limit := claimBatch
		if m.Relay != nil {
			if _, open := m.breaker.open(); open {
				return total, nil
			}
			if m.breaker.probing() {
				limit = 1
			}
			due, err := m.due(ctx)
			if err != nil || !due {
				return total, err
			}
			if !m.ready(ctx) {
				return total, nil // nothing was claimed, so nothing was burned
			}
		}
		claimed, sent, err := m.round(ctx, limit)
		total += sent
		if err != nil || claimed == 0 {
			return total, err
		}
	}
	return total, nil
}

// due looks whether anything could be claimed, so that no connection is made for nothing.
func (m *Mailer) due(ctx context.Context) (bool, error) {
	n, err := m.next(ctx)
	if err != nil || n.due || !n.flying {
		return n.due, err
	}
	// Nothing waits, but something is in flight that nobody of this process sends: its sender may be dead.
	if _, err := store.Write(ctx, m.Store, func(tx *store.Tx) (struct{}, error) { return struct{}{}, overdue(tx) }); err != nil {
		return false, err
	}
	n, err = m.next(ctx)
	return n.due, err
}

// round claims a batch, writes its mails and hands them over.
func (m *Mailer) round(ctx context.Context, limit int) (claimed, sent int, err error) {
	type batch struct {
		owner   string
		live    []*letter
		claimed int
	}
	b, err := store.Write(context.WithoutCancel(ctx), m.Store, func(tx *store.Tx) (batch, error) { // a claim that nobody hears of would last a lease
		b := batch{owner: tx.NewID()}
		letters, err := claim(tx, b.owner, limit)
		b.claimed = len(letters)
		for _, l := range letters {
			v := l.judge()
			if v == (verdict{}) {
				b.live = append(b.live, l)
				continue
			}
			if err == nil {
				err = l.drop(tx, v)
			}
		}
		return b, err
	})
	if err != nil || len(b.live) == 0 {
		return b.claimed, 0, err
	}
	// From here on the rows are ours, and what becomes of them is written whatever ends ctx.
	mails, err := m.freeze(context.WithoutCancel(ctx), b.owner, b.live)
	if err == nil {
		if m.Relay == nil {
			sent, err = m.keep(context.WithoutCancel(ctx), b.owner, mails)
		} else {
			sent, err = m.handOver(ctx, b.owner, mails)
		}
	}
	return b.claimed, sent, errors.Join(err, m.release(context.WithoutCancel(ctx), b.owner, b.live))
}

// freeze writes the mails that have no bytes yet and stores them with what their mailboxes are told by them. A letter that cannot be
// written fails alone.
func (m *Mailer) freeze(ctx context.Context, owner string, letters []*letter) ([]*letter, error) {
	type failure struct {
		l      *letter
		reason string
	}
	var fresh []composed
	var failures []failure
	for _, l := range letters {
		if len(l.Bytes) > 0 && !l.outdated() {
			continue
		}
		c, err := m.composer.compose(l)
		if err != nil {
			m.Log.Error("a mail could not be written", "message", l.ID, "event", l.Event, "error", err.Error())
			failures = append(failures, failure{l, "could not be written"})
			continue
		}
		fresh = append(fresh, c)
	}
	_, err := store.Write(ctx, m.Store, func(tx *store.Tx) (struct{}, error) {
		for _, f := range failures {
			if err := f.l.drop(tx, verdict{Failed, f.reason}); err != nil {
				return struct{}{}, err
			}
		}
		for _, c := range fresh {
			if err := c.store(tx, owner); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	if err != nil {
		return nil, err
	}
	for _, c := range fresh {
		c.Letter.Bytes, c.Letter.Frozen = c.Bytes, true
	}
	ready := letters[:0:0]
	for _, l := range letters {
		if len(l.Bytes) > 0 {
			ready = append(ready, l)
		}
	}
	return ready, nil
}

// keep ends rows of an installation without a relay.
func (m *Mailer) keep(ctx context.Context, owner string, mails []*letter) (int, error) {
	return store.Write(ctx, m.Store, func(tx *store.Tx) (int, error) {
		if err := m.composer.tell(tx, mails); err != nil {
			return 0, err
		}
		n, err := tx.Exec(`update outbox set state = 'sent', reason = 'kept', sent_at = $2, attempts = attempts + 1, lease_owner = null, lease_until = null
			where lease_owner = $1 and state = 'sending'`, owner, tx.Now)
		return int(n), err
	})
}

// upcoming is when something can be handed over.
type upcoming struct {
	at     programs.Instant // zero: nothing waits
	due    bool             // now
	flying bool             // some row is leased
}

// Next is when Send has something to do: the earliest instant at which a message becomes due, later when the relay is not to be
// tried before; zero when nothing waits.
func (m *Mailer) Next(ctx context.Context) (programs.Instant, error) {
	n, err := m.next(ctx)
	return n.at, err
}

func (m *Mailer) next(ctx context.Context) (upcoming, error) {
	pause, open := m.breaker.open()
	return store.Read(ctx, m.Store, func(v *store.View) (upcoming, error) {
		rows, err := v.Query(`select o.next_try from outbox o where o.state in ('queued', 'unknown')
			and not exists (select 1 from outbox e where e.lane = o.lane and e.id <> o.id
				and (e.state = 'sending' or e.state in ('queued', 'unknown') and e.turn < o.turn))
			order by o.next_try limit 1`)
		list, err := store.Collect(rows, err, func(scan func(...any) error) (at programs.Instant, err error) { return at, scan(&at) })
		if err != nil {
			return upcoming{}, err
		}
		var flying int
		if err := v.QueryRow(`select count(*) from (select 1 from outbox o where o.state = 'sending' limit 1) f`).Scan(&flying); err != nil {
			return upcoming{}, err
		}
		n := upcoming{flying: flying > 0}
		if len(list) == 0 {
			return n, nil
		}
		n.at, n.due = list[0], list[0] <= v.Now
		if open {
			n.at = max(n.at, v.Now.Add(pause))
		}
		return n, nil
	})
}

// Close ends the kept connections. Send has returned before.
func (m *Mailer) Close() error {
	m.turn.Lock()
	defer m.turn.Unlock()
	m.breaker.stop()
	m.idle.Lock()
	kept := m.kept
	m.kept = nil
	m.idle.Unlock()
	ctx, stop := context.WithTimeout(context.Background(), patient().finish)
	defer stop()
	for _, c := range kept {
		c.quit(ctx, m.patience)
	}
	return nil
}
