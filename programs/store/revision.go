package store

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wellweek/wellweek/programs"
)

// pollWindow is how far back Poll looks behind its last run: longer than a transaction may last and than two clocks may differ.
const pollWindow = 15 * time.Second

// touch is a revision on its way from a transaction into memory.
type touch struct {
	subject   string
	revision  int64
	changedAt programs.Instant
}

// revisions is what the process knows of the table of that name. Feeds are answered from it without a statement.
type revisions struct {
	mu     sync.RWMutex
	known  map[string]touch
	polled programs.Instant // real clock at the last poll

	hookMu sync.Mutex // one hook at a time, so that the last one to run has read the latest state
	hooks  []hook
}

type hook struct {
	prefix string
	call   func(ctx context.Context, subject string)
}

// publish puts revisions into memory and returns those that are news. An older one that arrives late changes nothing.
func (r *revisions) publish(all []touch) []touch {
	if len(all) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var news []touch
	for _, t := range all {
		if t.revision > r.known[t.subject].revision {
			r.known[t.subject] = t
			news = append(news, t)
		}
	}
	return news
}

// tell calls the hooks. It runs outside of transactions, in the goroutine of whoever wrote or polled.
func (r *revisions) tell(ctx context.Context, all []touch) {
	r.mu.RLock()
	hooks := r.hooks
	r.mu.RUnlock()
	if len(all) == 0 || len(hooks) == 0 {
		return
	}
	r.hookMu.Lock()
	defer r.hookMu.Unlock()
	ctx = context.WithoutCancel(ctx)
	for _, t := range all {
		for _, h := range hooks {
			if strings.HasPrefix(t.subject, h.prefix) {
				h.call(ctx, t.subject)
			}
		}
	}
}

// OnTouched registers f to be called for every subject with the prefix after its revision was raised by this process or found by
// Poll. f runs outside of transactions and before the Write that raised it returns; it may Read but must not Write.
func (s *Store) OnTouched(prefix string, f func(ctx context.Context, subject string)) {
	s.revisions.mu.Lock()
	defer s.revisions.mu.Unlock()
	s.revisions.hooks = append(s.revisions.hooks[:len(s.revisions.hooks):len(s.revisions.hooks)], hook{prefix, f})
}

// Revision is how often a subject ("program:ID", "person:ID", "feed:ID") was touched and when it was last, in what people see as
// time. It reads memory; a subject that was never touched has revision 0.
func (s *Store) Revision(subject string) (revision int64, changedAt programs.Instant) {
	s.revisions.mu.RLock()
	defer s.revisions.mu.RUnlock()
	t := s.revisions.known[subject]
	return t.revision, t.changedAt
}

// Touch raises the revision of a subject, in the same transaction as the change that shows in its feed. The row is written with the
// transaction's last statements, in the order of subjects: taken in the middle, in any order, these rows made ordinary load on
// PostgreSQL wait in circles.
func (tx *Tx) Touch(subject string) error {
	if tx.touching == nil {
		tx.touching = map[string]bool{}
	}
	tx.touching[subject] = true
	return nil
}

// flush writes what was touched.
func (tx *Tx) flush() error {
	const chunk = 200
	stamp := int64(tx.real()) // of now, not of the transaction's start: other processes look back 15 seconds for it, and it may have taken long
	subjects := slices.Sorted(maps.Keys(tx.touching))
	for len(subjects) > 0 {
		n := min(chunk, len(subjects))
		args := make([]any, 0, n*4)
		for _, subject := range subjects[:n] {
			args = append(args, subject, 1, int64(tx.Now), stamp)
		}
		rows, err := tx.Query(`insert into revisions (subject, revision, changed_at, stamp) values `+rowsOf(n, 4)+`
			on conflict (subject) do update set revision = revisions.revision + 1, changed_at = excluded.changed_at, stamp = excluded.stamp
			returning subject, revision`, args...)
		raised, err := Collect(rows, err, func(scan func(...any) error) (touch, error) {
			t := touch{changedAt: tx.Now}
			return t, scan(&t.subject, &t.revision)
		})
		if err != nil {
			return err
		}
		tx.touched = append(tx.touched, raised...)
		subjects = subjects[n:]
	}
	return nil
}

// loadRevisions fills the memory at the start.
func (s *Store) loadRevisions(ctx context.Context) error {
	s.revisions.known = map[string]touch{}
	s.revisions.polled = s.real()
	all, err := Read(ctx, s, func(v *View) ([]touch, error) {
		rows, err := v.Query("select subject, revision, changed_at from revisions")
		return Collect(rows, err, scanTouch)
	})
	s.revisions.publish(all)
	return err
}

func scanTouch(scan func(...any) error) (touch, error) {
	var t touch
	err := scan(&t.subject, &t.revision, &t.changedAt)
	return t, err
}

// Poll picks up the revisions that other processes raised. It looks 15 seconds further back than its last run, because a
// transaction commits later than it stamps and clocks differ.
func (s *Store) Poll(ctx context.Context) error {
	now := s.real()
	s.revisions.mu.RLock()
	from := min(s.revisions.polled, now).Add(-pollWindow) // min: the clock may have been set back
	s.revisions.mu.RUnlock()
	all, err := Read(ctx, s, func(v *View) ([]touch, error) {
		rows, err := v.Query("select subject, revision, changed_at from revisions where stamp >= $1", from)
		return Collect(rows, err, scanTouch)
	})
	if err != nil {
		return err
	}
	s.revisions.mu.Lock()
	s.revisions.polled = now
	s.revisions.mu.Unlock()
	s.revisions.tell(ctx, s.revisions.publish(all))
	return nil
}
