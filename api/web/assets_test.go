package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func fetch(path, accept string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", accept)
	rec := httptest.NewRecorder()
	staticFile(rec, r)
	return rec.Result()
}

func read(t *testing.T, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAssets(t *testing.T) {
	t.Parallel()
	for name, budget := range map[string]int{ // bytes on the wire
		"site.css": 8_000, "docs.css": 1_000, "icon.svg": 500, "inter/inter-latin-wght-normal.woff2": 50_000,
		"elements/web-components.min.js": 620_000, "elements/styles.min.css": 51_000,
	} {
		url := AssetURL(name)
		zipped := fetch(url, "br, gzip")
		body := read(t, zipped.Body)
		if zipped.StatusCode != 200 || zipped.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || len(body) > budget ||
			zipped.Header.Get("Content-Length") != strconv.Itoa(len(body)) || zipped.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %d, %d bytes of %d, %v", name, zipped.StatusCode, len(body), budget, zipped.Header)
		}
		if zipped.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			body = read(t, z)
		}
		plain := fetch(url, "identity")
		if got := read(t, plain.Body); plain.Header.Get("Content-Encoding") != "" || !bytes.Equal(got, body) {
			t.Errorf("%s: the plain form differs", name)
		}
		for _, other := range []string{strings.Replace(url, ".", ".0", 1), "/static/" + name, "/" + name} {
			if r := fetch(other, ""); r.StatusCode != 404 || strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %d", other, r.StatusCode)
			}
		}
	}
	css := read(t, fetch(AssetURL("site.css"), "").Body)
	if !bytes.Contains(css, []byte(path.Base(AssetURL("inter/inter-latin-wght-normal.woff2")))) {
		t.Error("the stylesheet does not name the font by its hash")
	}
	for _, secret := range []string{"/static/elements/LICENSE", "/static/../web.go", "/static/lucide/user.svg", "/static/"} {
		if r := fetch(secret, ""); r.StatusCode != 404 {
			t.Errorf("%s: %d", secret, r.StatusCode)
		}
	}
}

// What others made is what it was when it was taken, has its license beside it, and asks nobody else for anything.
func TestVendored(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"elements", "inter", "lucide"} {
		sums := map[string]string{}
		text, err := embedded.ReadFile("static/" + folder + "/SHA256SUMS")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			sums[words[1]] = words[0]
		}
		for _, name := range []string{"LICENSE", "VERSION"} {
			b, err := embedded.ReadFile("static/" + folder + "/" + name)
			if err != nil || name == "VERSION" && !bytes.Contains(b, []byte("SPDX-License-Identifier: ")) {
				t.Errorf("%s/%s: %v", folder, name, err)
			}
		}
		entries, err := fs.ReadDir(embedded, "static/"+folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			switch e.Name() {
			case "LICENSE", "VERSION", "SHA256SUMS":
				continue
			}
			b, err := embedded.ReadFile("static/" + folder + "/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(b); sums[e.Name()] != hex.EncodeToString(sum[:]) {
				t.Errorf("%s/%s is not what SHA256SUMS says", folder, e.Name())
			}
		}
	}
	for _, css := range []string{"elements/styles.min.css", "site.css", "docs.css"} {
		body := read(t, fetch(AssetURL(css), "").Body)
		if m := regexp.MustCompile(`(url\(["']?|@import\s+["'])(https?:)?//`).Find(body); m != nil {
			t.Errorf("%s asks another host: %s", css, m)
		}
	}
}

// tokens are the custom properties of a stylesheet's light-dark pairs by selector.
func tokens(css string) map[string]map[string][2]string {
	all := map[string]map[string][2]string{}
	for _, block := range regexp.MustCompile(`(:root|\.h-\w+)\{([^}]*)\}`).FindAllStringSubmatch(css, -1) {
		for _, pair := range regexp.MustCompile(`--([\w-]+):light-dark\((#\w{6}),(#\w{6})\)`).FindAllStringSubmatch(block[2], -1) {
			if all[block[1]] == nil {
				all[block[1]] = map[string][2]string{}
			}
			all[block[1]][pair[1]] = [2]string{pair[2], pair[3]}
		}
	}
	return all
}

// contrast is that of WCAG 2.2 between two colors.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	light := func(hex string) float64 {
		n, err := strconv.ParseUint(hex[1:], 16, 32)
		if err != nil {
			t.Fatalf("no color: %q", hex)
		}
		channel := func(v uint64) float64 {
			c := float64(v&255) / 255
			if c <= 0.04045 {
				return c / 12.92
			}
			return math.Pow((c+0.055)/1.055, 2.4)
		}
		return 0.2126*channel(n>>16) + 0.7152*channel(n>>8) + 0.0722*channel(n)
	}
	x, y := light(a), light(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// Every pair of colors that stands on another in the pages: text at least 4.5, lines of controls and the focus at least 3.
func TestContrast(t *testing.T) {
	t.Parallel()
	css, err := embedded.ReadFile("static/site.css")
	if err != nil {
		t.Fatal(err)
	}
	all := tokens(string(css))
	root := all[":root"]
	check := func(name string, fg, bg [2]string, least float64) {
		for i, mode := range []string{"light", "dark"} {
			if c := contrast(t, fg[i], bg[i]); c < least {
				t.Errorf("%s, %s: %.2f is under %.1f", name, mode, c, least)
			}
		}
	}
	for _, p := range []struct {
		fg, bg string
		least  float64
	}{
		{"ink", "paper", 4.5},
		{"ink", "surface", 4.5},
		{"ink", "surface-2", 4.5},
		{"ink-2", "paper", 4.5},
		{"ink-2", "surface", 4.5},
		{"ink-2", "surface-2", 4.5},
		{"surface", "ink", 4.5},
		{"brand", "paper", 4.5},
		{"brand", "surface", 4.5},
		{"brand-hover", "surface", 4.5},
		{"brand-ink", "brand", 4.5},
		{"brand-ink", "brand-hover", 4.5},
		{"brand-soft-ink", "brand-soft", 4.5},
		{"warn-ink", "warn-soft", 4.5},
		{"warn-ink", "surface", 4.5},
		{"bad-ink", "bad-soft", 4.5},
		{"ink-2", "glow-1", 4.5},
		{"ink-2", "glow-2", 4.5},
		{"brand", "glow-2", 4.5},
		{"line-strong", "surface", 3},
		{"line-strong", "paper", 3},
		{"focus", "paper", 3},
		{"focus", "surface", 3},
		{"focus", "surface-2", 3},
	} {
		check(p.fg+" on "+p.bg, root[p.fg], root[p.bg], p.least)
	}
	hues := 0
	for selector, pairs := range all {
		if !strings.HasPrefix(selector, ".h-") {
			continue
		}
		hues++
		check(selector+" on its soft", pairs["h"], pairs["soft"], 4.5)
		check(selector+" on surface", pairs["h"], root["surface"], 4.5)
	}
	if hues != 8 {
		t.Errorf("%d hues", hues)
	}
	if c := contrast(t, "#ffffff", "#000000"); math.Abs(c-21) > 0.01 {
		t.Errorf("the sum itself is wrong: %.2f", c)
	}
}
