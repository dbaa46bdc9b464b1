package web

import (
	"net/http"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// ahead is how many days the first page shows, today among them.
const ahead = 14

// most is how many sessions a page reads: an answer of any size is no page.
const most = 1000

// hubPage is what is on in the coming two weeks.
type hubPage struct {
	Range    string
	Lede     string
	Strip    []stripDay
	Chips    []chip
	Earlier  []card // of today, over
	Days     []day
	NextDate string // the next session after the two weeks, when they are empty
	NextLink string
	Filtered bool
}

type stripDay struct {
	Name  string // Mon
	Day   int
	Label string // Monday 16 November: 2 sessions
	Today bool
	Link  string   // empty: nothing on that day
	Dots  []string // hues, at most four
}

type chip struct {
	Name, Link, Hue string
	Current         bool
}

type day struct {
	ID    string // 2026-11-18, for links from the strip
	Name  string
	Today bool
	Cards []card
}

// hub answers GET /. ?program=slug keeps the sessions of one program; a slug that is none is no page.
func (s *site) hub(w http.ResponseWriter, r *http.Request) error {
	here := zoneOf(s.TimeZone)
	slug := r.URL.Query().Get("program")
	page, err := store.Read(r.Context(), s.Store, func(v *store.View) (hubPage, error) {
		all, known, err := everyProgram(v)
		if err != nil {
			return hubPage{}, err
		}
		today := here.date(v.Now)
		f := store.SessionFilter{From: here.start(today), Until: here.start(today + ahead)}
		p := hubPage{Range: days(today, today+ahead-1), Filtered: slug != ""}
		colors := hues(all)
		p.Chips = chips(all, colors, slug)
		if slug != "" {
			one, err := v.Program(visitor(), slug)
			if err != nil {
				return hubPage{}, err
			}
			f.Program = one.ID
		}
		list, err := readSessions(v, f, most)
		if err != nil {
			return hubPage{}, err
		}
		made, err := s.cards(v, list, known, colors)
		if err != nil {
			return hubPage{}, err
		}
		p.fill(here, today, list, made, v.Now)
		if len(made) == 0 {
			f.From, f.Until = f.Until, 0
			later, err := readSessions(v, f, 1)
			if err != nil {
				return hubPage{}, err
			}
			if len(later) != 0 {
				p.NextDate = here.at(later[0].StartsAt).Format("Mon 2 January") + ", " + later[0].Title
				p.NextLink = "/sessions/" + string(later[0].ID)
			}
		}
		return p, nil
	})
	if err != nil {
		return err
	}
	s.show(w, r, http.StatusOK, "hub", view{Title: "What's on", Current: "hub", Zone: here.city(), Body: page})
	return nil
}

// fill sorts cards into days, and what is over today into a fold of its own.
func (p *hubPage) fill(here zone, today programs.Date, list []programs.Session, made []card, now programs.Instant) {
	on := map[programs.Date][]card{}
	coming := 0
	for i, c := range made {
		d := here.date(c.Starts)
		on[d] = append(on[d], c)
		if list[i].EndsAt <= now {
			p.Earlier = append(p.Earlier, c)
			continue
		}
		if !c.Off {
			coming++
		}
		if n := len(p.Days); n == 0 || p.Days[n-1].ID != d.String() {
			p.Days = append(p.Days, day{ID: d.String(), Name: long(d), Today: d == today})
		}
		last := &p.Days[len(p.Days)-1]
		last.Cards = append(last.Cards, c)
	}
	p.Lede = "Nothing is planned for these two weeks."
	if coming > 0 {
		p.Lede = count(coming, "session", "sessions") + " in the next two weeks."
	}
	for d := today; d < today+ahead; d++ {
		_, _, n := d.Civil()
		sd := stripDay{Name: d.Weekday().String()[:3], Day: n, Today: d == today, Label: long(d) + ": " + count(len(on[d]), "session", "sessions")}
		for _, c := range on[d] {
			if len(sd.Dots) < 4 {
				sd.Dots = append(sd.Dots, c.Hue)
			}
			if c.Starts >= now || sd.Link == "" {
				sd.Link = "#day-" + d.String()
			}
		}
		if d == today && (len(p.Days) == 0 || !p.Days[0].Today) {
			sd.Link = "" // all of it is over, and folded away
		}
		p.Strip = append(p.Strip, sd)
	}
}

// chips are the programs as links that narrow the page to one.
func chips(all []programs.Program, colors map[programs.ProgramID]string, slug string) []chip {
	out := []chip{{Name: "All programs", Link: "/", Current: slug == ""}}
	for _, p := range all {
		if p.Status == programs.Published {
			out = append(out, chip{Name: p.Name, Link: "/?program=" + p.Slug, Hue: colors[p.ID], Current: slug == p.Slug})
		}
	}
	return out
}

// readSessions reads up to limit sessions that a visitor sees.
func readSessions(v *store.View, f store.SessionFilter, limit int) ([]programs.Session, error) {
	var all []programs.Session
	f.Page = store.Page{Limit: min(200, limit)}
	for {
		list, next, err := v.Sessions(visitor(), f)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if next == "" || len(all) >= limit {
			return all, nil
		}
		f.Page.Cursor = next
	}
}
