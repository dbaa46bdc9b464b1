// Package notify owes people letters: it turns what the journal says into messages, and hands each to the relay at least once.
//
// A change that was answered is on the disk, with its journal entries; Plan makes outbox rows of them in one transaction; Send claims
// the rows that are due, looks whether they are still true, writes the mails, freezes them and hands them over. A mail is the
// difference between what its reader was last told and what is true now, so it is written at its first attempt and not before. The
// package knows no HTTP, no cookies and no pages.
//
//	journal --Plan--> queued --Send--> sending --> sent
//	                   ^  ^               |  `----> failed     refused for good, or not taken for 48 hours
//	                   |  `--- later -----|
//	                   `----- unknown <---'                    the relay may have it: the same bytes again
//	expired     too late          suppressed  the person is gone
//	superseded  a later message says it, or it is no longer true
//	skipped     nothing to say: back where it was
//
// Every event that states a seat has the lane of its session and person. A lane sends one row at a time, in the order of causes.
//
// # Design
//
// 2026-11-21: A row with a calendar part counts its mailbox as told when the bytes are frozen, in the same transaction; when they were
// never tried, both are taken back together. So "an invitation went out" is one column, and a cancellation never follows an
// invitation that nobody can have.
//
// 2026-11-21: Reminders have lanes of their own: a later one overtakes an earlier one that was late, and neither holds up the seat's.
//
// 2026-11-21: A connection is made before anything is claimed. While a relay is down no message is frozen or loses an attempt.
//
// 2026-11-22: A mail that lists sessions keeps its lines in the table notices, and is written anew under its Message-ID when a line has
// become untrue before the relay took it: dropping the row, as one about a single session is dropped, would lose the other lines. In a
// lane it neither overtakes nor is overtaken.
//
// 2026-11-22: What was said in words and what a calendar has are two things: a notice and the calendar updates beside it may be sent in
// any order. The first is the column said, noted when the relay took the words; the second is the hash of the last calendar part.
package notify
