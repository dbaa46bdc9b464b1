package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wellweek/wellweek/programs"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	batchLimit     = 256             // callbacks in one commit
	queueLimit     = 16384           // callbacks that may wait; beyond it the answer is Busy at once
	statementLimit = 5 * time.Second // for one statement of a callback
)

// errClosed is the cause of the refusal after Close.
var errClosed = errors.New("the store is closed")

// job is one callback on its way through the writer.
type job struct {
	ctx     context.Context
	run     func(*Tx) error
	claimed atomic.Bool // by the writer for its turn, or by the asker who left before
	answer  chan error

	// Of the writer until the answer is given.
	result   error
	touched  []touch
	recorded bool
}

// panicked carries a panic from the writer's goroutine to the asker's.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string {
	return fmt.Sprintf("%v\n\nin a store callback:\n%s", p.value, p.stack)
}

// errEnded is the answer to a callback with which the transaction was lost although it reported no error.
var errEnded = errors.New("a statement of the store callback ended its transaction")

// errExited is the answer to a callback that ended its goroutine, as testing.T.FailNow does.
var errExited = errors.New("the store callback ended its goroutine")

// writer owns the one SQLite connection that writes. One goroutine takes the callbacks that wait, gives each a savepoint of one
// transaction, commits once and answers all: one sync of the disk for the whole batch.
type writer struct {
	store *Store
	db    *sql.DB

	mu      sync.Mutex
	waiting []*job
	closed  bool
	poke    chan struct{}
	started bool
	done    chan struct{}
	allowed time.Duration // for one statement of a callback

	// Of the goroutine alone.
	conn       *connection // nil: none, or dropped
	watched    *watched    // the same connection as callbacks have it
	batch      []*job      // has its turn
	rest       []*job      // of a batch that died: each has its turn alone
	committing bool        // the writer's own commit is running; any other is turned down
	rolledBack bool        // the transaction is gone, whoever ended it
}

// watched runs a callback's statements and interrupts the one that takes longer than allowed. One timer serves them all.
type watched struct {
	*connection
	timer   *time.Timer
	allowed time.Duration
	late    bool // a statement was, or is about to be, interrupted: the connection has to go
}

func watch(c *connection, allowed time.Duration) *watched {
	w := &watched{connection: c, timer: time.AfterFunc(time.Hour, c.interrupt), allowed: allowed}
	w.timer.Stop()
	return w
}

// begin starts the time of a callback's first statement, end ends that of its last one, and restart is in between.
func (w *watched) begin() { w.timer.Reset(w.allowed) }

func (w *watched) end() {
	if !w.timer.Stop() {
		w.late = true
	}
}

func (w *watched) restart() {
	if !w.timer.Reset(w.allowed) {
		w.late = true
	}
}

// ExecContext implements querier.
func (w *watched) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	w.restart()
	return w.connection.ExecContext(ctx, query, args...)
}

// QueryContext implements querier.
func (w *watched) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	w.restart()
	return w.connection.QueryContext(ctx, query, args...)
}

// QueryRowContext implements querier.
func (w *watched) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	w.restart()
	return w.connection.QueryRowContext(ctx, query, args...)
}

func newWriter(s *Store, db *sql.DB) *writer {
	return &writer{store: s, db: db, poke: make(chan struct{}, 1), done: make(chan struct{}), allowed: statementLimit}
}

// start begins to serve what waits.
func (w *writer) start() {
	w.started = true
	go w.loop()
}

// close answers what waits, refuses what comes, and closes the connection, which moves the log into the file.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	if w.started {
		w.wake()
		<-w.done
	}
	return w.db.Close()
}

func (w *writer) wake() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// write queues a callback and waits for its answer. A context that ends before the callback's turn takes it out of the queue; after
// that the answer is waited for, since the change may already be on its way to the disk.
func (w *writer) write(ctx context.Context, run func(*Tx) error) ([]touch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	j := &job{ctx: ctx, run: run, answer: make(chan error, 1)}
	w.mu.Lock()
	if w.closed || len(w.waiting) >= queueLimit {
		closed := w.closed
		w.mu.Unlock()
		w.store.counts.busy.Add(1)
		if closed {
			return nil, busy(errClosed)
		}
		return nil, busy(nil)
	}
	w.waiting = append(w.waiting, j)
	w.mu.Unlock()
	w.wake()

	var err error
	select {
	case err = <-j.answer:
	case <-ctx.Done():
		if j.claimed.CompareAndSwap(false, true) {
			return nil, ctx.Err()
		}
		err = <-j.answer
	}
	if p, ok := errors.AsType[*panicked](err); ok {
		panic(p)
	}
	return j.touched, err
}

// next moves up to n callbacks that wait, and still want their turn, into the batch.
func (w *writer) next(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := 0
	for _, j := range w.waiting {
		if n == 0 {
			break
		}
		taken++
		if !j.claimed.CompareAndSwap(false, true) {
			continue
		}
		w.batch = append(w.batch, j)
		n--
	}
	rest := copy(w.waiting, w.waiting[taken:])
	clear(w.waiting[rest:])
	w.waiting = w.waiting[:rest]
}

// loop serves batches until the store is closed and nothing waits.
func (w *writer) loop() {
	clean := false
	defer func() {
		if clean {
			close(w.done)
			return
		}
		// A callback ended this goroutine. Its batch is rolled back with the connection, and another goroutine goes on.
		w.dropConnection()
		w.answer(errExited)
		go w.loop()
	}()
	for {
		if len(w.rest) > 0 {
			w.batch = append(w.batch[:0], w.rest[0])
			w.rest = w.rest[1:]
			w.alone()
			continue
		}
		w.mu.Lock()
		idle, closed := len(w.waiting) == 0, w.closed
		w.mu.Unlock()
		if !idle {
			w.serve()
			continue
		}
		if closed {
			break
		}
		<-w.poke
	}
	if w.conn != nil {
		// The readers are still open, so closing the connection would leave the log where it is.
		_ = w.conn.exec("pragma wal_checkpoint(truncate)")
		w.unhook()
		_ = w.conn.close()
		w.conn, w.watched = nil, nil
	}
	clean = true
}

// serve runs one batch.
func (w *writer) serve() {
	if err := w.open(); err != nil {
		// All that wait have waited as long as the lock did; nobody waits twice.
		w.next(-1)
		w.answer(err)
		return
	}
	// The batch is taken after the lock was had, so that everybody who came meanwhile is in it.
	w.next(batchLimit)
	if len(w.batch) == 0 {
		if w.conn.exec("rollback") != nil {
			w.dropConnection()
		}
		return
	}
	w.store.counts.batch(len(w.batch))
	for _, j := range w.batch {
		if !w.callback(j) {
			w.again()
			return
		}
	}
	if err := w.commit(); err != nil {
		if uncertain(err) {
			w.answer(classify(err))
			return
		}
		w.again()
		return
	}
	w.publish()
}

// open makes sure of a connection and begins a transaction on it.
func (w *writer) open() error {
	if w.conn == nil {
		c, err := openConnection(context.Background(), w.db, false)
		if err != nil {
			return classify(err)
		}
		w.conn, w.watched = c, watch(c, w.allowed)
		if err := w.hook(); err != nil {
			w.dropConnection()
			return err
		}
	}
	w.conn.trim()
	if err := w.conn.exec("begin immediate"); err != nil {
		if sqliteCode(err)&0xff != sqlite3.SQLITE_BUSY {
			w.dropConnection()
		}
		return classify(err)
	}
	w.rolledBack = false
	return nil
}

// callback runs one callback in a savepoint. It is false when the transaction was lost with it.
func (w *writer) callback(j *job) bool {
	j.touched, j.recorded = nil, false
	if j.result = j.ctx.Err(); j.result != nil {
		return true
	}
	if err := w.conn.exec("savepoint callback"); err != nil {
		j.result = err
		return false
	}
	w.store.counts.callbacks.Add(1)
	w.watched.begin()
	j.result = call(j, w.store.begin(context.Background(), w.watched))
	w.watched.end()
	if w.watched.late || w.rolledBack {
		return false
	}
	if j.result != nil {
		if w.conn.exec("rollback to callback") != nil {
			return false
		}
	}
	return w.conn.exec("release callback") == nil && !w.rolledBack
}

// call runs the callback of a job in a transaction and keeps what it has to tell the process. A panic becomes an error of type
// panicked.
func call(j *job, tx *Tx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{value: v, stack: debug.Stack()}
		}
		err = tx.finish(err) // also when the goroutine is ending: open rows would keep the connection
		if err == nil {
			j.touched, j.recorded = tx.touched, tx.recorded
		}
	}()
	if err = j.run(tx); err != nil {
		return err
	}
	return tx.flush()
}

// commit ends the batch. A commit that failed leaves no transaction behind.
func (w *writer) commit() error {
	w.committing = true
	err := w.conn.exec("commit")
	w.committing = false
	if err != nil {
		w.dropConnection()
	}
	return err
}

// uncertain says that a failed commit may have reached the disk, so that its callbacks must not run again.
func uncertain(err error) bool { return sqliteCode(err)&0xff == sqlite3.SQLITE_IOERR }

// again drops the connection of a dead batch and lets each of its callbacks have one more turn, in a transaction of its own: the
// one that killed it fails alone, the others do not notice.
func (w *writer) again() {
	late := w.watched != nil && w.watched.late
	w.dropConnection()
	if len(w.batch) == 1 && w.batch[0].result != nil {
		// It was alone already.
		if j := w.batch[0]; late {
			j.result = busy(j.result)
		}
		w.answer(nil)
		return
	}
	w.store.counts.retries.Add(int64(len(w.batch)))
	w.rest, w.batch = w.batch, nil
}

// alone runs the one callback of the batch in its own transaction and answers it.
func (w *writer) alone() {
	if err := w.open(); err != nil {
		w.answer(err)
		return
	}
	j := w.batch[0]
	if !w.callback(j) {
		if j.result == nil {
			j.result = errEnded
		}
		if w.watched.late {
			j.result = busy(j.result)
		}
		w.dropConnection()
		w.answer(nil)
		return
	}
	if err := w.commit(); err != nil {
		w.answer(classify(err))
		return
	}
	w.publish()
}

// publish makes a committed batch known to the process, and then answers it.
func (w *writer) publish() {
	for _, j := range w.batch {
		if j.result == nil {
			w.store.committed(j.touched, j.recorded)
		}
	}
	w.answer(nil)
}

// answer gives every callback of the batch its result, or err to all of them: also a refusal may rest on what a neighbor wrote and
// the batch then lost.
func (w *writer) answer(err error) {
	for i, j := range w.batch {
		result := j.result
		if err != nil {
			result = err
		}
		result = classify(result)
		if errors.Is(result, programs.Busy) {
			w.store.counts.busy.Add(1)
		}
		w.batch[i] = nil
		j.answer <- result
	}
	w.batch = w.batch[:0]
}

// hook makes the connection turn down every commit but the writer's own and tell of every rollback. Without it a statement that
// rolls the transaction back would leave the rest of its callback writing, and committing, one by one.
func (w *writer) hook() error {
	return w.hooks(func() int32 {
		if w.committing {
			return 0
		}
		return 1
	}, func() { w.rolledBack = true })
}

func (w *writer) unhook() { _ = w.hooks(nil, nil) }

func (w *writer) hooks(commit sqlite.CommitHookFn, rollback sqlite.RollbackHookFn) error {
	return w.conn.conn.Raw(func(c any) error {
		h, ok := c.(sqlite.HookRegisterer)
		if !ok {
			return errors.New("the SQLite driver has no commit hook")
		}
		h.RegisterCommitHook(commit)
		h.RegisterRollbackHook(rollback)
		return nil
	})
}

func (w *writer) dropConnection() {
	if w.conn == nil {
		return
	}
	w.unhook()
	w.watched.timer.Stop()
	w.conn.drop()
	w.conn, w.watched = nil, nil
}
