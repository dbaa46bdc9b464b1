package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func TestT1_T5_TenWeeksAcrossTheMarchChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=10", capacity(2))
		if len(list) != 10 {
			t.Fatalf("%d sessions", len(list))
		}
		ids := map[programs.SessionID]bool{}
		for i, s := range list {
			if s.LocalStart.Minute != 12*60+30 || s.Slot != s.LocalStart.Date.String() || s.Status != programs.Scheduled {
				t.Errorf("session %d: %s %s %s", i, s.Slot, s.LocalStart, s.Status)
			}
			hour := 11
			if s.Slot >= "2027-03-28" {
				hour = 10
			}
			if got := s.StartsAt.Time(); got.Hour() != hour || s.EndsAt.Sub(s.StartsAt) != 45*time.Minute {
				t.Errorf("%s starts at %s", s.Slot, got)
			}
			if s.UID != string(s.ID)+"@wellweek" {
				t.Errorf("uid %q", s.UID)
			}
			ids[s.ID] = true
		}
		if len(ids) != 10 {
			t.Error("ids repeat")
		}
		w.sound()
	})
}

func TestT5_PastDatesAreCompletedAndAllPastIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		list := w.schedule("2027-02-22T12:30", "FREQ=WEEKLY;COUNT=3", nil, func(s *programs.Series) {
			d, err := programs.ParseDate("2027-03-08")
			if err != nil {
				t.Fatal(err)
			}
			s.SkipDates = []programs.Date{d}
		})
		var got []programs.SessionStatus
		for _, s := range list {
			got = append(got, s.Status)
		}
		if want := []programs.SessionStatus{programs.Completed, programs.Scheduled, programs.Skipped}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		refused(w, programs.Invalid, func(tx *store.Tx) (programs.Series, error) {
			made, _, err := tx.Schedule(w.coordinator, programs.Series{ProgramID: w.yoga.ID, Details: programs.Details{
				Title: "Gone", LocalStart: wall(t, "2027-02-01T10:00"), TimeZone: "Europe/Berlin", DurationMinutes: 30,
			}})
			return made, err
		})
		if n := look(w, func(v *store.View) (int, error) {
			list, _, err := v.SeriesList(w.coordinator, store.Page{})
			return len(list), err
		}); n != 1 {
			t.Errorf("%d series: a refused one left something behind", n)
		}
	})
}

func TestT5_OpenEndedSeriesIsExtendedBySlot(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY", nil)
		if len(list) != 58 { // 400 days ahead of the start
			t.Fatalf("%d sessions", len(list))
		}
		w.clock.Add(21 * 24 * time.Hour)
		for _, want := range []int{3, 0} {
			if n, err := store.Extend(w.ctx, w.s); n != want || err != nil {
				t.Errorf("extended by %d, want %d: %v", n, want, err)
			}
		}
		w.sound()
	})
}

func TestPreview_SaysWhatScheduleDoesAndWritesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		taken := w.schedule("2027-03-16T12:00", "", nil, func(s *programs.Series) { s.Title, s.Location = "Choir", "Room 1" })[0]
		skip, err := programs.ParseDate("2027-03-09")
		if err != nil {
			t.Fatal(err)
		}
		s := programs.Series{ProgramID: w.yoga.ID, RRule: "FREQ=WEEKLY;COUNT=5", SkipDates: []programs.Date{skip}, Details: programs.Details{
			Title: "Night walk", LocalStart: wall(t, "2027-03-02T12:30"), TimeZone: "Europe/Berlin", DurationMinutes: 45, Location: "Room 1",
		}}
		p := look(w, func(v *store.View) (programs.Preview, error) { return v.Preview(w.coordinator, s) })
		var got []programs.PreviewStatus
		for _, d := range p.Sessions {
			got = append(got, d.Status)
		}
		want := []programs.PreviewStatus{programs.FreeDate, programs.SkippedDate, programs.ClashDate, programs.FreeDate, programs.FreeDate}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if note := strings.Join(p.Sessions[2].Notes, " "); !strings.Contains(note, taken.Title) {
			t.Errorf("the clash is not explained: %q", note)
		}
		if !strings.Contains(p.Summary, "Tuesday") || !strings.Contains(p.Summary, "4 sessions, from 2 March 2027 to 30 March 2027") {
			t.Errorf("summary %q", p.Summary)
		}
		if n := look(w, func(v *store.View) (int, error) {
			list, _, err := v.Sessions(w.coordinator, store.SessionFilter{})
			return len(list), err
		}); n != 1 {
			t.Errorf("%d sessions: the preview wrote", n)
		}
	})
}

func TestT2_GapIsStoredAndNamed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		warnings := do(w, func(tx *store.Tx) ([]string, error) {
			_, warnings, err := tx.Schedule(w.coordinator, programs.Series{ProgramID: w.yoga.ID, Details: programs.Details{
				Title: "Night watch", LocalStart: wall(t, "2027-03-28T02:30"), TimeZone: "Europe/Berlin", DurationMinutes: 30,
			}})
			return warnings, err
		})
		if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "2027-03-28: ") {
			t.Errorf("warnings %q", warnings)
		}
		list := look(w, func(v *store.View) ([]programs.Session, error) {
			list, _, err := v.Sessions(w.coordinator, store.SessionFilter{})
			return list, err
		})
		if got := list[0].StartsAt.String(); got != "2027-03-28T01:30:00Z" {
			t.Errorf("starts at %s, want 03:30 in Berlin", got)
		}
	})
}

func TestS8_SequenceRisesWithTimeAndPlaceAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		s := w.schedule("2027-03-16T12:30", "", nil)[0]
		for _, c := range []struct {
			name  string
			edit  func(*programs.Details)
			rises int
		}{
			{"title", func(d *programs.Details) { d.Title = "Evening yoga" }, 0},
			{"description", func(d *programs.Details) { d.Description = "Bring a mat" }, 0},
			{"capacity", func(d *programs.Details) { d.Capacity = capacity(9) }, 0},
			{"join link", func(d *programs.Details) { d.JoinURL = "https://meet.example.org/x" }, 0},
			{"nothing", func(*programs.Details) {}, 0},
			{"place", func(d *programs.Details) { d.Location = "Room 2" }, 1},
			{"start", func(d *programs.Details) { d.LocalStart = wall(t, "2027-03-16T18:00") }, 1},
			{"length", func(d *programs.Details) { d.DurationMinutes = 60 }, 1},
			{"zone", func(d *programs.Details) { d.TimeZone = "Europe/Lisbon" }, 1},
			{"all at once", func(d *programs.Details) { d.Location, d.DurationMinutes = "Room 3", 30 }, 1},
		} {
			before := w.session(s.ID)
			w.clock.Add(time.Millisecond)
			after := do(w, func(tx *store.Tx) (programs.Session, error) {
				return tx.EditSession(w.coordinator, s.ID, before.Version, c.edit)
			})
			stored := w.session(s.ID)
			if after.Sequence != before.Sequence+c.rises || stored.Sequence != after.Sequence {
				t.Errorf("%s: sequence %d -> %d", c.name, before.Sequence, after.Sequence)
			}
			if c.name != "nothing" && (after.Version != before.Version+1 || after.LastModified < before.LastModified+1000) {
				t.Errorf("%s: version %d -> %d, modified %s -> %s", c.name, before.Version, after.Version, before.LastModified, after.LastModified)
			}
			if after.ID != s.ID || after.UID != s.UID || after.Slot != s.Slot {
				t.Errorf("%s: identity changed", c.name)
			}
		}
		w.sound()
	})
}

func TestT3_ThePastIsFrozen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t), 0)
	s := w.schedule("2027-03-16T12:30", "", nil)[0]
	edit := func(f func(*programs.Details)) func(*store.Tx) (programs.Session, error) {
		return func(tx *store.Tx) (programs.Session, error) { return tx.EditSession(w.coordinator, s.ID, 0, f) }
	}
	refused(w, programs.Invalid, edit(func(d *programs.Details) { d.LocalStart = wall(t, "2027-02-16T12:30") }))
	w.clock.Set(s.StartsAt)
	refused(w, programs.Closed, edit(func(d *programs.Details) { d.DurationMinutes = 50 }))
	do(w, edit(func(d *programs.Details) { d.Description = "Started" }))
	w.clock.Set(s.EndsAt)
	refused(w, programs.Closed, edit(func(d *programs.Details) { d.Title = "Over" }))
	refused(w, programs.Closed, func(tx *store.Tx) (programs.Session, error) { return tx.CallOff(w.coordinator, s.ID, "Late") })
}

func TestFeedSessions_PerScope(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 3)
		lead := w.people[2]
		list := w.schedule("2027-03-02T12:30", "FREQ=WEEKLY;COUNT=4", capacity(1), func(s *programs.Series) { s.Facilitators = []programs.PersonID{lead.ID} })
		me := w.people[0]
		mine := programs.Feed{Scope: programs.Mine, Owner: me.ID}
		ids := func(f programs.Feed) (out []string) {
			for _, fs := range look(w, func(v *store.View) ([]store.FeedSession, error) { return v.FeedSessions(f) }) {
				out = append(out, fs.Session.Slot+" "+string(fs.Session.Status)+" "+strings.Join(fs.Facilitators, ",")+" "+string(rune('0'+fs.GivenUp)))
			}
			return out
		}
		revision, _ := w.s.FeedRevision(mine)
		seat := w.join(0, list[1])
		if after, _ := w.s.FeedRevision(mine); after <= revision {
			t.Error("a sign-up did not raise the revision of its person")
		}
		w.join(1, list[2])
		w.join(0, list[2]) // waits: in no feed
		if got := ids(mine); !slices.Equal(got, []string{"2027-03-09 scheduled Employee 2 0"}) {
			t.Errorf("mine: %q", got)
		}
		w.leave(seat)
		if got := ids(mine); len(got) != 0 {
			t.Errorf("a seat given up is still there: %q", got)
		}
		w.join(0, list[1])
		do(w, func(tx *store.Tx) (programs.Session, error) { return tx.CallOff(w.coordinator, list[1].ID, "Ill") })
		if got := ids(mine); !slices.Equal(got, []string{"2027-03-09 cancelled Employee 2 1"}) {
			t.Errorf("mine, cancelled: %q", got)
		}
		if got := ids(programs.Feed{Scope: programs.ProgramFeed, Program: w.yoga.ID}); len(got) != 4 {
			t.Errorf("program: %q", got)
		}
		if got := ids(programs.Feed{Scope: programs.Hosting, Owner: lead.ID}); len(got) != 4 {
			t.Errorf("hosting: %q", got)
		}
		w.clock.Add(70 * 24 * time.Hour)
		if got := ids(mine); len(got) != 0 {
			t.Errorf("cancelled 60 days ago: %q", got)
		}
	})
}

func TestC5_NewNamesAreNewWording(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 2)
		lead := w.people[1]
		s := w.schedule("2027-03-16T12:30", "", nil, func(s *programs.Series) { s.Facilitators = []programs.PersonID{lead.ID} })[0]
		w.join(0, s)
		mine := programs.Feed{Scope: programs.Mine, Owner: w.people[0].ID}
		for name, rename := range map[string]func(tx *store.Tx) error{
			"program": func(tx *store.Tx) error {
				_, err := tx.EditProgram(w.coordinator, "yoga", 0, func(p *programs.Program) { p.Name = "Breathe" })
				return err
			},
			"facilitator": func(tx *store.Tx) error {
				_, err := tx.EditPerson(w.admin, lead.ID, 0, func(p *programs.Person) { p.Name = "Married" })
				return err
			},
		} {
			before := w.session(s.ID)
			feed, _ := w.s.FeedRevision(mine)
			program, _ := w.s.FeedRevision(programs.Feed{Scope: programs.ProgramFeed, Program: w.yoga.ID})
			do(w, func(tx *store.Tx) (struct{}, error) { return struct{}{}, rename(tx) })
			after := w.session(s.ID)
			feedNow, _ := w.s.FeedRevision(mine)
			programNow, _ := w.s.FeedRevision(programs.Feed{Scope: programs.ProgramFeed, Program: w.yoga.ID})
			if after.LastModified <= before.LastModified || after.Revision <= before.Revision || after.Sequence != before.Sequence || feedNow <= feed || programNow <= program {
				t.Errorf("%s: modified %s -> %s, revision %d -> %d, feeds %d -> %d and %d -> %d", name,
					before.LastModified, after.LastModified, before.Revision, after.Revision, feed, feedNow, program, programNow)
			}
		}
	})
}
