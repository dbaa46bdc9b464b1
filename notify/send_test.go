package notify

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// both runs f over a relay that takes commands in one write and one that takes them step by step.
func both(t *testing.T, f func(t *testing.T, o notifytest.Options)) {
	for name, o := range map[string]notifytest.Options{"pipelined": {Pipelining: true}, "stepwise": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, o)
		})
	}
}

// crowd plans a confirmation for each of n people of one session.
func crowd(w *world, n int) programs.Session {
	w.Helper()
	s := w.session(nil)
	for i := range n {
		w.join(fmt.Sprintf("p%03d", i), s)
	}
	w.plan()
	return s
}

// once checks that the sink has exactly one copy for each of n people.
func once(t testing.TB, w *world, n int) {
	t.Helper()
	copies := map[string]int{}
	for _, m := range w.sink.Mails() {
		copies[m.To[0]]++
	}
	for i := range n {
		if to := fmt.Sprintf("p%03d@example.com", i); copies[to] != 1 {
			t.Errorf("%d copies for %s", copies[to], to)
		}
	}
	if len(copies) != n {
		t.Errorf("%d people got mail, want %d", len(copies), n)
	}
}

func states(w *world) map[string]int {
	n := map[string]int{}
	for _, m := range w.ledger() {
		n[m.State]++
	}
	return n
}

// after lets the waits of temporary failures pass, and sends again.
func after(w *world) {
	w.Helper()
	for range 3 {
		w.clock.Add(5 * time.Minute)
		w.send()
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		both(t, func(t *testing.T, o notifytest.Options) {
			if strings.HasPrefix(database, "postgres") {
				database = storetest.Postgres(t)
			} else {
				database = storetest.SQLite(t)
			}
			w := newWorld(t, database)
			w.relay(o)
			crowd(w, 250)
			if n := w.send(); n != 250 {
				t.Errorf("%d handed over", n)
			}
			once(t, w, 250)
			if w.sink.Dials() > 4+250/mostPerConnection {
				t.Errorf("%d connections for 250 messages", w.sink.Dials())
			}
			for _, m := range w.sink.Mails()[:3] {
				lint(t, m, w)
				if !strings.HasPrefix(m.From, "bounce+") || !strings.HasSuffix(m.From, "@reply.example.org") {
					t.Errorf("return path %s", m.From)
				}
			}
			for _, m := range w.ledger() {
				if m.State != Sent || m.LastCode != 250 || !strings.HasPrefix(m.QueueID, "SINK") || m.SentAt == 0 || m.Attempts != 1 {
					t.Fatalf("the ledger has %+v", m)
				}
			}
			if n := w.send(); n != 0 || len(w.sink.Mails()) != 250 {
				t.Errorf("sending again sent %d", n)
			}
			w.sound()
		})
	})
}

// TestFaults is the table of mail.md section 12: each fault, step by step and pipelined.
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

func TestSend_TLS(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		offers notifytest.Options
		asks   Relay
		sent   int
	}{
		"starttls":                 {notifytest.Options{StartTLS: true, Pipelining: true}, Relay{TLS: StartTLS}, 1},
		"starttls, authenticated":  {notifytest.Options{StartTLS: true, User: "u", Password: "p"}, Relay{TLS: StartTLS, User: "u", Password: "p"}, 1},
		"implicit":                 {notifytest.Options{TLS: true}, Relay{TLS: ImplicitTLS}, 1},
		"implicit, authenticated":  {notifytest.Options{TLS: true, User: "u", Password: "p"}, Relay{TLS: ImplicitTLS, User: "u", Password: "p"}, 1},
		"wrong password":           {notifytest.Options{StartTLS: true, User: "u", Password: "p"}, Relay{TLS: StartTLS, User: "u", Password: "q"}, 0},
		"starttls missing":         {notifytest.Options{}, Relay{TLS: StartTLS}, 0},
		"starttls against clear":   {notifytest.Options{TLS: true}, Relay{TLS: StartTLS}, 0},
		"authentication not there": {notifytest.Options{StartTLS: true}, Relay{TLS: StartTLS, User: "u", Password: "p"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, storetest.SQLite(t))
			w.relay(c.offers)
			r := c.asks
			r.Host, r.Port = w.sink.Host, w.sink.Port
			w.mailer.Relay = &r
			w.mailer.patience.connect = 300 * time.Millisecond
			if c.offers.TLS || c.offers.StartTLS {
				w.mailer.roots = w.sink.Roots()
			}
			crowd(w, 1)
			if n := w.send(); n != c.sent {
				t.Errorf("%d sent, want %d", n, c.sent)
			}
			if _, open := w.mailer.breaker.open(); open != (c.sent == 0) {
				t.Errorf("breaker open: %v", open)
			}
		})
	}
	t.Run("a certificate nobody vouches for", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, storetest.SQLite(t))
		w.relay(notifytest.Options{StartTLS: true})
		w.mailer.Relay.TLS = StartTLS
		crowd(w, 1)
		if n := w.send(); n != 0 {
			t.Error("mail went to a relay that could be anybody")
		}
	})
}

func TestSend_Shutdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.relay(notifytest.Options{})
	w.mailer.Connections = 2
	crowd(w, 20)
	ctx, stop := context.WithCancel(t.Context())
	w.sink.Break(notifytest.Fault{At: notifytest.Dot, Stall: true, After: 4})
	go func() {
		for len(w.sink.Mails()) < 4 {
			time.Sleep(time.Millisecond)
		}
		stop()
	}()
	n, err := w.mailer.Send(ctx)
	if err != nil || n != 4 {
		t.Errorf("%d sent, %v", n, err)
	}
	got := states(w)
	if got[Sending] != 0 || got[Sent] != 4 || got[Unknown] > 2 || got[Queued]+got[Unknown] != 16 {
		t.Errorf("after the stop: %v", got)
	}
	// What was never tried was never said: no bytes, no invitation.
	for _, m := range w.ledger() {
		if m.State == Queued && (w.raw(m.ID) != nil || m.Attempts != 0) {
			t.Errorf("a queued message has %d bytes after %d attempts", len(w.raw(m.ID)), m.Attempts)
		}
	}
	if told := look(w, func(v *store.View) (n int, err error) { return n, v.QueryRow(`select count(*) from invites`).Scan(&n) }); told != 4+got[Unknown] {
		t.Errorf("%d mailboxes count as told", told)
	}
	w.sink.Heal()
	after(w)
	once(t, w, 20)
	w.sound()
}

// TestCrash: the process dies with rows in flight; on SQLite the next start takes them up at once.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, dead := range []string{"after the claim", "after the freeze"} {
		t.Run(dead, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, database string) {
				w := newWorld(t, database)
				w.relay(notifytest.Options{Pipelining: true})
				if err := w.mailer.prepare(); err != nil {
					t.Fatal(err)
				}
				crowd(w, 5)
				letters := do(w, func(tx *store.Tx) ([]*letter, error) { return claim(tx, "dead", 100) })
				if len(letters) != 5 {
					t.Fatalf("%d claimed", len(letters))
				}
				if dead == "after the freeze" {
					if _, err := w.mailer.freeze(t.Context(), "dead", letters); err != nil {
						t.Fatal(err)
					}
				}
				if n := w.send(); n != 0 {
					t.Errorf("%d rows of another process were sent", n)
				}
				if err := Recover(t.Context(), w.store); err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(database, "postgres") {
					if n := w.send(); n != 0 {
						t.Errorf("%d rows were taken from a process whose lease runs", n)
					}
					w.clock.Add(leaseTime)
				}
				var frozen []byte
				if dead == "after the freeze" {
					frozen = w.raw(w.ledger()[0].ID)
				}
				if n := w.send(); n != 5 {
					t.Errorf("%d sent after the crash: %q", n, w.states())
				}
				once(t, w, 5)
				if frozen != nil && !bytes.Equal(frozen, w.sink.Mails()[slices.IndexFunc(w.sink.Mails(), func(m notifytest.Mail) bool { return m.To[0] == "p000@example.com" })].Raw) {
					t.Error("the second attempt has other bytes")
				}
				w.sound()
			})
		})
	}
}

// TestLease: a batch that takes longer than a lease keeps it.
func TestLease_LostRowIsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.relay(notifytest.Options{})
	if err := w.mailer.prepare(); err != nil {
		t.Fatal(err)
	}
	crowd(w, 1)
	letters := do(w, func(tx *store.Tx) ([]*letter, error) { return claim(tx, "slow", 100) })
	w.clock.Add(leaseTime)
	if n := w.send(); n != 1 {
		t.Errorf("%d sent by who took over", n)
	}
	if _, err := w.mailer.freeze(t.Context(), "slow", letters); err == nil {
		t.Error("who lost the lease may still send")
	}
}

// TestSend_IdleConnectionLost: a kept connection that the relay has ended costs no message an attempt or a wait.
func TestSend_IdleConnectionLost(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]notifytest.Fault{
		"without a word": {At: notifytest.MailFrom, Drop: true, Times: 1}, "with 421": {At: notifytest.MailFrom, Reply: "421 4.4.2 idle too long", Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, o notifytest.Options) {
				w := newWorld(t, storetest.SQLite(t))
				w.relay(o)
				w.mailer.Connections = 1
				s := crowd(w, 1)
				w.send()
				w.sink.Break(f)
				w.join("zoe", s)
				w.plan()
				if n := w.send(); n != 1 {
					t.Errorf("%d sent: %q", n, w.states())
				}
				if m := w.ledger()[1]; m.Attempts != 1 {
					t.Errorf("%d attempts", m.Attempts)
				}
			})
		})
	}
}

func TestLease_IsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.relay(notifytest.Options{})
	w.mailer.patience.renew = 5 * time.Millisecond
	crowd(w, 1)
	w.sink.Break(notifytest.Fault{At: notifytest.Dot, Stall: true})
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		if _, err := w.mailer.Send(ctx); err != nil {
			t.Error(err)
		}
	}()
	lease := func() programs.Instant {
		return look(w, func(v *store.View) (until programs.Instant, err error) {
			return until, v.QueryRow(`select coalesce(max(lease_until), 0) from outbox`).Scan(&until)
		})
	}
	for lease() == 0 {
		time.Sleep(time.Millisecond)
	}
	w.clock.Add(leaseTime - time.Second)
	want, tries := w.clock.Now().Add(leaseTime), 0
	for lease() != want {
		if tries++; tries > 1000 {
			t.Error("a batch in flight loses its lease")
			break
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	<-over
}

// TestFault_CarelessRelay: a relay that wants a message although it took no recipient gets none, and not the next command instead.
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

// TestCompose_Unsound: what a relay could take for something else is not sent at all.
func TestCompose_Unsound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	if err := w.mailer.prepare(); err != nil {
		t.Fatal(err)
	}
	crowd(w, 1)
	letters := do(w, func(tx *store.Tx) ([]*letter, error) { return claim(tx, "test", 1) })
	letters[0].MessageID = strings.Repeat("a", 1200) + "@example.org"
	if _, err := w.mailer.composer.compose(letters[0]); err == nil {
		t.Error("a line of 1200 octets was written")
	}
}

func TestClaim_OneOfALane(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		s := w.session(capacity(1))
		w.join("wim", s)
		w.joinAs(w.actor("zoe"), "zoe", s, w.child("zoe", "Tim"))
		w.clock.Add(time.Second)
		w.joinAs(w.actor("zoe"), "zoe", s, w.child("zoe", "Ana"))
		w.plan()
		want(t, w, "confirmed wim queued", "waitlisted zoe queued", "waitlisted zoe queued")
		var events []string
		for n := 2; n > 0; n-- {
			letters := do(w, func(tx *store.Tx) ([]*letter, error) { return claim(tx, tx.NewID(), 100) })
			if len(letters) != n {
				t.Errorf("%d claimed at once, want %d", len(letters), n)
			}
			more := do(w, func(tx *store.Tx) ([]*letter, error) { return claim(tx, tx.NewID(), 100) })
			if len(more) != 0 {
				t.Error("two rows of one lane are in flight")
			}
			do(w, func(tx *store.Tx) (struct{}, error) {
				for _, l := range letters {
					if l.Person.ID == w.people["zoe"].ID {
						events = append(events, string(l.Signup))
					}
					if err := l.settle(tx, answer{Fate: taken, Code: 250}); err != nil {
						return struct{}{}, err
					}
				}
				return struct{}{}, nil
			})
		}
		if len(events) != 2 || events[0] >= events[1] {
			t.Errorf("not in the order of their causes: %q", events)
		}
	})
}

func TestL6_CheckedAgainAtSending(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world, s programs.Session, u programs.Signup)
		want   string
		reason string
	}{
		"left the company": {func(w *world, s programs.Session, u programs.Signup) {
			do(w, func(tx *store.Tx) (programs.Person, error) {
				return tx.EditPerson(programs.System(), w.people["zoe"].ID, 0, func(p *programs.Person) { p.Status = programs.Left })
			})
		}, "confirmed zoe suppressed", "the person has left"},
		"suspended": {func(w *world, s programs.Session, u programs.Signup) {
			do(w, func(tx *store.Tx) (programs.Person, error) {
				return tx.EditPerson(programs.System(), w.people["zoe"].ID, 0, func(p *programs.Person) { p.Status = programs.Suspended })
			})
		}, "confirmed zoe suppressed", "the person is suspended"},
		"given up":   {func(w *world, s programs.Session, u programs.Signup) { w.leave(w.actor("zoe"), u) }, "confirmed zoe superseded", "no longer true"},
		"called off": {func(w *world, s programs.Session, u programs.Signup) { w.callOff(s, "Ill") }, "confirmed zoe superseded", "no longer true"},
		"over":       {func(w *world, s programs.Session, u programs.Signup) { w.clock.Set(s.EndsAt) }, "confirmed zoe expired", "too late"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, storetest.SQLite(t))
			s := w.session(nil)
			u := w.join("zoe", s)
			w.plan()
			c.change(w, s, u)
			w.send()
			want(t, w, c.want)
			if got := w.ledger()[0].Reason; got != c.reason {
				t.Errorf("reason %q, want %q", got, c.reason)
			}
		})
	}
	t.Run("moved while it waited: it goes with the new facts, once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, storetest.SQLite(t))
		s := w.session(nil)
		w.join("zoe", s)
		w.plan()
		w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T15:00") })
		w.send()
		w.told()
		want(t, w, "confirmed zoe sent", "moved zoe skipped")
		if p := w.mail(Confirmed, "zoe"); !strings.Contains(p.Text, "15:00–15:45") || notifytest.Property(p.Calendar, "SEQUENCE") != "1" {
			t.Error("the old time went out")
		}
	})
	t.Run("frozen words wait while a move is held", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, storetest.SQLite(t))
		w.relay(notifytest.Options{})
		s := w.session(nil)
		w.join("zoe", s)
		w.plan()
		w.sink.Break(notifytest.Fault{At: notifytest.RcptTo, Reply: "451 4.7.1 greylisted", Times: 1})
		w.send()
		w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T15:00") })
		w.clock.Add(10 * time.Second)
		if n := w.send(); n != 0 {
			t.Error("words that are no longer true were sent")
		}
		w.told()
		want(t, w, "confirmed zoe superseded", "confirmed zoe sent")
		if p := w.mail(Confirmed, "zoe"); !strings.Contains(p.Text, "15:00–15:45") || notifytest.Property(p.Calendar, "SEQUENCE") != "1" {
			t.Errorf("the confirmation has not the new facts:\n%s", p.Text)
		}
		w.sound()
	})
	t.Run("attempted, then given up: the calendar is told", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, storetest.SQLite(t))
		w.relay(notifytest.Options{})
		s := w.session(nil)
		u := w.join("zoe", s)
		w.plan()
		w.sink.Break(notifytest.Fault{At: notifytest.Dot, Drop: true, Take: true, Times: 1})
		w.send()
		want(t, w, "confirmed zoe unknown")
		w.leave(w.actor("zoe"), u)
		w.told()
		want(t, w, "confirmed zoe superseded", "left zoe sent")
		if p := w.mail(Left, "zoe"); p.Method != cancel {
			t.Error("somebody may have the invitation and gets no CANCEL")
		}
		w.sound()
	})
}

// TestIndependence: one message that cannot be written fails alone.
func TestSend_OneBadRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.relay(notifytest.Options{})
	bad := w.session(func(s *programs.Series) { s.Title = "Broken" })
	w.join("zoe", bad)
	crowd(w, 3)
	do(w, func(tx *store.Tx) (int64, error) {
		return tx.Exec(`update sessions set uid = $2 where id = $1`, string(bad.ID), "a\r\nX-EVIL:1")
	})
	if n := w.send(); n != 3 {
		t.Errorf("%d sent, want the three that can be", n)
	}
	if got := states(w); got[Failed] != 1 || got[Sent] != 3 {
		t.Errorf("%v", got)
	}
}

func TestSend_NothingListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	w := newWorld(t, storetest.SQLite(t))
	w.mailer.Relay = &Relay{Host: "127.0.0.1", Port: port, TLS: NoTLS}
	if n := w.send(); n != 0 {
		t.Error("sent")
	}
	if _, open := w.mailer.breaker.open(); open {
		t.Error("a connection was made although nothing was due")
	}
	w.mailer.Close()
}
