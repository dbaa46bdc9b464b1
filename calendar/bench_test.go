package calendar

import (
	"fmt"
	"testing"
	"time"
)

func BenchmarkFragment(b *testing.B) {
	e := yogaEvent(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Fragment(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	i := yogaInvite(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.Request(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFeed200(b *testing.B)  { benchmarkFeed(b, 200) }
func BenchmarkFeed2000(b *testing.B) { benchmarkFeed(b, 2000) }

// benchmarkFeed puts a feed together from fragments that are there already, which is what a feed costs after one session changed.
func benchmarkFeed(b *testing.B, sessions int) {
	e, h := yogaEvent(b), bewell(b)
	var all [][]byte
	for n := range sessions {
		e.Session.UID = fmt.Sprintf("0190d0c0-7a5e-7000-8000-%012d@wellweek.example", n)
		e.Session.StartsAt = e.Session.StartsAt.Add(24 * time.Hour)
		e.Session.EndsAt = e.Session.EndsAt.Add(24 * time.Hour)
		all = append(all, mustFragment(b, e))
	}
	b.SetBytes(int64(len(Feed(h, all))))
	b.ReportAllocs()
	for b.Loop() {
		Feed(h, all)
	}
}
