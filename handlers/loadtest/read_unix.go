//go:build unix

package loadtest

import (
	"io"
	"syscall"
)

// readOnce waits until there is something to read, and takes it. Only then does
// it hold a buffer. It reports false at the end of the session.
func (m *member) readOnce() (open bool, err error) {
	if m.step == nil {
		m.step = m.readReady
	}
	if err := m.raw.Read(m.step); err != nil {
		return false, err
	}
	return m.open, m.failed
}

// readReady reads what is there, and reports false when that is nothing.
func (m *member) readReady(fd uintptr) bool {
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	for {
		n, err := syscall.Read(int(fd), *b)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			m.failed = err
		case n == 0:
			m.failed = io.EOF
		default:
			m.open = m.take((*b)[:n])
		}
		return true
	}
}
