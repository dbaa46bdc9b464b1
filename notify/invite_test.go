package notify

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wellweek/wellweek/programs"
)

func asking(method string, starts programs.Instant, own bool) asked {
	loc, err := programs.Zone("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return asked{Method: method, Own: own, Cause: start, Zone: loc, Facts: facts{Starts: starts, Ends: starts + 1000, Location: "Room 4", Status: programs.Scheduled}}
}

func TestL4_Counters(t *testing.T) {
	t.Parallel()
	noon := instant("2026-11-26T11:00:00Z")
	i := invite{Sequence: -1, Partstat: needsAction}
	told := func(at programs.Instant) { i.Starts, i.Ends, i.Location = at, at+1000, "Room 4" }
	for _, c := range []struct {
		name     string
		session  int
		ask      asked
		sequence int
		partstat string
		major    int
	}{
		{"first, by a coordinator", 3, asking(request, noon, false), 3, needsAction, 3},
		{"again, nothing new", 3, asking(request, noon, true), 3, needsAction, 3},
		{"moved by 10 minutes: the answer stays", 4, asking(request, noon.Add(10*time.Minute), true), 4, needsAction, 3},
		{"left", 4, asking(cancel, noon.Add(10*time.Minute), true), 5, needsAction, 3},
		{"joined again: goes on counting, own act", 4, asking(request, noon.Add(10*time.Minute), true), 6, accepted, 6},
		{"moved by 15 minutes: the answer is asked again (W14)", 5, asking(request, noon.Add(25*time.Minute), true), 7, needsAction, 7},
		{"the session counted on without us", 20, asking(request, noon, true), 20, needsAction, 20},
	} {
		p, next := i.next(programs.Session{Sequence: c.session}, c.ask)
		if p.Sequence != c.sequence || p.Partstat != c.partstat || next.Major != c.major {
			t.Errorf("%s: sequence %d, %s, major %d; want %d, %s, %d", c.name, p.Sequence, p.Partstat, next.Major, c.sequence, c.partstat, c.major)
		}
		if p.Stamp <= i.Stamp {
			t.Errorf("%s: the stamp did not move on", c.name)
		}
		i = next
		told(c.ask.Facts.Starts)
	}
}

func TestW14_AnotherDateIsMajor(t *testing.T) {
	t.Parallel()
	midnight := instant("2026-11-25T23:00:00Z") // 00:00 in Berlin
	i := invite{Method: request, Starts: midnight, Partstat: accepted}
	if !i.major(asking(request, midnight.Add(-5*time.Minute), true)) {
		t.Error("five minutes over midnight is another date")
	}
	if i.major(asking(request, midnight.Add(5*time.Minute), true)) {
		t.Error("five minutes on the same date is no major move")
	}
}

// TestI12_AnyHistory is the rule over any history: SEQUENCE never falls, rises when the facts change and with every CANCEL.
func TestI12_AnyHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		i := invite{Sequence: -1, Partstat: needsAction}
		sequence, starts := 0, instant("2026-11-26T11:00:00Z")
		var last part
		for n := range rapid.IntRange(1, 30).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "moved") {
				starts = starts.Add(time.Duration(rapid.IntRange(-90, 90).Draw(t, "minutes")) * time.Minute)
				sequence++
			}
			method := request
			if i.Method == request && rapid.Bool().Draw(t, "leaves") {
				method = cancel
			}
			p, next := i.next(programs.Session{Sequence: sequence}, asking(method, starts, rapid.Bool().Draw(t, "own")))
			if n > 0 {
				if p.Sequence < last.Sequence || p.Stamp <= last.Stamp || p.Sequence < sequence && method == cancel {
					t.Fatalf("%+v after %+v", p, last)
				}
				if p.Sequence == last.Sequence && (p.Hash != last.Hash || p.Method == cancel) {
					t.Fatalf("%+v says something new with the sequence of %+v", p, last)
				}
			}
			i, last = next, p
			i.Starts = starts
		}
	})
}
