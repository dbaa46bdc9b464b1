package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/wellweek/wellweek/api/identity"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

type tokenCommand struct {
	Create tokenCreate `cmd:"" help:"Make a token and print it, alone, on standard output. It is shown this once."`
	List   tokenList   `cmd:"" help:"List the tokens that were made, without the tokens themselves."`
	Revoke tokenRevoke `cmd:"" help:"End a token at once."`
}

// beside opens the database for a command that works beside a running server, runs f and closes it again.
func (p *program) beside(f func(*store.Store) error) (err error) {
	c, err := p.settings.check(true)
	if err != nil {
		return err
	}
	clk := wall()
	s, err := store.Open(p.ctx, store.Options{
		Database: string(c.Database), Schemas: schemas(), Now: clk.now, Real: clk.real,
		Log: slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: c.level})),
	})
	if err != nil {
		return fmt.Errorf("%s (--database): %w", envName("database"), err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return f(s)
}

type tokenCreate struct {
	Name    string `name:"name" placeholder:"NAME" help:"What the token is for, such as \"intranet page\"."`
	Role    string `name:"role" placeholder:"ROLE" xor:"whose" help:"employee, facilitator, coordinator, reporter, admin or inbound: a token without a person."`
	Person  string `name:"person" placeholder:"EMAIL" xor:"whose" help:"A token of this person, with that person's roles."`
	Expires string `name:"expires" placeholder:"WHEN" help:"An instant such as 2027-01-31T00:00:00Z, or a number of days such as 90d. Default: never."`
}

// Run prints the token.
func (c tokenCreate) Run(p *program) error {
	switch {
	case c.Role == "" && c.Person == "":
		return usage{errors.New("token create needs --role ROLE or --person EMAIL")}
	case c.Role != "" && c.Name == "":
		return usage{errors.New("token create --role needs --name: what the token is for")}
	case c.Name == "":
		c.Name = "made on the command line"
	}
	return p.beside(func(s *store.Store) error {
		token, err := store.Write(p.ctx, s, func(tx *store.Tx) (string, error) {
			k := identity.Key{Name: c.Name, Role: programs.Role(c.Role)}
			var err error
			if k.ExpiresAt, err = expiry(c.Expires, tx.Now); err != nil {
				return "", err
			}
			if c.Person != "" {
				person, err := tx.PersonByEmail(c.Person)
				if err != nil {
					return "", err
				}
				k.Person = person.ID
			}
			token, _, err := identity.MakeKey(tx, programs.System(), k)
			return token, err
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(p.stdout, token)
		return err
	})
}

// expiry reads an instant, or a number of days from now; empty is never.
func expiry(s string, now programs.Instant) (programs.Instant, error) {
	if s == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36_500 {
			return now.Add(time.Duration(n) * 24 * time.Hour), nil
		}
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, usage{errors.New("--expires is an instant such as 2027-01-31T00:00:00Z, or a number of days such as 90d")}
	}
	return programs.At(at), nil
}

type tokenList struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// keyLine is a key as token list --json prints it.
type keyLine struct {
	ID         string  `json:"id"`
	Name       string  `json:"name"`
	Role       *string `json:"role"`
	Person     *string `json:"person_id"`
	State      string  `json:"state"`
	CreatedAt  string  `json:"created_at"`
	ExpiresAt  *string `json:"expires_at"`
	LastUsedAt *string `json:"last_used_at"`
}

// Run prints one line a key.
func (c tokenList) Run(p *program) error {
	return p.beside(func(s *store.Store) error {
		lines, err := store.Read(p.ctx, s, func(v *store.View) ([]keyLine, error) {
			keys, err := identity.Keys(v)
			lines := make([]keyLine, 0, len(keys))
			for _, k := range keys {
				lines = append(lines, lineOf(k, v.Now))
			}
			return lines, err
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return p.write(lines)
		}
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tWHOSE\tSTATE\tMADE\tEXPIRES\tLAST USED")
		for _, l := range lines {
			whose := "person " + or(l.Person, "")
			if l.Role != nil {
				whose = *l.Role
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Name, whose, l.State, l.CreatedAt, or(l.ExpiresAt, "never"), or(l.LastUsedAt, "never"))
		}
		return w.Flush()
	})
}

func lineOf(k identity.Key, now programs.Instant) keyLine {
	l := keyLine{
		ID: k.ID, Name: k.Name, Role: some(string(k.Role)), Person: some(string(k.Person)), State: "active",
		CreatedAt: k.CreatedAt.String(), ExpiresAt: instant(k.ExpiresAt), LastUsedAt: instant(k.LastUsedAt),
	}
	switch {
	case k.RevokedAt != 0:
		l.State = "revoked"
	case k.ExpiresAt != 0 && k.ExpiresAt <= now:
		l.State = "expired"
	}
	return l
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func instant(i programs.Instant) *string {
	if i == 0 {
		return nil
	}
	return some(i.String())
}

func or(s *string, none string) string {
	if s == nil {
		return none
	}
	return *s
}

type tokenRevoke struct {
	ID string `arg:"" help:"The token's id, as token list shows it."`
}

// Run ends the token. Ending it twice is the same.
func (c tokenRevoke) Run(p *program) error {
	return p.beside(func(s *store.Store) error {
		_, err := store.Write(p.ctx, s, func(tx *store.Tx) (bool, error) {
			return true, identity.RevokeKey(tx, programs.System(), c.ID)
		})
		if err == nil {
			fmt.Fprintln(p.stderr, "The token is revoked.")
		}
		return err
	})
}
