package main

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// TestClusterWithoutQuorum kills two nodes of three. The third acknowledges
// nothing, and its page says so; reading and search go on. When the others are
// back, what was said is there, once.
func TestClusterWithoutQuorum(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	t.Parallel()
	browser := newBrowser(t)
	c := newTrio(t, 2*time.Minute)
	left := c.nodes[2]
	api := &client.API{URL: left.url, Name: "Ben"}
	if _, err := api.Post(c.ctx, "lobby", wire.PostMessage{Message: "needle"}); err != nil {
		t.Fatal(err)
	}
	page := openPage(t, browser, left.url, "lobby", "Ana")
	found := func() bool {
		req, err := http.NewRequestWithContext(c.ctx, http.MethodGet, left.url+"/search?q=needle", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var body strings.Builder
		_ = resp.Write(&body)
		return resp.StatusCode == http.StatusOK && strings.Contains(body.String(), `"message":"needle"`)
	}
	await(c.ctx, t, "the message to be found", found)
	for _, n := range c.nodes[:2] {
		n.kill()
	}

	page.say("is anybody there?")
	page.until(`!ui.view.banner.hidden && ui.view.banner.innerText.includes("cannot store anything")`)
	page.until(`ui.row("is anybody there?") && ui.view.room.outbox.length === 1`)
	await(c.ctx, t, "the node to say that it is not ready", func() bool { return !left.ready(c.ctx) })
	lost := wire.PostMessage{ID: "once", Message: "said to nobody"}
	trying, cancel := context.WithTimeout(c.ctx, 2*time.Second)
	defer cancel()
	if m, err := api.Post(trying, "lobby", lost); err == nil {
		t.Errorf("one node of three acknowledged %+v", m)
	}
	// Where it knows of an entry that it did not get before the others were gone,
	// it refuses to read until it counts as cut off.
	await(c.ctx, t, "one node of three to read", func() bool {
		_, ok := left.newest(c.ctx, t)
		return ok
	})
	began := time.Now()
	for range 10 {
		if seq, ok := left.newest(c.ctx, t); !ok || seq != 1 || !found() {
			t.Errorf("one node of three answers a read with %d, %t", seq, ok)
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("ten reads and searches on one node of three took %v", took)
	}

	hearsWhileItWaits(c.ctx, t, left.url)

	var starting sync.WaitGroup
	for _, n := range c.nodes[:2] {
		starting.Go(func() { n.start(c.ctx, t) })
	}
	starting.Wait()
	if _, err := api.Post(c.ctx, "lobby", lost); err != nil {
		t.Error(err)
	}
	page.until(`ui.view.room.outbox.length === 0 && ui.view.banner.hidden`)
	list := wholeRoom(c.ctx, t, &client.API{URL: c.nodes[0].url}, "lobby")
	checkOrder(t, "lobby", list)
	if len(list) != 3 {
		t.Errorf("there are %d messages, not 3: %+v", len(list), list)
	}
}

// hearsWhileItWaits holds that a session whose frames cannot be stored is heard.
func hearsWhileItWaits(ctx context.Context, t *testing.T, server string) {
	t.Helper()
	s, err := client.Dial(ctx, server, client.Options{Room: "lobby", Name: "Cleo"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, f := range []wire.ClientFrame{
		// Nobody edits what others wrote: once there is a majority, no change.
		{Type: wire.TypeEdit, ID: "a", Seq: 1, Message: "mine"},
		{Type: wire.TypeEdit, ID: "b", Seq: 1, Message: "mine"},
		{Type: wire.TypePing},
	} {
		if err := s.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	for {
		switch f, err := s.Read(ctx); {
		case err != nil:
			t.Fatal(err)
		case f.Type == wire.TypePong:
			return
		case f.Type == wire.TypeAck || f.Type == wire.TypeError:
			t.Fatalf("before the pong came %s", f.Raw)
		}
	}
}
