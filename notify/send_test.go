package notify

import (
	"fmt"
	"net"
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

// TestCrash: the process dies with rows in flight; on SQLite the next start takes them up at once.
// TestLease: a batch that takes longer than a lease keeps it.
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

// TestFault_CarelessRelay: a relay that wants a message although it took no recipient gets none, and not the next command instead.
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
