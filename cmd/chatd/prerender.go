package main

import (
	"context"
	"net/http"
	"time"

	"chatd/handlers"
	"chatd/rooms"
	"chatd/web"
)

const (
	// prerendered is how many messages a page has in it: a screen full.
	prerendered = 30
	// prerenderWait is how long a page waits for them: it can do without.
	prerenderWait = 250 * time.Millisecond
)

// newest tells what the page of a room shows before its code has come: what whoever
// asks for the page may read there. A browser that opens a page shows no
// credential, so this is what guests may read.
func newest(registry *rooms.Registry) func(*http.Request, string) (*web.Room, bool) {
	return func(r *http.Request, id string) (*web.Room, bool) {
		who, ok := handlers.Sender(r.Context())
		if !ok {
			return nil, false
		}
		ctx, cancel := context.WithTimeout(r.Context(), prerenderWait)
		defer cancel()
		room, err := registry.Room(ctx, who, id)
		if err != nil {
			return nil, false
		}
		messages, err := registry.Messages(ctx, who, rooms.MessageQuery{Room: id, Limit: prerendered})
		if err != nil || len(messages) == 0 {
			return nil, false
		}
		drawn := &web.Room{Name: room.Name, Topic: room.Topic, Messages: make([]web.Message, 0, len(messages))}
		for _, m := range messages {
			drawn.Messages = append(drawn.Messages, drawnMessage(m))
		}
		return drawn, true
	}
}

func drawnMessage(m rooms.Message) web.Message {
	drawn := web.Message{
		Seq:          m.Seq,
		From:         m.From.ID,
		Name:         m.From.Name,
		Text:         m.Text,
		At:           m.At,
		ReplyTo:      m.ReplyTo,
		Announcement: m.Kind == rooms.KindAnnouncement,
		Deleted:      m.Deleted,
	}
	for _, r := range m.Reactions {
		drawn.Reactions = append(drawn.Reactions, web.Reaction{Emoji: r.Emoji, Count: r.Count})
	}
	return drawn
}
