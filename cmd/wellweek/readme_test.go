package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme types what the README says, in a folder of its own against a server of its own, and holds it to what it promises to
// show.
func TestReadme(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: the README is typed with %s, which is not installed", tool)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	s := process(t, itself(t), []string{"WELLWEEK_DATABASE=" + filepath.Join(folder, "wellweek.db")}, "serve")
	var script strings.Builder
	script.WriteString("set -eu\n")
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		script.WriteString(block[1])
	}
	// The last word of each step's answer, for the checks below.
	script.WriteString("echo; echo \"== $program $series $session $place\"\n")
	typed := strings.ReplaceAll(script.String(), "bin/wellweek", itself(t))
	if !strings.Contains(typed, "hub=http://127.0.0.1:8080\n") {
		t.Fatal("the README does not name the address it listens on")
	}
	typed = strings.Replace(typed, "hub=http://127.0.0.1:8080\n", "hub="+s.url+"\n", 1)
	cmd := exec.Command("bash", "-c", typed)
	cmd.Dir = folder
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), asProgram + "=1", "HOME=" + folder}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"It would be: 2 added", "Imported: 2 added", "Every Tuesday at 12:30", `"state":"waitlisted"`, `"position":1`, "BEGIN:VCALENDAR", "SUMMARY:Lunchtime yoga",
		`"state":"confirmed"`, `"status":"cancelled"`, "The studio is being painted.", `"event":"confirmed"`, "Everything holds.",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the README's steps do not show %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
	if status, _, err := s.as("").send("GET", "/readyz", nil); status != http.StatusOK || err != nil {
		t.Errorf("afterwards the server is not ready: %d %v", status, err)
	}
}

// TestContract holds that the README prints the delivery contract, word for word as it was agreed, wherever the design lies beside.
func TestContract(t *testing.T) {
	t.Parallel()
	design, err := os.ReadFile(filepath.Join(root, "..", "shared", "design", "trust.md"))
	if err != nil {
		t.Skip("SKIPPED: the design does not lie beside the project")
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	contract := regexp.MustCompile(`(?m)(^> .*\n)+`).FindString(string(design))
	if contract == "" || !strings.Contains(string(readme), contract) {
		t.Errorf("the README does not print:\n%s", contract)
	}
}
