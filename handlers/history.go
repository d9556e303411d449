package handlers

import (
	"net/http"
	"strconv"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// listMessages shows a page of a room's history.
//
//	@Summary		List messages
//	@Description	Ascending by seq. Without before, after and around: the newest. The next page goes on in the direction asked for: forward for after, else backward.
//	@ID				listMessages
//	@Tags			messages
//	@Produce		json
//	@Param			id		path		string				true	"the room"						default(lobby)
//	@Param			before	query		integer				false	"only messages before this seq"	minimum(1)
//	@Param			after	query		integer				false	"only messages after this seq; 0 is from the first"	minimum(0)
//	@Param			around	query		integer				false	"messages around this seq"		minimum(1)
//	@Param			limit	query		int					false	"how many at most"				default(50)	minimum(1)	maximum(200)
//	@Param			cursor	query		string				false	"the next of the page before"
//	@Success		200		{object}	wire.MessageList	"a page of messages"
//	@Header			200		{string}	Link				"the next page, as rel=next"
//	@Failure		401		{object}	wire.Problem		"no credential where one is needed, or a bad one"
//	@Failure		404		{object}	wire.Problem		"no such room, or none that you may know of"
//	@Failure		422		{object}	wire.Problem		"a parameter breaks a rule"
//	@Failure		default	{object}	wire.Problem		"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/messages [get]
func (s *Server) listMessages(c *gin.Context, who rooms.Identity) error {
	ask, err := messageQuery(c.Request)
	if err != nil {
		return err
	}
	ask.Room, ask.Viewer = c.Param("id"), who.Subject
	limit := ask.Limit
	if ask.Around == 0 {
		ask.Limit++ // one more tells whether there is a next page
	}
	found, err := s.rooms.Messages(c.Request.Context(), who, ask)
	if err != nil {
		return err
	}
	list := wire.MessageList{}
	if len(found) > limit {
		if ask.First || ask.After > 0 {
			found = found[:limit]
			list.Next = makeCursor("after", strconv.FormatUint(found[limit-1].Seq, 10))
		} else {
			found = found[len(found)-limit:]
			list.Next = makeCursor("before", strconv.FormatUint(found[0].Seq, 10))
		}
	}
	list.Messages = wireMessages(found)
	linkNext(c, list.Next)
	c.PureJSON(http.StatusOK, list)
	return nil
}

// messageQuery reads which page is asked for.
func messageQuery(r *http.Request) (rooms.MessageQuery, error) {
	q := readQuery(r)
	ask := rooms.MessageQuery{
		Before: q.seq("before"), Around: q.seq("around"), Limit: q.limit(),
	}
	ask.After, ask.First = q.after()
	given := 0
	for _, name := range []string{"before", "after", "around", "cursor"} {
		if q.values.Get(name) != "" {
			given++
		}
	}
	if given > 1 {
		q.refuse(rooms.Invalid("cursor", "conflict", "goes with none of before, after and around, nor they with each other"))
	}
	direction, place := q.cursor("before", "after")
	if direction != "" {
		seq, err := strconv.ParseUint(place, 10, 64)
		if err != nil || seq == 0 {
			q.refuse(badCursor)
		}
		if direction == "before" {
			ask.Before = seq
		} else {
			ask.After = seq
		}
	}
	return ask, q.err
}
