// Package door is how every request gets in and how every answer gets out: the one table from a Reason to a status, problem
// documents (RFC 9457), strong ETags and their preconditions (RFC 9110 section 13), idempotency keys, rate limits, request ids,
// strict JSON and limits of bodies. It knows no page and no operation, and it does not know who is asking: that is handed in.
//
// A write with an Idempotency-Key:
//
//	            other request -> 422
//	            .
//	(new) -> running -> kept (24 h and more) -> swept
//	            |  `-> refused: forgotten, the key is free again
//	            ` twin -> 409
//
// # Design
//
//   - 2026-11: a running twin is known from memory and never from a row, so a crash cannot leave one behind.
//   - 2026-11: a key is remembered as a hash only, and an answer that shows a secret is sealed under the key itself, so that the
//     database cannot tell what only the asker may know.
//   - 2026-11: malformed JSON is 422 like every other input that cannot be kept, not 400: one reason, one status.
package door
