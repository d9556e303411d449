package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"chatd/rooms"
)

const (
	selectPosted = "SELECT 0, " + messageColumns + ` FROM messages
		WHERE room = ? AND seq > ? AND seq <= ? AND deleted = 0 ORDER BY seq LIMIT ?`
	selectRewritten = "SELECT text_rev, " + messageColumns + ` FROM messages INDEXED BY messages_rewritten
		WHERE room = ? AND text_rev > ? AND text_rev <= ? AND text_rev > 0 AND deleted = ? ORDER BY text_rev LIMIT ?`
)

// Webhooks implements [rooms.Store].
func (s *Store) Webhooks(id string) []rooms.Webhook {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.rooms[id]; r != nil {
		return r.webhooks
	}
	return nil
}

// Notices implements [rooms.Store].
//
// It looks up to one head. A message that was rewritten since shows its newest
// text under the older rev; the rewriting itself has a rev beyond that head.
func (s *Store) Notices(ctx context.Context, q rooms.NoticeQuery) (notices []rooms.Notice, upTo uint64, err error) {
	r, err := s.find(q.Room)
	if err != nil {
		return nil, 0, err
	}
	if q.After >= r.Head {
		return nil, q.After, nil
	}
	upTo = r.Head
	err = s.snapshot(ctx, func(ctx context.Context, c *conn) error {
		// Each walk goes no further than the one before: what is beyond is not
		// of this page.
		walk := func(on rooms.WebhookEvents, query string, args ...any) error {
			if q.On&on == 0 {
				return nil
			}
			found, err := c.notices(ctx, r, on, query, append(append([]any{r.number, int64(q.After), int64(upTo)}, args...), q.Limit))
			if err != nil {
				return err
			}
			if len(found) == q.Limit {
				upTo = found[q.Limit-1].Rev
			}
			notices = append(notices, found...)
			return nil
		}
		if err := walk(rooms.OnMessage, selectPosted); err != nil {
			return err
		}
		if err := walk(rooms.OnEdit, selectRewritten, 0); err != nil {
			return err
		}
		if err := walk(rooms.OnDelete, selectRewritten, 1); err != nil {
			return err
		}
		slices.SortFunc(notices, func(a, b rooms.Notice) int { return cmp.Compare(a.Rev, b.Rev) })
		if len(notices) > q.Limit {
			notices = notices[:q.Limit]
			upTo = notices[q.Limit-1].Rev
		}
		var page []*rooms.Message
		bySeq := make(map[uint64]*rooms.Message, len(notices))
		for i := range notices {
			n := &notices[i]
			if same := bySeq[n.Message.Seq]; same != nil { // posted and edited
				n.Message = same
				continue
			}
			bySeq[n.Message.Seq] = n.Message
			page = append(page, n.Message)
		}
		return loadReactions(ctx, c, r.number, "", page...)
	})
	if err != nil {
		return nil, 0, err
	}
	return notices, upTo, nil
}

// notices reads one kind of them.
func (c *conn) notices(ctx context.Context, r *room, event rooms.WebhookEvents, query string, args []any) ([]rooms.Notice, error) {
	var list []rooms.Notice
	row := newMessageRow(r.ID)
	var rev uint64
	row.dest = append([]any{&rev}, row.dest...)
	err := c.each(ctx, query, args, func(rows *sql.Rows) error {
		if err := rows.Scan(row.dest...); err != nil {
			return err
		}
		m, err := row.message()
		n := rooms.Notice{Event: event, Room: r.ID, Epoch: r.Epoch, Rev: rev, Message: &m, At: m.At}
		switch event {
		case rooms.OnMessage:
			n.Rev = m.Seq
		case rooms.OnEdit:
			n.At = m.EditedAt
		case rooms.OnDelete:
			n.At = time.Time{} // nobody keeps it
		}
		list = append(list, n)
		return err
	})
	return list, err
}
