package web

import (
	"bytes"
	"html/template"
	"net/url"
	"regexp"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
)

// This is the only file that makes template.HTML: of Markdown, through goldmark, and of our own icons.

// markdown turns a description into HTML. Raw HTML is dropped by goldmark, addresses other than web and mail ones by link. Headings become
// h3, because the page has its own h1 and h2; a picture becomes a link to it, because a page loads nothing from elsewhere.
func markdown() func(string) (template.HTML, error) {
	md := goldmark.New(goldmark.WithRendererOptions(
		html.WithXHTML(),
		renderer.WithNodeRenderers(util.Prioritized(tamed{}, 100)),
	))
	return func(source string) (template.HTML, error) {
		var b bytes.Buffer
		if err := md.Convert([]byte(source), &b); err != nil {
			return "", err
		}
		return template.HTML(b.String()), nil
	}
}

// tamed renders what a description may not have in the form of its author.
type tamed struct{}

// RegisterFuncs implements goldmark's renderer.NodeRenderer.
func (tamed) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindHeading, func(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
		tag := "<h3>"
		if !entering {
			tag = "</h3>\n"
		}
		_, err := w.WriteString(tag)
		return ast.WalkContinue, err
	})
	r.Register(ast.KindLink, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		return link(w, n.(*ast.Link).Destination, entering)
	})
	r.Register(ast.KindAutoLink, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		a := n.(*ast.AutoLink)
		to := a.URL(source)
		if a.AutoLinkType == ast.AutoLinkEmail {
			to = append([]byte("mailto:"), to...)
		}
		if _, err := link(w, to, true); err != nil {
			return ast.WalkStop, err
		}
		_, _ = w.Write(util.EscapeHTML(a.Label(source)))
		return link(w, to, false)
	})
	r.Register(ast.KindImage, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		return link(w, n.(*ast.Image).Destination, entering)
	})
}

// link writes an a around its words, or the words alone where its address is neither of the web nor of mail. What is judged is what
// will be written: escaping undoes entities, so &#106;avascript: is javascript: only behind it.
func link(w util.BufWriter, to []byte, entering bool) (ast.WalkStatus, error) {
	to = util.URLEscape(to, true)
	if !follows(string(to)) {
		return ast.WalkContinue, nil
	}
	if !entering {
		_, err := w.WriteString("</a>")
		return ast.WalkContinue, err
	}
	_, _ = w.WriteString(`<a href="`)
	_, _ = w.Write(util.EscapeHTML(to))
	_, err := w.WriteString(`">`)
	return ast.WalkContinue, err
}

// follows reports whether an address may be a link: http, https, mailto, or one of this site.
func follows(to string) bool {
	u, err := url.Parse(to)
	if err != nil || to == "" {
		return false
	}
	switch u.Scheme {
	case "", "http", "https", "mailto":
		return true
	}
	return false
}

var (
	iconComment = regexp.MustCompile(`(?s)<!--.*?-->\s*`)
	iconOpening = regexp.MustCompile(`(?s)<svg.*?>`)
	iconSpace   = regexp.MustCompile(`\s*\n\s*`)
)

// icon is one of the vendored icons, for the page itself. It always stands beside a word, so that readers of the screen pass it over.
func icon(name string) (template.HTML, error) {
	svg, err := embedded.ReadFile("static/lucide/" + name + ".svg")
	if err != nil {
		return "", err
	}
	svg = iconComment.ReplaceAll(svg, nil)
	svg = iconOpening.ReplaceAll(svg, []byte(`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">`))
	return template.HTML(iconSpace.ReplaceAll(bytes.TrimSpace(svg), nil)), nil
}
