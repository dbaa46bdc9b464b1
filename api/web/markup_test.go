package web

import (
	"strings"
	"testing"
)

func TestMarkdown(t *testing.T) {
	t.Parallel()
	md := markdown()
	for source, want := range map[string]string{
		"# One\n\n### Three":                           "<h3>One</h3>\n<h3>Three</h3>\n",
		"*a* **b** `c`":                                "<p><em>a</em> <strong>b</strong> <code>c</code></p>\n",
		"a  \nb":                                       "<p>a<br />\nb</p>\n",
		"[a](https://example.org/?a=1&b=2)":            `<p><a href="https://example.org/?a=1&amp;b=2">a</a></p>` + "\n",
		"[a](mailto:ann@example.org)":                  `<p><a href="mailto:ann@example.org">a</a></p>` + "\n",
		"[a](javascript:alert(1))":                     "<p>a</p>\n",
		"[a](JaVaScRiPt:alert(1))":                     "<p>a</p>\n",
		"[a](vbscript:x) [b](data:text/html,x) [c]()":  "<p>a b c</p>\n",
		"[a](&#106;avascript:alert(1))":                "<p>a</p>\n",
		"[a](javascript&colon;alert(1))":               "<p>a</p>\n",
		"[a]\n\n[a]: &#x6A;avascript:alert(1)":         "<p>a</p>\n",
		"![a](&#100;ata:text/html,x)":                  "<p>a</p>\n",
		"[a](&#1;javascript:x) [b](blob:x)":            "<p>a b</p>\n",
		"[a](/programs/yoga)":                          `<p><a href="/programs/yoga">a</a></p>` + "\n",
		"![a](https://example.org/a.png)":              `<p><a href="https://example.org/a.png">a</a></p>` + "\n",
		"![a](data:image/svg+xml;base64,AAAA)":         "<p>a</p>\n",
		`[a](https://example.org/"onmouseover="x)`:     `<p><a href="https://example.org/%22onmouseover=%22x">a</a></p>` + "\n",
		"<https://example.org/>":                       `<p><a href="https://example.org/">https://example.org/</a></p>` + "\n",
		"<javascript:x>":                               "<p>javascript:x</p>\n",
		"<ann@example.org>":                            `<p><a href="mailto:ann@example.org">ann@example.org</a></p>` + "\n",
		"a <script>alert(1)</script> b":                "",
		"<div onclick=x>a</div>":                       "",
		"<img src=x onerror=alert(1)>":                 "",
		"&lt;script&gt;":                               "<p>&lt;script&gt;</p>\n",
		"<a href=\"javascript:x\">a</a>\n\n<style>*{}": "",
	} {
		got, err := md(source)
		if err != nil {
			t.Fatal(err)
		}
		if want != "" && string(got) != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
		for _, bad := range []string{"<script", "<img", "<div", "<style", "=\"javascript:", "onerror", "onclick", "href=\"\""} {
			if strings.Contains(strings.ToLower(string(got)), bad) {
				t.Errorf("%q: %q", source, got)
			}
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range []string{"# a", "[a](b)", "![a](<b \">)", "<script>", "[a]: javascript:x\n\n[a]", "> * 1. `", "\x00", "&#106;avascript:"} {
		f.Add(s)
	}
	md := markdown()
	f.Fuzz(func(t *testing.T, source string) {
		got, err := md(source)
		if err != nil {
			t.Fatal(err)
		}
		lower := strings.ToLower(string(got))
		for _, bad := range []string{"<script", "<img", "<style", "<iframe", "<h1", "<h2", `="javascript:`, `="vbscript:`, `="data:`} {
			if strings.Contains(lower, bad) {
				t.Errorf("%q: %q", source, got)
			}
		}
	})
}

func TestIcons(t *testing.T) {
	t.Parallel()
	svg, err := icon("calendar-x")
	if err != nil || !strings.HasPrefix(string(svg), `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="`) || strings.Contains(string(svg), "<!--") {
		t.Errorf("%s, %v", svg, err)
	}
	if _, err := icon("none"); err == nil {
		t.Error("an icon that is none")
	}
}
