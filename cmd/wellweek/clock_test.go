package main

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wellweek/wellweek/programs"
)

func TestClocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		day := programs.At(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
		check := func(what string, got, want programs.Instant) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		begun := programs.At(time.Now())
		every := wall()
		fast, err := rehearsal(day, 3600)
		if err != nil {
			t.Fatal(err)
		}
		slow, err := rehearsal(0, 0.5)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := rehearsal(0, 1)
		if err != nil {
			t.Fatal(err)
		}
		check("rehearsal at its start", fast.now(), day)
		time.Sleep(10 * time.Second)
		check("the wall clock", every.now(), begun.Add(10*time.Second))
		check("ten seconds at 3600", fast.now(), day.Add(10*time.Hour))
		check("the machine's time in a rehearsal", fast.real(), begun.Add(10*time.Second))
		check("half speed from now on", slow.now(), begun.Add(5*time.Second))
		check("neither start nor speed", plain.now(), begun.Add(10*time.Second))
		if plain.rehearsing() || !fast.rehearsing() || !slow.rehearsing() {
			t.Error("which clock rehearses is not told right")
		}
		fast.setBack(time.Minute)
		check("set back", fast.now(), day.Add(10*time.Hour-time.Minute))
		fast.setBack(0)
		check("set right", fast.now(), day.Add(10*time.Hour))
		time.Sleep(300 * 24 * time.Hour)
		if got, want := fast.now(), day.Add(10*time.Hour)+programs.Instant(300*24*3600*1000*3600); got != want {
			t.Errorf("a long rehearsal: %v, want %v", got, want)
		}
	})
}

func TestPause(t *testing.T) {
	t.Parallel()
	for speed, want := range map[float64]time.Duration{1: 30 * time.Second, 60: 500 * time.Millisecond, 3600: floor, 0.5: time.Minute} {
		c, err := rehearsal(1, speed)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.pause(30 * time.Second); got != want {
			t.Errorf("30 s at %v: %v, want %v", speed, got, want)
		}
	}
	if got := wall().pause(-time.Second); got != floor {
		t.Errorf("what is overdue waits %v", got)
	}
}

func TestSpeedsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{0, -1, maxSpeed + 1, math.Inf(1), math.NaN()} {
		if _, err := rehearsal(1, speed); err == nil {
			t.Errorf("%v is a speed", speed)
		}
	}
}
