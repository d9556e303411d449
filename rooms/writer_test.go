package rooms

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// The tests and benchmarks here drive a writer step by step, without its
// goroutine: what is served before what is seen exactly.

// bare encodes a change as its text.
type bare struct{ Encoder }

func (bare) Change(c *Change) []byte { return []byte(c.Message.Text) }

type bareFraming struct{}

func (bareFraming) Append(dst []byte, f Frame) []byte { return append(dst, f.Payload...) }

// tap is a sink that takes all and keeps the last write.
type tap struct {
	Sink
	last   []byte
	writes int
}

func (*tap) Framing() Framing { return bareFraming{} }
func (*tap) Close(*Error)     {}
func (t *tap) TryWrite(p []byte) (int, error) {
	t.last = append(t.last[:0], p...)
	t.writes++
	return len(p), nil
}

// newBench makes a writer and what its hubs need.
func newBench() *deps {
	return &deps{
		writers: []*writer{newWriter(0)}, encoder: bare{}, stats: new(stats),
		empty: func(*hub) {}, spawn: func(func(context.Context)) {},
	}
}

// fill makes a hub whose members are all current.
func fill(d *deps, members int) (*hub, []*tap) {
	h := newHub(Room{ID: "room", Epoch: "e"}, d)
	taps := make([]*tap, members)
	for i := range taps {
		taps[i] = new(tap)
		m := newMember(Identity{Subject: "one", Name: "one"}, h, taps[i])
		m.live = true
		h.members++
		h.serveLocked(1)
		h.presence.join(m)
		h.mu.Lock()
		h.attachLocked(m)
		h.mu.Unlock()
	}
	h.presence.joined = nil
	return h, taps
}

func say(h *hub, text string) {
	rev := h.head + 1
	h.deliver(&Change{Kind: ChangeChat, Epoch: "e", Rev: rev, Prev: rev - 1, Message: &Message{Text: text}})
}

// rest lets the writer's pacing pass without waiting for it.
func rest(hubs ...*hub) {
	for _, h := range hubs {
		for i := range h.shards {
			h.shards[i].due = time.Time{}
		}
	}
}

func TestALargePassDoesNotHoldUpSmallRooms(t *testing.T) {
	d := newBench()
	w := d.writers[0]
	hot, many := fill(d, 10*slice)
	small, few := fill(d, 3)
	say(hot, "hot")
	w.visit()
	if served(many) != slice {
		t.Fatalf("%d of the hot room were served at first, not %d", served(many), slice)
	}
	say(small, "small")
	say(hot, "hotter")
	w.advanceLong()
	w.visit()
	if served(few) != len(few) {
		t.Errorf("%d of the small room were served after two slices of the hot one, not %d", served(few), len(few))
	}
	if served(many) != 2*slice {
		t.Errorf("%d of the hot room were served after two slices, not %d", served(many), 2*slice)
	}
	for len(w.long) > 0 {
		w.advanceLong()
	}
	for i, s := range many {
		if s.writes != 1 || string(s.last) != "hot" {
			t.Fatalf("number %d of the hot room was written to %d times, at last %q", i, s.writes, s.last)
		}
	}
	// What came during the pass is not forgotten.
	rest(hot)
	w.visit()
	for len(w.long) > 0 {
		w.advanceLong()
	}
	for i, s := range many {
		if s.writes != 2 || string(s.last) != "hotter" {
			t.Fatalf("number %d of the hot room was written to %d times, at last %q", i, s.writes, s.last)
		}
	}
}

func TestWhoLeavesDuringALongPassIsSiftedOut(t *testing.T) {
	d := newBench()
	w := d.writers[0]
	h, taps := fill(d, 2*slice)
	say(h, "one")
	w.visit()
	gone := h.shards[0].members[0]
	gone.Leave()
	w.advanceLong()
	if n := len(h.shards[0].members); n != 2*slice-1 {
		t.Errorf("the shard has %d members after one of %d has left", n, 2*slice)
	}
	rest(h)
	say(h, "two")
	w.visit()
	w.advanceLong()
	if string(taps[0].last) != "one" || string(taps[1].last) != "two" {
		t.Errorf("the one that left got %q, its neighbour %q", taps[0].last, taps[1].last)
	}
}

func TestASmallRoomIsServedWithItsBatchInOneWrite(t *testing.T) {
	d := newBench()
	h, taps := fill(d, 3)
	poster := h.shards[0].joining[0]
	var out delivery
	out.hold(h)
	say(h, "one;")
	say(h, "two;")
	poster.Send([]byte("ack;"))
	out.release()
	for i, want := range []string{"ack;one;two;", "one;two;", "one;two;"} {
		if string(taps[i].last) != want || taps[i].writes != 1 {
			t.Errorf("member %d got %q at last, in %d writes; want %q in one", i, taps[i].last, taps[i].writes, want)
		}
	}
	if hubs := d.writers[0].hubs; len(hubs) != 0 {
		t.Errorf("the writer was woken for %d hubs", len(hubs))
	}
	// What follows at once is paced: it is the writer's.
	out.hold(h)
	say(h, "three;")
	out.release()
	if n := taps[1].writes; n != 1 || len(d.writers[0].hubs) != 1 {
		t.Errorf("after a post that came at once there were %d writes, and the writer was woken for %d hubs; want 1 and 1", n, len(d.writers[0].hubs))
	}
}

func TestWhatIsMoreThanAFewIsTheWriters(t *testing.T) {
	d := newBench()
	first, some := fill(d, atOnce)
	second, more := fill(d, 1)
	var out delivery
	out.hold(first)
	out.hold(second)
	say(first, "one")
	say(second, "one")
	out.release()
	if served(some) != atOnce || served(more) != 0 {
		t.Errorf("of the first room %d were served by the deliverer, of the second %d; want %d and 0", served(some), served(more), atOnce)
	}
	d.writers[0].visit()
	if served(more) != 1 {
		t.Error("the writer did not serve the second room")
	}
}

func TestAHotRoomRestsWhenOthersWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newBench()
		w := d.writers[0]
		hot, _ := fill(d, 2*slice)
		small, few := fill(d, 3)
		took := 3 * pace
		say(hot, "hot")
		w.visit()
		time.Sleep(took) // the clock of the bubble
		say(small, "small")
		w.visit()
		w.advanceLong()
		if rest := time.Until(hot.shards[0].due); rest != took {
			t.Errorf("the hot room rests for %v after a pass of %v that others waited for", rest, took)
		}
		rest(small)
		say(hot, "hotter")
		say(small, "smaller")
		w.visit()
		if len(w.long) != 0 || string(few[0].last) != "smaller" {
			t.Errorf("%d passes over the hot room began while it rested; the small room got %q", len(w.long), few[0].last)
		}
		time.Sleep(took)
		w.visit()
		w.advanceLong()
		if rest := time.Until(hot.shards[0].due); rest > pace {
			t.Errorf("the hot room rests for %v after a pass that nobody waited for", rest)
		}
	})
}

// served counts who was written to.
func served(taps []*tap) (n int) {
	for _, t := range taps {
		if t.writes > 0 {
			n++
		}
	}
	return n
}

// deliverOnce delivers one change to all members of h.
func deliverOnce(h *hub, c *Change) {
	w := h.deps.writers[0]
	c.Rev, c.Prev = h.head+1, h.head
	rest(h)
	h.deliver(c)
	w.visit()
	for len(w.long) > 0 {
		w.advanceLong()
	}
}

func TestSteadyDeliveryAllocatesNothingPerMember(t *testing.T) {
	c := &Change{Kind: ChangeChat, Epoch: "e", Message: &Message{Text: "steady"}}
	allocations := func(members int) float64 {
		h, _ := fill(newBench(), members)
		deliverOnce(h, c) // grows what is reused
		return testing.AllocsPerRun(100, func() { deliverOnce(h, c) })
	}
	few, many := allocations(1), allocations(2000)
	if many > few {
		t.Errorf("a change to 2,000 members allocates %.1f times, to one %.1f times", many, few)
	}
}

// What one member more costs the writer, without the system's part of a write.
func BenchmarkPass(b *testing.B) {
	const members = 1000
	h, _ := fill(newBench(), members)
	c := &Change{Kind: ChangeChat, Epoch: "e", Message: &Message{Text: string(bytes.Repeat([]byte("x"), 276))}}
	b.ReportAllocs()
	for b.Loop() {
		deliverOnce(h, c)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/members, "ns/member")
}

// A change that waits with others for the next pass.
func BenchmarkRing(b *testing.B) {
	var r ring
	f := Frame{Epoch: "e", Payload: make([]byte, 276)}
	b.ReportAllocs()
	for b.Loop() {
		for range 16 {
			f.Rev++
			r.add(f)
		}
		r.trim(r.end())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16, "ns/frame")
}

// A member finds its batch framed already.
func BenchmarkBatches(b *testing.B) {
	frames := make([]Frame, 16)
	for i := range frames {
		frames[i].Payload = make([]byte, 276)
	}
	var all batches
	all.reset(frames, 0)
	b.ReportAllocs()
	for b.Loop() {
		if len(all.get(0, bareFraming{})) == 0 {
			b.Fatal("nothing")
		}
	}
}
