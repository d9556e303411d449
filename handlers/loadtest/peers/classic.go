package main

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// classic is gorilla's chat example as most servers have it: for each client a
// goroutine that reads, a goroutine that writes, and a channel between it and
// the room. Who lets the channel run full is sent away. With prepared, a post
// is framed once for all.
type classic struct {
	prepared bool
	chat     chat[*client]
}

// The example's own figures.
const (
	writeWait  = 10 * time.Second
	pongWait   = 60 * time.Second
	pingPeriod = pongWait * 9 / 10
	queue      = 256
)

// client is one connection.
type client struct {
	ws   *websocket.Conn
	name string
	send chan outgoing
	room *room[*client]
}

// outgoing is a message on its way: prepared, or its bytes.
type outgoing struct {
	prepared *websocket.PreparedMessage
	bytes    []byte
}

var upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}

func (s *classic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &client{ws: ws, name: r.FormValue("name"), send: make(chan outgoing, queue), room: s.chat.room(r.PathValue("room"))}
	c.room.join(c, func(frame []byte) { c.send <- outgoing{bytes: frame} })
	go c.write()
	go c.read(s)
}

func (c *client) read(s *classic) {
	defer func() {
		c.room.leave(c)
		_ = c.ws.Close()
	}()
	_ = c.ws.SetReadDeadline(time.Now().Add(pongWait))
	c.ws.SetPongHandler(func(string) error { return c.ws.SetReadDeadline(time.Now().Add(pongWait)) })
	for {
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		ack, err := c.room.post(data, c.name, func(frame []byte) { s.deliver(c.room, frame) })
		if err != nil {
			return
		}
		c.send <- outgoing{bytes: ack}
	}
}

// deliver gives a frame to all members; the room is locked.
func (s *classic) deliver(r *room[*client], frame []byte) {
	out := outgoing{bytes: frame}
	if s.prepared {
		out.prepared, _ = websocket.NewPreparedMessage(websocket.TextMessage, frame)
	}
	for c := range r.members {
		select {
		case c.send <- out:
		default:
			delete(r.members, c)
			_ = c.ws.Close()
		}
	}
}

func (c *client) write() {
	tick := time.NewTicker(pingPeriod)
	defer tick.Stop()
	defer c.ws.Close()
	for {
		select {
		case out := <-c.send:
			_ = c.ws.SetWriteDeadline(time.Now().Add(writeWait))
			var err error
			if out.prepared != nil {
				err = c.ws.WritePreparedMessage(out.prepared)
			} else {
				err = c.ws.WriteMessage(websocket.TextMessage, out.bytes)
			}
			if err != nil {
				return
			}
		case <-tick.C:
			_ = c.ws.SetWriteDeadline(time.Now().Add(writeWait))
			if c.ws.WriteMessage(websocket.PingMessage, nil) != nil {
				return
			}
		}
	}
}
