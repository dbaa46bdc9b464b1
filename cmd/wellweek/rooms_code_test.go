package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is one Go file of the project.
type source struct {
	name  string // slashed, below the root: programs/store/signup.go
	lines int
	set   *token.FileSet
	file  *ast.File
}

func (s source) folder() string { return path.Dir(s.name) }
func (s source) test() bool     { return strings.HasSuffix(s.name, "_test.go") }

// forTests are the two packages that help tests and therefore may import testing.
func (s source) forTests() bool {
	return s.test() || s.folder() == "programs/store/storetest" || s.folder() == "notify/notifytest"
}

// at is where a fault is.
func (s source) at(n ast.Node) string {
	return s.name + ":" + strconv.Itoa(s.set.Position(n.Pos()).Line)
}

// local is the name under which the file knows an import; empty: not imported.
func (s source) local(imp string) string {
	for _, i := range s.file.Imports {
		if p, _ := strconv.Unquote(i.Path.Value); p == imp {
			if i.Name != nil {
				return i.Name.Name
			}
			base := path.Base(imp)
			if strings.HasPrefix(base, "v") && len(base) < 4 {
				base = path.Base(path.Dir(imp))
			}
			return base
		}
	}
	return ""
}

// uses calls f for every mention imported.Name of an import's names.
func (s source) uses(imp string, f func(sel *ast.SelectorExpr)) {
	name := s.local(imp)
	if name == "" {
		return
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == name {
				f(sel)
			}
		}
		return true
	})
}

func parse(name string, text any) (source, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, filepath.Join(root, name), text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	return source{name: name, set: set, file: f, lines: set.File(f.Pos()).LineCount()}, nil
}

// sources are all Go files of the project.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, name := range files(t, ".go") {
		s, err := parse(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// files are the project's files with this ending; hidden folders, bin and testdata are not the project's code.
func files(t *testing.T, ending string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "bin" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(p, ending) {
			rel, err := filepath.Rel(root, p)
			names = append(names, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// noClock finds readers of the clock outside cmd: elsewhere now is an argument, or rehearsal and tests lie.
func noClock(s source) (faults []string) {
	if s.forTests() || s.folder() == "cmd/wellweek" {
		return nil
	}
	s.uses("time", func(sel *ast.SelectorExpr) {
		if slices.Contains([]string{"Now", "Since", "Until", "Tick", "NewTicker"}, sel.Sel.Name) {
			faults = append(faults, s.at(sel)+" reads the clock (time."+sel.Sel.Name+"); only cmd knows the time")
		}
	})
	return append(faults, s.dots("time")...)
}

// noEnvironment finds readers of environment, arguments and flags outside cmd: a setting is a field that cmd hands in.
func noEnvironment(s source) (faults []string) {
	if s.forTests() || s.folder() == "cmd/wellweek" {
		return nil
	}
	for imp, names := range map[string][]string{
		"os": {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Args"}, "syscall": {"Getenv", "Environ"},
	} {
		s.uses(imp, func(sel *ast.SelectorExpr) {
			if slices.Contains(names, sel.Sel.Name) {
				faults = append(faults, s.at(sel)+" reads the surroundings ("+imp+"."+sel.Sel.Name+"); only cmd knows flags and environment")
			}
		})
	}
	if s.local("flag") != "" {
		faults = append(faults, s.name+" imports flag; only cmd knows flags")
	}
	return append(faults, s.dots("os")...)
}

func (s source) dots(imp string) []string {
	if s.local(imp) == "." {
		return []string{s.name + " imports " + imp + " with a dot; nobody could see whose name is whose"}
	}
	return nil
}

// noInit finds init functions: what runs before main can neither be handed a setting nor be left out by a test.
func noInit(s source) (faults []string) {
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			faults = append(faults, s.at(f)+" is an init function; what starts is called by name from main")
		}
	}
	return faults
}

var humaError = regexp.MustCompile(`^Error5\d\d|^NewError`)

// onlyOp finds operations that are registered past op(), which would run without its permission check, and 5xx errors whose
// text huma would print to the client.
func onlyOp(s source) (faults []string) {
	if s.test() {
		return nil
	}
	s.uses("github.com/danielgtaylor/huma/v2", func(sel *ast.SelectorExpr) {
		switch n := sel.Sel.Name; {
		case slices.Contains([]string{"Register", "AutoRegister", "Get", "Post", "Put", "Patch", "Delete", "Head"}, n) && s.name != "api/op.go":
			faults = append(faults, s.at(sel)+" registers with huma."+n+"; op() in api/op.go is the only way, with its Act")
		case humaError.MatchString(n) && s.name != "api/harden.go":
			faults = append(faults, s.at(sel)+" makes huma."+n+", whose text reaches the client; answer door.Problem(err)")
		}
	})
	return append(faults, s.dots("github.com/danielgtaylor/huma/v2")...)
}

// onlyHeaders finds mail headers written past notify/headers.go, the one place that cleans them.
func onlyHeaders(s source) (faults []string) {
	if s.test() || s.name == "notify/headers.go" {
		return nil
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(sel.Sel.Name, "SetGenHeader") {
			faults = append(faults, s.at(sel)+" writes a mail header; notify/headers.go is the only place")
		}
		return true
	})
	return faults
}

// oneHome finds imports that belong to one file or room whatever the table of modules says.
func oneHome(s source) (faults []string) {
	for _, i := range s.file.Imports {
		imp, _ := strconv.Unquote(i.Path.Value)
		switch {
		case imp == "testing" && !s.forTests():
			faults = append(faults, s.at(i)+" imports testing outside tests")
		case imp == "net/smtp":
			faults = append(faults, s.at(i)+" imports net/smtp; mail goes out through notify's own transaction")
		case within(imp, "github.com/prometheus/client_golang") && s.name != "cmd/wellweek/metrics.go":
			faults = append(faults, s.at(i)+" imports client_golang; cmd/wellweek/metrics.go alone knows the metrics' format")
		case imp == "unsafe" || imp == "plugin":
			faults = append(faults, s.at(i)+" imports "+imp)
		}
	}
	return faults
}

func TestRoomsCode(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, rule := range []func(source) []string{noClock, noEnvironment, noInit, onlyOp, onlyHeaders, oneHome} {
			report(t, rule(s))
		}
	}
}

func TestRoomsCodeMutations(t *testing.T) {
	t.Parallel()
	const humaImport = "import \"github.com/danielgtaylor/huma/v2\"\n"
	for _, c := range []struct {
		rule              string
		check             func(source) []string
		wrongIn, wrong    string
		rightIn, rightOne string
	}{
		{"clock", noClock, "notify/plan.go", "import \"time\"\nvar x = time.Now()", "cmd/wellweek/clock.go", "import \"time\"\nvar x = time.Now()"},
		{"clock under another name", noClock, "notify/plan.go", "import clock \"time\"\nvar x = clock.Since", "notify/plan.go", "import \"time\"\nvar x = time.NewTimer"},
		{"clock with a dot", noClock, "notify/plan.go", "import . \"time\"\nvar x = Now()", "notify/plan_test.go", "import \"time\"\nvar x = time.Now()"},
		{"ticker", noClock, "api/feed.go", "import \"time\"\nvar x = time.NewTicker(1)", "api/feed.go", "import \"time\"\nvar x = time.Hour"},
		{"environment", noEnvironment, "programs/store/store.go", "import \"os\"\nvar x = os.Getenv(\"A\")", "programs/store/store.go", "import \"os\"\nvar x = os.Getpid()"},
		{"arguments", noEnvironment, "api/api.go", "import \"os\"\nvar x = os.Args", "cmd/wellweek/main.go", "import \"os\"\nvar x = os.Args"},
		{"flag", noEnvironment, "calendar/feed.go", "import \"flag\"\nvar x = flag.Args", "calendar/feed_test.go", "import \"flag\"\nvar x = flag.Args"},
		{"init", noInit, "api/api.go", "func init() {}", "api/api.go", "type t struct{}\nfunc (t) init() {}"},
		{"register", onlyOp, "api/signup.go", humaImport + "var x = huma.Register", "api/op.go", humaImport + "var x = huma.Register"},
		{"short register", onlyOp, "api/signup.go", humaImport + "var x = huma.Get", "api/signup.go", humaImport + "var x = huma.Operation{}"},
		{"5xx text", onlyOp, "api/op.go", humaImport + "var x = huma.Error500InternalServerError", "api/op.go", humaImport + "var x = huma.Error404NotFound"},
		{"header", onlyHeaders, "notify/compose.go", "func f(m interface{ SetGenHeader() }) { m.SetGenHeader() }", "notify/headers.go", "func f(m interface{ SetGenHeader() }) { m.SetGenHeader() }"},
		{"testing", oneHome, "notify/send.go", "import \"testing\"\nvar x testing.TB", "notify/notifytest/sink.go", "import \"testing\"\nvar x testing.TB"},
		{"smtp", oneHome, "notify/send.go", "import \"net/smtp\"\nvar x smtp.Client", "notify/send.go", "import \"net/mail\"\nvar x mail.Address"},
		{"metrics", oneHome, "api/api.go", "import \"github.com/prometheus/client_golang/prometheus\"\nvar x prometheus.Desc", "cmd/wellweek/metrics.go", "import \"github.com/prometheus/client_golang/prometheus\"\nvar x prometheus.Desc"},
	} {
		wrong, err := parse(c.wrongIn, "package p\n"+c.wrong)
		if err != nil {
			t.Fatal(c.rule, err)
		}
		right, err := parse(c.rightIn, "package p\n"+c.rightOne)
		if err != nil {
			t.Fatal(c.rule, err)
		}
		mutation(t, c.rule, c.check(wrong), c.check(right))
	}
}

// noTimes finds time.Time handed to a query: the driver would store Go's String form, which does not sort. It needs types, so it
// reads what the compiler exported.
func noTimes(set *token.FileSet, parsed []*ast.File, imp types.Importer) ([]string, error) {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	if _, err := (&types.Config{Importer: imp}).Check("p", set, parsed, info); err != nil {
		return nil, err
	}
	var faults []string
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || info.Selections[sel] == nil || !slices.Contains(
				[]string{"Exec", "Query", "QueryRow", "ExecContext", "QueryContext", "QueryRowContext"}, sel.Sel.Name) {
				return true
			}
			for _, arg := range call.Args {
				ast.Inspect(arg, func(n ast.Node) bool {
					e, ok := n.(ast.Expr)
					if !ok {
						return true
					}
					if _, inner := n.(*ast.CallExpr); inner && !moment(info.Types[e].Type) {
						return false // what a call was given is not what it answers
					}
					if tv := info.Types[e]; tv.IsValue() && moment(tv.Type) {
						faults = append(faults, set.Position(e.Pos()).String()+" hands a time.Time to a query; an instant is programs.Instant, integer milliseconds")
						return false
					}
					return true
				})
			}
			return true
		})
	}
	return faults, nil
}

// moment reports whether a value of the type would reach a driver as a time.
func moment(t types.Type) bool {
	if t == nil {
		return false
	}
	switch s := types.TypeString(t, nil); s {
	case "time.Time", "*time.Time", "database/sql.NullTime", "*database/sql.NullTime", "database/sql.Null[time.Time]":
		return true
	}
	return false
}

// compiled imports packages from what the compiler exported.
func compiled(t *testing.T, set *token.FileSet) types.Importer {
	t.Helper()
	exports := map[string]string{}
	dec := json.NewDecoder(bytes.NewReader(goList(t, "-export", "-deps", "-json=ImportPath,Export", "./...")))
	for dec.More() {
		var p struct{ ImportPath, Export string }
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
	}
	return importer.ForCompiler(set, "gc", func(p string) (io.ReadCloser, error) {
		if exports[p] == "" {
			return nil, fmt.Errorf("nothing was exported for %s", p)
		}
		return os.Open(exports[p])
	})
}

func TestRoomsTimes(t *testing.T) {
	t.Parallel()
	set := token.NewFileSet()
	imp := compiled(t, set)
	byRoom := map[string][]*ast.File{}
	for _, name := range files(t, ".go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, filepath.Join(root, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		byRoom[path.Dir(name)] = append(byRoom[path.Dir(name)], f)
	}
	for name, parsed := range byRoom {
		faults, err := noTimes(set, parsed, imp)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		report(t, faults)
	}
	sample := func(args string) []string {
		f, err := parser.ParseFile(set, "sample.go", "package p\nimport (\n\"database/sql\"\n\"time\"\n)\nvar _ time.Time\nfunc f(db *sql.DB, at time.Time, ms int64) { db.Exec(\"\", "+args+") }", parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		faults, err := noTimes(set, []*ast.File{f}, imp)
		if err != nil {
			t.Fatal(err)
		}
		return faults
	}
	mutation(t, "time to a query", sample("at"), sample("ms"))
	mutation(t, "pointer to a query", sample("&at"), sample("at.UnixMilli()"))
	mutation(t, "time in a list", sample("[]any{1, at.UTC()}..."), sample("[]any{1, at.Unix()}..."))
	mutation(t, "null time", sample("sql.NullTime{Time: at}"), sample("at.Format(time.RFC3339)"))
}
