package main

import (
	"context"
	"net/http"
	"os"

	"chatd/handlers"
	"chatd/handlers/auth"
	"chatd/rooms"
	"chatd/rooms/sqlite"
)

// unstored is chatd's store without the storing of posts: what is left is what
// the others do too.
type unstored struct {
	rooms.Store
	heads map[string]rooms.Room // Apply's alone
}

func (s *unstored) Apply(ctx context.Context, entries []rooms.Entry) ([]rooms.Outcome, error) {
	out := make([]rooms.Outcome, len(entries))
	for i := range entries {
		e := &entries[i]
		if e.Kind != rooms.EntryPost {
			o, err := s.Store.Apply(ctx, entries[i:i+1])
			if err != nil {
				return nil, err
			}
			out[i] = o[0]
			continue
		}
		room, ok := s.heads[e.Room]
		if !ok {
			var err error
			if room, err = s.Room(ctx, e.Room); err != nil {
				return nil, err
			}
		}
		room.Head++
		s.heads[e.Room] = room
		m := &rooms.Message{Seq: room.Head, Rev: room.Head, ID: e.ID, Kind: e.Message, From: e.From, Text: e.Text, At: e.At}
		out[i] = rooms.Outcome{
			Receipt: rooms.Receipt{ID: e.ID, Seq: room.Head, Rev: room.Head, Message: m},
			Change:  &rooms.Change{Kind: rooms.ChangeChat, Room: e.Room, Epoch: room.Epoch, Rev: room.Head, Prev: room.Head - 1, Message: m, By: e.From},
		}
	}
	return out, nil
}

// newUnstored is a chatd that keeps no posts. Readers must keep up: there is
// nothing to catch up from.
func newUnstored(ctx context.Context) (http.Handler, error) {
	dir, err := os.MkdirTemp("", "chatd-unstored-")
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	_ = os.RemoveAll(dir) // the open files are enough
	who, err := auth.New(auth.Config{Guests: auth.GuestsPost})
	if err != nil {
		return nil, err
	}
	registry := rooms.NewRegistry(rooms.Config{
		Store:   &unstored{Store: store, heads: make(map[string]rooms.Room)},
		Journal: rooms.NewLocalJournal(),
		Encoder: handlers.NewEncoder(rooms.DefaultMaxMessage, who),
	})
	server, err := handlers.New(handlers.Config{Rooms: registry, Auth: who})
	if err != nil {
		return nil, err
	}
	go func() { _ = registry.Run(ctx) }() // until the process ends
	go server.Run(ctx)
	<-registry.Opened()
	return server, nil
}
