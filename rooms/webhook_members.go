package rooms

import (
	"context"
	"slices"
	"time"
)

// tellMembers tells a webhook who came and went since the last look. It reports
// false when that was not accepted: it is told later, as far as it is still so.
func (r *Registry) tellMembers(ctx context.Context, id uint64, c *calling) bool {
	hook, ok := r.webhookToCall(ctx, id, c)
	if !ok || hook.On&onMembers == 0 {
		return ok
	}
	now := time.Now()
	if now.Sub(c.looked) < webhookEvery {
		return true
	}
	list := r.membersOf(c.room)
	here := make(map[string]Sender, len(list))
	for _, who := range list {
		here[who.ID] = who
	}
	first := c.here == nil
	r.webhooks.mu.Lock()
	c.looked = now
	if first {
		c.here = here // they are no news
	}
	r.webhooks.mu.Unlock()
	if first {
		return true
	}
	var joined, left []Sender
	for subject, who := range here {
		if _, was := c.here[subject]; !was {
			joined = append(joined, who)
		}
	}
	for subject, who := range c.here {
		if _, is := here[subject]; !is {
			left = append(left, who)
		}
	}
	n := Notice{Room: c.room, At: now, Online: len(here)}
	return r.tellMoves(ctx, id, c, hook, n, OnJoined, joined) && r.tellMoves(ctx, id, c, hook, n, OnLeft, left)
}

// tellMoves tells of one direction, and remembers what was accepted.
func (r *Registry) tellMoves(ctx context.Context, id uint64, c *calling, hook Webhook, n Notice, event WebhookEvents, list []Sender) bool {
	sortSenders(list)
	n.Event = event
	for part := range slices.Chunk(list, webhookPeople) {
		n.Members = part
		if hook.On&event != 0 && !r.tell(ctx, id, c, &n) {
			return false
		}
		r.webhooks.mu.Lock()
		for _, who := range part {
			if event == OnJoined {
				c.here[who.ID] = who
			} else {
				delete(c.here, who.ID)
			}
		}
		r.webhooks.mu.Unlock()
	}
	return true
}
