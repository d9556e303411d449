package handlers

import (
	"context"
	"net/http"
	"strings"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// The head of the Swagger spec. It names no host, so that it holds wherever
// chatd is served.
//
//	@title						chatd
//	@version					1
//	@description				Room chat in one binary. Every error is a problem (RFC 9457) with a stable code. Times are RFC 3339 in UTC.
//	@basePath					/
//	@tag.name					rooms
//	@tag.description			Rooms, and who is in them
//	@tag.name					messages
//	@tag.description			What is said
//	@tag.name					live
//	@tag.description			Following a room as it happens
//	@tag.name					moderation
//	@tag.description			Who may stay, who may write, and who did what
//	@tag.name					webhooks
//	@tag.description			Telling other servers what happens in a room
//	@tag.name					server
//	@tag.description			This chatd
//	@securityDefinitions.apikey	Bearer
//	@in							header
//	@name						Authorization
//	@description				"Bearer", a space, and the token. Guests need none where guests may enter.
//
//go:generate go tool swag init --quiet --generalInfo routes.go --dir .,./wire --output ../docs --outputTypes go,json,yaml

type route struct {
	method, path string
	handle       gin.HandlerFunc
}

// routes is every route there is. Each is in the Swagger spec too, whose source
// are the comments at the handlers; HEAD works where GET does. All other GETs
// are the browser UI's.
func (s *Server) routes() []route {
	return []route{
		{"GET", "/rooms", s.as(s.listRooms)},
		{"POST", "/rooms", s.as(s.createRoom)},
		{"GET", "/rooms/:id", s.as(s.getRoom)},
		{"PATCH", "/rooms/:id", s.as(s.patchRoom)},
		{"DELETE", "/rooms/:id", s.as(s.deleteRoom)},

		{"POST", "/rooms/:id/broadcast", s.as(s.broadcast)},
		{"GET", "/rooms/:id/messages", s.as(s.listMessages)},
		{"POST", "/rooms/:id/messages", s.as(s.postMessage)},
		{"GET", "/rooms/:id/messages/:seq", s.as(s.getMessage)},
		{"PATCH", "/rooms/:id/messages/:seq", s.as(s.editMessage)},
		{"DELETE", "/rooms/:id/messages/:seq", s.as(s.deleteMessage)},
		{"PUT", "/rooms/:id/messages/:seq/reactions/:emoji", s.as(s.addReaction)},
		{"DELETE", "/rooms/:id/messages/:seq/reactions/:emoji", s.as(s.removeReaction)},
		{"GET", "/rooms/:id/members", s.as(s.listMembers)},
		{"PUT", "/rooms/:id/read", s.as(s.markRead)},

		{"POST", "/rooms/:id/kicks", s.as(s.kick)},
		{"GET", "/rooms/:id/bans", s.as(s.listBans)},
		{"POST", "/rooms/:id/bans", s.as(s.ban)},
		{"DELETE", "/rooms/:id/bans/:ban", s.as(s.unban)},
		{"GET", "/rooms/:id/mutes", s.as(s.listMutes)},
		{"POST", "/rooms/:id/mutes", s.as(s.mute)},
		{"DELETE", "/rooms/:id/mutes/:mute", s.as(s.unmute)},
		{"DELETE", "/rooms/:id/messages", s.as(s.clearMessages)},
		{"GET", "/rooms/:id/audit", s.as(s.roomAudit)},
		{"GET", "/audit", s.as(s.audit)},

		{"GET", "/rooms/:id/webhooks", s.as(s.listWebhooks)},
		{"POST", "/rooms/:id/webhooks", s.as(s.createWebhook)},
		{"GET", "/rooms/:id/webhooks/:webhook", s.as(s.getWebhook)},
		{"PATCH", "/rooms/:id/webhooks/:webhook", s.as(s.patchWebhook)},
		{"DELETE", "/rooms/:id/webhooks/:webhook", s.as(s.deleteWebhook)},
		{"POST", "/rooms/:id/webhooks/:webhook/test", s.as(s.testWebhook)},

		{"GET", "/ws", s.joinLobby},
		{"GET", "/ws/:room", s.joinRoom},
		{"GET", "/rooms/:id/export", s.as(s.exportRoom, typeLines, gin.MIMEJSON)},
		{"GET", "/search", s.as(s.search)},
		{"GET", "/rooms/:id/events", s.followRoom},

		{"GET", "/healthz", s.health},
		{"GET", "/readyz", s.ready},
		{"GET", "/metrics", s.showMetrics},
		{"GET", "/version", s.showVersion},
		{"GET", "/node", s.showNode},
		{"GET", "/swagger", s.swaggerHome},
		{"GET", "/swagger/*file", s.swagger},
	}
}

func (s *Server) register(routes []route) {
	for _, r := range routes {
		s.engine.Handle(r.method, r.path, r.handle)
		if r.method == http.MethodGet {
			s.engine.HEAD(r.path, r.handle)
		}
		s.segments[firstSegment(r.path)] = true
	}
	s.engine.NoMethod(func(c *gin.Context) {
		s.fail(c, rooms.Errorf(wire.CodeMethodNotAllowed, "%s does not take %s, but %s",
			c.Request.URL.Path, c.Request.Method, c.Writer.Header().Get("Allow")))
	})
	s.engine.NoRoute(s.elsewhere)
}

// elsewhere answers what is no route: pages and assets are the browser UI's.
func (s *Server) elsewhere(c *gin.Context) {
	path := c.Request.URL.Path
	switch {
	case s.web == nil || s.segments[firstSegment(path)]:
		s.fail(c, rooms.Errorf(wire.CodeNotFound, "there is nothing at %s; /swagger lists what there is", path))
	case c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead:
		c.Header("Allow", "GET, HEAD")
		s.fail(c, rooms.Errorf(wire.CodeMethodNotAllowed, "%s does not take %s", path, c.Request.Method))
	default:
		c.Writer.Header().Del("Content-Security-Policy") // a page's policy is its own
		c.Status(http.StatusOK)                          // gin begins these with 404
		w := &pageWriter{ResponseWriter: c.Writer}
		s.web.ServeHTTP(w, s.signable(c))
		if w.missing {
			s.fail(c, rooms.Errorf(wire.CodeNotFound, "there is nothing at %s", path))
		}
	}
}

// signable is the request, of which [Sender] can tell who sends it. Most requests
// are for assets, of which nobody asks that.
func (s *Server) signable(c *gin.Context) *http.Request {
	who := func() (rooms.Identity, error) { return s.identify(c) }
	return c.Request.WithContext(context.WithValue(c.Request.Context(), senderKey{}, who))
}

type senderKey struct{}

// Sender tells who sends the request that Config.Web is answering, and whether
// that can be told. It may be called until the request is answered, by the
// goroutine that answers it.
func Sender(ctx context.Context) (rooms.Identity, bool) {
	find, ok := ctx.Value(senderKey{}).(func() (rooms.Identity, error))
	if !ok {
		return rooms.Identity{}, false
	}
	who, err := find()
	return who, err == nil
}

// pageWriter withholds a 404 of the browser UI's, for a problem in its place.
type pageWriter struct {
	http.ResponseWriter
	missing bool
}

func (w *pageWriter) WriteHeader(status int) {
	if w.missing = status == http.StatusNotFound; !w.missing {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *pageWriter) Write(p []byte) (int, error) {
	if w.missing {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

func firstSegment(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}
