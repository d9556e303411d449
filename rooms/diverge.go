package rooms

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// claims is what another node says that the journal came to.
type claims struct {
	open    []Seal // of places that this node has not reached yet, or has just
	agrees  uint64 // the newest place at which it was what this node has; 0 is none
	differs uint64 // the first at which it was not: from there on it never is again
	said    bool   // the log tells of it
}

// maxClaims bounds the claims that wait. The newest are the ones that will be
// compared.
const maxClaims = 64

// toldSeals is how many seals a beat tells.
const toldSeals = 3

func newest(seals []Seal) []Seal { return seals[max(0, len(seals)-toldSeals):] }

func (c *claims) add(seals []Seal) {
	for _, s := range seals {
		if !slices.Contains(c.open, s) {
			c.open = append(c.open, s)
		}
	}
	c.open = c.open[max(0, len(c.open)-maxClaims):]
}

// compare settles the claims about places that mine reaches.
func (c *claims) compare(mine map[uint64]string, reach uint64) {
	c.open = slices.DeleteFunc(c.open, func(s Seal) bool {
		switch sum, known := mine[s.At]; {
		case known && sum == s.Sum:
			c.agrees = max(c.agrees, s.At)
		case known && (c.differs == 0 || s.At < c.differs):
			c.differs = s.At
		}
		return s.At <= reach
	})
}

// trail is which room each of the newest entries was about, by place: for the
// log, where nodes differ.
type trail struct {
	mu    sync.Mutex
	steps [4096]struct {
		place uint64
		room  string
	}
}

func (t *trail) add(batch []Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range batch {
		s := &t.steps[batch[i].JournalAt%uint64(len(t.steps))]
		s.place, s.room = batch[i].JournalAt, batch[i].Room
	}
}

// rooms lists which rooms the entries after a place up to another were about,
// ascending. whole tells that none was too long ago to be known.
func (t *trail) rooms(after, upTo uint64) (ids []string, whole bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	whole = upTo-after <= uint64(len(t.steps))
	for i := range t.steps {
		if s := &t.steps[i]; s.place > after && s.place <= upTo {
			ids = append(ids, s.room)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), whole
}

// compareNodes holds what the other nodes say that the journal came to against
// what this node has. A node that differs from another, and agrees with none,
// no longer serves: it, or both, would tell people what is not so. While it
// differs from one only, those that it has not been compared with yet are waited
// for: right after a start, the one that is wrong may be the first to be heard.
func (r *Registry) compareNodes(ctx context.Context) {
	n := &r.nodes
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.ContainsFunc(slices.Collect(maps.Values(n.others)), func(o *otherNode) bool { return len(o.claims.open) > 0 }) {
		return
	}
	var reach uint64
	mine := make(map[uint64]string)
	for _, s := range r.store.Seals() {
		mine[s.At], reach = s.Sum, s.At
	}
	var differ, agree []string
	for id, other := range n.others {
		other.claims.compare(mine, reach)
		switch {
		case other.claims.differs > 0:
			differ = append(differ, id)
		case other.claims.agrees > 0:
			agree = append(agree, id)
		}
	}
	if len(differ) == 0 {
		n.doubted = time.Time{}
		return
	}
	slices.Sort(differ)
	one := &n.others[differ[0]].claims
	where := r.whereDiffers(one)
	if len(agree) > 0 {
		n.doubted = time.Time{}
		if !one.said {
			one.said = true
			r.log.ErrorContext(ctx, "another node has not the history that this one and others have", append(where, "node", differ[0])...)
		}
		return
	}
	if n.doubted.IsZero() {
		n.doubted = time.Now()
	}
	if len(differ) == 1 && time.Since(n.doubted) < silentFor {
		return
	}
	why := Errorf(CodeUnavailable, "this node has not the same history as %s; it serves nobody", differ[0])
	if r.diverged.CompareAndSwap(nil, why) {
		r.log.ErrorContext(ctx, "DIVERGED; docs/cluster.md tells what to do", append(where, "why", why.Detail)...)
		for _, h := range r.allHubs() {
			h.close(why)
		}
	}
}

// whereDiffers is for the log what can be told of where a node differs: after
// which place of the journal, 0 where they were found to be the same at none yet,
// up to which, and which rooms the entries between them were about, as far as
// this process has applied them. It is not for people: rooms may be private.
func (r *Registry) whereDiffers(c *claims) []any {
	const most = 20
	ids, whole := r.nodes.trail.rooms(c.agrees, c.differs)
	if len(ids) > most || !whole {
		ids = append(ids[:min(most, len(ids))], "…")
	}
	return []any{"after", c.agrees, "upto", c.differs, "rooms", ids}
}
