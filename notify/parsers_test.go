package notify

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wneessen/go-mail"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// TestSecondParser reads every mail back with a parser that is not the standard library's.
func TestSecondParser(t *testing.T) {
	t.Parallel()
	w := story(t, storetest.SQLite(t))
	for _, m := range w.ledger() {
		if m.State != Sent {
			continue
		}
		raw := w.raw(m.ID)
		p := notifytest.Parse(t, raw)
		got, err := mail.EMLToMsgFromReader(bytes.NewReader(raw))
		if err != nil {
			t.Errorf("%s: %v", m.Event, err)
			continue
		}
		want := map[mail.ContentType]string{"text/plain": p.Text, "text/html": p.HTML}
		attachments := 0
		if p.Calendar != "" {
			want["text/calendar"], attachments = p.Calendar, 1
		}
		if n := len(got.GetAttachments()); n != attachments {
			t.Errorf("%s: %d attachments", m.Event, n)
		}
		for _, part := range got.GetParts() {
			kind := part.GetContentType()
			text, ok := want[kind]
			if !ok {
				continue // the parser lists containers too
			}
			delete(want, kind)
			if content, err := part.GetContent(); err != nil || string(content) != text {
				t.Errorf("%s: %s reads differently: %v", m.Event, kind, err)
			}
		}
		if len(want) > 0 {
			t.Errorf("%s: not found again: %d parts", m.Event, len(want))
		}
	}
}

// TestV8_Validator has the invitations of one person through a whole story checked by parsers of other makers.
func TestV8_Validator(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs(filepath.Join("..", "..", "shared", "tools", "validate_ics.py"))
	if err != nil {
		t.Fatal(err)
	}
	for _, needed := range []string{script, "/usr/bin/python3"} {
		if _, err := os.Stat(needed); err != nil {
			t.Skip("SKIPPED: the validator beside the project, or Debian's Python, is not here")
		}
	}
	if err := exec.Command("/usr/bin/python3", "-c", "import icalendar, vobject, dateutil").Run(); err != nil {
		t.Skip("SKIPPED: apt-get install python3-icalendar python3-vobject python3-dateutil libical3")
	}
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("/usr/bin/python3", append([]string{script, "--invite"}, args...)...).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
	w := story(t, storetest.SQLite(t))
	folder := t.TempDir()
	last := map[string]string{}
	for _, m := range w.ledger() {
		if m.State != Sent {
			continue
		}
		p := notifytest.Parse(t, w.raw(m.ID))
		if p.Calendar == "" {
			continue
		}
		file := filepath.Join(folder, m.ID+".ics")
		if err := os.WriteFile(file, []byte(p.Calendar), 0o644); err != nil {
			t.Fatal(err)
		}
		mailbox := string(m.Session) + m.Address
		if before := last[mailbox]; before != "" {
			run("--update", before, file)
		} else {
			run(file)
		}
		last[mailbox] = file
	}
	if len(last) < 3 {
		t.Errorf("only %d mailboxes were invited", len(last))
	}
}
