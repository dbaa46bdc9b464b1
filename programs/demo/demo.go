package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// World is what Build made, as far as a caller wants to name it.
type World struct {
	Admin       programs.Person
	Coordinator programs.Person             // of every program
	Facilitator programs.Person             // leads the yoga
	Employee    programs.Person             // has seats, and waits for one
	Guardian    programs.Person             // has two children
	People      map[string]programs.Person  // by the local part of the address, ana.duarte
	Programs    map[string]programs.Program // by slug
	Series      map[string]programs.Series
	Full        programs.Session // every seat taken, two wait
	Moved       programs.Session
	Cancelled   programs.Session
}

// builder carries what the steps have made so far.
type builder struct {
	World
	ctx      context.Context
	store    *store.Store
	now      programs.Instant
	children map[string]programs.DependentID // ana.duarte/Name
}

// Build fills an empty store with the weeks around now: Begin and Change in one. It is fit to run once: a second time it is refused
// (Conflict), because its people are in the directory.
func Build(ctx context.Context, s *store.Store, now programs.Instant) (World, error) {
	w, err := Begin(ctx, s, now)
	if err != nil {
		return World{}, err
	}
	return Change(ctx, s, w, now)
}

// Begin is the first half of Build: people, programs, series and sign-ups. Who wants mail about what happens next to say something
// has it sent before Change: people who have heard nothing yet are told the outcome alone. Refused (Conflict) a second time.
func Begin(ctx context.Context, s *store.Store, now programs.Instant) (World, error) {
	b := &builder{ctx: ctx, store: s, now: now, children: map[string]programs.DependentID{}}
	b.People, b.Programs, b.Series = map[string]programs.Person{}, map[string]programs.Program{}, map[string]programs.Series{}
	return b.run([]step{
		{"people", b.people},
		{"children", b.dependents},
		{"programs", b.programs},
		{"series", b.series},
		{"sign-ups", b.signups},
	})
}

// Change is the second half of Build: one person leaves, one session is moved and one is called off. now is the one of Begin, whatever
// the store's clock says meanwhile, so that both mean the same dates.
func Change(ctx context.Context, s *store.Store, w World, now programs.Instant) (World, error) {
	b := &builder{World: w, ctx: ctx, store: s, now: now}
	return b.run([]step{
		{"leaving", b.leave},
		{"moving", b.move},
		{"calling off", b.callOff},
	})
}

// step is a part of the building.
type step struct {
	name string
	do   func() error
}

func (b *builder) run(steps []step) (World, error) {
	for _, s := range steps {
		if err := s.do(); err != nil {
			return World{}, fmt.Errorf("sample world, %s: %w", s.name, err)
		}
	}
	return b.World, nil
}

// write runs one step's acts in one transaction.
func (b *builder) write(f func(*store.Tx) error) error {
	_, err := store.Write(b.ctx, b.store, func(tx *store.Tx) (bool, error) { return true, f(tx) })
	return err
}

func (b *builder) people() error {
	err := b.write(func(tx *store.Tx) error {
		by := programs.System()
		for _, m := range cast() {
			p, err := tx.AddPerson(by, programs.Person{
				Email: m.key + domain, Name: m.name, Office: m.office, Department: m.department,
				TimeZone: zoneOf(m.office), Roles: append([]programs.Role{programs.Employee}, m.roles...),
			})
			if err != nil {
				return err
			}
			b.People[m.key] = p
			by = programs.Actor{Person: b.People["ines.moreira"].ID, Roles: b.People["ines.moreira"].Roles} // the admin adds the others
		}
		return nil
	})
	b.Admin, b.Coordinator, b.Facilitator = b.People["ines.moreira"], b.People["owen.hart"], b.People["farida.noor"]
	b.Employee, b.Guardian = b.People["ana.duarte"], b.People["rui.tavares"]
	return err
}

func (b *builder) dependents() error {
	return b.write(func(tx *store.Tx) error {
		for _, m := range cast() {
			guardian, zone := b.People[m.key], zoneOf(m.office)
			for i, c := range m.children {
				loc, err := programs.Zone(zone)
				if err != nil {
					return err
				}
				// A birthday some months ago, so that nobody's age turns within the weeks shown.
				year, month, day := (programs.WallAt(b.now, loc).Date - programs.Date(120+10*i)).Civil()
				d, err := tx.AddDependent(b.actor(m.key), guardian.ID, programs.Dependent{
					GivenName: c.name, BirthDate: programs.DateOf(year-c.age, month, min(day, 28)),
				}, "parent")
				if err != nil {
					return err
				}
				b.children[m.key+"/"+c.name] = d.ID
			}
		}
		return nil
	})
}

// actor is a person who acts for himself.
func (b *builder) actor(key string) programs.Actor {
	return programs.Actor{Person: b.People[key].ID, Roles: b.People[key].Roles}
}

// coordinator is the coordinator with all programs made so far.
func (b *builder) coordinator() programs.Actor {
	a := b.actor("owen.hart")
	for _, o := range offers() {
		if p, ok := b.Programs[o.slug]; ok {
			a.Programs = append(a.Programs, p.ID)
		}
	}
	return a
}

func (b *builder) programs() error {
	return b.write(func(tx *store.Tx) error {
		for _, o := range offers() {
			p := programs.Defaults()
			p.Slug, p.Name, p.Kind, p.Description = o.slug, o.name, o.kind, o.description
			if o.ages != [2]int{} {
				p.Participants, p.MinAge, p.MaxAge = programs.Dependents, &o.ages[0], &o.ages[1]
			}
			made, err := tx.AddProgram(b.coordinator(), p)
			if err != nil {
				return err
			}
			b.Programs[o.slug] = made
		}
		return nil
	})
}

func (b *builder) series() error {
	return b.write(func(tx *store.Tx) error {
		for _, r := range runs() {
			s, err := b.scheduled(r)
			if err != nil {
				return err
			}
			made, _, err := tx.Schedule(b.coordinator(), s)
			if err != nil {
				return fmt.Errorf("%s: %w", r.key, err)
			}
			b.Series[r.key] = made
		}
		return nil
	})
}

func (b *builder) scheduled(r run) (programs.Series, error) {
	loc, err := programs.Zone(zoneOf(r.office))
	if err != nil {
		return programs.Series{}, err
	}
	today := programs.WallAt(b.now, loc).Date
	monday := today - programs.Date((today.Weekday()+6)%7)
	s := programs.Series{
		ProgramID: b.Programs[r.program].ID, RRule: r.rrule, Facilitators: []programs.PersonID{b.People[r.lead].ID},
		Details: programs.Details{
			Title: r.title, Description: r.note, TimeZone: zoneOf(r.office), DurationMinutes: r.length, Location: r.location,
			LocalStart: programs.Wall{Date: monday + programs.Date(7*r.weeks) + programs.Date((r.day+6)%7), Minute: r.hour*60 + r.minute},
		},
	}
	if r.capacity > 0 {
		s.Capacity = &r.capacity
	}
	if r.online {
		s.JoinURL = "https://meet" + strings.Replace(domain, "@", ".", 1) + "/" + r.key
	}
	if strings.HasPrefix(r.rrule, "FREQ=MONTHLY") { // the weekday of its month, as its first date has it
		_, _, day := s.LocalStart.Date.Civil()
		s.RRule = fmt.Sprintf("%s;BYDAY=%d%s", r.rrule, min((day-1)/7+1, 4), strings.ToUpper(r.day.String()[:2]))
		if day > 28 { // a fifth one is not in every month: a week earlier
			s.LocalStart.Date -= 7
		}
	}
	return s, nil
}

// upcoming is the nth date of a series that is far enough away to be reminded of, moved and left.
func (b *builder) upcoming(v *store.View, series string, nth int) (programs.Session, error) {
	list, _, err := v.Sessions(programs.System(), store.SessionFilter{
		Series: b.Series[series].ID, From: b.now.Add(26 * time.Hour), Page: store.Page{Limit: nth + 1},
	})
	if err != nil {
		return programs.Session{}, err
	}
	if len(list) <= nth {
		return programs.Session{}, fmt.Errorf("%s has no date %d ahead", series, nth)
	}
	return list[nth], nil
}

func (b *builder) signups() error {
	return b.write(func(tx *store.Tx) error {
		for _, s := range seats() {
			session, err := b.upcoming(&tx.View, s.series, s.nth)
			if err != nil {
				return err
			}
			for _, who := range s.who {
				key, _, isChild := strings.Cut(who, "/")
				j := store.Joiner{Session: session.ID, Mode: programs.Onsite}
				if session.JoinURL != "" {
					j.Mode = programs.Online
				}
				if isChild {
					j.Dependent = b.children[who]
				}
				if _, _, _, err := tx.SignUp(b.actor(key), j); err != nil {
					return fmt.Errorf("%s: %w", s.series, err)
				}
			}
		}
		var err error
		b.Full, err = b.upcoming(&tx.View, lunchYoga, 0)
		return err
	})
}

// leave gives up one place of the first aid training: who waits first gets it, in the same transaction.
func (b *builder) leave() error {
	return b.write(func(tx *store.Tx) error {
		session, err := b.upcoming(&tx.View, basics, 0)
		if err != nil {
			return err
		}
		mine, err := tx.MySignups(b.People["tiago.faria"].ID, []programs.SessionID{session.ID})
		if err != nil {
			return err
		}
		_, err = tx.Cancel(b.actor("tiago.faria"), mine[session.ID].ID)
		return err
	})
}

// move starts one date half an hour later.
func (b *builder) move() error {
	return b.write(func(tx *store.Tx) error {
		session, err := b.upcoming(&tx.View, drawing, 1)
		if err != nil {
			return err
		}
		b.Moved, err = tx.EditSession(b.coordinator(), session.ID, session.Version, func(d *programs.Details) {
			d.LocalStart.Minute += 30
		})
		return err
	})
}

func (b *builder) callOff() error {
	return b.write(func(tx *store.Tx) error {
		session, err := b.upcoming(&tx.View, riverRun, 1)
		if err != nil {
			return err
		}
		b.Cancelled, err = tx.CallOff(b.coordinator(), session.ID, "The river path is closed for repairs; the week after we run as usual.")
		return err
	})
}
