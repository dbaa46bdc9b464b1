package notify

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/programs"
)

// TestLaneTable is the table of mail.md section 2: what is sent when a later row meets an unsent one.
func TestLaneTable(t *testing.T) {
	t.Parallel()
	row := func(event, participant string) waiting {
		w := waiting{Event: event, Participant: participant}
		if participant != "" {
			w.Signup = programs.SignupID("signup-" + participant)
		}
		return w
	}
	up := func(w waiting, state programs.SignupState) waiting { w.State = state; return w }
	touched := func(w waiting) waiting { w.Touched = true; return w }
	for _, c := range []struct {
		name   string
		unsent []waiting
		want   []string // event and participant of what stays, in order
	}{
		{"waitlisted, then confirmed", []waiting{row(Waitlisted, "a"), row(Promoted, "a")}, []string{"promoted a"}},
		{"waitlisted, then left", []waiting{row(Waitlisted, "a"), row(Left, "a")}, []string{"left a"}},
		{"offered, then lapsed", []waiting{row(Offered, "a"), row(Lapsed, "a")}, []string{"lapsed a"}},
		{"waitlisted, then moved", []waiting{row(Waitlisted, "a"), row(Moved, "")}, []string{"moved "}},
		{"confirmed, then moved", []waiting{row(Confirmed, "a"), row(Moved, "")}, []string{"confirmed a"}},
		{"promoted, then moved twice", []waiting{row(Promoted, "a"), row(Moved, ""), row(Moved, "")}, []string{"promoted a"}},
		{"confirmed, then left", []waiting{row(Confirmed, "a"), row(Left, "a")}, []string{"left a"}},
		{"confirmed, then cancelled", []waiting{row(Confirmed, "a"), row(Cancelled, "")}, []string{"cancelled "}},
		{"moved, then moved", []waiting{row(Moved, ""), row(Moved, "")}, []string{"moved "}},
		{"moved, then cancelled", []waiting{row(Moved, ""), row(Cancelled, "")}, []string{"cancelled "}},
		{"left, then confirmed", []waiting{row(Left, "a"), row(Confirmed, "a")}, []string{"confirmed a"}},
		{"left, then on the list: the calendar is still to be told", []waiting{row(Left, "a"), row(Waitlisted, "a")}, []string{"left a", "waitlisted a"}},
		{"left, then the session is off: of different seats", []waiting{row(Left, "a"), row(Cancelled, "")}, []string{"left a", "cancelled "}},
		{"two children confirmed: one mail lists both", []waiting{row(Confirmed, "a"), row(Confirmed, "b")}, []string{"confirmed b"}},
		{"one child in, one waiting: two facts", []waiting{row(Confirmed, "a"), row(Waitlisted, "b")}, []string{"confirmed a", "waitlisted b"}},
		{"one child in, the other leaves", []waiting{row(Confirmed, "a"), row(Left, "b")}, []string{"confirmed a", "left b"}},
		{"one in, one waiting, then moved: all stand in one", []waiting{row(Confirmed, "a"), row(Waitlisted, "b"), row(Moved, "")}, []string{"confirmed a"}},
		{"off and on again before anybody heard: only a difference is told", []waiting{row(Cancelled, ""), row(Reinstated, "")}, []string{"moved "}},
		{"off and on again, and moved up with it", []waiting{row(Cancelled, ""), up(row(Reinstated, "a"), programs.Confirmed)}, []string{"promoted a"}},
		{"off and on again, and offered a place with it", []waiting{row(Cancelled, ""), up(row(Reinstated, "a"), programs.Offered)}, []string{"offered a"}},
		{"off may have been heard: on is told", []waiting{touched(row(Cancelled, "")), row(Reinstated, "")}, []string{"reinstated "}},
		{"on again, then off before anybody heard", []waiting{row(Reinstated, ""), row(Cancelled, "")}, nil},
		{"on again may have been heard: off is told", []waiting{touched(row(Reinstated, "")), row(Cancelled, "")}, []string{"cancelled "}},
		{"on again, off and on again: they know that it is off", []waiting{row(Reinstated, ""), row(Cancelled, ""), row(Reinstated, "")}, []string{"reinstated "}},
		{"on again, then moved", []waiting{row(Reinstated, "a"), row(Moved, "")}, []string{"reinstated a"}},
		{"on again, then left: of different seats, perhaps", []waiting{row(Reinstated, ""), row(Left, "a")}, []string{"reinstated ", "left a"}},
		{"two reminders that were late", []waiting{row(Reminder, ""), row(Reminder, "")}, []string{"reminder "}},
	} {
		for i := range c.unsent {
			c.unsent[i].ID = fmt.Sprint(i)
		}
		ended, merged := settleLane(slices.Clone(c.unsent))
		var got []string
		for _, w := range c.unsent {
			if slices.Contains(ended, w.ID) {
				continue
			}
			for _, m := range merged {
				if m.ID == w.ID {
					w = m
				}
			}
			if w.Event != "" {
				got = append(got, w.Event+" "+w.Participant)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestLane_OneMoveFromTheFirstTime(t *testing.T) {
	t.Parallel()
	_, merged := settleLane([]waiting{{ID: "1", Event: Moved, WasStarts: 10, WasEnds: 20}, {ID: "2", Event: Moved, WasStarts: 30, WasEnds: 40}})
	if len(merged) != 1 || merged[0].WasStarts != 10 || merged[0].WasEnds != 20 {
		t.Errorf("the later move starts from %+v, not from what was told first", merged)
	}
}

func TestLane_FrozenWordsKeepTheirEvent(t *testing.T) {
	t.Parallel()
	ended, merged := settleLane([]waiting{{ID: "1", Event: Confirmed, Signup: "s", Participant: "a"}, {ID: "2", Event: Moved, Touched: true}})
	if len(ended) != 0 || len(merged) != 0 {
		t.Errorf("a frozen mail was given another event: %v %v", ended, merged)
	}
}
