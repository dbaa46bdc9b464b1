package store_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func rows(t *testing.T, csv string) []programs.Row {
	t.Helper()
	out, err := programs.ParseDirectory(strings.NewReader(csv))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestImport_DoesWhatTheDifferenceSays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 3)
		file := rows(t, "email,name,roles,office,manager_email\n"+
			"E0@example.org,Employee 0,employee,,\n"+ // the same
			"e1@example.org,Renamed,employee facilitator,Lisbon,new@example.org\n"+
			"new@example.org,\"O'Hara, \"\"Bo\"\"\",employee,Lisbon,\n")
		said := look(w, func(v *store.View) (programs.Difference, error) { return v.Difference(w.admin, file, false) })
		did := do(w, func(tx *store.Tx) (programs.Difference, error) { return tx.Import(w.admin, file, false, false) })
		if diff := cmp.Diff(said, did); diff != "" {
			t.Error(diff)
		}
		want := []programs.DiffRow{
			{Row: 1, Email: "e0@example.org", Act: "same"},
			{Row: 2, Email: "e1@example.org", Act: "update", Fields: "name,office,manager,roles"},
			{Row: 3, Email: "new@example.org", Act: "add"},
		}
		if diff := cmp.Diff(want, did.Rows); diff != "" {
			t.Error(diff)
		}
		boss := look(w, func(v *store.View) (programs.Person, error) { return v.PersonByEmail("NEW@example.org") })
		one := look(w, func(v *store.View) (programs.Person, error) { return v.PersonByEmail("e1@example.org") })
		if boss.Name != `O'Hara, "Bo"` || one.Manager != boss.ID || one.Office != "Lisbon" {
			t.Errorf("stored %+v under %+v", one, boss)
		}
		again := do(w, func(tx *store.Tx) (programs.Difference, error) { return tx.Import(w.admin, file, false, false) })
		if again.Same != 3 {
			t.Errorf("the second import is no repetition: %+v", again)
		}
		if left := look(w, func(v *store.View) (programs.Person, error) { return v.PersonByEmail("e2@example.org") }); left.Status != programs.Active {
			t.Error("who is missing was ended without full")
		}
	})
}

func TestImport_FullEndsWhoIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t), 20)
	full := "email,name\nchief@example.org,Chief\ncarla@example.org,Carla\n"
	for i := 1; i < 20; i++ {
		full += w.people[i].Email + "," + w.people[i].Name + "\n"
	}
	did := do(w, func(tx *store.Tx) (programs.Difference, error) { return tx.Import(w.admin, rows(t, full), true, false) })
	if did.Missing != 1 {
		t.Errorf("%d ended, want 1", did.Missing)
	}
	few := rows(t, "email,name\nchief@example.org,Chief\n")
	refused(w, programs.Conflict, func(tx *store.Tx) (programs.Difference, error) { return tx.Import(w.admin, few, true, false) })
	noAdmin := rows(t, "email,name\ncarla@example.org,Carla\n")
	refused(w, programs.Conflict, func(tx *store.Tx) (programs.Difference, error) { return tx.Import(w.admin, noAdmin, true, true) })
	if p := look(w, func(v *store.View) (programs.Person, error) { return v.PersonByEmail("e1@example.org") }); p.Status != programs.Active {
		t.Error("a refused import left something behind")
	}
	refused(w, programs.Forbidden, func(tx *store.Tx) (programs.Difference, error) { return tx.Import(w.coordinator, few, false, false) })
	refused(w, programs.Invalid, func(tx *store.Tx) (programs.Difference, error) {
		return tx.Import(w.admin, rows(t, "email,name,manager_email\nx@example.org,X,nobody@example.org\n"), false, false)
	})
}

func TestPrograms_DraftsAreSeenByTheirCoordinatorsAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 1)
		s := w.schedule("2027-03-16T12:30", "", nil)[0]
		hidden := do(w, func(tx *store.Tx) (programs.Program, error) {
			return tx.EditProgram(w.coordinator, "yoga", w.yoga.Version, func(p *programs.Program) { p.Status = programs.DraftProgram })
		})
		refused(w, programs.Stale, func(tx *store.Tx) (programs.Program, error) {
			return tx.EditProgram(w.coordinator, "yoga", w.yoga.Version, func(p *programs.Program) { p.Name = "Late" })
		})
		other := programs.Actor{Person: w.people[0].ID, Roles: []programs.Role{programs.Coordinator}}
		for name, a := range map[string]programs.Actor{"employee": as(w.people[0]), "coordinator of others": other} {
			if list := look(w, func(v *store.View) ([]programs.Program, error) {
				list, _, err := v.Programs(a, store.Page{})
				return list, err
			}); len(list) != 0 {
				t.Errorf("%s: the list shows the draft", name)
			}
			refused(w, programs.NotFound, func(tx *store.Tx) (programs.Program, error) { return tx.Program(a, string(hidden.ID)) })
			refused(w, programs.NotFound, func(tx *store.Tx) (programs.Session, error) { return tx.Session(a, s.ID) })
			refused(w, programs.NotFound, func(tx *store.Tx) (programs.Signup, error) {
				u, _, _, err := tx.SignUp(a, store.Joiner{Session: s.ID})
				return u, err
			})
		}
		if got := look(w, func(v *store.View) (programs.Session, error) { return v.Session(w.coordinator, s.ID) }); got.ID != s.ID {
			t.Error("its coordinator does not see it")
		}
		refused(w, programs.Conflict, func(tx *store.Tx) (programs.Program, error) {
			p := programs.Defaults()
			p.Slug, p.Name, p.Kind = "yoga", "Twice", programs.Other
			return tx.AddProgram(w.coordinator, p)
		})
		refused(w, programs.Forbidden, func(tx *store.Tx) (programs.Program, error) {
			p := programs.Defaults()
			p.Slug, p.Name, p.Kind = "mine", "Mine", programs.Other
			return tx.AddProgram(as(w.people[0]), p)
		})
	})
}

func TestScopes_GrantAndTakeBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 1)
		p := do(w, func(tx *store.Tx) (programs.Person, error) {
			return tx.EditPerson(w.admin, w.people[0].ID, 0, func(p *programs.Person) { p.Roles = append(p.Roles, programs.Coordinator) })
		})
		coordinates := func() bool {
			return look(w, func(v *store.View) (programs.Actor, error) { return v.Actor(p.ID) }).Coordinates(w.yoga.ID)
		}
		give := func(tx *store.Tx) (struct{}, error) { return struct{}{}, tx.Grant(w.admin, w.yoga.ID, p.ID) }
		take := func(tx *store.Tx) (struct{}, error) { return struct{}{}, tx.Ungrant(w.admin, w.yoga.ID, p.ID) }
		for range 2 {
			do(w, give)
			if !coordinates() {
				t.Error("granted, but does not coordinate")
			}
		}
		for range 2 {
			do(w, take)
			if coordinates() {
				t.Error("taken back, but still coordinates")
			}
		}
		refused(w, programs.Forbidden, func(tx *store.Tx) (struct{}, error) { return struct{}{}, tx.Grant(w.coordinator, w.yoga.ID, p.ID) })
		refused(w, programs.NotFound, func(tx *store.Tx) (struct{}, error) { return struct{}{}, tx.Grant(w.admin, "nothing", p.ID) })
	})
}

func TestPages_WalkTheWholeListOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 7)
		w.schedule("2027-03-02T12:30", "FREQ=DAILY;COUNT=11", nil)
		walk := func(page func(store.Page) (int, string, error)) (n int) {
			p := store.Page{Limit: 3}
			for {
				got, cursor, err := page(p)
				if err != nil {
					t.Fatal(err)
				}
				n += got
				if cursor == "" {
					return n
				}
				p.Cursor = cursor
			}
		}
		sessions := walk(func(p store.Page) (int, string, error) {
			var cursor string
			list := look(w, func(v *store.View) (l []programs.Session, err error) {
				l, cursor, err = v.Sessions(as(w.people[0]), store.SessionFilter{Page: p})
				return l, err
			})
			return len(list), cursor, nil
		})
		people := walk(func(p store.Page) (int, string, error) {
			var cursor string
			list := look(w, func(v *store.View) (l []programs.Person, err error) {
				l, cursor, err = v.People(w.admin, p)
				return l, err
			})
			return len(list), cursor, nil
		})
		if sessions != 11 || people != 9 {
			t.Errorf("%d sessions and %d people, want 11 and 9", sessions, people)
		}
		for _, cursor := range []string{"x", "AAAA", "Zm9v"} {
			refused(w, programs.Invalid, func(tx *store.Tx) (int, error) {
				_, _, err := tx.Sessions(w.admin, store.SessionFilter{Page: store.Page{Cursor: cursor}})
				return 0, err
			})
		}
	})
}

func TestJournal_IsAppendOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 1)
		for _, statement := range []string{`update journal set actor = 'x'`, `delete from journal`} {
			if _, err := store.Write(w.ctx, w.s, func(tx *store.Tx) (int64, error) { return tx.Exec(statement) }); err == nil {
				t.Errorf("%q was accepted", statement)
			}
		}
		w.sound()
	})
}

func TestRevokeFeedsOf_StopsWhatARevokedKeyMade(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, database, 0)
		key := programs.Actor{Key: "k1", Roles: []programs.Role{programs.Reporter}}
		other := programs.Actor{Key: "k2", Roles: []programs.Role{programs.Reporter}}
		for i, a := range []programs.Actor{key, other} {
			do(w, func(tx *store.Tx) (programs.Feed, error) {
				return tx.AddFeed(a, programs.Feed{Scope: programs.ProgramFeed, Program: w.yoga.ID}, hashOf(string(rune('a'+i))))
			})
		}
		do(w, func(tx *store.Tx) (int, error) { return 0, tx.RevokeFeedsOf("k1") })
		for token, revoked := range map[string]bool{"a": true, "b": false} {
			if f, ok := w.s.Feed(hashOf(token)); !ok || (f.RevokedAt != 0) != revoked {
				t.Errorf("the feed of key %s: %+v", token, f)
			}
		}
	})
}
