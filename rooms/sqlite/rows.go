package sqlite

import (
	"database/sql"
	"time"

	"chatd/rooms"
)

// scanner is a row: *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

const roomColumns = `number, id, epoch, name, topic, mode, visibility, slow_mode, archived,
	retention_age, retention_count, rev, created_at`

// scanRoom reads roomColumns into r, and the columns after them into more.
func scanRoom(row scanner, r *room, more ...any) error {
	var age, created int64
	dest := []any{
		&r.number, &r.ID, &r.Epoch, &r.Name, &r.Topic, &r.Mode, &r.Visibility, &r.SlowMode, &r.Archived,
		&age, &r.Retention.Count, &r.Rev, &created,
	}
	if err := row.Scan(append(dest, more...)...); err != nil {
		return err
	}
	r.Retention.Age = time.Duration(age) * time.Second
	r.CreatedAt = moment(created)
	return nil
}

const messageColumns = `seq, rev, id, sender, name, kind, text, reply_to, at, edited_at, deleted`

// messageRow is the destination of messageColumns, used again for every row.
type messageRow struct {
	m          rooms.Message
	at, edited int64
	dest       []any
}

func newMessageRow(roomID string, more ...any) *messageRow {
	r := new(messageRow)
	r.m.Room = roomID
	m := &r.m
	r.dest = append([]any{
		&m.Seq, &m.Rev, &m.ID, &m.From.ID, &m.From.Name, &m.Kind, &m.Text, &m.ReplyTo, &r.at, &r.edited, &m.Deleted,
	}, more...)
	return r
}

// message is the row last scanned.
func (r *messageRow) message() rooms.Message {
	m := r.m
	m.At = moment(r.at)
	m.EditedAt = time.Time{}
	if r.edited != 0 {
		m.EditedAt = moment(r.edited)
	}
	return m
}

// appendTo returns a function that appends each row to page.
func (r *messageRow) appendTo(page *[]rooms.Message) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		if err := rows.Scan(r.dest...); err != nil {
			return err
		}
		*page = append(*page, r.message())
		return nil
	}
}

func moment(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
