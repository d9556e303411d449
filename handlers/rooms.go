package handlers

import (
	"net/http"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// listRooms lists rooms.
//
//	@Summary		List the rooms
//	@Description	The rooms that you may know of, by id.
//	@ID				listRooms
//	@Tags			rooms
//	@Produce		json
//	@Param			limit	query		int				false	"how many at most"	default(50)	minimum(1)	maximum(200)
//	@Param			cursor	query		string			false	"the next of the page before"
//	@Param			inbox	query		int				false	"1 also tells what you have not read"	Enums(0, 1)
//	@Success		200		{object}	wire.RoomList	"a page of rooms"
//	@Header			200		{string}	Link			"the next page, as rel=next"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		422		{object}	wire.Problem	"a parameter breaks a rule"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms [get]
func (s *Server) listRooms(c *gin.Context, who rooms.Identity) error {
	q := readQuery(c.Request)
	limit := q.limit()
	_, after := q.cursor("room")
	if q.err != nil {
		return q.err
	}
	found, err := s.rooms.Rooms(c.Request.Context(), who, after, limit+1)
	if err != nil {
		return err
	}
	var list wire.RoomList
	if len(found) > limit {
		found = found[:limit]
		list.Next = makeCursor("room", found[limit-1].ID)
	}
	if list.Rooms, err = s.showRooms(c, who, found); err != nil {
		return err
	}
	linkNext(c, list.Next)
	c.PureJSON(http.StatusOK, list)
	return nil
}

// showRooms shows rooms as they are now: who is online, and, when the request
// asks for its inbox, what who has not read there.
func (s *Server) showRooms(c *gin.Context, who rooms.Identity, found []rooms.Room) ([]wire.Room, error) {
	shown := make([]wire.Room, len(found))
	ids := make([]string, len(found))
	for i, r := range found {
		shown[i] = wireRoomOnline(r, s.rooms.Online(r.ID))
		ids[i] = r.ID
	}
	if c.Query("inbox") != "1" {
		return shown, nil
	}
	counts, err := s.rooms.Unread(c.Request.Context(), who, ids)
	if err != nil {
		return nil, err
	}
	for i, n := 0, 0; i < len(shown) && n < len(counts); i++ {
		if u := &counts[n]; u.Room == shown[i].ID { // a room may have gone meanwhile
			shown[i].Unread, shown[i].Mentions, shown[i].Read = &u.Count, &u.Mentions, &u.Read
			n++
		}
	}
	return shown, nil
}

// createRoom makes a room.
//
//	@Summary		Create a room
//	@Description	Without an id, one is derived from the name, or made. Needs the permission to manage.
//	@ID				createRoom
//	@Tags			rooms
//	@Accept			json
//	@Produce		json
//	@Param			room			body		wire.CreateRoom	true	"the room"
//	@Param			Idempotency-Key	header		string			false	"your own id of this request: sent again, it gets the first answer"
//	@Success		201				{object}	wire.Room		"the new room"
//	@Header			201				{string}	Location		"the room's address"
//	@Success		200				{object}	wire.Room		"a repeat of the same key: the room"
//	@Failure		400				{object}	wire.Problem	"not JSON, or not of the shape"
//	@Failure		401				{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403				{object}	wire.Problem	"the credential does not reach"
//	@Failure		409				{object}	wire.Problem	"the id is taken"
//	@Failure		415				{object}	wire.Problem	"not sent as application/json"
//	@Failure		422				{object}	wire.Problem	"a value breaks a rule"
//	@Failure		default			{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms [post]
func (s *Server) createRoom(c *gin.Context, who rooms.Identity) error {
	var body wire.CreateRoom
	if err := s.readJSON(c, &body); err != nil {
		return err
	}
	receipt, err := s.propose(c, who, rooms.Entry{
		Kind: rooms.EntryCreateRoom, Room: body.ID, Create: settings(body),
	})
	if err != nil {
		return err
	}
	c.Header("Location", "/rooms/"+receipt.Room.ID)
	c.PureJSON(created(receipt), wireRoomOnline(*receipt.Room, s.rooms.Online(receipt.Room.ID)))
	return nil
}

// getRoom shows a room.
//
//	@Summary	Get a room
//	@ID			getRoom
//	@Tags		rooms
//	@Produce	json
//	@Param		id		path		string			true	"the room"	default(lobby)
//	@Param		inbox	query		int				false	"1 also tells what you have not read"	Enums(0, 1)
//	@Success	200		{object}	wire.Room		"the room"
//	@Failure	401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure	404		{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure	default	{object}	wire.Problem	"any other refusal"
//	@Security	Bearer
//	@Router		/rooms/{id} [get]
func (s *Server) getRoom(c *gin.Context, who rooms.Identity) error {
	r, err := s.rooms.Room(c.Request.Context(), who, c.Param("id"))
	if err != nil {
		return err
	}
	shown, err := s.showRooms(c, who, []rooms.Room{r})
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, shown[0])
	return nil
}

// patchRoom changes a room's settings.
//
//	@Summary		Change a room
//	@Description	What the body does not name stays as it is. Needs the permission to manage, or to moderate if it names no more than mode and slow_mode.
//	@ID				patchRoom
//	@Tags			rooms
//	@Accept			json
//	@Produce		json
//	@Param			id				path		string			true	"the room"
//	@Param			room			body		wire.PatchRoom	true	"what changes"
//	@Param			Idempotency-Key	header		string			false	"your own id of this request: sent again, it gets the first answer"
//	@Success		200				{object}	wire.Room		"the room after the change"
//	@Failure		400				{object}	wire.Problem	"not JSON, or not of the shape"
//	@Failure		401				{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403				{object}	wire.Problem	"the credential does not reach"
//	@Failure		404				{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure		415				{object}	wire.Problem	"not sent as application/json"
//	@Failure		422				{object}	wire.Problem	"a value breaks a rule"
//	@Failure		default			{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id} [patch]
func (s *Server) patchRoom(c *gin.Context, who rooms.Identity) error {
	var body wire.PatchRoom
	if err := s.readJSON(c, &body); err != nil {
		return err
	}
	receipt, err := s.propose(c, who, rooms.Entry{
		Kind: rooms.EntryUpdateRoom, Room: c.Param("id"), Patch: roomPatch(body),
	})
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, wireRoomOnline(*receipt.Room, s.rooms.Online(receipt.Room.ID)))
	return nil
}

// deleteRoom ends a room and its history.
//
//	@Summary		Delete a room
//	@Description	Its messages go with it, its members are sent away. Needs the permission to manage. The lobby stays.
//	@ID				deleteRoom
//	@Tags			rooms
//	@Produce		json
//	@Param			id	path	string	true	"the room"
//	@Success		204	"it is gone"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"the credential does not reach"
//	@Failure		404		{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id} [delete]
func (s *Server) deleteRoom(c *gin.Context, who rooms.Identity) error {
	_, err := s.propose(c, who, rooms.Entry{Kind: rooms.EntryDeleteRoom, Room: c.Param("id")})
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// propose hands e to the registry, under the request's idempotency key unless
// the entry has an id.
func (s *Server) propose(c *gin.Context, who rooms.Identity, e rooms.Entry) (rooms.Receipt, error) {
	if e.ID == "" {
		id, err := idempotencyKey(c, "")
		if err != nil {
			return rooms.Receipt{}, err
		}
		e.ID = id
	}
	return s.rooms.Propose(c.Request.Context(), who, e)
}

// created is the status for something new, or for a repeat of its making.
func created(receipt rooms.Receipt) int {
	if receipt.Duplicate {
		return http.StatusOK
	}
	return http.StatusCreated
}

// markRead notes how far the caller has read.
//
//	@Summary		Mark a room as read
//	@Description	Marks go forward only. They are kept for the identity, so a guest should send the token of its welcome.
//	@ID				markRead
//	@Tags			rooms
//	@Accept			json
//	@Produce		json
//	@Param			id		path	string			true	"the room"	default(lobby)
//	@Param			mark	body	wire.MarkRead	true	"how far"
//	@Success		204		"noted"
//	@Failure		400		{object}	wire.Problem	"not JSON, or not of the shape"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		404		{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure		422		{object}	wire.Problem	"a value breaks a rule"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/read [put]
func (s *Server) markRead(c *gin.Context, who rooms.Identity) error {
	var body wire.MarkRead
	if err := s.readJSON(c, &body); err != nil {
		return err
	}
	if err := s.rooms.MarkRead(c.Request.Context(), who, c.Param("id"), body.Seq); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
