package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// TestClusterFromOneServer makes three nodes of one server, with all that was
// said there. A node that is emptied gets what no journal tells from a snapshot.
func TestClusterFromOneServer(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts four servers")
	}
	c := makeTrio(t, 2*time.Minute)
	alone := serveIn(t, c.nodes[0].dir)
	post := func(url, text string) {
		t.Helper()
		if _, err := (&client.API{URL: url, Name: "Ana"}).Post(c.ctx, "lobby", wire.PostMessage{Message: text}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		post(alone.URL, fmt.Sprint("alone ", i))
	}
	before, err := (&client.API{URL: alone.URL}).Room(c.ctx, "lobby")
	if err != nil {
		t.Fatal(err)
	}
	if code := alone.stop(); code != exitOK {
		t.Fatalf("the server exited with %d", code)
	}
	c.copyFirst(t)
	c.start(t)
	post(c.nodes[1].url, "together")
	await(c.ctx, t, "a snapshot", func() bool {
		return slices.ContainsFunc(c.nodes[:], func(n *node) bool { return strings.Contains(n.log(), "made a snapshot") })
	})

	empty := c.nodes[2]
	empty.stop()
	if err := os.RemoveAll(filepath.Join(empty.dir, "chatd-data")); err != nil {
		t.Fatal(err)
	}
	post(c.nodes[0].url, "without one")
	empty.start(c.ctx, t)
	c.checkLobby(t, before.Epoch, 7)

	// Back to one, and to three again.
	for i, n := range c.nodes {
		if code := n.stop(); code != exitOK {
			t.Errorf("node %d exited with %d:\n%s", i, code, n.log())
		}
	}
	alone = serveIn(t, c.nodes[0].dir)
	post(alone.URL, "alone again")
	if code := alone.stop(); code != exitOK {
		t.Fatalf("the server exited with %d", code)
	}
	if err := os.RemoveAll(filepath.Join(c.nodes[0].dir, "chatd-data", "cluster")); err != nil {
		t.Fatal(err)
	}
	c.copyFirst(t)
	c.start(t)
	post(c.nodes[2].url, "together again")
	c.checkLobby(t, before.Epoch, 9)
}

// copyFirst gives the others what the first node has, and nothing else.
func (c *trio) copyFirst(t *testing.T) {
	t.Helper()
	for _, n := range c.nodes[1:] {
		if err := os.RemoveAll(filepath.Join(n.dir, "chatd-data")); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(n.dir, os.DirFS(c.nodes[0].dir)); err != nil {
			t.Fatal(err)
		}
	}
}

// checkLobby holds that all nodes have the same lobby, with so many messages,
// and are ready.
func (c *trio) checkLobby(t *testing.T, epoch string, messages int) {
	t.Helper()
	for i, n := range c.nodes {
		api := &client.API{URL: n.url}
		var list []wire.Message
		await(c.ctx, t, fmt.Sprintf("node %d to have all", i), func() bool {
			list = wholeRoom(c.ctx, t, api, "lobby")
			return len(list) == messages
		})
		checkOrder(t, "lobby", list)
		if room, err := api.Room(c.ctx, "lobby"); err != nil || room.Epoch != epoch {
			t.Errorf("node %d: the lobby was of epoch %s, and is %+v, %v", i, epoch, room, err)
		}
		if !n.ready(c.ctx) {
			t.Errorf("node %d is not ready", i)
		}
	}
}
