package door

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wellweek/wellweek/programs"
)

// Request is what is known about one request besides its bytes: the one context value there is.
type Request struct {
	ID    string         // ours, or the client's when it has the form of one
	From  netip.Addr     // the client's address, behind trusted proxies the one they name
	Actor programs.Actor // who asks; zero until the operation's guard has found out
	Key   string         // Idempotency-Key of a POST or DELETE; empty: none
	Sum   [32]byte       // method, target and body of a request with a Key
}

type requestKey struct{}

// From is the request of a context, or nil outside one.
func From(ctx context.Context) *Request {
	rq, _ := ctx.Value(requestKey{}).(*Request)
	return rq
}

func withRequest(ctx context.Context, rq *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, rq)
}

// Gate is what every request passes, whatever it asks for. Route names the pattern of a request's route, for the log: paths hold
// tokens. Real is the clock of the machinery.
type Gate struct {
	Log     *slog.Logger
	Real    func() programs.Instant
	Trusted []netip.Prefix // proxies whose X-Forwarded-For is believed
	HTTPS   bool           // the public address is https
	Route   func(*http.Request) string

	panics atomic.Int64
}

// Panics is how many panics the gate has caught.
func (g *Gate) Panics() int64 { return g.panics.Load() }

// Wrap lets requests through to next: with an id, security headers, one line in the log, and an answer even after a panic.
func (g *Gate) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := g.Real()
		rq := &Request{ID: requestID(r.Header.Get("X-Request-Id")), From: g.address(r)}
		r = r.WithContext(withRequest(r.Context(), rq))
		h := w.Header()
		h.Set("X-Request-Id", rq.ID)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
		if g.HTTPS {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		rec := &recorder{ResponseWriter: w}
		defer func() { g.finish(rec, r, rq, start, recover()) }()
		next.ServeHTTP(rec, r)
	})
}

// finish answers a panic and writes the line of the log. http.ErrAbortHandler is not ours to swallow: it asks for the connection
// to be cut.
func (g *Gate) finish(w *recorder, r *http.Request, rq *Request, start programs.Instant, panicked any) {
	if panicked == http.ErrAbortHandler {
		panic(panicked)
	}
	route := g.Route(r)
	if panicked != nil {
		g.panics.Add(1)
		g.Log.Error("panic", "request_id", rq.ID, "method", r.Method, "route", route, "panic", panicked, "stack", string(debug.Stack()))
		if w.status == 0 {
			WriteProblem(w, r, programs.Refuse(Internal, sentenceInternal))
		}
	}
	status := w.status
	if status == 0 {
		status = http.StatusOK
	}
	actor := "nobody"
	if rq.Actor.Person != "" || rq.Actor.Key != "" {
		actor = rq.Actor.ID()
	}
	g.Log.Info("request", "request_id", rq.ID, "method", r.Method, "route", route, "status", status, "bytes", w.bytes,
		"ms", g.Real().Sub(start).Milliseconds(), "actor", actor)
}

// address is the client's address. X-Forwarded-For is read from the right, past the proxies that are trusted: what stands to the
// left of the first stranger was written by that stranger.
func (g *Gate) address(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	at = at.Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && g.trusted(at); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = hop.Unmap().WithZone("")
	}
	return at
}

func (g *Gate) trusted(a netip.Addr) bool {
	for _, p := range g.Trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// requestID takes the client's id when it has the form of one (it goes into our log), else makes a new one.
func requestID(given string) string {
	if len(given) >= 1 && len(given) <= 64 && plain(given) {
		return given
	}
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// seconds is how long a client is told to wait, in whole seconds.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
