package rooms

import (
	"context"
	"time"
)

// toKeep tells whether the webhook has come further than is noted, and has done
// so for long enough.
func (c *calling) toKeep(now time.Time) bool {
	return c.told > c.noted && now.Sub(c.at) >= webhookKeep
}

// keepWebhook notes durably how far a webhook has come, if that is due. Whoever
// goes on after a crash, or on another node, tells again what was told since the
// last note.
func (r *Registry) keepWebhook(ctx context.Context, id uint64, c *calling) {
	w := &r.webhooks
	w.mu.Lock()
	state, due := c.state, c.toKeep(time.Now())
	w.mu.Unlock()
	if due {
		r.noteWebhook(ctx, id, c, state)
	}
}

// keepWebhooks has all notes made that are still to be made, without waiting for
// them: this node goes away.
func (r *Registry) keepWebhooks(ctx context.Context) {
	w := &r.webhooks
	var notes []Entry
	w.mu.Lock()
	for id, c := range w.all {
		if c.told > c.noted {
			notes = append(notes, Entry{Kind: EntryNoteWebhook, Room: c.room, Webhook: &Webhook{ID: id, State: c.state}})
		}
	}
	w.mu.Unlock()
	for _, e := range notes {
		if err := r.Submit(ctx, system, e, func(Receipt, error) {}); err != nil {
			r.log.DebugContext(ctx, "how far a webhook has come is not noted", "room", e.Room, "webhook", e.Webhook.ID, "err", err)
			return
		}
	}
}

func (r *Registry) noteWebhook(ctx context.Context, id uint64, c *calling, state WebhookState) {
	e := Entry{Kind: EntryNoteWebhook, Room: c.room, Webhook: &Webhook{ID: id, State: state}}
	_, err := r.Propose(ctx, system, e)
	r.webhooks.mu.Lock()
	defer r.webhooks.mu.Unlock()
	c.at = time.Now()
	if err == nil {
		c.noted = max(c.noted, min(c.told, state.Rev))
	} else if CodeOf(err) != CodeNoWebhook {
		r.log.DebugContext(ctx, "how far a webhook has come is not noted", "room", c.room, "webhook", id, "err", err)
	}
}
