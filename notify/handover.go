package notify

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/wellweek/wellweek/programs/store"
)

// mostPerConnection is after how many messages a connection is made anew: relays end long ones on their own.
const mostPerConnection = 100

// mark is the outcome of one message on its way to the disk.
type mark struct {
	l      *letter
	answer answer
	stored chan error
}

// handOver gives a batch to the relay over several connections, and returns how many messages it took. Each connection waits until
// the outcome of its message is on the disk before it takes the next one, so that a crash repeats at most one message a connection;
// the outcomes of all connections share commits.
func (m *Mailer) handOver(ctx context.Context, owner string, mails []*letter) (int, error) {
	// Told to stop, workers take nothing new, and have a while for what is in flight.
	flight, land := context.WithCancel(context.WithoutCancel(ctx))
	defer land()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(m.patience.finish, land) })
	defer stop()

	work := make(chan *letter)
	marks := make(chan mark)
	var workers sync.WaitGroup
	for range min(m.Connections, len(mails)) {
		workers.Go(func() { m.work(flight, work, marks) })
	}
	idle := make(chan struct{})
	go func() {
		workers.Wait()
		close(idle)
	}()
	go func() {
		defer close(work)
		for _, l := range mails {
			if ctx.Err() != nil {
				return
			}
			if _, open := m.breaker.open(); open {
				return
			}
			select {
			case work <- l:
			case <-ctx.Done():
				return
			case <-idle: // every worker lost its connection
				return
			}
		}
	}()
	return m.settle(flight, owner, marks, idle)
}

// work hands over messages on one connection until there are no more, or no connection.
func (m *Mailer) work(ctx context.Context, work <-chan *letter, marks chan<- mark) {
	c := m.take()
	defer func() {
		if c != nil {
			m.keepConn(c)
		}
	}()
	for {
		if c == nil {
			if c = m.connect(ctx); c == nil {
				return
			}
		}
		l, ok := <-work
		if !ok {
			return
		}
		if _, open := m.breaker.open(); open {
			return
		}
		idle := c.used > 0
		l.Tried = true
		a := c.hand(ctx, l.MailFrom, l.Person.Email, l.Bytes, m.patience)
		if a.Fate == broken && idle {
			// The relay may have ended the connection long before this message: that is not the message's fault.
			if c = m.connect(ctx); c == nil {
				l.Tried = false
				return
			}
			a = c.hand(ctx, l.MailFrom, l.Person.Email, l.Bytes, m.patience)
		}
		switch a.Fate {
		case taken:
			m.breaker.worked()
		case refused:
			m.breaker.refused()
			m.Log.Error("the relay refuses our mail; nothing is sent until it takes one", "code", a.Code)
		case barred:
			m.breaker.policy()
		case broken, doubtful:
			c = nil
		}
		stored := mark{l: l, answer: a, stored: make(chan error, 1)}
		marks <- stored
		if <-stored.stored != nil || a.Fate == refused {
			return
		}
		if c != nil && c.used >= mostPerConnection {
			c.quit(ctx, m.patience)
			c = nil
		}
	}
}

// settle writes outcomes to the disk, as many in one commit as have come in, and renews the leases of the rest.
func (m *Mailer) settle(ctx context.Context, owner string, marks <-chan mark, idle <-chan struct{}) (sent int, err error) {
	ctx = context.WithoutCancel(ctx)
	renew := time.NewTimer(m.patience.renew)
	defer renew.Stop()
	for {
		var group []mark
		select {
		case one := <-marks:
			group = append(group, one)
		case <-renew.C:
			renew.Reset(m.patience.renew)
			err = errors.Join(err, m.renew(ctx, owner))
			continue
		case <-idle:
			return sent, err
		}
		for more := true; more && len(group) < m.Connections; {
			select {
			case one := <-marks:
				group = append(group, one)
			default:
				more = false
			}
		}
		_, failed := store.Write(ctx, m.Store, func(tx *store.Tx) (struct{}, error) {
			for _, one := range group {
				if err := one.l.settle(tx, one.answer); err != nil {
					return struct{}{}, err
				}
				if one.answer.Fate == taken {
					if err := m.composer.tell(tx, []*letter{one.l}); err != nil {
						return struct{}{}, err
					}
				}
			}
			return struct{}{}, nil
		})
		for _, one := range group {
			if failed == nil {
				one.l.Settled = true
				if one.answer.Fate == taken {
					sent++
				}
			}
			one.stored <- failed
		}
		err = errors.Join(err, failed)
	}
}

func (m *Mailer) renew(ctx context.Context, owner string) error {
	_, err := store.Write(ctx, m.Store, func(tx *store.Tx) (int64, error) {
		return tx.Exec(`update outbox set lease_until = $2 where lease_owner = $1 and state = 'sending'`, owner, tx.Real.Add(leaseTime))
	})
	return err
}

// ready reports whether there is a connection, and tries for one until the breaker opens.
func (m *Mailer) ready(ctx context.Context) bool {
	m.idle.Lock()
	have := len(m.kept) > 0
	m.idle.Unlock()
	for !have && ctx.Err() == nil {
		if c := m.connect(ctx); c != nil {
			m.keepConn(c)
			return true
		}
		if _, open := m.breaker.open(); open {
			return false
		}
	}
	return have
}

// connect makes a connection; nil when it cannot. Its failures are about the relay, never about a message.
func (m *Mailer) connect(ctx context.Context) *conn {
	c, err := m.Relay.dial(ctx, m.Settings.ReplyDomain, m.roots, m.patience)
	if err != nil {
		if ctx.Err() == nil && m.breaker.unconnected() {
			m.Log.Error("the relay cannot be reached; messages wait", "code", classify(atMail, err).Code)
		}
		return nil
	}
	m.breaker.connected()
	return c
}

// take is a kept connection; nil when there is none.
func (m *Mailer) take() *conn {
	m.idle.Lock()
	defer m.idle.Unlock()
	if len(m.kept) == 0 {
		return nil
	}
	c := m.kept[len(m.kept)-1]
	m.kept = m.kept[:len(m.kept)-1]
	return c
}

func (m *Mailer) keepConn(c *conn) {
	m.idle.Lock()
	defer m.idle.Unlock()
	m.kept = append(m.kept, c)
}
