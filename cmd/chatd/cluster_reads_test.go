package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
	"chatd/rooms"
)

// newest is the newest seq of the lobby that the node shows. ok tells whether it
// answers; any refusal but that it catches up fails the test.
func (n *node) newest(ctx context.Context, t *testing.T) (seq uint64, ok bool) {
	t.Helper()
	list, err := (&client.API{URL: n.url}).Messages(ctx, "lobby", client.Page{Limit: 1})
	if problem, refused := errors.AsType[*client.Error](err); refused && problem.Code == string(rooms.CodeUnavailable) {
		return 0, false
	}
	if err != nil || len(list.Messages) != 1 {
		t.Fatalf("the newest message of a node: %+v, %v", list, err)
	}
	return list.Messages[0].Seq, true
}

// fill posts n messages in the lobby, many at a time, and returns the seq up to
// which the lobby is filled.
func (n *node) fill(ctx context.Context, t *testing.T, count int) uint64 {
	t.Helper()
	var posting sync.WaitGroup
	var newest atomic.Uint64
	const hands = 16
	for i := range hands {
		posting.Go(func() {
			api := &client.API{URL: n.url, Name: fmt.Sprint("poster ", i)}
			for range count / hands {
				m, err := api.Post(ctx, "lobby", wire.PostMessage{Message: "text"})
				if err != nil {
					t.Errorf("a post: %v", err)
					return
				}
				for seq := newest.Load(); m.Seq > seq && !newest.CompareAndSwap(seq, m.Seq); seq = newest.Load() {
				}
			}
		})
	}
	posting.Wait()
	return newest.Load()
}

// TestClusterReads holds that a node which was away, killed or stopped, is not
// ready before it has what was acknowledged meanwhile, and does not answer with
// what it had.
func TestClusterReads(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	t.Parallel()
	c := newTrio(t, 2*time.Minute)
	c.nodes[0].fill(c.ctx, t, 16)

	// What one node has acknowledged, another that is asked for it has.
	for i := range 30 {
		m, err := (&client.API{URL: c.nodes[i%3].url}).Post(c.ctx, "lobby", wire.PostMessage{Message: "here"})
		if err != nil {
			t.Fatal(err)
		}
		for k, n := range c.nodes {
			if _, err := (&client.API{URL: n.url}).Message(c.ctx, "lobby", m.Seq); err != nil {
				t.Errorf("message %d, posted on node %d, asked for on node %d: %v", m.Seq, i%3, k, err)
			}
		}
	}

	away := c.nodes[2]
	if err := away.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	since := time.Now()
	want := c.nodes[0].fill(c.ctx, t, 480)
	await(c.ctx, t, "the node to be away for long", func() bool { return time.Since(since) > 8*time.Second })
	if err := away.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	await(c.ctx, t, "the node that was stopped to answer a read", func() bool {
		seq, ok := away.newest(c.ctx, t)
		if ok && seq < want {
			t.Errorf("a node that was stopped answers with %d, and %d was acknowledged", seq, want)
		}
		return ok
	})
	await(c.ctx, t, "the node that was stopped to be ready", func() bool { return away.ready(c.ctx) })

	away.kill()
	want = c.nodes[1].fill(c.ctx, t, 480)
	away.start(c.ctx, t)
	if seq, ok := away.newest(c.ctx, t); !ok || seq < want {
		t.Errorf("a node that has started answers with %d, and %d was acknowledged", seq, want)
	}
	if !away.ready(c.ctx) {
		t.Error("a node that has started is not ready")
	}
}
