package notify

import (
	"sync"
	"time"
)

// How long the breaker stays open: the first time, and at most.
const (
	breakFirst = 15 * time.Second
	breakMost  = 5 * time.Minute
)

// breaker keeps a relay that is down, or refuses us, from costing messages their attempts: while it is open nothing is claimed. It
// opens after three failures in a row to connect, or one refusal that is about us, and one message that goes through closes it.
// Its pauses are real time, which a rehearsal does not speed up. The zero breaker is closed.
type breaker struct {
	mu      sync.Mutex
	failed  int // connections in a row
	barred  int // recipients in a row refused by policy
	pause   time.Duration
	waiting bool // nothing is claimed
	trial   bool // one message may try
	timer   *time.Timer
}

// open reports whether nothing may be claimed now, and for how long at most.
func (b *breaker) open() (time.Duration, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pause, b.waiting
}

// probing reports whether one message is to find out whether the relay is well again.
func (b *breaker) probing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trial
}

// worked notes a message that went through.
func (b *breaker) worked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
	}
	b.failed, b.barred, b.pause, b.waiting, b.trial, b.timer = 0, 0, 0, false, false, nil
}

// connected notes a connection that was made: the failures before it were not in a row.
func (b *breaker) connected() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = 0
}

// unconnected notes a connection that could not be made, and reports whether that opened the breaker.
func (b *breaker) unconnected() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed++; b.failed < 3 && !b.trial {
		return false
	}
	b.trip()
	return true
}

// refused notes that the relay refuses us.
func (b *breaker) refused() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trip()
}

// policy notes a recipient refused by policy: three in a row are about us.
func (b *breaker) policy() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.barred++; b.barred >= 3 {
		b.barred = 0
		b.trip()
	}
}

func (b *breaker) trip() {
	if b.waiting {
		return
	}
	b.pause = min(max(2*b.pause, breakFirst), breakMost)
	b.waiting, b.trial, b.failed = true, false, 0
	b.timer = time.AfterFunc(b.pause, b.again)
}

// again lets one message try.
func (b *breaker) again() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting, b.trial = false, true
}

// stop ends the timer.
func (b *breaker) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
	}
}
