package handlers

import (
	"net/http"
	"strconv"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// broadcast posts an announcement.
//
//	@Summary		Broadcast into a room
//	@Description	Everybody in the room gets the announcement. The body is JSON if it says so, else it is the text itself: curl -d 'Deploy at 15:00' …/rooms/lobby/broadcast. JSON with a text, attachments or blocks and no message is taken as what programs send to Slack, as is a form's payload: its words are posted, and the answer is 200 and "ok". Needs the permission to moderate.
//	@ID				broadcast
//	@Tags			messages
//	@Accept			json,plain
//	@Produce		json
//	@Param			id				path		string				true	"the room"	default(lobby)
//	@Param			message			body		wire.PostMessage	true	"what to say"
//	@Param			Idempotency-Key	header		string				false	"your own id of the message: sent again, it gets the first answer"
//	@Success		201				{object}	wire.Broadcast		"the message, and how many were there"
//	@Header			201				{string}	Location			"the message's address"
//	@Success		200				{object}	wire.Broadcast		"a repeat of the same key: the first message"
//	@Failure		400				{object}	wire.Problem		"not JSON, or not of the shape"
//	@Failure		401				{object}	wire.Problem		"no credential where one is needed, or a bad one"
//	@Failure		403				{object}	wire.Problem		"the credential does not reach"
//	@Failure		404				{object}	wire.Problem		"no such room, or none that you may know of"
//	@Failure		409				{object}	wire.Problem		"the room is archived, or the key was used for something else"
//	@Failure		413				{object}	wire.Problem		"the body is too large"
//	@Failure		415				{object}	wire.Problem		"the body is compressed, a multipart form, or not in UTF-8"
//	@Failure		422				{object}	wire.Problem		"a value breaks a rule"
//	@Failure		429				{object}	wire.Problem		"too much, too fast"
//	@Failure		default			{object}	wire.Problem		"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/broadcast [post]
func (s *Server) broadcast(c *gin.Context, who rooms.Identity) error {
	receipt, slack, err := s.post(c, who, rooms.KindAnnouncement)
	if err != nil {
		return err
	}
	if slack {
		c.String(http.StatusOK, "ok") // as Slack answers: some senders look at it
		return nil
	}
	c.PureJSON(created(receipt), wire.Broadcast{
		Message: wireMessage(*receipt.Message),
		Online:  s.rooms.Online(receipt.Message.Room),
	})
	return nil
}

// postMessage posts as a member does.
//
//	@Summary		Post a message
//	@Description	The same as a chat frame on the WebSocket. The body is JSON if it says so, else it is the text itself. Needs the permission to post.
//	@ID				postMessage
//	@Tags			messages
//	@Accept			json,plain
//	@Produce		json
//	@Param			id				path		string				true	"the room"	default(lobby)
//	@Param			message			body		wire.PostMessage	true	"what to say"
//	@Param			name			query		string				false	"a guest's name"
//	@Param			Idempotency-Key	header		string				false	"your own id of the message: sent again, it gets the first answer"
//	@Success		201				{object}	wire.Message		"the message"
//	@Header			201				{string}	Location			"the message's address"
//	@Success		200				{object}	wire.Message		"a repeat of the same key: the first message"
//	@Failure		400				{object}	wire.Problem		"not JSON, or not of the shape"
//	@Failure		401				{object}	wire.Problem		"no credential where one is needed, or a bad one"
//	@Failure		403				{object}	wire.Problem		"the credential does not reach, or only moderators post here"
//	@Failure		404				{object}	wire.Problem		"no such room, or none that you may know of"
//	@Failure		409				{object}	wire.Problem		"the room is archived, or the key was used for something else"
//	@Failure		413				{object}	wire.Problem		"the body is too large"
//	@Failure		415				{object}	wire.Problem		"the body is compressed, a multipart form, or not in UTF-8"
//	@Failure		422				{object}	wire.Problem		"a value breaks a rule"
//	@Failure		429				{object}	wire.Problem		"too much, too fast"
//	@Failure		default			{object}	wire.Problem		"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/messages [post]
func (s *Server) postMessage(c *gin.Context, who rooms.Identity) error {
	receipt, _, err := s.post(c, who, rooms.KindChat)
	if err != nil {
		return err
	}
	c.PureJSON(created(receipt), wireMessage(*receipt.Message))
	return nil
}

func (s *Server) post(c *gin.Context, who rooms.Identity, kind rooms.MessageKind) (receipt rooms.Receipt, slack bool, err error) {
	body, slack, err := s.readPost(c, kind)
	if err != nil {
		return rooms.Receipt{}, slack, err
	}
	receipt, err = s.propose(c, who, rooms.Entry{
		Kind: rooms.EntryPost, Room: c.Param("id"), ID: body.ID,
		Message: kind, Text: body.Message, ReplyTo: body.ReplyTo,
	})
	if err == nil {
		c.Header("Location", "/rooms/"+receipt.Message.Room+"/messages/"+strconv.FormatUint(receipt.Seq, 10))
	}
	return receipt, slack, err
}

// getMessage shows one message.
//
//	@Summary	Get a message
//	@ID			getMessage
//	@Tags		messages
//	@Produce	json
//	@Param		id		path		string			true	"the room"		default(lobby)
//	@Param		seq		path		integer			true	"the message"	minimum(1)
//	@Success	200		{object}	wire.Message	"the message"
//	@Failure	401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure	404		{object}	wire.Problem	"no such message, or no such room"
//	@Failure	default	{object}	wire.Problem	"any other refusal"
//	@Security	Bearer
//	@Router		/rooms/{id}/messages/{seq} [get]
func (s *Server) getMessage(c *gin.Context, who rooms.Identity) error {
	seq, err := seqParam(c)
	if err != nil {
		return err
	}
	m, err := s.rooms.Message(c.Request.Context(), who, c.Param("id"), seq)
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, wireMessage(m))
	return nil
}

// editMessage gives a message another text.
//
//	@Summary		Edit a message
//	@Description	Only the author may.
//	@ID				editMessage
//	@Tags			messages
//	@Accept			json
//	@Produce		json
//	@Param			id				path		string				true	"the room"		default(lobby)
//	@Param			seq				path		integer				true	"the message"	minimum(1)
//	@Param			message			body		wire.EditMessage	true	"the new text"
//	@Param			Idempotency-Key	header		string				false	"your own id of this request: sent again, it gets the first answer"
//	@Param			name			query		string				false	"a guest's name"
//	@Success		200				{object}	wire.Message		"the message after the edit"
//	@Failure		400				{object}	wire.Problem		"not JSON, or not of the shape"
//	@Failure		401				{object}	wire.Problem		"no credential where one is needed, or a bad one"
//	@Failure		403				{object}	wire.Problem		"it is somebody else's"
//	@Failure		404				{object}	wire.Problem		"no such message, or no such room"
//	@Failure		409				{object}	wire.Problem		"it is deleted, or the room is archived"
//	@Failure		415				{object}	wire.Problem		"not sent as application/json"
//	@Failure		422				{object}	wire.Problem		"a value breaks a rule"
//	@Failure		default			{object}	wire.Problem		"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/messages/{seq} [patch]
func (s *Server) editMessage(c *gin.Context, who rooms.Identity) error {
	var body wire.EditMessage
	if err := s.readJSON(c, &body); err != nil {
		return err
	}
	id, err := idempotencyKey(c, body.ID)
	if err != nil {
		return err
	}
	return s.changeMessage(c, who, rooms.Entry{Kind: rooms.EntryEdit, ID: id, Text: body.Message})
}

// deleteMessage takes a message's text away.
//
//	@Summary		Delete a message
//	@Description	The text goes, the place is kept. Only the author or a moderator may.
//	@ID				deleteMessage
//	@Tags			messages
//	@Produce		json
//	@Param			id		path		string			true	"the room"		default(lobby)
//	@Param			seq		path		integer			true	"the message"	minimum(1)
//	@Param			name	query		string			false	"a guest's name"
//	@Success		200		{object}	wire.Message	"what is left of it"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"it is somebody else's"
//	@Failure		404		{object}	wire.Problem	"no such message, or no such room"
//	@Failure		409		{object}	wire.Problem	"the room is archived"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/messages/{seq} [delete]
func (s *Server) deleteMessage(c *gin.Context, who rooms.Identity) error {
	return s.changeMessage(c, who, rooms.Entry{Kind: rooms.EntryDelete})
}

// addReaction reacts to a message.
//
//	@Summary	React to a message
//	@ID			addReaction
//	@Tags		messages
//	@Produce	json
//	@Param		id		path		string			true	"the room"		default(lobby)
//	@Param		seq		path		integer			true	"the message"	minimum(1)
//	@Param		emoji	path		string			true	"the emoji, URL-encoded"
//	@Param		name	query		string			false	"a guest's name"
//	@Success	200		{object}	wire.Message	"the message after it"
//	@Failure	401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure	403		{object}	wire.Problem	"the credential does not reach"
//	@Failure	404		{object}	wire.Problem	"no such message, or no such room"
//	@Failure	409		{object}	wire.Problem	"the message is deleted, or the room is archived"
//	@Failure	422		{object}	wire.Problem	"that is no emoji"
//	@Failure	default	{object}	wire.Problem	"any other refusal"
//	@Security	Bearer
//	@Router		/rooms/{id}/messages/{seq}/reactions/{emoji} [put]
func (s *Server) addReaction(c *gin.Context, who rooms.Identity) error {
	return s.changeMessage(c, who, rooms.Entry{Kind: rooms.EntryReact, Emoji: c.Param("emoji"), On: true})
}

// removeReaction takes a reaction back.
//
//	@Summary	Take a reaction back
//	@ID			removeReaction
//	@Tags		messages
//	@Produce	json
//	@Param		id		path		string			true	"the room"		default(lobby)
//	@Param		seq		path		integer			true	"the message"	minimum(1)
//	@Param		emoji	path		string			true	"the emoji, URL-encoded"
//	@Param		name	query		string			false	"a guest's name"
//	@Success	200		{object}	wire.Message	"the message after it"
//	@Failure	401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure	403		{object}	wire.Problem	"the credential does not reach"
//	@Failure	404		{object}	wire.Problem	"no such message, or no such room"
//	@Failure	409		{object}	wire.Problem	"the message is deleted, or the room is archived"
//	@Failure	422		{object}	wire.Problem	"that is no emoji"
//	@Failure	default	{object}	wire.Problem	"any other refusal"
//	@Security	Bearer
//	@Router		/rooms/{id}/messages/{seq}/reactions/{emoji} [delete]
func (s *Server) removeReaction(c *gin.Context, who rooms.Identity) error {
	return s.changeMessage(c, who, rooms.Entry{Kind: rooms.EntryReact, Emoji: c.Param("emoji")})
}

// changeMessage proposes e for the message that the path names, and answers
// with the message after it.
func (s *Server) changeMessage(c *gin.Context, who rooms.Identity, e rooms.Entry) error {
	seq, err := seqParam(c)
	if err != nil {
		return err
	}
	e.Room, e.Seq = c.Param("id"), seq
	receipt, err := s.propose(c, who, e)
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, wireMessage(*receipt.Message))
	return nil
}

// seqParam is the message that the path names. What is no number names none.
func seqParam(c *gin.Context) (uint64, error) {
	text := c.Param("seq")
	seq, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, rooms.Errorf(rooms.CodeMessageNotFound, "there is no message %q", text)
	}
	return seq, nil
}
