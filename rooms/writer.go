package rooms

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// pace is the least time between two passes over the same members: a quiet room
// is flushed at once, in a busy one frames gather and leave in one write.
const pace = 5 * time.Millisecond

// slice is how many members of a large hub are served before the writer looks
// for other hubs: a pass over a hot room must not hold up small ones.
const slice = 64

// writer serves the current members of its shard of every hub: it visits a hub
// that has news and gives each of its members all that it lacks in one
// non-blocking write. There are few writers, and no goroutine and no queue for a
// member.
type writer struct {
	index int

	mu    sync.Mutex
	hubs  []*hub
	awake chan struct{} // holds one token while hubs may be non-empty

	// The writer's own.
	pen   pen
	paced []*hub // have news, and had a pass just now
	long  []pass // begun and not ended
}

func newWriter(index int) *writer {
	return &writer{index: index, awake: make(chan struct{}, 1)}
}

// queue has the writer visit h. The hub's lock is held.
func (w *writer) queue(h *hub) {
	w.mu.Lock()
	w.hubs = append(w.hubs, h)
	w.mu.Unlock()
	select {
	case w.awake <- struct{}{}:
	default:
	}
}

// run visits hubs until ctx is done.
func (w *writer) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.awake:
		case <-timer.C:
		}
		next := w.visit()
		for len(w.long) > 0 && ctx.Err() == nil {
			w.advanceLong()
			runtime.Gosched() // whoever has become runnable goes first
			next = w.visit()
		}
		timer.Reset(next)
	}
}

// visit begins a pass over every hub that has news and is not paced. It returns
// when the first of the paced ones is due.
func (w *writer) visit() (next time.Duration) {
	w.mu.Lock()
	hubs := append(w.paced, w.hubs...)
	clear(w.hubs)
	w.hubs = w.hubs[:0]
	w.mu.Unlock()
	now := time.Now()
	next = time.Hour
	paced := hubs[:0]
	for _, h := range hubs {
		if wait := h.shards[w.index].due.Sub(now); wait > 0 {
			paced = append(paced, h)
			next = min(next, wait)
			continue
		}
		if p := w.pen.begin(h, w.index, now); !w.pen.advance(&p) {
			w.long = append(w.long, p)
		}
	}
	clear(hubs[len(paced):])
	w.paced = paced
	return next
}

// advanceLong goes on with the long pass whose turn it is.
func (w *writer) advanceLong() {
	p := w.long[0]
	w.long = slices.Delete(w.long, 0, 1)
	if !w.pen.advance(&p) {
		w.long = append(w.long, p)
	}
}

// pass gives a shard's members what they lack at one moment.
type pass struct {
	hub     *hub
	shard   int
	began   time.Time
	nth     uint64    // of the pen's passes
	members []*Member // still to be served
	frames  []Frame   // at position start and later
	start   uint64
	end     uint64 // where members are after it
	head    uint64 // and the rev there
	left    bool   // some of members are no longer current
}

// pen makes passes: it is what a goroutine that does needs for it. Who makes a
// pass over a shard has taken it: its queued is true, and nobody else does.
type pen struct {
	passes  uint64 // begun
	own     []*Member
	batches batches
	scratch []byte
	given   uint64 // frames, in this slice of a pass
}

// begin takes what the shard's members lack. Until the pass has ended, the hub
// does not wake the writer again.
func (w *pen) begin(h *hub, shard int, now time.Time) pass {
	h.mu.Lock()
	defer h.mu.Unlock()
	return w.beginLocked(h, shard, now)
}

func (w *pen) beginLocked(h *hub, shard int, now time.Time) pass {
	w.passes++
	s := &h.shards[shard]
	s.due = now.Add(pace)
	s.members = append(s.members, s.joining...)
	s.joining = nil
	clear(w.own)
	w.own = w.own[:0]
	for _, m := range s.own {
		m.queued = false
		if m.current && !m.gone {
			m.own, m.outbox = m.outbox, nil
			w.own = append(w.own, m)
		}
	}
	clear(s.own)
	s.own = s.own[:0]
	p := pass{hub: h, shard: shard, began: now, nth: w.passes, start: s.served, end: h.ring.end(), head: h.head}
	p.frames, _ = h.ring.from(s.served) // held: trimLocked waits for this shard
	p.members = s.members
	if len(p.frames) == 0 {
		p.members = w.own // nothing but frames of somebody's own
	}
	s.served = p.end
	h.trimLocked()
	return p
}

// advance serves the next slice of members. It reports true when the pass has
// ended.
func (w *pen) advance(p *pass) bool {
	w.batches.reset(p.frames, p.start)
	now := p.members
	if len(p.frames) > 0 {
		now = now[:min(slice, len(now))]
	}
	p.members = p.members[len(now):]
	w.given = 0
	for _, m := range now {
		if !w.write(p.hub, m, p.end, p.head) {
			m.passed = true
			p.left = true
		}
	}
	p.hub.deps.stats.deliveries.Add(w.given)
	if len(p.members) > 0 {
		return false
	}
	p.hub.passed(p, w.passes == p.nth)
	return true
}

// passed ends a pass. A hub whose pass held up others rests for as long as it
// took: a hot room has at most half of a writer that others need too.
func (h *hub) passed(p *pass, alone bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &h.shards[p.shard]
	if !alone {
		now := time.Now()
		if rested := now.Add(now.Sub(p.began)); rested.After(s.due) {
			s.due = rested
		}
	}
	if p.left || s.left {
		s.sift()
	}
	s.queued = false
	if len(s.own)+len(s.joining) > 0 || s.served < h.ring.end() {
		h.wakeLocked(p.shard)
	}
}

// write gives m what it lacks up to end. It reports false when m is no longer
// current: gone, or handed to a goroutine of its own.
func (w *pen) write(h *hub, m *Member, end, head uint64) bool {
	p := w.batches.get(m.pos, m.sink.Framing())
	if m.own != nil {
		w.scratch = append(m.own.append(w.scratch[:0], m.sink.Framing()), p...)
		p = w.scratch
		m.own = nil
	}
	w.given += end - m.pos
	m.pos, m.rev = end, head
	if len(p) == 0 {
		return true
	}
	n, err := m.sink.TryWrite(p)
	if err != nil {
		h.drop(m, nil)
		return false
	}
	h.deps.stats.bytes.Add(uint64(n))
	if n == len(p) {
		return true
	}
	h.resign(m, append(getBuffer(), p[n:]...))
	return false
}

// sift takes those out of the shard's members that are gone or were passed on.
func (s *shard) sift() {
	s.left = false
	kept := s.members[:0]
	for _, m := range s.members {
		if m.passed || m.gone {
			m.passed = false // it may be among the joining again
			continue
		}
		kept = append(kept, m)
	}
	clear(s.members[len(kept):])
	s.members = kept
	if cap(kept) > 64 && len(kept) < cap(kept)/4 {
		s.members = append(make([]*Member, 0, 2*len(kept)), kept...)
	}
}

// batches frames what members lack, once for all that lack the same.
type batches struct {
	frames []Frame
	start  uint64
	made   []batch
	n      int // how many of made are of this pass
}

type batch struct {
	pos     uint64
	framing Framing
	bytes   []byte
}

func (b *batches) reset(frames []Frame, start uint64) {
	b.frames, b.start, b.n = frames, start, 0
}

// get returns the bytes of all frames at pos and later. They are good until
// reset.
func (b *batches) get(pos uint64, framing Framing) []byte {
	for i := range b.made[:b.n] {
		if m := &b.made[i]; m.pos == pos && m.framing == framing {
			return m.bytes
		}
	}
	if b.n == len(b.made) {
		b.made = append(b.made, batch{})
	}
	m := &b.made[b.n]
	b.n++
	m.pos, m.framing, m.bytes = pos, framing, m.bytes[:0]
	for _, f := range b.frames[min(pos-b.start, uint64(len(b.frames))):] {
		m.bytes = framing.Append(m.bytes, f)
	}
	return m.bytes
}
