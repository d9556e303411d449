//go:build linux && !race

package handlers

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"time"

	"chatd/handlers/auth"
	"chatd/rooms"
	"chatd/rooms/sqlite"
)

// serveHere serves a whole chatd, without its UI, on a free port.
func serveHere(t testing.TB) *net.TCPAddr {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	authenticator, err := auth.New(auth.Config{Guests: auth.GuestsPost})
	if err != nil {
		t.Fatal(err)
	}
	registry := rooms.NewRegistry(rooms.Config{Store: store, Journal: rooms.NewLocalJournal(), Encoder: NewEncoder(rooms.DefaultMaxMessage, authenticator)})
	s, err := New(Config{Rooms: registry, Auth: authenticator})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{}, 2)
	go func() { _ = registry.Run(ctx); ended <- struct{}{} }()
	<-registry.Opened()
	go func() { s.Run(ctx); ended <- struct{}{} }()
	listen := net.ListenConfig{KeepAlive: -1}
	ln, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() {
		_ = server.Close()
		stop()
		<-ended
		<-ended
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().(*net.TCPAddr)
}

// connectRaw joins the lobby on a bare socket, which costs this process nothing
// that its memory statistics show.
func connectRaw(t testing.TB, addr *net.TCPAddr, name string) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}); err != nil {
		t.Fatal(err)
	}
	hello := fmt.Sprintf("GET /ws?history=0&name=%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", name, addr)
	if _, err := syscall.Write(fd, []byte(hello)); err != nil {
		t.Fatal(err)
	}
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(got, []byte(`"heartbeat"`)) {
		n, err := syscall.Read(fd, buf)
		if err != nil || n == 0 {
			t.Fatalf("no welcome: %v, after %q", err, got)
		}
		got = append(got, buf[:n]...)
	}
	return fd
}

// An idle session is a reading goroutine on a small stack, gorilla's connection
// with a small buffer, and the member's places in hub and presence. What is
// held here is what idle rooms cost.
func TestIdleSessionIsSmall(t *testing.T) {
	const (
		sessions = 1000
		maxStack = 2560
		maxHeap  = 2816
	)
	addr := serveHere(t)
	open := make([]int, 0, sessions)
	defer func() {
		for _, fd := range open {
			_ = syscall.Close(fd)
		}
	}()
	// The first ones pay for what all share.
	for i := range 50 {
		open = append(open, connectRaw(t, addr, fmt.Sprint("first", i)))
	}
	measure := func() (m runtime.MemStats) {
		for range 3 {
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m
	}
	before := measure()
	for i := range sessions {
		open = append(open, connectRaw(t, addr, fmt.Sprint("m", i)))
	}
	after := measure()
	stack := int(after.StackInuse-before.StackInuse) / sessions
	heap := int(after.HeapAlloc-before.HeapAlloc) / sessions
	t.Logf("%d bytes of stack and %d of heap a session", stack, heap)
	if stack > maxStack || heap > maxHeap {
		t.Errorf("more than %d bytes of stack or %d of heap", maxStack, maxHeap)
	}
}
