package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
	"chatd/rooms"
)

// moderate calls one of the moderators' routes of the lobby.
func (n *node) moderate(ctx context.Context, t *testing.T, method, path string, body any) (made wire.Sanction) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, n.url+"/rooms/lobby/"+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+clusterAdmin)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
	if resp.StatusCode == http.StatusCreated {
		if err := json.NewDecoder(resp.Body).Decode(&made); err != nil {
			t.Fatal(err)
		}
	}
	return made
}

const clusterAdmin = "the-admin-of-this-cluster"

// refusedWith tells whether err is a refusal with that code, of a request or of
// a session.
func refusedWith(err error, code rooms.Code) bool {
	refusal, ok := errors.AsType[*client.Error](err)
	return ok && refusal.Code == string(code)
}

// TestClusterSanctions mutes, kicks and bans by one node who is on another. From
// the answer on, no node takes a word of him; his session ends, no node lets him
// in again, nor does one that was killed and has come back.
func TestClusterSanctions(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	t.Parallel()
	c := makeTrio(t, 2*time.Minute)
	for _, n := range c.nodes {
		n.args = append(n.args, "--admin-token", clusterAdmin)
	}
	c.start(t)
	a, b := c.nodes[0], c.nodes[1]
	mal := join(c.ctx, t, b.url, client.Options{Name: "Mal"})
	who := mal.Welcome.You.ID
	say := func(n *node) error {
		_, err := (&client.API{URL: n.url, Name: "Mal"}).Post(c.ctx, "lobby", wire.PostMessage{Message: "spam"})
		return err
	}
	if err := say(b); err != nil {
		t.Fatal(err)
	}
	ends := func(s *client.Session, what string) {
		t.Helper()
		ended, cancel := context.WithTimeout(c.ctx, 5*time.Second)
		defer cancel()
		if closed, ok := errors.AsType[*client.Closed](lastErr(ended, s)); !ok || closed.Code != wire.CloseKicked {
			t.Errorf("%s: the session ended with %v", what, closed)
		}
	}
	enter := func(n *node) (*client.Session, error) {
		return client.Dial(c.ctx, n.url, client.Options{Name: "Mal"})
	}

	for range 10 { // what is at once is at once each time
		muted := a.moderate(c.ctx, t, "POST", "mutes", wire.CreateMute{Who: who})
		for i, n := range c.nodes {
			if err := say(n); !refusedWith(err, rooms.CodeMuted) {
				t.Errorf("who is muted by node 0 posts on node %d: %v", i, err)
			}
		}
		a.moderate(c.ctx, t, "DELETE", "mutes/"+id(muted), nil)
		if err := say(c.nodes[2]); err != nil {
			t.Errorf("whose mute was lifted by node 0 posts on node 2: %v", err)
		}
	}

	a.moderate(c.ctx, t, "POST", "kicks", wire.CreateKick{Who: who})
	ends(mal, "a kick")
	mal, err := enter(b)
	if err != nil {
		t.Fatalf("who was kicked comes back: %v", err)
	}
	defer mal.Close()

	var banned wire.Sanction
	for range 10 {
		if banned.ID != 0 {
			a.moderate(c.ctx, t, "DELETE", "bans/"+id(banned), nil)
		}
		banned = a.moderate(c.ctx, t, "POST", "bans", wire.CreateBan{Who: who})
		for i, n := range c.nodes {
			if err := say(n); !refusedWith(err, rooms.CodeBanned) {
				t.Errorf("who is banned by node 0 posts on node %d: %v", i, err)
			}
		}
	}
	ends(mal, "a ban")
	for i, n := range c.nodes {
		if again, err := enter(n); !refusedWith(err, rooms.CodeBanned) {
			t.Errorf("who is banned by node 0 enters node %d: %v", i, err)
			_ = again.Close()
		}
	}
	b.kill()
	b.start(c.ctx, t)
	if again, err := enter(b); !refusedWith(err, rooms.CodeBanned) {
		t.Errorf("who is banned enters a node that has come back: %v", err)
		_ = again.Close()
	}
	if err := say(b); !refusedWith(err, rooms.CodeBanned) {
		t.Errorf("who is banned posts on a node that has come back: %v", err)
	}
	list := wholeRoom(c.ctx, t, &client.API{URL: a.url}, "lobby")
	if len(list) != 11 {
		t.Errorf("of who was muted or banned most of the time there are %d messages", len(list))
	}
}

func id(s wire.Sanction) string { return strconv.FormatUint(s.ID, 10) }
