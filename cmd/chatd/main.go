// Command chatd is room chat in one binary: a browser UI, a WebSocket per room,
// a REST API, and the tools to look after them.
//
// This package is the composition root: it alone sees every other package,
// reads the configuration, joins the parts and ends them in order. Its files
// are named after what they hold: one per command, settings.go for how flags,
// environment and file become a struct, config.go for that struct.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// What chatd exits with.
const (
	exitOK     = 0
	exitFailed = 1 // it could not do what it was asked
	exitUsage  = 2 // it was asked in a way that it does not understand
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks to end. From then on signals act as they do
	// everywhere, so a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], console{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// run runs one command and tells what to exit with.
func run(ctx context.Context, args []string, c console) int {
	err := dispatch(ctx, args, c)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errHelp):
		return exitOK
	}
	fmt.Fprintln(c.err, "chatd:", err)
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}
