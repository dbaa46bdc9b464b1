// Package web is where a person sees Wellweek in a browser: what is on, a program, one session, and the mail that was caught.
//
// Pages are made on the server from templates and work without scripts; there are none. Every page has the same frame and one
// strict content policy. Static files live under an address with the hash of their bytes and are kept by browsers for good.
//
// Who may see what is decided in guard.go, before a page reads anything:
//
//	/, /programs, /sessions   demo on loopback: everybody; else a page that says what is missing, with no data in it
//	/mail                     with a relay: no such page; demo on loopback: everybody; else admins with a key
//
// The room does not know the API's framework, and nothing of what a page may say is decided here: that is the store's, by the
// asker it is given.
//
// # Design
//
// 2026-11: pages for everybody are open in demo only. Signing in is not built yet, and a page without it would show the company's
// weeks to whoever finds the address.
package web
