package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/crypto/acme/autocert"

	"chatd/handlers"
	"chatd/handlers/auth"
	"chatd/handlers/metrics"
	"chatd/handlers/webhook"
	"chatd/handlers/wire"
	"chatd/rooms"
	"chatd/rooms/jetstream"
	"chatd/web"
)

func runServe(ctx context.Context, args []string, c console) error {
	var cfg Config
	if _, err := parse("serve", &cfg, args, c, 0, 0); err != nil {
		return err
	}
	log := newLogger(c.err, cfg.LogFormat)
	slog.SetDefault(log) // of those who are given none
	for {
		err := serve(ctx, &cfg, c.out, log)
		behind, ok := errors.AsType[*jetstream.BehindError](err)
		if !ok {
			return err
		}
		if err := catchUp(ctx, &cfg, behind, log); err != nil {
			return err
		}
	}
}

func newLogger(w io.Writer, format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// serve runs a server from the opening of its data to the closing, and returns
// when ctx is done and all that was accepted is durable. It says on out that it
// is ready.
func serve(ctx context.Context, cfg *Config, out io.Writer, log *slog.Logger) (err error) {
	engine, err := newEngine(ctx, cfg, log)
	if err != nil {
		return remedy(err)
	}
	store := engine.store
	stuck := false // then something still uses the store
	defer func() {
		if !stuck {
			err = errors.Join(err, store.Close())
		}
	}()
	ln, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	defer ln.Close()

	who, err := newAuth(cfg, log)
	if err != nil {
		return err
	}
	registry := rooms.NewRegistry(rooms.Config{
		Store:    store,
		Journal:  engine.journal,
		Node:     engine.node,
		Peers:    engine.peers,
		Encoder:  handlers.NewEncoder(rooms.DefaultMaxMessage, who),
		Logger:   log,
		Webhooks: newCaller(cfg),
		Limits:   rooms.Limits{Rooms: cfg.MaxRooms, PerIdentity: rate(cfg.PostRate), PerRoom: rate(cfg.RoomRate)},
	})
	handler, err := newHandler(cfg, engine, who, registry, log)
	if err != nil {
		return err
	}
	server := newServer(handler, log)
	handler.Watch(server)
	var manager *autocert.Manager
	var keep func(context.Context)
	if server.TLSConfig, manager, keep, err = newTLS(cfg, log); err != nil {
		return err
	}

	var running sync.WaitGroup
	failed := make(chan error, 4)
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	if cfg.DebugListen != "" {
		debug, err := serveDebug(work, cfg.DebugListen, log)
		if err != nil {
			return err
		}
		running.Go(func() {
			if err := debug(); err != nil {
				failed <- fmt.Errorf("the profiles' server failed: %w", err)
			}
		})
	}
	if cfg.HTTPListen != "" {
		plain, err := servePlain(work, cfg.HTTPListen, ln.Addr(), manager, log)
		if err != nil {
			return err
		}
		running.Go(func() {
			if err := plain(); err != nil {
				failed <- fmt.Errorf("the server of plain HTTP failed: %w", err)
			}
		})
	}
	running.Go(func() {
		if err := registry.Run(work); err != nil {
			failed <- fmt.Errorf("the registry failed: %w", err)
		}
	})
	running.Go(func() { handler.Run(work) })
	running.Go(func() { who.Run(work) })
	running.Go(func() { giveBack(work, func() int { return registry.Counts().Members }) })
	answer := server.Serve
	if keep != nil {
		running.Go(func() { keep(work) })
		answer = func(ln net.Listener) error { return server.ServeTLS(ln, "", "") }
	}
	running.Go(func() {
		if err := answer(ln); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("the HTTP server failed: %w", err)
		}
	})
	log.InfoContext(ctx, "serving", "address", ln.Addr().String(), "data", cfg.Data, "open", cfg.open())
	if cfg.Insecure && cfg.open() {
		log.WarnContext(ctx, "INSECURE: whoever can connect may manage all rooms; set --admin-token", "address", ln.Addr().String())
	}

	select {
	case <-registry.Opened():
		if cfg.LogFormat == "json" { // for machines
			log.InfoContext(ctx, "ready")
		} else {
			greet(out, cfg, ln.Addr())
		}
		tellSystemd(log, daemon.SdNotifyReady)
	case <-ctx.Done():
	case err = <-failed:
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	tellSystemd(log, daemon.SdNotifyStopping)
	log.InfoContext(ctx, "stopping", "within", cfg.Drain.String())
	stuck = !finish(ctx, cfg.Drain, server, registry, log, end, &running)
	if stuck {
		return errors.Join(err, fmt.Errorf("did not stop within %v; what was acknowledged is safe", cfg.Drain))
	}
	log.InfoContext(ctx, "stopped")
	return err
}

// lastMoments is the least part of the time for stopping that is kept for its end.
const lastMoments = 3 * time.Second

// finish ends the parts one after the other: first the members are sent away
// and no request is taken any more, then what is under way is finished, and at
// last the registry makes durable what was accepted. It reports false when
// something did not end in time.
func finish(ctx context.Context, within time.Duration, server *http.Server, registry *rooms.Registry, log *slog.Logger, end func(), running *sync.WaitGroup) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	requests, cancelRequests := context.WithTimeout(ctx, within-lastMoments)
	defer cancelRequests()
	registry.Drain(within)
	if server.Shutdown(requests) != nil {
		log.WarnContext(ctx, "cutting off requests that take too long")
		_ = server.Close()
	}
	end()
	ended := make(chan struct{})
	go func() {
		running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-ctx.Done():
		return false
	}
}

// newAuth makes the part that knows who is speaking.
func newAuth(cfg *Config, log *slog.Logger) (*auth.Authenticator, error) {
	key, err := guestKey(cfg)
	if err != nil {
		return nil, fmt.Errorf("the key of guests: %w", err)
	}
	return auth.New(auth.Config{
		AdminToken: string(cfg.AdminToken),
		JWTSecret:  string(cfg.JWTSecret),
		JWTKeys:    cfg.JWTKeys,
		Issuer:     cfg.JWTIssuer,
		Audience:   cfg.JWTAudience,
		Guests:     auth.Guests(cfg.Guests),
		GuestKey:   key,
		Log:        log,
	})
}

// newCaller makes the part that calls webhooks. Its networks were checked with
// the configuration.
func newCaller(cfg *Config) *webhook.Caller {
	allow, _ := webhook.ParseNetworks(cfg.WebhookAllow)
	number, _ := buildVersion()
	return webhook.New(webhook.Config{Allow: allow, Agent: "chatd/" + number})
}

// rate allows people who send several things in one breath.
func rate(perSecond int) rooms.Rate {
	return rooms.Rate{PerSecond: float64(perSecond), Burst: 5 * perSecond}
}

// newHandler joins the parts that answer requests.
func newHandler(cfg *Config, engine *engine, who *auth.Authenticator, registry *rooms.Registry, log *slog.Logger) (*handlers.Server, error) {
	number, commit := buildVersion()
	return handlers.New(handlers.Config{
		Rooms:          registry,
		Auth:           who,
		Web:            web.Handler(web.Options{FrameAncestors: mayFrame(cfg, registry), Newest: newest(registry)}),
		Log:            log,
		AllowedOrigins: cfg.AllowedOrigin,
		Compress:       cfg.Compress,
		TrustedProxies: cfg.TrustedProxy,
		LocalOnly:      cfg.localOnly(),
		Metrics:        metrics.New(registry.Counts, number),
		Node:           engine.describe(cfg),
		MaxSessions:    cfg.MaxSessions,
		MaxPerAddress:  cfg.MaxPerAddress,
		Version: wire.VersionInfo{
			Version:  number,
			Commit:   commit,
			Go:       runtime.Version(),
			Protocol: wire.Version,
		},
	})
}

// mayFrame tells who may show a room in a frame: the pages that may talk to the
// server, and those that the room allows.
func mayFrame(cfg *Config, registry *rooms.Registry) func(*http.Request, string) []string {
	return func(r *http.Request, room string) []string {
		return slices.Concat(cfg.AllowedOrigin, registry.EmbedOrigins(r.Context(), room))
	}
}
