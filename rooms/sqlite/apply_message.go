package sqlite

import (
	"context"

	"chatd/rooms"
)

// maxEmojis bounds how many different emojis a message collects.
const maxEmojis = 20

// once applies e with apply, and answers its repeats from the first receipt.
func (b *batch) once(ctx context.Context, r *room, e *rooms.Entry,
	apply func(context.Context, *room, *rooms.Entry) (rooms.Outcome, error),
) (rooms.Outcome, error) {
	var seq, rev uint64
	var first int64
	d := digest(e)
	found, err := b.get(ctx, "SELECT seq, rev, digest FROM receipts WHERE id = ? AND room = ? AND sender = ?",
		[]any{e.ID, r.number, e.From.ID}, &seq, &rev, &first)
	if err != nil {
		return rooms.Outcome{}, err
	}
	if found {
		if first != d {
			return rooms.Outcome{}, reused(e)
		}
		outcome := rooms.Outcome{Receipt: rooms.Receipt{ID: e.ID, Seq: seq, Rev: rev, Duplicate: true}}
		return outcome, b.complete(ctx, r, e, &outcome.Receipt)
	}
	outcome, err := apply(ctx, r, e)
	if err != nil {
		return rooms.Outcome{}, err
	}
	receipt := &outcome.Receipt
	receipt.ID = e.ID
	if _, err := b.exec(ctx, "INSERT INTO receipts (id, room, sender, seq, rev, digest) VALUES (?, ?, ?, ?, ?, ?)",
		e.ID, r.number, e.From.ID, int64(receipt.Seq), int64(receipt.Rev), d); err != nil {
		return rooms.Outcome{}, err
	}
	return outcome, b.complete(ctx, r, e, receipt)
}

// onceNumbered is once for an entry about what has a number and makes no change:
// that is what the receipts remember in the place of a rev.
func (b *batch) onceNumbered(ctx context.Context, r *room, e *rooms.Entry,
	apply func(context.Context, *room, *rooms.Entry) (rooms.Outcome, error),
) (outcome rooms.Outcome, number uint64, err error) {
	outcome, err = b.once(ctx, r, e, apply)
	number, outcome.Receipt.Rev = outcome.Receipt.Rev, 0
	return outcome, number, err
}

// complete puts into the receipt what it is about, as its proposer sees it.
func (b *batch) complete(ctx context.Context, r *room, e *rooms.Entry, receipt *rooms.Receipt) error {
	if receipt.Seq == 0 {
		state := r.Room
		receipt.Room = &state
		return nil
	}
	m, err := b.message(ctx, r, receipt.Seq, e.From.ID)
	receipt.Message = m
	return err
}

func alreadyDeleted(m *rooms.Message) *rooms.Error {
	return rooms.Errorf(rooms.CodeMessageDeleted, "message %d is deleted", m.Seq)
}

// touch has the search index look again at the messages from first to last.
func (b *batch) touch(ctx context.Context, r *room, first, last uint64) error {
	n, err := b.exec(ctx, "INSERT INTO touched (row) SELECT row FROM messages WHERE room = ? AND seq BETWEEN ? AND ?",
		r.number, int64(first), int64(last))
	b.touched += n
	return err
}

// edit gives a message another text. Only its author may: a moderator may take
// words away, but not put others in somebody's mouth.
func (b *batch) edit(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	if refusal := cantWrite(r, e); refusal != nil {
		return rooms.Outcome{}, refusal
	}
	m, err := b.message(ctx, r, e.Seq, "")
	if err != nil {
		return rooms.Outcome{}, err
	}
	if m.From.ID != e.From.ID {
		return rooms.Outcome{}, rooms.Errorf(rooms.CodeNotAuthor, "message %d is somebody else's", m.Seq)
	}
	if m.Deleted {
		return rooms.Outcome{}, alreadyDeleted(m)
	}
	if m.Text == e.Text {
		return unchanged(m), nil
	}
	m.Rev, m.Text, m.EditedAt = r.advance(), e.Text, rooms.Millis(e.At)
	if _, err := b.exec(ctx, "UPDATE messages SET rev = ?1, text_rev = ?1, text = ?2, edited_at = ?3 WHERE room = ?4 AND seq = ?5",
		int64(m.Rev), m.Text, m.EditedAt.UnixMilli(), r.number, int64(m.Seq)); err != nil {
		return rooms.Outcome{}, err
	}
	if _, err := b.exec(ctx, "DELETE FROM mentions WHERE room = ? AND seq = ?", r.number, int64(m.Seq)); err != nil {
		return rooms.Outcome{}, err
	}
	if err := b.touch(ctx, r, m.Seq, m.Seq); err != nil {
		return rooms.Outcome{}, err
	}
	if err := b.mention(ctx, r, m.Seq, e.Mentions); err != nil {
		return rooms.Outcome{}, err
	}
	return changed(r, rooms.ChangeEdit, e, m), nil
}

// delete takes a message's text, reactions and mentions away, and keeps its
// place.
func (b *batch) delete(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	if r.Archived {
		return rooms.Outcome{}, archived(r)
	}
	m, err := b.message(ctx, r, e.Seq, "")
	if err != nil {
		return rooms.Outcome{}, err
	}
	if m.From.ID != e.From.ID && !e.Moderator {
		return rooms.Outcome{}, rooms.Errorf(rooms.CodeNotAuthor, "message %d is somebody else's", m.Seq)
	}
	if m.Deleted {
		return unchanged(m), nil
	}
	if err := b.remove(ctx, r, m); err != nil {
		return rooms.Outcome{}, err
	}
	if m.From.ID != e.From.ID {
		if err := b.audit(ctx, e, &rooms.AuditRecord{Action: rooms.ActionDelete, Who: m.From, Seq: m.Seq}); err != nil {
			return rooms.Outcome{}, err
		}
	}
	return changed(r, rooms.ChangeDelete, e, m), nil
}

// remove takes away what a message says, as the room's next rev.
func (b *batch) remove(ctx context.Context, r *room, m *rooms.Message) error {
	m.Rev, m.Text, m.Deleted, m.Reactions = r.advance(), "", true, nil
	if _, err := b.exec(ctx, "UPDATE messages SET rev = ?1, text_rev = ?1, text = '', deleted = 1 WHERE room = ?2 AND seq = ?3",
		int64(m.Rev), r.number, int64(m.Seq)); err != nil {
		return err
	}
	for _, query := range []string{
		"DELETE FROM reactions WHERE room = ? AND seq = ?",
		"DELETE FROM mentions WHERE room = ? AND seq = ?",
	} {
		if _, err := b.exec(ctx, query, r.number, int64(m.Seq)); err != nil {
			return err
		}
	}
	return b.touch(ctx, r, m.Seq, m.Seq)
}

// react adds a reaction or takes it away.
func (b *batch) react(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	if refusal := cantWrite(r, e); refusal != nil {
		return rooms.Outcome{}, refusal
	}
	m, err := b.message(ctx, r, e.Seq, e.From.ID)
	if err != nil {
		return rooms.Outcome{}, err
	}
	if m.Deleted {
		return rooms.Outcome{}, alreadyDeleted(m)
	}
	mine, known := false, false
	for _, have := range m.Reactions {
		if have.Emoji == e.Emoji {
			mine, known = have.Me, true
		}
	}
	if mine == e.On {
		return unchanged(m), nil
	}
	if e.On && !known && len(m.Reactions) >= maxEmojis {
		return rooms.Outcome{}, rooms.Invalid("emoji", "too_many", "would be one more than the %d different ones that a message takes", maxEmojis)
	}
	query := "DELETE FROM reactions WHERE room = ? AND seq = ? AND emoji = ? AND sender = ?"
	if e.On {
		query = "INSERT INTO reactions (room, seq, emoji, sender) VALUES (?, ?, ?, ?)"
	}
	if _, err := b.exec(ctx, query, r.number, int64(m.Seq), e.Emoji, e.From.ID); err != nil {
		return rooms.Outcome{}, err
	}
	if _, err := b.exec(ctx, "UPDATE messages SET rev = ? WHERE room = ? AND seq = ?",
		int64(r.advance()), r.number, int64(m.Seq)); err != nil {
		return rooms.Outcome{}, err
	}
	if m, err = b.message(ctx, r, m.Seq, ""); err != nil {
		return rooms.Outcome{}, err
	}
	outcome := changed(r, rooms.ChangeReactions, e, m)
	outcome.Change.Emoji, outcome.Change.On = e.Emoji, e.On
	return outcome, nil
}

// changed is the outcome of a change of m that took the room's newest rev.
func changed(r *room, kind rooms.ChangeKind, e *rooms.Entry, m *rooms.Message) rooms.Outcome {
	c := r.change(kind, e)
	c.Message = m
	return rooms.Outcome{Change: c, Receipt: rooms.Receipt{Seq: m.Seq, Rev: m.Rev}}
}

// unchanged is the outcome of an entry that asks for what already is.
func unchanged(m *rooms.Message) rooms.Outcome {
	return rooms.Outcome{Receipt: rooms.Receipt{Seq: m.Seq, Rev: m.Rev}}
}
