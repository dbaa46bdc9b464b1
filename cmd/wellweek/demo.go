package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/wellweek/wellweek/api/identity"
	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/demo"
	"github.com/wellweek/wellweek/programs/store"
)

type demoCommand struct {
	rehearse `embed:""`
}

// The sample world is built at begins before the present and changed at changes before it: those who signed up have their
// invitations when a date is moved or called off, and when the first visitor looks, that is past its hold and told as well.
const (
	begins  = 15 * time.Minute
	changes = 10 * time.Minute
)

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

	clk.setBack(begins) // already for opening: the store's time never goes back
	h, err := open(p, set, clk)
	if err != nil {
		return err
	}
	h.demo = true
	var world demo.World
	return h.serve(p.ctx, p.stderr, func() (err error) { world, err = h.furnish(p.ctx); return err }, func() error { return h.links(p, world) })
}

// furnish builds the sample world, and leaves people's time at the present.
func (h *hub) furnish(ctx context.Context) (demo.World, error) {
	defer h.clock.setBack(0)
	now := h.clock.now()
	world, err := demo.Begin(ctx, h.store, now)
	if err != nil {
		return world, err
	}
	if _, err := notify.Plan(ctx, h.store, h.mailer.Settings); err != nil {
		return world, err
	}
	if _, err := h.mailer.Send(ctx); err != nil {
		return world, err
	}
	h.clock.setBack(changes)
	return demo.Change(ctx, h.store, world, now)
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
