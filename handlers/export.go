package handlers

import (
	"bufio"
	"encoding/json"
	"net/http"
	"time"

	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// exportRoom streams a room's whole history.
//
//	@Summary		Export a room
//	@Description	Every message in its newest state, ascending by seq, one JSON object a line. Deleted messages keep their place, without their text. An answer that was cut off goes on after the last seq that it told.
//	@ID				exportRoom
//	@Tags			messages
//	@Produce		application/x-ndjson
//	@Param			id		path		string			true	"the room"	default(lobby)
//	@Param			after	query		integer			false	"only messages after this seq; 0 is from the first"	minimum(0)
//	@Success		200		{string}	string			"the messages"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		404		{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure		422		{object}	wire.Problem	"a parameter breaks a rule"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/export [get]
func (s *Server) exportRoom(c *gin.Context, who rooms.Identity) error {
	q := readQuery(c.Request)
	ask := rooms.MessageQuery{Room: c.Param("id"), Limit: rooms.MaxPage}
	ask.After, _ = q.after()
	if q.err != nil {
		return q.err
	}
	ask.First = ask.After == 0
	// A page is read, closed and then sent: a slow reader holds nothing open.
	page, err := s.rooms.Messages(c.Request.Context(), who, ask)
	if err != nil {
		return err
	}
	c.Header("Content-Type", typeLines)
	c.Header("Content-Disposition", `attachment; filename="`+ask.Room+`.ndjson"`)
	c.Status(http.StatusOK)
	out := bufio.NewWriterSize(c.Writer, 32<<10)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	control := http.NewResponseController(c.Writer)
	for len(page) > 0 {
		_ = control.SetWriteDeadline(time.Now().Add(noProgress)) // where there is none, the peer's end is noticed all the same
		for _, m := range page {
			if err := lines.Encode(wireMessage(m)); err != nil {
				panic(http.ErrAbortHandler) // the reader has gone, or must not take this for all
			}
		}
		ask.First, ask.After = false, page[len(page)-1].Seq
		if page, err = s.rooms.Messages(c.Request.Context(), who, ask); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	if out.Flush() != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
