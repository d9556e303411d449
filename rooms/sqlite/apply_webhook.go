package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"chatd/rooms"
)

// webhook makes, changes or deletes a webhook. The receipt carries it.
func (b *batch) webhook(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	if e.Webhook == nil || e.Kind == rooms.EntryUpdateWebhook && e.WebhookPatch == nil {
		return rooms.Outcome{}, rooms.Invalid("url", "required", "must not be empty")
	}
	apply := b.createWebhook
	switch e.Kind {
	case rooms.EntryUpdateWebhook:
		apply = b.updateWebhook
	case rooms.EntryDeleteWebhook:
		apply = b.deleteWebhook
	}
	outcome, number, err := b.onceNumbered(ctx, r, e, apply)
	if err != nil {
		return rooms.Outcome{}, err
	}
	receipt := &outcome.Receipt
	if receipt.Webhook != nil || e.Kind == rooms.EntryDeleteWebhook {
		return outcome, nil
	}
	i, err := rooms.FindWebhook(r.webhooks, r.ID, number)
	if err != nil {
		return rooms.Outcome{}, err // it was deleted since
	}
	found := r.webhooks[i]
	receipt.Webhook = &found
	return outcome, nil
}

func webhookOutcome(w *rooms.Webhook) rooms.Outcome {
	return rooms.Outcome{Receipt: rooms.Receipt{Rev: w.ID, Webhook: w}}
}

func (b *batch) createWebhook(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	if len(r.webhooks) >= rooms.MaxWebhooks {
		return rooms.Outcome{}, rooms.Invalid("url", "too_many", "would be one more than the %d webhooks of a room", rooms.MaxWebhooks)
	}
	w := rooms.Webhook{
		Name: e.Webhook.Name, URL: e.Webhook.URL, On: e.Webhook.On, Secret: e.Webhook.Secret,
		By: e.From, At: e.At, State: rooms.WebhookState{Rev: r.Head},
	}
	if _, err := b.get(ctx, `INSERT INTO webhooks (room, name, url, events, secret, by_id, by_name, at, off, rev,
			called_at, status, failure, failures, failing_since, next)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?, 0, 0, '', 0, 0, 0) RETURNING number`, []any{
		r.number, w.Name, w.URL, w.On.String(), w.Secret, w.By.ID, w.By.Name, w.At.UnixMilli(), int64(w.State.Rev),
	}, &w.ID); err != nil {
		return rooms.Outcome{}, err
	}
	r.webhooks = append(slices.Clip(r.webhooks), w)
	return webhookOutcome(&w), b.auditWebhook(ctx, e, rooms.ActionCreateWebhook, &w)
}

func (b *batch) updateWebhook(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	i, err := rooms.FindWebhook(r.webhooks, r.ID, e.Webhook.ID)
	if err != nil {
		return rooms.Outcome{}, err
	}
	was := r.webhooks[i]
	w := e.WebhookPatch.Apply(was)
	if w == was {
		return webhookOutcome(&w), nil
	}
	if err := b.keepWebhook(ctx, r, i, w); err != nil {
		return rooms.Outcome{}, err
	}
	return webhookOutcome(&w), b.auditWebhook(ctx, e, rooms.ActionUpdateWebhook, &w)
}

// keepWebhook puts w in the i-th place of the room's webhooks.
func (b *batch) keepWebhook(ctx context.Context, r *room, i int, w rooms.Webhook) error {
	r.webhooks = slices.Clone(r.webhooks)
	r.webhooks[i] = w
	s := &w.State
	_, err := b.exec(ctx, `UPDATE webhooks SET name = ?, url = ?, events = ?, off = ?, rev = ?,
			called_at = ?, status = ?, failure = ?, failures = ?, failing_since = ?, next = ? WHERE number = ?`,
		w.Name, w.URL, w.On.String(), string(w.Off), int64(s.Rev), millis(s.CalledAt), s.Status, s.Failure, s.Failures,
		millis(s.FailingSince), millis(s.Next), int64(w.ID))
	return err
}

func (b *batch) deleteWebhook(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	i, err := rooms.FindWebhook(r.webhooks, r.ID, e.Webhook.ID)
	if err != nil {
		return rooms.Outcome{}, err
	}
	w := r.webhooks[i]
	if _, err := b.exec(ctx, "DELETE FROM webhooks WHERE number = ?", int64(w.ID)); err != nil {
		return rooms.Outcome{}, err
	}
	r.webhooks = slices.Delete(slices.Clone(r.webhooks), i, i+1)
	return webhookOutcome(&w), b.auditWebhook(ctx, e, rooms.ActionDeleteWebhook, &w)
}

// noteWebhook notes how far a webhook has come: never back. Two nodes may both
// have called it for a moment.
func (b *batch) noteWebhook(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	if e.Webhook == nil {
		return rooms.Outcome{}, rooms.Invalid("webhook", "required", "must not be empty")
	}
	i, err := rooms.FindWebhook(r.webhooks, r.ID, e.Webhook.ID)
	if err != nil {
		return rooms.Outcome{}, err
	}
	w := r.webhooks[i]
	rev := max(w.State.Rev, min(e.Webhook.State.Rev, r.Head))
	w.State = e.Webhook.State
	w.State.Rev = rev
	outcome := webhookOutcome(&w)
	outcome.Receipt.ID, outcome.Receipt.Rev = e.ID, 0
	return outcome, b.keepWebhook(ctx, r, i, w)
}

func (b *batch) auditWebhook(ctx context.Context, e *rooms.Entry, action rooms.Action, w *rooms.Webhook) error {
	detail := w.URL + " (" + w.On.String() + ")"
	if w.Off != "" {
		detail += " " + string(w.Off)
	}
	return b.audit(ctx, e, &rooms.AuditRecord{Action: action, Detail: detail})
}

// loadWebhooks reads those of all rooms.
func (s *Store) loadWebhooks(ctx context.Context, byNumber map[int64]*room) error {
	return s.writer.each(ctx, `SELECT number, room, name, url, events, secret, by_id, by_name, at, off, rev,
			called_at, status, failure, failures, failing_since, next
		FROM webhooks ORDER BY number`, nil, func(rows *sql.Rows) error {
		var w rooms.Webhook
		var number, at, called, failing, next int64
		var events string
		if err := rows.Scan(&w.ID, &number, &w.Name, &w.URL, &events, &w.Secret, &w.By.ID, &w.By.Name, &at, &w.Off, &w.State.Rev,
			&called, &w.State.Status, &w.State.Failure, &w.State.Failures, &failing, &next); err != nil {
			return err
		}
		w.On, _ = rooms.ParseWebhookEvents(strings.Fields(events))
		w.At, w.State.CalledAt, w.State.FailingSince, w.State.Next = moment(at), momentOrZero(called), momentOrZero(failing), momentOrZero(next)
		if r := byNumber[number]; r != nil {
			r.webhooks = append(r.webhooks, w)
		}
		return nil
	})
}
