package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
)

var hardened sync.Once

// harden sets the framework's switches, which are variables of its package: once, or servers made in parallel would race on them.
func harden() {
	hardened.Do(func() {
		huma.ValidateStrictCasing = true  // {"NAME": ...} is not name
		huma.DefaultArrayNullable = false // our lists are never null
		huma.NewError = func(status int, _ string, errs ...error) huma.StatusError { return refusal(status, errs) }
		huma.NewErrorWithContext = func(ctx huma.Context, status int, _ string, errs ...error) huma.StatusError {
			p := refusal(status, errs)
			if ctx != nil {
				p = p.With(door.From(ctx.Context()))
			}
			return p
		}
	})
}

// refusal is the framework's own refusal in our words. Its sentences are ours or the schema's; the submitted values that it
// carries along (ErrorDetail.Value) and the texts of errors are dropped.
func refusal(status int, errs []error) *door.Problem {
	if status >= http.StatusInternalServerError {
		return door.ProblemOf(programs.Refuse(door.Internal, "Something went wrong on our side; the request id helps to find it."))
	}
	var faults []door.Fault
	for _, err := range errs {
		fault := door.Fault{Location: "body", Message: "This cannot be taken as it is."}
		var detail *huma.ErrorDetail
		if errors.As(err, &detail) {
			fault = door.Fault{Location: detail.Location, Message: detail.Message}
		}
		// The framework points at the object in which a member is missing; people look for the member.
		if rest, ok := strings.CutPrefix(fault.Message, "expected required property "); ok {
			name, _, _ := strings.Cut(rest, " ")
			fault = door.Fault{Location: fault.Location + "." + name, Message: "This member is required."}
		}
		switch {
		case fault.Message == "unexpected property":
			fault.Message = "There is no such member here."
		case fault.Message != "" && !strings.HasSuffix(fault.Message, "."):
			fault.Message = strings.ToUpper(fault.Message[:1]) + fault.Message[1:] + "."
		}
		faults = append(faults, fault)
	}
	slices.SortFunc(faults, func(a, b door.Fault) int {
		return strings.Compare(a.Location+"\x00"+a.Message, b.Location+"\x00"+b.Message)
	})
	return door.InvalidProblem(slices.Compact(faults)...)
}

// config is the framework without what it would do on its own: no pages, no schemas, no links built from the Host header, no
// media type but JSON.
func config() huma.Config {
	format := huma.Format{Marshal: marshal, Unmarshal: unmarshal}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Wellweek", Version: DocumentVersion,
				Description: "The calendar and email hub for wellness, childcare and training. Instants are RFC 3339 in UTC, wall times stand " +
					"beside an IANA time zone. Errors are problem documents (RFC 9457). Lists answer `items` and `next_cursor`. Any POST or " +
					"DELETE may carry an `Idempotency-Key` and is then safe to repeat.",
				License: &huma.License{Name: "MIT", Identifier: "MIT"},
			},
			Components: &huma.Components{
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"key": {Type: "http", Scheme: "bearer", Description: "A key made by `wellweek token create`, with a role or for a person."},
				},
			},
			Tags: tags(),
		},
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
	}
}

func marshal(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// unmarshal reads what the guard has found to be well-formed. encoding/json's own sentences repeat what was submitted.
func unmarshal(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return errors.New("A member has a value of the wrong kind or size.") //lint:ignore ST1005 it is a sentence for people
	}
	return nil
}
