package handlers

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"chatd/handlers/auth"
	"chatd/handlers/client"
	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gorilla/websocket"
)

func mint(t *testing.T, c auth.Claims) string {
	t.Helper()
	token, err := auth.Mint(accessSecret, c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func renew(t *testing.T, ws *websocket.Conn, token string) {
	t.Helper()
	if err := ws.WriteJSON(wire.ClientFrame{Type: wire.TypeAuth, ID: "fresh", Token: token}); err != nil {
		t.Fatal(err)
	}
}

// A session is told that its token is about to expire, goes on with a fresh one
// as if nothing were, and is closed at the end of the last one.
func TestSessionIsRenewed(t *testing.T) {
	t.Parallel()
	s := startREST(t, auth.Config{JWTSecret: accessSecret})
	ws, welcome := s.join(t, "", wire.Subprotocol, wire.BearerPrefix+mint(t, auth.Claims{Subject: "ana", Lasts: 2 * time.Second}))
	if welcome.You.Until == nil {
		t.Fatal("the welcome does not tell when the token ends")
	}
	first := until(t, ws, wire.TypeExpiring)
	if first["until"] != welcome.You.Until.UTC().Format("2006-01-02T15:04:05.000Z") {
		t.Errorf("told of %v, the welcome said %v", first["until"], welcome.You.Until)
	}
	renew(t, ws, mint(t, auth.Claims{Subject: "ana", Name: "Another", Lasts: 4 * time.Second}))
	got := until(t, ws, wire.TypeAuth)
	you, _ := got["you"].(map[string]any)
	if got["id"] != "fresh" || you["id"] != "ana" || you["name"] != "ana" || you["until"] == first["until"] {
		t.Fatalf("answered by %v", got)
	}
	if second := until(t, ws, wire.TypeExpiring); second["until"] != you["until"] {
		t.Errorf("told of %v, renewed until %v", second["until"], you["until"])
	}
	if time.Now().Before(welcome.You.Until.Time) {
		t.Fatal("the first token has not ended yet: this shows nothing")
	}
	if err := ws.WriteJSON(wire.ClientFrame{Type: wire.TypeChat, Message: "still here"}); err != nil {
		t.Fatal(err)
	}
	until(t, ws, wire.TypeAck)
	if code := closed(t, ws).Code; code != wire.CloseTokenExpired {
		t.Errorf("closed with %d", code)
	}
}

// A token that does not count changes nothing, and is told why by a code.
func TestSessionIsNotRenewed(t *testing.T) {
	t.Parallel()
	s := startREST(t, auth.Config{JWTSecret: accessSecret, AdminToken: accessAdmin})
	long := mint(t, auth.Claims{Subject: "ana", Lasts: time.Hour})
	ws, welcome := s.join(t, "", wire.Subprotocol, wire.BearerPrefix+long)
	guest, _ := s.join(t, "name=Ana")
	for _, c := range []struct {
		ws          *websocket.Conn
		token, code string
	}{
		{ws, "", wire.CodeMalformed},
		{ws, "x", wire.CodeUnauthorized},
		{ws, long[:len(long)-4] + "AAAA", wire.CodeUnauthorized},
		{ws, makeCredentials(t, s)["expired"], wire.CodeTokenExpired},
		{ws, mint(t, auth.Claims{Subject: "bob", Lasts: time.Hour}), string(rooms.CodeOtherIdentity)},
		{ws, accessAdmin, string(rooms.CodeOtherIdentity)},
		{guest, long, string(rooms.CodeOtherIdentity)},
	} {
		renew(t, c.ws, c.token)
		if f := until(t, c.ws, wire.TypeError); f["code"] != c.code || f["id"] != "fresh" {
			t.Errorf("%.20s… is answered by %v, not by %s", c.token, f, c.code)
		}
	}
	for _, one := range []*websocket.Conn{ws, guest} {
		if err := one.WriteJSON(wire.ClientFrame{Type: wire.TypeChat, Message: "still here"}); err != nil {
			t.Fatal(err)
		}
		until(t, one, wire.TypeAck)
	}
	if !slices.Equal(welcome.You.May, []string{"read", "post"}) {
		t.Errorf("it may %v", welcome.You.May)
	}
}

// What the fresh token does not give is gone with its answer, and what it gives
// is there.
func TestRenewalHoldsAtOnce(t *testing.T) {
	t.Parallel()
	s := startREST(t, auth.Config{JWTSecret: accessSecret, AdminToken: accessAdmin})
	s.makeRoom(t, "secret", rooms.Private)
	with := func(words ...string) string {
		return mint(t, auth.Claims{Subject: "ana", Lasts: time.Hour, Rooms: map[string][]string{"*": words}})
	}
	dial := func(room string) *websocket.Conn {
		ws := s.socketAs(t, "/ws/"+room, with("read", "post"))
		until(t, ws, wire.TypeWelcome)
		return ws
	}
	say := func(ws *websocket.Conn, kind string) map[string]any {
		if err := ws.WriteJSON(wire.ClientFrame{Type: wire.TypeChat, Message: "hello"}); err != nil {
			t.Fatal(err)
		}
		return until(t, ws, kind)
	}
	ws := dial("secret")
	say(ws, wire.TypeAck)
	renew(t, ws, with("read"))
	until(t, ws, wire.TypeAuth)
	if f := say(ws, wire.TypeError); f["code"] != string(rooms.CodeForbidden) {
		t.Errorf("without post it gets %v", f)
	}
	renew(t, ws, with("read", "post", "moderate"))
	if you, _ := until(t, ws, wire.TypeAuth)["you"].(map[string]any); len(you["may"].([]any)) != 3 {
		t.Errorf("it is told %v", you)
	}
	say(ws, wire.TypeAck)
	renew(t, ws, with("post"))
	if code := closed(t, ws).Code; code != wire.CloseRoomGone {
		t.Errorf("without read, a private room closes with %d", code)
	}
	lobby := dial("lobby")
	renew(t, lobby, with("post"))
	if code := closed(t, lobby).Code; code != wire.CloseForbidden {
		t.Errorf("without read, a public room closes with %d", code)
	}

	// A moderator's ban does not hold a moderator; who is none any more it holds.
	s.makeRoom(t, "court", rooms.Public)
	s.do(t, ask{
		method: "POST", path: "/rooms/court/bans", body: `{"who":"ana"}`, status: 201,
		headers: []string{"Authorization: Bearer " + mint(t, auth.Claims{Subject: "bob", Rooms: map[string][]string{"*": {"read", "moderate"}}})},
	})
	moderator := s.socketAs(t, "/ws/court", with("read", "moderate"))
	until(t, moderator, wire.TypeWelcome)
	renew(t, moderator, with("read"))
	if code := closed(t, moderator).Code; code != wire.CloseKicked {
		t.Errorf("a ban closes with %d", code)
	}
}

// A fresh token that does not come holds up the session that it is for, and not
// the one after.
func TestClientRenewalHangs(t *testing.T) {
	t.Parallel()
	s := startREST(t, auth.Config{JWTSecret: accessSecret})
	var asked atomic.Int32
	room := client.NewRoom(s.URL, client.Options{GetToken: func(ctx context.Context) (string, error) {
		if asked.Add(1) == 2 {
			<-ctx.Done()
			return "", ctx.Err()
		}
		return mint(t, auth.Claims{Subject: "ana", Lasts: 2 * time.Second}), nil
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	welcomed := 0
	_ = room.Run(ctx, func(e client.Event) {
		if e.Type == wire.TypeWelcome {
			if welcomed++; welcomed == 2 {
				cancel()
			}
		}
	})
	if welcomed != 2 || asked.Load() != 3 {
		t.Errorf("it joined %d times with %d tokens", welcomed, asked.Load())
	}
}

// The Go client asks for a fresh token in time, and stays.
func TestClientRenews(t *testing.T) {
	t.Parallel()
	s := startREST(t, auth.Config{JWTSecret: accessSecret})
	asked := 0
	room := client.NewRoom(s.URL, client.Options{GetToken: func(context.Context) (string, error) {
		asked++
		return mint(t, auth.Claims{Subject: "ana", Lasts: time.Duration(asked+1) * time.Second}), nil
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	enough, renewed := errors.New("enough"), 0
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := room.Run(ctx, func(e client.Event) {
		switch e.Type {
		case client.TypeLost:
			stop(e.Err)
		case wire.TypeAuth:
			if renewed++; renewed == 2 {
				stop(enough)
			}
		}
	})
	if !errors.Is(err, enough) || asked != 3 {
		t.Errorf("it ended with %v after %d tokens", err, asked)
	}
}
