package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"

	"chatd/rooms"
)

const (
	// searchRooms is up to how many rooms are named to the index. With more,
	// what it finds in other rooms is dropped afterwards.
	searchRooms = 50
	// searchLooks bounds how many messages one page looks at.
	searchLooks = 2000
	// searchRanked bounds among how many matches, the newest ones, the best are
	// looked for.
	searchRanked = 5000
	// clockSlack is how far the order of commits and the senders' clocks may
	// differ without a search by time missing messages.
	clockSlack = 10 * time.Minute
)

// Search implements [rooms.Store].
func (s *Store) Search(ctx context.Context, q rooms.SearchQuery) (rooms.SearchPage, error) {
	var page rooms.SearchPage
	if q.Limit <= 0 {
		q.Limit = rooms.DefaultPage
	}
	expression, err := match(q.Text)
	if err != nil {
		return page, err
	}
	at, err := parseCursor(q)
	if err != nil {
		return page, err
	}
	page.Behind = max(0, int(s.row.Load()-s.index.row.Load()+s.touched.Load()-s.index.touched.Load()))
	tags, none := s.searchTags(q)
	if none {
		return page, nil
	}
	f := finder{q: q, expression: expression + tags, at: at, below: 1<<63 - 1}
	if err := s.bounds(ctx, &f); err != nil {
		return page, err
	}
	for looks := 0; ; looks += q.Limit {
		rows, err := s.index.find(ctx, &f)
		if err != nil {
			return page, err
		}
		found, err := s.fetch(ctx, &f, rows)
		if err != nil {
			return page, err
		}
		for i, row := range rows {
			m, ok := found[row]
			if !ok {
				continue
			}
			if len(page.Messages) == q.Limit {
				page.Next = f.cursor(rows[:i])
				break
			}
			page.Messages = append(page.Messages, *m)
		}
		if page.Next != "" || len(rows) < q.Limit {
			break
		}
		f.advance(rows)
		if looks+q.Limit >= searchLooks {
			page.Next = f.cursor(nil)
			break
		}
	}
	if !q.Ranked {
		slices.Reverse(page.Messages)
	}
	return page, nil
}

// finder is a search under way.
type finder struct {
	q          rooms.SearchQuery
	expression string
	at         int64 // ranked: how many were looked at; else: the row of the last one, 0 at first
	above      int64 // rows to look at are above this
	below      int64 // and below this
}

func (f *finder) advance(seen []int64) {
	switch {
	case len(seen) == 0:
	case f.q.Ranked:
		f.at += int64(len(seen))
	default:
		f.at = seen[len(seen)-1]
	}
}

// cursor is where to go on once seen are seen.
func (f *finder) cursor(seen []int64) string {
	next := *f
	next.advance(seen)
	if f.q.Ranked {
		return "r" + strconv.FormatInt(next.at, 10)
	}
	return "n" + strconv.FormatInt(next.at, 10)
}

func parseCursor(q rooms.SearchQuery) (int64, error) {
	if q.Cursor == "" {
		return 0, nil
	}
	kind := "n"
	if q.Ranked {
		kind = "r"
	}
	number, ok := strings.CutPrefix(q.Cursor, kind)
	at, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || at < 0 {
		return 0, rooms.Invalid("cursor", "invalid", "is not one of this search")
	}
	return at, nil
}

// searchTags says in the index's words where to look; none is nowhere.
func (s *Store) searchTags(q rooms.SearchQuery) (tags string, none bool) {
	if q.Sender != "" {
		tags = " AND tags : " + senderTag(q.Sender)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var names []string
	for _, id := range s.ids {
		if q.Room != "" && id != q.Room {
			continue
		}
		if r := s.rooms[id]; visible(r.Visibility, id, q.Public, q.Patterns) {
			names = append(names, roomTag(r.number))
		}
	}
	if len(names) == 0 {
		return "", true
	}
	if len(names) == len(s.ids) || len(names) > searchRooms {
		return tags, false
	}
	return tags + " AND tags : (" + strings.Join(names, " OR ") + ")", false
}

// bounds finds between which rows the times lie that are asked for.
func (s *Store) bounds(ctx context.Context, f *finder) error {
	if f.q.After.IsZero() && f.q.Before.IsZero() {
		return nil
	}
	return s.snapshot(ctx, func(ctx context.Context, c *conn) (err error) {
		if !f.q.After.IsZero() {
			if f.above, err = c.rowAt(ctx, f.q.After.Add(-clockSlack), s.row.Load()); err != nil {
				return err
			}
			f.above--
		}
		if !f.q.Before.IsZero() {
			f.below, err = c.rowAt(ctx, f.q.Before.Add(clockSlack), s.row.Load())
		}
		return err
	})
}

// rowAt is the row of the first message at or after t, given the last row.
func (c *conn) rowAt(ctx context.Context, t time.Time, last int64) (int64, error) {
	low, high := int64(1), last+1
	for low < high {
		middle := low + (high-low)/2
		var row, at int64
		found, err := c.get(ctx, "SELECT row, at FROM messages WHERE row >= ? ORDER BY row LIMIT 1", []any{middle}, &row, &at)
		if err != nil {
			return 0, err
		}
		if !found || !moment(at).Before(t) {
			high = middle
		} else {
			low = row + 1
		}
	}
	return low, nil
}

// find returns the next rows that match, at most f.q.Limit.
func (x *index) find(ctx context.Context, f *finder) (found []int64, err error) {
	err = x.readers.use(ctx, func(c *conn) error {
		query := "SELECT rowid FROM texts WHERE texts MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid DESC LIMIT ?"
		below := f.below
		if f.at > 0 {
			below = min(below, f.at)
		}
		args := []any{f.expression, f.above, below, f.q.Limit}
		if f.q.Ranked {
			query = `SELECT row FROM (SELECT rowid AS row, bm25(texts, 1.0, 0.0) AS rank FROM texts
				WHERE texts MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid DESC LIMIT ?) ORDER BY rank, row DESC LIMIT ? OFFSET ?`
			args = []any{f.expression, f.above, f.below, searchRanked, f.q.Limit, f.at}
		}
		return c.each(ctx, query, args, func(rows *sql.Rows) error {
			var row int64
			err := rows.Scan(&row)
			found = append(found, row)
			return err
		})
	})
	return found, err
}

// fetch reads those of the rows that may be shown.
func (s *Store) fetch(ctx context.Context, f *finder, wanted []int64) (map[int64]*rooms.Message, error) {
	found := make(map[int64]*rooms.Message, len(wanted))
	if len(wanted) == 0 {
		return found, nil
	}
	list := []byte{'['}
	for _, row := range wanted {
		list = append(strconv.AppendInt(list, row, 10), ',')
	}
	list[len(list)-1] = ']'
	err := s.snapshot(ctx, func(ctx context.Context, c *conn) error {
		var row, number int64
		var visibility rooms.Visibility
		shown := make(map[int64][]*rooms.Message) // by room
		dest := newMessageRow("", &row, &number)
		dest.dest = append(dest.dest, &dest.room, &visibility)
		if err := c.each(ctx, selectFound, []any{string(list)}, func(rows *sql.Rows) error {
			if err := rows.Scan(dest.dest...); err != nil {
				return err
			}
			m, err := dest.message()
			if err == nil && f.shows(&m, visibility) {
				found[row] = &m
				shown[number] = append(shown[number], &m)
			}
			return err
		}); err != nil {
			return err
		}
		for number, messages := range shown {
			if err := loadReactions(ctx, c, number, f.q.Viewer, messages...); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

const selectFound = "SELECT " + messageColumns + `, row, room, room_id, visibility FROM messages
	JOIN (SELECT number, id AS room_id, visibility FROM rooms) ON number = room
	WHERE row IN (SELECT value FROM json_each(?)) AND NOT deleted`

// shows tells whether a message that the index found is one to show.
func (f *finder) shows(m *rooms.Message, v rooms.Visibility) bool {
	q := &f.q
	return visible(v, m.Room, q.Public, q.Patterns) &&
		(q.Room == "" || m.Room == q.Room) &&
		(q.Sender == "" || m.From.ID == q.Sender) &&
		(q.After.IsZero() || m.At.After(q.After)) &&
		(q.Before.IsZero() || m.At.Before(q.Before))
}
