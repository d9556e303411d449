package sqlite

import (
	"context"

	"chatd/rooms"
)

// read notes how far somebody has read: never back, and not beyond the head.
func (b *batch) read(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	_, err := b.exec(ctx, `INSERT INTO marks (sender, room, seq) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)`, e.From.ID, r.number, int64(min(e.Seq, r.Head)))
	return rooms.Outcome{Receipt: rooms.Receipt{ID: e.ID, Seq: e.Seq}}, err
}

// Own messages and deleted ones are no news. Looking at no more than the newest
// bounds the work.
const (
	countUnread = `SELECT count(*) FROM (SELECT sender, deleted FROM messages WHERE room = ? AND seq > ? ORDER BY seq DESC LIMIT ?)
		WHERE sender <> ? AND NOT deleted`
	countMentions = `SELECT count(*) FROM (SELECT 1 FROM mentions AS n CROSS JOIN messages AS m ON m.room = n.room AND m.seq = n.seq
		WHERE n.room = ? AND n.seq > ? AND n.name = ? AND m.sender <> ? LIMIT ?)` // CROSS: mentions are the few
)

// Unread implements [rooms.Store].
func (s *Store) Unread(ctx context.Context, q rooms.UnreadQuery) ([]rooms.Unread, error) {
	list := make([]rooms.Unread, 0, len(q.Rooms))
	for _, id := range q.Rooms {
		r, err := s.find(id)
		if err != nil {
			continue // deleted, or never there
		}
		u := rooms.Unread{Room: id}
		err = s.snapshot(ctx, func(ctx context.Context, c *conn) error {
			if _, err := c.get(ctx, "SELECT seq FROM marks WHERE sender = ? AND room = ?", []any{q.Subject, r.number}, &u.Read); err != nil {
				return err
			}
			if u.Read >= r.Head {
				return nil
			}
			if _, err := c.get(ctx, countUnread, []any{r.number, int64(u.Read), rooms.MaxUnread, q.Subject}, &u.Count); err != nil {
				return err
			}
			_, err := c.get(ctx, countMentions, []any{r.number, int64(u.Read), q.Name, q.Subject, rooms.MaxUnread}, &u.Mentions)
			return err
		})
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, nil
}
