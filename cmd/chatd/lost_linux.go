package main

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// lostAfter is for how long a peer may acknowledge nothing of what was sent to it.
// A WebSocket finds out by its pings; of an event stream whose reader is gone
// without a word the kernel would take a quarter of an hour to say so.
const lostAfter = 35 * time.Second

// boundLost has the kernel end a connection lostAfter (RFC 5482). Without it, it
// ends later.
func boundLost(c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(lostAfter.Milliseconds()))
	})
}
