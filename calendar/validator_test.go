package calendar

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/programs"
)

// validator runs the checker of iCalendar files that stands beside the project: three other people's parsers and a reading of the
// RFCs that shares nothing with ours. A machine without it skips.
func validator(t *testing.T) func(args ...string) error {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("..", "..", "shared", "tools", "validate_ics.py"))
	if err != nil {
		t.Fatal(err)
	}
	const python = "/usr/bin/python3"
	for _, file := range []string{python, script} {
		if _, err := os.Stat(file); err != nil {
			t.Skipf("not validated by other parsers: %s is not here", filepath.Base(file))
		}
	}
	if err := exec.Command(python, "-c", "import icalendar, vobject, dateutil").Run(); err != nil {
		t.Skip("not validated by other parsers: apt-get install python3-icalendar python3-vobject python3-dateutil libical3")
	}
	return func(args ...string) error {
		out, err := exec.Command(python, append([]string{script}, args...)...).CombinedOutput()
		var findings strings.Builder
		for l := range strings.Lines(string(out)) {
			if !strings.Contains(l, ": 0 error(s), 0 warning(s);") {
				findings.WriteString(l)
			}
		}
		if err != nil || findings.Len() > 0 {
			return fmt.Errorf("exit %v:\n%s", err, findings.String())
		}
		return nil
	}
}

func write(t *testing.T, name string, raw []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestValidatorGoldens(t *testing.T) {
	t.Parallel()
	validate := validator(t)
	file := func(name string) string { return filepath.Join("testdata", name) }
	for _, args := range [][]string{
		{"--feed", file("feed.ics"), file("feed-empty.ics")},
		{"--feed", "--now", "2026-11-18T10:00:00Z", file("feed.ics"), file("feed-empty.ics")},
		{"--feed", "--update", file("feed-empty.ics"), file("feed.ics")},
		{"--invite", file("request.ics"), file("request-needs-action.ics"), file("cancel-left.ics"), file("cancel.ics")},
		{"--invite", "--update", file("request.ics"), file("cancel-left.ics")},
		{"--invite", "--update", file("request.ics"), file("cancel.ics")},
	} {
		if err := validate(args...); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	// The validator is there and awake.
	if err := validate("--feed", file("request.ics")); err == nil {
		t.Error("an invite passes as a feed")
	}
	if err := validate("--invite", "--update", file("cancel.ics"), file("request.ics")); err == nil {
		t.Error("a request with a lower SEQUENCE passes as an update of a cancellation")
	}
}

// TestValidatorHostile has four parsers read every hostile string, in every text field at once.
func TestValidatorHostile(t *testing.T) {
	t.Parallel()
	validate := validator(t)
	feeds, invites := []string{"--feed"}, []string{"--invite"}
	for n, s := range hostile() {
		if strings.HasPrefix(clean(s), "Cancelled: ") {
			continue // a title somebody typed; the validator takes it for ours
		}
		h, e, i := bewell(t), yogaEvent(t), yogaInvite(t)
		h.Name, h.Description = s, s
		e.Session.Title, e.Session.Description, e.Session.Location, e.Program, e.Facilitators = s, s, s, s, []string{s, s}
		i.Session, i.Program, i.Facilitators = e.Session, s, e.Facilitators
		i.Attendee.Name = strings.ReplaceAll(s, "^", "") // the validator takes the second caret of "^^" for one that is not encoded
		request, err := i.Request()
		if err != nil {
			t.Fatal(err)
		}
		feeds = append(feeds, write(t, fmt.Sprintf("feed-%d.ics", n), Feed(h, [][]byte{mustFragment(t, e)})))
		invites = append(invites, write(t, fmt.Sprintf("invite-%d.ics", n), request))
	}
	for _, args := range [][]string{feeds, invites} {
		if err := validate(args...); err != nil {
			t.Error(err)
		}
	}
}

// TestValidatorHistory has the validator judge the successive documents of one history with everything in it.
func TestValidatorHistory(t *testing.T) {
	t.Parallel()
	validate := validator(t)
	w := newWorld(t)
	w.other.Status = programs.Cancelled
	n := 0
	for _, act := range []struct {
		name   string
		who, n int
	}{
		{"join", 0, 0},
		{"join", 1, 0},
		{"move", 0, 3},
		{"move", 0, 1},
		{"wait", 0, 9},
		{"words", 0, 1},
		{"leave", 0, 0},
		{"join", 0, 0},
		{"answer", 1, 1},
		{"place", 0, 2},
		{"cancel", 0, 0},
		{"words", 0, 5},
		{"reinstate", 0, 0},
		{"answer", 0, 2},
		{"leave", 1, 0},
		{"move", 0, 7},
		{"wait", 0, 3},
		{"join", 1, 0},
		{"cancel", 0, 0},
		{"wait", 0, 8},
		{"reinstate", 0, 0},
		{"leave", 0, 0},
	} {
		w.step(t, act.name, act.who, act.n, func(kind string, person *mailbox, before, after []byte) {
			if before == nil || string(before) == string(after) {
				return
			}
			n++
			args := []string{"--" + kind, "--update", write(t, "old.ics", before), write(t, "new.ics", after)}
			if kind == "feed" {
				args = append([]string{"--allow-missing"}, args...) // a seat given up leaves the mine feed
			}
			if err := validate(args...); err != nil && !(act.name == "leave" && kind == "feed" && onlyVanished(err)) {
				t.Errorf("%s, %s of %s: %v", act.name, kind, person.address, err)
			}
		})
	}
	if n < 30 {
		t.Errorf("only %d pairs were validated", n)
	}
}

// onlyVanished reports whether all the validator has to say is that a session is gone, which --allow-missing makes a warning.
func onlyVanished(err error) bool {
	s := err.Error()
	return strings.Count(s, "  warning ") == 1 && !strings.Contains(s, "  error ") && strings.Contains(s, "vanished")
}
