package rooms

import (
	"sync/atomic"
	"time"
)

const (
	outboxFrames = 128       // frames of its own that a member may lack
	outboxBytes  = 128 << 10 // and their bytes
	typingEvery  = 2 * time.Second
)

// Member is one connection in one room, as the hub sees it: a cursor into the
// room's changes, and a small outbox for frames of its own. Its methods may be
// called by any goroutine.
type Member struct {
	identity atomic.Pointer[Identity] // replaced by Renew

	hub   *hub
	sink  Sink
	shard int // which writer serves it

	// The cursor. It is the writer's while the member is current, and serve's
	// while it is not.
	pos  uint64 // position in the ring, while live
	rev  uint64 // the newest change that it was given
	base uint64 // what it knew when it began to read from the store
	live bool   // it reads from the ring, not from the store

	inbox bool // it asked for what concerns its identity beyond the room

	// The writer's alone, during a pass.
	passed bool    // it is current no more: another serves it now
	own    *outbox // what waited when the pass began

	// Below: under hub.mu.
	current bool // it has all, but for what its writer is about to deliver
	gone    bool
	queued  bool // in its shard's own list
	outbox  *outbox
	typed   int64 // when it last typed, in Unix nanoseconds
}

// outbox holds the frames of a member's own that wait for its writer. Most
// members have none: nil is empty.
type outbox struct {
	frames []ownFrame
	bytes  int
}

// ownFrame is a frame of a member's own. taken, if not nil, is called when it is
// on its way, or when there is no way any more.
type ownFrame struct {
	payload []byte
	taken   func()
}

func (o *outbox) add(f ownFrame) bool {
	if len(o.frames) >= outboxFrames || o.bytes+len(f.payload) > outboxBytes {
		return false
	}
	o.frames = append(o.frames, f)
	o.bytes += len(f.payload)
	return true
}

// append appends what waits to dst, framed. It is called once.
func (o *outbox) append(dst []byte, framing Framing) []byte {
	if o != nil {
		for _, f := range o.frames {
			dst = framing.Append(dst, Frame{Payload: f.payload})
		}
		o.settle()
	}
	return dst
}

// settle tells those who wait that the frames are on their way, or lost.
func (o *outbox) settle() {
	if o != nil {
		for _, f := range o.frames {
			if f.taken != nil {
				f.taken()
			}
		}
	}
}

// newMember makes a member that is in no hub yet.
func newMember(who Identity, h *hub, sink Sink) *Member {
	m := &Member{hub: h, sink: sink}
	m.identity.Store(&who)
	return m
}

// Identity is who the member is, and what it may do by its newest credential.
func (m *Member) Identity() Identity { return *m.who() }

func (m *Member) who() *Identity { return m.identity.Load() }

// Room is the id of the room that it is in.
func (m *Member) Room() string { return m.hub.room }

// Send gives the member a frame of its own. It never waits. A member that does
// not take what it is sent is dropped as too slow.
func (m *Member) Send(payload []byte) { m.send(ownFrame{payload: payload}) }

// Answer is Send for an answer to what the member sent. taken is called once,
// when the answer is on its way or the member has gone, and must not wait: who
// answers no more than a number of frames at a time keeps a member that is quick
// to ask from being taken for one that is slow to read.
func (m *Member) Answer(payload []byte, taken func()) { m.send(ownFrame{payload, taken}) }

func (m *Member) send(f ownFrame) {
	h := m.hub
	h.mu.Lock()
	if m.gone {
		h.mu.Unlock()
		if f.taken != nil {
			f.taken()
		}
		return
	}
	if m.outbox == nil {
		m.outbox = new(outbox)
	}
	if !m.outbox.add(f) {
		h.mu.Unlock()
		h.drop(m, Errorf(CodeTooSlow, "the reader does not take what it is sent"))
		if f.taken != nil {
			f.taken()
		}
		return
	}
	if m.current && !m.queued {
		m.queued = true
		s := &h.shards[m.shard]
		s.own = append(s.own, m)
		h.wakeLocked(m.shard)
	}
	h.mu.Unlock()
}

func (m *Member) isGone() bool {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	return m.gone
}

// Typing tells the room that the member types, at most once in two seconds.
func (m *Member) Typing() { m.hub.typing(m) }

// Leave takes the member out of its room, because its connection ended. The
// sink is not called again, but for a Write that is under way.
func (m *Member) Leave() { m.hub.drop(m, nil) }
