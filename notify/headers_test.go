package notify

import (
	"mime"
	"net/mail"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// TestHeaders_Fold: long texts of every kind are folded so that each line says something, the first one included, and are read back
// as they were.
func TestHeaders_Fold(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`Léa; "the, Boss" ^ \n`, `Moved: "Yoga" für Große, Thu 26 Nov 12:30`, "Confirmed: " + strings.Repeat("Größenwahn Übung ", 11), strings.Repeat("日本語", 60),
		strings.Repeat("é", 200), "a" + strings.Repeat(" ", 180) + "b", "  Wait   for it  ", strings.Repeat("word ", 40), "🧘 " + strings.Repeat("🧘‍♀️", 40), "x" + strings.Repeat("ü ", 90),
	} {
		m, err := head{Event: Confirmed, From: "wellweek+r.x@example.org", To: "zoe@example.com", ToName: text, Subject: text, MessageID: "a@example.org", Date: start}.message()
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		m.SetBodyString("text/plain", "text")
		var b strings.Builder
		if _, err := m.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(b.String(), "\r\n\r\n")
		for line := range strings.SplitSeq(head, "\r\n") {
			if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "Subject:") && strings.TrimSpace(line) == "Subject:" || strings.HasSuffix(line, " ") || len(line) > 78 {
				t.Errorf("%q: a line %q", text, line)
			}
		}
		got, err := mail.ReadMessage(strings.NewReader(b.String()))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		want := strings.Join(strings.Fields(text), " ")
		if subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject")); err != nil || subject != want {
			t.Errorf("subject %q, want %q, %v", subject, want, err)
		}
		if to, err := got.Header.AddressList("To"); err != nil || len(to) != 1 || to[0].Name != want || to[0].Address != "zoe@example.com" {
			t.Errorf("To %v, %v", to, err)
		}
	}
}

// TestHeaders_FacilitatorWithEverything: a name with a letter beyond ASCII, quotation marks and a backslash gets its mail.
func TestHeaders_FacilitatorWithEverything(t *testing.T) {
	t.Parallel()
	const name = `Léa; "the, Boss" ^ \n`
	w := newWorld(t, storetest.SQLite(t))
	w.relay(notifytest.Options{})
	id := w.person("lea").ID
	lead := do(w, func(tx *store.Tx) (programs.Person, error) {
		return tx.EditPerson(programs.System(), id, 0, func(p *programs.Person) { p.Name = name })
	})
	s := w.session(func(s *programs.Series) { s.Facilitators = []programs.PersonID{lead.ID} })
	w.joinAs(w.actor("lea"), "lea", s, "")
	w.told()
	w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T15:00") })
	w.told()
	want(t, w, "confirmed lea sent", "moved lea sent")
	for _, m := range w.sink.Mails() {
		to, err := notifytest.Parse(t, m.Raw).Header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Name != name {
			t.Errorf("To %v, %v", to, err)
		}
	}
}
