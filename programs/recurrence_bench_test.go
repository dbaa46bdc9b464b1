package programs

import (
	"fmt"
	"testing"
)

// BenchmarkExpand steps a rule in a zone with summer time over 1, 5 and 10 years, every date resolved to its instant: at most 50 ns
// and no allocation a date (speed.md row 2). Sum keeps the work from being left out.
func BenchmarkExpand(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"daily", "FREQ=DAILY"},
		{"weekly", "FREQ=WEEKLY;BYDAY=TU"},
		{"weekly-days", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH"},
		{"monthly-weekday", "FREQ=MONTHLY;BYDAY=1TU"},
		{"monthly-day", "FREQ=MONTHLY;BYMONTHDAY=-1"},
	} {
		for _, years := range []int{1, 5, 10} {
			b.Run(fmt.Sprintf("%s/years=%d", c.name, years), func(b *testing.B) {
				r := ruleOf(b, c.text)
				berlin := zoneOf(b, "Europe/Berlin")
				start, last := wallOf(b, "2026-01-06T12:30"), DateOf(2026+years, 1, 5)
				b.ReportAllocs()
				dates, sum := 0, Instant(0)
				for b.Loop() {
					steps := r.Steps(start, berlin, last)
					for _, at, ok := steps.Next(); ok; _, at, ok = steps.Next() {
						sum += at.At
						dates++
					}
				}
				if sum == 0 {
					b.Fatal("no dates")
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(dates), "ns/date")
				b.ReportMetric(float64(dates)/float64(b.N), "dates/op")
			})
		}
	}
}

// BenchmarkResolve is one wall time alone, without the stretch that a walk keeps: in the middle of a season, and near a change.
func BenchmarkResolve(b *testing.B) {
	for name, text := range map[string]string{"season": "2027-01-12T12:30", "change": "2027-03-28T02:30"} {
		b.Run(name, func(b *testing.B) {
			w, berlin := wallOf(b, text), zoneOf(b, "Europe/Berlin")
			b.ReportAllocs()
			for b.Loop() {
				if Resolve(w, berlin).At == 0 {
					b.Fatal("no instant")
				}
			}
		})
	}
}

// TestExpandAllocatesNothing keeps the other half of the figure where every test run sees it.
func TestExpandAllocatesNothing(t *testing.T) { // not parallel: others' allocations would be counted
	r, berlin := ruleOf(t, "FREQ=WEEKLY;BYDAY=TU,TH"), zoneOf(t, "Europe/Berlin")
	start := wallOf(t, "2026-01-06T12:30")
	if got := testing.AllocsPerRun(10, func() {
		steps := r.Steps(start, berlin, start.Date+10*366)
		for _, _, ok := steps.Next(); ok; _, _, ok = steps.Next() {
		}
	}); got != 0 {
		t.Errorf("ten years of dates allocate %v times", got)
	}
}
