//go:build linux

package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// A full disk refuses who needs the room, and nobody else; reads go on, nothing is half-written, and it is good again without a
// restart. The disk is a file system of 3 MB in memory, which only root may mount.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("SKIPPED: a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	clock := storetest.NewClock(start)
	o := engineOptions(filepath.Join(disk, "wellweek.db"))
	o.Now = clock.Now
	s := openEngine(t, o)
	execute(t, s, "insert into things (id, n) values ('old', 0)")
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	big := func(tx *store.Tx) (string, error) {
		_, err := tx.Exec("insert into things (id, n, label) values ('big', 0, $1)", strings.Repeat("x", 4<<20))
		return "", err
	}
	answers := together(t, s, inserting("a"), big, inserting("b"))
	if answers[0].err != nil || answers[2].err != nil || !errors.Is(answers[1].err, programs.Busy) {
		t.Errorf("told %v", answers)
	}
	wantThings(t, s, "a", "b", "old")

	// Now fill the rest, so that not even the small ones fit.
	filler, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	var refused error
	for i := 0; refused == nil && i < 10_000; i++ {
		_, refused = store.Write(t.Context(), s, func(tx *store.Tx) (int64, error) {
			return tx.Exec("update things set n = n + 1, label = $1 where id = 'old'", strings.Repeat("y", 2000))
		})
	}
	if !errors.Is(refused, programs.Busy) {
		t.Errorf("on the full disk: %v", refused)
	}
	clock.Add(time.Minute)
	if err := s.Ready(t.Context()); !errors.Is(err, programs.Busy) {
		t.Errorf("ready on the full disk: %v", err)
	}
	wantThings(t, s, "a", "b", "old")

	for _, name := range []string{ballast, filler.Name()} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := filler.Close(); err != nil {
		t.Fatal(err)
	}
	clock.Add(time.Minute)
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("ready with room again: %v", err)
	}
	execute(t, s, "insert into things (id, n) values ('c', 0)")
	wantThings(t, s, "a", "b", "c", "old")
	if err := s.QuickCheck(t.Context()); err != nil {
		t.Error(err)
	}
}
