package handlers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"chatd/handlers/auth"
	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gorilla/websocket"
)

// socket is a plain client: gorilla's, and no more.
func (s *restServer) socket(t *testing.T, path string) *websocket.Conn {
	t.Helper()
	ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(s.URL, "http", "ws", 1)+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	t.Cleanup(func() { _ = ws.Close() })
	return ws
}

// socketAs is socket for the bearer of a token.
func (s *restServer) socketAs(t *testing.T, path, token string) *websocket.Conn {
	t.Helper()
	ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(s.URL, "http", "ws", 1)+path,
		http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	t.Cleanup(func() { _ = ws.Close() })
	return ws
}

// until reads frames up to the first of a type.
func until(t *testing.T, ws *websocket.Conn, kind string) map[string]any {
	t.Helper()
	if err := ws.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			t.Fatalf("no %s: %v", kind, err)
		}
		var f map[string]any
		if err := json.Unmarshal(data, &f); err != nil {
			t.Fatal(err)
		}
		if f["type"] == kind {
			return f
		}
	}
}

// A bad frame gets an error that says what is wrong, and the session goes on.
func TestBadFramesAreAnswered(t *testing.T) {
	s := startREST(t, auth.Config{})
	ws := s.socket(t, "/ws")
	until(t, ws, wire.TypeWelcome)
	text, binary := websocket.TextMessage, websocket.BinaryMessage
	for _, c := range []struct {
		kind             int
		send, code, says string
	}{
		{text, `hello`, wire.CodeMalformed, "JSON object"},
		{text, ``, wire.CodeMalformed, "JSON object"},
		{text, `{"type":"chat"`, wire.CodeMalformed, "ends"},
		{text, `{"type":"chat","message":"a"}{}`, wire.CodeMalformed, "more after"},
		{text, `[]`, wire.CodeMalformed, "JSON object"},
		{text, `{}`, wire.CodeMalformed, "type"},
		{text, `{"type":7}`, wire.CodeMalformed, "must be a string"},
		{text, `{"type":"chat","message":{}}`, wire.CodeMalformed, "must be a string"},
		{text, `{"type":"chat","mesage":"typo"}`, wire.CodeMalformed, "mesage is not a field"},
		{text, `{"type":"edit","seq":-1,"message":"a"}`, wire.CodeMalformed, "seq"},
		{text, `{"type":"shout"}`, wire.CodeUnknownType, `\"shout\"`},
		{text, `{"type":"chat"}`, "invalid", "message must not be empty"},
		{text, `{"type":"chat","message":" \n "}`, "invalid", "message must not be empty"},
		{text, `{"type":"chat","message":"` + strings.Repeat("x", 4001) + `"}`, "invalid", "at most 4000"},
		{text, `{"type":"chat","message":"a","id":"a b"}`, "invalid", "no space among them"},
		{text, `{"type":"chat","message":"a","id":"\u00e9"}`, "invalid", "printable ASCII"},
		{text, `{"type":"chat","message":"a","reply_to":99}`, "invalid", "reply_to"},
		{text, `{"type":"edit","seq":99,"message":"a"}`, "message_not_found", "99"},
		{text, `{"type":"delete","seq":0}`, "message_not_found", ""},
		{text, `{"type":"react","seq":1,"emoji":"a b"}`, "invalid", "emoji"},
		{text, `{"type":"react","emoji":"👍"}`, "message_not_found", ""},
		{text, `{"type":"read"}`, "invalid", "seq must be the seq of a message"},
		{binary, `{"type":"chat","message":"a"}`, wire.CodeMalformed, "binary"},
	} {
		if err := ws.WriteMessage(c.kind, []byte(c.send)); err != nil {
			t.Fatal(err)
		}
		f := until(t, ws, wire.TypeError)
		all, _ := json.Marshal(f)
		if f["code"] != c.code || !strings.Contains(string(all), c.says) {
			t.Errorf("%.60q is answered by %s, not by %s and %q", c.send, all, c.code, c.says)
		}
	}
	if err := ws.WriteMessage(text, []byte(`{"type":"chat","message":"still here"}`)); err != nil {
		t.Fatal(err)
	}
	if f := until(t, ws, wire.TypeChat); f["message"] != "still here" || f["seq"] != 1.0 {
		t.Errorf("after all that came %v", f)
	}
}

// What breaks the protocol itself ends the session, with a code that tells why.
func TestBrokenProtocolEndsTheSession(t *testing.T) {
	s := startREST(t, auth.Config{})
	for name, c := range map[string]struct {
		kind int
		send string
		code int
		says string
	}{
		"no UTF-8":      {websocket.TextMessage, "{\"type\":\"chat\",\"message\":\"\xff\"}", wire.CloseInvalidUTF8, "invalid_utf8: "},
		"a large frame": {websocket.TextMessage, strings.Repeat("x", maxFrame+1), wire.CloseTooBig, "too_large: a frame has more than 65536 bytes"},
	} {
		ws := s.socket(t, "/ws")
		until(t, ws, wire.TypeWelcome)
		if err := ws.WriteMessage(c.kind, []byte(c.send)); err != nil {
			t.Fatal(err)
		}
		for {
			_, _, err := ws.ReadMessage()
			if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
				if closed.Code != c.code || !strings.HasPrefix(closed.Text, c.says) {
					t.Errorf("%s: closed with %v, not %d %s", name, closed, c.code, c.says)
				}
				break
			}
			if err != nil {
				t.Errorf("%s: cut off without a close frame: %v", name, err)
				break
			}
		}
	}
}

// A handshake that is none is refused with a problem before the upgrade.
func TestHandshakesAreRefused(t *testing.T) {
	s := startREST(t, auth.Config{})
	upgrade := []string{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
	for name, a := range map[string]ask{
		"no upgrade":     {path: "/ws", status: 426, code: wire.CodeBadUpgrade},
		"old version":    {path: "/ws", headers: append([]string{"Sec-WebSocket-Version: 8"}, upgrade[:2]...), status: 426, code: wire.CodeBadUpgrade},
		"no key":         {path: "/ws", headers: upgrade[:3], status: 426, code: wire.CodeBadUpgrade},
		"no room":        {path: "/ws/absent", headers: upgrade, status: 404, code: "room_not_found"},
		"no id of any":   {path: "/ws/No%20Room", headers: upgrade, status: 404, code: "room_not_found"},
		"a bad cursor":   {path: "/ws?after=x", headers: upgrade, status: 422, code: "invalid"},
		"a bad history":  {path: "/ws?history=-1", headers: upgrade, status: 422, code: "invalid"},
		"a foreign page": {path: "/ws", headers: append([]string{"Origin: https://evil.example"}, upgrade...), status: 403, code: wire.CodeForeignOrigin},
	} {
		t.Run(name, func(t *testing.T) {
			a.method = http.MethodGet
			s.do(t, a)
		})
	}
}

// A page that cannot see a problem is told of a bad parameter by a close frame.
func TestBadParametersAreToldByAClose(t *testing.T) {
	s := startREST(t, auth.Config{})
	for query, want := range map[string]string{
		"after=x":     "1008 invalid: after must be",
		"history=201": "1008 invalid: history must be",
		"name=a%0Ab":  "1008 invalid: name must have",
		"name=%zz":    "4000 malformed: the query",
	} {
		end := closed(t, s.socket(t, "/ws?refusal=close&"+query))
		if got := fmt.Sprintf("%d %s", end.Code, end.Text); !strings.HasPrefix(got, want) {
			t.Errorf("%s is refused by %s, not by %s", query, got, want)
		}
	}
}

// follow reads lines of an event stream until one has the text, and returns them.
func (s *restServer) follow(t *testing.T, path, until string, headers map[string]string) (lines []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for scan := bufio.NewScanner(res.Body); scan.Scan(); {
		lines = append(lines, scan.Text())
		if strings.Contains(scan.Text(), until) {
			return lines
		}
	}
	t.Fatalf("the stream ended without %q:\n%s", until, strings.Join(lines, "\n"))
	return nil
}

func (s *restServer) post(t *testing.T, text string) rooms.Receipt {
	t.Helper()
	who := rooms.Identity{Subject: "ana", Name: "Ana", Base: rooms.All}
	receipt, err := s.registry.Propose(t.Context(), who, rooms.Entry{Kind: rooms.EntryPost, Room: rooms.Lobby, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func TestEventStreamsResume(t *testing.T) {
	s := startREST(t, auth.Config{})
	for i := range 5 {
		s.post(t, fmt.Sprint("number ", i+1))
	}
	first := s.follow(t, "/rooms/lobby/events?history=2", "number 5", nil)
	if got := strings.Join(first, "\n"); !strings.HasPrefix(got, `data: {"type":"welcome"`) || strings.Contains(got, "number 3") {
		t.Fatalf("a stream with a history of two begins with\n%s", got)
	}
	cursor, ok := strings.CutPrefix(first[len(first)-2], "id: ")
	if !ok || !strings.HasSuffix(cursor, ":5") {
		t.Fatalf("the last event's id is %q", first[len(first)-2])
	}
	s.post(t, "number 6")
	s.post(t, "number 7")
	for name, headers := range map[string]map[string]string{
		"events": {"Last-Event-ID": cursor},
		"lines":  {"Last-Event-ID": cursor, "Accept": "application/x-ndjson"},
	} {
		got := strings.Join(s.follow(t, "/rooms/lobby/events", "number 7", headers), "\n")
		if strings.Contains(got, "number 5") || strings.Count(got, "number 6") != 1 || !strings.Contains(got, `"recovered":true`) {
			t.Errorf("%s resumed with\n%s", name, got)
		}
		if strings.Contains(got, "data: ") != (name == "events") {
			t.Errorf("%s look like\n%s", name, got)
		}
	}
}

// A client that sends faster than it is answered is read more slowly, and loses
// nothing.
func TestAHurriedClientIsAnswered(t *testing.T) {
	s := startREST(t, auth.Config{}) // open: no limit of posts
	ws := s.socket(t, "/ws?history=0")
	until(t, ws, wire.TypeWelcome)
	const posts = 2000
	go func() {
		for i := range posts {
			frame := fmt.Sprintf(`{"type":"chat","message":"%d","id":"%d"}`, i, i)
			if i%2 == 1 {
				frame = `{"type":"nonsense"}`
			}
			if ws.WriteMessage(websocket.TextMessage, []byte(frame)) != nil {
				return // the reader tells
			}
		}
	}()
	for acks, errors := 0, 0; acks < posts/2 || errors < posts/2; {
		_, data, err := ws.ReadMessage()
		if err != nil {
			t.Fatalf("after %d acks and %d errors: %v", acks, errors, err)
		}
		switch {
		case strings.HasPrefix(string(data), `{"type":"ack"`):
			acks++
		case strings.HasPrefix(string(data), `{"type":"error"`):
			errors++
		}
	}
}
