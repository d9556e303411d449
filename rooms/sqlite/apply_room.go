package sqlite

import (
	"context"
	"time"

	"chatd/rooms"
)

func (b *batch) createRoom(ctx context.Context, e *rooms.Entry) (rooms.Outcome, error) {
	number, found, err := b.roomReceipt(ctx, e)
	if err != nil {
		return rooms.Outcome{}, err
	}
	r := b.room(e.Room)
	if found {
		if r == nil || r.number != number {
			return rooms.Outcome{}, rooms.Errorf(rooms.CodeRoomGone, "the room %q was deleted since", e.Room)
		}
		return roomOutcome(r, e, true), nil
	}
	if r != nil {
		return rooms.Outcome{}, rooms.Errorf(rooms.CodeRoomExists, "there is a room %q already", e.Room)
	}
	r = &room{Room: rooms.Room{ID: e.Room, Settings: e.Create, Epoch: e.Epoch, CreatedAt: rooms.Millis(e.At)}}
	if _, err := b.get(ctx, `INSERT INTO rooms (id, epoch, name, topic, mode, visibility, slow_mode, archived,
			retention_age, retention_count, max_members, embed_origins, rev, head, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?) RETURNING number`,
		[]any{
			r.ID, r.Epoch, r.Name, r.Topic, string(r.Mode), string(r.Visibility), r.SlowMode, r.Archived,
			int64(r.Retention.Age / time.Second), r.Retention.Count, r.MaxMembers, r.EmbedOrigins, r.CreatedAt.UnixMilli(),
		}, &r.number); err != nil {
		return rooms.Outcome{}, err
	}
	if err := b.noteRoom(ctx, e, r.number); err != nil {
		return rooms.Outcome{}, err
	}
	b.pending[r.ID] = r
	if err := b.auditRoom(ctx, e, rooms.ActionCreateRoom, ""); err != nil {
		return rooms.Outcome{}, err
	}
	return roomOutcome(r, e, false), nil
}

// updateRoom changes settings. Of an archived room only the archiving can be
// undone; the same patch may change more.
func (b *batch) updateRoom(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	if r.Archived && (e.Patch.Archived == nil || *e.Patch.Archived) {
		return rooms.Outcome{}, archived(r)
	}
	settings := e.Patch.Apply(r.Settings)
	if settings == r.Settings {
		return rooms.Outcome{Receipt: rooms.Receipt{Rev: r.Rev}}, nil
	}
	if r.SlowMode > 0 && settings.SlowMode == 0 {
		if _, err := b.exec(ctx, "DELETE FROM last_posts WHERE room = ?", r.number); err != nil {
			return rooms.Outcome{}, err
		}
	}
	was := r.Visibility
	r.Settings, r.Rev = settings, r.advance()
	if _, err := b.exec(ctx, `UPDATE rooms SET name = ?, topic = ?, mode = ?, visibility = ?, slow_mode = ?, archived = ?,
			retention_age = ?, retention_count = ?, max_members = ?, embed_origins = ?, rev = ? WHERE number = ?`,
		r.Name, r.Topic, string(r.Mode), string(r.Visibility), r.SlowMode, r.Archived,
		int64(r.Retention.Age/time.Second), r.Retention.Count, r.MaxMembers, r.EmbedOrigins, int64(r.Rev), r.number); err != nil {
		return rooms.Outcome{}, err
	}
	if err := b.auditRoom(ctx, e, rooms.ActionUpdateRoom, describe(e.Patch)); err != nil {
		return rooms.Outcome{}, err
	}
	c := r.change(rooms.ChangeRoom, e)
	state := r.Room
	c.State, c.Was = &state, was
	return rooms.Outcome{Change: c, Receipt: rooms.Receipt{Rev: r.Rev}}, nil
}

// deleteRoom takes the room out of sight at once; its rows are removed behind,
// a few at a time.
func (b *batch) deleteRoom(ctx context.Context, e *rooms.Entry) (rooms.Outcome, error) {
	if e.Room == rooms.Lobby {
		return rooms.Outcome{}, rooms.Errorf(rooms.CodeForbidden, "the room %q always exists", e.Room)
	}
	_, found, err := b.roomReceipt(ctx, e)
	if err != nil {
		return rooms.Outcome{}, err
	}
	if found {
		return roomOutcome(&room{Room: rooms.Room{ID: e.Room}}, e, true), nil
	}
	r := b.room(e.Room)
	if r == nil {
		return rooms.Outcome{}, noRoom(e.Room)
	}
	if _, err := b.exec(ctx, "DELETE FROM rooms WHERE number = ?", r.number); err != nil {
		return rooms.Outcome{}, err
	}
	if _, err := b.exec(ctx, "INSERT INTO graves (room) VALUES (?)", r.number); err != nil {
		return rooms.Outcome{}, err
	}
	if err := b.noteRoom(ctx, e, r.number); err != nil {
		return rooms.Outcome{}, err
	}
	if err := b.auditRoom(ctx, e, rooms.ActionDeleteRoom, ""); err != nil {
		return rooms.Outcome{}, err
	}
	b.pending[r.ID] = nil
	b.buried = true
	return roomOutcome(r, e, false), nil
}

// auditRoom records what was done to the room itself, but for the lobby's making,
// which nobody does.
func (b *batch) auditRoom(ctx context.Context, e *rooms.Entry, action rooms.Action, detail string) error {
	if e.From == (rooms.Sender{}) {
		return nil
	}
	return b.audit(ctx, e, &rooms.AuditRecord{Action: action, Detail: detail})
}

func roomOutcome(r *room, e *rooms.Entry, duplicate bool) rooms.Outcome {
	state := r.Room
	return rooms.Outcome{Receipt: rooms.Receipt{ID: e.ID, Duplicate: duplicate, Room: &state}}
}

// roomReceipt finds the room that e, as a repeat, made or deleted.
func (b *batch) roomReceipt(ctx context.Context, e *rooms.Entry) (number int64, found bool, err error) {
	var first int64
	found, err = b.get(ctx, "SELECT number, digest FROM room_receipts WHERE id = ? AND room = ? AND sender = ?",
		[]any{e.ID, e.Room, e.From.ID}, &number, &first)
	if err == nil && found && first != digest(e) {
		err = reused(e)
	}
	return number, found, err
}

func (b *batch) noteRoom(ctx context.Context, e *rooms.Entry, number int64) error {
	_, err := b.exec(ctx, "INSERT INTO room_receipts (id, room, sender, number, digest) VALUES (?, ?, ?, ?, ?)",
		e.ID, e.Room, e.From.ID, number, digest(e))
	return err
}
