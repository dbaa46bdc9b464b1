package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tableRooms are the rooms that have tables, in the order in which they migrate. A foreign key to the right would make a left
// room migrate after one that it must not know.
func tableRooms() []string { return []string{"programs/store", "notify", "api/door", "api/identity"} }

// schemaFile is one migration file.
type schemaFile struct {
	room, engine, text string
}

func schemaFiles(t *testing.T) []schemaFile {
	t.Helper()
	var all []schemaFile
	for _, name := range files(t, ".sql") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		engine := path.Base(path.Dir(name))
		all = append(all, schemaFile{room: path.Dir(path.Dir(path.Dir(name))), engine: engine, text: string(text)})
	}
	return all
}

var (
	sqlComment = regexp.MustCompile(`--[^\n]*`)
	created    = regexp.MustCompile(`create table (?:if not exists )?(\w+)\s*\(`)
	references = regexp.MustCompile(`references (\w+)`)
	changed    = regexp.MustCompile(`(?:alter table|drop table|\son) (\w+)(?:\s*\(|\s+(?:for each|add|drop|rename|begin|when)|\s*;|\s*\n)`)
	written    = regexp.MustCompile(`\b(?:insert\s+(?:or\s+\w+\s+)?into|delete\s+from|truncate(?:\s+table)?)\s+(\w+)|\bupdate\s+(\w+)(?:\s+(?:as\s+)?\w+)?\s+set\b`)
)

// homes maps each table to the room whose schema creates it.
func homes(all []schemaFile) map[string]string {
	home := map[string]string{}
	for _, s := range all {
		for _, m := range created.FindAllStringSubmatch(sqlComment.ReplaceAllString(s.text, ""), -1) {
			home[m[1]] = s.room
		}
	}
	return home
}

// keysLeft finds foreign keys to the right or to no table, schemas outside the rooms that have tables, and schemas that change a
// table of another room.
func keysLeft(all []schemaFile) []string {
	home := homes(all)
	var faults []string
	for _, s := range all {
		text := sqlComment.ReplaceAllString(s.text, "")
		if !slices.Contains(tableRooms(), s.room) || s.engine != "sqlite" && s.engine != "postgres" {
			faults = append(faults, fmt.Sprintf("%s has SQL files of %s; tables live in the schema folders of %s", s.room, s.engine, strings.Join(tableRooms(), ", ")))
			continue
		}
		for _, m := range references.FindAllStringSubmatch(text, -1) {
			switch target, ok := home[m[1]]; {
			case !ok:
				faults = append(faults, fmt.Sprintf("%s refers to %s, which no room creates", s.room, m[1]))
			case slices.Index(tableRooms(), target) > slices.Index(tableRooms(), s.room):
				faults = append(faults, fmt.Sprintf("%s refers to %s of %s; foreign keys point left only", s.room, m[1], target))
			}
		}
		for _, m := range changed.FindAllStringSubmatch(text, -1) {
			if target, ok := home[m[1]]; ok && target != s.room {
				faults = append(faults, fmt.Sprintf("the schema of %s changes %s of %s", s.room, m[1], target))
			}
		}
	}
	return faults
}

// sameTables finds tables and columns that one engine's folder has and the other's has not.
func sameTables(all []schemaFile) []string {
	columns := map[string]map[string]bool{"sqlite": {}, "postgres": {}}
	for _, s := range all {
		if columns[s.engine] == nil {
			continue // keysLeft speaks about it
		}
		text := sqlComment.ReplaceAllString(s.text, "")
		for _, m := range created.FindAllStringSubmatchIndex(text, -1) {
			for _, c := range columnNames(text[m[1]:]) {
				columns[s.engine][text[m[2]:m[3]]+"."+c] = true
			}
		}
	}
	var faults []string
	for engine, other := range map[string]string{"sqlite": "postgres", "postgres": "sqlite"} {
		for c := range columns[engine] {
			if !columns[other][c] {
				faults = append(faults, c+" is in the schema of "+engine+" alone")
			}
		}
	}
	return faults
}

// columnNames reads the column names of a table's body, which begins after its opening parenthesis.
func columnNames(body string) []string {
	var names []string
	depth, start := 0, 0
	for i, c := range body {
		if c == '(' {
			depth++
		}
		if depth == 0 && (c == ',' || c == ')') {
			if words := strings.Fields(body[start:i]); len(words) > 1 && !slices.Contains([]string{"unique", "primary", "check", "foreign", "constraint"}, strings.TrimRight(words[0], "(")) {
				names = append(names, words[0])
			}
			start = i + 1
		}
		if c == ')' {
			if depth == 0 {
				break
			}
			depth--
		}
	}
	return names
}

// writesOwn finds SQL that writes a table of another room. Reading to the left is allowed, changing goes through that room's methods.
func writesOwn(s source, home map[string]string) (faults []string) {
	if s.forTests() {
		return nil
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(lit.Value)
		if err != nil {
			return true
		}
		for _, m := range written.FindAllStringSubmatch(text, -1) {
			if table := m[1] + m[2]; home[table] != "" && home[table] != s.folder() {
				faults = append(faults, fmt.Sprintf("%s writes the table %s of %s; its rows change through that room's methods", s.at(lit), table, home[table]))
			}
		}
		return true
	})
	return faults
}

// noSQL finds SQL in rooms that must not know any: whoever answers a request asks the store.
func noSQL(s source) (faults []string) {
	if s.forTests() || slices.Contains(tableRooms(), s.folder()) {
		return nil
	}
	for _, i := range s.file.Imports {
		if p, _ := strconv.Unquote(i.Path.Value); p == "database/sql" {
			faults = append(faults, s.at(i)+" imports database/sql; this room asks the store")
		}
	}
	return faults
}

func TestRoomsSQL(t *testing.T) {
	t.Parallel()
	all := schemaFiles(t)
	if len(all) < 2 {
		t.Fatal("no schema files were found")
	}
	report(t, keysLeft(all))
	report(t, sameTables(all))
	home := homes(all)
	if home["signups"] != "programs/store" {
		t.Errorf("the table signups is at home in %q", home["signups"])
	}
	for _, s := range sources(t) {
		report(t, writesOwn(s, home))
		report(t, noSQL(s))
	}
}

func TestRoomsSQLMutations(t *testing.T) {
	t.Parallel()
	people := schemaFile{"programs/store", "sqlite", "create table people (\n\tid text primary key,\n\tcheck (id <> '')\n) strict;\n"}
	outbox := schemaFile{"notify", "sqlite", "create table outbox (\n\tid text primary key,\n\tperson_id text references people (id)\n) strict;\ncreate index outbox_person on outbox (person_id);\n"}
	both := []schemaFile{people, outbox}
	add := func(room, engine, text string) []schemaFile {
		return append(slices.Clone(both), schemaFile{room, engine, text})
	}
	mutation(t, "key to the right", keysLeft(add("programs/store", "sqlite", "create table x (id text references outbox (id));")), keysLeft(both))
	mutation(t, "key to nothing", keysLeft(add("notify", "sqlite", "create table x (id text references persons (id));")), nil)
	mutation(t, "SQL in a room without tables", keysLeft(add("calendar", "sqlite", "create table x (id text);")), nil)
	mutation(t, "altering another room's table", keysLeft(add("notify", "sqlite", "alter table people add column x text;")), keysLeft(add("notify", "sqlite", "alter table outbox add column x text;")))
	mutation(t, "index on another room's table", keysLeft(add("notify", "sqlite", "create index x on people (id);")), nil)
	mutation(t, "trigger on another room's table", keysLeft(add("notify", "sqlite", "create trigger x before update on people\nbegin\n")), nil)

	same := schemaFile{"programs/store", "postgres", "create table people (id text primary key);"}
	mutation(t, "column on one engine", sameTables([]schemaFile{people, {"programs/store", "postgres", "create table people (id text primary key, name text);"}}), sameTables([]schemaFile{people, same}))
	mutation(t, "table on one engine", sameTables([]schemaFile{people, outbox, same}), nil)

	home := homes(both)
	sql := func(in, text string) []string {
		s, err := parse(in, "package p\nconst q = `"+text+"`")
		if err != nil {
			t.Fatal(err)
		}
		return writesOwn(s, home)
	}
	mutation(t, "update of a left table", sql("notify/plan.go", "update people set name = $1"), sql("programs/store/person.go", "update people set name = $1"))
	mutation(t, "update with an alias", sql("notify/plan.go", "update people as p\n set name = $1"), sql("cmd/wellweek/import.go", "Add and update people from a file."))
	mutation(t, "insert", sql("api/person.go", "insert into people (id) values ($1)"), sql("notify/plan.go", "insert into outbox (id) select id from people"))
	mutation(t, "insert or ignore", sql("notify/plan.go", "insert or ignore into people (id) values ($1)"), sql("notify/plan.go", "select id from people for update skip locked"))
	mutation(t, "delete inside a with", sql("programs/store/person.go", "with x as (delete  from\n outbox returning id) select id from x"), sql("notify/outbox.go", "delete from outbox"))

	plain := func(in, imp string) []string {
		s, err := parse(in, "package p\nimport _ \""+imp+"\"")
		if err != nil {
			t.Fatal(err)
		}
		return noSQL(s)
	}
	mutation(t, "SQL in api", plain("api/person.go", "database/sql"), plain("notify/outbox.go", "database/sql"))
}
