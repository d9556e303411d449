package main

import (
	"context"
	"net/http"
	"time"

	"chatd/handlers/loadtest"

	"github.com/centrifugal/centrifuge"
)

// centrifugeEnvelope is the part of centrifuge's JSON protocol that a member
// needs: it connects with a command, sends with a command, and is told pushes,
// several in a message.
var centrifugeEnvelope = loadtest.Envelope{
	Hello:  `{"id":1,"connect":{}}`,
	Before: `{"send":{"data":`, After: `}}`,
	Several: true,
}

// joining is what a request says, carried by its context.
type joining struct{ room, name string }

type joiningKey struct{}

// newCentrifuge is a centrifuge node with its broker in memory and without
// history; a room is a channel that members are subscribed to as they connect.
// delay is its way of pacing: a client's writer gathers messages for so long.
func newCentrifuge(delay time.Duration) (http.Handler, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, err
	}
	var rooms chat[*centrifuge.Client]
	node.OnConnecting(func(ctx context.Context, _ centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		j := ctx.Value(joiningKey{}).(joining)
		reply := centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{UserID: j.name},
			Subscriptions: map[string]centrifuge.SubscribeOptions{j.room: {}},
		}
		if delay > 0 {
			reply.WriteDelay, reply.WriteWithTimer, reply.MaxMessagesInFrame = delay, true, -1
		}
		return reply, nil
	})
	node.OnConnect(func(c *centrifuge.Client) {
		id := c.Context().Value(joiningKey{}).(joining).room
		r := rooms.room(id)
		r.join(c, func(frame []byte) { _ = c.Send(frame) })
		c.OnDisconnect(func(centrifuge.DisconnectEvent) { r.leave(c) })
		c.OnMessage(func(e centrifuge.MessageEvent) {
			ack, err := r.post(e.Data, c.UserID(), func(frame []byte) { _, _ = node.Publish(id, frame) })
			if err == nil {
				_ = c.Send(ack)
			}
		})
	})
	if err := node.Run(); err != nil {
		return nil, err
	}
	sockets := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		// The load has no answer to centrifuge's own pings.
		PingPongConfig: centrifuge.PingPongConfig{PingInterval: -1},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sockets.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), joiningKey{}, joining{r.PathValue("room"), r.FormValue("name")})))
	}), nil
}
