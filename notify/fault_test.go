package notify

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	const n = 12
	victim := "p003@example.com"
	for _, c := range []struct {
		name   string
		faults []notifytest.Fault
		copies int // of the victim's mail, after recovery
		state  string
		reason string
	}{
		{"451 at RCPT", []notifytest.Fault{{At: notifytest.RcptTo, Reply: "451 4.7.1 greylisted", To: victim, Times: 1}}, 1, Sent, ""},
		{"452 after the dot", []notifytest.Fault{{At: notifytest.Dot, Reply: "452 4.3.1 disk full", To: victim, Times: 2}}, 1, Sent, ""},
		{"451 at MAIL, for all", []notifytest.Fault{{At: notifytest.MailFrom, Reply: "451 4.3.0 later", Times: 5}}, 1, Sent, ""},
		{"451 at DATA", []notifytest.Fault{{At: notifytest.Data, Reply: "451 4.3.0 later", To: victim, Times: 1}}, 1, Sent, ""},
		{"550 at RCPT", []notifytest.Fault{{At: notifytest.RcptTo, Reply: "550 5.1.1 no such user", To: victim}}, 0, Failed, "refused"},
		{"554 after the dot", []notifytest.Fault{{At: notifytest.Dot, Reply: "554 5.6.0 no", To: victim}}, 0, Failed, "refused"},
		{"5.7.1 at RCPT for one", []notifytest.Fault{{At: notifytest.RcptTo, Reply: "550 5.7.1 blocked", To: victim}}, 0, Failed, "refused by policy"},
		{"421 after some messages", []notifytest.Fault{{At: notifytest.MailFrom, Reply: "421 4.3.2 closing", After: 4, Times: 2}}, 1, Sent, ""},
		{"drop between messages", []notifytest.Fault{{At: notifytest.MailFrom, Drop: true, After: 4, Times: 2}}, 1, Sent, ""},
		{"drop at RCPT", []notifytest.Fault{{At: notifytest.RcptTo, Drop: true, To: victim, Times: 1}}, 1, Sent, ""},
		{"drop at DATA", []notifytest.Fault{{At: notifytest.Data, Drop: true, To: victim, Times: 1}}, 1, Sent, ""},
		{"drop after the dot, not taken", []notifytest.Fault{{At: notifytest.Dot, Drop: true, To: victim, Times: 1}}, 1, Sent, ""},
		{"drop after the dot, taken", []notifytest.Fault{{At: notifytest.Dot, Drop: true, Take: true, To: victim, Times: 1}}, 2, Sent, ""},
		{"half a message", []notifytest.Fault{{At: notifytest.Body, Drop: true, To: victim, Times: 1}}, 1, Sent, ""},
		{"stall at RCPT", []notifytest.Fault{{At: notifytest.RcptTo, Stall: true, To: victim, Times: 1}}, 1, Sent, ""},
		{"stall in the message", []notifytest.Fault{{At: notifytest.Body, Stall: true, To: victim, Times: 1}}, 1, Sent, ""},
		{"stall after the dot, taken", []notifytest.Fault{{At: notifytest.Dot, Stall: true, Take: true, To: victim, Times: 1}}, 2, Sent, ""},
		{"stall at the greeting", []notifytest.Fault{{At: notifytest.Greeting, Stall: true, Times: 1}}, 1, Sent, ""},
		{"421 at the greeting, once", []notifytest.Fault{{At: notifytest.Greeting, Reply: "421 4.3.2 busy", Times: 1}}, 1, Sent, ""},
		{"mailbox full, then not", []notifytest.Fault{{At: notifytest.RcptTo, Reply: "552 5.2.2 full", To: victim, Times: 2}}, 1, Sent, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, o notifytest.Options) {
				w := newWorld(t, storetest.SQLite(t))
				w.relay(o)
				short := 250 * time.Millisecond
				w.mailer.patience = patience{connect: 4 * short, command: short, data: short, finish: short, renew: time.Minute}
				for _, f := range c.faults {
					w.sink.Break(f)
				}
				crowd(w, n)
				w.send()
				after(w)
				ids := map[string]string{}
				copies := map[string]int{}
				for _, m := range w.sink.Mails() {
					copies[m.To[0]]++
					if before, ok := ids[m.To[0]]; ok && before != string(m.Raw) {
						t.Error("a second copy has other bytes")
					}
					ids[m.To[0]] = string(m.Raw)
				}
				for i := range n {
					to, want := fmt.Sprintf("p%03d@example.com", i), 1
					if to == victim {
						want = c.copies
					}
					if copies[to] != want {
						t.Errorf("%d copies for %s, want %d", copies[to], to, want)
					}
				}
				for _, m := range w.ledger() {
					state, reason := Sent, ""
					if m.Address == victim {
						state, reason = c.state, c.reason
					}
					if m.State != state || m.Reason != reason {
						t.Errorf("%s is %s %q after %d %s", m.Address, m.State, m.Reason, m.LastCode, m.LastText)
					}
				}
				w.sound()
			})
		})
	}
}

func TestFault_RelayDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.relay(notifytest.Options{})
	s := crowd(w, 3)
	w.sink.Down()
	if n := w.send(); n != 0 {
		t.Errorf("%d sent to nobody", n)
	}
	if _, open := w.mailer.breaker.open(); !open {
		t.Error("three failures to connect left the breaker closed")
	}
	dials := w.sink.Dials()
	w.send()
	if w.sink.Dials() != dials {
		t.Error("an open breaker let a connection be tried")
	}
	for _, m := range w.ledger() {
		if m.State != Queued || m.Attempts != 0 || w.raw(m.ID) != nil {
			t.Errorf("%s: %d attempts, %d bytes while the relay was down", m.State, m.Attempts, len(w.raw(m.ID)))
		}
	}
	if at, err := w.mailer.Next(t.Context()); err != nil || at != w.clock.Now().Add(breakFirst) {
		t.Errorf("next at %v, %v; want when the breaker lets one try", at, err)
	}
	// While nothing can be sent, people come and go: the last word is true for everyone.
	all := look(w, func(v *store.View) ([]programs.Signup, error) { return v.Roster(programs.System(), s.ID) })
	w.leave(w.actor("p000"), all[0])
	w.leave(w.actor("p001"), all[1])
	w.join("p001", s)
	w.plan()
	w.sink.Up(t)
	w.mailer.breaker.again()
	w.send()
	got := map[string][]string{}
	for _, m := range w.sink.Mails() {
		p := notifytest.Parse(t, m.Raw)
		got[m.To[0]] = append(got[m.To[0]], p.Header.Get("X-Wellweek-Event")+" "+p.Method)
	}
	for to, want := range map[string]string{"p000@example.com": "left ", "p001@example.com": "confirmed REQUEST", "p002@example.com": "confirmed REQUEST"} {
		if len(got[to]) != 1 || got[to][0] != want {
			t.Errorf("%s got %q, want %q", to, got[to], want)
		}
	}
	if _, open := w.mailer.breaker.open(); open || w.mailer.breaker.probing() {
		t.Error("a message that went through left the breaker open")
	}
	w.sound()
}

func TestFault_RelayRefusesUs(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]notifytest.Fault{
		"530 at MAIL":   {At: notifytest.MailFrom, Reply: "530 5.7.0 authenticate first"},
		"550 sender":    {At: notifytest.MailFrom, Reply: "550 5.7.1 sender rejected"},
		"5.7.30 at dot": {At: notifytest.Dot, Reply: "550 5.7.30 basic authentication is over"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, o notifytest.Options) {
				w := newWorld(t, storetest.SQLite(t))
				w.relay(o)
				w.mailer.Connections = 1
				crowd(w, 6)
				w.sink.Break(f)
				w.send()
				for _, m := range w.ledger() {
					if m.State != Queued || m.Attempts != 0 {
						t.Errorf("%s after %d attempts", m.State, m.Attempts)
					}
				}
				if _, open := w.mailer.breaker.open(); !open {
					t.Error("nothing stopped the queue")
				}
				w.sink.Heal()
				w.mailer.breaker.again()
				if n := w.send(); n != 6 {
					t.Errorf("%d sent after it was mended", n)
				}
				once(t, w, 6)
			})
		})
	}
}

func TestFault_PolicyStopsAfterThree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.relay(notifytest.Options{})
	w.mailer.Connections = 1
	crowd(w, 6)
	w.sink.Break(notifytest.Fault{At: notifytest.RcptTo, Reply: "550 5.7.1 blocked"})
	w.send()
	if n := states(w); n[Failed] != 3 || n[Queued] != 3 {
		t.Errorf("%v; want three failed and the rest kept", n)
	}
}

func TestFault_48Hours(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.relay(notifytest.Options{})
	crowd(w, 1)
	w.sink.Break(notifytest.Fault{At: notifytest.RcptTo, Reply: "451 4.3.0 later"})
	for range 60 {
		w.send()
		w.clock.Add(time.Hour)
	}
	m := w.ledger()[0]
	if m.State != Failed || m.Reason != "not taken for 48 hours" || m.LastCode != 451 || m.Attempts < 10 || m.Attempts > 30 {
		t.Errorf("%+v", m)
	}
	// A person mends it: the same bytes again.
	w.sink.Heal()
	retried := do(w, func(tx *store.Tx) (Message, error) { return Retry(tx, m.ID) })
	if retried.State != Queued || retried.MessageID != m.MessageID {
		t.Errorf("%+v", retried)
	}
	before := w.raw(m.ID)
	w.send()
	if got := w.sink.Mails(); len(got) != 1 || !bytes.Equal(got[0].Raw, before) {
		t.Error("the retried message has other bytes")
	}
}

func TestFault_CarelessRelay(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, o notifytest.Options) {
		w := newWorld(t, storetest.SQLite(t))
		o.Careless = true
		w.relay(o)
		w.mailer.Connections = 1
		crowd(w, 4)
		w.sink.Break(notifytest.Fault{At: notifytest.RcptTo, Reply: "550 5.1.1 no such user", To: "p001@example.com"})
		w.send()
		if got := states(w); got[Sent] != 3 || got[Failed] != 1 || len(w.sink.Mails()) != 3 {
			t.Errorf("%v, and the relay has %d", got, len(w.sink.Mails()))
		}
	})
}
