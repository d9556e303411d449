package rooms

import (
	"context"
	"math"
	"math/rand/v2"
	"time"
)

// tellChanges tells a webhook what it has not been told. It reports false when
// it has to wait.
func (r *Registry) tellChanges(ctx context.Context, id uint64, c *calling) bool {
	for {
		hook, ok := r.webhookToCall(ctx, id, c)
		if !ok {
			return false
		}
		if hook.On&onChanges == 0 {
			return true
		}
		list, upTo, err := r.store.Notices(ctx, NoticeQuery{Room: c.room, After: c.state.Rev, On: hook.On, Limit: webhookPage})
		if err != nil {
			r.log.WarnContext(ctx, "a webhook's changes cannot be read", "room", c.room, "webhook", id, "err", err)
			return false
		}
		for i := range list {
			if !r.tell(ctx, id, c, &list[i]) {
				return false
			}
		}
		r.webhooks.mu.Lock()
		c.state.Rev = max(c.state.Rev, upTo)
		r.webhooks.mu.Unlock()
		if len(list) < webhookPage {
			return true
		}
	}
}

// webhookToCall returns the webhook as it is now. It reports false when it is
// not to be called.
func (r *Registry) webhookToCall(ctx context.Context, id uint64, c *calling) (Webhook, bool) {
	hook, err := r.findWebhook(c.room, id)
	return hook, err == nil && hook.Off == "" && ctx.Err() == nil && r.nodes.callsHere(id) && r.Ready() == nil
}

// tell tells a webhook one thing. It reports false when that was not accepted.
func (r *Registry) tell(ctx context.Context, id uint64, c *calling, n *Notice) bool {
	hook, ok := r.webhookToCall(ctx, id, c)
	if !ok {
		return false
	}
	answer := r.callWebhook(ctx, &hook, n)
	if ctx.Err() != nil {
		return false // whether it was accepted is not known; it is told again
	}
	if is, err := r.findWebhook(c.room, id); err != nil || is.URL != hook.URL {
		return false // whoever answered is not its receiver any more
	}
	now := Millis(time.Now())
	state := c.state
	state.CalledAt, state.Status, state.Failure = now, answer.Status, answer.Failure
	if answer.Accepted {
		r.stats.webhookCalls.Add(1)
		recovered := state.Failures > 0
		state.Rev, state.Failures, state.FailingSince, state.Next = max(state.Rev, n.Rev), 0, time.Time{}, time.Time{}
		r.webhooks.set(c, state)
		if recovered {
			r.noteWebhook(ctx, id, c, state)
		} else {
			r.keepWebhook(ctx, id, c)
		}
		return true
	}
	r.stats.webhookFailures.Add(1)
	state.Failures++
	if state.FailingSince.IsZero() {
		state.FailingSince = now
	}
	state.Next = now.Add(webhookWait(state.Failures, answer.RetryAfter)).Truncate(time.Millisecond)
	r.webhooks.set(c, state)
	r.log.WarnContext(ctx, "a webhook's call was not accepted", "room", c.room, "webhook", id, "failures", state.Failures, "why", answer.Failure, "again", state.Next)
	r.noteWebhook(ctx, id, c, state)
	off := OffFailing
	if answer.Gone {
		off = OffGone
	}
	if answer.Gone || now.Sub(state.FailingSince) > webhookPatience {
		e := Entry{Kind: EntryUpdateWebhook, Room: c.room, Webhook: &Webhook{ID: id}, WebhookPatch: &WebhookPatch{Off: &off}}
		if _, err := r.Propose(ctx, system, e); err != nil {
			r.log.WarnContext(ctx, "a webhook is not turned off", "room", c.room, "webhook", id, "err", err)
		}
	}
	return false
}

func (w *webhooks) set(c *calling, state WebhookState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if state.Failures == 0 {
		if c.told == c.noted {
			c.at = time.Now()
		}
		c.told = state.Rev
	}
	c.state = state
}

// webhookWait is how long to wait after so many failures in a row: twice as long
// each time, give or take a fifth, so that not all come back in one moment; but
// as long as the receiver asks for.
func webhookWait(failures int, asked time.Duration) time.Duration {
	wait := webhookRarely
	if n := failures - 1; n < 20 {
		wait = min(webhookRarely, time.Duration(math.Exp2(float64(n)))*webhookAgain)
	}
	wait += time.Duration((rand.Float64() - 0.5) * 0.4 * float64(wait))
	return max(wait, min(asked, webhookAsked))
}

// callWebhook makes one call, when a slot is free.
func (r *Registry) callWebhook(ctx context.Context, hook *Webhook, n *Notice) WebhookAnswer {
	w := &r.webhooks
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return WebhookAnswer{}
	}
	if n.At.IsZero() {
		n.At = time.Now()
	}
	return w.caller.Call(ctx, WebhookCall{
		URL: hook.URL, Secret: hook.Secret, ID: n.id(hook.ID), Payload: r.deps.encoder.Notice(n),
	})
}
