package notify

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/notify/notifytest"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

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
		"called off": {func(w *world, s programs.Session, u programs.Signup) { w.callOff(s, "Ill") }, "confirmed zoe queued", "waits for a change to be told"},
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
	t.Run("moved while it waited: it goes with the new facts, once, when the move is final", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, storetest.SQLite(t))
		s := w.session(nil)
		w.join("zoe", s)
		w.plan()
		w.edit(s, func(d *programs.Details) { d.LocalStart = wall(t, "2026-11-26T15:00") })
		w.send()
		w.told()
		want(t, w, "confirmed zoe superseded", "confirmed zoe sent")
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
