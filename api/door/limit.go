package door

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/wellweek/wellweek/programs"
)

// What one person, or one address without credentials, may ask of us: a burst, and then so many requests a second.
const (
	Burst     = 200
	PerSecond = 50
)

// Limit counts requests per name, a person's or an address'. It forgets a name as soon as its bucket must be full again, so its
// memory follows the names of the last seconds.
type Limit struct {
	PerSecond float64
	Burst     int
	Real      func() programs.Instant

	mu      sync.Mutex
	buckets map[string]*bucket
	swept   programs.Instant
}

type bucket struct {
	rate *rate.Limiter
	used programs.Instant
}

// Allow takes one request from the name's bucket. When it is empty the answer is a 429 that says how long to wait.
func (l *Limit) Allow(name string) error {
	now := l.Real()
	l.mu.Lock()
	defer l.mu.Unlock()
	full := time.Duration(float64(l.Burst) / l.PerSecond * float64(time.Second))
	if now.Sub(l.swept) > full || now < l.swept {
		for n, b := range l.buckets {
			if now.Sub(b.used) > full || now < b.used {
				delete(l.buckets, n)
			}
		}
		l.swept = now
	}
	b, ok := l.buckets[name]
	if !ok {
		if l.buckets == nil {
			l.buckets = map[string]*bucket{}
		}
		b = &bucket{rate: rate.NewLimiter(rate.Limit(l.PerSecond), l.Burst)}
		l.buckets[name] = b
	}
	b.used = now
	if b.rate.AllowN(now.Time(), 1) {
		return nil
	}
	return TryLater(seconds(time.Duration(float64(time.Second) / l.PerSecond)))
}

// NameOfAddress is the name under which an address is counted. Whoever has one IPv6 address has its whole /64.
func NameOfAddress(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
