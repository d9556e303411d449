package handlers

import (
	"net/http"

	"chatd/docs"
	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
	swaggerfiles "github.com/swaggo/files"
	ginswagger "github.com/swaggo/gin-swagger"
)

// health tells that the process answers.
//
//	@Summary	Is the process alive?
//	@ID			health
//	@Tags		server
//	@Produce	json
//	@Success	200	{object}	wire.Health	"it is"
//	@Router		/healthz [get]
func (s *Server) health(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.PureJSON(http.StatusOK, wire.Health{Status: "ok"})
}

// ready tells whether the server should be sent clients.
//
//	@Summary		Does the server take clients?
//	@Description	It does not while it starts, from the moment that it is told to stop, and while nothing can be stored.
//	@ID				ready
//	@Tags			server
//	@Produce		json
//	@Success		200	{object}	wire.Health		"it does"
//	@Failure		503	{object}	wire.Problem	"it does not"
//	@Router			/readyz [get]
func (s *Server) ready(c *gin.Context) {
	if err := s.rooms.Ready(); err != nil {
		s.fail(c, err)
		return
	}
	c.Header("Cache-Control", "no-store")
	c.PureJSON(http.StatusOK, wire.Health{Status: "ready"})
}

// showVersion tells which chatd this is.
//
//	@Summary	Which chatd is this?
//	@ID			version
//	@Tags		server
//	@Produce	json
//	@Success	200	{object}	wire.VersionInfo	"its version, and its protocol's"
//	@Router		/version [get]
func (s *Server) showVersion(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.PureJSON(http.StatusOK, s.version)
}

// swaggerPolicy lets the Swagger UI style its page, which it does inline.
const swaggerPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

var swaggerUI = ginswagger.CustomWrapHandler(&ginswagger.Config{
	URL: "doc.json", Title: "chatd's API", DocExpansion: "list", DeepLinking: true, DefaultModelsExpandDepth: 0,
}, swaggerfiles.Handler)

func (s *Server) swaggerHome(c *gin.Context) {
	c.Redirect(http.StatusFound, "/swagger/index.html")
}

// swagger shows this API, to people and as its spec.
func (s *Server) swagger(c *gin.Context) {
	file := c.Param("file")
	switch {
	case file == "/":
		s.swaggerHome(c)
	case file == "/doc.json":
		c.Header("Cache-Control", "no-store")
		c.Data(http.StatusOK, gin.MIMEJSON, docs.Spec)
	case swaggerFiles[file]:
		// gin-swagger reads the name out of RequestURI, learns its prefix from the
		// first one it sees, and refuses HEAD: show it what cannot confuse it.
		r := c.Request.Clone(c.Request.Context())
		r.Method, r.RequestURI = http.MethodGet, "/swagger"+file
		c.Request = r
		c.Header("Content-Security-Policy", swaggerPolicy)
		swaggerUI(c)
	default:
		s.fail(c, rooms.Errorf(wire.CodeNotFound, "there is nothing at %s", c.Request.URL.Path))
	}
}

var swaggerFiles = map[string]bool{
	"/index.html":                      true,
	"/index.css":                       true,
	"/swagger-initializer.js":          true,
	"/swagger-ui.css":                  true,
	"/swagger-ui-bundle.js":            true,
	"/swagger-ui-standalone-preset.js": true,
	"/favicon-16x16.png":               true,
	"/favicon-32x32.png":               true,
}
