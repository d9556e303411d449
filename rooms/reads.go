package rooms

import (
	"context"
	"slices"
	"time"
)

// What a reader is told: a history as it was at some moment, whole up to there.
// On one node a later read never shows less than an earlier one, and all that was
// acknowledged there before. What other nodes have acknowledged follows within
// milliseconds. A node that knows that it lacks something does not answer before
// it has it, and a reader that names something the node does not have makes it
// ask the others. docs/cluster.md has the promise.

// Room returns a room that who may read. For a private room without a grant it
// answers as for one that does not exist.
func (r *Registry) Room(ctx context.Context, who Identity, id string) (Room, error) {
	if err := r.known(ctx); err != nil {
		return Room{}, err
	}
	return r.room(ctx, who, id)
}

// room is Room for who does not read: this node may lack what it knows that the
// others have.
func (r *Registry) room(ctx context.Context, who Identity, id string) (Room, error) {
	room, _, err := r.enter(ctx, who, id, time.Now())
	return room, err
}

// enter is room, and tells what who may do there.
func (r *Registry) enter(ctx context.Context, who Identity, id string, now time.Time) (Room, Permission, error) {
	if err := r.begun(); err != nil {
		return Room{}, 0, err
	}
	if !ValidRoomID(id) {
		return Room{}, 0, roomNotFound(id)
	}
	room, err := r.store.Room(ctx, id)
	// A hidden room costs what none costs, so that the time tells nothing.
	may := who.Allowed(id, room.Visibility)
	hidden := room.Visibility == Private && may&Read == 0
	if (err != nil || hidden) && r.catchUp(ctx) {
		room, err = r.store.Room(ctx, id)
		may = who.Allowed(id, room.Visibility)
	}
	switch {
	case err != nil:
		return Room{}, 0, err
	case may&Read == 0 && room.Visibility == Private:
		return Room{}, 0, roomNotFound(id)
	case may&Read == 0:
		return Room{}, 0, mayNotRead(id)
	}
	if err := r.barred(who, &room, may, now); err != nil {
		return Room{}, 0, err
	}
	return room, may, nil
}

// begun tells that the store has what was in the journal when Run began, and
// that it is what the other nodes have. Before, it might say that there is no
// room where one was made long ago. A node that is alone has all that there is.
func (r *Registry) begun() error {
	if r.deps.alone {
		return nil
	}
	if why := r.diverged.Load(); why != nil {
		return why
	}
	select {
	case <-r.opened:
		return nil
	default:
		return catchingUp()
	}
}

// catchUpFor bounds how long a reader waits for what this node lacks.
const catchUpFor = 2 * time.Second

// known waits until this node has all that it knows to be in the journal.
func (r *Registry) known(ctx context.Context) error {
	if err := r.begun(); err != nil || r.deps.alone {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, catchUpFor)
	defer cancel()
	if r.journal.Known(ctx) != nil {
		return catchingUp()
	}
	return nil
}

func catchingUp() *Error {
	return &Error{Code: CodeUnavailable, Detail: "the server is catching up", RetryAfter: time.Second}
}

// catchUp has this node apply what other nodes have acknowledged. It reports
// false when there are none, or too little time: whoever made a room on one node
// may ask another for it at once.
func (r *Registry) catchUp(ctx context.Context) bool {
	if r.deps.alone {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, catchUpFor)
	defer cancel()
	return r.journal.Current(ctx) == nil
}

// catchUpTo is catchUp for a reader that names a message which came later than
// all that this node has in the room: another node must have shown it.
func (r *Registry) catchUpTo(ctx context.Context, room *Room, seq uint64) {
	if seq > room.Head {
		r.catchUp(ctx)
	}
}

func mayNotRead(id string) *Error { return Errorf(CodeForbidden, "you may not read room %q", id) }

func roomNotFound(id string) *Error { return Errorf(CodeRoomNotFound, "there is no room %q", id) }

// Rooms lists the rooms that who may read, ascending by id, those after after
// ("" is from the first), at most limit.
func (r *Registry) Rooms(ctx context.Context, who Identity, after string, limit int) ([]Room, error) {
	if err := r.known(ctx); err != nil {
		return nil, err
	}
	q := RoomQuery{After: after, Limit: limit}
	q.Public, q.Patterns = readable(who)
	return r.store.Rooms(ctx, q)
}

// readable says which rooms who may read: the public ones, and those whose ids
// match a pattern.
func readable(who Identity) (public bool, patterns []string) {
	for _, g := range who.Grants {
		if g.Allow&Read != 0 {
			patterns = append(patterns, g.Pattern)
		}
	}
	return who.Base&Read != 0, patterns
}

// Search finds messages in the rooms that who may read; q's Public, Patterns
// and Viewer are who's. A room that is named must be one of them.
func (r *Registry) Search(ctx context.Context, who Identity, q SearchQuery) (SearchPage, error) {
	if err := r.known(ctx); err != nil {
		return SearchPage{}, err
	}
	if q.Room != "" {
		if _, err := r.room(ctx, who, q.Room); err != nil {
			return SearchPage{}, err
		}
	}
	q.Public, q.Patterns = readable(who)
	q.Viewer = who.Subject
	page, err := r.store.Search(ctx, q)
	if err != nil {
		return SearchPage{}, err
	}
	page.Messages = slices.DeleteFunc(page.Messages, func(m Message) bool {
		_, err := r.room(ctx, who, m.Room) // banned there
		return err != nil
	})
	return page, nil
}

// Messages returns a page of a room's messages; q.Viewer is who.
func (r *Registry) Messages(ctx context.Context, who Identity, q MessageQuery) ([]Message, error) {
	room, err := r.Room(ctx, who, q.Room)
	if err != nil {
		return nil, err
	}
	r.catchUpTo(ctx, &room, max(q.After, q.Around, q.Before))
	q.Viewer = who.Subject
	return r.store.Messages(ctx, q)
}

// Message returns one message.
func (r *Registry) Message(ctx context.Context, who Identity, id string, seq uint64) (Message, error) {
	room, err := r.Room(ctx, who, id)
	if err != nil {
		return Message{}, err
	}
	r.catchUpTo(ctx, &room, seq)
	return r.store.Message(ctx, id, seq, who.Subject)
}

// Members lists the identities in a room, ascending by subject.
func (r *Registry) Members(ctx context.Context, who Identity, room string) ([]Sender, error) {
	if _, err := r.Room(ctx, who, room); err != nil {
		return nil, err
	}
	return r.membersOf(room), nil
}

func (r *Registry) membersOf(room string) []Sender {
	h := r.hub(room)
	if h == nil {
		return r.nodes.elsewhere(room)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.presence.list(0)
}

// Online counts the identities in a room.
func (r *Registry) Online(room string) int {
	h := r.hub(room)
	if h == nil {
		return len(r.nodes.elsewhere(room))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.presence.here)
}
