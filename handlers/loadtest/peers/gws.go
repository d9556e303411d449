package main

import (
	"net/http"

	"github.com/lxzan/gws"
)

// gwsServer broadcasts with gws's own Broadcaster, as its README shows.
type gwsServer struct {
	gws.BuiltinEventHandler
	chat     chat[*gws.Conn]
	upgrader *gws.Upgrader
}

func newGWS() *gwsServer {
	s := new(gwsServer)
	s.upgrader = gws.NewUpgrader(s, &gws.ServerOption{})
	return s
}

func (s *gwsServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := s.upgrader.Upgrade(w, r)
	if err != nil {
		return
	}
	c.Session().Store("room", s.chat.room(r.PathValue("room")))
	c.Session().Store("name", r.FormValue("name"))
	go c.ReadLoop() // so that what the request holds can be freed
}

func of(c *gws.Conn) (*room[*gws.Conn], string) {
	r, _ := c.Session().Load("room")
	name, _ := c.Session().Load("name")
	return r.(*room[*gws.Conn]), name.(string)
}

func (s *gwsServer) OnOpen(c *gws.Conn) {
	r, _ := of(c)
	r.join(c, func(frame []byte) { c.WriteAsync(gws.OpcodeText, frame, nil) })
}

func (s *gwsServer) OnClose(c *gws.Conn, _ error) {
	r, _ := of(c)
	r.leave(c)
}

func (s *gwsServer) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	r, name := of(c)
	ack, err := r.post(m.Bytes(), name, func(frame []byte) {
		b := gws.NewBroadcaster(gws.OpcodeText, frame)
		defer b.Close()
		for c := range r.members {
			_ = b.Broadcast(c)
		}
	})
	if err == nil {
		c.WriteAsync(gws.OpcodeText, ack, nil)
	}
}
