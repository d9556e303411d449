package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

type postConfig struct {
	remote
	ID    string        `flag:"id" arg:"ID" help:"idempotency key: the same id posts once, however often it is run"`
	Lines bool          `flag:"lines" help:"post each line of standard input as a message of its own, as it comes"`
	Wait  time.Duration `flag:"wait" arg:"DURATION" default:"30s" help:"how long to try while the server cannot be reached"`
	JSON  bool          `flag:"json" help:"print the posted messages as JSON, one a line"`
}

// runPost posts. A message is tried again under one id until the server has
// answered, so it is there once when the command ends well.
func runPost(ctx context.Context, args []string, c console) error {
	var cfg postConfig
	rest, err := parse("post", &cfg, args, c, 1, 2)
	if err != nil {
		return err
	}
	room := rest[0]
	switch {
	case len(rest) == 2 && rest[1] != "-":
		return cfg.post(ctx, room, wire.PostMessage{Message: rest[1], ID: cfg.ID}, c)
	case !cfg.Lines:
		text, err := io.ReadAll(c.in)
		if err != nil {
			return err
		}
		return cfg.post(ctx, room, wire.PostMessage{Message: strings.TrimRight(string(text), "\n"), ID: cfg.ID}, c)
	case cfg.ID != "":
		return usagef("--lines posts many messages, and --id is the id of one")
	}
	lines := bufio.NewScanner(c.in)
	for lines.Scan() {
		if lines.Text() == "" {
			continue
		}
		if err := cfg.post(ctx, room, wire.PostMessage{Message: lines.Text()}, c); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (cfg *postConfig) post(ctx context.Context, room string, m wire.PostMessage, c console) error {
	m.ID = cmp.Or(m.ID, client.NewID())
	limit := time.Now().Add(cfg.Wait)
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		posted, err := cfg.api().Post(ctx, room, m)
		if err == nil {
			if cfg.JSON {
				return json.NewEncoder(c.out).Encode(posted)
			}
			fmt.Fprintf(c.out, "%s #%d\n", room, posted.Seq)
			return nil
		}
		refused, ok := errors.AsType[*client.Error](err)
		if ok && refused.Status < 500 && refused.Status != http.StatusTooManyRequests || ctx.Err() != nil {
			return err
		}
		if ok {
			wait = max(wait, refused.RetryAfter)
		}
		if time.Now().Add(wait).After(limit) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}
