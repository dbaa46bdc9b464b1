package store

import (
	"database/sql"
	"errors"

	"github.com/wellweek/wellweek/programs"
)

// begin starts the change of this transaction: every entry recorded after it belongs to it, and its mail waits until hold (V4).
// One transaction makes one change at most.
func (tx *Tx) begin(a programs.Actor, kind programs.Verb, hold programs.Instant, reason string) error {
	tx.change = programs.Change{
		ID: programs.ChangeID(tx.NewID()), Actor: a.ID(), Kind: string(kind), CreatedAt: tx.Now, HoldUntil: hold, Reason: reason,
	}
	_, err := tx.Exec(`insert into changes (id, actor, kind, scope, created_at, hold_until, reason) values ($1, $2, $3, $4, $5, $6, $7)`,
		string(tx.change.ID), tx.change.Actor, tx.change.Kind, "this", int64(tx.change.CreatedAt), int64(tx.change.HoldUntil), null(tx.change.Reason))
	return err
}

// Change is the id of the change this transaction made, empty when it made none.
func (tx *Tx) Change() programs.ChangeID { return tx.change.ID }

// ChangeOf returns one change (NotFound).
func (v *View) ChangeOf(id programs.ChangeID) (programs.Change, error) {
	return one(v, func(scan func(...any) error) (c programs.Change, err error) {
		err = scan(&c.ID, &c.Actor, &c.Kind, &c.CreatedAt, &c.HoldUntil, &c.Reason, &c.UndoneBy)
		return c, err
	}, "There is no such change.", `select id, actor, kind, created_at, hold_until, coalesce(reason, ''), coalesce(undone_by, '') from changes where id = $1`, string(id))
}

// one reads a single row; none is refused (NotFound) with the sentence.
func one[T any](v *View, scan func(func(...any) error) (T, error), none, query string, args ...any) (T, error) {
	t, err := scan(v.QueryRow(query, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return t, programs.Refuse(programs.NotFound, none)
	}
	return t, err
}
