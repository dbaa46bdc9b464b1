package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wellweek/wellweek/notify/notifytest"
)

// TestKill sends 64 sign-ups for 10 places at once over HTTP and kills the server with SIGKILL in the middle, at another moment each
// round; some clients hang up before they hear the answer. After a restart everything that was answered is true, a retry under the
// same key gets the same answer, nobody is overlooked, and every mail owed arrives: a second copy only with the same Message-ID.
func TestKill(t *testing.T) {
	t.Parallel()
	for round, after := range []int64{1, 7, 10, 23, 50} {
		t.Run(fmt.Sprintf("after %d answers", after), func(t *testing.T) {
			t.Parallel()
			killRound(t, round, after)
		})
	}
}

func killRound(t *testing.T, round int, after int64) {
	const people, places = 64, 10
	sink := notifytest.New(t, notifytest.Options{Pipelining: round%2 == 0})
	environ := []string{
		"WELLWEEK_DATABASE=" + filepath.Join(t.TempDir(), "hub.db"), "WELLWEEK_MAIL_FROM=wellweek@example.org",
		fmt.Sprintf("WELLWEEK_SMTP_URL=smtp://%s:%d?tls=off", sink.Host, sink.Port), "WELLWEEK_PUBLIC_URL=https://wellweek.example.org",
	}
	s := process(t, itself(t), environ, "serve")
	token := newToken(t, environ, "--name", "load", "--role", "admin")
	c := s.as(token)
	session, ids := hall(t, c, people, tomorrow())
	c.must(t, http.StatusOK, "PATCH", "/api/v1/sessions/"+session, map[string]any{"capacity": places}, "If-Match", `"`+session+`.1"`)

	type answer struct{ ID, State string }
	var mu sync.Mutex
	answered := map[string]answer{}
	var count atomic.Int64
	signUp := func(c caller, i int) (int, error) {
		status, out, err := c.send("POST", "/api/v1/sessions/"+session+"/signups", map[string]any{"person_id": ids[i]}, "Idempotency-Key", "join-"+strconv.Itoa(i))
		if err != nil {
			return 0, err
		}
		if status != http.StatusCreated {
			return status, fmt.Errorf("%d: %s", status, out)
		}
		var a answer
		if err := json.Unmarshal(out, &a); err != nil {
			return status, err
		}
		mu.Lock()
		defer mu.Unlock()
		if before, ok := answered[ids[i]]; ok && before != a {
			return status, fmt.Errorf("the same key was answered %v and then %v", before, a)
		}
		answered[ids[i]] = a
		return status, nil
	}
	var clients sync.WaitGroup
	for i := range people {
		clients.Go(func() {
			mine := c
			if i%8 == 0 { // hangs up a few milliseconds after asking
				mine.client = &http.Client{Timeout: time.Duration(2+i/8) * time.Millisecond}
			}
			status, err := signUp(mine, i)
			if err == nil && count.Add(1) == after {
				_ = s.process.Kill()
			}
			if err != nil && status != 0 {
				t.Error(err)
			}
		})
	}
	clients.Wait()
	_ = s.process.Kill()
	s.stop()
	if len(answered) < int(after) {
		t.Fatalf("%d were answered before the end, want %d", len(answered), after)
	}

	s = process(t, itself(t), environ, "serve")
	c = s.as(token)
	for i := range people { // everybody asks again, under the same key
		if _, err := signUp(c, i); err != nil {
			t.Errorf("asking again: %v", err)
		}
	}
	roster := c.must(t, http.StatusOK, "GET", "/api/v1/sessions/"+session+"/signups?limit=1000", nil)["items"].([]any)
	if len(roster) != people {
		t.Errorf("%d sign-ups of %d people", len(roster), people)
	}
	confirmed, positions := 0, []int{}
	for _, row := range roster {
		u := row.(map[string]any)
		if a := answered[u["person_id"].(string)]; a.ID != u["id"] || a.State != u["state"] {
			t.Errorf("answered %v, stored %v %v", a, u["id"], u["state"])
		}
		if u["state"] == "confirmed" {
			confirmed++
		} else {
			positions = append(positions, int(u["position"].(float64)))
		}
	}
	if confirmed != places {
		t.Errorf("%d confirmed for %d places", confirmed, places)
	}
	if !sort.IntsAreSorted(positions) || len(positions) != people-places || positions[0] != 1 || positions[len(positions)-1] != people-places {
		t.Errorf("the list is not in the order of joining: %v", positions)
	}

	// Every mail owed arrives, and a copy has the same Message-ID.
	mails := map[string]map[string]int{}
	for late := time.Now().Add(30 * time.Second); time.Now().Before(late) && len(mails) < people; time.Sleep(50 * time.Millisecond) {
		mails = map[string]map[string]int{}
		for _, m := range sink.Mails() {
			to, id := m.To[0], notifytest.Parse(t, m.Raw).Header.Get("Message-ID")
			if mails[to] == nil {
				mails[to] = map[string]int{}
			}
			mails[to][id]++
		}
	}
	copies := 0
	for n := range people {
		got := mails[address(n)]
		if len(got) != 1 {
			t.Errorf("%s got %d different mails, want one", address(n), len(got))
		}
		for _, times := range got {
			copies += times - 1
		}
	}
	if copies > 4 { // one message per mail connection can be in flight when the process dies
		t.Errorf("%d second copies", copies)
	}
	rows := c.must(t, http.StatusOK, "GET", "/api/v1/messages?limit=200", nil)["items"].([]any)
	if len(rows) != people {
		t.Errorf("%d outbox messages for %d people", len(rows), people)
	}
	if got := typing(t, environ, "", "check"); got.status != 0 {
		t.Errorf("check: %s%s", got.stdout, got.stderr)
	}
}
