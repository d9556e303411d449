package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"chatd/handlers/auth"
	"chatd/handlers/wire"
	"chatd/rooms"
)

// A room that is full takes those who are in it and those who may moderate it,
// and others again when somebody has left.
func TestRoomIsFull(t *testing.T) {
	s := startModerated(t)
	s.moderate(t, "PATCH", "/rooms/lobby", `{"max_members":2}`, 403)
	s.moderate(t, "PATCH", "/rooms/lobby", `{"max_members":-1}`, 422, accessAdmin)
	if body := s.moderate(t, "PATCH", "/rooms/lobby", `{"max_members":2,"embed_origins":["https://a.example"]}`, 200, accessAdmin); !strings.Contains(string(body), `"max_members":2,"embed_origins":["https://a.example"]`) {
		t.Errorf("the room is %s", body)
	}
	for _, origins := range []string{`["a.example"]`, `["https://a.example/x"]`, `["https://a; script-src *"]`, `["javascript://a"]`, `["https://a b"]`} {
		s.moderate(t, "PATCH", "/rooms/lobby", `{"embed_origins":`+origins+`}`, 422, accessAdmin)
	}
	if got := s.registry.EmbedOrigins(t.Context(), rooms.Lobby); len(got) != 1 || got[0] != "https://a.example" {
		t.Errorf("the origins are %v", got)
	}
	first, _ := s.enter(t, s.member, "")
	until(t, first, wire.TypeWelcome)
	ana, _ := s.enter(t, "", "", "Ana")
	until(t, ana, wire.TypeWelcome)
	if _, resp := s.enter(t, "", "", "Ben"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a third one is answered %s", resp.Status)
	}
	for _, token := range []string{s.member, s.moderator} {
		ws, resp := s.enter(t, token, "")
		if ws == nil {
			t.Fatalf("one who may is answered %s", resp.Status)
		}
		until(t, ws, wire.TypeWelcome)
		_ = ws.Close()
	}
	_ = ana.Close()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		ws, resp := s.enter(t, "", "", "Ben")
		if ws != nil {
			break
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("when somebody has left, the answer is %s", resp.Status)
		}
	}

	// Private rooms tell strangers nothing.
	s.moderate(t, "PATCH", "/rooms/lobby", `{"visibility":"private"}`, 200, accessAdmin)
	if got := s.registry.EmbedOrigins(t.Context(), rooms.Lobby); len(got) != 0 {
		t.Errorf("a private room's origins are %v", got)
	}
}

func TestTooManyRooms(t *testing.T) {
	s := startLimited(t, auth.Config{}, rooms.Limits{Rooms: 2})
	s.do(t, ask{method: "POST", path: "/rooms", body: `{"id":"ops"}`, status: 201})
	s.do(t, ask{method: "POST", path: "/rooms", body: `{"id":"more"}`, status: 403, code: "too_many_rooms"})
	s.do(t, ask{method: "DELETE", path: "/rooms/ops", status: 204})
	s.do(t, ask{method: "POST", path: "/rooms", body: `{"id":"more"}`, status: 201})
}
