package store_test

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// rawSQLite opens a file as another program would.
func rawSQLite(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", store.DSN(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestPragmasOfEveryConnection(t *testing.T) {
	t.Parallel()
	s := openFile(t)
	for query, want := range map[string][]string{
		"pragma journal_mode": {"wal", "wal", "wal", "wal", "wal"},
		"pragma busy_timeout": {"5000", "5000", "5000", "5000", "5000"},
		"pragma foreign_keys": {"1", "1", "1", "1", "1"},
		"pragma synchronous":  {"2", "2", "2", "2", "2"}, // FULL: a commit is synced
		"pragma query_only":   {"0", "1", "1", "1", "1"},
	} {
		got, err := s.Asked(query)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

// A connection that answers differently stops the start: each pragma changed in turn.
func TestVerifyPragmas(t *testing.T) {
	t.Parallel()
	for _, pragma := range []string{"journal_mode = delete", "busy_timeout = 0", "foreign_keys = 0", "synchronous = normal", "query_only = 1"} {
		db := rawSQLite(t, storetest.SQLite(t))
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := store.VerifyPragmas(t.Context(), conn); err != nil {
			t.Fatalf("before: %v", err)
		}
		if _, err := conn.ExecContext(t.Context(), "pragma "+pragma); err != nil {
			t.Fatal(err)
		}
		name := strings.Fields(pragma)[0]
		if err := store.VerifyPragmas(t.Context(), conn); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("after pragma %s: %v", pragma, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestFileOfAnyName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a folder?mode=memory&x=%41#é;'")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"well week.db", "100%.db", "a?b=c&d#e.db", ":memory:", "file:x", "día \"1\".db"} {
		path := filepath.Join(dir, name)
		s := openEngine(t, engineOptions(path))
		execute(t, s, "insert into things (id, n) values ('a', 0)")
		info, err := os.Stat(path)
		if err != nil {
			t.Errorf("%s is not where it was asked for: %v", name, err)
			continue
		}
		if mode := info.Mode(); mode != 0o600 {
			t.Errorf("%s has mode %v", name, mode)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) < 6 {
		t.Errorf("%d files, %v", len(entries), err)
	}
}

func TestFileThatIsNoneOfOurs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"garbage": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "wellweek restore"},
		"a damaged page": {func(t *testing.T, path string) {
			s := openEngine(t, engineOptions(path))
			for i := range 500 {
				execute(t, s, "insert into things (id, n, label) values ($1, $2, $3)", fmt.Sprintf("%06d", i), i, strings.Repeat("x", 300))
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := len(content) - 4096; i < len(content); i++ {
				content[i] ^= 0x5a
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "wellweek restore"},
		"another program's tables": {func(t *testing.T, path string) {
			if _, err := rawSQLite(t, path).Exec("create table notes (text text)"); err != nil {
				t.Fatal(err)
			}
		}, "another program"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := storetest.SQLite(t)
			c.make(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			o := engineOptions(path)
			o.Owner = true
			s, err := store.Open(t.Context(), o)
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("the refusal says: %v", err)
			}
			after, err := os.ReadFile(path)
			if err != nil || !cmp.Equal(before, after) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func TestFolderThatDoesNotExist(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing", "wellweek.db")
	for _, owner := range []bool{false, true} {
		o := engineOptions(path)
		o.Owner = owner
		if s, err := store.Open(t.Context(), o); err == nil {
			s.Close()
			t.Error("it was opened")
		}
	}
}

func TestSecondOwnerIsRefused(t *testing.T) {
	t.Parallel()
	o := engineOptions(storetest.SQLite(t))
	o.Owner = true
	first := openEngine(t, o)
	_, err := store.Open(t.Context(), o)
	if err == nil || !errors.Is(err, store.ErrLocked) ||
		!strings.Contains(err.Error(), o.Database) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("the second owner was told: %v", err)
	}
	beside := o
	beside.Owner = false
	command := openEngine(t, beside)
	execute(t, command, "insert into things (id, n) values ('a', 0)")
	wantThings(t, first, "a")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	openEngine(t, o)
}

// TestOwnerInAProcessOfItsOwn plays the server that TestOwnerThatWasKilled kills.
func TestOwnerInAProcessOfItsOwn(t *testing.T) {
	database := os.Getenv("WELLWEEK_TEST_OWNER")
	if database == "" {
		t.Skip("only TestOwnerThatWasKilled runs this")
	}
	o := engineOptions(database)
	o.Owner = true
	s := openEngine(t, o)
	execute(t, s, "insert into things (id, n) values ('acknowledged', 0)")
	fmt.Println("owner is ready")
	select {} // until it is killed
}

func TestOwnerThatWasKilled(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	child := exec.Command(os.Args[0], "-test.run=^TestOwnerInAProcessOfItsOwn$", "-test.v")
	child.Env = append(os.Environ(), "WELLWEEK_TEST_OWNER="+database)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Process.Kill()
	ready := false
	for lines := bufio.NewScanner(out); !ready && lines.Scan(); {
		ready = lines.Text() == "owner is ready"
	}
	if !ready {
		t.Fatalf("the owner did not start: %v", child.Wait())
	}
	o := engineOptions(database)
	o.Owner = true
	if s, err := store.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), strconv.Itoa(child.Process.Pid)) {
		if err == nil {
			s.Close()
		}
		t.Errorf("beside the owner: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	wantThings(t, openEngine(t, o), "acknowledged")
}

// further is a second migration of several statements, one of them a trigger that holds semicolons.
var further = []string{
	"create table parts (id text primary key, thing text not null references things (id));",
	"create index parts_thing on parts (thing);",
	"insert into things (id, n) values ('migrated', 1);",
	"alter table things add column color text;",
}

const trigger = "create trigger parts_keep before delete on parts begin select raise(abort, 'kept'); select 1; end;"

func TestMigrationThatFailsAtEachStatement(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		o := engineOptions(database)
		o.Owner = true
		s := openEngine(t, o)
		execute(t, s, "insert into things (id, n) values ('old', 0)")
		key := s.Key("links")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		statements := further
		if !strings.HasPrefix(database, "postgres") {
			statements = append(statements[:len(statements):len(statements)], trigger)
		}
		for i := range statements {
			broken := append([]string{}, statements...)
			broken[i] = "insert into no_such_table (id) values (1);"
			o.Schemas = []store.Schema{engineSchema(strings.Join(broken, "\n"))}
			if s, err := store.Open(t.Context(), o); err == nil {
				s.Close()
				t.Fatalf("opened although statement %d fails", i)
			} else if !strings.Contains(err.Error(), "store/0002") {
				t.Errorf("statement %d: %v", i, err)
			}
			// The program that knows only the first migration runs as before.
			o.Schemas = []store.Schema{engineSchema()}
			s := openEngine(t, o)
			if n := number(t, s, "select max(n) from schema_version where room = $1", "store"); n != 1 {
				t.Errorf("statement %d failed, but the version is %d", i, n)
			}
			wantThings(t, s, "old")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		o.Schemas = []store.Schema{engineSchema(strings.Join(statements, "\n"))}
		s = openEngine(t, o)
		wantThings(t, s, "migrated", "old")
		if n := number(t, s, "select max(n) from schema_version where room = $1", "store"); n != 2 {
			t.Errorf("the version is %d", n)
		}
		if !cmp.Equal(key, s.Key("links")) {
			t.Error("the migration changed the keys")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		o.Schemas = []store.Schema{engineSchema()}
		if s, err := store.Open(t.Context(), o); !errors.Is(err, store.ErrNewer) {
			if err == nil {
				s.Close()
			}
			t.Errorf("the older program was told: %v", err)
		}
	})
}

func TestRoomThatThisProgramDoesNotKnow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		o := engineOptions(database)
		other := store.Schema{Room: "later", Files: fstest.MapFS{
			"sqlite/0001.sql":   {Data: []byte("create table later (id text primary key) strict")},
			"postgres/0001.sql": {Data: []byte("create table later (id text primary key)")},
		}}
		o.Schemas = append(o.Schemas, other)
		if err := openEngine(t, o).Close(); err != nil {
			t.Fatal(err)
		}
		if s, err := store.Open(t.Context(), engineOptions(database)); !errors.Is(err, store.ErrNewer) {
			if err == nil {
				s.Close()
			}
			t.Errorf("told: %v", err)
		}
	})
}

func TestCopyBeforeAMigration(t *testing.T) {
	t.Parallel()
	o := engineOptions(storetest.SQLite(t))
	o.Owner = true
	s := openEngine(t, o)
	execute(t, s, "insert into things (id, n) values ('old', 0)")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	copied := o.Database + ".before-store-0002"
	if _, err := os.Stat(copied); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a first start has nothing to copy: %v", err)
	}
	// What an earlier attempt left is replaced.
	for _, name := range []string{copied, copied + ".part"} {
		if err := os.WriteFile(name, []byte("an earlier attempt"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o.Schemas = []store.Schema{engineSchema(strings.Join(further, "\n"))}
	wantThings(t, openEngine(t, o), "migrated", "old")

	info, err := os.Stat(copied)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("the copy: %v, %v", info, err)
	}
	if _, err := os.Stat(copied + ".part"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a half copy is left: %v", err)
	}
	wantThings(t, openEngine(t, engineOptions(copied)), "old")
}

func TestOnlyTheOwnerMigrates(t *testing.T) {
	t.Parallel()
	old := engineOptions(storetest.SQLite(t))
	old.Owner = true
	server := openEngine(t, old)
	command := old
	command.Owner = false
	command.Schemas = []store.Schema{engineSchema(strings.Join(further, "\n"))}
	if s, err := store.Open(t.Context(), command); !errors.Is(err, store.ErrLocked) {
		if err == nil {
			s.Close()
		}
		t.Errorf("beside an older server: %v", err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	wantThings(t, openEngine(t, command), "migrated") // nobody serves: it may
	// The lock was held for the migration only.
	server2 := command
	server2.Owner = true
	openEngine(t, server2)
}

func TestMigrationsAreNumbered(t *testing.T) {
	t.Parallel()
	text := []byte(engineTables)
	for name, files := range map[string]fstest.MapFS{
		"none":        {},
		"a gap":       {"sqlite/0001.sql": {Data: text}, "sqlite/0003.sql": {Data: text}},
		"not from 1":  {"sqlite/0002.sql": {Data: text}},
		"other width": {"sqlite/001.sql": {Data: text}},
		"no number":   {"sqlite/0001.sql": {Data: text}, "sqlite/next.sql": {Data: text}},
	} {
		o := engineOptions(storetest.SQLite(t))
		o.Schemas = []store.Schema{{Room: "store", Files: files}}
		if s, err := store.Open(t.Context(), o); err == nil {
			s.Close()
			t.Errorf("%s: opened", name)
		}
	}
}

func TestManyProcessesStartTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		const n = 6
		stores, errs := make([]*store.Store, n), make([]error, n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				stores[i], errs[i] = store.Open(t.Context(), engineOptions(database))
			})
		}
		all.Wait()
		keys := map[string]bool{}
		for i, s := range stores {
			if errs[i] != nil {
				// On a file only one may make the tables; the others are told so at once.
				if !errors.Is(errs[i], store.ErrLocked) {
					t.Errorf("start %d: %v", i, errs[i])
				}
				continue
			}
			keys[string(s.Key("links"))] = true
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if len(keys) != 1 {
			t.Errorf("%d different keys", len(keys))
		}
	})
}
