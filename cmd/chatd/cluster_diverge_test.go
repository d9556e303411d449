package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
	"chatd/rooms/sqlite"
)

// A node whose tables were meddled with shows by what applying comes to, and
// serves nobody any more. The other two go on; emptied, it comes back whole.
func TestClusterDivergence(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts three servers")
	}
	c := newTrio(t, 2*time.Minute)
	api := &client.API{URL: c.nodes[0].url, Name: "Ana"}
	post := func(text string) {
		t.Helper()
		if _, err := api.Post(c.ctx, "lobby", wire.PostMessage{Message: text}); err != nil {
			t.Fatal(err)
		}
	}
	post("one")
	post("two")
	odd := c.nodes[2]
	await(c.ctx, t, "node 2 to have both", func() bool {
		_, err := (&client.API{URL: odd.url}).Message(c.ctx, "lobby", 2)
		return err == nil
	})
	if code := odd.stop(); code != exitOK {
		t.Fatalf("node 2 exited with %d", code)
	}
	db, err := sql.Open("sqlite", filepath.Join(odd.dir, "chatd-data", sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(c.ctx, "DELETE FROM messages WHERE seq = 2"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	odd.start(c.ctx, t)
	post("three")
	await(c.ctx, t, "node 2 to notice", func() bool { return !odd.ready(c.ctx) && strings.Contains(odd.log(), "DIVERGED") })
	if _, err := (&client.API{URL: odd.url}).Room(c.ctx, "lobby"); err == nil {
		t.Error("the node that differs still answers")
	}
	if !regexp.MustCompile(`DIVERGED.* upto=\d+ rooms="?\[lobby\b`).MatchString(odd.log()) {
		t.Error("the log of the node that differs does not say in which room")
	}
	for i, n := range c.nodes[:2] {
		if !n.ready(c.ctx) {
			t.Errorf("node %d is not ready", i)
		}
	}

	odd.stop()
	if err := os.RemoveAll(filepath.Join(odd.dir, "chatd-data")); err != nil {
		t.Fatal(err)
	}
	odd.start(c.ctx, t)
	post("four")
	list := wholeRoom(c.ctx, t, &client.API{URL: odd.url}, "lobby")
	await(c.ctx, t, "node 2 to have all", func() bool {
		list = wholeRoom(c.ctx, t, &client.API{URL: odd.url}, "lobby")
		return len(list) == 4
	})
	checkOrder(t, "lobby", list)
}
