package main

import (
	"errors"
	"fmt"

	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs/store"
)

type checkCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// errFaults ends check with exit status 1; the faults themselves are the output.
var errFaults = errors.New("the database has faults")

// faultLine is one fault as check --json prints it.
type faultLine struct {
	Invariant string `json:"invariant"`
	Rows      string `json:"rows"`
}

// Run prints one line a fault and nothing when there is none.
func (c checkCommand) Run(p *program) error {
	return p.beside(func(s *store.Store) error {
		faults, err := store.Check(p.ctx, s)
		if err != nil {
			return err
		}
		mail, err := store.Read(p.ctx, s, notify.Check)
		if err != nil {
			return err
		}
		faults = append(faults, mail...)
		if c.JSON {
			lines := make([]faultLine, 0, len(faults))
			for _, f := range faults {
				lines = append(lines, faultLine{f.Invariant, f.Rows})
			}
			if err := p.write(lines); err != nil {
				return err
			}
		} else {
			for _, f := range faults {
				if _, err := fmt.Fprintf(p.stdout, "%s\t%s\n", f.Invariant, f.Rows); err != nil {
					return err
				}
			}
		}
		if len(faults) > 0 {
			return errFaults
		}
		fmt.Fprintln(p.stderr, "Everything holds.")
		return nil
	})
}
