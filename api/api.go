package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/api/identity"
	"github.com/wellweek/wellweek/api/web"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// DocumentVersion is the version of the API's document. Whatever changes the document raises it.
const DocumentVersion = "0.2.0"

// Deps are what the API needs from outside.
type Deps struct {
	Store          *store.Store
	PublicURL      string             // where people reach this server, without a slash at the end
	TimeZone       string             // IANA name: the organization's
	Identity       *identity.Identity // who asks; shared with the loop that writes down when keys were used
	Log            *slog.Logger
	Now            func() programs.Instant // what people see
	Real           func() programs.Instant // machinery: limits, durations
	Demo           bool                    // the pages of caught mail are open
	Relay          bool                    // mail leaves through a relay
	TrustedProxies []netip.Prefix          // whose X-Forwarded-For is believed
	Ready          func(context.Context) error
}

// server is the API with what it keeps in memory.
type server struct {
	Deps
	huma      huma.API
	persons   door.Limit // per person
	strangers door.Limit // per address without credentials
	running   door.Running
}

// Handler is everything this program answers over HTTP.
func Handler(d Deps) http.Handler {
	gate := &door.Gate{
		Log: d.Log, Real: d.Real, Trusted: d.TrustedProxies, HTTPS: strings.HasPrefix(d.PublicURL, "https://"), Route: route,
	}

	rest := chi.NewRouter()
	rest.Use(gate.Wrap, web.Head, private)
	s := newServer(d, rest)
	rest.NotFound(notFound)
	rest.MethodNotAllowed(methodNotAllowed(rest))

	site := chi.NewRouter()
	site.Use(gate.Wrap, web.Head)
	site.Method(http.MethodGet, "/healthz", http.HandlerFunc(s.healthz))
	site.Method(http.MethodGet, "/readyz", http.HandlerFunc(s.readyz))
	site.Method(http.MethodGet, "/openapi.yaml", s.document("application/yaml", s.huma.OpenAPI().YAML))
	site.Method(http.MethodGet, "/openapi.json", s.document("application/json", s.huma.OpenAPI().MarshalJSON))
	mountDocs(site)
	site.Handle("/feeds/{token}", newFeeds(d))
	site.Mount("/", web.Handler(web.Deps{
		Store: d.Store, PublicURL: d.PublicURL, TimeZone: d.TimeZone, Demo: d.Demo, Relay: d.Relay, Identity: d.Identity, Log: d.Log, Now: d.Now,
	}))

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/") {
			rest.ServeHTTP(w, r)
			return
		}
		site.ServeHTTP(w, r)
	})
}

// OpenAPI is the API's document as YAML and as JSON, from the constructor of the server and without its surroundings.
func OpenAPI() (yaml, json []byte, err error) {
	s := newServer(Deps{}, chi.NewRouter())
	if yaml, err = s.huma.OpenAPI().YAML(); err != nil {
		return nil, nil, err
	}
	json, err = s.huma.OpenAPI().MarshalJSON()
	return yaml, json, err
}

// newServer registers every operation on the router.
func newServer(d Deps, r chi.Router) *server {
	harden()
	s := &server{
		Deps:      d,
		huma:      huma.NewAPI(config(), humachi.NewAdapter(r)),
		persons:   door.Limit{PerSecond: door.PerSecond, Burst: door.Burst, Real: d.Real},
		strangers: door.Limit{PerSecond: door.PerSecond, Burst: door.Burst, Real: d.Real},
	}
	s.programs()
	s.series()
	s.seriesChanges()
	s.sessions()
	s.cancellations()
	s.signups()
	s.enrollments()
	s.changes()
	s.me()
	s.dependents()
	s.feeds()
	s.people()
	s.messages()
	s.audit()
	s.open()
	return s
}

// route is the pattern of a request's route, which is all that the log says about its path.
func route(r *http.Request) string {
	if c := chi.RouteContext(r.Context()); c != nil {
		if p := c.RoutePattern(); p != "" {
			return p
		}
	}
	return "-"
}

// private keeps what only the asker may see out of every cache.
func private(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	door.WriteProblem(w, r, programs.Refuse(programs.NotFound, "There is nothing at this address; the API is described at /docs."))
}

// methodNotAllowed answers with the methods that the path has (RFC 9110 15.5.6).
func methodNotAllowed(r chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		var allowed []string
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			asked := m
			if m == "HEAD" {
				asked = "GET"
			}
			if r.Match(chi.NewRouteContext(), asked, req.URL.Path) {
				allowed = append(allowed, m)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		door.WriteProblem(w, req, programs.Refuse(door.MethodNotAllowed, "This address does not take that method; Allow says which it takes."))
	}
}

// document serves bytes that only an upgrade changes. They are written when the first one asks, because writing them at the start
// would be most of it; that they can be written at all is what the tests of OpenAPI are for.
func (s *server) document(mediaType string, write func() ([]byte, error)) http.Handler {
	written := sync.OnceValues(write)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := written()
		if err != nil {
			s.Log.Error("the document cannot be written", "request_id", door.From(r.Context()).ID, "error", err)
			door.WriteProblem(w, r, programs.Refuse(door.Internal, "Something went wrong on our side; the request id helps to find it."))
			return
		}
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(body) // the client went away: there is nobody left to tell
	})
}
