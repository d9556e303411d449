package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

var clusterFaults = flag.Int("cluster.faults", 3, "how many faults TestClusterFaults makes; 30 is the long form")

// TestClusterFaults has a crowd post and follow through three nodes, while one
// after the other is killed, or stopped for a while. Every acknowledged message
// must be there exactly once, on all nodes, in one order, and whoever followed
// must have been told all of it, once.
func TestClusterFaults(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	c := newTrio(t, 2*time.Minute+time.Duration(*clusterFaults)*30*time.Second)
	crowd := &crowd{ctx: c.ctx, url: "http://" + c.address, settle: c.awaitSeq}
	crowd.enter(t)
	crowd.hear(t, 100)
	for fault := range *clusterFaults {
		which := (fault + fault/len(c.nodes)) % len(c.nodes)
		n := c.nodes[which]
		began := time.Now()
		how := "was killed"
		if fault%3 == 2 {
			how = "was stopped"
			atLeast := 5 * time.Second
			if fault > 2 {
				atLeast = 20 * time.Second
			}
			c.suspend(t, crowd, n, atLeast)
		} else {
			n.kill()
			n.leave()
			crowd.hear(t, 30+rand.Int64N(100)) // the other two go on
			n.start(c.ctx, t)
			n.enter()
		}
		crowd.hear(t, 50)
		t.Logf("node %d %s; after %v all was as before", which, how, time.Since(began).Round(time.Millisecond))
	}
	c.awaitReady(t)
	crowd.leave(t)
	c.checkEqual(t)
	for i, n := range c.nodes {
		if code := n.stop(); code != exitOK {
			t.Errorf("node %d exited with %d:\n%s", i, code, n.log())
		}
	}
}

// TestClusterIsOneChat uses each node for something, and looks at the others.
// They speak TLS.
func TestClusterIsOneChat(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts three servers")
	}
	c := makeTrio(t, 2*time.Minute)
	secure := clusterCertificate(t)
	for _, n := range c.nodes {
		n.args = append(n.args, secure...)
	}
	c.start(t)
	api := make([]*client.API, len(c.nodes))
	for i, n := range c.nodes {
		api[i] = &client.API{URL: n.url, Name: "Ana"}
	}
	everywhere := func(what string, holds func(*client.API) bool) {
		t.Helper()
		for i := range api {
			await(c.ctx, t, fmt.Sprintf("%s on node %d", what, i), func() bool { return holds(api[i]) })
		}
	}

	for n := range 20 { // what one node has made, another does not deny
		id := fmt.Sprint("room-", n)
		if _, err := api[n%3].CreateRoom(c.ctx, wire.CreateRoom{ID: id}); err != nil {
			t.Fatal(err)
		}
		for i := range api {
			if _, err := api[i].Room(c.ctx, id); err != nil {
				t.Errorf("made on node %d, asked for on node %d: %v", n%3, i, err)
			}
		}
	}
	if _, err := api[0].CreateRoom(c.ctx, wire.CreateRoom{ID: "ops"}); err != nil {
		t.Fatal(err)
	}
	posted, err := api[1].Post(c.ctx, "ops", wire.PostMessage{ID: "once", Message: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range api { // a repeat anywhere is the same message
		again, err := api[i].Post(c.ctx, "ops", wire.PostMessage{ID: "once", Message: "hello"})
		if err != nil || again.Seq != posted.Seq || again.At != posted.At {
			t.Errorf("a repeat on node %d gives %+v, %v", i, again, err)
		}
	}
	epochs := make(map[string]bool)
	everywhere("the lobby", func(a *client.API) bool {
		room, err := a.Room(c.ctx, "lobby")
		epochs[room.Epoch] = true
		return err == nil
	})
	if len(epochs) != 1 {
		t.Errorf("the nodes have different lobbies: %v", epochs)
	}

	for i, n := range c.nodes {
		join(c.ctx, t, n.url, client.Options{Room: "ops", Name: fmt.Sprint("on node ", i)})
	}
	online := func(want int) func(*client.API) bool {
		return func(a *client.API) bool {
			list, err := a.Members(c.ctx, "ops", "")
			return err == nil && list.Online == want && len(list.Members) == want
		}
	}
	everywhere("the members of all nodes", online(3))
	c.doctor(t, nil, `ok    cluster      test: \S+ \(node\), \S+ \(node\), \S+ \(node\)`, `ok    settings `, `ok    clocks `,
		`ok    position     \S+ has applied (\d+) of (\d+)`, `ok    history `, `ok    journal      led by 127\S+, and complete on 3 servers`)
	c.nodes[2].kill()
	api = api[:2]
	lost := time.Now()
	everywhere("two members after a node died", online(2))
	if took := time.Since(lost); took > 10*time.Second {
		t.Errorf("its member was there for another %v", took)
	}
	c.doctor(t, errUnwell, `FAIL  ready        \S+ does not answer`, `FAIL  journal      127\S+, which keeps a part of it, `,
		`→ .* Until then the cluster can lose no other`)
	c.nodes[2].args = append(c.nodes[2].args, "--post-rate", "7")
	c.nodes[2].start(c.ctx, t)
	c.doctor(t, errUnwell, `FAIL  settings     --post-rate: \S+ has "20", \S+ has "20", \S+ has "7"`, `ok    journal `)
}
