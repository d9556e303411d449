// Command peers compares chatd with other ways to build a chat server on
// loopback: each in a process of its own, driven by package loadtest with the
// same frames, in rounds that take turns, so that what else the machine does
// hits all alike. It prints medians, and their ratios to chatd's.
//
// It is a module of its own, so that what it compares with stays out of chatd's
// dependencies. Run it here, alone on the machine:
//
//	go run . [-rounds N] [-servers A,B] [-scenarios A,B] [-chatd BINARY]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 2 && args[0] == "serve" {
		return serve(ctx, args[1])
	}
	if len(args) == 4 && args[0] == "heat" {
		return heatUp(ctx, args[1], args[2], args[3])
	}
	flags := flag.NewFlagSet("peers", flag.ExitOnError)
	rounds := flags.Int("rounds", 3, "`times` that every scenario is played with every server")
	only := flags.String("servers", "", "`names` of the servers to play with, separated by commas; all if empty")
	which := flags.String("scenarios", "", "`names` of the scenarios to play, separated by commas; all if empty")
	binary := flags.String("chatd", "", "`file` of the chatd to play with; built from this repository if empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if *binary == "" {
		*binary = filepath.Join(dir, "chatd")
		if err := build(ctx, *binary); err != nil {
			return err
		}
	}
	played, err := chosen(scenarios, *which, func(s scenario) string { return s.name })
	if err != nil {
		return err
	}
	servers, err := chosen(servers, *only, func(s server) string { return s.name })
	if err != nil {
		return err
	}
	for _, s := range played {
		results := make(results)
		for round := range *rounds {
			for _, peer := range servers {
				if s.skips(peer.name) {
					continue
				}
				fmt.Fprintf(os.Stderr, "\r\033[K%s: round %d, %s", s.name, round+1, peer.name)
				figures, err := s.play(ctx, peer, *binary, dir)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", s.name, peer.name, err)
				}
				results.add(peer.name, figures)
			}
		}
		fmt.Fprint(os.Stderr, "\r\033[K")
		if err := results.write(os.Stdout, s, servers); err != nil {
			return err
		}
	}
	return nil
}

// chosen are those of all that names lists.
func chosen[T any](all []T, names string, name func(T) string) ([]T, error) {
	if names == "" {
		return all, nil
	}
	var some []T
	for n := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(one T) bool { return name(one) == n })
		if i < 0 {
			return nil, fmt.Errorf("there is no %q", n)
		}
		some = append(some, all[i])
	}
	return some, nil
}
