package main

import (
	"net"
	"net/http"
	"syscall"

	"github.com/gorilla/websocket"
)

// floor is no server but a measure: one write() for each frame and socket, by
// whoever posts, and nothing else. Who does not take a frame whole is sent away.
type floor struct {
	chat chat[*socket]
}

type socket struct {
	ws  *websocket.Conn
	raw syscall.RawConn
}

func (s *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	raw, err := ws.NetConn().(*net.TCPConn).SyscallConn()
	if err != nil {
		_ = ws.Close()
		return
	}
	name, room := r.FormValue("name"), s.chat.room(r.PathValue("room"))
	c := &socket{ws: ws, raw: raw}
	room.join(c, func(frame []byte) { c.send(framed(frame)) })
	go func() {
		defer func() {
			room.leave(c)
			_ = ws.Close()
		}()
		for {
			_, data, err := ws.ReadMessage()
			if err != nil {
				return
			}
			ack, err := room.post(data, name, func(frame []byte) {
				p := framed(frame)
				for c := range room.members {
					c.send(p)
				}
			})
			if err != nil {
				return
			}
			c.send(framed(ack))
		}
	}()
}

func (c *socket) send(p []byte) {
	n := 0
	err := c.raw.Write(func(fd uintptr) bool {
		n, _ = syscall.Write(int(fd), p)
		return true
	})
	if err != nil || n < len(p) {
		_ = c.ws.Close()
	}
}

// framed is payload as a text frame (RFC 6455 section 5.2) of at most 64 KiB.
func framed(payload []byte) []byte {
	n := len(payload)
	if n < 126 {
		return append([]byte{0x81, byte(n)}, payload...)
	}
	return append([]byte{0x81, 126, byte(n >> 8), byte(n)}, payload...)
}
