package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

type importCommand struct {
	People importPeople `cmd:"" help:"Add and update people from a CSV file with the header email,name,time_zone,locale,roles,office,department,manager_email."`
}

type importPeople struct {
	File           string `arg:"" help:"The CSV file; - reads standard input."`
	DryRun         bool   `name:"dry-run" help:"Print what would change, row by row, and change nothing."`
	Full           bool   `name:"full" help:"The file is the whole directory: people who are missing in it have left."`
	ConfirmMissing bool   `name:"confirm-missing" help:"With --full, also when more than a tenth of the people are missing."`
	JSON           bool   `name:"json" help:"Print JSON."`
}

// importLimit is the size of the largest directory file, in bytes.
const importLimit = 1 << 20

// Run imports the file: all of it, or on a fault in any row nothing.
func (c importPeople) Run(p *program) error {
	rows, err := c.read(p.stdin)
	if err != nil {
		return err
	}
	return p.beside(func(s *store.Store) error {
		var d programs.Difference
		if c.DryRun {
			d, err = store.Read(p.ctx, s, func(v *store.View) (programs.Difference, error) {
				return v.Difference(programs.System(), rows, c.Full)
			})
		} else {
			d, err = store.Write(p.ctx, s, func(tx *store.Tx) (programs.Difference, error) {
				return tx.Import(programs.System(), rows, c.Full, c.ConfirmMissing)
			})
		}
		if err != nil {
			return err
		}
		return c.print(p, d)
	})
}

func (c importPeople) read(stdin io.Reader) ([]programs.Row, error) {
	in := stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, importLimit+1))
	if err != nil {
		return nil, err
	}
	if len(text) > importLimit {
		return nil, errors.New("the file is larger than 1 MiB; split it")
	}
	return programs.ParseDirectory(strings.NewReader(string(text)))
}

// differenceLine is one row as import people --json prints it.
type differenceLine struct {
	Row    int    `json:"row"`
	Email  string `json:"email"`
	Act    string `json:"act"`
	Fields string `json:"fields"`
}

func (c importPeople) print(p *program, d programs.Difference) error {
	if c.JSON {
		out := struct {
			DryRun  bool             `json:"dry_run"`
			Added   int              `json:"added"`
			Updated int              `json:"updated"`
			Same    int              `json:"same"`
			Missing int              `json:"missing"`
			Rows    []differenceLine `json:"rows"`
		}{c.DryRun, d.Added, d.Updated, d.Same, d.Missing, make([]differenceLine, 0, len(d.Rows))}
		for _, r := range d.Rows {
			out.Rows = append(out.Rows, differenceLine{r.Row, r.Email, r.Act, r.Fields})
		}
		return p.write(out)
	}
	if c.DryRun {
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		for _, r := range d.Rows {
			if r.Act != "same" {
				fmt.Fprintf(w, "%s\t%s\t%s\n", r.Act, r.Email, r.Fields)
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	verb := "Imported"
	if c.DryRun {
		verb = "Nothing is changed yet. It would be"
	}
	_, err := fmt.Fprintf(p.stdout, "%s: %d added, %d updated, %d the same, %d missing.\n", verb, d.Added, d.Updated, d.Same, d.Missing)
	return err
}
