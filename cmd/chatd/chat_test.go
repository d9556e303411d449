package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// TestChat has members of two rooms talk, through a restart of the server.
func TestChat(t *testing.T) {
	t.Parallel()
	p := serveProcess(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	api := client.API{URL: p.URL}
	if _, err := api.CreateRoom(ctx, wire.CreateRoom{ID: "ops"}); err != nil {
		t.Fatal(err)
	}

	ana := join(ctx, t, p.URL, client.Options{Name: "Ana"})
	ben := join(ctx, t, p.URL, client.Options{Name: "Ben"})
	eve := join(ctx, t, p.URL, client.Options{Name: "Eve", Room: "ops"})
	if ana.Welcome.You.Name != "Ana" || ana.Welcome.Room.ID != "lobby" || eve.Welcome.Room.ID != "ops" {
		t.Errorf("welcomed as %+v in %s and %s", ana.Welcome.You, ana.Welcome.Room.ID, eve.Welcome.Room.ID)
	}

	// The smallest frame there is reaches every member of the room, the sender
	// too, and nobody in another room.
	if err := ana.WriteRaw([]byte(`{"type":"chat","message":"Hello, WebSocket!"}`)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*client.Session{ana, ben} {
		if got := nextChat(ctx, t, s); got.Message.Message != "Hello, WebSocket!" || got.From.Name != "Ana" || got.Rev != 1 {
			t.Errorf("%s got %+v", s.Welcome.You.Name, got)
		}
	}
	if err := eve.Write(wire.ClientFrame{Type: wire.TypeChat, Message: "anybody?", ID: "eve-1"}); err != nil {
		t.Fatal(err)
	}
	if got := nextChat(ctx, t, eve); got.Message.Message != "anybody?" {
		t.Errorf("the other room got %+v", got)
	}

	// What JSON cannot carry is refused, not posted as another text; a room's id is
	// never a path.
	if _, err := api.Post(ctx, "ops", wire.PostMessage{Message: "\xff"}); refusedAs(err) != wire.CodeInvalidUTF8 {
		t.Errorf("a text that is not UTF-8 is answered by %v", err)
	}
	if _, err := client.Dial(ctx, p.URL, client.Options{Room: "ops/x"}); refusedAs(err) != "room_not_found" {
		t.Errorf("joining ops/x is answered by %v", err)
	}

	// An announcement by REST tells how many heard it.
	said, err := api.Broadcast(ctx, "lobby", wire.PostMessage{Message: "Deploy at 15:00", ID: "deploy-1"})
	if err != nil || said.Online != 2 || said.Kind != "announcement" {
		t.Errorf("the broadcast came to %+v, %v", said, err)
	}
	if got := nextChat(ctx, t, ben); got.Message.Message != "Deploy at 15:00" || got.Kind != "announcement" {
		t.Errorf("Ben got %+v", got)
	}

	// After a restart the messages are there, and a client resumes.
	data := p.cmd.Dir
	if code := p.stop(); code != exitOK {
		t.Fatalf("chatd exited with %d", code)
	}
	if closed, ok := errors.AsType[*client.Closed](lastErr(ctx, ben)); !ok || closed.Code != wire.CloseRestart {
		t.Errorf("the server's end closed the session with %v, want %d", closed, wire.CloseRestart)
	}
	p = serveIn(t, data)
	api.URL = p.URL
	list, err := api.Messages(ctx, "lobby", client.Page{})
	if err != nil || len(list.Messages) != 2 || list.Messages[0].Message != "Hello, WebSocket!" {
		t.Errorf("after the restart there is %+v, %v", list, err)
	}
	cursor := fmt.Sprintf("%s:%d", ben.Welcome.Epoch, 1)
	ben = join(ctx, t, p.URL, client.Options{Name: "Ben", After: cursor})
	if got := nextChat(ctx, t, ben); !ben.Welcome.Recovered || got.Rev != 2 {
		t.Errorf("resumed from %s: recovered %t, then rev %d", cursor, ben.Welcome.Recovered, got.Rev)
	}

	// What was broadcast under a key before the restart is not said again.
	again, err := api.Broadcast(ctx, "lobby", wire.PostMessage{Message: "Deploy at 15:00", ID: "deploy-1"})
	if err != nil || again.Seq != said.Seq {
		t.Errorf("the repeat came to %+v, %v", again, err)
	}
}

func join(ctx context.Context, t *testing.T, url string, o client.Options) *client.Session {
	t.Helper()
	s, err := client.Dial(ctx, url, o)
	if err != nil {
		t.Fatalf("joining: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// nextChat reads up to the next chat frame.
func nextChat(ctx context.Context, t *testing.T, s *client.Session) wire.MessageChange {
	t.Helper()
	for {
		f, err := s.Read(ctx)
		if err != nil {
			t.Fatalf("waiting for a message: %v", err)
		}
		if f.Type != wire.TypeChat {
			continue
		}
		var m wire.MessageChange
		if err := json.Unmarshal(f.Raw, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
}

// lastErr reads until the session ends.
func lastErr(ctx context.Context, s *client.Session) error {
	for {
		if _, err := s.Read(ctx); err != nil {
			return err
		}
	}
}

// refusedAs is the code of a refusal, "" for any other error.
func refusedAs(err error) string {
	if refused, ok := errors.AsType[*client.Error](err); ok {
		return refused.Code
	}
	return ""
}
