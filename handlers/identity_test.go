package handlers

import (
	"bufio"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"chatd/handlers/auth"
	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gorilla/websocket"
)

// join opens a session and returns it with its welcome.
func (s *restServer) join(t *testing.T, query string, protocols ...string) (*websocket.Conn, wire.Welcome) {
	t.Helper()
	d := websocket.Dialer{Subprotocols: protocols}
	ws, resp, err := d.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"/ws?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	t.Cleanup(func() { _ = ws.Close() })
	var w wire.Welcome
	if err := ws.ReadJSON(&w); err != nil || w.Type != wire.TypeWelcome {
		t.Fatalf("%+v, %v", w, err)
	}
	return ws, w
}

// A client that knows the protocol gets a token, with which it is the same
// person after a reload; nobody else becomes that person by taking the name.
// Whoever knows less is who its name says.
func TestGuestsStayThemselves(t *testing.T) {
	s := startREST(t, auth.Config{Guests: auth.GuestsPost, AdminToken: accessAdmin, GuestKey: []byte(strings.Repeat("k", 32))})
	_, first := s.join(t, "name=Ana", wire.Subprotocol)
	if first.You.Token == "" || first.You.ID == "guest:Ana" || first.You.Name != "Ana" {
		t.Fatalf("first %+v", first.You)
	}
	_, again := s.join(t, "name=Ana", wire.Subprotocol, wire.BearerPrefix+first.You.Token)
	if again.You.ID != first.You.ID || again.You.Token == "" {
		t.Errorf("came back as %+v, was %+v", again.You, first.You)
	}
	if _, other := s.join(t, "name=Ana", wire.Subprotocol); other.You.ID == first.You.ID {
		t.Error("the name alone makes the same person")
	}
	for range 2 {
		if _, plain := s.join(t, "name=Ana"); plain.You.ID != "guest:Ana" || plain.You.Token != "" {
			t.Errorf("without the subprotocol: %+v", plain.You)
		}
	}

	m := want[wire.Message](t, s, ask{
		method: "POST", path: "/rooms/lobby/messages", body: "mine", status: 201,
		headers: []string{"Authorization: Bearer " + first.You.Token},
	})
	if m.From != first.You.Person {
		t.Errorf("by REST the token is %+v", m.From)
	}
}

// A session ends with its credential, in a way that tells the client to come
// back with a fresh one.
func TestExpiredSession(t *testing.T) {
	s := startREST(t, auth.Config{JWTSecret: accessSecret})
	token, err := auth.Mint(accessSecret, auth.Claims{Subject: "ana", Lasts: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ws, welcome := s.join(t, "", wire.Subprotocol, wire.BearerPrefix+token)
	if welcome.You.ID != "ana" || welcome.You.Token != "" {
		t.Fatalf("you are %+v", welcome.You)
	}
	server, ok := s.Config.Handler.(*Server)
	if !ok {
		t.Fatal("no server")
	}
	sweep := func(now time.Time) {
		server.sessions.mu.Lock()
		defer server.sessions.mu.Unlock()
		for _, bucket := range server.sessions.buckets {
			for session := range bucket.sessions {
				session.ping(now)
			}
		}
	}
	sweep(time.Now().Add(time.Second)) // a ping
	if err := ws.WriteJSON(wire.ClientFrame{Type: wire.TypePing}); err != nil {
		t.Fatal(err)
	}
	for f := (wire.Pong{}); f.Type != wire.TypePong; {
		if err := ws.ReadJSON(&f); err != nil {
			t.Fatal(err)
		}
	}
	sweep(time.Now().Add(2 * time.Hour))
	for {
		_, _, err := ws.ReadMessage()
		if err == nil {
			continue
		}
		if e, ok := errors.AsType[*websocket.CloseError](err); !ok || e.Code != wire.CloseTokenExpired {
			t.Errorf("closed with %v, want %d", err, wire.CloseTokenExpired)
		}
		return
	}
}

// An event stream ends with its credential too.
func TestExpiredStream(t *testing.T) {
	s := startREST(t, auth.Config{JWTSecret: accessSecret})
	token, err := auth.Mint(accessSecret, auth.Claims{Subject: "ana", Lasts: 2500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/rooms/lobby/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", typeLines)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines, last := bufio.NewScanner(resp.Body), ""
	for lines.Scan() {
		last = lines.Text()
	}
	if lines.Err() != nil || !strings.Contains(last, `"code":"token_expired"`) {
		t.Errorf("%s: ended with %s, %v", resp.Status, last, lines.Err())
	}
}

// A room that becomes private sends away whoever has no grant, and tells them
// nothing of what it is now. Those who have one stay.
func TestRoomBecomesPrivate(t *testing.T) {
	s := startREST(t, auth.Config{AdminToken: accessAdmin, JWTSecret: accessSecret})
	s.makeRoom(t, "plans", rooms.Public)
	granted, err := auth.Mint(accessSecret, auth.Claims{Subject: "ana", Rooms: map[string][]string{"plans": {"read"}}})
	if err != nil {
		t.Fatal(err)
	}
	dial := func(header http.Header) *websocket.Conn {
		ws, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"/ws/plans", header)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		t.Cleanup(func() { _ = ws.Close() })
		var w wire.Welcome
		if err := ws.ReadJSON(&w); err != nil {
			t.Fatal(err)
		}
		return ws
	}
	stranger, friend := dial(nil), dial(http.Header{"Authorization": {"Bearer " + granted}})
	bystander, _ := s.join(t, "inbox=1")
	admin := []string{"Authorization: Bearer " + accessAdmin}
	s.makeRoom(t, "secret", rooms.Private)
	for _, a := range []ask{
		{method: "PATCH", path: "/rooms/secret", body: `{"topic":"x"}`, status: 200},
		{method: "PATCH", path: "/rooms/secret", body: `{"visibility":"private"}`, status: 200},
		{method: "DELETE", path: "/rooms/secret", status: 204},
		{method: "PATCH", path: "/rooms/plans", body: `{"visibility":"private","topic":"hush"}`, status: 200},
	} {
		a.headers = admin
		s.do(t, a)
	}
	// Of the room that was private all along, the inbox of a stranger has nothing.
	for removed := false; !removed; {
		_, frame, err := bystander.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(frame), "secret") || strings.Contains(string(frame), "hush") {
			t.Errorf("a bystander was told %s", frame)
		}
		removed = strings.Contains(string(frame), `"removed":["plans"]`)
	}
	for {
		_, frame, err := stranger.ReadMessage()
		if err != nil {
			if !websocket.IsCloseError(err, wire.CloseRoomGone) {
				t.Errorf("the stranger was closed with %v", err)
			}
			break
		}
		if strings.Contains(string(frame), "hush") || strings.Contains(string(frame), `"type":"room"`) {
			t.Errorf("the stranger was told %s", frame)
		}
	}
	for told := false; !told; {
		_, frame, err := friend.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		told = strings.Contains(string(frame), "hush")
	}
	if m := want[wire.MemberList](t, s, ask{
		method: "GET", path: "/rooms/plans/members", status: 200, headers: []string{"Authorization: Bearer " + granted},
	}); m.Online != 1 {
		t.Errorf("%d are there", m.Online)
	}
}
