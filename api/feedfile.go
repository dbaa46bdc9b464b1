package api

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/wellweek/wellweek/calendar"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// feeds answers GET and HEAD /feeds/{token}.ics. Nearly every answer is a 304: it needs a hash, two looks into memory and no SQL.
type feeds struct {
	store     *store.Store
	publicURL string
	zone      string // of a feed nobody's zone is known for
	renderer  string // raised with every change of bytes that no revision tells
	log       *slog.Logger
	now       func() programs.Instant

	flight    singleflight.Group // one builder at a time of one feed
	answers   *weighed[programs.FeedID, *answer]
	bodies    *weighed[string, *sessionList]
	fragments *weighed[fragmentKey, []byte]

	notModified, served, rendered, skipped atomic.Int64 // answers 304 and 200, documents built, sessions left out of them
}

// newFeeds takes what Handler was given. Its caches hold at most about 48 MB and only what can be built again.
func newFeeds(d Deps) *feeds {
	sum := sha256.Sum256([]byte(d.PublicURL + "\n" + d.TimeZone)) // both stand in the bytes
	return &feeds{
		store: d.Store, publicURL: strings.TrimSuffix(d.PublicURL, "/"), zone: d.TimeZone, log: d.Log, now: d.Now,
		renderer:  strconv.Itoa(calendar.Renderer) + hex.EncodeToString(sum[:3]),
		answers:   newWeighed[programs.FeedID, *answer](24 << 20),
		bodies:    newWeighed[string, *sessionList](8 << 20),
		fragments: newWeighed[fragmentKey, []byte](16 << 20),
	}
}

// What every answer says of itself. A feed's address is its password: nothing shared may keep it, nothing may pass it on.
const (
	feedCache   = "private, max-age=300, must-revalidate"
	feedVary    = "Accept-Encoding, User-Agent"
	gzipSuffix  = ".z" // of the ETag of the compressed form: other bytes, other tag (RFC 9110 8.8.3.3)
	feedStopped = "This calendar link is not in use. A new one can be made in Wellweek.\n"
)

// ServeHTTP implements http.Handler. There is no redirect and no cookie ever: a login page with status 200 would empty calendars
// that had been full. Authorization and query parameters are not looked at.
func (f *feeds) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		feedError(w, http.StatusMethodNotAllowed, "A calendar link is only read.\n")
		return
	}
	token, _ := strings.CutPrefix(r.URL.Path, "/feeds/")
	hash := sha256.Sum256([]byte(strings.TrimSuffix(token, ".ics")))
	feed, known := f.store.Feed(hash)
	switch {
	case !known:
		feedError(w, http.StatusNotFound, feedStopped)
		return
	case feed.RevokedAt != 0:
		feedError(w, http.StatusGone, feedStopped) // tells a client to stop asking
		return
	}
	now := f.now()
	f.answer(w, r, feed, now)
	f.store.Fetched(hash, now, clientFamily(r.UserAgent()))
}

// answer decides between 304 and 200. The tag names everything the bytes follow: the feed, its revision, how we write, and the
// Monday that the window is anchored to; without the last an unchanged feed would never move on.
func (f *feeds) answer(w http.ResponseWriter, r *http.Request, feed programs.Feed, now programs.Instant) {
	revision, changed := f.store.FeedRevision(feed)
	monday, _, _, _ := programs.FeedWindow(now)
	at := edition{revision: revision, monday: monday}
	var room [96]byte
	tag := f.appendTag(room[:0], feed.ID, at)
	squeeze := mayGzip(r.UserAgent())
	zipped := squeeze && acceptsGzip(r.Header["Accept-Encoding"])

	if values := r.Header["If-None-Match"]; len(values) != 0 { // then If-Modified-Since is not asked (RFC 9110 13.1.3)
		if match, form := matches(values, tag, squeeze, zipped); match {
			f.unchanged(w, quoted(tag, form))
			return
		}
	} else if since, err := http.ParseTime(r.Header.Get("If-Modified-Since")); err == nil {
		if m := lastModified(feed, changed, monday, now); m != 0 && m.Time().Truncate(time.Second).Compare(since) <= 0 {
			f.unchanged(w, quoted(tag, zipped))
			return
		}
	}

	a, err := f.build(r.Context(), feed, at)
	if err != nil {
		if r.Context().Err() == nil && !errors.Is(err, programs.Busy) {
			f.log.Error("a feed could not be built", "feed", string(feed.ID), "error", err)
		}
		w.Header().Set("Retry-After", "30")
		feedError(w, http.StatusServiceUnavailable, "This calendar cannot be read right now. It will be back shortly.\n")
		return
	}
	body := a.plain
	if zipped {
		body = a.gzip()
	}
	h := w.Header()
	h["Etag"] = []string{quoted(tag, zipped)}
	h["Cache-Control"] = []string{feedCache}
	h["Vary"] = []string{feedVary}
	h["Content-Type"] = []string{"text/calendar; charset=utf-8"}
	h["Content-Disposition"] = []string{`inline; filename="wellweek.ics"`}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["Referrer-Policy"] = []string{"no-referrer"}
	h["X-Robots-Tag"] = []string{"noindex"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	if zipped {
		h["Content-Encoding"] = []string{"gzip"}
	}
	if m := lastModified(feed, changed, monday, now); m != 0 {
		h["Last-Modified"] = []string{m.Time().Format(http.TimeFormat)}
	}
	f.served.Add(1)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // an error here is a client that went away
	}
}

// unchanged is the whole 304: what RFC 9110 15.4.5 wants in it (Date comes from net/http) and nothing else, for this is what
// calendars get all day: at most 220 bytes with the status line. Headers that every answer of ours has are taken out again: they
// came with the 200 that this one stands for.
func (f *feeds) unchanged(w http.ResponseWriter, tag string) {
	h := w.Header()
	clear(h)
	h["Etag"] = []string{tag}
	h["Cache-Control"] = []string{feedCache}
	h["Vary"] = []string{feedVary}
	f.notModified.Add(1)
	w.WriteHeader(http.StatusNotModified)
}

// appendTag writes the tag without quotes: <feed>.<revision>.<renderer>.<window>. The feed's last eight letters are enough: the
// address already says which feed it is, and a whole id would cost 28 bytes in each 304.
func (f *feeds) appendTag(b []byte, id programs.FeedID, at edition) []byte {
	b = append(b, id[max(0, len(id)-8):]...)
	b = append(b, '.')
	b = strconv.AppendInt(b, at.revision, 10)
	b = append(b, '.')
	b = append(b, f.renderer...)
	b = append(b, '.')
	return strconv.AppendInt(b, int64(at.monday), 10)
}

// quoted is the tag as a strong ETag of the plain or the compressed form.
func quoted(tag []byte, zipped bool) string {
	var room [112]byte
	b := append(append(room[:0], '"'), tag...)
	if zipped {
		b = append(b, gzipSuffix...)
	}
	return string(append(b, '"'))
}

// lastModified is when the bytes last changed: the newest change in the feed, a deletion too, the making of the feed, or the Monday
// on which its window moved on. It is zero while a second change could still fall into the same second, which a client that goes
// by this date alone would then never see (RFC 9110 8.8.2.2).
func lastModified(feed programs.Feed, changed programs.Instant, monday programs.Date, now programs.Instant) programs.Instant {
	const day = programs.Instant(24 * 60 * 60 * 1000)
	m := max(changed, feed.CreatedAt, programs.Instant(monday)*day)
	if now.Sub(m) < 3*time.Second {
		return 0
	}
	return m
}

// feedError is an answer without a calendar. Unknown and stopped links differ by their status alone.
func feedError(w http.ResponseWriter, status int, sentence string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(sentence)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(sentence))
}
