package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

var longReason = regexp.MustCompile(`(?i)over 500 lines`)

// notLong finds files of more than 500 lines that do not say at their top why one noun needs so many.
func notLong(s source) []string {
	if s.lines <= 500 {
		return nil
	}
	for _, g := range s.file.Comments {
		if s.set.Position(g.Pos()).Line <= 20 && longReason.MatchString(g.Text()) {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s has %d lines; split it by noun, or say at its top why it is over 500 lines", s.name, s.lines)}
}

var vendored = regexp.MustCompile(`\.(min\.\w+|woff2?|ttf|otf|map)(\.gz)?$`)

// withOrigin finds files made by others without license, SPDX line and checksum. They live in folders of their own below a
// folder named static; there, LICENSE has the text, VERSION the origin with an SPDX line, SHA256SUMS one line a file.
func withOrigin(tree fs.FS) []string {
	var faults []string
	folders := map[string][]string{}
	_ = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			faults = append(faults, err.Error())
			return nil
		}
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "bin") {
				return fs.SkipDir
			}
			return nil
		}
		_, below, static := strings.Cut(name, "/static/")
		switch {
		case static && strings.Contains(below, "/"):
			folders[path.Dir(name)] = append(folders[path.Dir(name)], path.Base(name))
		case vendored.MatchString(name):
			faults = append(faults, name+" was made by others; it belongs in a folder of its own below static, with license and checksum")
		}
		return nil
	})
	for folder, names := range folders {
		faults = append(faults, originOf(tree, folder, names)...)
	}
	return faults
}

func originOf(tree fs.FS, folder string, names []string) (faults []string) {
	sums := map[string]string{}
	text, err := fs.ReadFile(tree, path.Join(folder, "SHA256SUMS"))
	if err != nil {
		faults = append(faults, folder+" has no SHA256SUMS")
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 2 {
			sums[strings.TrimPrefix(words[1], "*")] = words[0]
		}
	}
	license, spdx := false, false
	for _, name := range names {
		b, err := fs.ReadFile(tree, path.Join(folder, name))
		if err != nil {
			return append(faults, err.Error())
		}
		switch {
		case strings.HasPrefix(name, "LICENSE"):
			license = true
			spdx = spdx || strings.Contains(string(b), "SPDX-License-Identifier:")
		case name == "VERSION", strings.HasPrefix(name, "README"):
			spdx = spdx || strings.Contains(string(b), "SPDX-License-Identifier:")
		case name == "SHA256SUMS":
		default:
			if sum := sha256.Sum256(b); sums[name] != hex.EncodeToString(sum[:]) {
				faults = append(faults, path.Join(folder, name)+" is not what SHA256SUMS says")
			}
		}
	}
	if !license {
		faults = append(faults, folder+" has no LICENSE")
	}
	if !spdx {
		faults = append(faults, folder+" has no SPDX-License-Identifier line in VERSION or LICENSE")
	}
	return faults
}

func TestRoomsFiles(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		report(t, notLong(s))
	}
	report(t, withOrigin(os.DirFS(root)))
}

func TestRoomsFilesMutations(t *testing.T) {
	t.Parallel()
	long := func(head string) []string {
		s, err := parse("api/x.go", head+"package p\n"+strings.Repeat("// line\n\n", 260))
		if err != nil {
			t.Fatal(err)
		}
		return notLong(s)
	}
	mutation(t, "long file", long(""), long("// This table is over 500 lines because each client has a row.\n\n"))

	vendor := func(change func(fstest.MapFS)) []string {
		sum := sha256.Sum256([]byte("code"))
		tree := fstest.MapFS{
			"api/web/static/site.css":       {Data: []byte("ours")},
			"api/web/static/lib/LICENSE":    {Data: []byte("license text")},
			"api/web/static/lib/VERSION":    {Data: []byte("lib 1.0\nSPDX-License-Identifier: MIT\n")},
			"api/web/static/lib/lib.min.js": {Data: []byte("code")},
			"api/web/static/lib/SHA256SUMS": {Data: []byte(hex.EncodeToString(sum[:]) + "  lib.min.js\n")},
		}
		change(tree)
		return withOrigin(tree)
	}
	right := vendor(func(fstest.MapFS) {})
	mutation(t, "no license", vendor(func(m fstest.MapFS) { delete(m, "api/web/static/lib/LICENSE") }), right)
	mutation(t, "no SPDX line", vendor(func(m fstest.MapFS) { delete(m, "api/web/static/lib/VERSION") }), right)
	mutation(t, "no checksum", vendor(func(m fstest.MapFS) { delete(m, "api/web/static/lib/SHA256SUMS") }), right)
	mutation(t, "changed file", vendor(func(m fstest.MapFS) { m["api/web/static/lib/lib.min.js"] = &fstest.MapFile{Data: []byte("other")} }), right)
	mutation(t, "file of others among ours", vendor(func(m fstest.MapFS) { m["api/web/static/x.min.js"] = &fstest.MapFile{Data: []byte("x")} }), right)
}
