package rooms

import (
	"context"
	"maps"
	"slices"
)

// claims is what another node says that the journal came to.
type claims struct {
	open    []Seal // of places that this node has not reached yet, or has just
	differs bool   // the last one that could be compared was not what this node has
	agrees  bool   // or it was
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
		if sum, known := mine[s.At]; known {
			c.agrees, c.differs = sum == s.Sum, sum != s.Sum
		}
		return s.At <= reach
	})
}

// compareNodes holds what the other nodes say that the journal came to against
// what this node has. A node that differs from another, and agrees with none,
// no longer serves: it, or both, would tell people what is not so.
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
		case other.claims.differs:
			differ = append(differ, id)
		case other.claims.agrees:
			agree = append(agree, id)
		}
	}
	if len(differ) == 0 {
		return
	}
	slices.Sort(differ)
	if len(agree) > 0 {
		if one := &n.others[differ[0]].claims; !one.said {
			one.said = true
			r.log.ErrorContext(ctx, "another node has not the history that this one and others have", "node", differ[0], "at", reach)
		}
		return
	}
	r.diverge(ctx, Errorf(CodeUnavailable, "this node has not the same history as %s; it serves nobody", differ[0]))
}

// diverge ends what members and requests get from this node, for good.
func (r *Registry) diverge(ctx context.Context, why *Error) {
	if !r.diverged.CompareAndSwap(nil, why) {
		return
	}
	r.log.ErrorContext(ctx, "DIVERGED; docs/cluster.md tells what to do", "why", why.Detail)
	for _, h := range r.allHubs() {
		h.close(why)
	}
}
