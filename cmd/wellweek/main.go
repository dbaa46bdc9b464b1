// Command wellweek is the whole product: server, demo and the operator's commands in one static file.
//
// This room knows what no other does: the time, the flags, the environment, the disk and the loops. It decides nothing about
// sessions and people. Data goes to standard output, talk to standard error; the exit status is 0, 1 for a failure, 2 for a wrong
// call or setting.
//
// # Design
//
// 2026-11-21: the collector lets more garbage pile up than its default, and a loop gives back every minute what nobody uses. Little
// lives in a hub for one company, which idles most of its life and is busy for minutes: both should be cheap.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "time/tzdata" // the program carries its own zones; a container has none

	"github.com/alecthomas/kong"

	"github.com/wellweek/wellweek/programs"
)

// version is set by the linker to what git describes.
var version = "dev"

// gesture is how long signals count as one. timeout(1) and some supervisors send one to the process and, in the same moment, one
// to its group: that is nobody in a hurry, and the requests in hand are still to be finished.
const gesture = 300 * time.Millisecond

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		cancel()
		first := time.Now()
		for range signals {
			if time.Since(first) > gesture { // a second one: at once, and what was promised still holds, since it is on the disk
				os.Exit(1)
			}
		}
	}()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// commands is the command line.
type commands struct {
	settings `embed:""`

	Serve   serveCommand   `cmd:"" help:"Run the hub."`
	Demo    demoCommand    `cmd:"" help:"Run the whole product with nothing to set up: a scratch database, a small company's weeks, mail caught and readable in the browser."`
	Token   tokenCommand   `cmd:"" help:"Make, list and revoke tokens for the API."`
	Import  importCommand  `cmd:"" help:"Bring people in from a file."`
	Check   checkCommand   `cmd:"" help:"Check what must hold over the whole database; exit status 1 and one line a fault when something does not."`
	OpenAPI openapiCommand `cmd:"" name:"openapi" help:"Print the OpenAPI document."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// program is what a command is run with.
type program struct {
	ctx      context.Context
	settings settings
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
}

// exit carries kong's wish to stop, as after --help, out of the parser.
type exit int

// run is the program with everything handed in. It returns the exit status.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case exit:
			status = int(cause)
		default:
			panic(cause) // a fault of ours is not a success
		}
	}()
	err := dispatch(ctx, args, environ, stdin, stdout, stderr)
	var typed usage
	var parse *kong.ParseError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &typed), errors.As(err, &parse):
		fmt.Fprintln(stderr, "wellweek:", err)
		return 2
	case errors.Is(err, errFaults):
		return 1
	}
	fmt.Fprintln(stderr, "wellweek:", err)
	var refused *programs.Error
	if errors.As(err, &refused) {
		for _, at := range refused.Where {
			if at.Message() != refused.Error() {
				fmt.Fprintf(stderr, "  %s: %s\n", at.Where, at.Message())
			}
		}
	}
	return 1
}

func dispatch(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) error {
	ours, err := environment(environ)
	if err != nil {
		return err
	}
	var c commands
	parser, err := kong.New(&c,
		kong.Name("wellweek"),
		kong.Description("Wellweek runs a company's wellness sessions, childcare activities and trainings in one week view, calendar feed and mail."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
		kong.ValueFormatter(func(v *kong.Value) string {
			switch {
			case v.Flag == nil || !isSetting(v.Flag.Name):
			case v.Default != "":
				return v.Help + " (" + envName(v.Flag.Name) + ", default " + v.Default + ")"
			default:
				return v.Help + " (" + envName(v.Flag.Name) + ")"
			}
			return kong.DefaultHelpValueFormatter(v)
		}),
		kong.Resolvers(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
			if v, ok := ours[envName(f.Name)]; ok {
				return v, nil
			}
			return nil, nil
		})),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return err
	}
	return parsed.Run(&program{ctx: ctx, settings: c.settings, stdin: stdin, stdout: stdout, stderr: stderr})
}

func isSetting(flag string) bool {
	for _, s := range list() {
		if s.flag == flag {
			return true
		}
	}
	return false
}

// write prints a value as indented JSON, for a program to read.
func (p *program) write(v any) error {
	enc := json.NewEncoder(p.stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

type versionCommand struct{}

// Run prints the version alone.
func (versionCommand) Run(p *program) error {
	_, err := fmt.Fprintln(p.stdout, version)
	return err
}
