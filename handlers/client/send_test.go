package client

import (
	"context"
	"errors"
	"testing"

	"chatd/handlers/wire"
)

// What the server never acknowledges, or would take for something else, is
// refused before it is sent: nobody waits for it.
func TestSendRefuses(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	room := NewRoom("http://localhost", Options{})
	for _, f := range []wire.ClientFrame{
		{Type: wire.TypeTyping},
		{Type: wire.TypeRead, Seq: 1},
		{Type: wire.TypeChat, Message: "\xff"},
	} {
		if _, err := room.Send(ctx, f); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%+v was sent, and ended with %v", f, err)
		}
	}
}
