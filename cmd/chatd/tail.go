package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

type tailConfig struct {
	remote
	History int    `flag:"history" arg:"N" default:"10" help:"how many of the newest messages to begin with"`
	After   string `flag:"after" arg:"EPOCH:REV" help:"begin after this cursor instead"`
	JSON    bool   `flag:"json" help:"print what comes as JSON, one frame a line"`
}

func (c *tailConfig) check() []error {
	bad := c.remote.check()
	if epoch, rev, _ := strings.Cut(c.After, ":"); c.After != "" {
		if _, err := strconv.ParseUint(rev, 10, 64); err != nil || epoch == "" {
			bad = append(bad, fmt.Errorf("--after (CHATD_AFTER): %q is no cursor, EPOCH:REV", c.After))
		}
	}
	return bad
}

// runTail follows a room until it is interrupted, across restarts of the
// server.
func runTail(ctx context.Context, args []string, c console) error {
	var cfg tailConfig
	rest, err := parse("tail", &cfg, args, c, 1, 1)
	if err != nil {
		return err
	}
	history := cfg.History
	if history == 0 {
		history = -1 // in the SDK, 0 is the server's default
	}
	room := client.NewRoom(cfg.URL, client.Options{
		Room: rest[0], Name: cfg.Name, Token: string(cfg.Token), After: cfg.After, History: history,
	})
	err = room.Run(ctx, func(e client.Event) {
		switch {
		case e.Type == client.TypeLost:
			fmt.Fprintf(c.err, "chatd: %v; trying again in %v\n", e.Err, e.Wait.Round(100*time.Millisecond))
		case cfg.JSON && e.Raw != nil:
			fmt.Fprintf(c.out, "%s\n", e.Raw)
		case e.Message != nil:
			printChange(c.out, e.Message)
		case e.Room != nil:
			fmt.Fprintf(c.out, "         the room is now %q: %s\n", clean(e.Room.Room.Name), clean(e.Room.Room.Topic))
		}
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// printChange prints a change as a line, or lines, for people.
func printChange(w io.Writer, m *wire.MessageChange) {
	when, who := m.At.Local().Format(time.TimeOnly), clean(m.From.Name)
	text := strings.ReplaceAll(clean(m.Message.Message), "\n", "\n         ")
	switch {
	case m.Deleted:
		fmt.Fprintf(w, "%s %s: (#%d is deleted)\n", when, who, m.Seq)
	case m.Type == wire.TypeEdit:
		fmt.Fprintf(w, "%s %s: (#%d edited) %s\n", when, who, m.Seq, text)
	case m.Type == wire.TypeReactions && m.By != nil:
		fmt.Fprintf(w, "%s %s reacts to #%d: %s\n", when, clean(m.By.Name), m.Seq, clean(m.Emoji))
	case m.Type == wire.TypeReactions:
	case m.Kind == "announcement":
		fmt.Fprintf(w, "%s * %s announces: %s\n", when, who, text)
	default:
		fmt.Fprintf(w, "%s %s: %s\n", when, who, text)
	}
}

// clean takes out what a terminal might obey: text is other people's.
func clean(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\n' && c != '\t' || unicode.Is(unicode.Bidi_Control, c) {
			return unicode.ReplacementChar
		}
		return c
	}, text)
}
