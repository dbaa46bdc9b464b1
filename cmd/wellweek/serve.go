package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wellweek/wellweek/api"
	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/api/identity"
	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// rehearse are the flags of the rehearsal clock.
type rehearse struct {
	ClockStart string  `name:"clock-start" placeholder:"INSTANT" help:"Rehearse: live at this instant, such as 2026-12-01T09:00:00Z."`
	ClockSpeed float64 `name:"clock-speed" default:"1" placeholder:"N" help:"Rehearse: let time run N times as fast, holds and due times included."`
}

// clock is the wall clock, or the rehearsal clock that the flags ask for.
func (r rehearse) clock() (*clock, error) {
	var start programs.Instant
	if r.ClockStart != "" {
		at, err := time.Parse(time.RFC3339, r.ClockStart)
		if err != nil {
			return nil, usage{errors.New("--clock-start is an instant such as 2026-12-01T09:00:00Z")}
		}
		if start = programs.At(at); start <= 0 {
			return nil, usage{errors.New("--clock-start is an instant after 1970")}
		}
	}
	return rehearsal(start, r.ClockSpeed)
}

type serveCommand struct {
	rehearse `embed:""`
}

// Run serves until the context ends.
func (c serveCommand) Run(p *program) error {
	set, err := p.settings.check(false)
	if err != nil {
		return err
	}
	clk, err := c.clock()
	if err != nil {
		return err
	}
	h, err := open(p, set, clk)
	if err != nil {
		return err
	}
	if err := h.notBefore(p.ctx); err != nil {
		return errors.Join(err, h.store.Close())
	}
	return h.serve(p.ctx, p.stderr, nil, nil)
}

// hub is a running server: its parts in the order in which they start.
type hub struct {
	settings checked
	demo     bool
	clock    *clock
	log      *slog.Logger
	store    *store.Store
	listener net.Listener
	identity *identity.Identity
	mailer   *notify.Mailer
	loops    *loops
	handler  http.Handler
	draining atomic.Bool // readyz says no: the process is going down
}

// schemas are the rooms with tables, in the order of their foreign keys.
func schemas() []store.Schema {
	return []store.Schema{
		{Room: "store", Files: store.Files()},
		{Room: "notify", Files: notify.Schema()},
		{Room: "door", Files: door.Schema()},
		{Room: "identity", Files: identity.Schema()},
	}
}

// open takes the lock, checks the database and brings its tables up to date.
func open(p *program, set checked, clk *clock) (*hub, error) {
	debug.SetGCPercent(collect)
	h := &hub{settings: set, clock: clk, log: slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: set.level}))}
	var err error
	h.store, err = store.Open(p.ctx, store.Options{
		Database: string(set.Database), Schemas: schemas(), Now: clk.now, Real: clk.real, Owner: true, Log: h.log,
	})
	if err != nil {
		return nil, fmt.Errorf("%s (--database): %w", envName("database"), err)
	}
	return h, nil
}

// listen binds the port. Nobody is answered before serve; who connects meanwhile waits.
func (h *hub) listen() (err error) {
	if h.listener, err = net.Listen("tcp", h.settings.Listen); err != nil {
		return cannotListen(err)
	}
	if h.settings.publicGuessed { // the port is known only now when it was 0
		host, _, _ := net.SplitHostPort(h.settings.Listen)
		h.settings.PublicURL = "http://" + shown(h.listener.Addr().String(), host)
	}
	return nil
}

// assemble makes everything that answers or happens on its own, and rescues what a process that died was sending.
func (h *hub) assemble(ctx context.Context) error {
	if err := h.store.LoadFeeds(ctx); err != nil {
		return err
	}
	h.mailer = &notify.Mailer{
		Store: h.store, Relay: h.settings.relay, Log: h.log, Connections: 4,
		Settings: notify.Settings{
			PublicURL: h.settings.PublicURL, From: h.settings.MailFrom, ReplyDomain: h.settings.ReplyDomain, TimeZone: h.settings.TimeZone,
		},
	}
	if !h.settings.Database.postgres() {
		// On SQLite this process is the only sender: whatever is marked as being sent was left by one that died. PostgreSQL
		// has other processes, whose messages come back when their leases end.
		if err := notify.Recover(ctx, h.store); err != nil {
			return err
		}
	}
	h.identity = identity.New(h.store, h.clock.now)
	h.loops = &loops{table: everything(h.store, h.identity, h.mailer), clock: h.clock, store: h.store, log: h.log}
	if h.settings.Database.postgres() {
		h.loops.lease = rand.Text()
	}
	h.handler = api.Handler(api.Deps{
		Store: h.store, PublicURL: h.settings.PublicURL, TimeZone: h.settings.TimeZone, Identity: h.identity, Log: h.log,
		Now: h.clock.now, Real: h.clock.real, Demo: h.demo && loopback(h.settings.PublicURL), Relay: h.settings.relay != nil,
		TrustedProxies: h.settings.proxies, Ready: h.ready,
	})
	return nil
}

// ready is what readiness asks beside the database: that the process is not going down and no loop hangs (Busy).
func (h *hub) ready(ctx context.Context) error {
	if h.draining.Load() {
		return programs.Refuse(programs.Busy, "The server is going down.")
	}
	return h.loops.alive(ctx)
}

// notBefore refuses a rehearsal that begins before what is journaled: nothing may happen before what has happened.
func (h *hub) notBefore(ctx context.Context) error {
	newest, err := store.Read(ctx, h.store, (*store.View).Newest)
	switch now := h.clock.now(); {
	case err != nil:
		return err
	case now >= newest:
	case h.clock.rehearsing():
		return usage{fmt.Errorf("--clock-start lies before the newest entry of the journal, %s; start at that instant or later, or with another database", newest)}
	case newest.Sub(now) > time.Minute:
		h.log.Warn("the journal's newest entry lies ahead of the clock; was this database rehearsed?", "newest", newest.String())
	}
	return nil
}

// connections is how many a server keeps at once. A further one waits in the kernel's queue until one ends; a connection costs
// about 10 kB.
const connections = 4096

// graceful is how long requests and the message in hand may take to end.
const graceful = 20 * time.Second

// serve listens, runs the loops and answers until the context ends; then it goes down in order: not ready, requests finished, the
// message in hand finished, leases released, write-ahead log moved into the file. prepare, if not nil, is called before anybody is
// answered and any loop runs, started once it answers.
func (h *hub) serve(ctx context.Context, stderr io.Writer, prepare, started func() error) (err error) {
	defer func() { err = errors.Join(err, h.store.Close()) }()
	if err := h.listen(); err != nil {
		return err
	}
	if err := h.assemble(ctx); err != nil {
		return errors.Join(err, h.listener.Close())
	}
	if prepare != nil {
		if err := prepare(); err != nil {
			return errors.Join(err, h.mailer.Close(), h.listener.Close())
		}
	}
	server := &http.Server{
		Handler: h.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 60 * time.Second, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(newCapped(h.listener, connections)) }()
	ticking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ticked := make(chan struct{})
	go func() { defer close(ticked); h.loops.run(ticking) }()

	fmt.Fprintf(stderr, "wellweek %s listens on http://%s\n", version, h.listener.Addr())
	if started != nil {
		err = started()
	}
	if err == nil {
		select {
		case err = <-served:
		case <-ctx.Done():
		}
	}
	return errors.Join(err, h.drain(server, stop, ticked))
}

// drain goes down in order.
func (h *hub) drain(server *http.Server, stop context.CancelFunc, ticked <-chan struct{}) error {
	h.draining.Store(true)
	stop() // claim nothing more; the message in hand goes on
	ctx, cancel := context.WithTimeout(context.Background(), graceful)
	defer cancel()
	var errs []error
	if err := server.Shutdown(ctx); err != nil {
		errs = append(errs, fmt.Errorf("requests were still running after %s: %w", graceful, err), server.Close())
	}
	select {
	case <-ticked:
	case <-ctx.Done():
		errs = append(errs, fmt.Errorf("a loop was still running after %s", graceful))
	}
	errs = append(errs, h.mailer.Close())
	last, cancelLast := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancelLast()
	_, err := store.FlushFetches(last, h.store)
	_, err2 := h.identity.FlushUses(last)
	return errors.Join(append(errs, err, err2, h.loops.release(last))...)
}

// cannotListen says which setting to change.
func cannotListen(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("another program listens on that port; stop it, or choose a port with %s or --listen", envName("listen"))
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("this user may not listen on that port; choose one above 1023 with %s or --listen", envName("listen"))
	}
	return fmt.Errorf("%s (--listen): %w", envName("listen"), err)
}

// capped is a listener with a limit of open connections.
type capped struct {
	net.Listener
	slots chan struct{}
	done  chan struct{}
	once  sync.Once
}

func newCapped(l net.Listener, n int) *capped {
	return &capped{Listener: l, slots: make(chan struct{}, n), done: make(chan struct{})}
}

// Accept waits until there is a slot and a connection.
func (c *capped) Accept() (net.Conn, error) {
	select {
	case c.slots <- struct{}{}:
	case <-c.done:
		return nil, net.ErrClosed
	}
	conn, err := c.Listener.Accept()
	if err != nil {
		<-c.slots
		return nil, err
	}
	return &counted{Conn: conn, slots: c.slots}, nil
}

// Close ends an Accept that waits for a slot, too.
func (c *capped) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.Listener.Close()
}

// counted is a connection that gives its slot back once.
type counted struct {
	net.Conn
	slots <-chan struct{}
	once  sync.Once
}

// Close gives the slot back.
func (c *counted) Close() error {
	c.once.Do(func() { <-c.slots })
	return c.Conn.Close()
}
