package rooms

import (
	"context"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"time"
)

// How webhooks are called.
const (
	webhookEvery    = time.Second     // all are looked at
	webhookKeep     = 5 * time.Second // the least time between two notes of how far one has come
	webhookCalls    = 256             // at once, on this node
	webhookPage     = 50              // notices read from the store at once
	webhookAgain    = time.Second     // after the first failure; doubles
	webhookRarely   = 15 * time.Minute
	webhookPatience = 5 * 24 * time.Hour // of failures in a row
	webhookAsked    = 24 * time.Hour     // the longest wait that a receiver may ask for
	webhookPeople   = 500                // of one call
)

// webhooks calls those that this node has to call. What they are to be told is
// in the store; here is only how far each has come.
type webhooks struct {
	caller WebhookCaller // nil calls none
	signal chan struct{} // holds a value when there is news
	slots  chan struct{} // one for each call under way
	work   sync.WaitGroup

	mu    sync.Mutex
	rooms map[string]struct{} // that may have some
	news  map[string]struct{} // of those, the ones in which something happened
	all   map[uint64]*calling
}

// calling is what a node remembers of a webhook that it calls. It is guarded by
// webhooks.mu, but for what is said to be the runner's.
type calling struct {
	room    string
	running bool      // somebody calls it
	more    bool      // and shall look again before it ends
	since   time.Time // something is due since then, zero when nothing is

	stored WebhookState // the store's, at the last look
	state  WebhookState // as the runner has it; Rev is beyond the store's by what is not noted yet
	told   uint64       // the newest rev that the receiver accepted
	noted  uint64       // the newest of those that was noted
	at     time.Time    // when the oldest that is not noted was accepted

	here   map[string]Sender // the runner's: who was in the room at the last look; nil before the first
	looked time.Time
}

// take takes what was noted since the last look, by this node, by another, or by
// a moderator.
func (c *calling) take(stored WebhookState) {
	if stored == c.stored {
		return
	}
	rev := max(c.state.Rev, stored.Rev)
	c.state, c.stored = stored, stored
	c.state.Rev = rev
	c.noted = max(c.noted, stored.Rev)
	c.told = max(c.told, c.noted)
}

func (w *webhooks) init(caller WebhookCaller) {
	w.caller = caller
	w.signal, w.slots = make(chan struct{}, 1), make(chan struct{}, webhookCalls)
	w.rooms, w.news, w.all = make(map[string]struct{}), make(map[string]struct{}), make(map[uint64]*calling)
}

// note takes notice of an applied entry.
func (w *webhooks) note(a *applied) {
	if w.caller == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch _, known := w.rooms[a.room]; {
	case a.kind == EntryCreateWebhook || a.kind == EntryUpdateWebhook:
		w.rooms[a.room] = struct{}{}
	case !known || a.Change == nil:
		return
	}
	w.news[a.room] = struct{}{}
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// take returns the rooms of a set, of w.news or of all w.rooms: either way no
// news are left.
func (w *webhooks) take(set map[string]struct{}) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := slices.Collect(maps.Keys(set))
	clear(w.news)
	return list
}

// newest is the state of a webhook, as this node knows it.
func (w *webhooks) newest(hook Webhook) WebhookState {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.all[hook.ID]; c != nil && c.state.Rev > hook.State.Rev {
		return c.state
	}
	return hook.State
}

// lag is for how long the webhook that has waited longest has waited.
func (w *webhooks) lag(now time.Time) (longest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.all {
		if !c.since.IsZero() {
			longest = max(longest, now.Sub(c.since))
		}
	}
	return longest
}

// tendWebhooks calls webhooks until ctx is done.
func (r *Registry) tendWebhooks(ctx context.Context) {
	w := &r.webhooks
	if w.caller == nil || !r.findWebhooks(ctx) {
		return
	}
	defer w.work.Wait()
	tick := time.NewTicker(webhookEvery)
	defer tick.Stop()
	for {
		var list []string
		select {
		case <-ctx.Done():
			return
		case <-w.signal:
			list = w.take(w.news)
		case <-tick.C:
			w.forget(r.store) // not with news: it takes long where there are many
			list = w.take(w.rooms)
		}
		if r.Ready() != nil {
			continue // a node that is cut off leaves them to others
		}
		for _, room := range list {
			r.tendRoom(ctx, room, time.Now())
		}
	}
}

// findWebhooks looks for the rooms that have some, when the store has what was
// in the journal and the other nodes have been heard. It reports false when ctx
// ended before.
func (r *Registry) findWebhooks(ctx context.Context) bool {
	select {
	case <-r.opened:
	case <-ctx.Done():
		return false
	}
	if !r.deps.alone {
		select {
		case <-time.After(beatEvery + tellEvery):
		case <-ctx.Done():
			return false
		}
	}
	for after := ""; ; {
		page, err := r.store.Rooms(ctx, RoomQuery{After: after, Limit: MaxPage, Public: true, Patterns: []string{"*"}})
		if err != nil {
			r.log.ErrorContext(ctx, "webhooks are not called", "err", err)
			return false
		}
		if len(page) == 0 {
			return true
		}
		for _, room := range page {
			after = room.ID
			if len(r.store.Webhooks(room.ID)) > 0 {
				r.webhooks.mu.Lock()
				r.webhooks.rooms[room.ID] = struct{}{}
				r.webhooks.mu.Unlock()
			}
		}
	}
}

// forget forgets webhooks that are no more, and rooms that have none.
func (w *webhooks) forget(store Store) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for room := range w.rooms {
		if len(store.Webhooks(room)) == 0 {
			delete(w.rooms, room)
		}
	}
	for id, c := range w.all {
		if _, err := FindWebhook(store.Webhooks(c.room), c.room, id); err != nil && !c.running {
			delete(w.all, id)
		}
	}
}

// tendRoom has the room's webhooks called that are due, and are this node's.
func (r *Registry) tendRoom(ctx context.Context, id string, now time.Time) {
	room, err := r.store.Room(ctx, id)
	if err != nil {
		return // it was deleted
	}
	w := &r.webhooks
	for _, hook := range r.store.Webhooks(id) {
		mine := hook.Off == "" && r.nodes.callsHere(hook.ID)
		w.mu.Lock()
		c := w.all[hook.ID]
		if c == nil {
			c = &calling{room: id}
			w.all[hook.ID] = c
		}
		if !c.running {
			c.take(hook.State)
		}
		switch {
		case c.running:
			c.more = true
		case !mine:
			c.since, c.here = time.Time{}, nil
		default:
			r.tendOneLocked(ctx, &room, hook, c, now)
		}
		w.mu.Unlock()
	}
}

// tendOneLocked has a webhook of this node's called, if it is due.
func (r *Registry) tendOneLocked(ctx context.Context, room *Room, hook Webhook, c *calling, now time.Time) {
	changes := hook.On&onChanges != 0 && room.Head > c.state.Rev
	if changes && c.since.IsZero() {
		c.since = now
	}
	members := hook.On&onMembers != 0 && now.Sub(c.looked) >= max(webhookEvery, time.Duration(len(c.here))*presencePer)
	if !changes && !members && !c.toKeep(now) || now.Before(c.state.Next) {
		return
	}
	c.running = true
	r.webhooks.work.Go(func() { r.runWebhook(ctx, hook.ID, c) })
}

// runWebhook calls a webhook until nothing is due, or it has to wait.
func (r *Registry) runWebhook(ctx context.Context, id uint64, c *calling) {
	w := &r.webhooks
	for {
		done := r.tellChanges(ctx, id, c) && r.tellMembers(ctx, id, c)
		r.keepWebhook(ctx, id, c)
		w.mu.Lock()
		if done {
			c.since = time.Time{}
		}
		if !done || !c.more || ctx.Err() != nil {
			c.running, c.more = false, false
			w.mu.Unlock()
			return
		}
		c.more = false
		w.mu.Unlock()
	}
}

// callsHere tells whether this node calls the webhook: of all nodes that are
// there, each webhook is of the one that a hash gives the greatest number. Nodes
// that do not know of each other for a moment may both call it.
func (n *nodes) callsHere(webhook uint64) bool {
	if n.peers == nil {
		return true
	}
	number := func(node string) uint64 {
		h := fnv.New64a()
		_, _ = h.Write([]byte{byte(webhook >> 24), byte(webhook >> 16), byte(webhook >> 8), byte(webhook)})
		_, _ = h.Write([]byte(node))
		return h.Sum64()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	mine := number(n.self)
	for id := range n.others {
		if theirs := number(id); theirs > mine || theirs == mine && id > n.self {
			return false
		}
	}
	return true
}
