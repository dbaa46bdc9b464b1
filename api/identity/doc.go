// Package identity answers one question: who is asking?
//
// Today that is an API key, "ww_" and 256 random bits, sent as a Bearer token. Only its SHA-256 is stored: the token is random, so
// a slow hash would protect nothing. A key is made with a role and then acts for every program, or for a person and is then that
// person, with the roles and programs of this moment.
//
//	made -> used ... -> expired     by itself, at expires_at
//	                 -> revoked     by an admin
//	                 -> dead        while its person is not active
//
// The room knows no pages and no iCalendar, and reads no clock: now is handed in.
//
// # Design
//
// 2026-11: what a token may do is kept in memory beside the revisions of its key and its person, and is good while both stand.
// Whatever changes either raises its revision in the same transaction, so a revoked key is dead on the next request here and
// within a second in other processes. Dropping entries when a change is announced was turned down: a reader that started before
// the change could put the old answer back after it.
package identity
