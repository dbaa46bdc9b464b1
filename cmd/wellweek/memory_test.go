package main

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnchanged(t *testing.T) {
	t.Parallel()
	const smaps = `00400000-00f14000 r-xp 00000000 fe:00 1       /opt/well week/hub
Size:              11344 kB
Anonymous:             0 kB
00f14000-01b4a000 r--p 00b14000 fe:00 1       /opt/well week/hub
Anonymous:             0 kB
01b4a000-01b4b000 r--p 01b4a000 fe:00 1       /opt/well week/hub
Anonymous:             4 kB
01b4b000-01bfc000 rw-p 0174a000 fe:00 1       /opt/well week/hub
Anonymous:             0 kB
7fe0b1700000-7fe0b18c0000 r--p 00000000 00:00 0
Anonymous:             0 kB
7fe0b2700000-7fe0b28c0000 r--p 00000000 fe:00 2  /usr/lib/libc.so.6
Anonymous:             0 kB
`
	want := []mapping{{0x400000, 0xf14000}, {0xf14000, 0x1b4a000}}
	if d := cmp.Diff(want, unchanged(smaps, "/opt/well week/hub"), cmp.AllowUnexported(mapping{})); d != "" {
		t.Error(d)
	}
	if got := unchanged("", ""); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

// TestSettle takes the pages away under a program that runs: it must not notice.
func TestSettle(t *testing.T) {
	t.Parallel()
	for range 5 {
		if _, err := settle(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := typing(t, nil, "", "openapi"); got.status != 0 || len(got.stdout) < 10_000 {
			t.Fatalf("%d %s", got.status, got.stderr)
		}
	}
}
