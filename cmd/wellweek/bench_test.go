package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// build makes the binary that is shipped.
func build(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "wellweek")
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// BenchmarkProcess measures the whole process (speed.md row 8): from start to the first answer on an existing database, memory at
// rest with the sample world, and the size of the binary.
func BenchmarkProcess(b *testing.B) {
	binary := build(b)
	b.Run("start", func(b *testing.B) {
		environ := scratch(b)
		ended := func(s *server) {
			if err := s.process.Signal(syscall.SIGTERM); err != nil {
				b.Fatal(err)
			}
			s.stop()
		}
		ended(process(b, binary, environ, "serve")) // makes the database
		best := time.Hour
		for b.Loop() {
			begun := time.Now()
			s := process(b, binary, environ, "serve")
			if status, _, err := s.as("").send("GET", "/readyz", nil); status != http.StatusOK || err != nil {
				b.Fatal(status, err)
			}
			best = min(best, time.Since(begun))
			b.StopTimer()
			ended(s)
			b.StartTimer()
		}
		b.ReportMetric(float64(best.Microseconds())/1000, "ms-best")
	})
	b.Run("idle", func(b *testing.B) {
		for b.Loop() {
			s := process(b, binary, []string{"TMPDIR=" + b.TempDir()}, "demo")
			s.stdout.wait(b, `Admin token +(ww_\S+)\n`, nil)
			time.Sleep(5 * time.Second) // past the mails of the sample world and the first time it settles
			b.ReportMetric(pss(b, s.process.Pid), "MB-PSS")
			if err := s.process.Signal(syscall.SIGTERM); err != nil {
				b.Fatal(err)
			}
			s.stop()
		}
	})
	b.Run("size", func(b *testing.B) {
		for b.Loop() {
			info, err := os.Stat(binary)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
		}
	})
}

// pss is the proportional set size of a process in megabytes.
func pss(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		b.Skip("SKIPPED: this machine does not tell a process's memory")
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "Pss:" {
			kb, err := strconv.Atoi(words[1])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kb) / 1000
		}
	}
	b.Fatal("no Pss")
	return 0
}
