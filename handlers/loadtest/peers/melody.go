package main

import (
	"net/http"
	"sync"

	"github.com/olahol/melody"
)

// melodies is a Melody for each room, so that a broadcast has no filter to ask
// for members of other rooms.
type melodies struct {
	chat chat[*melody.Session]

	mu    sync.Mutex
	rooms map[string]*melody.Melody
}

func (s *melodies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = s.melody(r.PathValue("room")).HandleRequestWithKeys(w, r, map[string]any{"name": r.FormValue("name")}) // returns when the session has ended
}

func (s *melodies) melody(id string) *melody.Melody {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.rooms[id]; m != nil {
		return m
	}
	m, room := melody.New(), s.chat.room(id)
	m.Config.MaxMessageSize = 64 << 10
	m.HandleConnect(func(c *melody.Session) {
		room.join(c, func(frame []byte) { _ = c.Write(frame) })
	})
	m.HandleDisconnect(func(c *melody.Session) { room.leave(c) })
	m.HandleMessage(func(c *melody.Session, data []byte) {
		name, _ := c.MustGet("name").(string)
		ack, err := room.post(data, name, func(frame []byte) { _ = m.Broadcast(frame) })
		if err == nil {
			_ = c.Write(ack)
		}
	})
	if s.rooms == nil {
		s.rooms = make(map[string]*melody.Melody)
	}
	s.rooms[id] = m
	return m
}
