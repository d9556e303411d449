package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strconv"

	"chatd/rooms"
)

const (
	selectBefore = "SELECT " + messageColumns + " FROM messages WHERE room = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
	selectAfter  = "SELECT " + messageColumns + " FROM messages WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?"
)

// Messages implements [rooms.Store].
func (s *Store) Messages(ctx context.Context, q rooms.MessageQuery) ([]rooms.Message, error) {
	r, err := s.find(q.Room)
	if err != nil {
		return nil, err
	}
	page := make([]rooms.Message, 0, q.Limit)
	err = s.snapshot(ctx, func(ctx context.Context, c *conn) error {
		row := newMessageRow(r.ID)
		read := func(query string, bound uint64, limit int) error {
			return c.each(ctx, query, []any{r.number, int64(min(bound, 1<<63-1)), limit}, row.appendTo(&page))
		}
		var err error
		switch {
		case q.Around != 0:
			half := max(0, q.Limit-1) / 2
			if err = read(selectBefore, q.Around, half); err != nil {
				return err
			}
			slices.Reverse(page)
			before := len(page)
			if err = read(selectAfter, q.Around-1, half+1); err != nil {
				return err
			}
			// One more than half was read for the message itself. If it is not
			// there, that one is too many.
			if len(page) == before+half+1 && page[before].Seq != q.Around {
				page = page[:len(page)-1]
			}
		case q.First, q.After != 0:
			err = read(selectAfter, q.After, q.Limit)
		case q.Before != 0:
			err = read(selectBefore, q.Before, q.Limit)
			slices.Reverse(page)
		default:
			err = read(selectBefore, 1<<63-1, q.Limit)
			slices.Reverse(page)
		}
		if err != nil {
			return err
		}
		return loadReactions(ctx, c, r.number, q.Viewer, pointers(page)...)
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Message implements [rooms.Store].
func (s *Store) Message(ctx context.Context, roomID string, seq uint64, viewer string) (rooms.Message, error) {
	r, err := s.find(roomID)
	if err != nil {
		return rooms.Message{}, err
	}
	var m *rooms.Message
	err = s.snapshot(ctx, func(ctx context.Context, c *conn) error {
		m, err = c.message(ctx, r, seq, viewer)
		return err
	})
	if err != nil {
		return rooms.Message{}, err
	}
	return *m, nil
}

// message reads a message for a viewer, or refuses with CodeMessageNotFound.
func (c *conn) message(ctx context.Context, r *room, seq uint64, viewer string) (*rooms.Message, error) {
	row := newMessageRow(r.ID)
	found, err := c.get(ctx, "SELECT "+messageColumns+" FROM messages WHERE room = ? AND seq = ?",
		[]any{r.number, int64(min(seq, 1<<63-1))}, row.dest...)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, rooms.Errorf(rooms.CodeMessageNotFound, "there is no message %d in %q", seq, r.ID)
	}
	m, err := row.message()
	if err != nil {
		return nil, err
	}
	return &m, loadReactions(ctx, c, r.number, viewer, &m)
}

func pointers(page []rooms.Message) []*rooms.Message {
	p := make([]*rooms.Message, len(page))
	for i := range page {
		p[i] = &page[i]
	}
	return p
}

// loadReactions puts the reactions of messages of one room into them, Me as
// viewer sees it.
func loadReactions(ctx context.Context, c *conn, number int64, viewer string, messages ...*rooms.Message) error {
	// A reaction is a change: what never changed has none.
	var bySeq map[uint64]*rooms.Message
	var seqs []byte
	for _, m := range messages {
		if m.Rev == m.Seq || m.Deleted {
			continue
		}
		if bySeq == nil {
			bySeq = make(map[uint64]*rooms.Message)
		}
		bySeq[m.Seq] = m
		seqs = strconv.AppendUint(append(seqs, ','), m.Seq, 10)
	}
	if bySeq == nil {
		return nil
	}
	seqs[0] = '['
	seqs = append(seqs, ']')
	return c.each(ctx, `SELECT seq, emoji, count(*), max(sender = ?) FROM reactions
			WHERE room = ? AND seq IN (SELECT value FROM json_each(?)) GROUP BY seq, emoji ORDER BY seq, emoji`,
		[]any{viewer, number, string(seqs)}, func(rows *sql.Rows) error {
			var seq uint64
			var reaction rooms.Reaction
			if err := rows.Scan(&seq, &reaction.Emoji, &reaction.Count, &reaction.Me); err != nil {
				return err
			}
			m := bySeq[seq]
			m.Reactions = append(m.Reactions, reaction)
			return nil
		})
}
