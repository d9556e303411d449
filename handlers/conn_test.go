package handlers

import (
	"io"
	"net"
	"testing"
	"time"
)

// deadlineConn knows its write deadline.
type deadlineConn struct {
	net.Conn
	deadline time.Time
}

func (c *deadlineConn) SetWriteDeadline(t time.Time) error {
	c.deadline = t
	return c.Conn.SetWriteDeadline(t)
}

// TestNoDeadlineStays holds that a write that waits leaves no deadline behind:
// it would end the connection at the first write after it, a heartbeat perhaps.
func TestNoDeadlineStays(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	beneath := &deadlineConn{Conn: near}
	c := newConn(beneath)
	defer c.Close()
	if err := c.WriteAll(make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	if !beneath.deadline.IsZero() {
		t.Errorf("a deadline stays: %v", time.Until(beneath.deadline))
	}
}
