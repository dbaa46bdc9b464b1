package main

import (
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/wellweek/wellweek/programs"
)

// clock is the only reader of the time. It hands out two: now, which people see in due times, deadlines, offers, links and the
// journal, and which a rehearsal moves; and real, for the machinery: leases, limits, heartbeats. With one clock a lease of a
// minute would be over after 17 ms at 3600 times the speed, and every mail would be sent again.
type clock struct {
	begun time.Time        // with its monotonic reading: a rehearsal does not jump when the machine's clock is set
	start programs.Instant // of the rehearsal; zero: people see the real time
	speed float64          // how many times as fast people's time runs
	back  atomic.Int64     // milliseconds by which people's time is set back while the sample world is built
}

// wall is the clock of every day.
func wall() *clock { return &clock{begun: time.Now(), speed: 1} }

// maxSpeed lets a year pass in about five minutes; faster than that no loop could keep up.
const maxSpeed = 100_000

// rehearsal is a clock that starts at an instant and runs speed times as fast. A zero start begins at the present.
func rehearsal(start programs.Instant, speed float64) (*clock, error) {
	if math.IsNaN(speed) || speed <= 0 || speed > maxSpeed {
		return nil, usage{errors.New("--clock-speed is a number above 0, at most 100000")}
	}
	c := wall()
	if start == 0 && speed == 1 {
		return c, nil
	}
	c.start, c.speed = start, speed
	if start == 0 {
		c.start = programs.At(c.begun)
	}
	return c, nil
}

// rehearsing reports whether people's time is not the real one.
func (c *clock) rehearsing() bool { return c.start != 0 }

// now is the time that people see.
func (c *clock) now() programs.Instant {
	back := programs.Instant(c.back.Load())
	if !c.rehearsing() {
		return programs.At(time.Now()) - back
	}
	return c.start - back + programs.Instant(float64(time.Since(c.begun).Milliseconds())*c.speed)
}

// setBack sets people's time back by d, or with zero right again.
func (c *clock) setBack(d time.Duration) { c.back.Store(d.Milliseconds()) }

// real is the time of the machine.
func (c *clock) real() programs.Instant { return programs.At(time.Now()) }

// floor is the shortest pause between two ticks of a loop, however fast a rehearsal runs.
const floor = 50 * time.Millisecond

// pause is how long to wait in real time for d of people's time to pass, never less than floor.
func (c *clock) pause(d time.Duration) time.Duration {
	return max(floor, time.Duration(float64(d)/c.speed))
}
