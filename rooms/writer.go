package rooms

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// pace is the least time between two passes over the same members: a quiet room
// is flushed at once, in a busy one frames gather and leave in one write.
const pace = 5 * time.Millisecond

// writer serves the current members of its shard of every hub: it visits a hub
// that has news and gives each of its members all that it lacks in one
// non-blocking write. There is about one writer for each core, and no goroutine
// and no queue for a member.
type writer struct {
	index int

	mu    sync.Mutex
	hubs  []*hub
	awake chan struct{} // holds one token while hubs may be non-empty

	batches batches
	scratch []byte
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
	var (
		visit, paced []*hub
		timer        = time.NewTimer(time.Hour)
	)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.awake:
		case <-timer.C:
		}
		w.mu.Lock()
		visit = append(visit, w.hubs...)
		clear(w.hubs)
		w.hubs = w.hubs[:0]
		w.mu.Unlock()
		now := time.Now()
		next := time.Hour
		paced = paced[:0]
		for _, h := range visit {
			if wait := pace - now.Sub(h.shards[w.index].flushed); wait > 0 {
				paced = append(paced, h)
				next = min(next, wait)
				continue
			}
			w.pass(h, now)
		}
		clear(visit)
		visit = append(visit[:0], paced...)
		timer.Reset(next)
	}
}

// pass gives the shard's members all that they lack.
func (w *writer) pass(h *hub, now time.Time) {
	h.mu.Lock()
	s := &h.shards[w.index]
	s.queued = false
	s.flushed = now
	s.members = append(s.members, s.joining...)
	clear(s.joining)
	s.joining = s.joining[:0]
	own := s.own[:0:0]
	for _, m := range s.own {
		m.queued = false
		if m.current && !m.gone {
			m.own = m.outbox.take(nil, m.sink.Framing())
			own = append(own, m)
		}
	}
	clear(s.own)
	s.own = s.own[:0]
	frames, _ := h.ring.from(s.served) // held: trimLocked waits for this shard
	start, end, head := s.served, h.ring.end(), h.head
	s.served = end
	left := s.left
	h.trimLocked()
	h.mu.Unlock()

	w.batches.reset(frames, start)
	all := s.members
	if len(frames) == 0 {
		all = own // nothing but frames of somebody's own
	}
	for _, m := range all {
		if !w.write(h, m, end, head) {
			m.passed = true
			left = true
		}
	}
	if left {
		s.sift(&h.mu)
	}
}

// write gives m what it lacks up to end. It reports false when m is no longer
// current: gone, or handed to a goroutine of its own.
func (w *writer) write(h *hub, m *Member, end, head uint64) bool {
	p := w.batches.get(m.pos, m.sink.Framing())
	if m.own != nil {
		w.scratch = append(append(w.scratch[:0], m.own...), p...)
		p = w.scratch
		m.own = nil
	}
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
	h.resign(m, bytes.Clone(p[n:]))
	return false
}

// sift takes those out of the shard's members that are gone or were passed on.
func (s *shard) sift(mu *sync.Mutex) {
	mu.Lock()
	defer mu.Unlock()
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
