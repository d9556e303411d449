package sqlite

import (
	"context"
	"database/sql"

	"chatd/rooms"
)

// Messages that never changed have rev = seq and are found by seq, the others
// by the index that holds only them. Both halves come sorted and are merged.
const selectChanges = `SELECT seq AS r, ` + messageColumns + ` FROM messages
	WHERE room = ?1 AND seq > ?2 AND rev = seq
UNION ALL SELECT rev AS r, ` + messageColumns + ` FROM messages INDEXED BY messages_changed
	WHERE room = ?1 AND rev > ?2 AND rev <> seq
ORDER BY r LIMIT ?3`

// Changes implements [rooms.Store].
func (s *Store) Changes(ctx context.Context, q rooms.ChangeQuery) (changes []rooms.Change, done bool, err error) {
	// The head is looked up first: what the snapshot shows is at least as new.
	r, err := s.find(q.Room)
	if err != nil {
		return nil, false, err
	}
	if q.After >= r.Head {
		return nil, true, nil
	}
	var page []rooms.Message
	now := *r
	err = s.snapshot(ctx, func(ctx context.Context, c *conn) error {
		if err := c.each(ctx, "SELECT "+roomColumns+" FROM rooms WHERE number = ?", []any{r.number},
			func(rows *sql.Rows) error { return scanRoom(rows, &now) }); err != nil {
			return err
		}
		var rev uint64
		row := newMessageRow(r.ID)
		row.dest = append([]any{&rev}, row.dest...)
		// One more than asked for tells whether there are more.
		if err := c.each(ctx, selectChanges, []any{r.number, int64(q.After), q.Limit + 1}, row.appendTo(&page)); err != nil {
			return err
		}
		return loadReactions(ctx, c, r.number, q.Viewer, pointers(page)...)
	})
	if err != nil {
		return nil, false, err
	}
	changes, done = merge(q, page, &now.Room)
	return changes, done, nil
}

// merge makes changes of the messages and of the room's own settings. state's
// Head is a rev that the changes reach at least.
func merge(q rooms.ChangeQuery, page []rooms.Message, state *rooms.Room) (changes []rooms.Change, done bool) {
	prev := q.After
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
