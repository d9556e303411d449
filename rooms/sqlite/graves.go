package sqlite

import "context"

// graveStep bounds how many rows one transaction removes.
const graveStep = 500

// graveQueries remove rows of a deleted room. Messages go first and are touched
// before, so that they leave the search index too.
var graveQueries = []string{
	`DELETE FROM messages WHERE row IN (SELECT row FROM messages WHERE room = ? ORDER BY seq LIMIT ?)`,
	`DELETE FROM reactions WHERE (room, seq, emoji, sender) IN (SELECT room, seq, emoji, sender FROM reactions WHERE room = ? LIMIT ?)`,
	`DELETE FROM mentions WHERE (room, seq, name) IN (SELECT room, seq, name FROM mentions WHERE room = ? LIMIT ?)`,
	`DELETE FROM receipts WHERE (id, room, sender) IN (SELECT id, room, sender FROM receipts WHERE room = ? LIMIT ?)`,
	`DELETE FROM last_posts WHERE (room, sender) IN (SELECT room, sender FROM last_posts WHERE room = ? LIMIT ?)`,
	`DELETE FROM sanctions WHERE number IN (SELECT number FROM sanctions WHERE room = ? LIMIT ?)`,
	`DELETE FROM webhooks WHERE number IN (SELECT number FROM webhooks WHERE room = ? LIMIT ?)`,
	`DELETE FROM marks WHERE (sender, room) IN (SELECT sender, room FROM marks WHERE room = ? LIMIT ?)`,
}

// emptyGrave removes some rows of a deleted room, and tells whether there may
// be more. Nobody can see those rows any more: it is no entry's work.
func (s *Store) emptyGrave(ctx context.Context) (more bool, err error) {
	var touched int64
	err = s.write(ctx, func(c *conn) error {
		var number int64
		if more, err = c.get(ctx, "SELECT room FROM graves LIMIT 1", nil, &number); err != nil || !more {
			return err
		}
		if _, err := c.exec(ctx, "UPDATE state SET row = ?", s.row.Load()); err != nil {
			return err
		}
		if touched, err = c.exec(ctx, "INSERT INTO touched (row) SELECT row FROM messages WHERE room = ? ORDER BY seq LIMIT ?",
			number, graveStep); err != nil {
			return err
		}
		for _, query := range graveQueries {
			if n, err := c.exec(ctx, query, number, graveStep); err != nil || n > 0 {
				return err
			}
		}
		_, err := c.exec(ctx, "DELETE FROM graves WHERE room = ?", number)
		return err
	}, func() { s.touched.Add(touched) })
	wake(s.unindexed)
	return more, err
}
