package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// hall makes, over the API, a session with so many seats and as many people, and returns the session and the people's ids.
func hall(t *testing.T, c caller, people int, start time.Time) (session string, ids []string) {
	t.Helper()
	for n := range people {
		ids = append(ids, word(t, c.must(t, http.StatusCreated, "POST", "/api/v1/people", map[string]any{
			"email": address(n), "name": "Person " + strconv.Itoa(n), "roles": []string{"employee"},
		}), "id"))
	}
	program := word(t, c.must(t, http.StatusCreated, "POST", "/api/v1/programs", map[string]any{"slug": "yoga", "name": "Yoga", "kind": "wellness"}), "id")
	series := word(t, c.must(t, http.StatusCreated, "POST", "/api/v1/series", map[string]any{
		"program_id": program, "title": "Lunchtime yoga", "local_start": start.Format("2006-01-02T15:04"), "time_zone": "UTC", "duration_minutes": 45, "capacity": people,
	}), "id")
	list := c.must(t, http.StatusOK, "GET", "/api/v1/sessions?series_id="+series, nil)
	items := list["items"].([]any)
	if len(items) != 1 {
		t.Fatalf("%d sessions", len(items))
	}
	return word(t, items[0].(map[string]any), "id"), ids
}

func tomorrow() time.Time { return time.Now().UTC().Add(48 * time.Hour) }

func TestServe(t *testing.T) {
	t.Parallel()
	environ := scratch(t)
	s := serving(t, environ, "serve")
	for path, want := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/openapi.yaml": 200, "/openapi.json": 200, "/docs": 200, "/api/v1/programs": 401, "/api/v1/nowhere": 404, "/mail": 401,
	} {
		if status, out, err := s.as("").send("GET", path, nil); status != want || err != nil {
			t.Errorf("%s: %d %v, want %d: %.200s", path, status, err, want, out)
		}
	}
	// A command beside the server: what it makes is good at once, what it revokes is dead within a second.
	admin := newToken(t, environ, "--name", "x", "--role", "admin")
	c := s.as(admin)
	c.must(t, http.StatusOK, "GET", "/api/v1/people", nil)
	id := word(t, c.must(t, http.StatusCreated, "POST", "/api/v1/people", map[string]any{"email": "ann@example.org", "name": "Ann"}), "id")
	own := newToken(t, environ, "--person", "ann@example.org")
	if me := s.as(own).must(t, http.StatusOK, "GET", "/api/v1/me", nil); word(t, me, "id") != id {
		t.Errorf("ann is %v", me)
	}
	list := typing(t, environ, "", "token", "list")
	for line := range strings.Lines(list.stdout) {
		if strings.Contains(line, " admin ") {
			if got := typing(t, environ, "", "token", "revoke", strings.Fields(line)[0]); got.status != 0 {
				t.Fatal(got.stderr)
			}
		}
	}
	dead := false
	for range 30 {
		if status, _, _ := c.send("GET", "/api/v1/people", nil); status == http.StatusUnauthorized {
			dead = true
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !dead {
		t.Error("a revoked token works for more than a second")
	}
	if got := typing(t, environ, "", "check"); got.status != 0 {
		t.Errorf("check beside the server: %d %s%s", got.status, got.stdout, got.stderr)
	}
	if status := s.stop(); status != 0 {
		t.Errorf("exit status %d: %s", status, s.stderr)
	}
	if strings.Contains(s.stderr.String(), admin) || strings.Contains(s.stderr.String(), "ann@example.org") || s.stdout.String() != "" {
		t.Errorf("the log says too much:\n%s\n%s", s.stderr, s.stdout)
	}
}

// TestShutdownUnderLoad ends a server in the middle of sign-ups: every request is either answered or was never done.
func TestShutdownUnderLoad(t *testing.T) {
	t.Parallel()
	const people = 400
	environ := scratch(t)
	s := serving(t, environ, "serve")
	c := s.as(newToken(t, environ, "--name", "load", "--role", "admin"))
	session, ids := hall(t, c, people, tomorrow())

	var answered, refused atomic.Int64
	var clients sync.WaitGroup
	next := make(chan string, people)
	for _, id := range ids {
		next <- id
	}
	close(next)
	for range 16 {
		clients.Go(func() {
			for id := range next {
				switch status, out, err := c.send("POST", "/api/v1/sessions/"+session+"/signups", map[string]any{"person_id": id}); {
				case err != nil:
					refused.Add(1)
				case status != http.StatusCreated:
					t.Errorf("%d: %s", status, out)
				default:
					if answered.Add(1) == people/8 {
						go s.stop()
					}
				}
			}
		})
	}
	clients.Wait()
	if status := s.stop(); status != 0 {
		t.Fatalf("exit status %d: %s", status, s.stderr)
	}
	if answered.Load() < people/8 || refused.Load() == 0 {
		t.Fatalf("%d were answered and %d refused: the end did not come in the middle", answered.Load(), refused.Load())
	}

	again := serving(t, environ, "serve")
	roster := again.as(c.token).must(t, http.StatusOK, "GET", "/api/v1/sessions/"+session+"/signups?limit=1000", nil)
	if got := int64(len(roster["items"].([]any))); got != answered.Load() {
		t.Errorf("%d sign-ups are on the disk, %d were answered with 201", got, answered.Load())
	}
	if got := typing(t, environ, "", "check"); got.status != 0 {
		t.Errorf("check: %s%s", got.stdout, got.stderr)
	}
}

// inHand opens a request that the server is in the middle of: it has asked for the body and got none of it yet.
func inHand(t *testing.T, s *server, environ []string, body string) net.Conn {
	t.Helper()
	token := newToken(t, environ, "--name", "x", "--role", "admin")
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "POST /api/v1/programs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", token, len(body))
	const want = "HTTP/1.1 100 Continue\r\n\r\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("%q %v", got, err)
	}
	return conn
}

// refuses waits until nobody can connect any more.
func (s *server) refuses(t *testing.T) {
	t.Helper()
	for range 200 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			return
		}
		conn.Close()
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it still takes connections")
}

// TestShutdownFinishesRequests holds a request open while the server goes down: nobody else is let in, the request is answered,
// and only then the process ends.
func TestShutdownFinishesRequests(t *testing.T) {
	t.Parallel()
	const body = `{"slug":"yoga","name":"Yoga","kind":"wellness"}`
	environ := scratch(t)
	s := process(t, itself(t), environ, "serve")
	conn := inHand(t, s, environ, body)
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.refuses(t)
	_, _ = io.WriteString(conn, body)
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 201 ") {
		t.Errorf("the request in hand got %q, %v", answer, err)
	}
	if status := s.stop(); status != 0 {
		t.Errorf("exit status %d: %s", status, s.stderr)
	}
}

// TestDraining holds that readiness says no as soon as the process is going down, and names no secret.
func TestDraining(t *testing.T) {
	t.Parallel()
	h := &hub{loops: &loops{clock: wall()}}
	if err := h.ready(context.Background()); err != nil {
		t.Errorf("before: %v", err)
	}
	h.draining.Store(true)
	if err := h.ready(context.Background()); err == nil || !strings.Contains(err.Error(), "going down") {
		t.Errorf("while it goes down: %v", err)
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signals []os.Signal
		want    int
	}{
		"SIGTERM": {[]os.Signal{syscall.SIGTERM}, 0},
		"SIGINT":  {[]os.Signal{syscall.SIGINT}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environ := scratch(t)
			s := process(t, itself(t), environ, "serve")
			for _, sig := range c.signals {
				if err := s.process.Signal(sig); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.stop(); got != c.want {
				t.Errorf("exit status %d, want %d: %s", got, c.want, s.stderr)
			}
			path := strings.TrimPrefix(environ[0], "WELLWEEK_DATABASE=")
			if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
				t.Errorf("%d bytes are left in the write-ahead log", wal.Size())
			}
		})
	}
}

// TestOneGesture holds that two signals in the same moment, as timeout(1) sends them, are one: the request in hand is answered.
func TestOneGesture(t *testing.T) {
	t.Parallel()
	const body = `{"slug":"yoga","name":"Yoga","kind":"wellness"}`
	environ := scratch(t)
	s := process(t, itself(t), environ, "serve")
	conn := inHand(t, s, environ, body)
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} { // two of a kind may arrive as one
		if err := s.process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	s.refuses(t)
	_, _ = io.WriteString(conn, body)
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 201 ") {
		t.Errorf("the request in hand got %q, %v", answer, err)
	}
	if status := s.stop(); status != 0 {
		t.Errorf("exit status %d: %s", status, s.stderr)
	}
}

// TestSecondSignal holds that a second signal ends the process at once, although a request is still in hand.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	environ := scratch(t)
	s := process(t, itself(t), environ, "serve")
	inHand(t, s, environ, "{}")
	for i := range 2 {
		if err := s.process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(i, err)
		}
		s.refuses(t)
		time.Sleep(gesture) // not the same gesture any more
	}
	begun := time.Now()
	if status := s.stop(); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestOneOwner holds that a second server on one SQLite file is refused with the first one's process id and path, that commands
// work beside it, and that kill -9 frees the file.
func TestOneOwner(t *testing.T) {
	t.Parallel()
	environ := scratch(t)
	path := strings.TrimPrefix(environ[0], "WELLWEEK_DATABASE=")
	s := process(t, itself(t), environ, "serve")
	got := typing(t, append(environ, "WELLWEEK_LISTEN=127.0.0.1:0"), "", "serve")
	if got.status != 1 || !strings.Contains(got.stderr, strconv.Itoa(s.process.Pid)) || !strings.Contains(got.stderr, path) {
		t.Errorf("a second owner: %d %s", got.status, got.stderr)
	}
	newToken(t, environ, "--name", "x", "--role", "admin")
	if err := s.process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.stop()
	again := serving(t, environ, "serve")
	if status, _, err := again.as("").send("GET", "/readyz", nil); status != http.StatusOK || err != nil {
		t.Errorf("after kill -9: %d %v", status, err)
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, command := range []string{"serve", "demo"} {
		got := typing(t, scratch(t), "", command, "--listen", taken.Addr().String())
		if got.status != 1 || !strings.Contains(got.stderr, "another program listens on that port") || !strings.Contains(got.stderr, "WELLWEEK_LISTEN or --listen") {
			t.Errorf("%s: %d %s", command, got.status, got.stderr)
		}
	}
}

// TestRehearsalStart holds that a rehearsal does not begin before what has happened.
func TestRehearsalStart(t *testing.T) {
	t.Parallel()
	environ := scratch(t)
	newToken(t, environ, "--name", "x", "--role", "admin") // journaled now
	got := typing(t, append(environ, "WELLWEEK_LISTEN=127.0.0.1:0"), "", "serve", "--clock-start", "2020-01-01T00:00:00Z")
	if got.status != 2 || strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, "before the newest entry of the journal") {
		t.Errorf("%d %s", got.status, got.stderr)
	}
	later := time.Now().UTC().Add(time.Hour).Format(time.RFC3339)
	s := serving(t, environ, "serve", "--clock-start", later, "--clock-speed", "60")
	if status := s.stop(); status != 0 {
		t.Errorf("an hour later: %d %s", status, s.stderr)
	}
}

// TestCapped holds that a listener keeps as many connections as it may and takes the next when one ends.
func TestCapped(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newCapped(inner, 2)
	accepted := make(chan net.Conn)
	ended := make(chan error, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- conn
		}
	}()
	var dialed []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		dialed = append(dialed, conn)
	}
	defer func() {
		for _, conn := range dialed {
			conn.Close()
		}
	}()
	first, second := <-accepted, <-accepted
	select {
	case <-accepted:
		t.Fatal("a third connection of two")
	case <-time.After(50 * time.Millisecond):
	}
	for range 2 { // closing twice gives one slot back
		_ = first.Close()
	}
	third := <-accepted
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept ended with %v", err)
	}
	_, _ = second.Close(), third.Close()
}
