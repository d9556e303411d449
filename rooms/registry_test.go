package rooms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"chatd/rooms"
	"chatd/rooms/sqlite"
)

// The tests drive a whole registry over a real store. Only the two ends are
// theirs: what a frame looks like, and how a reader behaves.

// plain encodes frames as words that tests can read.
type plain struct{}

func (plain) Welcome(w *rooms.Welcome) []byte {
	return fmt.Appendf(nil, "welcome rev=%d recovered=%t online=%d", w.Rev, w.Recovered, w.Online)
}

func (plain) Change(c *rooms.Change) []byte {
	if c.Kind == rooms.ChangeRoom {
		return fmt.Appendf(nil, "room rev=%d prev=%d %s", c.Rev, c.Prev, c.State.Topic)
	}
	return fmt.Appendf(nil, "%s rev=%d prev=%d seq=%d %s", c.Kind, c.Rev, c.Prev, c.Message.Seq, c.Message.Text)
}

func (plain) Event(e *rooms.Event) []byte {
	if e.Kind == rooms.EventTyping {
		return fmt.Appendf(nil, "typing %s", e.Who.Name)
	}
	return fmt.Appendf(nil, "presence %d", e.Online)
}

func (plain) Unread(u *rooms.Unread) []byte {
	return fmt.Appendf(nil, "unread %s count=%d mentions=%d", u.Room, u.Count, u.Mentions)
}

func (plain) Rooms(e *rooms.RoomsEvent) []byte {
	return fmt.Appendf(nil, "rooms created=%d changed=%d removed=%v", len(e.Created), len(e.Changed), e.Removed)
}

func (plain) Notice(n *rooms.Notice) []byte {
	if n.Message != nil {
		return fmt.Appendf(nil, "%s rev=%d %s", n.Word(), n.Rev, n.Message.Text)
	}
	return fmt.Appendf(nil, "%s %d online=%d", n.Word(), len(n.Members), n.Online)
}

type lines struct{}

func (lines) Append(dst []byte, f rooms.Frame) []byte {
	return append(append(dst, f.Payload...), '\n')
}

// reader is a sink whose reader behaves as a test wants.
type reader struct {
	take func(n int) int // how much of n bytes the connection takes at once; nil takes all
	gate gate            // while shut, nothing is taken

	mu     sync.Mutex
	got    bytes.Buffer
	closed chan struct{}
	reason *rooms.Error
	once   sync.Once
}

// gate stands between a sink and its reader. The zero gate is open.
type gate struct {
	mu   sync.Mutex
	shut chan struct{} // nil is open
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.shut)
	g.shut = nil
}

func (g *gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut != nil
}

// wait reports whether the gate opened before the connection was closed.
func (g *gate) wait(closed <-chan struct{}) bool {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut == nil {
		return true
	}
	select {
	case <-shut:
		return true
	case <-closed:
		return false
	}
}

func newReader() *reader { return &reader{closed: make(chan struct{})} }

func (r *reader) Framing() rooms.Framing { return lines{} }

func (r *reader) TryWrite(p []byte) (int, error) {
	if r.gate.isShut() {
		return 0, nil
	}
	n := len(p)
	if r.take != nil {
		n = r.take(n)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got.Write(p[:n])
	return n, nil
}

func (r *reader) Write(p []byte) error {
	if !r.gate.wait(r.closed) {
		return errors.New("closed")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got.Write(p)
	return nil
}

func (r *reader) Close(reason *rooms.Error) {
	r.once.Do(func() {
		r.reason = reason
		close(r.closed)
	})
}

// read returns the lines so far.
func (r *reader) read() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Split(strings.TrimSuffix(r.got.String(), "\n"), "\n")
}

// until waits for a line that begins with prefix.
func (r *reader) until(t *testing.T, prefix string) []string {
	t.Helper()
	var got []string
	eventually(t, func() bool {
		got = r.read()
		for _, line := range got {
			if strings.HasPrefix(line, prefix) {
				return true
			}
		}
		return false
	}, func() string { return fmt.Sprintf("no line %q in:\n%s", prefix, strings.Join(got, "\n")) })
	return got
}

// eventually waits for a condition that the test cannot be told of.
func eventually(t testing.TB, ok func() bool, otherwise func() string) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for tick := time.NewTicker(time.Millisecond); !ok(); {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal(otherwise())
		}
	}
}

func start(t *testing.T) *rooms.Registry {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return run(t, store)
}

func run(t testing.TB, store rooms.Store) *rooms.Registry {
	t.Helper()
	return runLimited(t, store, rooms.Limits{})
}

func runLimited(t testing.TB, store rooms.Store, limits rooms.Limits) *rooms.Registry {
	t.Helper()
	return runWith(t, rooms.Config{Store: store, Journal: rooms.NewLocalJournal(), Encoder: plain{}, Limits: limits})
}

func runWith(t testing.TB, c rooms.Config) *rooms.Registry {
	t.Helper()
	r := rooms.NewRegistry(c)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := c.Store.Close(); err != nil {
			t.Error(err)
		}
	})
	<-r.Opened()
	return r
}

func person(name string) rooms.Identity {
	return rooms.Identity{Subject: "guest:" + name, Name: name, Guest: true, Base: rooms.All}
}

func post(t *testing.T, r *rooms.Registry, who rooms.Identity, room, text string) rooms.Receipt {
	t.Helper()
	receipt, err := r.Propose(t.Context(), who, rooms.Entry{Kind: rooms.EntryPost, Room: room, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func join(t *testing.T, r *rooms.Registry, who rooms.Identity, room string, o rooms.JoinOptions, sink *reader) *rooms.Member {
	t.Helper()
	m, err := r.Join(t.Context(), who, room, o, sink)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func create(t testing.TB, r *rooms.Registry, id string) *rooms.Room {
	t.Helper()
	receipt, err := r.Propose(t.Context(), person("Ana"), rooms.Entry{Kind: rooms.EntryCreateRoom, Room: id})
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Room
}

func TestMembersOfARoomGetWhatIsPostedThere(t *testing.T) {
	r := start(t)
	create(t, r, "elsewhere")
	ana, ben, other := newReader(), newReader(), newReader()
	join(t, r, person("Ana"), rooms.Lobby, rooms.JoinOptions{}, ana)
	join(t, r, person("Ben"), rooms.Lobby, rooms.JoinOptions{}, ben)
	join(t, r, person("Cleo"), "elsewhere", rooms.JoinOptions{}, other)
	for _, sink := range []*reader{ana, ben, other} {
		sink.until(t, "welcome rev=0")
	}
	post(t, r, person("Ana"), rooms.Lobby, "hello")
	post(t, r, person("Cleo"), "elsewhere", "other")
	ana.until(t, "chat rev=1 prev=0 seq=1 hello")
	ben.until(t, "chat rev=1 prev=0 seq=1 hello")
	for _, line := range other.until(t, "chat rev=1 prev=0 seq=1 other") {
		if strings.Contains(line, "hello") {
			t.Errorf("a member of another room got %q", line)
		}
	}
}

// checkStream fails unless a fresh reader's lines are a welcome, the history up
// to its rev, and then every change up to head, once, in order.
func checkStream(t *testing.T, name string, got []string, head uint64) {
	t.Helper()
	var cursor uint64
	if n, err := fmt.Sscanf(got[0], "welcome rev=%d", &cursor); n != 1 {
		t.Fatalf("%s: begins with %q: %v", name, got[0], err)
	}
	welcome, history := cursor, uint64(0)
	for _, line := range got[1:] {
		var kind string
		var rev, prev uint64
		if n, _ := fmt.Sscanf(line, "%s rev=%d prev=%d", &kind, &rev, &prev); n != 3 {
			continue // an event
		}
		if rev > history && rev <= welcome && cursor == welcome {
			history = rev
			continue
		}
		if prev != cursor || rev <= cursor {
			t.Fatalf("%s: after rev %d came %q", name, cursor, line)
		}
		cursor = rev
	}
	if cursor != head {
		t.Fatalf("%s: ends at rev %d, not %d", name, cursor, head)
	}
}

// However its connection behaves, a reader gets every change once and in order,
// wherever in a flood of posts it joins.
func TestEveryReaderGetsEveryChangeOnceInOrder(t *testing.T) {
	r := start(t)
	const posters, posts = 8, 150
	const head = 1 + posters*posts
	last := fmt.Sprintf("rev=%d ", head)

	var readers []*reader
	var behaviours sync.Map
	add := func(name string, set func(*reader)) {
		sink := newReader()
		set(sink)
		join(t, r, person(name), rooms.Lobby, rooms.JoinOptions{History: 5}, sink)
		readers = append(readers, sink)
		behaviours.Store(sink, name)
	}
	add("takes all", func(*reader) {})
	add("takes nothing at once", func(s *reader) { s.take = func(int) int { return 0 } })
	add("takes pieces", func(s *reader) { s.take = func(n int) int { return rand.IntN(n + 1) } })
	add("stuck", func(*reader) {})
	stuck := readers[len(readers)-1]
	post(t, r, person("Ana"), rooms.Lobby, "first")
	stuck.until(t, "chat rev=1 ")
	stuck.gate.close()

	var posting sync.WaitGroup
	for p := range posters {
		posting.Go(func() {
			for i := range posts {
				// Long texts, so that the stuck reader falls out of the ring.
				text := fmt.Sprintf("%d-%d %s", p, i, strings.Repeat("x", 2000))
				if _, err := r.Propose(t.Context(), person("Ana"), rooms.Entry{Kind: rooms.EntryPost, Room: rooms.Lobby, Text: text}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 30 {
		readers[0].until(t, fmt.Sprintf("chat rev=%d ", (i+1)*posters*posts/40))
		add(fmt.Sprintf("joins as number %d", i), func(*reader) {})
	}
	posting.Wait()
	readers[0].until(t, "chat "+last)
	stuck.gate.open()
	for _, sink := range readers {
		name, _ := behaviours.Load(sink)
		checkStream(t, name.(string), sink.until(t, "chat "+last), head)
	}
	if got := r.Counts().FellBehind; got == 0 {
		t.Error("the stuck reader was to fall out of the ring, and did not")
	}
}

func TestResumeGivesEachMessageOnceInItsNewestState(t *testing.T) {
	r := start(t)
	ana := person("Ana")
	epoch := ""
	for i := range 5 {
		post(t, r, ana, rooms.Lobby, fmt.Sprint("m", i+1))
	}
	room, err := r.Room(t.Context(), ana, rooms.Lobby)
	if err != nil {
		t.Fatal(err)
	}
	epoch = room.Epoch
	for seq, kind := range map[uint64]rooms.EntryKind{2: rooms.EntryEdit, 5: rooms.EntryEdit} {
		if _, err := r.Propose(t.Context(), ana, rooms.Entry{Kind: kind, Room: rooms.Lobby, Seq: seq, Text: fmt.Sprint("edited", seq)}); err != nil {
			t.Fatal(err)
		}
	}
	sink := newReader()
	join(t, r, person("Ben"), rooms.Lobby, rooms.JoinOptions{After: &rooms.Cursor{Epoch: epoch, Rev: 3}}, sink)
	post(t, r, ana, rooms.Lobby, "live")
	got := strings.Join(sink.until(t, "chat rev=8"), "\n")
	for _, want := range []string{"recovered=true", "chat rev=4 prev=3 seq=4 m4", "seq=2 edited2", "seq=5 edited5", "chat rev=8 prev=7 seq=8 live"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%q is not there once in:\n%s", want, got)
		}
	}
	if strings.Contains(got, " m5") {
		t.Errorf("an overtaken state was sent:\n%s", got)
	}

	for name, cursor := range map[string]rooms.Cursor{"unknown epoch": {Epoch: "other", Rev: 3}, "rev of the future": {Epoch: epoch, Rev: 99}} {
		sink := newReader()
		join(t, r, person("Cleo"), rooms.Lobby, rooms.JoinOptions{After: &cursor, History: 2}, sink)
		got := sink.until(t, "chat rev=8")
		if !strings.HasPrefix(got[0], "welcome rev=8 recovered=false") {
			t.Errorf("%s: begins with %q", name, got[0])
		}
	}
}

func TestDeletingARoomEndsItsSessions(t *testing.T) {
	r := start(t)
	create(t, r, "brief")
	sink := newReader()
	join(t, r, person("Ana"), "brief", rooms.JoinOptions{}, sink)
	sink.until(t, "welcome")
	if _, err := r.Propose(t.Context(), person("Ana"), rooms.Entry{Kind: rooms.EntryDeleteRoom, Room: "brief"}); err != nil {
		t.Fatal(err)
	}
	<-sink.closed
	if sink.reason == nil || sink.reason.Code != rooms.CodeRoomGone {
		t.Errorf("closed with %v", sink.reason)
	}
	create(t, r, "brief")
	again := newReader()
	join(t, r, person("Ana"), "brief", rooms.JoinOptions{}, again)
	again.until(t, "welcome rev=0")
	post(t, r, person("Ana"), "brief", "new life")
	again.until(t, "chat rev=1 prev=0 seq=1 new life")
}

func TestAMemberThatDoesNotTakeItsAnswersIsDropped(t *testing.T) {
	r := start(t)
	sink := newReader()
	sink.gate.close()
	m := join(t, r, person("Ana"), rooms.Lobby, rooms.JoinOptions{}, sink)
	for range 1000 {
		m.Send([]byte("answer"))
	}
	<-sink.closed
	if sink.reason == nil || sink.reason.Code != rooms.CodeTooSlow {
		t.Errorf("closed with %v", sink.reason)
	}
}

func TestPresenceIsOfIdentities(t *testing.T) {
	r := start(t)
	ana := newReader()
	join(t, r, person("Ana"), rooms.Lobby, rooms.JoinOptions{}, ana)
	ana.until(t, "welcome")
	first := join(t, r, person("Ben"), rooms.Lobby, rooms.JoinOptions{}, newReader())
	second := join(t, r, person("Ben"), rooms.Lobby, rooms.JoinOptions{}, newReader())
	ana.until(t, "presence 2")
	if n := r.Online(rooms.Lobby); n != 2 {
		t.Errorf("%d are online, not 2", n)
	}
	first.Leave()
	if n := r.Online(rooms.Lobby); n != 2 {
		t.Errorf("one of two tabs was closed, and %d are online, not 2", n)
	}
	second.Leave()
	ana.until(t, "presence 1")
}

// broken is a store whose disk is full while full is set.
type broken struct {
	rooms.Store
	mu   sync.Mutex
	full bool
}

func (b *broken) Apply(ctx context.Context, entries []rooms.Entry) ([]rooms.Outcome, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return nil, errors.New("disk full")
	}
	return b.Store.Apply(ctx, entries)
}

func (b *broken) set(full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full = full
}

func TestAStoreThatFailsRefusesAndRecovers(t *testing.T) {
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &broken{Store: store}
	r := run(t, b)
	b.set(true)
	_, err = r.Propose(t.Context(), person("Ana"), rooms.Entry{Kind: rooms.EntryPost, Room: rooms.Lobby, ID: "same", Text: "hi"})
	if !errors.Is(err, &rooms.Error{Code: rooms.CodeUnavailable}) {
		t.Errorf("a full disk gives %v", err)
	}
	if r.Ready() == nil {
		t.Error("it is ready, and can store nothing")
	}
	b.set(false)
	// Nobody posts: it finds out by itself that the disk is there again.
	eventually(t, func() bool { return r.Ready() == nil }, func() string { return "it is not ready again: " + r.Ready().Error() })
	receipt, err := r.Propose(t.Context(), person("Ana"), rooms.Entry{Kind: rooms.EntryPost, Room: rooms.Lobby, ID: "same", Text: "hi"})
	if err != nil || receipt.Duplicate || receipt.Seq != 1 {
		t.Errorf("afterwards: %+v, %v", receipt, err)
	}
}

// A post ends the typing of who wrote it: what they type next is told at once,
// however soon it is.
func TestWhoHasPostedTypesAnew(t *testing.T) {
	t.Parallel()
	r := start(t)
	ana := newReader()
	join(t, r, person("Ana"), rooms.Lobby, rooms.JoinOptions{}, ana)
	ben := join(t, r, person("Ben"), rooms.Lobby, rooms.JoinOptions{}, newReader())
	ana.until(t, "welcome") // events are for who is here
	told := func(n int) {
		t.Helper()
		eventually(t, func() bool {
			return strings.Count(strings.Join(ana.read(), "\n"), "typing Ben") == n
		}, func() string { return fmt.Sprintf("not %d times that Ben types in %q", n, ana.read()) })
	}
	ben.Typing()
	told(1)
	ben.Typing()
	post(t, r, person("Ben"), rooms.Lobby, "one")
	ana.until(t, "chat")
	ben.Typing()
	told(2)
}
