package handlers

import (
	"net/http"
	"strconv"
	"time"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// kick sends somebody out.
//
//	@Summary		Send somebody out of a room
//	@Description	Ends the sessions that they have there now. They may come back. Needs the permission to moderate.
//	@ID				kick
//	@Tags			moderation
//	@Accept			json
//	@Produce		json
//	@Param			id		path	string			true	"the room"	default(lobby)
//	@Param			kick	body	wire.CreateKick	true	"whom"
//	@Success		204		"done"
//	@Failure		400		{object}	wire.Problem	"not JSON, or not of the shape"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"the credential does not reach, or they may do as much as you"
//	@Failure		404		{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure		422		{object}	wire.Problem	"a value breaks a rule"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/kicks [post]
func (s *Server) kick(c *gin.Context, who rooms.Identity) error {
	var body wire.CreateKick
	if err := s.readJSON(c, &body); err != nil {
		return err
	}
	_, err := s.propose(c, who, rooms.Entry{Kind: rooms.EntryKick, Room: c.Param("id"), Sanction: &rooms.Sanction{
		Who: rooms.Sender{ID: body.Who}, Reason: body.Reason,
	}})
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// listBans lists who is kept out of a room.
//
//	@Summary		List who is banned
//	@Description	Needs the permission to moderate. Addresses are shown to those who may manage.
//	@ID				listBans
//	@Tags			moderation
//	@Produce		json
//	@Param			id		path		string			true	"the room"			default(lobby)
//	@Param			limit	query		int				false	"how many at most"	default(50)	minimum(1)	maximum(200)
//	@Param			cursor	query		string			false	"the next of the page before"
//	@Success		200		{object}	wire.BanList	"a page of bans"
//	@Header			200		{string}	Link			"the next page, as rel=next"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"the credential does not reach"
//	@Failure		404		{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/bans [get]
func (s *Server) listBans(c *gin.Context, who rooms.Identity) error {
	list, next, err := s.listSanctions(c, who, rooms.Ban)
	if err == nil {
		c.PureJSON(http.StatusOK, wire.BanList{Bans: list, Next: next})
	}
	return err
}

// listMutes lists who may not write in a room.
//
//	@Summary		List who is muted
//	@Description	Needs the permission to moderate.
//	@ID				listMutes
//	@Tags			moderation
//	@Produce		json
//	@Param			id		path		string			true	"the room"			default(lobby)
//	@Param			limit	query		int				false	"how many at most"	default(50)	minimum(1)	maximum(200)
//	@Param			cursor	query		string			false	"the next of the page before"
//	@Success		200		{object}	wire.MuteList	"a page of mutes"
//	@Header			200		{string}	Link			"the next page, as rel=next"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"the credential does not reach"
//	@Failure		404		{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/mutes [get]
func (s *Server) listMutes(c *gin.Context, who rooms.Identity) error {
	list, next, err := s.listSanctions(c, who, rooms.Mute)
	if err == nil {
		c.PureJSON(http.StatusOK, wire.MuteList{Mutes: list, Next: next})
	}
	return err
}

func (s *Server) listSanctions(c *gin.Context, who rooms.Identity, kind rooms.SanctionKind) (list []wire.Sanction, next string, err error) {
	q := readQuery(c.Request)
	limit := q.limit()
	after := q.number(string(kind))
	if q.err != nil {
		return nil, "", q.err
	}
	found, err := s.rooms.Sanctions(c.Request.Context(), who, c.Param("id"), kind, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(found) > limit {
		found = found[:limit]
		next = makeCursor(string(kind), strconv.FormatUint(found[limit-1].ID, 10))
	}
	list = make([]wire.Sanction, len(found))
	for i := range found {
		list[i] = wireSanction(&found[i])
	}
	linkNext(c, next)
	return list, next, nil
}

// ban keeps somebody out of a room.
//
//	@Summary		Ban somebody from a room
//	@Description	Their sessions end at once, and the room is closed to them until the ban ends or is lifted. Who is an id, as messages and members have it; address is an address or a network. A ban of the same before gives way. Needs the permission to moderate; whoever may do as much as you cannot be banned by you.
//	@ID				ban
//	@Tags			moderation
//	@Accept			json
//	@Produce		json
//	@Param			id				path		string			true	"the room"	default(lobby)
//	@Param			ban				body		wire.CreateBan	true	"whom, for how many seconds (0 is until it is lifted), and why"
//	@Param			Idempotency-Key	header		string			false	"your own id of this request: sent again, it gets the first answer"
//	@Success		201				{object}	wire.Sanction	"the ban"
//	@Header			201				{string}	Location		"the ban's address"
//	@Success		200				{object}	wire.Sanction	"a repeat of the same key: the ban"
//	@Failure		400				{object}	wire.Problem	"not JSON, or not of the shape"
//	@Failure		401				{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403				{object}	wire.Problem	"the credential does not reach, or they may do as much as you"
//	@Failure		404				{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure		422				{object}	wire.Problem	"a value breaks a rule"
//	@Failure		default			{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/bans [post]
func (s *Server) ban(c *gin.Context, who rooms.Identity) error {
	var body wire.CreateBan
	if err := s.readJSON(c, &body); err != nil {
		return err
	}
	sanction := rooms.Sanction{
		Who: rooms.Sender{ID: body.Who, Name: body.Name}, Trace: body.WithAddress, Reason: body.Reason, Until: lasting(body.Seconds),
	}
	if body.Address != "" {
		sanction.Networks = []string{body.Address}
	}
	return s.sanction(c, who, rooms.EntryBan, "bans", sanction)
}

// mute stops somebody from writing in a room.
//
//	@Summary		Mute somebody in a room
//	@Description	They may read, but not post, edit or react until the mute ends or is lifted. Needs the permission to moderate; whoever may do as much as you cannot be muted by you.
//	@ID				mute
//	@Tags			moderation
//	@Accept			json
//	@Produce		json
//	@Param			id				path		string			true	"the room"	default(lobby)
//	@Param			mute			body		wire.CreateMute	true	"whom, for how many seconds (0 is until it is lifted), and why"
//	@Param			Idempotency-Key	header		string			false	"your own id of this request: sent again, it gets the first answer"
//	@Success		201				{object}	wire.Sanction	"the mute"
//	@Header			201				{string}	Location		"the mute's address"
//	@Success		200				{object}	wire.Sanction	"a repeat of the same key: the mute"
//	@Failure		400				{object}	wire.Problem	"not JSON, or not of the shape"
//	@Failure		401				{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403				{object}	wire.Problem	"the credential does not reach, or they may do as much as you"
//	@Failure		404				{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure		422				{object}	wire.Problem	"a value breaks a rule"
//	@Failure		default			{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/mutes [post]
func (s *Server) mute(c *gin.Context, who rooms.Identity) error {
	var body wire.CreateMute
	if err := s.readJSON(c, &body); err != nil {
		return err
	}
	return s.sanction(c, who, rooms.EntryMute, "mutes", rooms.Sanction{
		Who: rooms.Sender{ID: body.Who, Name: body.Name}, Reason: body.Reason, Until: lasting(body.Seconds),
	})
}

// lasting is the end of what begins now; for 0 it has none.
func lasting(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(seconds) * time.Second)
}

func (s *Server) sanction(c *gin.Context, who rooms.Identity, kind rooms.EntryKind, under string, sanction rooms.Sanction) error {
	receipt, err := s.propose(c, who, rooms.Entry{Kind: kind, Room: c.Param("id"), Sanction: &sanction})
	if err != nil {
		return err
	}
	made := receipt.Sanction
	c.Header("Location", "/rooms/"+c.Param("id")+"/"+under+"/"+strconv.FormatUint(made.ID, 10))
	shown := wireSanction(made)
	shown.Addresses = nil // those who may know them are told by the list
	c.PureJSON(created(receipt), shown)
	return nil
}

// unban lifts a ban.
//
//	@Summary		Lift a ban
//	@Description	Needs the permission to moderate, or to manage for a ban by somebody who may.
//	@ID				unban
//	@Tags			moderation
//	@Produce		json
//	@Param			id	path	string	true	"the room"	default(lobby)
//	@Param			ban	path	integer	true	"the ban"	minimum(1)
//	@Success		204	"it is lifted"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"the credential does not reach"
//	@Failure		404		{object}	wire.Problem	"no such ban, or no such room"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/bans/{ban} [delete]
func (s *Server) unban(c *gin.Context, who rooms.Identity) error {
	return s.lift(c, who, rooms.Ban, c.Param("ban"))
}

// unmute lifts a mute.
//
//	@Summary		Lift a mute
//	@Description	Needs the permission to moderate, or to manage for a mute by somebody who may.
//	@ID				unmute
//	@Tags			moderation
//	@Produce		json
//	@Param			id		path	string	true	"the room"	default(lobby)
//	@Param			mute	path	integer	true	"the mute"	minimum(1)
//	@Success		204		"it is lifted"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"the credential does not reach"
//	@Failure		404		{object}	wire.Problem	"no such mute, or no such room"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/mutes/{mute} [delete]
func (s *Server) unmute(c *gin.Context, who rooms.Identity) error {
	return s.lift(c, who, rooms.Mute, c.Param("mute"))
}

func (s *Server) lift(c *gin.Context, who rooms.Identity, kind rooms.SanctionKind, text string) error {
	id, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return rooms.Errorf(rooms.CodeNoSanction, "there is no %s %q", kind, text)
	}
	_, err = s.propose(c, who, rooms.Entry{Kind: rooms.EntryLift, Room: c.Param("id"), Sanction: &rooms.Sanction{ID: id, Kind: kind}})
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// clearMessages deletes what somebody wrote.
//
//	@Summary		Delete all messages of somebody
//	@Description	All that they have written in the room so far: the texts go, the places are kept. If it fails, some of them may be gone; send it again. Needs the permission to moderate.
//	@ID				clearMessages
//	@Tags			moderation
//	@Produce		json
//	@Param			id		path		string			true	"the room"	default(lobby)
//	@Param			from	query		string			true	"the id of who wrote them"
//	@Success		200		{object}	wire.Cleared	"how many"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"the credential does not reach"
//	@Failure		404		{object}	wire.Problem	"no such room, or none that you may know of"
//	@Failure		409		{object}	wire.Problem	"the room is archived"
//	@Failure		422		{object}	wire.Problem	"nobody is named"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/messages [delete]
func (s *Server) clearMessages(c *gin.Context, who rooms.Identity) error {
	from := c.Query("from")
	if from == "" {
		return rooms.Invalid("from", "required", "must be the id of whose messages to delete")
	}
	// What narrows a list narrows nothing here: better nothing than too much is
	// deleted.
	for name := range c.Request.URL.Query() {
		if name != "from" && name != "name" {
			return rooms.Invalid(name, "unknown", "is not known here: all messages of %q would be deleted", from)
		}
	}
	n, err := s.rooms.Clear(c.Request.Context(), who, c.Param("id"), from)
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, wire.Cleared{Deleted: n})
	return nil
}

func wireSanction(s *rooms.Sanction) wire.Sanction {
	w := wire.Sanction{
		ID: s.ID, Reason: s.Reason, By: wirePerson(s.By), At: wire.Time{Time: s.At}, Until: wireMoment(s.Until),
		ByAddress: s.Trace || len(s.Networks) > 0, Addresses: s.Networks,
	}
	if s.Who.ID != "" {
		who := wirePerson(s.Who)
		w.Who = &who
	}
	return w
}
