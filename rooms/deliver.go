package rooms

import "time"

// applied is an applied entry on its way to hub and proposer.
type applied struct {
	kind   EntryKind
	room   string
	from   string
	node   string
	ticket uint64
	Outcome
}

// deliver gives changes to their hubs and receipts to their proposers, in
// order, until last is closed and nothing is left.
func (r *Registry) deliver(batches <-chan []applied, last <-chan struct{}) {
	var d delivery
	for {
		select {
		case list := <-batches:
			r.deliverBatch(list, &d)
		case <-last:
			for {
				select {
				case list := <-batches:
					r.deliverBatch(list, &d)
				default:
					return
				}
			}
		}
	}
}

func (r *Registry) deliverBatch(list []applied, d *delivery) {
	for i := range list {
		a := &list[i]
		switch {
		case a.Err != nil:
			r.stats.refused.Add(1)
		case a.Receipt.Duplicate:
			r.stats.duplicates.Add(1)
		case a.Change != nil:
			if a.kind == EntryPost {
				r.stats.posts.Add(1)
			}
			r.stats.changes.Add(1)
			r.stats.changes.Add(uint64(len(a.More)))
			if h := r.hub(a.room); h != nil {
				d.hold(h)
				h.deliver(a.Change)
				for _, c := range a.More {
					h.deliver(c)
				}
			}
		case a.kind == EntryKick || a.kind == EntryBan || a.kind == EntryTrace:
			r.enforce(a)
		case a.kind == EntryDeleteRoom:
			// The hub may be that of a room which was made under the same id since.
			if h := r.hub(a.room); h != nil && h.epoch == a.Receipt.Room.Epoch {
				h.close(roomGone())
			}
		}
		if a.Err == nil && !a.Receipt.Duplicate {
			send(r.inboxes.note(a, r.deps.encoder))
			r.webhooks.note(a)
		}
		r.waiting.done(a.node, a.ticket, a.Outcome)
	}
	d.release()
}

// delivery is the deliverer's part of what the writers do.
type delivery struct {
	held []*hub
	pen  pen
}

// atOnce is how many members the deliverer writes to itself after a batch. That
// is sooner, and cheaper than to wake a writer; but writers are several, and the
// next batch waits.
const atOnce = slice

// hold keeps a hub's writers asleep until release: what a batch brings its
// members, and the answers to who proposed it, leave in one write.
func (d *delivery) hold(h *hub) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.held {
		h.held = true
		d.held = append(d.held, h)
	}
}

// release makes the passes over small hubs that have come to rest, and leaves
// the others to their writers.
func (d *delivery) release() {
	now, left := time.Now(), atOnce
	for _, h := range d.held {
		for i := range h.shards {
			if p, begun := h.release(i, &d.pen, now, left); begun {
				left -= len(p.members)
				d.pen.advance(&p) // ends it: it is of a slice at most
			}
		}
	}
	clear(d.held)
	d.held = d.held[:0]
}

// release has the shard's writer woken, if there was reason to. Where the shard
// is due and has most members or fewer, a pass is begun with pen instead, under
// the same lock: whoever became current in between would make it a longer one.
func (h *hub) release(shard int, w *pen, now time.Time, most int) (p pass, begun bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = false
	s := &h.shards[shard]
	if !s.waits {
		return pass{}, false
	}
	s.waits = false
	if len(s.members)+len(s.joining) <= most && !now.Before(s.due) {
		return w.beginLocked(h, shard, now), true
	}
	h.deps.writers[shard].queue(h)
	return pass{}, false
}
