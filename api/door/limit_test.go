package door

import (
	"errors"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs/store/storetest"
)

func TestLimit(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(1_000_000_000_000)
	l := &Limit{PerSecond: 2, Burst: 3, Real: clock.Now}
	for i := range 3 {
		if err := l.Allow("ann"); err != nil {
			t.Fatalf("request %d of a burst of 3: %v", i+1, err)
		}
	}
	err := l.Allow("ann")
	var p *Problem
	if !errors.As(err, &p) || p.Status != 429 || p.GetHeaders().Get("Retry-After") != "1" {
		t.Fatalf("the fourth: %v", err)
	}
	if err := l.Allow("ben"); err != nil {
		t.Fatalf("somebody else is not counted with ann: %v", err)
	}
	clock.Add(500 * time.Millisecond)
	if err := l.Allow("ann"); err != nil {
		t.Fatalf("half a second later: %v", err)
	}
	if err := l.Allow("ann"); err == nil {
		t.Fatal("and only one")
	}
}

// TestLimitForgets keeps the memory at the names of the last seconds.
func TestLimitForgets(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(1_000_000_000_000)
	l := &Limit{PerSecond: 2, Burst: 4, Real: clock.Now}
	for i := range 10_000 {
		if err := l.Allow(strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
		if i%100 == 0 {
			clock.Add(time.Second)
		}
	}
	if n := len(l.buckets); n > 1000 {
		t.Errorf("%d names are remembered", n)
	}
}

func TestNameOfAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::9": "2001:db8:1:2::/64",
	} {
		if got := NameOfAddress(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
