package door

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func keyed(t *testing.T, person, key, body string) *Request {
	t.Helper()
	rq := &Request{Actor: programs.Actor{Person: programs.PersonID(person)}}
	if err := rq.SetKey(key, "POST", "/api/v1/x", []byte(body)); err != nil {
		t.Fatal(err)
	}
	return rq
}

func keepAnswer(t *testing.T, s *store.Store, rq *Request, answer string, secret bool) error {
	t.Helper()
	_, err := store.Write(t.Context(), s, func(tx *store.Tx) (struct{}, error) { return struct{}{}, Keep(tx, rq, []byte(answer), secret) })
	return err
}

func replay(t *testing.T, s *store.Store, rq *Request) (string, bool, error) {
	t.Helper()
	type kept struct {
		answer []byte
		found  bool
	}
	k, err := store.Write(t.Context(), s, func(tx *store.Tx) (kept, error) {
		answer, found, err := Replay(tx, rq)
		return kept{answer, found}, err
	})
	return string(k.answer), k.found, err
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		clock := storetest.NewClock(1_800_000_000_000)
		s, err := store.Open(t.Context(), store.Options{
			Database: database, Now: clock.Now,
			Schemas: []store.Schema{{Room: "store", Files: store.Files()}, {Room: "door", Files: Schema()}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()

		rq := keyed(t, "ann", "key-1", "a")
		if _, found, err := replay(t, s, rq); found || err != nil {
			t.Fatal("nothing was kept yet", err)
		}
		if err := keepAnswer(t, s, rq, "the answer", false); err != nil {
			t.Fatal(err)
		}
		if answer, found, err := replay(t, s, rq); answer != "the answer" || !found || err != nil {
			t.Fatal(answer, found, err)
		}
		if _, _, err := replay(t, s, keyed(t, "ann", "key-1", "b")); !errors.Is(err, programs.Invalid) {
			t.Errorf("another request under the same key: %v", err)
		}
		for _, other := range []*Request{keyed(t, "ben", "key-1", "a"), keyed(t, "ann", "key-2", "a")} {
			if _, found, err := replay(t, s, other); found || err != nil {
				t.Errorf("somebody else's key, or another key: %t %v", found, err)
			}
		}
		if err := keepAnswer(t, s, rq, "again", false); !errors.Is(err, programs.Conflict) {
			t.Errorf("a twin of another process that committed second: %v", err)
		}

		sealed := keyed(t, "ann", "canary-key", "a")
		if err := keepAnswer(t, s, sealed, "canary-token", true); err != nil {
			t.Fatal(err)
		}
		if answer, found, err := replay(t, s, sealed); answer != "canary-token" || !found || err != nil {
			t.Fatal(answer, found, err)
		}

		clock.Add(24*time.Hour + time.Minute)
		if n, err := Sweep(t.Context(), s); n != 0 || err != nil {
			t.Errorf("an answer is kept for 24 hours at least: %d %v", n, err)
		}
		clock.Add(time.Hour)
		if n, err := Sweep(t.Context(), s); n != 2 || err != nil {
			t.Errorf("swept %d %v, want 2", n, err)
		}
		if _, found, err := replay(t, s, rq); found || err != nil {
			t.Error("swept and still there", err)
		}
	})
}

// TestSealed finds neither the key nor the secret in the database's files.
func TestSealed(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	s, err := store.Open(t.Context(), store.Options{
		Database: database, Now: storetest.NewClock(1_800_000_000_000).Now,
		Schemas: []store.Schema{{Room: "store", Files: store.Files()}, {Room: "door", Files: Schema()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := keepAnswer(t, s, keyed(t, "ann", "canary-key", "canary-body"), "canary-token", true); err != nil {
		t.Fatal(err)
	}
	if err := keepAnswer(t, s, keyed(t, "ann", "other-key", "x"), "plain-answer", false); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("canary")) {
		t.Error("the database knows what only the asker may know")
	}
	if !bytes.Contains(raw, []byte("plain-answer")) {
		t.Error("this test cannot see what is stored")
	}
}

func TestRunning(t *testing.T) {
	t.Parallel()
	var r Running
	rq := keyed(t, "ann", "k", "a")
	leave, err := r.Enter(rq)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Enter(keyed(t, "ann", "k", "b")); !errors.Is(err, programs.Conflict) {
		t.Errorf("a twin: %v", err)
	}
	for _, other := range []*Request{keyed(t, "ben", "k", "a"), keyed(t, "ann", "l", "a"), {}, {}} {
		if _, err := r.Enter(other); err != nil {
			t.Errorf("no twin: %v", err)
		}
	}
	leave()
	if _, err := r.Enter(rq); err != nil {
		t.Errorf("after the first left: %v", err)
	}
}

func TestSetKey(t *testing.T) {
	t.Parallel()
	for key, good := range map[string]bool{
		"a": true, "7c9e-xy~!": true, "a b": false, " ": false, strings.Repeat("k", 255): true, "": false, strings.Repeat("k", 256): false, "ä": false, "a\n": false, "a\x7f": false,
	} {
		if err := new(Request).SetKey(key, "POST", "/", nil); (err == nil) != good || err != nil && !errors.Is(err, programs.Invalid) {
			t.Errorf("%q: %v", key, err)
		}
	}
	// No two requests of different parts have one sum.
	sums := map[[32]byte]string{}
	for _, parts := range [][3]string{{"POST", "/a", "b"}, {"POST", "/ab", ""}, {"POST", "/a", ""}, {"POST", "", "/ab"}, {"DELETE", "/a", "b"}} {
		rq := new(Request)
		if err := rq.SetKey("k", parts[0], parts[1], []byte(parts[2])); err != nil {
			t.Fatal(err)
		}
		if other, ok := sums[rq.Sum]; ok {
			t.Errorf("%q and %q", other, parts)
		}
		sums[rq.Sum] = strings.Join(parts[:], " ")
	}
}
