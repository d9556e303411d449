package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"chatd/rooms"
)

// peers is [rooms.Peers] over core NATS: what is told reaches who listens now.
type peers struct{ *Cluster }

var _ rooms.Peers = peers{}

// Peers is the way to the other nodes. It works while Run does.
func (c *Cluster) Peers() rooms.Peers { return peers{c} }

func (c *Cluster) notesSubject() string { return "chatd." + c.config.Name + ".notes" }

// Tell implements [rooms.Peers].
func (p peers) Tell(n rooms.Note) {
	p.mu.Lock()
	l := p.link
	p.mu.Unlock()
	if l == nil {
		return // nobody is there yet
	}
	data, err := json.Marshal(&n)
	if err == nil {
		err = l.conn.Publish(p.notesSubject(), data)
	}
	if err != nil {
		p.log.Debug("a note was not told", "kind", n.Kind, "err", err)
	}
}

// Hear implements [rooms.Peers].
func (p peers) Hear(ctx context.Context, heard func(n rooms.Note)) error {
	for {
		l, err := p.linked(ctx)
		if err == nil {
			err = p.hear(ctx, l.conn, heard)
		}
		switch refusal, ok := errors.AsType[*rooms.Error](err); {
		case ctx.Err() != nil || ok && refusal.Code == rooms.CodeShuttingDown:
			return nil // or Run has ended
		case err != nil:
			p.log.WarnContext(ctx, "the other nodes are listened to anew", "why", err)
		}
		select {
		case <-time.After(openAgain):
		case <-ctx.Done():
			return nil
		}
	}
}

// hear hears until the connection ends.
func (p peers) hear(ctx context.Context, conn *nats.Conn, heard func(n rooms.Note)) error {
	sub, err := conn.SubscribeSync(p.notesSubject())
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may have ended before
	for {
		m, err := sub.NextMsgWithContext(ctx)
		switch {
		case errors.Is(err, nats.ErrSlowConsumer):
			continue // what was lost shows by the numbers
		case err != nil:
			return err
		}
		var n rooms.Note
		if err := json.Unmarshal(m.Data, &n); err != nil {
			p.log.WarnContext(ctx, "a note is not understood", "err", err)
			continue
		}
		heard(n)
	}
}
