package jetstream_test

import (
	"context"
	"crypto/tls"
	"strings"
	"sync/atomic"
	"testing"

	"chatd/rooms"
	"chatd/rooms/jetstream"
	"chatd/rooms/roomstest"
)

// An edge keeps no part of the journal, reads it and proposes all the same. Who
// has not the secret, or no certificate of the right authority, is turned away,
// and both logs say why.
func TestEdge(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	address := roomstest.FreeAddresses(t, 2)
	inside := newLines()
	c := config(t, t.TempDir(), 0, address[:1], 0)
	c.Edges, c.TLS, c.Logger = address[1], ours.of(t, "127.0.0.1"), inside.logger(t)
	node := newCluster(t, c)
	run(t, node, func(context.Context, []rooms.Entry) error { return nil })
	edge := func(t *testing.T, log *lines, change func(*jetstream.Config)) *jetstream.Cluster {
		c := jetstream.Config{
			Name: c.Name, Dir: t.TempDir(), Edge: true, Peers: address[1:], Secret: c.Secret,
			TLS: ours.of(t, "edge.example"), Logger: log.logger(t),
		}
		if change != nil {
			change(&c)
		}
		return newCluster(t, c)
	}

	<-node.Begun()
	propose(t, node)
	good, given := edge(t, newLines(), nil), newTables()
	run(t, good, given.apply)
	<-good.Begun()
	propose(t, good)
	given.until(t, 2)

	for name, intruder := range map[string]struct {
		change      func(*jetstream.Config)
		within, own string
	}{
		"another secret": {func(c *jetstream.Config) { c.Secret = "a guess at the secret" }, "another secret than this cluster's", "Authorization Violation"},
		"another name":   {func(c *jetstream.Config) { c.Name = "other" }, "another secret than this cluster's", "Authorization Violation"},
		"no certificate of ours": {func(c *jetstream.Config) {
			c.TLS.Certificate = renewed(c.TLS.Certificate, theirs.of(t, "edge.example").Certificate)
		}, "signed by unknown authority", "tls"}, // its alert, or a connection that ended before that was read
		"a false node": {func(c *jetstream.Config) { c.TLS = theirs.of(t, "edge.example") }, "does not take this node's certificate", "signed by unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			log := newLines()
			bad := edge(t, log, intruder.change)
			run(t, bad, func(context.Context, []rooms.Entry) error {
				t.Error("it was given entries")
				return nil
			})
			inside.until(t, intruder.within)
			log.until(t, "no server of the journal can be reached", intruder.own)
			if bad.Ready() == nil {
				t.Error("it says that it is ready")
			}
		})
	}

	// Only its own name does not matter.
	c.Edge, c.Edges, c.Listen, c.Peers, c.TLS = true, "", "", address[1:], theirs.of(t, "edge.example")
	c.TLS.CA = ours.pool
	if _, err := jetstream.New(t.Context(), c); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("a certificate that the nodes would refuse: %v", err)
	}
}

// renewed is one certificate at the start, and another ever after.
func renewed(first, then func() *tls.Certificate) func() *tls.Certificate {
	var asked atomic.Bool
	return func() *tls.Certificate {
		if asked.Swap(true) {
			return then()
		}
		return first()
	}
}
