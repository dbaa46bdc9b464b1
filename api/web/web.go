package web

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/wellweek/wellweek/api/identity"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Deps is what the pages need.
type Deps struct {
	Store     *store.Store
	PublicURL string
	TimeZone  string // IANA name of the zone that pages speak in; empty: UTC
	Demo      bool   // pages are open, on loopback
	Relay     bool   // mail is sent, so there is no caught mail to read
	Identity  *identity.Identity
	Log       *slog.Logger
	Now       func() programs.Instant
}

// site is everything a page is made with.
type site struct {
	Deps
	pages pages
}

// Handler answers every page and every static file. What it does not know is a 404 page in the same frame.
func Handler(d Deps) http.Handler {
	s := &site{Deps: d, pages: parsePages()}
	r := chi.NewRouter()
	r.Use(Head, protect)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, noPage()) })
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD")
		s.sorry(w, r, http.StatusMethodNotAllowed, "This address is only read", "Nothing was changed.")
	})
	r.Get("/static/*", staticFile)
	r.Group(func(r chi.Router) {
		r.Use(s.openPages, s.legible)
		r.Get("/", s.page(s.hub))
		r.Get("/programs", s.page(s.programs))
		r.Get("/programs/{slug}", s.page(s.program))
		r.Get("/sessions/{id}", s.page(s.session))
	})
	r.Group(func(r chi.Router) {
		r.Use(s.openMail, s.legible)
		r.Get("/mail", s.page(s.mail))
		r.Get("/mail/{id}", s.page(s.letter))
		r.Get("/mail/{id}/html", s.page(s.letterHTML))
		r.Get("/mail/{id}/message.eml", s.page(s.letterRaw))
		r.Get("/mail/{id}/invite.ics", s.page(s.letterInvite))
	})
	return r
}

// Head lets the routes of GET answer HEAD (RFC 9110 9.3.2); what they write is dropped by net/http. The router's own package of
// middleware does the same and brings a profiler and the process's variables into the program, 0.4 MB that nobody may ask for.
func Head(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			chi.RouteContext(r.Context()).RouteMethod = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// policy is the content policy of every page but two: /docs and the shown mail have their own.
const policy = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// protect sets what every answer of this room says about itself.
func protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		// Under no-referrer a browser's own form post would say Origin: null and be taken for a stranger's.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// page makes a handler of a function that may fail.
func (s *site) page(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

func noPage() error { return programs.Refuse(programs.NotFound, "There is no such page.") }

// fail answers with the page for an error. What is no refusal is logged, by route pattern, and never shown.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, programs.NotFound):
		s.sorry(w, r, http.StatusNotFound, "This page is not here", "The address may be mistyped, or what it showed is gone.")
	case errors.Is(err, programs.Invalid):
		s.sorry(w, r, http.StatusUnprocessableEntity, "This address does not work", "Part of it is not understood. Start again from the first page.")
	case errors.Is(err, programs.Busy):
		w.Header().Set("Retry-After", "5")
		s.sorry(w, r, http.StatusServiceUnavailable, "Wellweek is busy", "Nothing is lost. Try again in a few seconds.")
	case r.Context().Err() != nil: // nobody waits for the answer
	default:
		s.Log.Error("a page failed", "route", chi.RouteContext(r.Context()).RoutePattern(), "error", err)
		s.sorry(w, r, http.StatusInternalServerError, "Something went wrong here", "It is our fault and it was written down. Try again in a minute.")
	}
}
