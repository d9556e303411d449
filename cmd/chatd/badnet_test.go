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
	line   line
	free   [2]time.Time // when the line has carried what is on it: down, up
	silent bool         // new connections are swallowed, too
	curt   bool
}

// line is what a network can do: the time for there and back, and the bytes per
// second that all connections share. The zero line takes no time.
type line struct {
	rtt      time.Duration
	down, up float64
}

// badWire is one connection through a badNet.
type badWire struct {
	client, server net.Conn
	dead           bool // neither side hears of the other any more
	mute           bool // the server does not hear the browser any more
}

func newBadNet(t testing.TB, server string) *badNet {
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
	type piece struct {
		at time.Time // when it arrives
		b  []byte
	}
	pieces := make(chan piece, 1024)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(pieces)
		first := n.handshake(from == w.client)
		for {
			b := make([]byte, 1460) // a packet
			k, err := from.Read(b)
			if k > 0 {
				pieces <- piece{n.arrival(k, from == w.client).Add(first), b[:k]}
				first = 0
			}
			if err != nil {
				return
			}
		}
	})
	for p := range pieces {
		if wait := time.Until(p.at); wait > 0 {
			<-time.After(wait)
		}
		n.mu.Lock()
		dead, curt := w.dead || w.mute && from == w.client, n.curt && from == w.server
		n.mu.Unlock()
		if dead {
			continue
		}
		if curt && bytes.HasPrefix(p.b, []byte("HTTP/1.1 101")) {
			head, _, _ := bytes.Cut(p.b, []byte("\r\n\r\n"))
			_, _ = to.Write(append(head, "\r\n\r\n"...))
			break
		}
		if _, err := to.Write(p.b); err != nil {
			break
		}
	}
	n.mu.Lock()
	dead := w.dead
	n.mu.Unlock()
	if !dead || from == w.client { // else the browser does not hear of it
		_ = w.client.Close()
		_ = w.server.Close()
	}
	for range pieces { // nobody waits for what is left
	}
	reader.Wait()
}

// handshake is what making a connection takes, which begins with the browser's
// first word here.
func (n *badNet) handshake(browser bool) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !browser {
		return 0
	}
	return n.line.rtt
}

// arrival is when a piece that is sent now comes to the other side.
func (n *badNet) arrival(size int, browser bool) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if n.lag > 0 {
		return now.Add(rand.N(n.lag))
	}
	rate, free := n.line.down, &n.free[0]
	if browser {
		rate, free = n.line.up, &n.free[1]
	}
	if rate == 0 {
		return now
	}
	if free.Before(now) {
		*free = now
	}
	*free = free.Add(time.Duration(float64(size) / rate * float64(time.Second)))
	return free.Add(n.line.rtt / 2)
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

// mute loses what browsers say on all connections from now on; what the server
// says arrives. New connections are sound.
func (n *badNet) mute() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for w := range n.wires {
		w.mute = true
	}
}

// slow delays what is under way, each piece by up to lag.
func (n *badNet) slow(lag time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lag = lag
}

// over has everything go over a line.
func (n *badNet) over(l line) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.line = l
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
	n.silent, n.lag, n.line, n.curt = false, 0, line{}, false
}

// reset has a connection end without a goodbye.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
