package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// Bounds on what a connection may cost before anybody knows who it is.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10
)

// open opens the server's port, or takes the one that systemd opened: that is
// what the server listens on then, whatever the configuration says.
func open(ctx context.Context, cfg *Config) (net.Listener, error) {
	ln, err := activated()
	if err != nil {
		return nil, err
	}
	if ln == nil {
		if ln, err = listen(ctx, cfg.Listen); err != nil {
			return nil, err
		}
		return listener{ln}, nil
	}
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok {
		cfg.Listen = tcp.String()
		if err := cfg.checkListen(); err != nil {
			_ = ln.Close()
			return nil, fmt.Errorf("the socket of systemd: %w", err)
		}
	}
	return listener{ln}, nil
}

// listener makes connections that end when their peers are lost. TCP keepalive is
// off: WebSocket pings do its work, and a probe for every connection every 15
// seconds, in bursts, does harm where there are many.
type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAlive(false)
		boundLost(tcp)
	}
	return conn, err
}

// listen opens a port.
func listen(ctx context.Context, address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1} // see listener
	ln, err := lc.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program; choose another port with --listen", address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s; choose a port above 1023 with --listen", address)
	case err != nil:
		return nil, fmt.Errorf("cannot listen: %w; --listen must be an address of this machine", err)
	}
	return ln, nil
}

// newServer makes the HTTP server around h.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// displayAddress is how this machine reaches a listener: the host that was
// asked for, with the port that was given.
func displayAddress(asked string, given net.Addr) string {
	host, _, _ := net.SplitHostPort(asked)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	port := 0
	if tcp, ok := given.(*net.TCPAddr); ok {
		port = tcp.Port
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}
