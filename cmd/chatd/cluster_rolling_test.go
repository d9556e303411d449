package main

import (
	"errors"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/rooms"
)

// TestClusterRollingRestart restarts one node after the other under load, as an
// upgrade does. Nothing is lost, nothing is there twice, all have one order, and
// nobody notices more than that a node goes away: one connection for each
// restart at most, closed with a code that says so. A node that comes to lack
// something again may ask whoever comes to try another.
func TestClusterRollingRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	t.Parallel()
	c := newTrio(t, 4*time.Minute)
	crowd := &crowd{ctx: c.ctx, url: "http://" + c.address, settle: c.awaitSeq}
	crowd.enter(t)
	for i, n := range c.nodes {
		crowd.hear(t, 100)
		n.shun(c.ctx, t)
		began := time.Now()
		if code := n.stop(); code != exitOK {
			t.Errorf("node %d exited with %d:\n%s", i, code, n.log())
		}
		stopped := time.Since(began)
		crowd.hear(t, 100)
		n.start(c.ctx, t)
		n.enter()
		t.Logf("node %d took %v to stop; after %v it was back", i, stopped.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	}
	crowd.hear(t, 100)
	c.awaitReady(t)
	crowd.leave(t)
	c.checkEqual(t)
	for _, m := range crowd.members {
		m.checkLosses(t, len(c.nodes))
		for _, err := range m.attempts {
			if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Code != string(rooms.CodeUnavailable) {
				t.Errorf("%s could not connect: %v", m.name, err)
			}
		}
	}
}
