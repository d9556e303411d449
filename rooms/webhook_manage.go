package rooms

import (
	"context"
	"time"
)

// WebhookCaller brings what webhooks are told to their receivers.
type WebhookCaller interface {
	// Check refuses a URL that cannot be called, with CodeInvalid and the field
	// "url". It looks at the words alone and does not wait.
	Check(url string) error
	// Call makes one call, and waits for its answer or until ctx is done.
	Call(ctx context.Context, c WebhookCall) WebhookAnswer
}

// WebhookCall is one attempt to tell a receiver something.
type WebhookCall struct {
	URL     string
	Secret  string
	ID      string // the same for all attempts to tell the same thing
	Payload []byte
}

// WebhookAnswer is what became of a call.
type WebhookAnswer struct {
	Accepted   bool
	Gone       bool          // the receiver wants no more calls
	Status     int           // of the HTTP answer, 0 when there was none
	Failure    string        // why it was not accepted, in one sentence
	RetryAfter time.Duration // what the receiver asks for, 0 is nothing
	Took       time.Duration
}

// MaxPending bounds how many notices are counted as due: it stands for as many
// or more.
const MaxPending = 1000

// WebhookView is a webhook as somebody sees it who may moderate its room: its
// secret is not shown.
type WebhookView struct {
	Webhook
	Epoch   string // of the room: Epoch and State.Rev are a cursor
	Pending int    // changes that it is still to be told of, at most MaxPending
}

func (r *Registry) prepareWebhook(e *Entry) error {
	if r.webhooks.caller == nil {
		return Errorf(CodeUnavailable, "this server calls no webhooks")
	}
	if e.Webhook == nil {
		return Invalid("url", "required", "must not be empty")
	}
	p := e.WebhookPatch
	switch e.Kind {
	case EntryCreateWebhook:
		w := *e.Webhook
		e.Webhook = &w
		if w.Secret == "" {
			w.Secret = newWebhookSecret()
		} else if _, err := WebhookKey(w.Secret); err != nil {
			return Invalid("secret", "invalid", "must be %s and %d to %d bytes in base64", secretPrefix, secretMin, secretMax)
		}
		if w.On == 0 {
			w.On = onChanges
		}
		p = &WebhookPatch{Name: &w.Name, URL: &w.URL, On: &w.On}
	case EntryDeleteWebhook:
		return nil
	}
	return r.checkWebhook(p)
}

func (r *Registry) checkWebhook(p *WebhookPatch) error {
	if p == nil {
		return Invalid("url", "required", "must not be empty")
	}
	if p.Name != nil && !ValidLine(*p.Name, MaxWebhookName) {
		return Invalid("name", "invalid", "must be at most %d characters, without control characters", MaxWebhookName)
	}
	if p.On != nil && (*p.On == 0 || *p.On&^(onChanges|onMembers) != 0) {
		return Invalid("events", "invalid", "must be some of %s", onChanges|onMembers)
	}
	if p.URL == nil {
		return nil
	}
	if len(*p.URL) > MaxWebhookURL {
		return Invalid("url", "too_long", "must have at most %d bytes", MaxWebhookURL)
	}
	return r.webhooks.caller.Check(*p.URL)
}

// Webhooks lists the room's webhooks, ascending by ID. It is for who may
// moderate.
func (r *Registry) Webhooks(ctx context.Context, who Identity, id string) ([]WebhookView, error) {
	room, err := r.moderated(ctx, who, id, Moderate)
	if err != nil {
		return nil, err
	}
	list := []WebhookView{}
	for _, w := range r.store.Webhooks(id) {
		view, err := r.viewWebhook(ctx, &room, w)
		if err != nil {
			return nil, err
		}
		list = append(list, view)
	}
	return list, nil
}

// Webhook returns one of them, or CodeNoWebhook.
func (r *Registry) Webhook(ctx context.Context, who Identity, id string, webhook uint64) (WebhookView, error) {
	room, err := r.moderated(ctx, who, id, Moderate)
	if err != nil {
		return WebhookView{}, err
	}
	w, err := r.findWebhook(id, webhook)
	if err != nil {
		return WebhookView{}, err
	}
	return r.viewWebhook(ctx, &room, w)
}

func (r *Registry) findWebhook(room string, id uint64) (Webhook, error) {
	list := r.store.Webhooks(room)
	i, err := FindWebhook(list, room, id)
	if err != nil {
		return Webhook{}, err
	}
	return list[i], nil
}

func (r *Registry) viewWebhook(ctx context.Context, room *Room, w Webhook) (WebhookView, error) {
	w.Secret = ""
	w.State = r.webhooks.newest(w)
	due, _, err := r.store.Notices(ctx, NoticeQuery{Room: room.ID, After: w.State.Rev, On: w.On, Limit: MaxPending})
	return WebhookView{Webhook: w, Epoch: room.Epoch, Pending: len(due)}, err
}

// TestWebhook calls a webhook's receiver at once, whether it is on or off, and
// tells what it answers. It is for who may moderate.
func (r *Registry) TestWebhook(ctx context.Context, who Identity, id string, webhook uint64) (WebhookAnswer, error) {
	room, err := r.moderated(ctx, who, id, Moderate)
	if err != nil {
		return WebhookAnswer{}, err
	}
	w, err := r.findWebhook(id, webhook)
	if err != nil {
		return WebhookAnswer{}, err
	}
	if r.webhooks.caller == nil {
		return WebhookAnswer{}, Errorf(CodeUnavailable, "this server calls no webhooks")
	}
	answer := r.callWebhook(ctx, &w, &Notice{Room: id, Epoch: room.Epoch, At: time.Now()})
	if err := ctx.Err(); err != nil {
		return WebhookAnswer{}, err
	}
	return answer, nil
}
