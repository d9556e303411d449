package handlers

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"chatd/handlers/wire"
)

const (
	// noProgress is how long a reader may take nothing before it is given up.
	noProgress = 30 * time.Second
	// sendBuffer bounds what the kernel absorbs for a reader that is stuck.
	sendBuffer = 64 << 10
	// maxControl bounds the control frames that wait behind a data frame.
	maxControl = 4 << 10
)

// conn is a WebSocket's connection, and the one way out of it: the hub's frames
// and gorilla's control frames both pass here, so that none is ever put into
// the middle of another. Data is written by one goroutine at a time (the
// contract of rooms.Sink); control frames come from any.
type conn struct {
	net.Conn
	raw  syscall.RawConn // nil where writing without waiting is not possible
	seen atomic.Int64    // when the peer last sent anything, in Unix nanoseconds

	mu      sync.Mutex
	busy    bool          // a data write is under way: control frames wait in control
	control []byte        // control frames that wait
	flushed chan struct{} // closed when the control frames under way are out; nil when none are
	closing bool          // a close frame is out or waits: nothing may follow it (RFC 6455 section 5.5.1)
	ending  bool          // to be closed behind what is under way
	code    uint16        // of that frame, 0 without one
	failed  error         // the connection is unusable
}

func newConn(c net.Conn) *conn {
	wrapped := &conn{Conn: c}
	wrapped.seen.Store(time.Now().UnixNano())
	if secure, ok := c.(*tls.Conn); ok {
		if tcp, ok := secure.NetConn().(*net.TCPConn); ok {
			_ = tcp.SetWriteBuffer(sendBuffer)
		}
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // a hint: the default works too
		wrapped.raw, _ = tcp.SyscallConn()
	}
	return wrapped
}

// Read notes that the peer is alive.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.seen.Store(time.Now().UnixNano())
	}
	return n, err
}

// SetWriteDeadline does nothing: gorilla would set one for each control frame.
// Writes that wait bring their own.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// TryWrite writes what the connection takes without waiting. When that is not
// all of p, the rest must follow by WriteAll before any other data.
func (c *conn) TryWrite(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return 0, c.failed
	}
	if c.closing {
		return 0, net.ErrClosed
	}
	if c.busy || c.flushed != nil || len(c.control) > 0 || c.raw == nil {
		return 0, nil
	}
	n, err := tryWrite(c.raw, p)
	if err != nil {
		return n, c.fail(err)
	}
	c.busy = n > 0 && n < len(p)
	return n, nil
}

// WriteAll writes all of p, waiting for the reader as long as it makes
// progress. The error is os.ErrDeadlineExceeded when it took nothing for
// noProgress.
func (c *conn) WriteAll(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.flushed != nil {
		flushed := c.flushed
		c.mu.Unlock()
		<-flushed // soon, or in noProgress
		c.mu.Lock()
	}
	if !c.busy {
		if c.closing {
			return net.ErrClosed
		}
		c.busy = true
		// What waits was there first. (Behind a part of a frame it must wait on.)
		if err := c.writeWaitingLocked(); err != nil {
			return err
		}
	}
	err := c.writeLocked(p)
	if err == nil {
		err = c.writeWaitingLocked()
	}
	c.busy = false
	c.endLocked()
	return err
}

// writeWaitingLocked writes control frames until none wait.
func (c *conn) writeWaitingLocked() error {
	for c.failed == nil && len(c.control) > 0 {
		p := c.control
		c.control = nil
		_ = c.writeLocked(p)
	}
	return c.failed
}

// writeLocked is writeAll without the lock, which the caller holds before and
// after.
func (c *conn) writeLocked(p []byte) error {
	if c.failed != nil {
		return c.failed
	}
	c.mu.Unlock()
	err := c.writeAll(p)
	c.mu.Lock()
	if err != nil {
		return c.fail(err)
	}
	return nil
}

// writeAll writes p in pieces that a slow reader can take in time.
func (c *conn) writeAll(p []byte) error {
	const piece = 16 << 10
	for len(p) > 0 {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(noProgress)); err != nil {
			return err
		}
		n, err := c.Conn.Write(p[:min(len(p), piece)])
		p = p[n:]
		if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			continue // slow, and not stuck
		}
		if err != nil {
			return err
		}
	}
	// A deadline stays: without this, whatever is written later would fail.
	return c.Conn.SetWriteDeadline(time.Time{})
}

// Write takes gorilla's control frames, and ours. It does not wait: what the
// connection does not take is written behind the data under way.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return 0, c.failed
	}
	if c.closing {
		return len(p), nil // the answer to the peer's close, which has ours already
	}
	const finClose = 0x88
	frame := p
	if c.closing = p[0] == finClose; c.closing && len(p) >= 4 {
		c.code = binary.BigEndian.Uint16(p[2:])
		if c.code == wire.CloseTooBig && len(p) == 4 { // gorilla's, which says no more than that
			frame = closeFrame(wire.CloseTooBig, string(tooLong.Code)+": "+tooLong.Detail)
		}
	}
	if err := c.sendLocked(frame); err != nil {
		return 0, err
	}
	return len(p), nil
}

// sendLocked sends a control frame, or has it sent when there is room.
func (c *conn) sendLocked(p []byte) error {
	n := 0
	if !c.busy && c.flushed == nil && c.raw != nil {
		var err error
		if n, err = tryWrite(c.raw, p); err != nil {
			return c.fail(err)
		}
	}
	if rest := p[n:]; len(rest) > 0 {
		if len(c.control)+len(rest) > maxControl {
			return nil // a peer that floods pings and reads nothing goes without pongs
		}
		c.control = append(c.control, rest...)
		if !c.busy && c.flushed == nil {
			c.flushed = make(chan struct{})
			go c.flush() // ends with the reader's progress, or in noProgress
		}
	}
	return nil
}

// flush writes the control frames that the connection did not take at once.
func (c *conn) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.writeWaitingLocked()
	close(c.flushed)
	c.flushed = nil
	c.endLocked()
}

// End closes the connection behind what is under way, such as a close frame that
// had to wait, or after closeWait.
func (c *conn) End() {
	c.mu.Lock()
	c.ending = true
	waits := c.underWayLocked()
	c.mu.Unlock()
	if waits {
		time.AfterFunc(closeWait, func() { _ = c.Close() })
		return
	}
	_ = c.Close()
}

func (c *conn) underWayLocked() bool { return c.failed == nil && (c.busy || c.flushed != nil) }

// endLocked closes a connection that is ending once nothing is under way. That
// may take a while with TLS, which says goodbye: who delivers must not wait for it.
func (c *conn) endLocked() {
	if c.ending && !c.underWayLocked() {
		go func() { _ = c.Close() }()
	}
}

// fail makes the connection unusable. c.mu is held.
func (c *conn) fail(err error) error {
	if c.failed == nil {
		c.failed = err
		_ = c.Close()
	}
	return c.failed
}

// ended tells the code of the close frame that went out, 0 without one, and why
// the connection became unusable, nil if it did not.
func (c *conn) ended() (code int, failed error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.code), c.failed
}

// hijacker hands gorilla our conn instead of the server's, so that all that it
// writes takes the same way out, and a small read buffer that we can look into.
type hijacker struct {
	http.ResponseWriter
	conn *conn
	in   *bufio.Reader
}

// readBuffer is a session's read buffer: one byte more than the largest that
// gorilla would replace by one of its own.
const readBuffer = 257

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if rw.Reader.Buffered() > 0 {
		_ = c.Close()
		return nil, nil, errors.New("data came before the handshake was done")
	}
	h.conn = newConn(c)
	h.in = bufio.NewReaderSize(h.conn, readBuffer)
	return h.conn, bufio.NewReadWriter(h.in, rw.Writer), nil
}
