package store

import (
	"context"
	"database/sql"

	"github.com/wellweek/wellweek/programs"
)

// querier runs statements inside a transaction: a pinned SQLite connection with its prepared statements, or a PostgreSQL
// transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// View reads inside a transaction. It is good until the callback that got it returns.
type View struct {
	Now programs.Instant // what people see; fixed for the callback and never less than in an earlier one of this process

	ctx    context.Context // the engine's on a write, the asker's on a read
	run    querier
	rows   []*sql.Rows // closed when the callback is over
	single []*sql.Row  // the same
	failed error       // the first statement that failed; none runs after it
}

// Query returns the rows of a select, or of a statement that ends in "returning". Collect reads them; rows that a callback
// leaves open are closed when it returns.
func (v *View) Query(query string, args ...any) (*sql.Rows, error) {
	if v.failed != nil {
		return nil, v.failed
	}
	rows, err := v.run.QueryContext(v.ctx, query, args...)
	if err != nil {
		v.failed = err
		return nil, err
	}
	v.rows = append(v.rows, rows)
	return rows, nil
}

// QueryRow returns one row, which must be scanned before the next statement. sql.ErrNoRows from Scan is no failure.
func (v *View) QueryRow(query string, args ...any) *sql.Row {
	row := v.run.QueryRowContext(v.ctx, query, args...)
	v.single = append(v.single, row)
	if err := row.Err(); err != nil && v.failed == nil {
		v.failed = err
	}
	return row
}

// finish closes what the callback left open and tells which statement failed, also when the callback kept it to itself.
func (v *View) finish(err error) error {
	for _, rows := range v.rows {
		closed := rows.Close()
		if v.failed == nil {
			v.failed = closed
		}
	}
	for _, row := range v.single {
		_ = row.Scan() // closes a row that was not scanned, and does nothing to the others
	}
	v.rows, v.single = nil, nil
	if err == nil {
		return v.failed
	}
	return err
}

// Tx reads and writes inside a transaction. It is good until the callback that got it returns.
type Tx struct {
	View
	Real programs.Instant // machinery's clock: leases and stamps

	real     func() programs.Instant
	dialect  *dialect
	newID    func() string
	recorded bool // a journal entry was written: Wake is poked after the commit
	touched  []touch
	touching map[string]bool // subjects whose revision rises with the last statements
	change   programs.Change // of change.go: the change that this transaction makes, once begun
	before   images          // of undo.go: what the change found, for its undo
}

// Exec runs a statement and returns how many rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	if tx.failed != nil {
		return 0, tx.failed
	}
	result, err := tx.run.ExecContext(tx.ctx, query, args...)
	if err != nil {
		tx.failed = err
		return 0, err
	}
	return result.RowsAffected()
}

// NewID is the only source of ids.
func (tx *Tx) NewID() string { return tx.newID() }

// Engine is "sqlite" or "postgres".
func (tx *Tx) Engine() string { return tx.dialect.name }

// ForUpdate ends a select whose rows this transaction is about to change: " for update" on PostgreSQL, empty on SQLite, where a
// write transaction is alone anyway.
func (tx *Tx) ForUpdate() string { return tx.dialect.forUpdate }

// SkipLocked ends a select that takes rows no other transaction holds: " for update skip locked" on PostgreSQL, empty on SQLite.
func (tx *Tx) SkipLocked() string { return tx.dialect.skipLocked }

// begin makes the transaction of one callback.
func (s *Store) begin(ctx context.Context, run querier) *Tx {
	return &Tx{
		View:    View{Now: s.instant(), ctx: ctx, run: run},
		Real:    s.real(),
		real:    s.real,
		dialect: &s.dialect,
		newID:   s.newID,
	}
}

// Collect reads all rows through scan, which gets the row's Scan, and closes them. It takes what Query returns; no rows are a nil
// slice.
func Collect[T any](rows *sql.Rows, err error, scan func(scan func(...any) error) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
