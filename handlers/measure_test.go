package handlers

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"chatd/handlers/auth"
	"chatd/handlers/wire"

	"github.com/gorilla/websocket"
)

// shows waits until the metrics have a line.
func (s *restServer) shows(t *testing.T, line string) {
	t.Helper()
	var text string
	for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit); {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if text = string(all); strings.Contains(text, "\n"+line+"\n") {
			return
		}
	}
	t.Errorf("the metrics have no %s:\n%s", line, text)
}

// The metrics tell how many sessions there are, and how each ended: by whom,
// with what code, and once.
func TestEndsAreCounted(t *testing.T) {
	s := startREST(t, auth.Config{})
	join := func() *websocket.Conn {
		ws := s.socket(t, "/ws")
		until(t, ws, wire.TypeWelcome)
		return ws
	}
	say := func(ws *websocket.Conn, kind int, data []byte) {
		if err := ws.WriteMessage(kind, data); err != nil {
			t.Fatal(err)
		}
	}
	leave := func(ws *websocket.Conn) { // the server waits a moment for whoever it has closed
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				_ = ws.Close()
				return
			}
		}
	}
	polite, vain, silent, rude, garbled, stays := join(), join(), join(), join(), join(), join()
	s.shows(t, `chatd_sessions{transport="websocket"} 6`)

	say(polite, websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	say(vain, websocket.CloseMessage, websocket.FormatCloseMessage(4999, ""))
	say(silent, websocket.CloseMessage, nil)
	_ = rude.NetConn().Close()
	say(garbled, websocket.TextMessage, []byte("\xff"))
	for _, ws := range []*websocket.Conn{polite, vain, silent, garbled} {
		leave(ws)
	}
	s.shows(t, `chatd_sessions{transport="websocket"} 1`)
	for _, line := range []string{
		`{by="client",code="1000"} 1`,
		`{by="client",code="other"} 1`,
		`{by="client",code="1005"} 1`,
		`{by="network",code="1006"} 1`,
		`{by="server",code="1007"} 1`,
	} {
		s.shows(t, "chatd_websocket_closes_total"+line)
	}

	// A frame that is none: gorilla closes.
	if _, err := stays.NetConn().Write([]byte{0xf1, 0x80, 0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	leave(stays)
	s.shows(t, `chatd_websocket_closes_total{by="server",code="1002"} 1`)
	s.shows(t, `chatd_sessions{transport="websocket"} 0`)
}

// Posts are counted once, deliveries once for each connection.
func TestDeliveriesAreCounted(t *testing.T) {
	s := startREST(t, auth.Config{})
	for _, id := range []string{"a", "b", "c"} {
		ws := s.socket(t, "/ws/lobby?history=0&name="+id)
		until(t, ws, wire.TypeWelcome)
		for range 2 {
			s.post(t, "to all")
			until(t, ws, wire.TypeChat)
		}
	}
	s.shows(t, "chatd_posts_total 6")
	s.shows(t, "chatd_changes_total 6")
	s.shows(t, "chatd_rooms 1")
	s.shows(t, "chatd_journal_lag_entries 0")
	// 2 + 4 + 6 chats, and news of who came: b's to a, c's to a and b.
	s.shows(t, "chatd_deliveries_total 15")
}

// Whoever is turned away from a room leaves one line, which says why and holds
// nothing that was said.
func TestRefusedConnectionsAreLogged(t *testing.T) {
	var log lines
	s := startREST(t, auth.Config{}, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	for _, path := range []string{"/ws/nowhere?refusal=close", "/ws/nowhere?name=SECRET", "/rooms/nowhere/events"} {
		ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(s.URL, "http", "ws", 1)+path, nil)
		if err == nil {
			_, _, _ = ws.ReadMessage() // it comes before the close does
			_ = ws.Close()
		}
		_ = res.Body.Close()
	}
	got := log.String()
	if n := strings.Count(got, `msg="connection refused"`); n != 3 || strings.Count(got, "\n") != n {
		t.Errorf("three that were refused left:\n%s", got)
	}
	for _, part := range []string{"code=room_not_found", "address=127.0.0.1", "request_id=", "route=/ws/:room"} {
		if !strings.Contains(got, part) {
			t.Errorf("the log lacks %s:\n%s", part, got)
		}
	}
	if strings.Contains(got, "SECRET") {
		t.Errorf("the log has what a client made up:\n%s", got)
	}
}

// lines is a log that many write.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
