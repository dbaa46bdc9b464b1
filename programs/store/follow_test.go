package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// TestI15_ARevisionRisesWithWhatItsFeedShows changes everything that a feed shows: whatever changes its bytes raises its revision, also
// while the session is called off.
func TestI15_ARevisionRisesWithWhatItsFeedShows(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		lead := w.people[1]
		s := w.schedule("2027-03-16T12:30", "", capacity(1), func(s *programs.Series) { s.Facilitators = []programs.PersonID{lead.ID} })[0]
		w.join(0, s)
		feeds := map[string]programs.Feed{
			"mine": {Scope: programs.Mine, Owner: w.people[0].ID}, "hosting": {Scope: programs.Hosting, Owner: lead.ID}, "program": {Scope: programs.ProgramFeed, Program: w.yoga.ID},
		}
		shown := func(f programs.Feed) string {
			var out []string
			for _, x := range look(w, func(v *store.View) ([]store.FeedSession, error) { return v.FeedSessions(f) }) {
				out = append(out, fmt.Sprint(x.Session.UID, x.Session.Title, x.Session.Location, x.Session.StartsAt, x.Session.EndsAt, x.Session.Status, x.Session.Sequence, x.Session.LastModified, x.Program, x.Facilitators, x.GivenUp))
			}
			return strings.Join(out, "\n")
		}
		status := func(status programs.ProgramStatus) func() {
			return func() { w.policy(func(p *programs.Program) { p.Status = status }) }
		}
		name := func(name string) func() { return func() { w.policy(func(p *programs.Program) { p.Name = name }) } }
		married := func(name string) func() {
			return func() {
				do(w, func(tx *store.Tx) (programs.Person, error) {
					return tx.EditPerson(w.admin, lead.ID, 0, func(p *programs.Person) { p.Name = name })
				})
			}
		}
		for _, step := range []struct {
			name   string
			act    func()
			change string // the feeds that must change
		}{
			{"draft", status(programs.DraftProgram), "mine hosting program"},
			{"published", status(programs.Published), "mine hosting program"},
			{"archived", status(programs.Archived), ""},
			{"published again", status(programs.Published), ""},
			{"renamed", name("Breathe"), "mine hosting program"},
			{"called off", func() { w.callOff(s.ID) }, "mine hosting program"},
			{"renamed while off", name("Stretch"), "mine hosting program"},
			{"lead renamed while off", married("Married"), "mine hosting program"},
			{"back on", func() { w.putBackOn(s.ID) }, "mine hosting program"},
			{"lead renamed", married("Divorced"), "mine hosting program"},
			{"moved", func() { w.details(s.ID, func(d *programs.Details) { d.LocalStart.Minute += 60 }) }, "mine hosting program"},
			{"given up", func() {
				w.leave(look(w, func(v *store.View) ([]programs.Signup, error) { return v.Roster(w.coordinator, s.ID) })[0])
			}, "mine"},
			{"lead left", func() { w.status(1, programs.Left) }, "hosting program"},
		} {
			type shot struct {
				revision int64
				text     string
			}
			before := map[string]shot{}
			for scope, f := range feeds {
				revision, _ := w.s.FeedRevision(f)
				before[scope] = shot{revision, shown(f)}
			}
			step.act()
			for scope, f := range feeds {
				after, _ := w.s.FeedRevision(f)
				changed := shown(f) != before[scope].text
				if changed && after <= before[scope].revision {
					t.Errorf("%s: the %s feed has changed, its revision is still %d", step.name, scope, after)
				}
				if strings.Contains(step.change, scope) && !changed {
					t.Errorf("%s: the %s feed shows the same", step.name, scope)
				}
			}
		}
	})
}

func TestImport_HandsTheLastAdminOverInAnyOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 1)
		read := func(file string) func(*store.Tx) (programs.Difference, error) {
			rows, err := programs.ParseDirectory(strings.NewReader("email,name,roles\n" + file))
			if err != nil {
				t.Fatal(err)
			}
			return func(tx *store.Tx) (programs.Difference, error) {
				return tx.Import(programs.System(), rows, false, false)
			}
		}
		refused(w, programs.Conflict, read("chief@example.org,Chief,employee\n"))
		do(w, read("chief@example.org,Chief,employee\ne0@example.org,Employee 0,admin\n"))
		do(w, read("chief@example.org,Chief,admin\ne0@example.org,Employee 0,employee\n"))
		if got := look(w, func(v *store.View) (programs.Actor, error) { return v.Actor(w.people[0].ID) }); got.Is(programs.Admin) {
			t.Errorf("roles %s", got.Roles)
		}
	})
}
