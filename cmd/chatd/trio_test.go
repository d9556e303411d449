package main

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/rooms/roomstest"
)

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
	out   bool              // the balancer gives it nobody
	conns map[net.Conn]bool // true once it has answered
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

// shun has the balancer give the node nobody any more. Who is there stays, and
// whoever is at the door comes in.
func (n *node) shun(ctx context.Context, t *testing.T) {
	t.Helper()
	n.mu.Lock()
	n.out = true
	n.mu.Unlock()
	await(ctx, t, "those at the door to come in", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, answered := range n.conns {
			if !answered {
				return false
			}
		}
		return true
	})
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
	n.conns[conn] = false
	return true
}

// answered notes that the node has answered on a connection.
func (n *node) answered(conn net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, held := n.conns[conn]; held {
		n.conns[conn] = true
	}
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
			defer from.Close()
			if _, err := io.CopyN(from, to, 1); err == nil {
				n.answered(to)
				_, _ = io.Copy(from, to)
			}
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
