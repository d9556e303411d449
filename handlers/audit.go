package handlers

import (
	"net/http"
	"strconv"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// roomAudit shows what was done in a room by those who moderate and manage.
//
//	@Summary		Who did what in a room
//	@Description	What those did who moderate and manage, the newest first. Needs the permission to manage.
//	@ID				roomAudit
//	@Tags			moderation
//	@Produce		json
//	@Param			id		path		string			true	"the room"			default(lobby)
//	@Param			limit	query		int				false	"how many at most"	default(50)	minimum(1)	maximum(200)
//	@Param			cursor	query		string			false	"the next of the page before"
//	@Success		200		{object}	wire.AuditList	"a page of the log"
//	@Header			200		{string}	Link			"the next page, as rel=next"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"the credential does not reach"
//	@Failure		404		{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/audit [get]
func (s *Server) roomAudit(c *gin.Context, who rooms.Identity) error {
	return s.showAudit(c, who, c.Param("id"))
}

// audit shows what was done in all rooms, also in those that are no more.
//
//	@Summary		Who did what in all rooms
//	@Description	Rooms that were deleted are among them. Needs the permission to manage all rooms.
//	@ID				audit
//	@Tags			moderation
//	@Produce		json
//	@Param			limit	query		int				false	"how many at most"	default(50)	minimum(1)	maximum(200)
//	@Param			cursor	query		string			false	"the next of the page before"
//	@Success		200		{object}	wire.AuditList	"a page of the log"
//	@Header			200		{string}	Link			"the next page, as rel=next"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"the credential does not reach"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/audit [get]
func (s *Server) audit(c *gin.Context, who rooms.Identity) error {
	return s.showAudit(c, who, "")
}

func (s *Server) showAudit(c *gin.Context, who rooms.Identity, room string) error {
	q := readQuery(c.Request)
	limit := q.limit()
	before := q.number("audit")
	if q.err != nil {
		return q.err
	}
	found, err := s.rooms.Audit(c.Request.Context(), who, rooms.AuditQuery{Room: room, Before: before, Limit: limit + 1})
	if err != nil {
		return err
	}
	var list wire.AuditList
	if len(found) > limit {
		found = found[:limit]
		list.Next = makeCursor("audit", strconv.FormatUint(found[limit-1].N, 10))
	}
	list.Records = make([]wire.AuditRecord, len(found))
	for i := range found {
		list.Records[i] = wireAudit(&found[i])
	}
	linkNext(c, list.Next)
	c.PureJSON(http.StatusOK, list)
	return nil
}

func wireAudit(a *rooms.AuditRecord) wire.AuditRecord {
	w := wire.AuditRecord{
		ID: a.N, Room: a.Room, At: wire.Time{Time: a.At}, By: wirePerson(a.By), Action: string(a.Action),
		Seq: a.Seq, Count: a.Count, Reason: a.Reason, Until: wireMoment(a.Until), Detail: a.Detail,
	}
	if a.Who.ID != "" {
		who := wirePerson(a.Who)
		w.Who = &who
	}
	return w
}
