package handlers

import (
	"time"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// eventsRoute is the one whose requests last as long as their readers want.
const eventsRoute = "/rooms/:id/events"

// joins tells whether a route is one that sessions begin with.
func joins(route string) bool { return route == "/ws" || route == "/ws/:room" || route == eventsRoute }

// measure counts a request under the pattern of its route: paths would be
// without number.
func (s *Server) measure(c *gin.Context) {
	began := time.Now()
	c.Next()
	switch route := c.FullPath(); route {
	case eventsRoute:
	case "":
		s.metrics.Request("other", knownMethod(c.Request.Method), c.Writer.Status(), time.Since(began))
	default:
		s.metrics.Request(route, c.Request.Method, c.Writer.Status(), time.Since(began))
	}
}

// knownMethod keeps a client from making up labels.
func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return method
	}
	return "other"
}

// showMetrics shows figures to whoever manages the server.
//
//	@Summary		Metrics
//	@Description	In the text format of Prometheus, for whoever may manage every room.
//	@ID				metrics
//	@Tags			server
//	@Produce		plain
//	@Success		200		{string}	string			"the figures"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"you may not manage every room"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/metrics [get]
func (s *Server) showMetrics(c *gin.Context) {
	if !s.mayManageAll(c) {
		return
	}
	if s.metrics == nil {
		s.fail(c, rooms.Errorf(wire.CodeNotFound, "this server counts nothing"))
		return
	}
	s.metrics.ServeHTTP(c.Writer, c.Request)
}
