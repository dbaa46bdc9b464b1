// Package demo is the sample world: a few weeks of one small company, built through the same verbs that the product uses, so that
// sign-ups, waiting lists, journal and mail are what they would be. The demo command lives in it, and tests share it.
//
// It reads no clock and makes no ids: the same now and the same ids make the same world. Everybody in it is made up; their
// addresses end in .example, which reaches nobody (RFC 2606 2).
package demo
