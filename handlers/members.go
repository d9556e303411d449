package handlers

import (
	"net/http"
	"slices"
	"strings"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// listMembers lists who is in a room now.
//
//	@Summary	List who is in a room
//	@ID			listMembers
//	@Tags		rooms
//	@Produce	json
//	@Param		id		path		string			true	"the room"			default(lobby)
//	@Param		limit	query		int				false	"how many at most"	default(50)	minimum(1)	maximum(200)
//	@Param		cursor	query		string			false	"the next of the page before"
//	@Success	200		{object}	wire.MemberList	"a page of members, by id"
//	@Header		200		{string}	Link			"the next page, as rel=next"
//	@Failure	401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure	404		{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure	422		{object}	wire.Problem	"a parameter breaks a rule"
//	@Failure	default	{object}	wire.Problem	"any other refusal"
//	@Security	Bearer
//	@Router		/rooms/{id}/members [get]
func (s *Server) listMembers(c *gin.Context, who rooms.Identity) error {
	q := readQuery(c.Request)
	limit := q.limit()
	_, after := q.cursor("member")
	if q.err != nil {
		return q.err
	}
	found, err := s.rooms.Members(c.Request.Context(), who, c.Param("id"))
	if err != nil {
		return err
	}
	list := wire.MemberList{Online: len(found)}
	from, known := slices.BinarySearchFunc(found, after, func(s rooms.Sender, id string) int {
		return strings.Compare(s.ID, id)
	})
	if known {
		from++
	}
	page := found[from:]
	if len(page) > limit {
		page = page[:limit]
		list.Next = makeCursor("member", page[limit-1].ID)
	}
	list.Members = wirePeople(page)
	linkNext(c, list.Next)
	c.PureJSON(http.StatusOK, list)
	return nil
}
