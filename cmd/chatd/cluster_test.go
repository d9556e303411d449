package main

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
	"chatd/rooms/roomstest"
	"chatd/rooms/sqlite"
)

var clusterFaults = flag.Int("cluster.faults", 3, "how many faults TestClusterFaults makes; 30 is the long form")

// trio is three nodes on this machine, and a balancer before them.
type trio struct {
	ctx     context.Context //nolint:containedctx // the test's, for all steps of one test
	nodes   [3]*node
	address string // of the balancer
	secret  string // who does not know it is not let in

	mu   sync.Mutex
	next int // node that the next connection goes to
}

// node is one chatd of three.
type node struct {
	*process
	dir  string
	args []string
	url  string

	mu    sync.Mutex
	out   bool // the balancer gives it nobody
	conns map[net.Conn]bool
}

func newTrio(t *testing.T, lasts time.Duration) *trio {
	t.Helper()
	c := makeTrio(t, lasts)
	c.start(t)
	return c
}

// makeTrio makes nodes that have not started, each with an empty directory.
func makeTrio(t *testing.T, lasts time.Duration) *trio {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	t.Cleanup(cancel)
	c := &trio{ctx: ctx}
	c.make(t, roomstest.FreeAddresses(t, len(c.nodes)), roomstest.FreeAddresses(t, len(c.nodes)), nil)
	return c
}

// make makes the nodes. Each listens on one of the addresses for clients and on
// one of routes for its peers, and is run by what before returns.
func (c *trio) make(t *testing.T, addresses, routes []string, before func(i int) []string) {
	c.secret = crand.Text()
	for i, listen := range addresses {
		n := &node{dir: t.TempDir(), url: "http://" + listen, conns: make(map[net.Conn]bool)}
		if before != nil {
			n.args = before(i)
		}
		n.args = append(n.args, "chatd", "serve", "--listen", listen, "--insecure", "--cluster-name", "test",
			"--cluster-listen", routes[i], "--cluster-peers", strings.Join(routes, ","), "--cluster-secret", c.secret)
		c.nodes[i] = n
	}
}

// start starts all nodes, and the balancer.
func (c *trio) start(t *testing.T) {
	t.Helper()
	var starting sync.WaitGroup
	for _, n := range c.nodes {
		starting.Go(func() { n.start(c.ctx, t) })
	}
	starting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() {
		for i, n := range c.nodes {
			n.kill()
			if t.Failed() {
				t.Logf("the log of node %d:\n%s", i, n.log())
			}
		}
	})
	c.balance(t)
}

// start runs the node until it has caught up with the others.
func (n *node) start(ctx context.Context, t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	p, err := startCommand(ctx, n.dir, nil, n.args...)
	if err != nil {
		t.Errorf("a node did not start: %v\n%s", err, p.log())
	}
	n.process = p
}

// leave has the balancer take everybody from the node and give it nobody.
func (n *node) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.out = true
	for conn := range n.conns {
		_ = conn.Close()
	}
}

// shun has the balancer give the node nobody any more. Who is there stays.
func (n *node) shun() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.out = true
}

func (n *node) enter() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.out = false
}

// hold notes a connection to the node, false when there is to be none.
func (n *node) hold(conn net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.out {
		return false
	}
	n.conns[conn] = true
	return true
}

func (n *node) release(conn net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, conn)
}

// balance passes connections on to the nodes, in turn, so that whoever comes
// again comes to another.
func (c *trio) balance(t *testing.T) {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.address = ln.Addr().String()
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			passing.Go(func() { c.pass(conn) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		for _, n := range c.nodes {
			n.leave()
		}
		passing.Wait()
	})
}

func (c *trio) pass(from net.Conn) {
	defer from.Close()
	for range c.nodes {
		c.mu.Lock()
		n := c.nodes[c.next]
		c.next = (c.next + 1) % len(c.nodes)
		c.mu.Unlock()
		to, err := (&net.Dialer{Timeout: time.Second}).DialContext(c.ctx, "tcp", strings.TrimPrefix(n.url, "http://"))
		if err != nil {
			continue
		}
		if !n.hold(to) {
			_ = to.Close()
			continue
		}
		var back sync.WaitGroup
		back.Go(func() {
			_, _ = io.Copy(from, to)
			_ = from.Close()
		})
		_, _ = io.Copy(to, from)
		_ = to.Close()
		back.Wait()
		n.release(to)
		return
	}
}

// awaitReady waits until all nodes say that they are ready.
func (c *trio) awaitReady(t *testing.T) {
	t.Helper()
	for i, n := range c.nodes {
		await(c.ctx, t, fmt.Sprintf("node %d to be ready", i), func() bool { return n.ready(c.ctx) })
	}
}

func (n *node) ready(ctx context.Context) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// awaitSeq waits until every node has a room's messages up to seq. A node that
// has just come back answers with what it has.
func (c *trio) awaitSeq(t *testing.T, room string, seq uint64) {
	t.Helper()
	for i, n := range c.nodes {
		api := &client.API{URL: n.url}
		await(c.ctx, t, fmt.Sprintf("node %d to have %s up to %d", i, room, seq), func() bool {
			list, err := api.Messages(c.ctx, room, client.Page{Limit: 1})
			return err == nil && len(list.Messages) == 1 && list.Messages[0].Seq >= seq
		})
	}
}

// checkEqual holds that every node has the same messages in the same places.
func (c *trio) checkEqual(t *testing.T) {
	t.Helper()
	for _, room := range crowdRooms {
		var first []string
		for i, n := range c.nodes {
			api := &client.API{URL: n.url}
			if i > 0 {
				await(c.ctx, t, fmt.Sprintf("node %d to have all of %s", i, room), func() bool {
					list, err := api.Messages(c.ctx, room, client.Page{Limit: 1})
					return err == nil && len(list.Messages) == 1 && list.Messages[0].Seq >= uint64(len(first))
				})
			}
			var all []string
			for _, m := range wholeRoom(c.ctx, t, api, room) {
				all = append(all, fmt.Sprintf("%+v", m))
			}
			if i == 0 {
				first = all
				continue
			}
			if !slices.Equal(all, first) {
				t.Errorf("%s: node %d has %d messages, node 0 has %d, and they are not the same", room, i, len(all), len(first))
			}
		}
	}
}

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

// suspend stops the node for a while, and lets it go on when the others have
// gone on without it.
func (c *trio) suspend(t *testing.T, crowd *crowd, n *node, atLeast time.Duration) {
	t.Helper()
	signal := func(s syscall.Signal) {
		if err := n.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	n.leave()
	over := time.NewTimer(atLeast)
	defer over.Stop()
	crowd.hear(t, 100)
	select {
	case <-over.C:
	case <-c.ctx.Done():
		t.Fatal(context.Cause(c.ctx))
	}
	signal(syscall.SIGCONT)
	await(c.ctx, t, "the node that was stopped to be ready", func() bool { return n.ready(c.ctx) })
	n.enter()
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

// doctor examines the cluster until it comes to what is wanted: that all is well
// takes a moment.
func (c *trio) doctor(t *testing.T, want error, lines ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 30*time.Second)
	defer cancel()
	var out bytes.Buffer
	defer func() { t.Logf("the doctor says:\n%s", out.String()) }()
	await(ctx, t, "the doctor to find what there is", func() bool {
		out.Reset()
		err := runDoctor(c.ctx, []string{c.nodes[0].url, c.nodes[1].url, c.nodes[2].url}, console{out: &out, err: &out})
		return errors.Is(err, want) && !slices.ContainsFunc(lines, func(line string) bool {
			return !regexp.MustCompile("(?m)^ *" + line).Match(out.Bytes())
		})
	})
}

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
