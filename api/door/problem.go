package door

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/wellweek/wellweek/programs"
)

// The reasons that belong to the way in and not to the domain. They are refused like every other: programs.Refuse(door.Unauthenticated, ...).
const (
	Unauthenticated      programs.Reason = "unauthenticated"        // 401: no credentials, or none that hold
	MethodNotAllowed     programs.Reason = "method_not_allowed"     // 405
	TooLarge             programs.Reason = "too_large"              // 413
	UnsupportedMediaType programs.Reason = "unsupported_media_type" // 415
	PreconditionRequired programs.Reason = "precondition_required"  // 428: If-Match is missing
	TooManyRequests      programs.Reason = "too_many_requests"      // 429
	Internal             programs.Reason = "internal"               // 500: one fixed sentence
)

// statuses is the only table from a Reason to a status and a title.
var statuses = map[programs.Reason]struct {
	status int
	title  string
}{
	programs.NotFound:    {http.StatusNotFound, "Not found"},
	programs.Invalid:     {http.StatusUnprocessableEntity, "Invalid input"},
	programs.Forbidden:   {http.StatusForbidden, "Not allowed"},
	programs.Conflict:    {http.StatusConflict, "Conflict"},
	programs.Closed:      {http.StatusConflict, "Too late"},
	programs.Stale:       {http.StatusPreconditionFailed, "Changed in the meantime"},
	programs.Gone:        {http.StatusGone, "Gone"},
	programs.Busy:        {http.StatusServiceUnavailable, "Busy"},
	Unauthenticated:      {http.StatusUnauthorized, "Credentials needed"},
	MethodNotAllowed:     {http.StatusMethodNotAllowed, "Method not allowed"},
	TooLarge:             {http.StatusRequestEntityTooLarge, "Too large"},
	UnsupportedMediaType: {http.StatusUnsupportedMediaType, "Unsupported media type"},
	PreconditionRequired: {http.StatusPreconditionRequired, "If-Match is missing"},
	TooManyRequests:      {http.StatusTooManyRequests, "Too many requests"},
	Internal:             {http.StatusInternalServerError, "Internal error"},
}

// sentenceInternal is all that a client is told about a fault of ours.
const sentenceInternal = "Something went wrong on our side; the request id helps to find it."

// Problem is an answer that says why there is no other (RFC 9457). It never repeats a submitted value.
type Problem struct {
	Type      string  `json:"type" doc:"urn:wellweek:problem: and the reason" example:"urn:wellweek:problem:not_found"`
	Title     string  `json:"title" doc:"The reason in words, the same for every problem of this type"`
	Status    int     `json:"status" doc:"The status of the answer"`
	Detail    string  `json:"detail" doc:"One sentence: what is wrong and what to do next"`
	Errors    []Fault `json:"errors" doc:"The members of the request that are at fault"`
	RequestID string  `json:"request_id" doc:"The id of this request in the server's log"`

	retryAfter int // seconds; 0: no header
}

// Fault points at one member of the request, for example body.local_start, query.limit or row 3.
type Fault struct {
	Location string `json:"location" doc:"Where in the request"`
	Message  string `json:"message" doc:"What is wrong there"`
}

// ProblemOf is the problem document of an error. An error that is no refusal of ours becomes the fixed sentence of an internal
// error: its text is for the log (see IsFault), never for the client.
func ProblemOf(err error) *Problem {
	var done *Problem
	if errors.As(err, &done) {
		return done
	}
	var refused *programs.Error
	if errors.As(err, &refused) {
		p := newProblem(refused.Reason, refused.Error())
		for _, l := range refused.Where {
			p.Errors = append(p.Errors, Fault{Location: location(l.Where), Message: l.Message()})
		}
		return p
	}
	var bare programs.Reason
	if errors.As(err, &bare) {
		return newProblem(bare, "")
	}
	return newProblem(Internal, sentenceInternal)
}

// IsFault reports whether an error is a fault of ours that belongs into the log, and not a refusal.
func IsFault(err error) bool { return ProblemOf(err).Status == http.StatusInternalServerError }

// InvalidProblem is a 422 that names the members at fault.
func InvalidProblem(faults ...Fault) *Problem {
	p := newProblem(programs.Invalid, "The request has members that cannot be taken as they are.")
	for _, f := range faults {
		p.Errors = append(p.Errors, Fault{Location: location(f.Location), Message: f.Message})
	}
	return p
}

// TryLater is a 429: so many seconds must pass before the next request.
func TryLater(seconds int) *Problem {
	p := newProblem(TooManyRequests, "Too many requests came in a short time; wait as long as Retry-After says.")
	p.retryAfter = max(1, seconds)
	return p
}

func newProblem(r programs.Reason, detail string) *Problem {
	row, ok := statuses[r]
	if !ok {
		r, detail = Internal, sentenceInternal
		row = statuses[r]
	}
	if detail == "" {
		detail = row.title + "."
	}
	p := &Problem{Type: "urn:wellweek:problem:" + string(r), Title: row.title, Status: row.status, Detail: detail, Errors: []Fault{}}
	if r == programs.Busy {
		p.retryAfter = 1
	}
	return p
}

// Error implements error with the sentence.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status, in the form in which the framework asks for it.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the media type of RFC 9457, whatever the framework would have chosen.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are the headers that go with the status: WWW-Authenticate (RFC 6750 section 3) and Retry-After.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	return h
}

// With is the problem as the answer to one request.
func (p *Problem) With(rq *Request) *Problem {
	q := *p
	if rq != nil {
		q.RequestID = rq.ID
	}
	return &q
}

// WriteProblem answers with the problem document of an error.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := ProblemOf(err).With(From(r.Context()))
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(true)
	if e.Encode(p) != nil {
		w.WriteHeader(p.Status)
		return
	}
	h := w.Header()
	for name, values := range p.GetHeaders() {
		h[name] = values
	}
	h.Del("ETag")
	h.Set("Content-Type", p.ContentType(""))
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(p.Status)
	_, _ = w.Write(b.Bytes()) // the client went away: there is nobody left to tell
}

// Known are all reasons that an answer can have, sorted.
func Known() []programs.Reason {
	var all []programs.Reason
	for r := range statuses {
		all = append(all, r)
	}
	slices.Sort(all)
	return all
}

// StatusOf is the HTTP status of a reason.
func StatusOf(r programs.Reason) int { return newProblem(r, "").Status }

// location keeps the name of a member as the client wrote it only where it could be one of ours: an answer is no place in which
// somebody else's text comes back.
func location(s string) string {
	if len(s) > 100 {
		s = s[:100]
	}
	var b strings.Builder
	for _, c := range s {
		if c < 0x20 || c > 0x7e || strings.ContainsRune(`<>&"'\`, c) {
			return strings.TrimRight(b.String(), ".")
		}
		b.WriteRune(c)
	}
	return b.String()
}
