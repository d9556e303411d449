package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"chatd/handlers/client"
	"chatd/handlers/wire"
	"chatd/rooms"
)

// shown is the newest message of a room: to the checker it is the whole room,
// for what is before it was checked when it was the newest.
type shown struct {
	seq uint64
	id  string
}

// operation is a post, which came to be the newest message, or a read of it.
type operation struct {
	shown
	post bool
	node int // that answered; -1 for a post of which nobody knows
}

// roomModel is a room as one machine with one client would keep it: a post is the
// next message, a read shows the newest.
var roomModel = porcupine.Model{
	Init: func() any { return shown{} },
	Step: func(state, input, output any) (bool, any) {
		before, after := state.(shown), output.(shown)
		if input.(operation).post {
			return after.seq == before.seq+1, after
		}
		return after == before, before
	},
}

// recorded is what clients did in one room, and what came of it.
type recorded struct {
	room  string
	began time.Time
	acks  atomic.Int64

	mu   sync.Mutex
	done []porcupine.Operation
}

func (h *recorded) now() int64 { return int64(time.Since(h.began)) }

func (h *recorded) add(o operation, call, end int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = append(h.done, porcupine.Operation{Input: o, Output: o.shown, Call: call, Return: end})
}

// oneTry bounds one request: a node that is stopped does not answer.
const oneTry = 3 * time.Second

// use posts and reads through any node until stop is closed.
func (h *recorded) use(ctx context.Context, nodes []*node, stop <-chan struct{}) {
	stopped := func() bool {
		select {
		case <-stop:
			return true
		default:
			return ctx.Err() != nil
		}
	}
	for !stopped() {
		h.postOne(ctx, nodes, stopped)
		h.readOne(ctx, nodes)
	}
}

func (h *recorded) postOne(ctx context.Context, nodes []*node, stopped func() bool) {
	id, call := rooms.NewID(), h.now()
	for {
		which := rand.IntN(len(nodes))
		trying, cancel := context.WithTimeout(ctx, oneTry)
		m, err := (&client.API{URL: nodes[which].url, Name: "Ana"}).Post(trying, h.room, wire.PostMessage{ID: id, Message: id})
		cancel()
		switch {
		case err == nil:
			h.add(operation{shown{m.Seq, id}, true, which}, call, h.now())
			h.acks.Add(1)
			return
		case stopped():
			h.add(operation{shown{0, id}, true, -1}, call, math.MaxInt64)
			return
		}
	}
}

// readOne reads from a node that says that it is ready.
func (h *recorded) readOne(ctx context.Context, nodes []*node) {
	which := rand.IntN(len(nodes))
	n := nodes[which]
	ctx, cancel := context.WithTimeout(ctx, oneTry)
	defer cancel()
	call := h.now()
	if !n.ready(ctx) {
		return
	}
	page, err := (&client.API{URL: n.url}).Messages(ctx, h.room, client.Page{Limit: 3})
	if err != nil {
		return
	}
	var newest shown
	for _, m := range page.Messages {
		newest = shown{m.Seq, m.ID}
	}
	h.add(operation{newest, false, which}, call, h.now())
}

// check holds what was done against what is promised, now that the room has all
// of it in final.
func (h *recorded) check(t *testing.T, nodes int, final []wire.Message) {
	t.Helper()
	checkOrder(t, h.room, final)
	stored := make(map[string]uint64)
	for _, m := range final {
		stored[m.ID] = m.Seq
	}
	var posts, reads []porcupine.Operation
	for _, op := range h.done {
		o := op.Input.(operation)
		seq, there := stored[o.id]
		switch {
		case o.node < 0 && there:
			op.Output = shown{seq, o.id}
			posts = append(posts, op)
		case o.node < 0:
		case o.seq > 0 && seq != o.seq:
			t.Errorf("%s: %s was at %d, and is at %d", h.room, o.id, o.seq, seq)
		case o.post:
			posts = append(posts, op)
		default:
			reads = append(reads, op)
		}
	}
	verdict := func(what string, list []porcupine.Operation) {
		t.Helper()
		if result := porcupine.CheckOperationsTimeout(roomModel, list, time.Minute); result != porcupine.Ok {
			t.Errorf("%s: whether %s is linearizable: %v", h.room, what, result)
		}
	}
	verdict("what was posted", posts)
	// What a node shows is the room as one machine would show it to whom asks
	// there, but that what other nodes acknowledge may come up to 6 s later.
	for i := range nodes {
		var view []porcupine.Operation
		for _, op := range posts {
			if op.Input.(operation).node != i && op.Return < math.MaxInt64 {
				op.Return += int64(6 * time.Second)
			}
			view = append(view, op)
		}
		for _, op := range reads {
			if op.Input.(operation).node == i {
				view = append(view, op)
			}
		}
		verdict(fmt.Sprint("what node ", i, " shows"), view)
	}
	t.Logf("%s: %d posts and %d reads", h.room, len(posts), len(reads))
}

// TestClusterLinearizable has clients post and read through all nodes while each
// of them, the journal's leader among them, is killed or stopped in turn, and
// holds what they were told against a model of one machine.
func TestClusterLinearizable(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Parallel()
	c := newTrio(t, time.Minute+time.Duration(*clusterFaults)*30*time.Second)
	for round := range max(1, *clusterFaults/len(c.nodes)) {
		h := &recorded{room: fmt.Sprint("round-", round), began: time.Now()}
		if _, err := (&client.API{URL: c.nodes[0].url}).CreateRoom(c.ctx, wire.CreateRoom{ID: h.room}); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var using sync.WaitGroup
		for range 4 {
			using.Go(func() { h.use(c.ctx, c.nodes[:], stop) })
		}
		hear := func(n int64) {
			target := h.acks.Load() + n
			await(c.ctx, t, "posts to be acknowledged", func() bool { return h.acks.Load() >= target })
		}
		for _, n := range c.nodes {
			hear(20)
			if round%2 == 0 {
				n.kill()
				hear(20)
				n.start(c.ctx, t)
				continue
			}
			if err := n.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			over := time.Now().Add(8 * time.Second)
			hear(20)
			await(c.ctx, t, "a while", func() bool { return time.Now().After(over) })
			if err := n.cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
		}
		hear(20)
		close(stop)
		using.Wait()
		c.awaitReady(t)
		newest := slices.MaxFunc(h.done, func(a, b porcupine.Operation) int {
			return int(a.Output.(shown).seq) - int(b.Output.(shown).seq)
		})
		c.awaitSeq(t, h.room, newest.Output.(shown).seq)
		h.check(t, len(c.nodes), wholeRoom(c.ctx, t, &client.API{URL: c.nodes[0].url}, h.room))
	}
}

// The model refuses what must not be.
func TestRoomModel(t *testing.T) {
	at := func(o operation, call, end int64) porcupine.Operation {
		return porcupine.Operation{Input: o, Output: o.shown, Call: call, Return: end}
	}
	post := func(seq uint64, id string) operation { return operation{shown{seq, id}, true, 0} }
	read := func(seq uint64, id string) operation { return operation{shown{seq, id}, false, 0} }
	for name, c := range map[string]struct {
		want bool
		list []porcupine.Operation
	}{
		"at once":               {true, []porcupine.Operation{at(post(2, "b"), 0, 9), at(post(1, "a"), 1, 8), at(read(1, "a"), 2, 7)}},
		"one after the other":   {true, []porcupine.Operation{at(post(1, "a"), 0, 1), at(read(1, "a"), 2, 3), at(post(2, "b"), 4, 5)}},
		"the later one earlier": {false, []porcupine.Operation{at(post(2, "b"), 0, 1), at(post(1, "a"), 2, 3)}},
		"one place for two":     {false, []porcupine.Operation{at(post(1, "a"), 0, 9), at(post(1, "b"), 0, 9)}},
		"a read of the past":    {false, []porcupine.Operation{at(post(1, "a"), 0, 1), at(post(2, "b"), 2, 3), at(read(1, "a"), 4, 5)}},
		"a read of another":     {false, []porcupine.Operation{at(post(1, "a"), 0, 1), at(read(1, "b"), 2, 3)}},
		"time goes back":        {false, []porcupine.Operation{at(post(1, "a"), 0, 9), at(read(1, "a"), 1, 2), at(read(0, ""), 3, 4)}},
	} {
		if got := porcupine.CheckOperations(roomModel, c.list); got != c.want {
			t.Errorf("%s: linearizable: %t", name, got)
		}
	}
}
