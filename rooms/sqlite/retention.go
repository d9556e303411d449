package sqlite

import (
	"context"
	"database/sql"
	"time"

	"chatd/rooms"
)

// Expired implements [rooms.Store].
func (s *Store) Expired(ctx context.Context, roomID string, now time.Time) (uint64, error) {
	r, err := s.find(roomID)
	if err != nil {
		return 0, err
	}
	var expired uint64
	err = s.snapshot(ctx, func(ctx context.Context, c *conn) error {
		if r.Retention.Count > 0 {
			// The newest one beyond the count. This walks over the count's
			// entries of an index, and no rows.
			if _, err := c.get(ctx, "SELECT seq FROM messages WHERE room = ? ORDER BY seq DESC LIMIT 1 OFFSET ?",
				[]any{r.number, r.Retention.Count}, &expired); err != nil {
				return err
			}
		}
		if r.Retention.Age <= 0 {
			return nil
		}
		// From the oldest on, and no further than the first that stays: a clock
		// that was wrong for a while may keep messages, but never take more.
		ends, old := now.Add(-r.Retention.Age), true
		return c.each(ctx, "SELECT seq, at FROM messages WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?",
			[]any{r.number, int64(expired), rooms.PurgeStep}, func(rows *sql.Rows) error {
				var seq uint64
				var at int64
				if err := rows.Scan(&seq, &at); err != nil {
					return err
				}
				if old = old && moment(at).Before(ends); old {
					expired = seq
				}
				return nil
			})
	})
	return expired, err
}

// purge removes a room's oldest messages, up to e.Seq, but not more than a
// step's. A room whose retention is another one by now loses nothing, nor does one
// that was made anew. (Entries of older versions do not say what asked for them.)
func (b *batch) purge(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	outcome := rooms.Outcome{Receipt: rooms.Receipt{ID: e.ID, Seq: e.Seq, Rev: r.Head}}
	if r.Retention == (rooms.Retention{}) || e.Epoch != "" && (e.Epoch != r.Epoch || e.Create.Retention != r.Retention) {
		return outcome, nil
	}
	var beyond uint64 // the first message of the next step
	if _, err := b.get(ctx, "SELECT seq FROM messages WHERE room = ? AND seq <= ? ORDER BY seq LIMIT 1 OFFSET ?",
		[]any{r.number, int64(e.Seq), rooms.PurgeStep}, &beyond); err != nil {
		return rooms.Outcome{}, err
	}
	if beyond > 0 {
		outcome.Receipt.Seq = beyond - 1
	}
	last := int64(outcome.Receipt.Seq)
	if err := b.touch(ctx, r, 1, outcome.Receipt.Seq); err != nil {
		return rooms.Outcome{}, err
	}
	for _, query := range []string{
		"DELETE FROM messages WHERE room = ? AND seq <= ?",
		"DELETE FROM reactions WHERE room = ? AND seq <= ?",
		"DELETE FROM mentions WHERE room = ? AND seq <= ?",
		"DELETE FROM receipts WHERE room = ? AND seq BETWEEN 1 AND ?",
	} {
		if _, err := b.exec(ctx, query, r.number, last); err != nil {
			return rooms.Outcome{}, err
		}
	}
	// The numbers live on, also where the newest message is gone.
	if _, err := b.exec(ctx, "UPDATE rooms SET head = ? WHERE number = ?", int64(r.Head), r.number); err != nil {
		return rooms.Outcome{}, err
	}
	_, err := b.exec(ctx, "UPDATE state SET row = ?", b.row)
	return outcome, err
}
