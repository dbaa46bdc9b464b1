package programs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/programs"
)

func TestParseDirectory(t *testing.T) {
	t.Parallel()
	rows, err := programs.ParseDirectory(strings.NewReader("\ufeffEmail, Name ,roles,time_zone,manager_email\r\n" +
		"ann@example.org,\"Lee, Ann\",coordinator;employee,Europe/Lisbon,Bo@example.org\r\n" +
		"bo@example.org,Bo,,,\r\n"))
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	ann := rows[0]
	if ann.N != 1 || ann.Person.Name != "Lee, Ann" || ann.Manager != "bo@example.org" || len(ann.Person.Roles) != 2 || !ann.Set.TimeZone || ann.Set.Office {
		t.Errorf("%+v", ann)
	}
	before := programs.Person{Email: "bo@example.org", Name: "Old", Office: "Lisbon", TimeZone: "Asia/Tokyo", Roles: []programs.Role{programs.Admin}, Status: programs.Active}
	after := rows[1].Onto(before, "")
	if after.Name != "Bo" || after.Office != "Lisbon" || after.TimeZone != "" || after.Roles[0] != programs.Employee {
		t.Errorf("onto: %+v", after)
	}
}

func TestParseDirectory_OneBadRowRefusesTheFile(t *testing.T) {
	t.Parallel()
	const head = "email,name,time_zone\n"
	for name, row := range map[string]struct {
		csv   string
		where string
	}{
		"bad email":       {head + "ok@example.org,Ok,\nnot-an-address,No,\n", "row 2"},
		"bad zone":        {head + "ok@example.org,Ok,Mars/Base\n", "row 1"},
		"forged name":     {head + "ok@example.org,\"A\nB\",\n", "row 1"},
		"field missing":   {head + "ok@example.org,Ok\n", "row 1"},
		"open quote":      {head + "ok@example.org,\"Ok,\n", "row 1"},
		"twice":           {head + "a@example.org,A,\nA@example.org,A,\n", "row 2"},
		"unknown column":  {"email,name,salary\n", "body"},
		"repeated column": {"email,name,email\n", "body"},
		"no name column":  {"email\na@example.org\n", "body"},
		"empty":           {"", "body"},
		"NUL":             {head + "a@example.org,A\x00,\n", "body"},
		"Latin-1":         {head + "a@example.org,Zo\xeb,\n", "body"},
		"too many":        {head + manyRows(programs.MaxRows+1), "body"},
	} {
		rows, err := programs.ParseDirectory(strings.NewReader(row.csv))
		refusal, ok := errors.AsType[*programs.Error](err)
		if !ok || !errors.Is(err, programs.Invalid) || rows != nil {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
			continue
		}
		if len(refusal.Where) == 0 || refusal.Where[0].Where != row.where || refusal.Where[0].Message() == "" {
			t.Errorf("%s: at %+v, want %s", name, refusal.Where, row.where)
		}
	}
}

func manyRows(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "p%d@example.org,P,\n", i)
	}
	return b.String()
}

func FuzzImport(f *testing.F) {
	f.Add("email,name\na@example.org,A\n")
	f.Add("email,name,roles\n\"a\"\"@example.org,A,admin\n")
	f.Fuzz(func(t *testing.T, file string) {
		rows, err := programs.ParseDirectory(strings.NewReader(file))
		if err != nil && !errors.Is(err, programs.Invalid) {
			t.Fatalf("%v is no refusal", err)
		}
		for _, r := range rows {
			if p := r.Person; p.Check() != nil || strings.ContainsAny(p.Name+p.Email+p.Office, "\r\n\x00") {
				t.Fatalf("accepted %+v", r)
			}
		}
	})
}
