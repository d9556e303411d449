package sqlite

import (
	"database/sql"
	"fmt"
	"time"

	"chatd/rooms"
)

// scanner is a row: *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

const roomColumns = `number, id, epoch, name, topic, mode, visibility, slow_mode, archived,
	retention_age, retention_count, max_members, embed_origins, rev, created_at`

// scanRoom reads roomColumns into r, and the columns after them into more.
func scanRoom(row scanner, r *room, more ...any) error {
	var age, created int64
	dest := []any{
		&r.number, &r.ID, &r.Epoch, &r.Name, &r.Topic, &r.Mode, &r.Visibility, &r.SlowMode, &r.Archived,
		&age, &r.Retention.Count, &r.MaxMembers, &r.EmbedOrigins, &r.Rev, &created,
	}
	if err := row.Scan(append(dest, more...)...); err != nil {
		return err
	}
	r.Retention.Age = time.Duration(age) * time.Second
	r.CreatedAt = moment(created)
	return nil
}

// messageColumns are a message's columns. What differs from the plain post that
// almost all messages are comes as one value, as every value has its price.
const messageColumns = `seq, at, id, sender, name, text,
	CASE WHEN rev = seq AND reply_to = 0 AND kind = 'chat' THEN NULL
	ELSE rev || ' ' || reply_to || ' ' || edited_at || ' ' || deleted || ' ' || kind END`

// messageRow is the destination of messageColumns, used again for every row.
type messageRow struct {
	room string
	m    rooms.Message
	at   int64
	rest sql.NullString
	dest []any
}

func newMessageRow(roomID string, more ...any) *messageRow {
	r := &messageRow{room: roomID}
	m := &r.m
	r.dest = append([]any{&m.Seq, &r.at, &m.ID, &m.From.ID, &m.From.Name, &m.Text, &r.rest}, more...)
	return r
}

// message is the row last scanned.
func (r *messageRow) message() (rooms.Message, error) {
	m := r.m
	m.Room, m.Kind, m.Rev, m.At = r.room, rooms.KindChat, m.Seq, moment(r.at)
	if !r.rest.Valid {
		return m, nil
	}
	var edited int64
	if _, err := fmt.Sscan(r.rest.String, &m.Rev, &m.ReplyTo, &edited, &m.Deleted, &m.Kind); err != nil {
		return m, fmt.Errorf("read %q of message %d in %q: %w", r.rest.String, m.Seq, m.Room, err)
	}
	if edited != 0 {
		m.EditedAt = moment(edited)
	}
	return m, nil
}

// appendTo returns a function that appends each row to page.
func (r *messageRow) appendTo(page *[]rooms.Message) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		if err := rows.Scan(r.dest...); err != nil {
			return err
		}
		m, err := r.message()
		*page = append(*page, m)
		return err
	}
}

func moment(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
