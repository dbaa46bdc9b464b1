package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The architecture as a test. Each rule is a function over what was read from disk, so that the mutation test beside it can hand
// it a wrong sample: a rule that lets its sample pass is no rule. Rules about code are in rooms_code_test.go, about SQL in
// rooms_sql_test.go, about files in rooms_files_test.go.

const module = "github.com/wellweek/wellweek"

// room is one line of the table of rooms: whom it may know, and which modules are at home in it.
type room struct {
	may     []string // rooms it may import
	modules []string // third-party modules at home here
	tests   []string // rooms that only its test files may import
	later   bool     // the room's first line of code comes with a later feature
}

// rooms is the line of rooms, left to right. A room never knows one to its right: not what mails it, not who asks, not the time.
func rooms() map[string]room {
	left := []string{"programs", "programs/words", "programs/store"}
	with := func(more ...string) []string { return slices.Concat(left, more) }
	sample := []string{"programs/store/storetest", "programs/demo"}
	post := append(slices.Clone(sample), "notify/notifytest")
	return map[string]room{
		"programs":       {},
		"programs/words": {later: true},
		"programs/store": {
			may: left[:1], modules: []string{"modernc.org/sqlite", "github.com/jackc/pgx/v5", "github.com/google/uuid"},
			tests: []string{"programs/store/storetest"},
		},
		"programs/store/storetest": {may: []string{"programs", "programs/store"}, modules: []string{"github.com/jackc/pgx/v5"}},
		"programs/demo":            {may: []string{"programs", "programs/store"}, tests: sample},
		"calendar":                 {may: left[:2], modules: []string{"github.com/emersion/go-ical"}},
		"notify": {
			may:     with("calendar"),
			modules: []string{"github.com/wneessen/go-mail", "github.com/emersion/go-smtp", "github.com/yuin/goldmark", "golang.org/x/sync"},
			tests:   post,
		},
		"notify/notifytest": {may: with("calendar", "notify"), modules: []string{"github.com/emersion/go-smtp"}},
		"api/door":          {may: left, modules: []string{"golang.org/x/time"}, tests: sample},
		"api/identity": {
			may:     with("notify", "api/door"),
			modules: []string{"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2", "github.com/go-chi/chi/v5"},
			tests:   post,
		},
		"api/web": {
			may:     with("calendar", "notify", "api/door", "api/identity"),
			modules: []string{"github.com/go-chi/chi/v5", "github.com/yuin/goldmark", "rsc.io/qr"},
			tests:   post,
		},
		"api": {
			may:     with("calendar", "notify", "api/door", "api/identity", "api/web"),
			modules: []string{"github.com/danielgtaylor/huma/v2", "github.com/go-chi/chi/v5", "golang.org/x/sync"},
			tests:   post,
		},
		"cmd/wellweek": {
			may:     with("programs/demo", "calendar", "notify", "api/door", "api/identity", "api/web", "api"),
			modules: []string{"github.com/alecthomas/kong", "github.com/prometheus/client_golang", "github.com/schollz/progressbar/v3"},
			tests:   post,
		},
	}
}

// listed is what go list says about one package.
type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// folder is the package's place below the module's root.
func (p listed) folder() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// root is the folder of go.mod, as seen from the tests of this package.
const root = "../.."

// goList runs the go command with the one set of build flags that everything here uses: another set would compile SQLite again.
func goList(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func packages(t *testing.T) []listed {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(goList(t, "-json=ImportPath,Imports,TestImports,XTestImports", "./..."))))
	var all []listed
	for dec.More() {
		var p listed
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// everyRoom finds packages that are no room and rooms that have no package.
func everyRoom(all []listed) []string {
	var faults []string
	seen := map[string]bool{}
	for _, p := range all {
		seen[p.folder()] = true
		if _, ok := rooms()[p.folder()]; !ok {
			faults = append(faults, p.folder()+" is no room: every line of code has a home in one of those there are")
		}
	}
	for name, r := range rooms() {
		if !seen[name] && !r.later {
			faults = append(faults, name+" is a room without a package")
		}
	}
	return faults
}

// leftOnly finds imports of a room that this one must not know, and modules outside their home.
func leftOnly(p listed) []string {
	r, ok := rooms()[p.folder()]
	if !ok {
		return nil // everyRoom speaks about it
	}
	var faults []string
	for _, imp := range p.Imports {
		switch {
		case imp == "C":
			faults = append(faults, p.folder()+" uses cgo; the program is one static file")
		case own(imp):
			if name := strings.TrimPrefix(imp, module+"/"); !slices.Contains(r.may, name) {
				faults = append(faults, fmt.Sprintf("%s imports %s; imports point left only", p.folder(), name))
			}
		case !standard(imp):
			if !slices.ContainsFunc(r.modules, func(m string) bool { return within(imp, m) }) {
				faults = append(faults, fmt.Sprintf("%s imports %s, which is not at home there", p.folder(), imp))
			}
		}
	}
	for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
		if name := strings.TrimPrefix(imp, module+"/"); own(imp) && imp != p.ImportPath && !slices.Contains(r.may, name) && !slices.Contains(r.tests, name) {
			faults = append(faults, fmt.Sprintf("a test of %s imports %s; test files have no arrow to the right either", p.folder(), name))
		}
	}
	return faults
}

func own(imp string) bool            { return within(imp, module) }
func within(imp, parent string) bool { return imp == parent || strings.HasPrefix(imp, parent+"/") }

// standard reports whether an import is of the standard library: its first element has no dot.
func standard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}

// topLevel finds names beside go.mod that have no place there. Dotfiles have, and so has bin, which git ignores.
func topLevel(names []string) []string {
	known := []string{"cmd", "programs", "calendar", "notify", "api", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE", "CHANGELOG.md", "bin"}
	var faults []string
	for _, n := range names {
		if !strings.HasPrefix(n, ".") && !slices.Contains(known, n) {
			faults = append(faults, n+" has no place at the top: a document is a doc comment or the README, a script is a make target or a command")
		}
	}
	return faults
}

func TestRoomsImports(t *testing.T) {
	t.Parallel()
	all := packages(t)
	report(t, everyRoom(all))
	for _, p := range all {
		report(t, leftOnly(p))
	}
}

func TestRoomsTopLevel(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	report(t, topLevel(names))
}

// TestRoomsLibc holds the one indirect version that must not move alone: modernc.org/sqlite is generated against exactly the
// modernc.org/libc that its own go.mod names.
func TestRoomsLibc(t *testing.T) {
	t.Parallel()
	gomod := strings.TrimSpace(string(goList(t, "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite")))
	theirs, err := os.ReadFile(gomod)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	want, have := required(string(theirs), "modernc.org/libc"), required(string(ours), "modernc.org/libc")
	if want == "" || want != have {
		t.Errorf("go.mod has modernc.org/libc %s, modernc.org/sqlite was made for %s", have, want)
	}
	if got := required("require (\n\tmodernc.org/libc v1.2.3 // indirect\n)", "modernc.org/libc"); got != "v1.2.3" {
		t.Errorf("required reads %q", got)
	}
}

// required is the version of a module in a go.mod file, empty when it is not there.
func required(gomod, mod string) string {
	for line := range strings.Lines(gomod) {
		words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(words) >= 2 && words[0] == mod {
			return words[1]
		}
	}
	return ""
}

func TestRoomsMutations(t *testing.T) {
	t.Parallel()
	at := func(folder string, imports ...string) listed {
		return listed{ImportPath: path.Join(module, folder), Imports: imports}
	}
	var complete []listed
	for name := range rooms() {
		complete = append(complete, at(name))
	}
	for name, c := range map[string]struct{ wrong, right []string }{
		"arrow to the right":        {leftOnly(at("programs/store", module+"/notify")), leftOnly(at("notify", module+"/programs/store"))},
		"calendar knows no store":   {leftOnly(at("calendar", module+"/programs/store")), leftOnly(at("calendar", module+"/programs"))},
		"pure room":                 {leftOnly(at("programs", "github.com/google/uuid")), leftOnly(at("programs", "time"))},
		"mail outside notify":       {leftOnly(at("api", "github.com/wneessen/go-mail")), leftOnly(at("notify", "github.com/wneessen/go-mail"))},
		"huma in the door":          {leftOnly(at("api/door", "github.com/danielgtaylor/huma/v2")), leftOnly(at("api", "github.com/danielgtaylor/huma/v2/adapters/humachi"))},
		"module of a similar name":  {leftOnly(at("calendar", "github.com/emersion/go-icalendar")), leftOnly(at("calendar", "github.com/emersion/go-ical"))},
		"cgo":                       {leftOnly(at("programs/store", "C")), nil},
		"test arrow to the right":   {leftOnly(listed{ImportPath: module + "/calendar", XTestImports: []string{module + "/notify"}}), leftOnly(listed{ImportPath: module + "/notify", XTestImports: []string{module + "/notify", module + "/notify/notifytest"}})},
		"testing rooms in the code": {leftOnly(at("notify", module+"/notify/notifytest")), nil},
		"package that is no room":   {everyRoom(append(slices.Clone(complete), at("internal/common"))), everyRoom(complete)},
		"room without a package":    {everyRoom(slices.DeleteFunc(slices.Clone(complete), func(p listed) bool { return p.folder() == "notify" })), nil},
		"top-level folder":          {topLevel([]string{"go.mod", "scripts"}), topLevel([]string{"go.mod", "cmd", ".ci"})},
	} {
		mutation(t, name, c.wrong, c.right)
	}
}

// mutation fails when a rule lets its wrong sample pass, or finds fault with a right one.
func mutation(t *testing.T, rule string, wrong, right []string) {
	t.Helper()
	if len(wrong) == 0 {
		t.Errorf("%s: the rule lets the wrong sample pass", rule)
	}
	for _, f := range right {
		t.Errorf("%s: the rule finds fault with a right sample: %s", rule, f)
	}
}

func report(t *testing.T, faults []string) {
	t.Helper()
	slices.Sort(faults)
	for _, f := range faults {
		t.Error(f)
	}
}
