package handlers

import (
	"net/http"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// showNode tells what this chatd is, and how it stands to its cluster.
//
//	@Summary		How is this node?
//	@Description	What it is, what it has applied, how it stands to its cluster, and the settings that all nodes must share, for whoever may manage every room.
//	@ID				node
//	@Tags			server
//	@Produce		json
//	@Success		200		{object}	wire.Node		"so it is"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"you may not manage every room"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/node [get]
func (s *Server) showNode(c *gin.Context) {
	if !s.mayManageAll(c) {
		return
	}
	node := wire.Node{VersionInfo: s.version, Ready: true, Settings: map[string]string{}}
	if s.node != nil {
		s.node(c.Request.Context(), &node)
	}
	if err := s.rooms.Ready(); err != nil {
		node.Ready, node.Why = false, err.Error()
	}
	c.PureJSON(http.StatusOK, node)
}

// mayManageAll answers whoever may not manage every room, and says so.
func (s *Server) mayManageAll(c *gin.Context) bool {
	c.Header("Cache-Control", "no-store")
	who, err := s.identify(c)
	if err == nil && !who.ManagesAll() {
		err = rooms.Errorf(rooms.CodeForbidden, "this is for those who may manage every room")
	}
	if err != nil {
		s.fail(c, err)
	}
	return err == nil
}
