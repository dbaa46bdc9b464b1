package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/wellweek/wellweek/programs"
)

// ready is the shared answer of Ready.
type ready struct {
	mu    sync.Mutex
	asked bool
	at    programs.Instant
	err   error
}

// Ready writes a row, because a ping and every read succeed on a full or read-only disk. It writes at most once a second by the
// real clock and hands the answer to all who ask meanwhile. Busy comes back when the write failed.
func (s *Store) Ready(ctx context.Context) error {
	s.ready.mu.Lock()
	defer s.ready.mu.Unlock()
	now := s.real()
	if since := now - s.ready.at; s.ready.asked && since >= 0 && since < 1000 {
		return s.ready.err
	}
	_, err := Write(context.WithoutCancel(ctx), s, func(tx *Tx) (int64, error) {
		return tx.Exec("insert into scratch (id, at) values (1, $1) on conflict (id) do update set at = excluded.at", tx.Real)
	})
	if err != nil && !errors.Is(err, programs.Busy) {
		err = busy(err)
	}
	s.ready.asked, s.ready.at, s.ready.err = true, now, err
	return err
}

// QuickCheck reads every page of a SQLite file and fails when one is damaged. PostgreSQL looks after its own pages; there it only
// asks for an answer.
func (s *Store) QuickCheck(ctx context.Context) error {
	if s.readers == nil {
		return classify(s.pool.PingContext(ctx))
	}
	c, err := s.readers.take(ctx)
	if err != nil {
		return err
	}
	defer func() { s.readers.give(c) }()
	if err := quickCheck(ctx, c.conn); err != nil {
		return s.explain(classify(err))
	}
	return nil
}

// counts are the store's counters.
type counts struct {
	batches   atomic.Int64
	callbacks atomic.Int64
	busy      atomic.Int64
	retries   atomic.Int64
	sizes     [len(batchSizes)]atomic.Int64
}

// batchSizes are the upper ends of the buckets of Stats.Sizes.
var batchSizes = [...]int{1, 4, 16, 64, batchLimit}

func (c *counts) batch(n int) {
	c.batches.Add(1)
	for i, size := range batchSizes {
		if n <= size {
			c.sizes[i].Add(1)
			return
		}
	}
}

// Stats are the counters since Open.
type Stats struct {
	Batches   int64        // transactions begun for writes; a batch of SQLite is one
	Callbacks int64        // callbacks run, those that ran again included
	Busy      int64        // writes refused as Busy
	Retries   int64        // callbacks that had to run again: a dead batch, a lost race
	Waiting   int64        // callbacks that wait for the SQLite writer now
	Sizes     []BatchCount // batches by their number of callbacks, from small to large
}

// BatchCount is how many batches had at most Size callbacks, and more than the Size before it.
type BatchCount struct {
	Size  int
	Count int64
}

// Stats reads the counters without stopping anything, so they may differ by what happens meanwhile.
func (s *Store) Stats() Stats {
	out := Stats{
		Batches:   s.counts.batches.Load(),
		Callbacks: s.counts.callbacks.Load(),
		Busy:      s.counts.busy.Load(),
		Retries:   s.counts.retries.Load(),
	}
	for i, size := range batchSizes {
		out.Sizes = append(out.Sizes, BatchCount{size, s.counts.sizes[i].Load()})
	}
	if s.writer != nil {
		s.writer.mu.Lock()
		out.Waiting = int64(len(s.writer.waiting))
		s.writer.mu.Unlock()
	}
	return out
}
