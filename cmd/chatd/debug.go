package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/pprof"
)

// serveDebug shows profiles, without a credential, on an address of its own
// until ctx is done.
func serveDebug(ctx context.Context, address string, log *slog.Logger) (run func() error, err error) {
	ln, err := listen(ctx, address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := newServer(mux, log)
	return func() error {
		log.InfoContext(ctx, "profiles", "url", "http://"+ln.Addr().String()+"/debug/pprof/")
		return serveUntil(ctx, server, ln)
	}, nil
}
