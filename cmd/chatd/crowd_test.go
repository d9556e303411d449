package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
	"chatd/rooms"
)

// crowd is members in several rooms, each posting and following, and the server
// that they do it on.
type crowd struct {
	ctx                context.Context //nolint:containedctx // the test's, for all steps of one test
	server             *process
	args               []string
	data, address, url string
	members            []*crowdMember
	acks               atomic.Int64
	following, posting sync.WaitGroup
	endFollowing       context.CancelFunc
	stop               chan struct{}
	// settle, if not nil, waits until whoever may be asked has a room up to seq.
	settle func(t *testing.T, room string, seq uint64)
}

var crowdRooms = []string{"lobby", "ops", "noise"}

func newCrowd(t *testing.T, args ...string) *crowd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(*crashRounds)*10*time.Second)
	t.Cleanup(cancel)
	c := &crowd{ctx: ctx, server: serveProcess(t, args...), args: args}
	c.url, c.data = c.server.URL, c.server.cmd.Dir
	c.address = strings.TrimPrefix(c.url, "http://")
	c.enter(t)
	return c
}

// enter makes the rooms, and the members that post and follow in them.
func (c *crowd) enter(t *testing.T) {
	t.Helper()
	const perRoom = 6
	ctx := c.ctx
	c.stop = make(chan struct{})
	api := &client.API{URL: c.url}
	for _, id := range crowdRooms[1:] {
		if _, err := api.CreateRoom(ctx, wire.CreateRoom{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	follow, endFollowing := context.WithCancel(ctx)
	c.endFollowing = endFollowing
	t.Cleanup(endFollowing)
	for _, room := range crowdRooms {
		for i := range perRoom {
			m := newCrowdMember(c.url, room, fmt.Sprintf("%s-%d", room, i))
			c.members = append(c.members, m)
			c.following.Go(func() { m.follow(follow) })
			select {
			case <-m.joined: // so that it follows the room from its beginning
			case <-ctx.Done():
				t.Fatal("a member could not join")
			}
		}
	}
	for _, m := range c.members {
		c.posting.Go(func() { m.post(ctx, &c.acks, c.stop) })
	}
}

// hear waits until n posts more are acknowledged.
func (c *crowd) hear(t *testing.T, n int64) {
	t.Helper()
	target := c.acks.Load() + n
	await(c.ctx, t, "posts to be acknowledged", func() bool { return c.acks.Load() >= target })
}

// restart starts the server that has ended again, at the same address.
func (c *crowd) restart(t *testing.T) {
	t.Helper()
	c.server = serveIn(t, c.data, append([]string{"--listen", c.address}, c.args...)...)
}

// finish lets the members come to the end of what they do, checks it all, and
// stops the server.
func (c *crowd) finish(t *testing.T) {
	t.Helper()
	c.leave(t)
	if code := c.server.stop(); code != exitOK {
		t.Errorf("chatd exited with %d", code)
	}
}

// leave lets the members come to the end of what they do, and checks it all.
func (c *crowd) leave(t *testing.T) {
	t.Helper()
	close(c.stop)
	c.posting.Wait()
	var repeats, lost int
	for _, room := range crowdRooms {
		if c.settle != nil {
			c.settle(t, room, c.lastAck(room))
		}
		history := wholeRoom(c.ctx, t, &client.API{URL: c.url}, room)
		checkOrder(t, room, history)
		byID := make(map[string]wire.Message)
		for _, msg := range history {
			if _, twice := byID[msg.ID]; twice {
				t.Errorf("%s: id %s is there twice", room, msg.ID)
			}
			byID[msg.ID] = msg
		}
		for _, m := range c.members {
			if m.room != room {
				continue
			}
			await(c.ctx, t, m.name+" to read to the end", func() bool { return m.seen() >= len(history) })
			m.check(t, history, byID)
			repeats += m.duplicates
			lost += len(m.losses) + len(m.attempts)
		}
		checkResume(c.ctx, t, c.url, room, history)
	}
	c.endFollowing()
	c.following.Wait()
	t.Logf("%d posts acknowledged, %d of them at a repeat, %d connections and attempts failed", c.acks.Load(), repeats, lost)
}

// lastAck is the newest seq that was acknowledged in a room.
func (c *crowd) lastAck(room string) (seq uint64) {
	for _, m := range c.members {
		for _, ack := range m.posted {
			if m.room == room {
				seq = max(seq, ack.Seq)
			}
		}
	}
	return seq
}

// crowdMember posts in a room and follows it.
type crowdMember struct {
	name, room string
	joined     chan struct{}
	live       *client.Room

	// Of the poster, read when it has ended.
	posted     []wire.Ack
	duplicates int
	problems   []string

	mu     sync.Mutex // guards what follow writes
	heard  []wire.MessageChange
	wrong  []string
	fresh  int // welcomes that did not resume
	failed error

	connected        bool
	welcomes         int
	losses, attempts []error // why connections ended, why others did not come about
}

func newCrowdMember(url, room, name string) *crowdMember {
	return &crowdMember{
		name: name, room: room, joined: make(chan struct{}),
		live: client.NewRoom(url, client.Options{Room: room, Name: name, MaxWait: 200 * time.Millisecond}),
	}
}

func (m *crowdMember) follow(ctx context.Context) {
	err := m.live.Run(ctx, func(e client.Event) {
		m.mu.Lock()
		defer m.mu.Unlock()
		switch {
		case e.Type == client.TypeLost:
			if m.connected {
				m.losses = append(m.losses, e.Err)
			} else {
				m.attempts = append(m.attempts, e.Err)
			}
			m.connected = false
		case e.Welcome != nil:
			m.connected = true
			if !e.Welcome.Recovered {
				m.fresh++
			}
			if m.welcomes++; m.welcomes == 1 {
				close(m.joined)
			}
		case e.Message != nil && e.Past:
			m.wrong = append(m.wrong, fmt.Sprintf("rev %d came again", e.Message.Rev))
		case e.Message != nil:
			m.heard = append(m.heard, *e.Message)
		case e.Err != nil:
			m.wrong = append(m.wrong, e.Err.Error())
		}
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() == nil {
		m.failed = err
	}
}

// post posts one numbered message after the other, each until it is
// acknowledged.
func (m *crowdMember) post(ctx context.Context, acks *atomic.Int64, stop <-chan struct{}) {
	for n := 1; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		text := fmt.Sprintf("%s says %d", m.name, n)
		ack, err := m.live.Post(ctx, text)
		if err != nil {
			m.problems = append(m.problems, fmt.Sprintf("posting %q: %v", text, err))
			return
		}
		if ack.Duplicate {
			m.duplicates++
		}
		m.posted = append(m.posted, ack)
		acks.Add(1)
	}
}

// checkLosses holds that the member lost no more connections than the servers
// were restarted, and that each was closed with the code that says so.
func (m *crowdMember) checkLosses(t *testing.T, restarts int) {
	t.Helper()
	if len(m.losses) > restarts {
		t.Errorf("%s lost %d connections in %d restarts", m.name, len(m.losses), restarts)
	}
	for _, err := range m.losses {
		if closed, ok := errors.AsType[*client.Closed](err); !ok || closed.Code != wire.CloseRestart {
			t.Errorf("%s lost a connection with: %v", m.name, err)
		}
	}
}

func (m *crowdMember) welcomed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.welcomes
}

func (m *crowdMember) seen() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.heard)
}

// check holds what the member was told against the history that is stored.
func (m *crowdMember) check(t *testing.T, history []wire.Message, byID map[string]wire.Message) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, problem := range append(m.problems, m.wrong...) {
		t.Errorf("%s: %s", m.name, problem)
	}
	if m.failed != nil || m.fresh != 1 {
		t.Errorf("%s: gave up with %v, began afresh %d times", m.name, m.failed, m.fresh)
	}
	var before uint64
	for i, ack := range m.posted {
		text := fmt.Sprintf("%s says %d", m.name, i+1)
		if stored, ok := byID[ack.ID]; !ok || stored.Seq != ack.Seq || stored.Rev != ack.Rev || stored.Message != text {
			t.Errorf("%s: %q was acknowledged as %+v, but there is %+v", m.name, text, ack, stored)
		}
		if ack.Seq <= before {
			t.Errorf("%s: %q is at %d, before the one posted earlier", m.name, text, ack.Seq)
		}
		before = ack.Seq
	}
	if len(m.heard) != len(history) {
		t.Errorf("%s was told %d messages, there are %d", m.name, len(m.heard), len(history))
	}
	for i, got := range m.heard[:min(len(m.heard), len(history))] {
		if want := history[i]; got.Seq != want.Seq || got.ID != want.ID || got.Message.Message != want.Message {
			t.Errorf("%s was told %d %q, where there is %d %q", m.name, got.Seq, got.Message.Message, want.Seq, want.Message)
			return
		}
	}
}

// checkOrder holds that each seq is there once, without a hole, and that no
// text is there twice.
func checkOrder(t *testing.T, room string, history []wire.Message) {
	t.Helper()
	texts := make(map[string]uint64)
	for i, msg := range history {
		if msg.Seq != uint64(i+1) {
			t.Errorf("%s: seq %d is where %d should be", room, msg.Seq, i+1)
			return
		}
		if first, twice := texts[msg.Message]; twice {
			t.Errorf("%s: %q is at %d and at %d", room, msg.Message, first, msg.Seq)
		}
		texts[msg.Message] = msg.Seq
	}
}

// checkResume resumes from a random place and must be told all that follows.
func checkResume(ctx context.Context, t *testing.T, url, room string, history []wire.Message) {
	t.Helper()
	probe := join(ctx, t, url, client.Options{Room: room})
	after := rand.IntN(len(history))
	s := join(ctx, t, url, client.Options{Room: room, After: fmt.Sprintf("%s:%d", probe.Welcome.Epoch, after)})
	if !s.Welcome.Recovered {
		t.Errorf("%s: did not resume from %d of %d", room, after, len(history))
		return
	}
	for _, want := range history[after:] {
		if got := nextChat(ctx, t, s); got.Seq != want.Seq || got.ID != want.ID {
			t.Errorf("%s: resuming from %d gave %d where %d is next", room, after, got.Seq, want.Seq)
			return
		}
	}
}

// wholeRoom reads all messages of a room, page by page.
func wholeRoom(ctx context.Context, t *testing.T, api *client.API, room string) []wire.Message {
	t.Helper()
	var all []wire.Message
	patiently(ctx, t, "message 1 of "+room, func() error {
		first, err := api.Message(ctx, room, 1)
		all = []wire.Message{first}
		return err
	})
	for {
		var page wire.MessageList
		patiently(ctx, t, "the history of "+room, func() (err error) {
			page, err = api.Messages(ctx, room, client.Page{After: all[len(all)-1].Seq, Limit: 200})
			return err
		})
		if len(page.Messages) == 0 {
			return all
		}
		all = append(all, page.Messages...)
	}
}

// patiently asks again while a node answers that it is catching up.
func patiently(ctx context.Context, t *testing.T, what string, ask func() error) {
	t.Helper()
	await(ctx, t, what, func() bool {
		err := ask()
		refusal, refused := errors.AsType[*client.Error](err)
		if err != nil && (!refused || refusal.Code != string(rooms.CodeUnavailable)) {
			t.Fatal(err)
		}
		return err == nil
	})
}

// await waits until the condition holds.
func await(ctx context.Context, t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s: %v", what, context.Cause(ctx))
		}
	}
}
