package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
	"chatd/rooms/roomstest"
)

// clusterCertificate returns the flags for a certificate that signs itself, which
// all nodes of this machine may share.
func clusterCertificate(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	newCertificate(t, dir, 1)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	return []string{"--cluster-tls-cert", cert, "--cluster-tls-key", key, "--cluster-tls-ca", cert}
}

var connectedTo = regexp.MustCompile(`connected to a server of the journal" address=(\S+)`)

// TestEdge has an edge beside three nodes: it is a part of the chat like them. It
// is killed, emptied and comes back; the node that it is connected to is killed,
// and the edge goes on with another. All of it over TLS, and with what was said
// before there was a journal, which only a snapshot tells.
func TestEdge(t *testing.T) {
	if testing.Short() {
		t.Skip("starts four servers")
	}
	t.Parallel()
	c := makeTrio(t, 2*time.Minute)
	secure := clusterCertificate(t)
	doors := roomstest.FreeAddresses(t, len(c.nodes))
	alone := serveIn(t, c.nodes[0].dir)
	say := func(url, text string) {
		t.Helper()
		if _, err := (&client.API{URL: url, Name: "Ana"}).Post(c.ctx, "lobby", wire.PostMessage{Message: text, ID: client.NewID()}); err != nil {
			t.Fatal(err)
		}
	}
	say(alone.URL, "alone")
	if code := alone.stop(); code != exitOK {
		t.Fatalf("the server exited with %d", code)
	}
	c.copyFirst(t)
	for i, n := range c.nodes {
		n.args = slices.Concat(n.args, secure, []string{"--cluster-edges", doors[i]})
	}
	c.start(t)
	await(c.ctx, t, "a snapshot", func() bool {
		return slices.ContainsFunc(c.nodes[:], func(n *node) bool { return strings.Contains(n.log(), "made a snapshot") })
	})

	edge := &node{dir: t.TempDir(), url: "http://" + roomstest.FreeAddresses(t, 1)[0]}
	edge.args = append([]string{
		"chatd", "serve", "--listen", strings.TrimPrefix(edge.url, "http://"), "--insecure", "--role", "edge",
		"--cluster-name", "test", "--cluster-peers", strings.Join(doors, ","), "--cluster-secret", c.secret,
	}, secure...)
	begin := func() {
		t.Helper()
		edge.start(c.ctx, t)
		if t.Failed() {
			t.FailNow()
		}
	}
	begin()
	t.Cleanup(func() {
		edge.kill()
		if t.Failed() {
			t.Logf("the log of the edge:\n%s", edge.log())
		}
	})
	have := func(n *node, messages int) {
		t.Helper()
		var list []wire.Message
		await(c.ctx, t, fmt.Sprintf("%s to have %d messages", n.url, messages), func() bool {
			list = wholeRoom(c.ctx, t, &client.API{URL: n.url}, "lobby")
			return len(list) == messages
		})
		checkOrder(t, "lobby", list)
	}
	if !strings.Contains(edge.log(), "begins anew with a snapshot") {
		t.Error("it did not begin with a snapshot")
	}
	say(edge.url, "from the edge")
	say(c.nodes[1].url, "from a node")
	have(edge, 3)
	join(c.ctx, t, edge.url, client.Options{Room: "lobby", Name: "there"})
	join(c.ctx, t, c.nodes[0].url, client.Options{Room: "lobby", Name: "here"})
	for _, n := range append(c.nodes[:], edge) {
		await(c.ctx, t, n.url+" to know of both members", func() bool {
			list, err := (&client.API{URL: n.url}).Members(c.ctx, "lobby", "")
			return err == nil && list.Online == 2
		})
	}

	edge.kill()
	say(c.nodes[2].url, "while the edge was away")
	if err := os.RemoveAll(filepath.Join(edge.dir, "chatd-data")); err != nil {
		t.Fatal(err)
	}
	begin()
	have(edge, 4)

	// What it is connected to dies.
	to := connectedTo.FindAllStringSubmatch(edge.log(), -1)
	if len(to) == 0 {
		t.Fatal("it does not say what it is connected to")
	}
	lost := c.nodes[slices.Index(doors, to[len(to)-1][1])]
	lost.kill()
	began := time.Now()
	say(edge.url, "through another node")
	t.Logf("a post through the edge took %v", time.Since(began).Round(time.Millisecond))
	for _, n := range append(c.nodes[:], edge) {
		if n != lost {
			have(n, 5)
		}
	}
	lost.start(c.ctx, t)
	have(lost, 5)
	await(c.ctx, t, "the edge to be ready", func() bool { return edge.ready(c.ctx) })

	if code := edge.stop(); code != exitOK {
		t.Errorf("the edge exited with %d", code)
	}
}
