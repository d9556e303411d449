package handlers

import (
	"net/http"
	"strconv"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// listWebhooks lists a room's webhooks.
//
//	@Summary		List a room's webhooks
//	@Description	With how far each has come, and why the last call failed if it did. Needs the permission to moderate.
//	@ID				listWebhooks
//	@Tags			webhooks
//	@Produce		json
//	@Param			id		path		string				true	"the room"	default(lobby)
//	@Success		200		{object}	wire.WebhookList	"all of them: there are at most 20"
//	@Failure		401		{object}	wire.Problem		"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem		"the credential does not reach"
//	@Failure		404		{object}	wire.Problem		"no such room, or none that you may know of"
//	@Failure		default	{object}	wire.Problem		"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/webhooks [get]
func (s *Server) listWebhooks(c *gin.Context, who rooms.Identity) error {
	found, err := s.rooms.Webhooks(c.Request.Context(), who, c.Param("id"))
	if err != nil {
		return err
	}
	list := wire.WebhookList{Webhooks: make([]wire.Webhook, len(found))}
	for i := range found {
		list.Webhooks[i] = wireWebhook(&found[i])
	}
	c.PureJSON(http.StatusOK, list)
	return nil
}

// createWebhook subscribes a URL to a room.
//
//	@Summary		Make a webhook
//	@Description	From now on the URL is called with what happens in the room, as Standard Webhooks has it: signed with the secret, which this answer alone shows. docs/webhooks.md tells what is sent, and how to verify it. Needs the permission to moderate.
//	@ID				createWebhook
//	@Tags			webhooks
//	@Accept			json
//	@Produce		json
//	@Param			id				path		string				true	"the room"	default(lobby)
//	@Param			webhook			body		wire.CreateWebhook	true	"where to, and what of"
//	@Param			Idempotency-Key	header		string				false	"your own id of this request: sent again, it gets the first answer"
//	@Success		201				{object}	wire.Webhook		"the webhook, with its secret"
//	@Header			201				{string}	Location			"the webhook's address"
//	@Success		200				{object}	wire.Webhook		"a repeat of the same key: the webhook, with its secret"
//	@Failure		400				{object}	wire.Problem		"not JSON, or not of the shape"
//	@Failure		401				{object}	wire.Problem		"no credential where one is needed, or a bad one"
//	@Failure		403				{object}	wire.Problem		"the credential does not reach"
//	@Failure		404				{object}	wire.Problem		"no such room, or none that you may know of"
//	@Failure		422				{object}	wire.Problem		"a value breaks a rule, or there are 20"
//	@Failure		default			{object}	wire.Problem		"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/webhooks [post]
func (s *Server) createWebhook(c *gin.Context, who rooms.Identity) error {
	var body wire.CreateWebhook
	if err := s.readJSON(c, &body); err != nil {
		return err
	}
	on, _ := rooms.ParseWebhookEvents(body.Events) // the validator knows them
	receipt, err := s.propose(c, who, rooms.Entry{
		Kind: rooms.EntryCreateWebhook, Room: c.Param("id"),
		Webhook: &rooms.Webhook{Name: body.Name, URL: body.URL, On: on, Secret: body.Secret},
	})
	if err != nil {
		return err
	}
	shown := wireWebhook(&rooms.WebhookView{Webhook: *receipt.Webhook, Epoch: receipt.Room.Epoch})
	shown.Secret = receipt.Webhook.Secret
	c.Header("Location", "/rooms/"+c.Param("id")+"/webhooks/"+strconv.FormatUint(receipt.Webhook.ID, 10))
	c.PureJSON(created(receipt), shown)
	return nil
}

// getWebhook shows a webhook.
//
//	@Summary		Get a webhook
//	@Description	How far it has come, and why the last call failed if it did. Needs the permission to moderate.
//	@ID				getWebhook
//	@Tags			webhooks
//	@Produce		json
//	@Param			id		path		string			true	"the room"		default(lobby)
//	@Param			webhook	path		integer			true	"the webhook"	minimum(1)
//	@Success		200		{object}	wire.Webhook	"the webhook, without its secret"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"the credential does not reach"
//	@Failure		404		{object}	wire.Problem	"no such webhook, or no such room"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/webhooks/{webhook} [get]
func (s *Server) getWebhook(c *gin.Context, who rooms.Identity) error {
	id, err := webhookParam(c)
	if err != nil {
		return err
	}
	found, err := s.rooms.Webhook(c.Request.Context(), who, c.Param("id"), id)
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, wireWebhook(&found))
	return nil
}

// patchWebhook changes a webhook.
//
//	@Summary		Change a webhook
//	@Description	What the body does not name stays as it is. A webhook that is enabled again goes on where it stopped; with another URL it is called at once. Needs the permission to moderate.
//	@ID				patchWebhook
//	@Tags			webhooks
//	@Accept			json
//	@Produce		json
//	@Param			id				path		string				true	"the room"		default(lobby)
//	@Param			webhook			path		integer				true	"the webhook"	minimum(1)
//	@Param			change			body		wire.PatchWebhook	true	"what changes"
//	@Param			Idempotency-Key	header		string				false	"your own id of this request: sent again, it gets the first answer"
//	@Success		200				{object}	wire.Webhook		"the webhook after the change"
//	@Failure		400				{object}	wire.Problem		"not JSON, or not of the shape"
//	@Failure		401				{object}	wire.Problem		"no credential where one is needed, or a bad one"
//	@Failure		403				{object}	wire.Problem		"the credential does not reach"
//	@Failure		404				{object}	wire.Problem		"no such webhook, or no such room"
//	@Failure		422				{object}	wire.Problem		"a value breaks a rule"
//	@Failure		default			{object}	wire.Problem		"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/webhooks/{webhook} [patch]
func (s *Server) patchWebhook(c *gin.Context, who rooms.Identity) error {
	id, err := webhookParam(c)
	if err != nil {
		return err
	}
	var body wire.PatchWebhook
	if err := s.readJSON(c, &body); err != nil {
		return err
	}
	patch := rooms.WebhookPatch{Name: body.Name, URL: body.URL}
	if body.Events != nil {
		on, _ := rooms.ParseWebhookEvents(*body.Events) // the validator knows them
		patch.On = &on
	}
	if body.Enabled != nil {
		off := rooms.OffByHand
		if *body.Enabled {
			off = ""
		}
		patch.Off = &off
	}
	if _, err := s.propose(c, who, rooms.Entry{
		Kind: rooms.EntryUpdateWebhook, Room: c.Param("id"), Webhook: &rooms.Webhook{ID: id}, WebhookPatch: &patch,
	}); err != nil {
		return err
	}
	return s.getWebhook(c, who)
}

// deleteWebhook ends a webhook.
//
//	@Summary		Delete a webhook
//	@Description	It is not called any more, but for a call that is under way. Needs the permission to moderate.
//	@ID				deleteWebhook
//	@Tags			webhooks
//	@Produce		json
//	@Param			id		path	string	true	"the room"		default(lobby)
//	@Param			webhook	path	integer	true	"the webhook"	minimum(1)
//	@Success		204		"it is gone"
//	@Failure		401		{object}	wire.Problem	"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem	"the credential does not reach"
//	@Failure		404		{object}	wire.Problem	"no such webhook, or no such room"
//	@Failure		default	{object}	wire.Problem	"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/webhooks/{webhook} [delete]
func (s *Server) deleteWebhook(c *gin.Context, who rooms.Identity) error {
	id, err := webhookParam(c)
	if err != nil {
		return err
	}
	if _, err := s.propose(c, who, rooms.Entry{
		Kind: rooms.EntryDeleteWebhook, Room: c.Param("id"), Webhook: &rooms.Webhook{ID: id},
	}); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// testWebhook calls a webhook's receiver.
//
//	@Summary		Test a webhook
//	@Description	Calls the receiver at once with a notice of type test, once, whether the webhook is enabled or not, and tells what it answered. Needs the permission to moderate.
//	@ID				testWebhook
//	@Tags			webhooks
//	@Produce		json
//	@Param			id		path		string				true	"the room"		default(lobby)
//	@Param			webhook	path		integer				true	"the webhook"	minimum(1)
//	@Success		200		{object}	wire.WebhookTest	"what became of it"
//	@Failure		401		{object}	wire.Problem		"no credential where one is needed, or a bad one"
//	@Failure		403		{object}	wire.Problem		"the credential does not reach"
//	@Failure		404		{object}	wire.Problem		"no such webhook, or no such room"
//	@Failure		default	{object}	wire.Problem		"any other refusal"
//	@Security		Bearer
//	@Router			/rooms/{id}/webhooks/{webhook}/test [post]
func (s *Server) testWebhook(c *gin.Context, who rooms.Identity) error {
	id, err := webhookParam(c)
	if err != nil {
		return err
	}
	answer, err := s.rooms.TestWebhook(c.Request.Context(), who, c.Param("id"), id)
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, wire.WebhookTest{
		Accepted: answer.Accepted, Status: answer.Status, Failure: answer.Failure, Took: answer.Took.Milliseconds(),
	})
	return nil
}

// webhookParam is the webhook that the path names. What is no number names none.
func webhookParam(c *gin.Context) (uint64, error) {
	text := c.Param("webhook")
	id, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, rooms.Errorf(rooms.CodeNoWebhook, "there is no webhook %q", text)
	}
	return id, nil
}

func wireWebhook(v *rooms.WebhookView) wire.Webhook {
	s := &v.State
	return wire.Webhook{
		ID: v.ID, Name: v.Name, URL: v.URL, Events: v.On.Words(), By: wirePerson(v.By), At: wire.Time{Time: v.At},
		Enabled: v.Off == "", Disabled: string(v.Off),
		Cursor: v.Epoch + ":" + strconv.FormatUint(s.Rev, 10), Pending: v.Pending,
		CalledAt: wireMoment(s.CalledAt), Status: s.Status, Failure: s.Failure, Failures: s.Failures,
		FailingSince: wireMoment(s.FailingSince), NextTry: wireMoment(s.Next),
	}
}
