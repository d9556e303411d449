package sqlite

import (
	"context"
	"database/sql"

	"chatd/rooms"
)

// Sanctions implements [rooms.Store].
func (s *Store) Sanctions(id string) *rooms.Sanctions {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.rooms[id]; r != nil {
		return r.sanctions
	}
	return nil
}

// Audit implements [rooms.Store].
func (s *Store) Audit(ctx context.Context, q rooms.AuditQuery) ([]rooms.AuditRecord, error) {
	const columns = "SELECT number, room, at, by_id, by_name, action, who_id, who_name, seq, count, until, reason, detail FROM audit"
	before := int64(min(q.Before-1, 1<<63-2)) + 1 // 0 is beyond all
	query, args := columns+" WHERE number < ? ORDER BY number DESC LIMIT ?", []any{before, q.Limit}
	if q.Room != "" {
		query, args = columns+" WHERE room = ? AND number < ? ORDER BY number DESC LIMIT ?", []any{q.Room, before, q.Limit}
	}
	list := make([]rooms.AuditRecord, 0, q.Limit)
	err := s.snapshot(ctx, func(ctx context.Context, c *conn) error {
		return c.each(ctx, query, args, func(rows *sql.Rows) error {
			var a rooms.AuditRecord
			var at, until int64
			if err := rows.Scan(&a.N, &a.Room, &at, &a.By.ID, &a.By.Name, &a.Action, &a.Who.ID, &a.Who.Name,
				&a.Seq, &a.Count, &until, &a.Reason, &a.Detail); err != nil {
				return err
			}
			a.At, a.Until = moment(at), momentOrZero(until)
			list = append(list, a)
			return nil
		})
	})
	return list, err
}

// Written implements [rooms.Store].
func (s *Store) Written(ctx context.Context, roomID, sender string, from, to uint64) ([]uint64, error) {
	r, err := s.find(roomID)
	if err != nil {
		return nil, err
	}
	var list []uint64
	err = s.snapshot(ctx, func(ctx context.Context, c *conn) error {
		return c.each(ctx, "SELECT seq FROM messages WHERE room = ? AND seq >= ? AND seq < ? AND sender = ? AND deleted = 0 ORDER BY seq",
			[]any{r.number, int64(from), int64(to), sender}, func(rows *sql.Rows) error {
				var seq uint64
				err := rows.Scan(&seq)
				list = append(list, seq)
				return err
			})
	})
	return list, err
}
