package handlers

import (
	"context"
	"net"
	"net/http"
	"sync"

	"chatd/handlers/metrics"
)

// heads counts the connections that end before a request has come: net/http
// refuses those by itself, and says so to nobody.
type heads struct {
	metrics *metrics.Metrics
	waiting sync.Map // net.Conn → nothing: no request has come yet
}

type connKey struct{}

// Watch counts the connections of server that end before they have sent the whole
// head of a request: too slowly, too much of it, none that is one, or none at all.
func (s *Server) Watch(server *http.Server) {
	h := &s.heads
	server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	server.ConnState = func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			h.waiting.Store(c, nil)
		case http.StateClosed:
			if _, waited := h.waiting.LoadAndDelete(c); waited {
				h.metrics.NoRequest()
			}
		}
	}
}

// came notes that a request has come.
func (h *heads) came(r *http.Request) {
	if c := r.Context().Value(connKey{}); c != nil {
		h.waiting.Delete(c)
	}
}
