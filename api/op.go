package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/api/identity"
	"github.com/wellweek/wellweek/programs"
)

const base = "/api/v1"

// operation is what there is to say about one operation beside the types of its input and output.
type operation struct {
	Method  string
	Path    string       // below /api/v1
	ID      string       // operationId
	Tag     string       // one of tags
	Act     programs.Act // who may; never empty
	Summary string
	About   string // Markdown, optional
	Status  int    // of success; 0: 200 with a body, 204 without
	Also    int    // a second status of success with the same body; 0: none
	Refusal []int  // statuses beside those that follow from method, path and body
	Media   string // of the body; empty: application/json
	Limit   int64  // of the body in octets; 0: door.BodyLimit
}

// op is the only way to register an operation. It puts the guard before the handler and the refusals into the document. An
// operation without an Act is a mistake that must not start.
func op[I, O any](s *server, o operation, handler func(ctx context.Context, rq *door.Request, in *I) (*O, error)) {
	if o.Act == "" || o.ID == "" || o.Tag == "" || o.Summary == "" {
		panic("api: an operation needs its act, id, tag and summary: " + o.Method + " " + o.Path)
	}
	if o.Media == "" {
		o.Media = "application/json"
	}
	if o.Limit == 0 {
		o.Limit = door.BodyLimit
	}
	h := huma.Operation{
		Method: o.Method, Path: base + o.Path, OperationID: o.ID, Tags: []string{o.Tag}, Summary: o.Summary, Description: o.About,
		DefaultStatus: o.Status, MaxBodyBytes: -1, BodyReadTimeout: -1,
		Security: []map[string][]string{{"key": {}}},
	}
	if o.Method == http.MethodPost || o.Method == http.MethodDelete {
		lo, hi := 1, 255
		h.Parameters = append(h.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Description: "Makes the request safe to repeat: the same key and request give the same answer.",
			Schema: &huma.Schema{Type: huma.TypeString, MinLength: &lo, MaxLength: &hi},
		})
	}
	h.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		leave, err := s.guard(w, r, o, ctx.Operation())
		if err != nil {
			door.WriteProblem(w, r, s.fault(r.Context(), o, err))
			return
		}
		defer leave()
		next(ctx)
	}}
	huma.Register(s.huma, h, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, door.From(ctx), in)
		if err != nil {
			return nil, s.fault(ctx, o, err)
		}
		return out, nil
	})
	s.describe(o)
}

// guard finds out who asks, how often, whether they may, and whether query, body and key have a form that can be judged, in this
// order: who has no credentials learns nothing else.
func (s *server) guard(w http.ResponseWriter, r *http.Request, o operation, doc *huma.Operation) (leave func(), err error) {
	rq := door.From(r.Context())
	if rq.Actor, err = s.Identity.Actor(r.Context(), r); err != nil {
		if errors.As(err, new(identity.Unauthenticated)) {
			rq.Actor = programs.Actor{}
			if err := s.strangers.Allow(door.NameOfAddress(rq.From)); err != nil {
				return nil, err
			}
			return nil, programs.Refuse(door.Unauthenticated, "%s", err.Error())
		}
		return nil, err
	}
	if rq.Actor.Person != "" {
		if err := s.persons.Allow(string(rq.Actor.Person)); err != nil {
			return nil, err
		}
	}
	if !programs.May(rq.Actor, o.Act) {
		return nil, programs.Refuse(programs.Forbidden, "Your role does not allow this.")
	}
	if !utf8.ValidString(r.URL.Path) || strings.IndexByte(r.URL.Path, 0) >= 0 { // no id of ours, and not to be asked of a database
		return nil, programs.Refuse(programs.NotFound, "There is nothing at this address.")
	}
	if err := checkQuery(r.URL.RawQuery, doc); err != nil {
		return nil, err
	}
	body, err := s.body(w, r, o, doc)
	if err != nil {
		return nil, err
	}
	if key := r.Header.Values("Idempotency-Key"); len(key) > 0 && (r.Method == http.MethodPost || r.Method == http.MethodDelete) {
		// Two of them have a space between them, and are none.
		if err := rq.SetKey(strings.Join(key, ", "), r.Method, r.URL.RequestURI(), body); err != nil {
			return nil, err
		}
	}
	return s.running.Enter(rq)
}

// body reads the body whole, judges its form, and puts it back for the framework.
func (s *server) body(w http.ResponseWriter, r *http.Request, o operation, doc *huma.Operation) ([]byte, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil, nil
	}
	taken := doc.RequestBody != nil
	body, err := door.ReadBody(w, r, o.Media, o.Limit, taken && doc.RequestBody.Required)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) == 0 || o.Media != "application/json" {
		return body, nil
	}
	if err := door.CheckJSON(body); err != nil {
		return nil, err
	}
	if !taken && string(bytes.Join(bytes.Fields(body), nil)) != "{}" {
		return nil, programs.Refuse(programs.Invalid, "This operation takes no body.").At("body")
	}
	return body, nil
}

// checkQuery refuses (Invalid) queries that cannot be read, parameters the operation does not have, parameters that come twice, and
// those that say nothing. The framework takes an empty value for none given, and passes a name without = over when another
// parameter follows: an import with ?dry_run= or ?dry_run&full=true would be no dry run.
func checkQuery(raw string, doc *huma.Operation) error {
	if raw == "" {
		return nil
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return programs.Refuse(programs.Invalid, "The query cannot be read.").At("query")
	}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair != "" && !strings.Contains(pair, "=") {
			return programs.Refuse(programs.Invalid, "A query parameter has the form name=value.").At("query")
		}
	}
	var faults []door.Fault
	for name, values := range query {
		i := slices.IndexFunc(doc.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		switch {
		case i < 0:
			faults = append(faults, door.Fault{Location: "query." + name, Message: "There is no such query parameter here."})
		case len(values) != 1:
			faults = append(faults, door.Fault{Location: "query." + name, Message: "This query parameter comes once."})
		case values[0] == "" && doc.Parameters[i].Schema.Type != huma.TypeString:
			faults = append(faults, door.Fault{Location: "query." + name, Message: "This query parameter has no value."})
		case !utf8.ValidString(values[0]) || strings.IndexByte(values[0], 0) >= 0:
			faults = append(faults, door.Fault{Location: "query." + name, Message: "This is text in UTF-8 without U+0000."})
		}
	}
	if faults == nil {
		return nil
	}
	slices.SortFunc(faults, func(a, b door.Fault) int { return strings.Compare(a.Location, b.Location) })
	return door.InvalidProblem(faults...)
}

// fault is the problem that an error becomes. What is no refusal is our fault and goes into the log here, once.
func (s *server) fault(ctx context.Context, o operation, err error) error {
	rq := door.From(ctx)
	if stale := staleProblem(err); stale != nil {
		stale.Problem = *stale.With(rq)
		return stale
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // the client went away, or the server is closing
		return door.ProblemOf(programs.Busy).With(rq)
	}
	if door.IsFault(err) {
		s.Log.Error("operation failed", "operation", o.ID, "request_id", rq.ID, "error", err)
	}
	return door.ProblemOf(err).With(rq)
}

// describe adds the refusals to the operation's document, and its second success.
func (s *server) describe(o operation) {
	doc := s.documented(o)
	statuses := []int{401, 403, 422, 429, 500, 503}
	if strings.Contains(o.Path, "{") {
		statuses = append(statuses, 404)
	}
	if o.Method != http.MethodGet {
		statuses = append(statuses, 413, 415)
	}
	if o.Method == http.MethodPost || o.Method == http.MethodDelete {
		statuses = append(statuses, 409)
	}
	problem := s.huma.OpenAPI().Components.Schemas.Schema(problemType, true, "Problem")
	delete(doc.Responses, "default")
	for _, status := range append(statuses, o.Refusal...) {
		doc.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
		}
	}
	if o.Also != 0 {
		first := *doc.Responses[strconv.Itoa(o.Status)]
		first.Description = http.StatusText(o.Also)
		doc.Responses[strconv.Itoa(o.Also)] = &first
	}
}

// open takes "no other members" back from the schemas of answers: it is what we ask of requests, and a promise to clients that
// would make every new member of an answer a break.
func (s *server) open() {
	schemas := s.huma.OpenAPI().Components.Schemas
	asked := map[string]bool{}
	var ask func(*huma.Schema)
	ask = func(schema *huma.Schema) { // what a request holds is asked too, however deep
		if schema == nil || asked[schema.Ref] {
			return
		}
		if schema.Ref != "" {
			asked[schema.Ref] = true
			ask(schemas.SchemaFromRef(schema.Ref))
			return
		}
		ask(schema.Items)
		for _, member := range schema.Properties {
			ask(member)
		}
	}
	for _, item := range s.huma.OpenAPI().Paths {
		for _, o := range []*huma.Operation{item.Post, item.Put, item.Patch, item.Delete} {
			if o == nil || o.RequestBody == nil {
				continue
			}
			for _, media := range o.RequestBody.Content {
				ask(media.Schema)
			}
		}
	}
	for name, schema := range schemas.Map() {
		if !asked["#/components/schemas/"+name] {
			schema.AdditionalProperties = nil
		}
	}
}

// documented is the operation as the document has it.
func (s *server) documented(o operation) *huma.Operation {
	item := s.huma.OpenAPI().Paths[base+o.Path]
	switch o.Method {
	case http.MethodGet:
		return item.Get
	case http.MethodPost:
		return item.Post
	case http.MethodPut:
		return item.Put
	case http.MethodPatch:
		return item.Patch
	default:
		return item.Delete
	}
}
