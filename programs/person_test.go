package programs_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/programs"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	// One sentence for every bad address: it cannot repeat what was submitted.
	const sentence = "The email is one plain address such as ann@example.org, at most 254 characters."
	for in, want := range map[string]string{
		"ann@example.org":                        "ann@example.org",
		" Ann.Lee+x@Example.ORG ":                "ann.lee+x@example.org",
		"o'hara@example.org":                     "o'hara@example.org",
		"":                                       "",
		"ann":                                    "",
		"ann@":                                   "",
		"@example.org":                           "",
		"Ann <ann@example.org>":                  "",
		"ann@example.org, bo@example.org":        "",
		"ann@example.org\r\nBcc: x@y.z":          "",
		`"a b"@example.org`:                      "",
		"ann@[127.0.0.1]":                        "",
		"änn@example.org":                        "",
		"ann@example.org.":                       "",
		strings.Repeat("a", 65) + "@example.org": "",
		"a@" + strings.Repeat("b.", 130) + "org": "",
		"a@" + strings.Repeat("(", 100000):       "",
		"ann@example.org\x00":                    "",
	} {
		got, err := programs.Address(in)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("Address(%.40q) = %q, %v; want %q", in, got, err, want)
		}
		if err != nil && (!errors.Is(err, programs.Invalid) || err.Error() != sentence) {
			t.Errorf("Address(%.40q): %v", in, err)
		}
	}
}

func TestLine_RefusesWhatCouldForge(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"Yoga", `Bo "the Builder" O'Hara`, "Zoë; Ünal, Ltd: 50 % – \\ ^", "子どもの時間", "👩‍👧 time"} {
		if got, err := programs.Line("title", " "+good+" ", 1, 200); got != good || err != nil {
			t.Errorf("Line(%q) = %q, %v", good, got, err)
		}
	}
	for _, bad := range []string{"a\rb", "a\nb", "a\r\nBcc: x", "a\x00b", "a\x07b", "a\tb", "a\x7fb", "a\u0085b", "a\u2028b", "a\u2029b", "a\u202eb", "a\u2066b", "\ufeffa", "", "   ", "a\xffb", strings.Repeat("é", 201)} {
		if _, err := programs.Line("title", bad, 1, 200); !errors.Is(err, programs.Invalid) {
			t.Errorf("Line(%q) is accepted: %v", bad, err)
		}
	}
	if got, err := programs.Paragraphs("description", "a\r\nb\rc\td", 20); got != "a\nb\nc\td" || err != nil {
		t.Errorf("Paragraphs: %q, %v", got, err)
	}
	if _, err := programs.Paragraphs("description", "a\x00", 20); !errors.Is(err, programs.Invalid) {
		t.Error("NUL is accepted in a description")
	}
}

// TestMay is the permission table of domain.md section 12 as people read it.
func TestMay(t *testing.T) {
	t.Parallel()
	table := map[programs.Act]string{
		programs.ReadSelf:      "employee facilitator coordinator reporter admin",
		programs.WriteSelf:     "employee facilitator coordinator reporter admin",
		programs.WriteFeeds:    "employee facilitator coordinator reporter admin",
		programs.ReadPrograms:  "employee facilitator coordinator reporter admin",
		programs.TakeSeats:     "employee facilitator coordinator reporter admin",
		programs.AddProgram:    "coordinator admin",
		programs.WritePrograms: "coordinator admin",
		programs.ReadMessages:  "coordinator admin",
		programs.ReadPeople:    "coordinator admin",
		programs.ReadRoster:    "facilitator coordinator admin",
		programs.WritePeople:   "admin",
		programs.ReadAudit:     "admin",
		programs.WriteScopes:   "admin",
		programs.DeliverMail:   "inbound admin",
		"unknown":              "",
	}
	for act, allowed := range table {
		for _, r := range append(programs.Roles(), programs.Inbound) {
			want := slices.Contains(strings.Fields(allowed), string(r))
			if got := programs.May(programs.Actor{Person: "p", Roles: []programs.Role{r}}, act); got != want {
				t.Errorf("%s, %s: %t", act, r, got)
			}
		}
	}
	key := programs.Actor{Key: "k", Roles: []programs.Role{programs.Admin}}
	if programs.May(key, programs.ReadSelf) || programs.May(key, programs.WriteSelf) {
		t.Error("a key without a person has a self")
	}
	if programs.May(programs.Actor{}, programs.ReadPrograms) {
		t.Error("nobody may something")
	}
}

func TestCoordinates(t *testing.T) {
	t.Parallel()
	c := []programs.Role{programs.Coordinator}
	for name, row := range map[string]struct {
		actor programs.Actor
		want  bool
	}{
		"its coordinator":         {programs.Actor{Person: "p", Roles: c, Programs: []programs.ProgramID{"yoga"}}, true},
		"coordinator of others":   {programs.Actor{Person: "p", Roles: c, Programs: []programs.ProgramID{"run"}}, false},
		"scope without the role":  {programs.Actor{Person: "p", Roles: []programs.Role{programs.Employee}, Programs: []programs.ProgramID{"yoga"}}, false},
		"admin":                   {programs.Actor{Person: "p", Roles: []programs.Role{programs.Admin}}, true},
		"coordinator's key":       {programs.Actor{Key: "k", Roles: c}, true},
		"reporter's key":          {programs.Actor{Key: "k", Roles: []programs.Role{programs.Reporter}}, false},
		"nobody":                  {programs.Actor{}, false},
		"what happens on its own": {programs.System(), true},
	} {
		if got := row.actor.Coordinates("yoga"); got != row.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestShown_WellnessRostersHaveGivenNames(t *testing.T) {
	t.Parallel()
	lead := programs.Actor{Person: "f", Roles: []programs.Role{programs.Facilitator}}
	chief := programs.Actor{Person: "c", Roles: []programs.Role{programs.Coordinator}, Programs: []programs.ProgramID{"yoga"}}
	for _, row := range []struct {
		actor programs.Actor
		kind  programs.Kind
		want  string
	}{{lead, programs.Wellness, "Ann"}, {lead, programs.Training, "Ann Lee"}, {chief, programs.Wellness, "Ann Lee"}} {
		if got := row.actor.Shown(programs.Program{ID: "yoga", Kind: row.kind}, "Ann Lee"); got != row.want {
			t.Errorf("%v sees %q in %s", row.actor.Roles, got, row.kind)
		}
	}
}

func TestPersonCheck(t *testing.T) {
	t.Parallel()
	p := programs.Person{Email: "A@B.example", Name: " Ann ", Roles: []programs.Role{programs.Admin, programs.Employee, programs.Admin}}
	if err := p.Check(); err != nil || p.Email != "a@b.example" || p.Name != "Ann" || p.Status != programs.Active ||
		!slices.Equal(p.Roles, []programs.Role{programs.Employee, programs.Admin}) {
		t.Errorf("%+v, %v", p, err)
	}
	for name, bad := range map[string]programs.Person{
		"no name":  {Email: "a@b.example"},
		"forging":  {Email: "a@b.example", Name: "Ann\r\nBcc: x@y"},
		"zone":     {Email: "a@b.example", Name: "Ann", TimeZone: "Mars/Olympus"},
		"locale":   {Email: "a@b.example", Name: "Ann", Locale: "de_DE\n"},
		"role":     {Email: "a@b.example", Name: "Ann", Roles: []programs.Role{"root"}},
		"inbound":  {Email: "a@b.example", Name: "Ann", Roles: []programs.Role{programs.Inbound}},
		"status":   {Email: "a@b.example", Name: "Ann", Status: "gone"},
		"no email": {Name: "Ann"},
	} {
		if err := bad.Check(); !errors.Is(err, programs.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
