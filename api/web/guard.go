package web

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
)

// openPages lets a request pass to the pages with data when this is a demo seen from its own machine. Everybody else gets one
// page that is the same for every address below it.
func (s *site) openPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.demo(r) {
			next.ServeHTTP(w, r)
			return
		}
		status := http.StatusForbidden
		if r.URL.Path == "/" {
			status = http.StatusOK // this is what the first page is, for now
		}
		s.show(w, r, status, "closed", view{Title: "Sign-in is not part of this version"})
	})
}

// legible refuses addresses with U+0000 or without UTF-8 in them: they name nothing of ours, and not every database can be asked.
func (s *site) legible(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !legible(r.URL.Path) {
			s.fail(w, r, noPage())
			return
		}
		for _, values := range r.URL.Query() {
			if !legible(values[0]) { // pages read the first
				s.fail(w, r, programs.Refuse(programs.Invalid, "The address is not text in UTF-8 without U+0000."))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func legible(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// openMail lets a request pass to the caught mail. With a relay there is none, and no such page. Without, it is open in a demo seen
// from its own machine; elsewhere the key of an admin is wanted on every request, never a cookie.
func (s *site) openMail(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Relay {
			s.fail(w, r, noPage())
			return
		}
		if s.demo(r) {
			next.ServeHTTP(w, r)
			return
		}
		a, err := s.Identity.Actor(r.Context(), r)
		switch {
		case errors.Is(err, door.Unauthenticated):
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.sorry(w, r, http.StatusUnauthorized, "This page is for admins", "Send the key of an admin with the request, as Authorization: Bearer ww_...")
		case err != nil:
			s.fail(w, r, err)
		case !a.Is(programs.Admin):
			s.sorry(w, r, http.StatusForbidden, "This page is for admins", "Your key is good, but it is not an admin's.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// demo reports whether this is a demo and the request comes from its own machine and knows it: the sender's address and the
// Host header must both be loopback, and no proxy may have passed it on. The header, because a page elsewhere can point a name of
// its own at 127.0.0.1 and then read with the visitor's browser what answers there.
func (s *site) demo(r *http.Request) bool {
	if !s.Demo || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
		return false
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && from.Addr().Unmap().IsLoopback() && isLoopback(hostOnly(r.Host))
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func hostOnly(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' { // an IPv6 address without a port
		return host[1 : len(host)-1]
	}
	return host
}
