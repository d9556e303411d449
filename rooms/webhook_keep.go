package rooms

import (
	"context"
	"time"
)

// keepWebhook notes durably how far a webhook has come, if it has come further
// and the last note is so old. Whoever goes on after a crash, or on another
// node, tells again what was told since the last note.
func (r *Registry) keepWebhook(ctx context.Context, id uint64, c *calling, age time.Duration) {
	w := &r.webhooks
	w.mu.Lock()
	state := c.state
	due := (c.told > c.noted || age == 0) && time.Since(c.at) >= age
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
