// Package store is the database room: it remembers, on SQLite by default and on PostgreSQL where it is told to. It must not know
// policy (programs decides), mail, HTTP or the clock: what time it is comes in through Options.
//
// # Doors
//
// Write and Read are the only ways in. Verbs are methods of Tx, reads are methods of View, which Tx embeds, so that a domain
// change, its journal entries and the key that makes it happen once share one transaction. When Write has returned without an
// error the change is on the disk.
//
// # Callbacks
//
// What is handed to Write or Read is pure: its result leaves by its return value only; it does no network, no logging, no nested
// Write or Read (on SQLite that would wait for itself), and it is fit to run twice, because a batch that died and a PostgreSQL
// transaction that lost a race run it again. A statement that failed ends the transaction on both engines (PostgreSQL does so by
// itself): whoever wants to go on after a duplicate writes "on conflict do nothing".
//
//	waiting -> turn -> savepoint -> released -> committed -> answered
//	   |                   |                        |
//	   v                   v                        v
//	canceled           refused (rolled back to)   died: dropped, each callback alone, once
//
// # Design
//
//   - 2026-11-21: readers run "begin" themselves instead of sql.TxOptions, because a statement prepared on a connection is
//     prepared again for every sql.Tx; the connections are query_only, so nothing can be written through them.
//   - 2026-11-21: the writer's connection refuses every commit that is not the writer's own by a commit hook, and learns of every
//     rollback by a rollback hook. So no statement of a callback can end the batch unseen or go on in autocommit after it died.
//   - 2026-11-21: a statement is interrupted through its connection's handle and one timer, not through a context: the driver and
//     database/sql spend a goroutine each on a context that can end, 40 of 66 us of CPU for a sign-up (measured).
//   - 2026-11-21: one SQL text for both engines with $1 placeholders; a struct, dialect, holds every difference.
package store
