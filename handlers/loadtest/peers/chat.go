package main

import (
	"encoding/json"
	"sync"
	"time"

	"chatd/handlers/wire"
)

// chat is what all peers have in common: rooms that number their posts, and
// chatd's frames, so that everybody sends the same bytes. C is a server's idea
// of a connection.
type chat[C comparable] struct {
	mu    sync.Mutex
	rooms map[string]*room[C]
}

// room is a room with its connections.
type room[C comparable] struct {
	mu      sync.Mutex
	rev     uint64
	members map[C]struct{}
}

// room returns a room, and makes it when there is none.
func (c *chat[C]) room(id string) *room[C] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms == nil {
		c.rooms = make(map[string]*room[C])
	}
	r := c.rooms[id]
	if r == nil {
		r = &room[C]{members: make(map[C]struct{})}
		c.rooms[id] = r
	}
	return r
}

// join lets a connection in; send is given its welcome, before any post.
func (r *room[C]) join(c C, send func(frame []byte)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	send(encode(wire.Welcome{Type: wire.TypeWelcome, Version: wire.Version, Rev: r.rev}))
	r.members[c] = struct{}{}
}

func (r *room[C]) leave(c C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, c)
}

// post numbers what a client sent and gives the frame to deliver, which sends
// it to the members in the room's order. It returns the answer to the sender.
func (r *room[C]) post(data []byte, name string, deliver func(frame []byte)) (ack []byte, err error) {
	var f wire.ClientFrame
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rev++
	deliver(encode(wire.MessageChange{Type: wire.TypeChat, Message: wire.Message{
		Seq: r.rev, Rev: r.rev, ID: f.ID, Kind: "chat", Message: f.Message,
		From: wire.Person{ID: "guest:" + name, Name: name},
		At:   wire.Time{Time: time.Now()},
	}}))
	return encode(wire.Ack{Type: wire.TypeAck, ID: f.ID, Seq: r.rev, Rev: r.rev}), nil
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // wire's types always have a JSON
	}
	return b
}
