package api

import (
	"bytes"
	"html/template"
	"net/http"
	"sync"

	"github.com/go-chi/chi/v5"

	"github.com/wellweek/wellweek/api/web"
)

// docsPolicy is the only policy of ours with an unsafe word in it: Stoplight Elements sets inline styles. Scripts, pictures and
// requests stay our own; the page shows no data of anybody's.
const docsPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
	"object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// docsTemplate is the page at /docs. The element fills the window, hence the heights; without scripts the document itself is linked.
const docsTemplate = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>API · Wellweek</title>
<link rel="icon" href="{{.Icon}}" type="image/svg+xml">
<link rel="stylesheet" href="{{.Elements}}">
<link rel="stylesheet" href="{{.Style}}">
</head>
<body>
<header class="bar"><a href="/">Wellweek</a><h1>API</h1><a href="/openapi.yaml">openapi.yaml</a></header>
<main><noscript><p>This page reads <a href="/openapi.yaml">openapi.yaml</a> and shows it with JavaScript. Every program that understands OpenAPI 3.1 can read that file too.</p></noscript>
<elements-api apiDescriptionUrl="/openapi.json" router="hash" layout="responsive" hideExport="true"></elements-api></main>
<script src="{{.Script}}" defer></script>
</body>
</html>
`

// mountDocs puts the page on the router.
func mountDocs(r chi.Router) { r.Method(http.MethodGet, "/docs", docs()) }

// docs answers GET and HEAD /docs. It is open to everybody on purpose: there are no data in it.
func docs() http.Handler {
	page := sync.OnceValue(func() []byte { // it names the static files, and those are read when the first is wanted
		var b bytes.Buffer
		err := template.Must(template.New("docs").Parse(docsTemplate)).Execute(&b, struct{ Icon, Elements, Style, Script string }{
			web.AssetURL("icon.svg"), web.AssetURL("elements/styles.min.css"), web.AssetURL("docs.css"), web.AssetURL("elements/web-components.min.js"),
		})
		if err != nil { // the template and its values are constants
			panic(err)
		}
		return b.Bytes()
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := page()
		h := w.Header()
		h.Set("Content-Security-Policy", docsPolicy)
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(body)
	})
}
