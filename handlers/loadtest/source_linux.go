package loadtest

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// lateBind has the kernel choose the port when it connects, not when it binds
// the address: then a port serves for every pair of addresses (ip(7),
// IP_BIND_ADDRESS_NO_PORT).
func lateBind(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) // fewer connections fit without
	})
}
