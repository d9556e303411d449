package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// console is where a command reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// command is one of chatd's commands.
type command struct {
	name  string
	args  string // what follows the flags, as help shows it
	short string // one line
	run   func(ctx context.Context, args []string, c console) error
}

// mostNodes is how many servers a command takes that takes several.
const mostNodes = 1000

// commands lists all commands in the order of the help. The first one is what
// chatd does when none is named.
func commands() []command {
	return []command{
		{"serve", "", "run the server (this is also what chatd alone does)", runServe},
		{"bench", "[URL…]", "play an audience against a server, or its nodes, and measure it", runBench},
		{"post", "ROOM [TEXT]", "post a message; without TEXT, what is on standard input", runPost},
		{"tail", "ROOM", "follow a room", runTail},
		{"token", "SUBJECT", "make a token for somebody, signed with the JWT secret", runToken},
		{"doctor", "URL…", "examine a server, through all proxies; or all nodes of a cluster", runDoctor},
		{"backup", "FILE", "write a snapshot of the data to a new file, also while serving", runBackup},
		{"restore", "FILE", "begin a data directory with a snapshot", runRestore},
		{"config", "", "print the configuration that serve would have, with these flags", runConfig},
		{"version", "", "print the version", runVersion},
		{"help", "[COMMAND]", "print this help, or a command's", runHelp},
	}
}

// errHelp tells that help was asked for and has been printed.
var errHelp = errors.New("help was printed")

// usageError is a command line or a configuration that makes no sense.
type usageError struct{ problem string }

func (e *usageError) Error() string { return e.problem }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

func dispatch(ctx context.Context, args []string, c console) error {
	name := commands()[0].name
	if len(args) > 0 {
		switch {
		case args[0] == "-h" || args[0] == "-help" || args[0] == "--help":
			return runHelp(ctx, args[1:], c)
		case args[0] == "-version" || args[0] == "--version":
			return runVersion(ctx, args[1:], c)
		case !strings.HasPrefix(args[0], "-"):
			name, args = args[0], args[1:]
		}
	}
	for _, cmd := range commands() {
		if cmd.name == name {
			return cmd.run(ctx, args, c)
		}
	}
	var names []string
	for _, cmd := range commands() {
		names = append(names, cmd.name)
	}
	return usagef("there is no command %q%s; see: chatd help", name, suggest(name, names))
}

func runHelp(ctx context.Context, args []string, c console) error {
	if len(args) > 0 && args[0] != "help" {
		return dispatch(ctx, []string{args[0], "--help"}, c)
	}
	fmt.Fprint(c.out, "chatd is room chat in one binary.\n\nUsage: chatd [COMMAND] [FLAGS]\n\nCommands:\n")
	for _, cmd := range commands() {
		fmt.Fprintf(c.out, "  %-22s %s\n", strings.TrimSpace(cmd.name+" "+cmd.args), cmd.short)
	}
	fmt.Fprint(c.out, "\nchatd help COMMAND tells the flags of a command. Those of chatd serve, each with its\nenvironment variable:\n\n")
	printSettings(c.out, settingsOf(&Config{}))
	return nil
}

// parse fills dst, a pointer to a struct of settings, for the named command. It
// returns what follows the flags: at least least of them, at most most.
func parse(name string, dst any, args []string, c console, least, most int) ([]string, error) {
	_, rest, err := parseSettings(name, dst, args, c, least, most)
	return rest, err
}

// parseSettings is parse for whoever wants to know the settings too.
func parseSettings(name string, dst any, args []string, c console, least, most int) ([]setting, []string, error) {
	var cmd command
	for _, cmd = range commands() {
		if cmd.name == name {
			break
		}
	}
	usage := "chatd " + name
	if len(settingsOf(dst)) > 0 {
		usage += " [FLAGS]"
	}
	usage = strings.TrimSpace(usage + " " + cmd.args)
	settings, rest, err := load(dst, args)
	if bad, ok := errors.AsType[*flagError](err); ok {
		return nil, nil, usagef("%v; see: chatd help %s", bad, name)
	}
	if errors.Is(err, errHelp) {
		fmt.Fprintf(c.out, "%s\n\nUsage: %s\n", cmd.short, usage)
		if settings := settingsOf(dst); len(settings) > 0 {
			fmt.Fprint(c.out, "\nFlags:\n\n")
			printSettings(c.out, settings)
		}
		return nil, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	if len(rest) < least || len(rest) > most {
		return nil, nil, usagef("usage: %s", usage)
	}
	return settings, rest, nil
}
