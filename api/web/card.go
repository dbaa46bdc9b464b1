package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// visitor is who looks at a page that is open to everybody: somebody who sees what was announced, and nobody's seat.
func visitor() programs.Actor { return programs.Actor{Roles: []programs.Role{programs.Employee}} }

// card is one session as the lists show it.
type card struct {
	ID       string
	Title    string
	Starts   programs.Instant
	DateTime string // RFC 3339
	Time     string // 12:30
	Length   string
	Zone     string // the city whose clock Time is of
	There    string // "13:30 in Berlin" where the session's own clock differs; else empty
	Program  string
	Slug     string
	Hue      string
	Place    string
	Online   bool
	Leads    []string
	Seats    seats
	Off      bool // cancelled
	Running  bool
}

// seats are the places of a session in words, and as a bar of 21 widths.
type seats struct {
	Say  string
	Warn bool // none is left
	Bar  bool
	Step int // 0..20: how full
}

// seatsOf says how many places are left. Full is no dead end: it says how many wait.
func seatsOf(s programs.Session) seats {
	free, unlimited := s.Free()
	switch {
	case unlimited && s.Confirmed() == 0:
		return seats{Say: "Open to everyone"}
	case unlimited:
		return seats{Say: "Open to everyone, " + count(s.Confirmed(), "person going", "people going")}
	case *s.Capacity == 0:
		return seats{Say: "No places", Warn: true}
	}
	out := seats{Bar: true, Step: min(20, s.Taken*20 / *s.Capacity)}
	switch {
	case free > 0:
		out.Say = strconv.Itoa(free) + " of " + count(*s.Capacity, "place left", "places left")
	case s.Waiting > 0:
		out.Say, out.Warn = "Full, "+count(s.Waiting, "person waiting", "people waiting"), true
	default:
		out.Say, out.Warn = "Full, nobody waiting", true
	}
	return out
}

// cards are sessions as a list shows them, with their programs and who leads them.
func (s *site) cards(v *store.View, list []programs.Session, known map[programs.ProgramID]programs.Program, hues map[programs.ProgramID]string) ([]card, error) {
	ids := make([]programs.SessionID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	leads, err := v.Facilitators(ids)
	if err != nil {
		return nil, err
	}
	here := zoneOf(s.TimeZone)
	out := make([]card, len(list))
	for i, one := range list {
		there := zoneOf(one.TimeZone)
		c := card{
			ID: string(one.ID), Title: one.Title, Starts: one.StartsAt, DateTime: one.StartsAt.String(),
			Time: here.at(one.StartsAt).Format("15:04"), Length: length(one.DurationMinutes), Zone: here.city(),
			Program: known[one.ProgramID].Name, Slug: known[one.ProgramID].Slug, Hue: hues[one.ProgramID],
			Place: one.Location, Online: one.Location == "" || strings.EqualFold(one.Location, "online"), Seats: seatsOf(one),
			Off: one.Status == programs.Cancelled, Running: one.Status == programs.Scheduled && one.StartsAt <= v.Now && v.Now < one.EndsAt,
		}
		if !here.same(there, one.StartsAt) {
			c.There = there.at(one.StartsAt).Format("15:04") + " in " + there.city()
			if here.date(one.StartsAt) != there.date(one.StartsAt) {
				c.There = there.at(one.StartsAt).Format("Mon 15:04") + " in " + there.city()
			}
		}
		for _, p := range leads[one.ID] {
			c.Leads = append(c.Leads, p.Name)
		}
		out[i] = c
	}
	return out, nil
}

// everyProgram reads all programs a visitor sees. There are dozens, not thousands.
func everyProgram(v *store.View) ([]programs.Program, map[programs.ProgramID]programs.Program, error) {
	var all []programs.Program
	page := store.Page{Limit: 200}
	for {
		list, next, err := v.Programs(visitor(), page)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, list...)
		if next == "" {
			break
		}
		page.Cursor = next
	}
	known := make(map[programs.ProgramID]programs.Program, len(all))
	for _, p := range all {
		known[p.ID] = p
	}
	return all, known, nil
}

// hues gives each program one of the eight colors that were checked for contrast. A kind has its own family, so that wellness looks
// like wellness, and within it programs take turns in the order they were made, so that a new one changes none.
func hues(all []programs.Program) map[programs.ProgramID]string {
	families := map[programs.Kind][]string{
		programs.Wellness:  {"green", "sky", "plum"},
		programs.Childcare: {"coral", "amber", "rose"},
		programs.Training:  {"indigo", "slate"},
		programs.Other:     {"slate", "plum"},
	}
	byAge := slices.Clone(all)
	slices.SortFunc(byAge, func(a, b programs.Program) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	out, turn := map[programs.ProgramID]string{}, map[programs.Kind]int{}
	for _, p := range byAge {
		family := families[p.Kind]
		if len(family) == 0 {
			family = families[programs.Other]
		}
		out[p.ID] = family[turn[p.Kind]%len(family)]
		turn[p.Kind]++
	}
	return out
}
