package programs

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxRows is how many people one import may bring.
const MaxRows = 5000

// Row is one line of a directory file. Set names the columns the file has: an update changes those and no others.
type Row struct {
	N       int // 1 for the first line below the header
	Person  Person
	Manager string // address; empty: none
	Set     Columns
}

// Columns says which columns a directory file has, beside email and name.
type Columns struct {
	TimeZone, Locale, Roles, Office, Department, Manager bool
}

// ParseDirectory reads people from CSV (RFC 4180) with a header of email, name and any of time_zone, locale, roles, office,
// department, manager_email. Several roles are separated by spaces, semicolons or commas. One bad row refuses the whole file
// (Invalid); the error's locations name each bad row, at most 100.
func ParseDirectory(r io.Reader) ([]Row, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	text := strings.TrimPrefix(string(raw), "\ufeff")
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, Refuse(Invalid, "The file is CSV in UTF-8.").At("body")
	}
	reader := csv.NewReader(strings.NewReader(text))
	reader.FieldsPerRecord = -1
	header, err := reader.Read()
	if err != nil {
		return nil, Refuse(Invalid, "The file begins with a header that names its columns: email, name and so on.").At("body")
	}
	columns, set, err := directoryHeader(header)
	if err != nil {
		return nil, err
	}
	var rows []Row
	seen := map[string]int{}
	bad := Refuse(Invalid, "Some rows cannot be read; nothing was imported.")
	for n := 1; ; n++ {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if n > MaxRows {
			return nil, Refuse(Invalid, "One file has at most %d rows.", MaxRows).At("body")
		}
		row, fault := Row{}, Refuse(Invalid, "The row is not CSV with as many fields as the header.")
		if err == nil && len(record) == len(columns) {
			row, fault = directoryRow(n, record, columns, set)
		}
		if fault == nil && seen[row.Person.Email] > 0 {
			fault = Refuse(Invalid, "The email is the same as in row %d.", seen[row.Person.Email])
		}
		if fault != nil {
			bad.Where = append(bad.Where, Location{Where: fmt.Sprintf("row %d", n), Format: fault.Format, Args: fault.Args})
			if len(bad.Where) == 100 || err != nil {
				return nil, bad
			}
			continue
		}
		seen[row.Person.Email] = n
		rows = append(rows, row)
	}
	if len(bad.Where) > 0 {
		return nil, bad
	}
	return rows, nil
}

func directoryHeader(header []string) ([]string, Columns, error) {
	known := []string{"email", "name", "time_zone", "locale", "roles", "office", "department", "manager_email"}
	columns := make([]string, len(header))
	for i, name := range header {
		columns[i] = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(known, columns[i]) || slices.Contains(columns[:i], columns[i]) {
			return nil, Columns{}, Refuse(Invalid, "Column %d of the header is unknown or repeated; the columns are %s.", i+1, strings.Join(known, ", ")).At("body")
		}
	}
	has := func(name string) bool { return slices.Contains(columns, name) }
	if !has("email") || !has("name") {
		return nil, Columns{}, Refuse(Invalid, "The columns email and name are needed.").At("body")
	}
	return columns, Columns{has("time_zone"), has("locale"), has("roles"), has("office"), has("department"), has("manager_email")}, nil
}

func directoryRow(n int, record, columns []string, set Columns) (Row, *Error) {
	row := Row{N: n, Set: set}
	for i, name := range columns {
		field := record[i]
		switch name {
		case "email":
			row.Person.Email = field
		case "name":
			row.Person.Name = field
		case "time_zone":
			row.Person.TimeZone = strings.TrimSpace(field)
		case "locale":
			row.Person.Locale = strings.TrimSpace(field)
		case "office":
			row.Person.Office = field
		case "department":
			row.Person.Department = field
		case "manager_email":
			row.Manager = strings.TrimSpace(field)
		case "roles":
			for _, r := range strings.FieldsFunc(field, func(c rune) bool { return c == ' ' || c == ';' || c == ',' }) {
				row.Person.Roles = append(row.Person.Roles, Role(strings.ToLower(r)))
			}
		}
	}
	err := row.Person.Check()
	if err == nil && row.Manager != "" {
		row.Manager, err = Address(row.Manager)
	}
	if fault, ok := errors.AsType[*Error](err); ok {
		return row, fault
	}
	return row, nil
}

// Onto is the person as the row makes them: columns the file does not have stay as they are.
func (r Row) Onto(p Person, manager PersonID) Person {
	p.Email, p.Name = r.Person.Email, r.Person.Name
	if r.Set.TimeZone {
		p.TimeZone = r.Person.TimeZone
	}
	if r.Set.Locale {
		p.Locale = r.Person.Locale
	}
	if r.Set.Roles || len(p.Roles) == 0 {
		p.Roles = r.Person.Roles
	}
	if r.Set.Office {
		p.Office = r.Person.Office
	}
	if r.Set.Department {
		p.Department = r.Person.Department
	}
	if r.Set.Manager {
		p.Manager = manager
	}
	if p.Status == "" || p.Status == Left {
		p.Status = Active // who comes back is in the file again
	}
	return p
}

// Difference is what an import does, or would do, row by row.
type Difference struct {
	Rows                          []DiffRow
	Added, Updated, Same, Missing int
}

// DiffRow is what an import does with one person. Row is 0 for somebody who is missing from a full list.
type DiffRow struct {
	Row    int
	Email  string
	Act    string // add, update, same or end
	Fields string // what changes, as stable names
}

// CheckMissing refuses (Conflict) a full list that would end more than a tenth of the active people, unless that is confirmed.
func CheckMissing(active, missing int, confirmed bool) error {
	if !confirmed && missing*10 > active {
		return Refuse(Conflict, "%d of %d active people are missing from this list; confirm that they have left with confirm_missing.", missing, active)
	}
	return nil
}
