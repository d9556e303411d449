package rooms

import "time"

const (
	outboxFrames = 128       // frames of its own that a member may lack
	outboxBytes  = 128 << 10 // and their bytes
	typingEvery  = 2 * time.Second
)

// Member is one connection in one room, as the hub sees it: a cursor into the
// room's changes, and a small outbox for frames of its own. Its methods may be
// called by any goroutine.
type Member struct {
	who   Identity
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
	payloads [][]byte
	bytes    int
}

func (o *outbox) add(payload []byte) bool {
	if len(o.payloads) >= outboxFrames || o.bytes+len(payload) > outboxBytes {
		return false
	}
	o.payloads = append(o.payloads, payload)
	o.bytes += len(payload)
	return true
}

// append appends what waits to dst, framed.
func (o *outbox) append(dst []byte, framing Framing) []byte {
	if o != nil {
		for _, p := range o.payloads {
			dst = framing.Append(dst, Frame{Payload: p})
		}
	}
	return dst
}

// Identity is who the member is.
func (m *Member) Identity() Identity { return m.who }

// Room is the id of the room that it is in.
func (m *Member) Room() string { return m.hub.room }

// Send gives the member a frame of its own: an answer to what it sent. It never
// waits. A member that does not take its answers is dropped as too slow.
func (m *Member) Send(payload []byte) {
	h := m.hub
	h.mu.Lock()
	if m.gone {
		h.mu.Unlock()
		return
	}
	if m.outbox == nil {
		m.outbox = new(outbox)
	}
	if !m.outbox.add(payload) {
		h.mu.Unlock()
		h.drop(m, Errorf(CodeTooSlow, "the reader does not take the answers to what it sends"))
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
