package rooms

import (
	"context"
	"sync"
	"time"
)

// markEvery is the least time between two read marks of one identity in one
// room that are made durable. Who scrolls reads a message a moment.
const markEvery = 2 * time.Second

// marks gathers read marks on their way to the journal. Those that wait when a
// node dies are lost: somebody reads a few messages again.
type marks struct {
	mu   sync.Mutex
	held map[mark]*heldMark
}

type mark struct{ subject, room string }

type heldMark struct {
	who     Identity
	seq     uint64 // 0 when nothing waits
	settled time.Time
}

// MarkRead notes that who has read a room up to seq. Marks only go forward; the
// newest of many becomes durable within seconds. The errors are those of Room.
func (r *Registry) MarkRead(ctx context.Context, who Identity, room string, seq uint64) error {
	if _, err := r.room(ctx, who, room); err != nil {
		return err
	}
	k, now := mark{who.Subject, room}, time.Now()
	r.marks.mu.Lock()
	h := r.marks.held[k]
	if h == nil {
		if r.marks.held == nil {
			r.marks.held = make(map[mark]*heldMark)
		}
		h = new(heldMark)
		r.marks.held[k] = h
	}
	wait := now.Sub(h.settled) < markEvery
	if wait {
		h.who, h.seq = who, max(h.seq, seq)
	} else {
		h.settled = now
	}
	r.marks.mu.Unlock()
	if wait {
		return nil
	}
	return r.proposeMark(ctx, who, room, seq)
}

func (r *Registry) proposeMark(ctx context.Context, who Identity, room string, seq uint64) error {
	return r.Submit(ctx, who, Entry{Kind: EntryRead, Room: room, Seq: seq}, func(Receipt, error) {})
}

// settleMarks proposes the marks that have waited, until ctx is done.
func (r *Registry) settleMarks(ctx context.Context) {
	tick := time.NewTicker(markEvery / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for k, h := range r.marks.due(now) {
				if err := r.proposeMark(ctx, h.who, k.room, h.seq); err != nil {
					r.log.DebugContext(ctx, "a read mark was not kept", "err", err)
				}
			}
		}
	}
}

// due takes the marks whose time has come, and forgets those that rest.
func (m *marks) due(now time.Time) map[mark]heldMark {
	m.mu.Lock()
	defer m.mu.Unlock()
	due := make(map[mark]heldMark)
	for k, h := range m.held {
		if now.Sub(h.settled) < markEvery {
			continue
		}
		if h.seq == 0 {
			delete(m.held, k)
			continue
		}
		due[k] = *h
		h.seq, h.settled = 0, now
	}
	return due
}
