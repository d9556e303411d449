package handlers

import (
	"net/http"
	"time"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// search finds messages by their words.
//
//	@Summary		Search messages
//	@Description	In all rooms that you may read. q holds words in any order, "several words" one after the other, begin* for a word's beginning, and -not for what must not be there; case and accents do not count. In scripts without spaces between words any part of a text is found.
//	@ID				searchMessages
//	@Tags			messages
//	@Produce		json
//	@Param			q		query		string			true	"the words"
//	@Param			room	query		string			false	"only in this room"
//	@Param			from	query		string			false	"only what this id wrote"
//	@Param			after	query		string			false	"only later than this time, RFC 3339"	format(date-time)
//	@Param			before	query		string			false	"only earlier than this time, RFC 3339"	format(date-time)
//	@Param			order	query		string			false	"the newest, or the best matches first"	Enums(newest, best)	default(newest)
//	@Param			limit	query		int				false	"how many at most"						default(50)	minimum(1)	maximum(200)
//	@Param			cursor	query		string			false	"the next of the page before"
//	@Success		200		{object}	wire.FoundList	"what was found"
//	@Header			200		{string}	Link			"the next page, as rel=next"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		404		{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure		422		{object}	wire.Problem	"a parameter breaks a rule"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/search [get]
func (s *Server) search(c *gin.Context, who rooms.Identity) error {
	q := readQuery(c.Request)
	ask := rooms.SearchQuery{
		Text: q.values.Get("q"), Room: q.values.Get("room"), Sender: q.values.Get("from"),
		After: q.time("after"), Before: q.time("before"),
		Limit: q.limit(), Cursor: q.values.Get("cursor"),
	}
	switch order := q.values.Get("order"); order {
	case "", "newest":
	case "best":
		ask.Ranked = true
	default:
		q.refuse(rooms.Invalid("order", "invalid", "must be newest or best"))
	}
	if q.err != nil {
		return q.err
	}
	page, err := s.rooms.Search(c.Request.Context(), who, ask)
	if err != nil {
		return err
	}
	list := wire.FoundList{Messages: make([]wire.Found, len(page.Messages)), Next: page.Next, Behind: page.Behind}
	for i, m := range page.Messages {
		list.Messages[i] = wire.Found{Message: wireMessage(m), Room: m.Room}
	}
	if page.Next != "" {
		linkCursor(c, q.values, page.Next)
	}
	c.PureJSON(http.StatusOK, list)
	return nil
}

// time is a parameter that is a moment, zero when it is absent.
func (q *query) time(name string) time.Time {
	text := q.values.Get(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		q.refuse(rooms.Invalid(name, "invalid", "must be a time such as 2026-01-31T15:04:05Z"))
	}
	return t
}
