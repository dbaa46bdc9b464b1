package programs

import (
	"net/mail"
	"slices"
	"strings"
)

// PersonID names a person in the directory.
type PersonID string

// OfficeID names an office.
type OfficeID string

// Role is what a person or key may be.
type Role string

// The roles of domain.md section 12. Inbound belongs to keys alone: it may hand in mail and nothing else.
const (
	Employee    Role = "employee"
	Facilitator Role = "facilitator"
	Coordinator Role = "coordinator"
	Reporter    Role = "reporter"
	Admin       Role = "admin"
	Inbound     Role = "inbound"
)

// Roles lists every role a person can have, in the order in which they are stored and shown.
func Roles() []Role { return []Role{Employee, Facilitator, Coordinator, Reporter, Admin} }

// PersonStatus says whether a person takes part.
type PersonStatus string

// The states of a person. Sessions, keys, links and feeds of anybody not active are dead (domain.md, Leaver).
const (
	Active    PersonStatus = "active"
	Suspended PersonStatus = "suspended"
	Left      PersonStatus = "left"
)

// Person is somebody in the directory. Email is normalized by Address and unique.
type Person struct {
	ID         PersonID
	Email      string
	Name       string
	Office     string // the office's name; empty: none
	Department string
	Manager    PersonID // empty: none
	TimeZone   string   // IANA name; empty: the office's, else the organization's
	Locale     string   // BCP 47; empty: the organization's
	Roles      []Role   // never empty: Employee at least
	Status     PersonStatus
	Version    int64
	Revision   int64
	CreatedAt  Instant
	UpdatedAt  Instant
}

// Check cleans the fields a caller may set and refuses what cannot be kept (Invalid).
func (p *Person) Check() error {
	var err error
	if p.Email, err = Address(p.Email); err != nil {
		return err
	}
	if p.Name, err = Line("name", p.Name, 1, 200); err != nil {
		return err
	}
	if p.Office, err = Line("office", p.Office, 0, 100); err != nil {
		return err
	}
	if p.Department, err = Line("department", p.Department, 0, 100); err != nil {
		return err
	}
	if p.TimeZone != "" {
		if _, err = Zone(p.TimeZone); err != nil {
			return err
		}
	}
	if len(p.Locale) > 35 {
		return Refuse(Invalid, "The locale is a language tag such as en or de-DE.").At("body.locale")
	}
	for _, c := range p.Locale {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-') {
			return Refuse(Invalid, "The locale is a language tag such as en or de-DE.").At("body.locale")
		}
	}
	if len(p.Roles) == 0 {
		p.Roles = []Role{Employee}
	}
	for _, r := range p.Roles {
		if !slices.Contains(Roles(), r) {
			return Refuse(Invalid, "A role is employee, facilitator, coordinator, reporter or admin.").At("body.roles")
		}
	}
	var ordered []Role
	for _, r := range Roles() {
		if slices.Contains(p.Roles, r) {
			ordered = append(ordered, r)
		}
	}
	p.Roles = ordered
	switch p.Status {
	case "":
		p.Status = Active
	case Active, Suspended, Left:
	default:
		return Refuse(Invalid, "The status is active, suspended or left.").At("body.status")
	}
	return nil
}

// Address normalizes an e-mail address to lower case and refuses (Invalid) what a mail client or relay could misread: more than
// 254 octets, a quoted local part, a display name, anything but one addr-spec (RFC 5321 4.5.3.1; CVE-2025-59937). The cap comes
// before the parser, which is slow on long input (golang/go #78566).
func Address(s string) (string, error) {
	refuse := Refuse(Invalid, "The email is one plain address such as ann@example.org, at most 254 characters.").At("body.email")
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 254 || strings.ContainsAny(s, "\"<>()[]\\,;: \t\r\n\x00") {
		return "", refuse
	}
	for i := range len(s) {
		if s[i] < 0x21 || s[i] > 0x7e {
			return "", refuse
		}
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s {
		return "", refuse
	}
	local, domain, _ := strings.Cut(s, "@")
	if len(local) > 64 || domain == "" || strings.HasPrefix(domain, "-") || strings.HasSuffix(domain, ".") {
		return "", refuse
	}
	return strings.ToLower(s), nil
}

// Actor is who asks: a person with roles, or a key made with a role and no person, which acts for every program.
type Actor struct {
	Person   PersonID    // empty for a key without a person, and for the program itself (System)
	Key      string      // the key's id, empty for a signed-in person
	Roles    []Role      //
	Programs []ProgramID // the programs a coordinator coordinates
}

// System is the actor of everything that happens on its own; it may do anything and is journaled as "system".
func System() Actor { return Actor{Key: "system", Roles: []Role{Admin}} }

// ID is what the journal writes: person:ID, key:ID or system.
func (a Actor) ID() string {
	switch {
	case a.Person != "":
		return "person:" + string(a.Person)
	case a.Key == "system":
		return "system"
	default:
		return "key:" + a.Key
	}
}

// Is reports whether the actor has the role.
func (a Actor) Is(r Role) bool { return slices.Contains(a.Roles, r) }

// Coordinates reports whether the actor may write the program: an admin, a coordinator of it, or a coordinator's key without a person.
func (a Actor) Coordinates(p ProgramID) bool {
	if a.Is(Admin) {
		return true
	}
	return a.Is(Coordinator) && (a.Person == "" || slices.Contains(a.Programs, p))
}

// Act is one line of the permission table. Every operation declares one; an operation without one is refused at the start.
type Act string

// The acts of domain.md section 12, and those of the machinery.
const (
	ReadSelf      Act = "self.read"      // /me and what hangs below it, for a person
	WriteSelf     Act = "self.write"     // own dependents
	WriteFeeds    Act = "feeds.write"    // own feeds; a key without a person has program feeds
	ReadPrograms  Act = "programs.read"  // published programs and their sessions
	AddProgram    Act = "programs.add"   // any coordinator; becomes its scope
	WritePrograms Act = "programs.write" // the coordinators of that program
	TakeSeats     Act = "signups.take"   // sign up, leave, accept: self and own dependents; coordinators for anyone
	ReadRoster    Act = "roster.read"    // coordinators of the program, facilitators of the session
	ReadMessages  Act = "messages.read"  // the delivery ledger
	ReadPeople    Act = "people.read"    //
	WritePeople   Act = "people.write"   //
	ReadAudit     Act = "audit.read"     //
	WriteScopes   Act = "scopes.write"   // who coordinates a program
	DeliverMail   Act = "mail.deliver"   // hand in answers and bounces
)

// may is the only permission table. What an act needs beyond a role (own program, own seat, assigned session) is asked by the
// verb that knows the object, with Actor.Coordinates and the object's owner.
var may = map[Act][]Role{
	ReadSelf:      {Employee, Facilitator, Coordinator, Reporter, Admin},
	WriteSelf:     {Employee, Facilitator, Coordinator, Reporter, Admin},
	WriteFeeds:    {Employee, Facilitator, Coordinator, Reporter, Admin},
	ReadPrograms:  {Employee, Facilitator, Coordinator, Reporter, Admin},
	AddProgram:    {Coordinator, Admin},
	WritePrograms: {Coordinator, Admin},
	TakeSeats:     {Employee, Facilitator, Coordinator, Reporter, Admin},
	ReadRoster:    {Facilitator, Coordinator, Admin},
	ReadMessages:  {Coordinator, Admin},
	ReadPeople:    {Coordinator, Admin},
	WritePeople:   {Admin},
	ReadAudit:     {Admin},
	WriteScopes:   {Admin},
	DeliverMail:   {Inbound, Admin},
}

// May reports whether the actor's roles allow the act at all. An act that is not in the table is allowed to nobody.
func May(a Actor, act Act) bool {
	if (act == ReadSelf || act == WriteSelf) && a.Person == "" {
		return false
	}
	return slices.ContainsFunc(may[act], a.Is)
}

// Shown is a participant's name as the actor may see it in a roster: who leads a wellness session without coordinating the program sees
// the given name alone, the first word (domain.md section 12).
func (a Actor) Shown(p Program, name string) string {
	if p.Kind == Wellness && !a.Coordinates(p.ID) {
		name, _, _ = strings.Cut(name, " ")
	}
	return name
}

// Changed are the stable names of the fields in which after differs, as the journal has them.
func (p Person) Changed(after Person) string {
	var names []string
	for _, f := range []struct {
		name    string
		differs bool
	}{
		{"email", p.Email != after.Email},
		{"name", p.Name != after.Name},
		{"office", p.Office != after.Office},
		{"department", p.Department != after.Department},
		{"manager", p.Manager != after.Manager},
		{"time_zone", p.TimeZone != after.TimeZone},
		{"locale", p.Locale != after.Locale},
		{"roles", !slices.Equal(p.Roles, after.Roles)},
		{"status", p.Status != after.Status},
	} {
		if f.differs {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ",")
}
