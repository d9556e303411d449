package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"

	"golang.org/x/crypto/acme/autocert"
)

// securePort is host with the port of the HTTPS listener, where that is not the
// usual one.
func securePort(host string, given net.Addr) string {
	if tcp, ok := given.(*net.TCPAddr); ok && tcp.Port != 443 {
		return net.JoinHostPort(host, strconv.Itoa(tcp.Port))
	}
	return host
}

// servePlain makes the server of plain HTTP beside HTTPS: it leads browsers to
// the address secure, and takes nothing. Whatever an ACME authority asks for is
// manager's, nil for none.
func servePlain(ctx context.Context, address string, secure net.Addr, manager *autocert.Manager, log *slog.Logger) (run func() error, err error) {
	ln, err := listen(ctx, address)
	if err != nil {
		return nil, err
	}
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { leadToHTTPS(w, r, secure) })
	if manager != nil {
		h = manager.HTTPHandler(h)
	}
	server := newServer(h, log)
	server.ReadTimeout, server.WriteTimeout = headerTimeout, headerTimeout
	return func() error { return serveUntil(ctx, server, ln) }, nil
}

// leadToHTTPS sends those on who come by plain HTTP and only look. Whoever sends
// something is refused: a credential may have gone with it, and who sent it
// should learn that it must not.
func leadToHTTPS(w http.ResponseWriter, r *http.Request, secure net.Addr) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead || host == "" || r.Header.Get("Authorization") != "" {
		http.Error(w, "this address takes nothing by plain HTTP: use https", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "https://"+securePort(host, secure)+r.URL.RequestURI(), http.StatusPermanentRedirect) //nolint:gosec // to the host that was asked for: a page cannot choose the Host of a browser
}

// serveUntil serves until ctx is done.
func serveUntil(ctx context.Context, server *http.Server, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
