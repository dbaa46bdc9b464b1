package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// asProgram makes the test binary be the program itself, for what needs a process: signals, locks, kill -9.
const asProgram = "RUN_AS_THE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		main()
	}
	os.Exit(m.Run())
}

// typed is a command line with what it printed.
type typed struct {
	status         int
	stdout, stderr string
}

// typing runs a command as typed, with nothing but the given environment.
func typing(t *testing.T, environ []string, stdin string, args ...string) typed {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), args, environ, strings.NewReader(stdin), &stdout, &stderr)
	return typed{status, stdout.String(), stderr.String()}
}

// scratch is the environment of a command with a database of its own.
func scratch(t testing.TB) []string {
	t.Helper()
	return []string{"WELLWEEK_DATABASE=" + filepath.Join(t.TempDir(), "hub.db")}
}

// heard collects what a server says, and answers when it has said something.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newHeard() *heard { return &heard{more: make(chan struct{}, 1)} }

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text.Write(b)
	select {
	case h.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// wait returns the first group of what the pattern finds, once it does.
func (h *heard) wait(t testing.TB, pattern string, ended <-chan struct{}) string {
	t.Helper()
	expr := regexp.MustCompile(pattern)
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	for {
		if m := expr.FindStringSubmatch(h.String()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-h.more:
		case <-ended:
			if m := expr.FindStringSubmatch(h.String()); m != nil {
				return m[len(m)-1]
			}
			t.Fatalf("it ended without saying %s:\n%s", pattern, h.String())
		case <-late.C:
			t.Fatalf("it did not say %s:\n%s", pattern, h.String())
		}
	}
}

// server is a running one, in this process or another.
type server struct {
	url            string
	stdout, stderr *heard
	stop           func() int // ends it and returns the exit status; again: the same
	process        *os.Process
}

const listens = `listens on (http://[^\s]+)\n`

// serving starts a server in this process and ends it with the test.
func serving(t testing.TB, environ []string, args ...string) *server {
	t.Helper()
	s := &server{stdout: newHeard(), stderr: newHeard()}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	status := -1
	go func() {
		defer close(ended)
		status = run(ctx, args, append([]string{"WELLWEEK_LISTEN=127.0.0.1:0"}, environ...), strings.NewReader(""), s.stdout, s.stderr)
	}()
	s.stop = func() int { cancel(); <-ended; return status }
	t.Cleanup(func() { s.stop() })
	s.url = s.stderr.wait(t, listens, ended)
	return s
}

// process starts the program in a process of its own and kills it with the test.
func process(t testing.TB, binary string, environ []string, args ...string) *server {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append([]string{"WELLWEEK_LISTEN=127.0.0.1:0", asProgram + "=1"}, environ...)
	s := &server{stdout: newHeard(), stderr: newHeard()}
	cmd.Stdout, cmd.Stderr = s.stdout, s.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = cmd.Process
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	s.stop = func() int { <-ended; return cmd.ProcessState.ExitCode() }
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	s.url = s.stderr.wait(t, listens, ended)
	return s
}

// itself is the path of the test binary, which is the program too.
func itself(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// caller speaks to a server as one token.
type caller struct {
	url, token string
	client     *http.Client
}

func (s *server) as(token string) caller {
	return caller{s.url, token, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}}
}

// send makes one request. body is encoded unless it is nil; headers are pairs.
func (c caller) send(method, path string, body any, headers ...string) (int, []byte, error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		in = bytes.NewReader(b)
	}
	r, err := http.NewRequest(method, c.url+path, in)
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := c.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	out, err := io.ReadAll(answer.Body)
	return answer.StatusCode, out, err
}

// must makes a request that has to be answered with this status, and returns the answer's members.
func (c caller) must(t testing.TB, want int, method, path string, body any, headers ...string) map[string]any {
	t.Helper()
	status, out, err := c.send(method, path, body, headers...)
	if err != nil || status != want {
		t.Fatalf("%s %s: %d %v, want %d\n%s", method, path, status, err, want, out)
	}
	members := map[string]any{}
	if len(out) > 0 {
		if err := json.Unmarshal(out, &members); err != nil {
			t.Fatalf("%s %s: %v\n%s", method, path, err, out)
		}
	}
	return members
}

// word is a member that is text.
func word(t testing.TB, members map[string]any, name string) string {
	t.Helper()
	s, ok := members[name].(string)
	if !ok || s == "" {
		t.Fatalf("no text %s in %v", name, members)
	}
	return s
}

// newToken makes a token on the command line.
func newToken(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	got := typing(t, environ, "", append([]string{"token", "create"}, args...)...)
	if got.status != 0 {
		t.Fatalf("token create: %d %s", got.status, got.stderr)
	}
	return strings.TrimSuffix(got.stdout, "\n")
}

// address is the nth made-up person's.
func address(n int) string { return fmt.Sprintf("person%03d@example.org", n) }
