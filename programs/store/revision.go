package store

import (
	"context"
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

// Touch raises the revision of a subject, in the same transaction as the change that shows in its feed.
func (tx *Tx) Touch(subject string) error {
	var revision int64
	err := tx.QueryRow(`insert into revisions (subject, revision, changed_at, stamp) values ($1, 1, $2, $3)
		on conflict (subject) do update set revision = revisions.revision + 1, changed_at = excluded.changed_at, stamp = excluded.stamp
		returning revision`, subject, tx.Now, tx.Real).Scan(&revision)
	if err != nil {
		return err
	}
	tx.Touched(subject, revision, tx.Now)
	return nil
}

// Touched reports a revision that another statement of this transaction raised, to be published after the commit.
func (tx *Tx) Touched(subject string, revision int64, changedAt programs.Instant) {
	tx.touched = append(tx.touched, touch{subject, revision, changedAt})
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
