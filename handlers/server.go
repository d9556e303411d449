package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"chatd/handlers/auth"
	"chatd/handlers/metrics"
	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
	"github.com/go-playground/validator/v10"
)

// DefaultMaxBody is the default limit of a request's body, in bytes: a message
// of rooms.DefaultMaxMessage characters fits however it is escaped.
const DefaultMaxBody = 64 << 10

// Registry is what the routes ask of the domain; *rooms.Registry is it.
type Registry interface {
	Propose(ctx context.Context, who rooms.Identity, e rooms.Entry) (rooms.Receipt, error)
	Rooms(ctx context.Context, who rooms.Identity, after string, limit int) ([]rooms.Room, error)
	Room(ctx context.Context, who rooms.Identity, id string) (rooms.Room, error)
	Messages(ctx context.Context, who rooms.Identity, q rooms.MessageQuery) ([]rooms.Message, error)
	Message(ctx context.Context, who rooms.Identity, room string, seq uint64) (rooms.Message, error)
	// Members lists who is in a room, ascending by ID.
	Members(ctx context.Context, who rooms.Identity, room string) ([]rooms.Sender, error)
	// Online counts them, without asking who wants to know.
	Online(room string) int
	// Ready tells whether members are let in and entries are taken.
	Ready() error

	Search(ctx context.Context, who rooms.Identity, q rooms.SearchQuery) (rooms.SearchPage, error)
	Unread(ctx context.Context, who rooms.Identity, ids []string) ([]rooms.Unread, error)
	Sanctions(ctx context.Context, who rooms.Identity, room string, kind rooms.SanctionKind, after uint64, limit int) ([]rooms.Sanction, error)
	Clear(ctx context.Context, who rooms.Identity, room, sender string) (int, error)
	Audit(ctx context.Context, who rooms.Identity, q rooms.AuditQuery) ([]rooms.AuditRecord, error)
	Webhooks(ctx context.Context, who rooms.Identity, room string) ([]rooms.WebhookView, error)
	Webhook(ctx context.Context, who rooms.Identity, room string, webhook uint64) (rooms.WebhookView, error)
	TestWebhook(ctx context.Context, who rooms.Identity, room string, webhook uint64) (rooms.WebhookAnswer, error)
	MarkRead(ctx context.Context, who rooms.Identity, room string, seq uint64) error

	Admit(ctx context.Context, who rooms.Identity, room string) (rooms.Room, error)
	Join(ctx context.Context, who rooms.Identity, room string, o rooms.JoinOptions, sink rooms.Sink) (*rooms.Member, error)
	Submit(ctx context.Context, who rooms.Identity, e rooms.Entry, done func(rooms.Receipt, error)) error
	Alone() bool
}

// Config is what a Server is made of.
type Config struct {
	Rooms   Registry
	Auth    *auth.Authenticator
	Web     http.Handler     // the browser UI: answers every GET that is no route; nil is none
	Log     *slog.Logger     // nil is slog.Default()
	Metrics *metrics.Metrics // nil counts nothing, and is not shown
	Version wire.VersionInfo
	// Node fills in what is known of this chatd's place in its cluster; nil knows
	// nothing.
	Node    func(ctx context.Context, node *wire.Node)
	MaxBody int64 // bytes of a request's body; 0 is DefaultMaxBody
	// MaxSessions and MaxPerAddress bound the WebSockets and event streams, in
	// all and from one client's address (of IPv6, its /64). 0 is no bound.
	MaxSessions, MaxPerAddress int
	// Compress offers permessage-deflate to WebSockets.
	Compress bool
	// AllowedOrigins are the origins, beside the server's own, whose pages may
	// talk to it: "https://chat.example.com", "https://*.example.com", "*".
	AllowedOrigins []string
	// TrustedProxies are the networks (CIDR) or addresses whose forwarded
	// headers count. Nil trusts none.
	TrustedProxies []string
	// LocalOnly refuses requests under other names than this machine's own. It
	// is for servers that are open because nobody else can reach them: a foreign
	// name that leads here is an attack on the browser of somebody who is here.
	LocalOnly bool
}

// Server answers all of chatd's requests. It is an http.Handler, safe for any
// number of goroutines.
type Server struct {
	rooms    Registry
	auth     *auth.Authenticator
	web      http.Handler
	log      *slog.Logger
	metrics  *metrics.Metrics
	version  wire.VersionInfo
	node     func(context.Context, *wire.Node)
	maxBody  int64
	bodyWait time.Duration
	origins  *origins
	sessions *sessions
	heads    heads
	validate *validator.Validate
	engine   *gin.Engine
	segments map[string]bool // the first path segments of the routes
}

// New makes a Server. It fails if an allowed origin is none, or a trusted proxy
// no address and no network.
func New(cfg Config) (*Server, error) {
	s := &Server{
		rooms:    cfg.Rooms,
		auth:     cfg.Auth,
		web:      cfg.Web,
		log:      cfg.Log,
		metrics:  cfg.Metrics,
		node:     cfg.Node,
		version:  cfg.Version,
		maxBody:  cfg.MaxBody,
		bodyWait: bodyWait,
		validate: newValidator(),
		segments: make(map[string]bool),
		heads:    heads{metrics: cfg.Metrics},
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.sessions = newSessions(&occupancy{max: cfg.MaxSessions, perAddress: cfg.MaxPerAddress, counts: make(map[netip.Prefix]int)})
	if cfg.Compress {
		s.sessions.deflater = newDeflater()
	}
	if s.maxBody == 0 {
		s.maxBody = DefaultMaxBody
	}

	var err error
	if s.origins, err = newOrigins(cfg); err != nil {
		return nil, err
	}

	gin.SetMode(gin.ReleaseMode)
	s.engine = gin.New()
	s.engine.RedirectTrailingSlash = false
	s.engine.UseRawPath = true // %2F belongs to the id that it is in, and begins no other route
	s.engine.HandleMethodNotAllowed = true
	// A trusted proxy may pass on what a client says in other headers.
	s.engine.RemoteIPHeaders = []string{"X-Forwarded-For"}
	if err := s.engine.SetTrustedProxies(cfg.TrustedProxies); err != nil {
		return nil, err
	}
	s.engine.Use(s.measure, nameRequest, secure, s.recoverPanic, s.guardOrigin, s.bound)
	s.register(s.routes())
	return s, nil
}

// Run keeps the sessions alive until ctx is done, and returns when all have
// ended: the registry, which closes them, must end first or at the same time.
func (s *Server) Run(ctx context.Context) { s.sessions.run(ctx) }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.heads.came(r)
	s.engine.ServeHTTP(w, r)
}

// identify tells who sends the request, and from where.
func (s *Server) identify(c *gin.Context) (rooms.Identity, error) {
	who, err := s.auth.Identify(c.Request)
	who.Network = neighbours(c.ClientIP())
	return who, err
}

// handler answers a request of somebody who is known, or returns why not.
type handler func(c *gin.Context, who rooms.Identity) error

// as makes a route of h, which answers JSON or what offers says: it finds out who
// is speaking, and answers errors as problems.
func (s *Server) as(h handler, offers ...string) gin.HandlerFunc {
	if len(offers) == 0 {
		offers = []string{gin.MIMEJSON}
	}
	return func(c *gin.Context) {
		c.Header("Cache-Control", "no-store")
		var err error
		if c.NegotiateFormat(offers...) == "" { // it would not be read
			err = rooms.Errorf(wire.CodeNotAcceptable, "this answers %s", strings.Join(offers, " or "))
		} else {
			var who rooms.Identity
			if who, err = s.identify(c); err == nil {
				err = h(c, who)
			}
		}
		if err != nil {
			s.fail(c, err)
		}
	}
}
