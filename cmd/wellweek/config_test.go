package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSettingsInReadme holds the README's table to the struct.
func TestSettingsInReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "\n"+table()+"\n") {
		t.Errorf("the README's table of settings is not that of the struct, which is:\n%s", table())
	}
}

// TestEverySettingIsSaid holds that no field of the struct lacks what the table and the help are made of.
func TestEverySettingIsSaid(t *testing.T) {
	t.Parallel()
	for i, s := range list() {
		f := reflect.TypeFor[settings]().Field(i)
		if s.flag == "" || s.help == "" || !strings.HasSuffix(s.help, ".") {
			t.Errorf("%s has no name or no sentence", f.Name)
		}
		if want := "WELLWEEK_" + strings.ToUpper(strings.ReplaceAll(s.flag, "-", "_")); s.env != want {
			t.Errorf("%s: %s, want %s", f.Name, s.env, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	ours, err := environment([]string{"PATH=/bin", "WELLWEEK_LISTEN=:80", "WELLWEEK_SMTP_URL=", "OTHER_WELLWEEK_X=1", "WELLWEEK_DATABASE=a=b"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"WELLWEEK_LISTEN": ":80", "WELLWEEK_DATABASE": "a=b"}, ours); d != "" {
		t.Error(d)
	}
	for name, want := range map[string]string{
		"WELLWEEK_LISTNE":       "did you mean WELLWEEK_LISTEN?",
		"WELLWEEK_SMTPURL":      "did you mean WELLWEEK_SMTP_URL?",
		"WELLWEEK_PUBLICURL":    "did you mean WELLWEEK_PUBLIC_URL?",
		"WELLWEEK_MAGIC_BUTTON": "see wellweek serve --help",
		"WELLWEEK_":             "is no setting",
	} {
		_, err := environment([]string{name + "=hush"})
		if err == nil || !strings.Contains(err.Error(), name+" is no setting") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the value is repeated: %v", name, err)
		}
	}
}

func defaults() settings {
	return settings{Listen: "127.0.0.1:8080", Database: "wellweek.db", TimeZone: "UTC"}
}

func TestCheckFillsIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*settings)
		want   []any // public URL, from, reply domain, relay, level
	}{
		"nothing set":       {func(*settings) {}, []any{"http://127.0.0.1:8080", "wellweek@wellweek.invalid", "wellweek.invalid", false, slog.LevelInfo}},
		"all addresses":     {func(s *settings) { s.Listen = "0.0.0.0:80" }, []any{"http://localhost:80", "wellweek@wellweek.invalid", "wellweek.invalid", false, slog.LevelInfo}},
		"IPv6":              {func(s *settings) { s.Listen = "[::1]:80" }, []any{"http://[::1]:80", "wellweek@wellweek.invalid", "wellweek.invalid", false, slog.LevelInfo}},
		"a public host":     {func(s *settings) { s.PublicURL = "https://hub.example.org/" }, []any{"https://hub.example.org", "wellweek@hub.example.org", "hub.example.org", false, slog.LevelInfo}},
		"a relay":           {func(s *settings) { s.SMTPURL, s.MailFrom = "smtp://mx.example.org:25?tls=off", "Hub@Example.org" }, []any{"http://127.0.0.1:8080", "hub@example.org", "example.org", true, slog.LevelInfo}},
		"a domain of reply": {func(s *settings) { s.ReplyDomain, s.LogLevel = "in.example.org", "debug" }, []any{"http://127.0.0.1:8080", "wellweek@wellweek.invalid", "in.example.org", false, slog.LevelDebug}},
	} {
		s := defaults()
		c.change(&s)
		got, err := s.check(false)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(c.want, []any{got.PublicURL, got.MailFrom, got.ReplyDomain, got.relay != nil, got.level}); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	s := defaults()
	s.TrustedProxies = "10.1.2.3/8, ::1,"
	got, err := s.check(true)
	if err != nil {
		t.Fatal(err)
	}
	if want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}; !slices.Equal(got.proxies, want) {
		t.Errorf("proxies %v, want %v", got.proxies, want)
	}
	if got.level != slog.LevelWarn {
		t.Errorf("quiet is %v", got.level)
	}
}

// TestCheckRefuses holds that a bad setting is refused by both of its names, and never repeated: it may be a password typed into
// the wrong line.
func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	const bad = "hunter2"
	for flag, changes := range map[string][]func(*settings){
		"listen":          {func(s *settings) { s.Listen = bad }, func(s *settings) { s.Listen = "" }},
		"public-url":      {func(s *settings) { s.PublicURL = bad }, func(s *settings) { s.PublicURL = "ftp://" + bad }, func(s *settings) { s.PublicURL = "https://example.org/" + bad }, func(s *settings) { s.PublicURL = "https://u:" + bad + "@example.org" }},
		"smtp-url":        {func(s *settings) { s.SMTPURL = "smtp://u:" + bad + "@mx:99999" }, func(s *settings) { s.SMTPURL = bad }},
		"mail-from":       {func(s *settings) { s.MailFrom = bad }, func(s *settings) { s.SMTPURL = "smtp://u:" + bad + "@mx" }, func(s *settings) { s.MailFrom = strings.Repeat("a", 36) + "@example.org" }},
		"reply-domain":    {func(s *settings) { s.ReplyDomain = bad + " x" }},
		"time-zone":       {func(s *settings) { s.TimeZone = bad }, func(s *settings) { s.TimeZone = "Local" }},
		"trusted-proxies": {func(s *settings) { s.TrustedProxies = "10.0.0.0/8," + bad }},
		"log-level":       {func(s *settings) { s.LogLevel = bad }},
	} {
		for i, change := range changes {
			s := defaults()
			change(&s)
			_, err := s.check(false)
			if err == nil || !strings.Contains(err.Error(), envName(flag)) || !strings.Contains(err.Error(), "--"+flag) {
				t.Errorf("%s %d: %v", flag, i, err)
			} else if strings.Contains(err.Error(), bad) {
				t.Errorf("%s %d repeats the value: %v", flag, i, err)
			}
		}
	}
}

// TestSecretsAreNotPrinted prints the settings in every way that a log or an error may.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	s := defaults()
	s.SMTPURL, s.Database = "smtp://user:hunter2@mx", "postgres://user:hunter2@db/hub"
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Info("settings", "smtp", s.SMTPURL, "database", s.Database)
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s.SMTPURL, s.Database), b.String()} {
		if strings.Contains(text, "hunter2") || !strings.Contains(text, "***") {
			t.Error(text)
		}
	}
	if s := database("hub.db"); s.String() != "hub.db" || s.postgres() {
		t.Errorf("a path is %v", s)
	}
	if s := secret(""); s.String() != "" {
		t.Errorf("no secret is %q", s.String())
	}
	if b, err := json.Marshal(s); err != nil || strings.Contains(string(b), "hunter2") {
		t.Errorf("as JSON: %s %v", b, err)
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://localhost": true, "http://[::1]:1": true, "http://127.9.9.9": true,
		"http://10.0.0.1": false, "https://localhost.example.org": false, "http://0.0.0.0:80": false, "": false,
	} {
		if loopback(url) != want {
			t.Errorf("%q is %v", url, !want)
		}
	}
}
