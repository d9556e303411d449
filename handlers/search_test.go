package handlers

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"chatd/handlers/auth"
	"chatd/handlers/wire"
	"chatd/rooms"
)

// found searches until the index has what was posted.
func (s *restServer) found(t *testing.T, query, credential string) (texts []string) {
	t.Helper()
	a := ask{method: "GET", path: "/search?" + query, status: 200}
	if credential != "" {
		a.headers = []string{"Authorization: Bearer " + credential}
	}
	for {
		var list wire.FoundList
		_, body := s.do(t, a)
		if err := json.Unmarshal(body, &list); err != nil {
			t.Fatal(err)
		}
		if list.Behind > 0 {
			continue
		}
		for _, m := range list.Messages {
			texts = append(texts, m.Room+": "+m.Message.Message)
		}
		return texts
	}
}

func TestSearchStaysInside(t *testing.T) {
	s := startREST(t, auth.Config{AdminToken: accessAdmin})
	owner := rooms.Identity{Subject: "owner", Name: "Owner", Grants: []rooms.Grant{{Pattern: "*", Allow: rooms.All}}}
	for room, v := range map[string]rooms.Visibility{"open": rooms.Public, "secret": rooms.Private} {
		if _, err := s.registry.Propose(t.Context(), owner, rooms.Entry{Kind: rooms.EntryCreateRoom, Room: room, Create: rooms.Settings{Visibility: v}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.registry.Propose(t.Context(), owner, rooms.Entry{Kind: rooms.EntryPost, Room: room, Text: "The café opens, 今天天气很好"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []string{"cafe", "天气", `"café opens"`} {
		q := "q=" + url.QueryEscape(q)
		if got := fmt.Sprint(s.found(t, q, "")); strings.Count(got, "open: ") != 1 || strings.Contains(got, "secret") {
			t.Errorf("a guest finds %s", got)
		}
		if got := s.found(t, q, accessAdmin); len(got) != 2 {
			t.Errorf("the admin finds %v", got)
		}
		if got := s.found(t, q+"&room=secret&from=owner&order=best", accessAdmin); len(got) != 1 {
			t.Errorf("the admin finds %v in one room", got)
		}
	}
	s.do(t, ask{method: "GET", path: "/search?q=cafe&room=secret", status: 404, code: "room_not_found"})
	s.do(t, ask{method: "GET", path: "/search?q=cafe&after=yesterday", status: 422, code: "invalid", says: []string{"after"}})
	s.do(t, ask{method: "GET", path: "/search?q=cafe&order=x", status: 422, code: "invalid", says: []string{"order"}})
}

func TestExportIsWholeAndInOrder(t *testing.T) {
	s := startREST(t, auth.Config{})
	who := rooms.Identity{Subject: "ana", Name: "Ana", Base: rooms.All}
	const posts = 450 // more than two pages
	for i := range posts {
		if _, err := s.registry.Propose(t.Context(), who, rooms.Entry{Kind: rooms.EntryPost, Room: rooms.Lobby, Text: fmt.Sprint("number ", i+1)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.registry.Propose(t.Context(), who, rooms.Entry{Kind: rooms.EntryDelete, Room: rooms.Lobby, Seq: 3}); err != nil {
		t.Fatal(err)
	}
	for query, after := range map[string]int{"": 0, "?after=0": 0, "?after=440": 440} {
		path, want := "/rooms/lobby/export"+query, posts-after
		_, body := s.do(t, ask{method: "GET", path: path, status: 200, headers: []string{"Accept: application/x-ndjson"}})
		lines := strings.Split(strings.TrimSpace(string(body)), "\n")
		if len(lines) != want {
			t.Fatalf("%s has %d lines, not %d", path, len(lines), want)
		}
		for i, line := range lines {
			var m wire.Message
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			n := after + i + 1
			if m.Seq != uint64(n) || m.Deleted != (n == 3) || (m.Message != fmt.Sprint("number ", n)) != m.Deleted {
				t.Fatalf("line %d of %s is %s", i, path, line)
			}
		}
	}
}
