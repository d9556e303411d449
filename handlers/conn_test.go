package handlers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chatd/handlers/wire"
)

// tcpPair is the two ends of a real connection, whose sender's end is a conn.
func tcpPair(t testing.TB) (*conn, net.Conn) {
	t.Helper()
	var listen net.ListenConfig
	ln, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := newConn(near)
	t.Cleanup(func() { _, _ = c.Close(), far.Close() })
	return c, far
}

// A control frame never lands in the middle of a data frame, however much of
// that the connection took at once.
func TestControlFramesKeepOutOfDataFrames(t *testing.T) {
	c, far := tcpPair(t)
	data := bytes.Repeat([]byte("d"), 8<<20)
	n, err := c.TryWrite(data)
	if err != nil || n == 0 || n == len(data) {
		t.Fatalf("%d of %d bytes were taken at once, %v; this test needs a part", n, len(data), err)
	}
	for _, control := range []string{"<ping>", "<pong>"} {
		if _, err := c.Write([]byte(control)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := c.TryWrite([]byte("other data")); n != 0 || err != nil {
		t.Fatalf("%d bytes of other data were taken in between, %v", n, err)
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		if err := c.WriteAll(data[n:]); err != nil {
			t.Error(err)
		}
		if n, err := c.TryWrite([]byte("after")); n != len("after") || err != nil {
			t.Errorf("afterwards %d bytes were taken, %v", n, err)
		}
	})
	want := string(data) + "<ping><pong>after"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(far, got); err != nil {
		t.Fatal(err)
	}
	writing.Wait()
	if string(got) != want {
		t.Errorf("the reader got the bytes in another order; it ends with %q", got[len(got)-30:])
	}
}

// A peer that floods pings and reads nothing costs a bounded number of bytes.
func TestControlFramesAreBounded(t *testing.T) {
	c, _ := tcpPair(t)
	if n, err := c.TryWrite(bytes.Repeat([]byte("d"), 8<<20)); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	for range 100_000 {
		if _, err := c.Write([]byte("<pong>")); err != nil {
			t.Fatal(err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.control) > maxControl {
		t.Errorf("%d bytes of control frames wait", len(c.control))
	}
}

// A session is pinged, and given up when it shows no sign of life.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		ss := newSessions(&occupancy{counts: make(map[netip.Prefix]int)})
		out := newConn(near)
		s := &session{out: out, in: bufio.NewReaderSize(out, readBuffer)}
		if !ss.reserve() {
			t.Fatal("a new server lets nobody in")
		}
		ss.add(s)
		go s.run(ss)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { ss.run(ctx); close(ended) }()

		began := time.Now()
		frame := make([]byte, 2)
		for range 3 { // a peer that answers is kept
			if _, err := io.ReadFull(far, frame); err != nil || frame[0] != 0x89 {
				t.Fatalf("instead of a ping came %x, %v", frame, err)
			}
			if _, err := far.Write([]byte{0x8a, 0x80, 0, 0, 0, 0}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 2*heartbeat || took > 4*heartbeat {
			t.Errorf("three pings took %v", took)
		}
		silent := time.Now()
		for frame[0] != 0x88 {
			if _, err := io.ReadFull(far, frame); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(silent); took < pongWait || took > heartbeat+pongWait+time.Second {
			t.Errorf("a silent peer was given up after %v", took)
		}
		reason := make([]byte, frame[1])
		if _, err := io.ReadFull(far, reason); err != nil {
			t.Fatal(err)
		}
		if code := binary.BigEndian.Uint16(reason); code != wire.CloseNoPong {
			t.Errorf("it was closed with %d %s", code, reason[2:])
		}
		stop()
		<-ended
	})
}

// Between a connection and its session joining may take a while. Who comes to be
// among those that were pinged meanwhile was not, and has nothing to answer.
func TestHeartbeatOfWhoJoinsDuringIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		ss := newSessions(&occupancy{counts: make(map[netip.Prefix]int)})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { ss.run(ctx); close(ended) }()
		out := newConn(near)
		s := &session{out: out, in: bufio.NewReaderSize(out, readBuffer)}
		if !ss.reserve() {
			t.Fatal("a new server lets nobody in")
		}
		time.Sleep(1500 * time.Millisecond) // the clock of the bubble: the first of them were pinged
		ss.add(s)
		go s.run(ss)
		frame := make([]byte, 2)
		if _, err := io.ReadFull(far, frame); err != nil || frame[0] != 0x89 {
			t.Errorf("instead of a ping came %x, %v", frame, err)
		}
		_ = far.Close()
		stop()
		<-ended
	})
}

// A close frame that must wait, as all do with TLS, arrives before the end.
func TestTheEndComesBehindTheCloseFrame(t *testing.T) {
	data, bye := strings.Repeat("d", 1000), "\x88\x02\x03\xe8"
	for name, test := range map[string]struct {
		writes bool
		reads  bool
		want   string
	}{
		"alone":            {reads: true, want: bye},
		"behind data":      {writes: true, reads: true, want: data + bye},
		"and nobody reads": {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe() // takes nothing without waiting, like TLS
				defer far.Close()
				c := newConn(near)
				if test.writes {
					go func() { _ = c.WriteAll([]byte(data)) }()
					synctest.Wait()
				}
				if _, err := c.Write([]byte(bye)); err != nil {
					t.Fatal(err)
				}
				c.End()
				if !test.reads {
					time.Sleep(closeWait) // the clock of the bubble
					synctest.Wait()
				}
				if got, err := io.ReadAll(far); string(got) != test.want || err != nil {
					t.Errorf("the peer got %q, %v", got, err)
				}
			})
		})
	}
}
