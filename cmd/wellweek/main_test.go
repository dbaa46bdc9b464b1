package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/programs/demo"
	"github.com/wellweek/wellweek/programs/store"
)

// TestAsTyped runs command lines that need no history: what they answer with, and where they say it.
func TestAsTyped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args           string
		environ        []string
		status         int
		stdout, stderr string // patterns; empty: nothing may be there
	}{
		{args: "version", stdout: `^dev\n$`},
		{args: "--help", stdout: `(?s)serve.*demo.*token.*import.*check.*openapi.*version.*WELLWEEK_DATABASE`},
		{args: "serve --help", stdout: `(?s)--listen=HOST:PORT.*WELLWEEK_LISTEN,\s+default\s+127.0.0.1:8080.*--clock-start=INSTANT`},
		{args: "openapi", stdout: `(?s)openapi: "?3\.1.*/sessions`},
		{args: "openapi --json", stdout: `^\{`},
		{args: "", status: 2, stderr: `expected one of`},
		{args: "frobnicate", status: 2, stderr: `unexpected argument frobnicate`},
		{args: "version --frobnicate", status: 2, stderr: `unknown flag`},
		{args: "version", environ: []string{"WELLWEEK_LISTNE=x"}, status: 2, stderr: `^wellweek: WELLWEEK_LISTNE is no setting of this version; did you mean WELLWEEK_LISTEN\?\n$`},
		{args: "serve", environ: []string{"WELLWEEK_METRICS_LISTEN=:9"}, status: 2, stderr: `WELLWEEK_METRICS_LISTEN is no setting`},
		{args: "serve --listen nowhere", status: 2, stderr: `WELLWEEK_LISTEN \(--listen\) is an address`},
		{args: "serve", environ: []string{"WELLWEEK_LISTEN=nowhere"}, status: 2, stderr: `WELLWEEK_LISTEN \(--listen\) is an address`},
		{args: "serve", environ: []string{"WELLWEEK_SMTP_URL=smtp://u:hunter2@mx:x"}, status: 2, stderr: `WELLWEEK_SMTP_URL`},
		{args: "serve --clock-start yesterday", status: 2, stderr: `--clock-start is an instant such as`},
		{args: "serve --clock-start 1960-01-01T00:00:00Z", status: 2, stderr: `--clock-start is an instant after 1970`},
		{args: "serve --clock-speed 0", status: 2, stderr: `--clock-speed is a number above 0`},
		{args: "serve --clock-speed fast", status: 2, stderr: `--clock-speed`},
		{args: "demo --time-zone Mars/Olympus", status: 2, stderr: `WELLWEEK_TIME_ZONE`},
		{args: "token create", status: 2, stderr: `needs --role ROLE or --person EMAIL`},
		{args: "token create --role admin", status: 2, stderr: `needs --name`},
		{args: "token create --name x --role admin --person a@example.org", status: 2, stderr: `can't be used together`},
		{args: "token create --name x --role boss", status: 1, stderr: `A role is employee`},
		{args: "token create --name x --role admin --expires soon", status: 2, stderr: `--expires is an instant`},
		{args: "token create --name x --role admin --expires 2001-01-01T00:00:00Z", status: 1, stderr: `in the future`},
		{args: "token create --person nobody@example.org", status: 1, stderr: `There is nobody with that email`},
		{args: "token revoke 0", status: 1, stderr: `.`},
		{args: "token list", stdout: `^ID +NAME`},
		{args: "token list --json", stdout: `^\[\]\n$`},
		{args: "import people missing.csv", status: 1, stderr: `missing\.csv`},
		{args: "check", stderr: `^Everything holds\.\n$`},
		{args: "check --json", stdout: `^\[\]\n$`, stderr: `^Everything holds\.\n$`},
		{args: "check --database .", status: 1, stderr: `WELLWEEK_DATABASE`},
	} {
		t.Run(strings.Join(append([]string{c.args}, c.environ...), " "), func(t *testing.T) {
			t.Parallel()
			got := typing(t, append(scratch(t), c.environ...), "", strings.Fields(c.args)...)
			if got.status != c.status {
				t.Errorf("exit status %d, want %d", got.status, c.status)
			}
			for where, text := range map[string][2]string{"stdout": {got.stdout, c.stdout}, "stderr": {got.stderr, c.stderr}} {
				switch {
				case text[1] == "" && text[0] != "":
					t.Errorf("%s is not empty: %s", where, text[0])
				case !regexp.MustCompile(text[1]).MatchString(text[0]):
					t.Errorf("%s is not %s: %s", where, text[1], text[0])
				}
			}
			if strings.Contains(got.stdout+got.stderr, "hunter2") {
				t.Error("a secret is printed")
			}
		})
	}
}

// TestTokens walks a token through its life on the command line.
func TestTokens(t *testing.T) {
	t.Parallel()
	environ := scratch(t)
	first := newToken(t, environ, "--name", "intranet", "--role", "coordinator")
	if !regexp.MustCompile(`^ww_[A-Za-z0-9_-]{43}$`).MatchString(first) {
		t.Fatalf("the token is not alone on standard output: %q", first)
	}
	if again := newToken(t, environ, "--name", "reports", "--role", "reporter", "--expires", "90d"); again == first {
		t.Error("the same token twice")
	}
	lines := func() []keyLine {
		got := typing(t, environ, "", "token", "list", "--json")
		var keys []keyLine
		if err := json.Unmarshal([]byte(got.stdout), &keys); err != nil {
			t.Fatal(err, got.stderr)
		}
		return keys
	}
	keys := lines()
	if len(keys) != 2 || keys[0].Name != "intranet" || *keys[0].Role != "coordinator" || keys[0].ExpiresAt != nil || keys[1].ExpiresAt == nil {
		t.Fatalf("%+v", keys)
	}
	for range 2 {
		if got := typing(t, environ, "", "token", "revoke", keys[0].ID); got.status != 0 {
			t.Fatalf("revoke: %d %s", got.status, got.stderr)
		}
	}
	if keys = lines(); keys[0].State != "revoked" || keys[1].State != "active" {
		t.Errorf("%+v", keys)
	}
	if plain := typing(t, environ, "", "token", "list"); strings.Contains(plain.stdout, first) || !strings.Contains(plain.stdout, "revoked") {
		t.Errorf("the list: %s", plain.stdout)
	}
}

// TestImport imports a directory as typed: a look first, then for real, then again, then a faulty one.
func TestImport(t *testing.T) {
	t.Parallel()
	environ := scratch(t)
	file := filepath.Join(t.TempDir(), "people.csv")
	const header = "email,name,time_zone,locale,roles,office,department,manager_email\n"
	write := func(rows string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(header+rows), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(got typed, status int, want string) {
		t.Helper()
		if got.status != status {
			t.Errorf("exit status %d, want %d: %s", got.status, status, got.stderr)
		}
		if !strings.Contains(got.stdout+got.stderr, want) {
			t.Errorf("%s%s does not say %s", got.stdout, got.stderr, want)
		}
	}
	write("ann@example.org,Ann Example,Europe/Lisbon,,admin,Lisbon,People,\nbob@example.org,Bob Example,,,,Lisbon,,ann@example.org\n")
	check(typing(t, environ, "", "import", "people", file, "--dry-run"), 0, "It would be: 2 added")
	check(typing(t, environ, "", "import", "people", file), 0, "Imported: 2 added, 0 updated, 0 the same, 0 missing.")
	check(typing(t, environ, "", "import", "people", file), 0, "Imported: 0 added, 0 updated, 2 the same, 0 missing.")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	check(typing(t, environ, strings.Replace(string(text), "Bob Example", "Bob Sample", 1), "import", "people", "-", "--json"), 0, `"updated": 1`)
	write("cid@example.org,Cid Example,,,,,,\nnot an address,Dee Example,,,,,,\n")
	check(typing(t, environ, "", "import", "people", file), 1, "row 2")
	check(typing(t, environ, "", "token", "create", "--person", "cid@example.org"), 1, "nobody with that email")
	write("ann@example.org,Ann Example,Europe/Lisbon,,admin,Lisbon,People,\n")
	check(typing(t, environ, "", "import", "people", file, "--full"), 1, "confirm")
	check(typing(t, environ, "", "import", "people", file, "--full", "--confirm-missing"), 0, "1 missing")
	check(typing(t, environ, "", "token", "create", "--person", "bob@example.org"), 1, "")
	if got := newToken(t, environ, "--person", "ann@example.org"); !strings.HasPrefix(got, "ww_") {
		t.Errorf("ann's token is %q", got)
	}
	check(typing(t, environ, strings.Repeat("x", importLimit+1), "import", "people", "-"), 1, "larger than 1 MiB")
}

// TestFlagOverEnvironment holds that a flag wins over the environment.
func TestFlagOverEnvironment(t *testing.T) {
	t.Parallel()
	environ := []string{"WELLWEEK_DATABASE=" + filepath.Join(t.TempDir(), "environment.db")}
	flag := filepath.Join(t.TempDir(), "flag.db")
	newToken(t, environ, "--name", "x", "--role", "admin", "--database", flag)
	got := typing(t, environ, "", "token", "list", "--json")
	if d := cmp.Diff(typed{0, "[]\n", ""}, got, cmp.AllowUnexported(typed{})); d != "" {
		t.Error(d)
	}
	if _, err := os.Stat(flag); err != nil {
		t.Error(err)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for words, want := range map[[2]string]int{
		{"", ""}: 0, {"abc", "abc"}: 0, {"abc", ""}: 3, {"", "abc"}: 3, {"listen", "listne"}: 2, {"smtpurl", "smtp_url"}: 1, {"kitten", "sitting"}: 3,
	} {
		if got := distance(words[0], words[1]); got != want {
			t.Errorf("%v: %d, want %d", words, got, want)
		}
	}
}

// TestCheckFindsFaults damages a database past the rules: check names what is wrong and ends with 1.
func TestCheckFindsFaults(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), wall().now
	environ := scratch(t)
	s, err := store.Open(ctx, store.Options{Database: strings.TrimPrefix(environ[0], "WELLWEEK_DATABASE="), Schemas: schemas(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = demo.Build(ctx, s, now()); err != nil {
		t.Fatal(err)
	}
	if got := typing(t, environ, "", "check"); got.status != 0 || got.stdout != "" {
		t.Errorf("before: %d %s%s", got.status, got.stdout, got.stderr)
	}
	if _, err = store.Write(ctx, s, func(tx *store.Tx) (int64, error) {
		return tx.Exec(`update sessions set waiting = waiting + 1 where waiting > 0`)
	}); err != nil {
		t.Fatal(err)
	}
	if err = s.Close(); err != nil {
		t.Fatal(err)
	}
	got := typing(t, environ, "", "check")
	if got.status != 1 || !regexp.MustCompile(`^I-\d+\t`).MatchString(got.stdout) || got.stderr != "" {
		t.Errorf("after: %d %s%s", got.status, got.stdout, got.stderr)
	}
	var faults []faultLine
	got = typing(t, environ, "", "check", "--json")
	if err := json.Unmarshal([]byte(got.stdout), &faults); err != nil || got.status != 1 || len(faults) == 0 || faults[0].Rows == "" {
		t.Errorf("as JSON: %d %v %s", got.status, err, got.stdout)
	}
}

// shouting panics when it is written to.
type shouting struct{}

func (shouting) Write([]byte) (int, error) { panic("a fault") }

func TestAFaultIsNoSuccess(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a panic ended as a success")
		}
	}()
	run(t.Context(), []string{"version"}, nil, strings.NewReader(""), shouting{}, io.Discard)
}
