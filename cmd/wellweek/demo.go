package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/wellweek/wellweek/api/identity"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/demo"
	"github.com/wellweek/wellweek/programs/store"
)

type demoCommand struct {
	rehearse `embed:""`
}

// before is how long before the present the sample world is built: what was moved and called off is past its hold when the first
// visitor looks, and its mails are there.
const before = 15 * time.Minute

// Run serves the sample world until the context ends, and leaves nothing behind. Whatever database and relay are set are not
// touched: the demo has a scratch database and catches its mail.
func (c demoCommand) Run(p *program) (err error) {
	p.settings.SMTPURL = ""
	set, err := p.settings.check(true)
	if err != nil {
		return err
	}
	clk, err := c.clock()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "wellweek-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	set.Database = database(filepath.Join(folder, "demo.db"))

	clk.setBack(before) // already for opening: the store's time never goes back
	h, err := open(p, set, clk)
	if err != nil {
		return err
	}
	h.demo = true
	world, err := demo.Build(p.ctx, h.store, clk.now())
	clk.setBack(0)
	if err != nil {
		return errors.Join(err, h.store.Close())
	}
	return h.serve(p.ctx, p.stderr, func() error { return h.links(p, world) })
}

// links prints what a visitor needs, one link or token a line, and nothing else.
func (h *hub) links(p *program, world demo.World) error {
	tokens := map[programs.PersonID]string{}
	people := []programs.Person{world.Employee, world.Coordinator, world.Admin}
	for _, person := range people {
		token, err := store.Write(p.ctx, h.store, func(tx *store.Tx) (string, error) {
			token, _, err := identity.MakeKey(tx, programs.System(), identity.Key{Name: "demo", Person: person.ID})
			return token, err
		})
		if err != nil {
			return err
		}
		tokens[person.ID] = token
	}
	feed, err := h.feed(p, tokens[world.Coordinator.ID], world.Programs["bewell-yoga"].ID)
	if err != nil {
		return fmt.Errorf("make the program feed: %w", err)
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "What is on\t%s/\n", h.settings.PublicURL)
	fmt.Fprintf(w, "API reference\t%s/docs\n", h.settings.PublicURL)
	fmt.Fprintf(w, "Caught mail\t%s/mail\n", h.settings.PublicURL)
	fmt.Fprintf(w, "Program feed\t%s\n", feed)
	for i, role := range []string{"Employee", "Coordinator", "Admin"} {
		fmt.Fprintf(w, "%s token\t%s\n", role, tokens[people[i].ID])
	}
	return w.Flush()
}

// feed makes a program feed the way everybody does, over the API, and returns its URL.
func (h *hub) feed(p *program, token string, id programs.ProgramID) (string, error) {
	body, err := json.Marshal(map[string]string{"scope": string(programs.ProgramFeed), "program_id": string(id)})
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(p.ctx, http.MethodPost, "http://"+h.listener.Addr().String()+"/api/v1/me/feeds", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy of the surroundings, no connection left open
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var made struct {
		URL string `json:"url"`
	}
	if answer.StatusCode != http.StatusCreated {
		return "", errors.New(answer.Status)
	}
	err = json.NewDecoder(answer.Body).Decode(&made)
	return made.URL, err
}
