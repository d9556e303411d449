package sqlite

import (
	"cmp"
	"context"
	"slices"

	"chatd/rooms"
)

// Messages that never changed have rev = seq and are found by seq, the others
// by the index that holds only them.
const (
	selectNew = "SELECT " + messageColumns + ` FROM messages
		WHERE room = ? AND seq > ? AND seq <= ? AND rev = seq ORDER BY seq LIMIT ?`
	selectChanged = "SELECT " + messageColumns + ` FROM messages INDEXED BY messages_changed
		WHERE room = ? AND rev > ? AND rev <= ? AND rev <> seq ORDER BY rev LIMIT ?`
)

// Changes implements [rooms.Store].
//
// It shows the room as it was at one head, looked up first, so that the room's
// settings and its messages belong together. A message that was changed since
// is left out: its newest state has a rev beyond that head.
func (s *Store) Changes(ctx context.Context, q rooms.ChangeQuery) (changes []rooms.Change, done bool, err error) {
	r, err := s.find(q.Room)
	if err != nil {
		return nil, false, err
	}
	if q.After >= r.Head {
		return nil, true, nil
	}
	page := make([]rooms.Message, 0, q.Limit+1)
	err = s.snapshot(ctx, func(ctx context.Context, c *conn) error {
		row := newMessageRow(r.ID)
		// One more than asked for tells whether there are more.
		read := func(query string, last uint64) error {
			return c.each(ctx, query, []any{r.number, int64(q.After), int64(last), q.Limit + 1}, row.appendTo(&page))
		}
		if err := read(selectNew, r.Head); err != nil {
			return err
		}
		last := r.Head
		if len(page) > q.Limit {
			last = page[q.Limit].Rev
		}
		if err := read(selectChanged, last); err != nil {
			return err
		}
		slices.SortFunc(page, func(a, b rooms.Message) int { return cmp.Compare(a.Rev, b.Rev) })
		page = page[:min(len(page), q.Limit+1)]
		return loadReactions(ctx, c, r.number, q.Viewer, pointers(page)...)
	})
	if err != nil {
		return nil, false, err
	}
	changes, done = merge(q, page, &r.Room)
	return changes, done, nil
}

// merge makes changes of the messages and of the room's own settings, so that
// they reach the room's head, or are one more than the limit.
func merge(q rooms.ChangeQuery, page []rooms.Message, state *rooms.Room) (changes []rooms.Change, done bool) {
	prev := q.After
	changes = make([]rooms.Change, 0, len(page)+1)
	add := func(c rooms.Change) {
		c.Room, c.Epoch, c.Prev = state.ID, state.Epoch, prev
		prev = c.Rev
		changes = append(changes, c)
	}
	addRoom := func(rev uint64) {
		settled := *state
		settled.Head = rev
		add(rooms.Change{Kind: rooms.ChangeRoom, Rev: rev, State: &settled})
	}
	more := len(page) > q.Limit
	for i := range page {
		m := &page[i]
		if state.Rev > prev && state.Rev < m.Rev {
			addRoom(state.Rev)
		}
		add(messageChange(q, m))
	}
	if !more && state.Rev > prev {
		addRoom(state.Rev)
	}
	// Where the newest changes were purged, the history still ends at the
	// head: the room as it is stands for what is gone.
	if !more && state.Head > prev {
		addRoom(state.Head)
	}
	if len(changes) > q.Limit {
		return changes[:q.Limit], false
	}
	return changes, true
}

func messageChange(q rooms.ChangeQuery, m *rooms.Message) rooms.Change {
	c := rooms.Change{Kind: rooms.ChangeEdit, Rev: m.Rev, Message: m, At: m.At}
	switch {
	case m.Deleted:
		c.Kind = rooms.ChangeDelete
	case m.Seq > q.Base:
		c.Kind = rooms.ChangeChat
	}
	if m.Rev == m.Seq {
		c.By = m.From
	}
	return c
}
