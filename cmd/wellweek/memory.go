package main

import (
	"context"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// collect is how much garbage, in percent of what lives, may pile up before it is collected. Little lives here, so the default
// would collect dozens of times a second under load; what a burst leaves behind is given back by settle.
const collect = 300

// settle gives memory back that nothing uses: garbage, free pages of the heap, and pages of the program's own file that the start
// touched and nothing has touched since. It is a loop's work: a hub for one company idles most of its life.
func settle(context.Context) (int, error) {
	debug.FreeOSMemory()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return 0, nil // not Linux, or a sandbox without /proc: nothing to do
	}
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return 0, nil
	}
	for _, m := range unchanged(string(maps), self) {
		// The pages stay in the page cache; who needs one again finds it there. A failure costs memory and nothing else.
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED)
	}
	return 0, nil
}

// mapping is a range of addresses.
type mapping struct{ from, to uintptr }

// unchanged finds the mappings of a file that nobody may write and none of whose pages differ from the file: only those come back
// as they were. Relocated data of a dynamic program is read-only as well, but has pages of its own.
func unchanged(smaps, file string) []mapping {
	var found []mapping
	var m mapping
	candidate := false
	for line := range strings.Lines(smaps) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if from, to, ok := strings.Cut(words[0], "-"); ok && len(words) >= 5 {
			a, err := strconv.ParseUint(from, 16, 64)
			b, err2 := strconv.ParseUint(to, 16, 64)
			m = mapping{uintptr(a), uintptr(b)}
			candidate = err == nil && err2 == nil && len(words) >= 6 && strings.Join(words[5:], " ") == file && words[1][1] == '-'
			continue
		}
		if words[0] == "Anonymous:" && words[1] == "0" && candidate {
			found = append(found, m)
		}
	}
	return found
}
