package rooms

import (
	"context"
	"errors"
	"sync"
)

// catchUpPage is how many changes are read from the store at a time.
const catchUpPage = MaxPage

// serve gives a member that is not current all that it lacks, at the reader's
// own pace, and ends when it is current or gone. It is the one way of whoever
// joins, resumes, took only a part of a write, or fell behind. It begins by
// writing rest, which is its own from then on.
func (h *hub) serve(ctx context.Context, m *Member, rest []byte) {
	defer func() { putBuffer(rest) }()
	for more := true; more; {
		if len(rest) > 0 {
			if err := m.sink.Write(rest); err != nil {
				reason, _ := errors.AsType[*Error](err)
				h.drop(m, reason)
				return
			}
			h.deps.stats.bytes.Add(uint64(len(rest)))
		}
		rest, more = h.next(ctx, m, rest[:0])
	}
}

// next appends to p what m lacks now. It reports false when there is nothing
// left to do: m is current, or gone.
func (h *hub) next(ctx context.Context, m *Member, p []byte) ([]byte, bool) {
	framing := m.sink.Framing()
	h.mu.Lock()
	if m.gone {
		h.mu.Unlock()
		return p, false
	}
	p, m.outbox = m.outbox.append(p, framing), nil
	if !m.live && m.rev == h.head {
		m.live, m.pos = true, h.ring.end()
	}
	if m.live {
		frames, held := h.ring.from(m.pos)
		if held {
			if len(frames) == 0 && len(p) == 0 {
				h.attachLocked(m)
				h.mu.Unlock()
				return p, false
			}
			m.pos, m.rev = h.ring.end(), h.head
			h.mu.Unlock()
			h.deps.stats.deliveries.Add(uint64(len(frames)))
			for _, f := range frames {
				p = framing.Append(p, f)
			}
			return p, true
		}
		m.live, m.base = false, m.rev
		h.deps.stats.fellBehind.Add(1)
	}
	h.mu.Unlock()
	return h.catchUp(ctx, m, p)
}

// catchUp appends to p a page of what the store has for m. With the last page,
// m goes on from the ring.
func (h *hub) catchUp(ctx context.Context, m *Member, p []byte) ([]byte, bool) {
	changes, done, err := h.deps.store.Changes(ctx, ChangeQuery{
		Room: h.room, After: m.rev, Base: m.base, Limit: catchUpPage, Viewer: m.who().Subject,
	})
	if err != nil {
		h.drop(m, closing(ctx, err))
		return p, false
	}
	h.deps.stats.caughtUp.Add(uint64(len(changes)))
	h.deps.stats.deliveries.Add(uint64(len(changes)))
	if len(changes) > 0 && changes[0].Epoch != h.epoch {
		// Another room has the id now, of which m may not even know.
		h.drop(m, roomGone())
		return p, false
	}
	framing := m.sink.Framing()
	for i := range changes {
		c := &changes[i]
		p = framing.Append(p, Frame{Epoch: c.Epoch, Rev: c.Rev, Payload: h.deps.encoder.Change(c)})
		m.rev = c.Rev
	}
	if !done {
		return p, true
	}
	// m has all that was committed. Some of it may be on its way to this hub;
	// it takes no longer than the hand-over of a batch.
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.head < m.rev && !m.gone {
		h.delivered.Wait()
	}
	if pos, held := h.ring.after(m.rev); held {
		m.live, m.pos = true, pos
	}
	return p, true
}

// attachLocked makes m current: its writer serves it from here on.
func (h *hub) attachLocked(m *Member) {
	s := &h.shards[m.shard]
	if s.empty() {
		s.served = m.pos
	}
	m.current = true
	h.serveLocked(-1)
	s.joining = append(s.joining, m)
}

// resign takes m from its writer and has serve finish what the connection did
// not take.
func (h *hub) resign(m *Member, rest []byte) {
	h.mu.Lock()
	m.current = false
	if m.gone {
		h.mu.Unlock()
		return
	}
	h.serveLocked(1)
	h.mu.Unlock()
	h.deps.spawn(func(ctx context.Context) { h.serve(ctx, m, rest) })
}

// closing is the reason to give a member when err came of serving it.
func closing(ctx context.Context, err error) *Error {
	if ctx.Err() != nil {
		return Errorf(CodeShuttingDown, "the server is going away")
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Code == CodeRoomNotFound {
		return roomGone()
	}
	return Errorf(CodeUnavailable, "the history cannot be read now")
}

func roomGone() *Error { return Errorf(CodeRoomGone, "the room was deleted") }

// buffers are for what serve writes: it lives for a moment, and many do at once
// when a room fills.
var buffers sync.Pool

func getBuffer() []byte {
	if b, ok := buffers.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, 4096)
}

// putBuffer takes a buffer back, unless a long page has made it large.
func putBuffer(b []byte) {
	if cap(b) > 0 && cap(b) <= 16<<10 {
		buffers.Put(&b)
	}
}
