package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// badNet is a network between a browser and a server, which can be cut, swallow
// everything, and be slow.
type badNet struct {
	URL string // the server's address, seen through it

	mu     sync.Mutex
	server string
	wires  map[*badWire]struct{}
	lag    time.Duration
	silent bool // new connections are swallowed, too
	curt   bool
}

// badWire is one connection through a badNet.
type badWire struct {
	client, server net.Conn
	dead           bool // neither side hears of the other any more
}

func newBadNet(t *testing.T, server string) *badNet {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &badNet{
		URL: "http://" + l.Addr().String(), server: strings.TrimPrefix(server, "http://"),
		wires: map[*badWire]struct{}{},
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { n.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		n.cut()
		all.Wait()
	})
	return n
}

func (n *badNet) carry(client net.Conn) {
	defer client.Close()
	var d net.Dialer
	server, err := d.DialContext(context.Background(), "tcp", n.server)
	if err != nil {
		reset(client)
		return
	}
	defer server.Close()
	w := &badWire{client: client, server: server}
	n.mu.Lock()
	w.dead = n.silent
	n.wires[w] = struct{}{}
	n.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { n.copy(w, server, client) })
	both.Go(func() { n.copy(w, client, server) })
	both.Wait()
	n.mu.Lock()
	delete(n.wires, w)
	n.mu.Unlock()
}

// copy carries one direction of a connection until it ends, and then ends both.
func (n *badNet) copy(w *badWire, to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		k, err := from.Read(buf)
		n.mu.Lock()
		lag, curt := n.lag, n.curt
		n.mu.Unlock()
		if lag > 0 {
			<-time.After(rand.N(lag))
		}
		n.mu.Lock()
		dead := w.dead
		n.mu.Unlock()
		if !dead && k > 0 {
			b := buf[:k]
			if curt && from == w.server && bytes.HasPrefix(b, []byte("HTTP/1.1 101")) {
				head, _, _ := bytes.Cut(b, []byte("\r\n\r\n"))
				_, _ = to.Write(append(head, "\r\n\r\n"...))
				break
			}
			if _, werr := to.Write(b); werr != nil {
				break
			}
		}
		if err == nil {
			continue
		}
		if dead && from == w.server {
			return // the browser does not hear of it
		}
		break
	}
	_ = w.client.Close()
	_ = w.server.Close()
}

// cut ends all connections, those on which nothing was heard any more too.
func (n *badNet) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for w := range n.wires {
		if rand.IntN(2) == 0 {
			reset(w.client)
		}
		_ = w.client.Close()
		_ = w.server.Close()
	}
}

// swallow loses what is under way on all connections from now on, and tells
// nobody. New connections fare no better until heal.
func (n *badNet) swallow() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent = true
	for w := range n.wires {
		w.dead = true
	}
}

// slow delays what is under way, each piece by up to lag.
func (n *badNet) slow(lag time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lag = lag
}

// curtail ends each WebSocket behind its handshake: nothing that the server says
// on it arrives.
func (n *badNet) curtail() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.curt = true
}

// heal lets new connections through. What was swallowed stays so.
func (n *badNet) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent, n.lag, n.curt = false, 0, false
}

// reset has a connection end without a goodbye.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
