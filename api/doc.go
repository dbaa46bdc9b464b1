// Package api answers requests: the JSON API under /api/v1, the calendar feeds, the API's own documentation, health, and the
// pages of api/web. It holds no rule and no SQL: it turns a request into values of programs, asks one verb of the store inside
// one transaction, and turns what comes back into JSON.
//
// The tour: api.go mounts everything on one screen; op.go is the only way to register an operation, and with it who may call it;
// answer.go is the one transaction of a write; harden.go takes the sharp edges off the framework; then one file a noun.
//
//	request -> door.Gate (id, headers, log, panics) -> op's guard (who, how often, may they, query, body, key)
//	        -> framework (types of members) -> handler -> store.Write or store.Read -> answer or problem
//
// # Design
//
//   - 2026-11: an operation without a programs.Act cannot be registered, so forgetting authorization is a refusal to start and
//     not a hole.
//   - 2026-11: who asks is found out before query, media type and body are judged: strangers learn nothing about an operation.
//   - 2026-11: an empty text is "", a choice that was not made is null; lists are never null.
package api
