package rooms

import (
	"context"
	"sync"
	"time"
)

// hub is the live half of one room on this node: who is here, and the frames
// that they may still lack.
//
// A member is either current, then it is in its shard's members and a [writer]
// serves it, or the deliverer itself; or it is not, then one goroutine (serve)
// does, until it is.
type hub struct {
	room  string
	epoch string
	deps  *deps

	mu        sync.Mutex
	delivered sync.Cond // head moved, or the hub closed
	ring      ring
	head      uint64 // rev of the newest change delivered
	shards    []shard
	members   int  // current and not
	serving   int  // not current
	held      bool // the deliverer is about to release it: nobody is woken before
	closed    bool
	private   bool
	presence  presence
}

// shard is the part of a hub's members that one pass serves: its writer's, or the
// deliverer's.
type shard struct {
	members []*Member // the current ones; changed by who makes a pass, under hub.mu
	served  uint64    // ring position that all of members have reached

	joining []*Member // have become current
	own     []*Member // have frames of their own
	left    bool      // some of members are gone
	queued  bool      // has news, and waits for the release, for its writer, or for the end of a pass
	waits   bool      // for the release
	due     time.Time // no pass begins before; changed by who makes a pass
}

func (s *shard) empty() bool { return len(s.members)+len(s.joining) == 0 }

// deps is what all hubs of a registry share.
type deps struct {
	alone   bool // no other node knows the rooms
	nodes   *nodes
	store   Store
	encoder Encoder
	writers []*writer
	stats   *stats
	spawn   func(func(context.Context)) // runs a goroutine that the registry waits for
	empty   func(*hub)                  // told when the last member has left
	left    func(*Member)               // told when a member with an inbox has left
	renewed func(*Member)               // told when one has a fresh credential
}

func newHub(room Room, d *deps) *hub {
	h := &hub{room: room.ID, epoch: room.Epoch, deps: d, head: room.Head, shards: make([]shard, len(d.writers))}
	h.private = room.Visibility == Private
	h.ring.dropped = room.Head
	h.delivered.L = &h.mu
	return h
}

// deliver puts a change into the ring and wakes the writers. Changes come in
// order; those that the hub was opened with are passed over.
func (h *hub) deliver(c *Change) {
	if c.Kind == ChangeRoom {
		h.hide(c)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.Rev <= h.head || c.Epoch != h.epoch {
		return
	}
	h.head = c.Rev
	if h.members == 0 {
		h.ring.dropped = c.Rev
		return
	}
	if c.Kind == ChangeChat {
		h.presence.posted(c.By)
	}
	h.addLocked(Frame{Epoch: c.Epoch, Rev: c.Rev, Payload: h.deps.encoder.Change(c)})
	h.delivered.Broadcast()
}

// hide drops those who may not know of the room any more, before they are told
// what it is now.
func (h *hub) hide(c *Change) {
	h.mu.Lock()
	if c.Rev <= h.head || c.Epoch != h.epoch {
		h.mu.Unlock()
		return
	}
	h.private = c.State.Visibility == Private
	var strangers []*Member
	for _, m := range h.presence.all() {
		if h.hiddenLocked(m) {
			strangers = append(strangers, m)
		}
	}
	h.mu.Unlock()
	for _, m := range strangers {
		h.drop(m, roomNotFound(h.room))
	}
}

func (h *hub) visibilityLocked() Visibility {
	if h.private {
		return Private
	}
	return Public
}

func (h *hub) hiddenLocked(m *Member) bool {
	return h.private && !m.who().Can(Read, h.room, Private)
}

// addLocked puts a frame into the ring and wakes the writers.
func (h *hub) addLocked(f Frame) {
	h.ring.add(f)
	current := false
	for i := range h.shards {
		if !h.shards[i].empty() {
			current = true
			h.wakeLocked(i)
		}
	}
	if !current {
		h.trimLocked()
	}
}

// trimLocked forgets the frames that all current members have; those that are
// not current may lag behind by what the ring may hold.
func (h *hub) trimLocked() {
	keep := h.ring.end()
	for i := range h.shards {
		if s := &h.shards[i]; !s.empty() {
			keep = min(keep, s.served)
		}
	}
	if h.serving == 0 {
		h.ring.trim(keep)
	} else {
		h.ring.bound(keep)
	}
}

// wakeLocked has writer i visit the hub, if need be once it is released.
func (h *hub) wakeLocked(i int) {
	s := &h.shards[i]
	if s.queued {
		return
	}
	s.queued = true
	if h.held {
		s.waits = true
		return
	}
	h.deps.writers[i].queue(h)
}

// join adds a member that is not current yet; serve makes it so. It reports
// false when the hub has closed in the meantime, and fails when the room has
// become private to others.
func (h *hub) join(m *Member, room *Room) (joined bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false, nil
	}
	if h.hiddenLocked(m) {
		return false, roomNotFound(h.room)
	}
	if err := h.bannedLocked(m); err != nil {
		return false, err
	}
	if err := h.fullLocked(*m.who(), room); err != nil {
		return false, err
	}
	m.shard = h.members % len(h.shards)
	h.members++
	h.serveLocked(1)
	h.deps.stats.members.Add(1)
	if h.presence.join(m) {
		h.deps.nodes.move(Move{Room: h.room, Who: m.who().Sender(), Here: true})
	}
	h.announceLocked()
	return true, nil
}

// serveLocked counts a member that is no longer, or not yet, current.
func (h *hub) serveLocked(n int) {
	h.serving += n
	h.deps.stats.behind.Add(int64(n))
}

// drop takes m out and, with a reason, tells its reader why. The first call
// counts.
func (h *hub) drop(m *Member, reason *Error) {
	h.mu.Lock()
	if m.gone {
		h.mu.Unlock()
		return
	}
	m.gone = true
	m.outbox.settle()
	m.outbox = nil
	h.members--
	h.deps.stats.members.Add(-1)
	if m.current {
		h.shards[m.shard].left = true
		h.wakeLocked(m.shard)
	} else {
		h.serveLocked(-1)
		h.delivered.Broadcast() // it may be waiting there
	}
	if h.presence.leave(m) {
		h.deps.nodes.move(Move{Room: h.room, Who: m.who().Sender()})
	}
	h.announceLocked()
	empty := h.members == 0
	h.mu.Unlock()
	if reason != nil && reason.Code == CodeTooSlow {
		h.deps.stats.slowReaders.Add(1)
	}
	m.sink.Close(reason)
	if m.inbox {
		h.deps.left(m)
	}
	if empty {
		h.deps.empty(h)
	}
}

// close drops all members and lets nobody in any more.
func (h *hub) close(reason *Error) {
	h.mu.Lock()
	h.closed = true
	all := h.presence.all()
	h.mu.Unlock()
	for _, m := range all {
		h.drop(m, reason)
	}
}

// closeIfEmpty closes the hub unless somebody is here.
func (h *hub) closeIfEmpty() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.members > 0 {
		return false
	}
	h.closed = true
	h.presence.stop()
	return true
}
