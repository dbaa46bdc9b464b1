package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"pgregory.net/rapid"
)

// dice draws a random world and random acts in it.
type dice struct {
	*world
	r *rapid.T
	n int // how many draws have been named
}

func (d *dice) label(what string) string {
	d.n++
	return fmt.Sprintf("%s %d", what, d.n)
}

func (d *dice) upTo(n int, what string) int { return rapid.IntRange(0, n).Draw(d.r, d.label(what)) }

// often is true in percent of a hundred draws; it shrinks to false.
func (d *dice) often(percent int, what string) bool { return d.upTo(99, what) >= 100-percent }

func pick[T any](d *dice, what string, list ...T) T { return list[d.upTo(len(list)-1, what)] }

// pattern draws a rule of the subset without its end.
func (d *dice) pattern() string {
	step := pick(d, "interval", "", "", ";INTERVAL=2", ";INTERVAL=3")
	day := pick(d, "weekday", "MO", "TU", "WE", "TH", "FR", "SA", "SU")
	nth := pick(d, "nth", "1", "2", "-1", "5")
	switch d.upTo(6, "frequency") {
	case 0, 1:
		return "FREQ=WEEKLY" + step
	case 2:
		days := []string{day}
		for _, more := range []string{"MO", "TH", "SU"} {
			if more != day && d.often(40, "and "+more) {
				days = append(days, more)
			}
		}
		return "FREQ=WEEKLY" + step + ";BYDAY=" + strings.Join(days, ",")
	case 3:
		return "FREQ=DAILY" + step
	case 4:
		return "FREQ=MONTHLY" + step + ";BYDAY=" + nth + day
	case 5:
		return "FREQ=MONTHLY" + step + pick(d, "month day", "", ";BYMONTHDAY=31", ";BYMONTHDAY=-1", ";BYMONTHDAY=10")
	}
	return "FREQ=YEARLY" + pick(d, "of the year", "", ";BYMONTH=4;BYDAY="+nth+day)
}

// clockTimes has an hour that one night in March does not have, and one past midnight in another zone.
var clockTimes = []int{12*60 + 30, 18 * 60, 2*60 + 30, 23*60 + 45}

// rule draws a whole rule and its first date, from a day on. Most have an end.
func (d *dice) rule(from programs.Date) (string, programs.Wall) {
	base := d.pattern()
	parsed, err := programs.ParseRule(base)
	if err != nil {
		d.r.Fatalf("%s: %v", base, err)
	}
	start := programs.Wall{Date: from + programs.Date(d.upTo(12, "first day")), Minute: pick(d, "time", clockTimes...)}
	steps := parsed.Steps(start, time.UTC, start.Date+366*60)
	first, _, ok := steps.Next()
	if !ok {
		d.r.Fatalf("%s has no date", base)
	}
	switch end := d.upTo(9, "end"); {
	case end < 6:
		return base + fmt.Sprintf(";COUNT=%d", 1+d.upTo(7, "count")), first
	case end < 8:
		return base + ";UNTIL=" + strings.ReplaceAll((first.Date+programs.Date(d.upTo(60, "days"))).String(), "-", ""), first
	case end == 8 && !strings.Contains(base, "DAILY"):
		return base, first
	}
	return "", first
}

func (d *dice) days(from programs.Date) (out []programs.Date) {
	for range d.upTo(2, "skip dates") {
		out = append(out, from+programs.Date(d.upTo(30, "skip date")))
	}
	return out
}

func (d *dice) extras(from programs.Date) (out []programs.Wall) {
	for range d.upTo(2, "extra dates") {
		out = append(out, programs.Wall{Date: from + programs.Date(d.upTo(30, "extra date")), Minute: pick(d, "extra time", clockTimes...)})
	}
	return out
}

func (d *dice) room() *int { return pick(d, "capacity", capacity(1), capacity(2), nil, capacity(0)) }

// attempt is an act that may be refused, but never fails.
func attempt[T any](d *dice, f func(*store.Tx) (T, error)) (T, error) {
	out, err := store.Write(d.ctx, d.s, f)
	if _, refused := errors.AsType[*programs.Error](err); err != nil && !refused {
		d.r.Fatal(err)
	}
	return out, err
}

// populate draws a series and what people and coordinators did with it so far.
func (d *dice) populate() programs.SeriesID {
	first := programs.DateOf(2027, 3, 2)
	rule, start := d.rule(first)
	s := programs.Series{ProgramID: d.yoga.ID, RRule: rule, ExtraDates: d.extras(start.Date), SkipDates: d.days(start.Date + 1), Details: programs.Details{
		Title: "Yoga", LocalStart: start, TimeZone: "Europe/Berlin", DurationMinutes: 45, Capacity: d.room(),
	}}
	if d.often(10, "draft") {
		s.Status = programs.DraftSeries
	}
	made, err := attempt(d, func(tx *store.Tx) (programs.Series, error) {
		made, _, err := tx.Schedule(d.coordinator, s)
		return made, err
	})
	if err != nil { // more than five years
		s.RRule = "FREQ=WEEKLY;COUNT=5"
		made = do(d.world, func(tx *store.Tx) (programs.Series, error) {
			made, _, err := tx.Schedule(d.coordinator, s)
			return made, err
		})
	}
	d.r.Logf("series %q from %s, extra %s, skipped %s, %s", s.RRule, s.LocalStart, s.ExtraDates, s.SkipDates, made.Status)
	if d.often(20, "block") {
		d.policy(func(p *programs.Program) { p.Overlap = programs.BlockOverlap })
	}
	for range d.upTo(8, "acts") {
		d.clock.Add(time.Second)
		d.act(made.ID)
	}
	d.clock.Add(time.Second)
	return made.ID
}

// act is something that happens between two edits.
func (d *dice) act(id programs.SeriesID) {
	list := d.sessions(id)
	if len(list) == 0 {
		return
	}
	s := list[d.upTo(min(len(list), 12)-1, "session")]
	who := d.people[d.upTo(len(d.people)-1, "who")]
	d.r.Logf("at %s %s acts on %s of %s", d.clock.Now(), who.Name, s.Status, s.Slot)
	switch d.upTo(9, "act") {
	case 0, 1:
		_, _ = attempt(d, func(tx *store.Tx) (store.Enrolling, error) {
			e, _, err := tx.Enroll(as(who), id, store.Joiner{})
			return e, err
		})
	case 2, 3, 4:
		_, _ = attempt(d, func(tx *store.Tx) (programs.Signup, error) {
			u, _, _, err := tx.SignUp(as(who), store.Joiner{Session: s.ID})
			return u, err
		})
	case 5: // a seat or a place in line is given up; of an enrolled date it is a skip
		for _, u := range look(d.world, func(v *store.View) ([]programs.Signup, error) { return v.Roster(d.admin, s.ID) }) {
			if u.State.Active() {
				_, _ = attempt(d, func(tx *store.Tx) (programs.Signup, error) { return tx.Cancel(as(who), u.ID) })
				return
			}
		}
	case 6, 7: // a session says something of its own
		own := pick(d, "own", func(x *programs.Details) { x.Title = "Guest teacher" }, func(x *programs.Details) { x.LocalStart.Minute = 9 * 60 },
			func(x *programs.Details) { x.LocalStart.Date += 2 }, func(x *programs.Details) { x.Location = "Garden" }, func(x *programs.Details) { x.Capacity = capacity(3) })
		_, _ = attempt(d, func(tx *store.Tx) (programs.Session, error) { return tx.EditSession(d.coordinator, s.ID, 0, own) })
	case 8:
		_, _ = attempt(d, func(tx *store.Tx) (programs.Session, error) {
			if s.Status == programs.Cancelled {
				return tx.PutBackOn(d.coordinator, s.ID)
			}
			return tx.CallOff(d.coordinator, s.ID, "Ill")
		})
	case 9: // time goes by: to shortly before a session, or past it
		if at := s.StartsAt.Add(-pick(d, "before", 13*time.Hour, 5*time.Hour, 20*time.Minute, -time.Hour)); at > d.clock.Now() && at < d.clock.Now().Add(40*24*time.Hour) {
			d.clock.Set(at)
			d.tick()
		}
	}
}

// edit draws an edit of any scope and class.
func (d *dice) edit(id programs.SeriesID) programs.SeriesEdit {
	list := d.sessions(id)
	s := look(d.world, func(v *store.View) (programs.Series, error) { return v.Series(d.admin, id) })
	e := programs.SeriesEdit{Scope: programs.AllSessions, Reset: d.often(20, "reset")}
	from := programs.WallAt(d.clock.Now(), time.UTC).Date + 1
	if d.often(50, "following") && len(list) > 0 {
		x := list[d.upTo(min(len(list), 12)-1, "from")]
		e.Scope, e.From, from = programs.Following, x.ID, max(from, x.LocalStart.Date)
	}
	if d.often(25, "title") {
		e.Set.Title = ref(pick(d, "title", "Slow yoga", "Yoga"))
	}
	if d.often(25, "room") {
		e.Set.Capacity = ref(d.room())
	}
	if d.often(20, "place") {
		e.Set.Location = ref(pick(d, "place", "Hall", ""))
	}
	if d.often(20, "lead") {
		e.Set.Facilitators = ref(pick(d, "who leads", []programs.PersonID{d.people[0].ID}, []programs.PersonID{}))
	}
	if d.often(30, "times") {
		w := programs.Wall{Date: s.LocalStart.Date, Minute: pick(d, "new time", clockTimes...)}
		if d.often(30, "new first date") {
			w.Date = from + programs.Date(d.upTo(9, "first"))
		}
		e.Set.LocalStart = &w
	}
	if d.often(15, "length") {
		e.Set.DurationMinutes = ref(pick(d, "minutes", 60, 30))
	}
	if d.often(15, "zone") {
		e.Set.TimeZone = ref(pick(d, "zone", "America/New_York", "Europe/Berlin"))
	}
	if d.often(45, "rule") {
		rule, first := d.rule(from)
		if d.often(40, "same pattern") {
			if old, _, found := strings.Cut(s.RRule, ";COUNT="); found {
				rule = old + fmt.Sprintf(";COUNT=%d", 1+d.upTo(9, "new count"))
			}
		} else if e.Set.LocalStart != nil {
			e.Set.LocalStart.Date = first.Date
		}
		e.Set.RRule = &rule
	}
	if d.often(20, "skips") {
		e.Set.SkipDates = ref(d.days(from))
	}
	if d.often(20, "extras") {
		e.Set.ExtraDates = ref(d.extras(from))
	}
	text, err := json.Marshal(e)
	d.r.Logf("at %s edit %s %v", d.clock.Now(), text, err)
	return e
}

// picture is everything about the world that an edit and its undo may touch.
type picture struct {
	Series      map[programs.SeriesID]programs.Series
	Sessions    map[programs.SessionID]programs.Session
	Leads       map[programs.SessionID][]programs.PersonID
	Signups     map[programs.SignupID]programs.Signup
	Enrollments map[programs.EnrollmentID]string
}

func (w *world) picture() picture {
	w.t.Helper()
	return look(w, func(v *store.View) (picture, error) {
		p := picture{
			map[programs.SeriesID]programs.Series{},
			map[programs.SessionID]programs.Session{},
			map[programs.SessionID][]programs.PersonID{},
			map[programs.SignupID]programs.Signup{},
			map[programs.EnrollmentID]string{},
		}
		all, _, err := v.SeriesList(w.admin, store.Page{Limit: 1000})
		if err != nil {
			return p, err
		}
		for _, s := range all {
			p.Series[s.ID] = s
		}
		list, _, err := v.Sessions(w.admin, store.SessionFilter{Page: store.Page{Limit: 10000}})
		if err != nil {
			return p, err
		}
		var ids []programs.SessionID
		for _, s := range list {
			p.Sessions[s.ID] = s
			ids = append(ids, s.ID)
		}
		leads, err := v.Facilitators(ids)
		if err != nil {
			return p, err
		}
		for id, people := range leads {
			for _, x := range people {
				p.Leads[id] = append(p.Leads[id], x.ID)
			}
		}
		for _, person := range w.people {
			signups, _, err := v.SignupsOf(person.ID, store.Page{Limit: 10000})
			if err != nil {
				return p, err
			}
			for _, u := range signups {
				p.Signups[u.ID] = u
			}
			enrolled, err := v.Enrollments(person.ID)
			if err != nil {
				return p, err
			}
			for _, e := range enrolled {
				p.Enrollments[e.ID] = fmt.Sprint(e.Series, e.Person, e.Status, e.Skips)
			}
		}
		return p, nil
	})
}

// undone is what an undo brings back: without versions, stamps, SEQUENCE, which never falls, and what the change had made.
func (p picture) undone(before picture) picture {
	out := picture{map[programs.SeriesID]programs.Series{}, map[programs.SessionID]programs.Session{}, map[programs.SessionID][]programs.PersonID{}, map[programs.SignupID]programs.Signup{}, p.Enrollments}
	for id, s := range p.Series {
		if _, was := before.Series[id]; was {
			s.Version, s.Revision, s.UpdatedAt = 0, 0, 0
			out.Series[id] = s
		}
	}
	for id, s := range p.Sessions {
		if _, was := before.Sessions[id]; was {
			s.Version, s.Revision, s.Counts, s.Sequence, s.LastModified = 0, 0, 0, 0, 0
			out.Sessions[id] = s
			out.Leads[id] = p.Leads[id]
		}
	}
	for id, u := range p.Signups {
		if _, was := before.Signups[id]; was {
			u.Version, u.UpdatedAt = 0, 0
			out.Signups[id] = u
		}
	}
	return out
}

// same fails the case when two pictures differ.
func (d *dice) same(what string, want, got picture) {
	if diff := cmp.Diff(want, got); diff != "" {
		d.r.Fatalf("%s:\n%s", what, diff)
	}
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	var out []K
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
