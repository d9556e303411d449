package jetstream

import (
	"context"
	"encoding/json"
	"errors"

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
	l, err := p.linked(ctx)
	if err != nil {
		return ended(ctx, err)
	}
	sub, err := l.conn.SubscribeSync(p.notesSubject())
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may have ended before
	for {
		m, err := sub.NextMsgWithContext(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrBadSubscription):
			return nil // Run has ended
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
