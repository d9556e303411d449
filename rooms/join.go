package rooms

import (
	"context"
	"time"
)

// Cursor is a place in a room's history: all changes up to Rev are known.
type Cursor struct {
	Epoch string
	Rev   uint64
}

// JoinOptions say what a member wants to be told first.
type JoinOptions struct {
	After   *Cursor // resume here; nil is a fresh start, as is another epoch or a rev to come
	History int     // newest messages of a fresh start; beyond MaxPage it is MaxPage, 0 is none
	Inbox   bool    // tell of the other rooms too: what is unread, which come and go
}

// Admit tells whether who may join the room, and returns it: the check to make
// before a connection is upgraded. The errors are CodeRoomNotFound,
// CodeForbidden, CodeBanned and CodeRoomFull, and CodeUnavailable on a node that
// is catching up with its cluster, or differs from it.
func (r *Registry) Admit(ctx context.Context, who Identity, room string) (Room, error) {
	found, err := r.Room(ctx, who, room)
	if err == nil {
		err = r.full(who, &found)
	}
	return found, err
}

// Join adds a member to the room's hub. The member gets, through sink and in
// this order: a welcome; the changes after o.After, or, without it or when it is
// no cursor of this room's history, the newest messages; and from there on every
// change, once, in order. Join does not wait for any of that.
//
// The errors are those of Admit, and CodeShuttingDown.
func (r *Registry) Join(ctx context.Context, who Identity, room string, o JoinOptions, sink Sink) (*Member, error) {
	found, err := r.Admit(ctx, who, room)
	if err != nil {
		return nil, err
	}
	for {
		h, err := r.openHub(ctx, room)
		if err != nil {
			return nil, err
		}
		m := newMember(who, h, sink)
		m.inbox = o.Inbox
		joined, err := h.join(m, &found)
		if err != nil {
			return nil, err
		}
		if !joined {
			continue // it closed in this moment, and is on its way out of the registry
		}
		return m, r.welcome(m, o)
	}
}

// welcome starts the goroutine that serves a member until it is current.
func (r *Registry) welcome(m *Member, o JoinOptions) error {
	r.mu.RLock() // Run waits for what is spawned while the registry is open
	defer r.mu.RUnlock()
	if !r.open {
		m.Leave()
		return Errorf(CodeShuttingDown, "the server is going away")
	}
	r.deps.spawn(func(ctx context.Context) {
		first, err := m.hub.welcome(ctx, m, o)
		if err == nil && m.inbox {
			first, err = r.openInbox(ctx, m, first)
		}
		if err != nil {
			m.hub.drop(m, closing(ctx, err))
			return
		}
		m.hub.serve(ctx, m, first)
	})
	return nil
}

// welcome sets m's cursor and returns what it reads first.
func (h *hub) welcome(ctx context.Context, m *Member, o JoinOptions) ([]byte, error) {
	w := Welcome{You: *m.who()}
	h.mu.Lock()
	if !h.deps.alone && o.After != nil && o.After.Epoch == h.epoch && !h.awaitLocked(m, o.After.Rev) {
		h.mu.Unlock()
		return nil, Errorf(CodeUnavailable, "this node does not know yet what the client knows")
	}
	head := h.head
	w.Members, w.Online = h.presence.list(MaxListed), len(h.presence.here)
	h.mu.Unlock()

	var history []Message
	w.Recovered = o.After != nil && o.After.Epoch == h.epoch && o.After.Rev <= head
	if w.Recovered {
		w.Rev, m.rev = head, o.After.Rev
	} else {
		if o.History > 0 {
			var err error
			history, err = h.deps.store.Messages(ctx, MessageQuery{
				Room: h.room, Limit: min(o.History, MaxPage), Viewer: m.who().Subject,
			})
			if err != nil {
				return nil, err
			}
		}
		// The history may have been read after newer changes than head. All
		// that it shows is known; whatever else came since is told as a change.
		for i := range history {
			head = max(head, history[i].Rev)
		}
		w.Rev, m.rev = head, head
	}
	m.base = m.rev

	var err error
	if w.Room, err = h.deps.store.Room(ctx, h.room); err != nil {
		return nil, err
	}
	if w.Room.Epoch != h.epoch { // made anew: its hub is about to take the place of this one
		return nil, Errorf(CodeUnavailable, "the room was made anew in this moment")
	}
	framing := m.sink.Framing()
	frame := Frame{Payload: h.deps.encoder.Welcome(&w)}
	p := getBuffer()
	for i := range history {
		p = framing.Append(p, frame)
		c := Change{Kind: ChangeChat, Room: h.room, Epoch: h.epoch, Rev: history[i].Rev, Prev: history[i].Rev - 1, Message: &history[i]}
		frame = Frame{Payload: h.deps.encoder.Change(&c)}
	}
	if !w.Recovered {
		frame.Epoch, frame.Rev = h.epoch, head // with the last of it, the cursor stands
	}
	return framing.Append(p, frame), nil
}

// behindFor is how long a node that is behind a client has to catch up with it.
const behindFor = 5 * time.Second

// awaitLocked waits until the hub has delivered rev: the client that knows it
// comes from a node that is further. It reports false when that took too long.
func (h *hub) awaitLocked(m *Member, rev uint64) bool {
	late := false
	timer := time.AfterFunc(behindFor, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		late = true
		h.delivered.Broadcast()
	})
	defer timer.Stop()
	for h.head < rev && !m.gone && !late {
		h.delivered.Wait()
	}
	return h.head >= rev
}
