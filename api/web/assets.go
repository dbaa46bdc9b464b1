package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed static
var embedded embed.FS

// asset is one static file. Its address has the first 12 letters of the SHA-256 of what is embedded, so that it can be kept for good.
type asset struct {
	url   string
	mime  string
	plain []byte // nil for what is embedded compressed: few ask for it plain
	gzip  func() []byte
}

// mimes are the kinds of files that are served; licenses and checksums beside them are not.
var mimes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

// assets holds every static file by name and by address. It is read once, when the first one is wanted: most commands of the program
// never want any.
var assets = sync.OnceValue(func() map[string]*asset {
	all := map[string]*asset{}
	walk := func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(name, "static/")
		base, packed := strings.CutSuffix(name, ".gz")
		mime := mimes[path.Ext(base)]
		if mime == "" || path.Dir(base) == "lucide" {
			return nil
		}
		body, err := embedded.ReadFile("static/" + name)
		if err != nil {
			return err
		}
		if base == "site.css" { // the one file that names another
			body = bytes.ReplaceAll(body, []byte("inter-latin-wght-normal.woff2"), []byte(path.Base(all["inter/inter-latin-wght-normal.woff2"].url)))
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(base)
		a := &asset{url: "/static/" + path.Base(strings.TrimSuffix(base, ext)) + "." + hex.EncodeToString(sum[:6]) + ext, mime: mime, plain: body}
		switch {
		case packed:
			a.plain, a.gzip = nil, func() []byte { return body }
		case ext != ".woff2": // compressed already
			a.gzip = sync.OnceValue(func() []byte { return squeeze(body) })
		}
		all[base], all[a.url] = a, a
		return nil
	}
	if err := fs.WalkDir(embedded, "static", walk); err != nil { // embedded files do not fail
		panic(err)
	}
	return all
})

// AssetURL is the path of a static file by its name, such as site.css. It panics for a name that is none: names are constants.
func AssetURL(name string) string {
	a, ok := assets()[name]
	if !ok {
		panic("web: no static file " + name)
	}
	return a.url
}

// staticFile answers /static/...: only addresses with the right hash, so that an old page never gets a new file.
func staticFile(w http.ResponseWriter, r *http.Request) {
	a, ok := assets()[r.URL.Path]
	if !ok || !strings.HasPrefix(r.URL.Path, "/static/") {
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.mime)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := a.plain
	if a.gzip != nil && (strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") || a.plain == nil) {
		body = a.gzip()
		if a.plain == nil && !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			body = expand(body)
		} else {
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func squeeze(body []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a constant, memory does not fail
	_, _ = z.Write(body)
	_ = z.Close()
	return b.Bytes()
}

// expand undoes the compression of an embedded file for a client that takes none.
func expand(packed []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil { // embedded, and held to its checksum by a test
		panic(err)
	}
	body, err := io.ReadAll(z)
	if err != nil {
		panic(err)
	}
	return body
}
