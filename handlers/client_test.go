package handlers

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"chatd/handlers/auth"
	"chatd/handlers/client"
	"chatd/handlers/wire"

	"github.com/gorilla/websocket"
)

// follow runs room until the test ends, and returns when it is welcome. Its end
// before that fails the test.
func follow(t *testing.T, room *client.Room) {
	t.Helper()
	welcome := make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- room.Run(ctx, func(e client.Event) {
			if e.Type == wire.TypeWelcome {
				welcome <- struct{}{}
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
	select {
	case <-welcome:
	case err := <-ended:
		ended <- err
		t.Fatalf("it ended with %v", err)
	case <-time.After(10 * time.Second):
		t.Fatal("it is not welcome")
	}
}

// A message whose frame is longer than frames may be is refused, and the room is
// followed as before: the server would end a session that sends it for good.
func TestClientFrameTooLong(t *testing.T) {
	t.Parallel()
	s := startREST(t, auth.Config{Guests: auth.GuestsPost})
	room := client.NewRoom(s.URL, client.Options{Name: "Ana"})
	follow(t, room)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := room.Post(ctx, strings.Repeat("<", maxFrame/4)) // each is six bytes of JSON
	if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Code != wire.CodeTooLarge {
		t.Errorf("it was refused with %v", err)
	}
	if _, err := room.Post(ctx, "all is well"); err != nil {
		t.Errorf("the room is lost: %v", err)
	}
	// Nor does anybody wait for an answer that cannot come back under the same id.
	if _, err := room.Send(ctx, wire.ClientFrame{Type: wire.TypeChat, Message: "Hello", ID: "\xff"}); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an id that is no text is answered with %v", err)
	}
}

// A token may end on its way to the server: another one is asked for.
func TestClientTokenEndsOnItsWay(t *testing.T) {
	t.Parallel()
	s := startREST(t, auth.Config{JWTSecret: accessSecret})
	brief := mint(t, auth.Claims{Subject: "ana", Lasts: time.Nanosecond})
	asked := 0
	follow(t, client.NewRoom(s.URL, client.Options{GetToken: func(context.Context) (string, error) {
		if asked++; asked == 1 {
			return brief, nil
		}
		return mint(t, auth.Claims{Subject: "ana"}), nil
	}}))
}

// What is marked as read over the connection is read.
func TestClientMarksRead(t *testing.T) {
	t.Parallel()
	s := startREST(t, auth.Config{Guests: auth.GuestsPost})
	bob := client.NewRoom(s.URL, client.Options{Name: "Bob"})
	follow(t, bob)
	ack, err := bob.Post(t.Context(), "Hello")
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	ana := client.NewRoom(s.URL, client.Options{Name: "Ana", Inbox: true})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_ = ana.Run(ctx, func(e client.Event) {
		switch {
		case e.Type == wire.TypeWelcome: // the hello is known: it follows
			ana.MarkRead(ack.Seq)
		case e.Type == wire.TypeUnread && strings.Contains(string(e.Raw), `"count":0`):
			close(read)
			cancel()
		}
	})
	select {
	case <-read:
	default:
		t.Error("it is not read")
	}
}

// Whoever ends a Read ends it, also while the server's ping is being answered.
func TestClientReadEndsDuringAPing(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"welcome"}`))
		if _, _, err := ws.ReadMessage(); err == nil { // the client is ready
			_ = ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Minute))
			_, _, _ = ws.ReadMessage()
		}
	}))
	defer server.Close()
	var conn *held
	dialer := &websocket.Dialer{NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		conn = &held{Conn: c, ended: make(chan struct{})}
		return conn, err
	}}
	s, err := client.Dial(t.Context(), server.URL, client.Options{Dialer: dialer})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Write(wire.ClientFrame{Type: wire.TypePing}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	conn.stop = cancel
	done := make(chan error, 1)
	go func() {
		_, err := s.Read(ctx)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it goes on")
	}
}

// held is a connection on which reading is called off, by stop, once something has
// come and before it is seen.
type held struct {
	net.Conn
	stop  func()
	ended chan struct{} // closed by a deadline that has passed
}

func (c *held) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if stop := c.stop; stop != nil && n > 0 {
		c.stop = nil
		stop()
		<-c.ended
	}
	return n, err
}

func (c *held) SetReadDeadline(t time.Time) error {
	err := c.Conn.SetReadDeadline(t)
	if !t.IsZero() && t.Before(time.Now()) {
		close(c.ended)
	}
	return err
}
