//go:build unix

package handlers

import (
	"errors"
	"sync"
	"syscall"
)

// attempt is one non-blocking write. It is kept for reuse together with its
// closure, so that a write allocates nothing.
type attempt struct {
	p   []byte
	n   int
	err error
	do  func(fd uintptr) bool
}

var attempts = sync.Pool{New: func() any {
	a := new(attempt)
	a.do = func(fd uintptr) bool {
		for {
			a.n, a.err = syscall.Write(int(fd), a.p)
			if !errors.Is(a.err, syscall.EINTR) {
				return true // never wait for the descriptor
			}
		}
	}
	return a
}}

// tryWrite writes what the socket takes without waiting.
func tryWrite(raw syscall.RawConn, p []byte) (int, error) {
	a := attempts.Get().(*attempt)
	defer attempts.Put(a)
	a.p = p
	err := raw.Write(a.do)
	a.p = nil
	if err == nil && a.err != nil && !errors.Is(a.err, syscall.EAGAIN) {
		err = a.err
	}
	return max(a.n, 0), err
}
