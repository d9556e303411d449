package sqlite

import (
	"context"
	"time"

	"chatd/rooms"
)

// post applies a post. Its first repeat finds the message by id.
func (b *batch) post(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	refusal, err := b.refusePost(ctx, r, e)
	if err != nil {
		return rooms.Outcome{}, err
	}
	if refusal != nil {
		// What was accepted once stays accepted, whatever changed since.
		outcome, found, err := b.postedBefore(ctx, r, e)
		if err == nil && !found {
			err = refusal
		}
		return outcome, err
	}
	seq := r.Head + 1
	inserted, err := b.exec(ctx, `INSERT INTO messages (row, room, seq, rev, id, sender, name, kind, text, reply_to, at, digest)
		VALUES (?11, ?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id, room, sender) DO NOTHING`,
		r.number, int64(seq), e.ID, e.From.ID, e.From.Name, string(e.Message), e.Text, int64(e.ReplyTo), e.At.UnixMilli(), digest(e), b.row+1)
	if err != nil {
		return rooms.Outcome{}, err
	}
	if inserted == 0 {
		outcome, _, err := b.postedBefore(ctx, r, e)
		return outcome, err
	}
	if err := b.mention(ctx, r, seq, e.Mentions); err != nil {
		return rooms.Outcome{}, err
	}
	if r.SlowMode > 0 && !e.Moderator {
		if _, err := b.exec(ctx, `INSERT INTO last_posts (room, sender, at) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET at = excluded.at`, r.number, e.From.ID, e.At.UnixMilli()); err != nil {
			return rooms.Outcome{}, err
		}
	}
	b.row++
	r.advance()
	c := r.change(rooms.ChangeChat, e)
	c.Message = &rooms.Message{
		Room: r.ID, Seq: seq, Rev: seq, ID: e.ID, Kind: e.Message, From: e.From,
		Text: e.Text, ReplyTo: e.ReplyTo, At: rooms.Millis(e.At),
	}
	return rooms.Outcome{
		Change:  c,
		Receipt: rooms.Receipt{ID: e.ID, Seq: seq, Rev: seq, Message: c.Message},
	}, nil
}

// refusePost returns why e may not be posted now, if it may not.
func (b *batch) refusePost(ctx context.Context, r *room, e *rooms.Entry) (*rooms.Error, error) {
	if e.Message != rooms.KindChat && e.Message != rooms.KindAnnouncement {
		return rooms.Invalid("kind", "unknown", "%q is no kind of message", e.Message), nil
	}
	if refusal := cantWrite(r, e); refusal != nil {
		return refusal, nil
	}
	if r.Mode == rooms.ModeAnnounce && e.Message == rooms.KindChat && !e.Moderator {
		return rooms.Errorf(rooms.CodeAnnounceOnly, "only moderators post in %q", r.ID), nil
	}
	if e.ReplyTo != 0 {
		var deleted bool
		found, err := b.get(ctx, "SELECT deleted FROM messages WHERE room = ? AND seq = ?",
			[]any{r.number, int64(e.ReplyTo)}, &deleted)
		switch {
		case err != nil:
			return nil, err
		case !found:
			return rooms.Invalid("reply_to", "not_found", "names no message of this room"), nil
		case deleted:
			return rooms.Invalid("reply_to", "deleted", "names a message that is deleted"), nil
		}
	}
	if r.SlowMode > 0 && !e.Moderator {
		var last int64
		found, err := b.get(ctx, "SELECT at FROM last_posts WHERE room = ? AND sender = ?", []any{r.number, e.From.ID}, &last)
		if err != nil {
			return nil, err
		}
		pause := time.Duration(r.SlowMode) * time.Second
		// The clocks of nodes differ a little. A post from further ahead was made
		// while a clock was wrong, and must not hold anybody until then.
		if since := e.At.Sub(moment(last)); found && since.Abs() < pause {
			refusal := rooms.Errorf(rooms.CodeSlowMode, "one post every %d seconds in %q", r.SlowMode, r.ID)
			refusal.RetryAfter = pause - since
			return refusal, nil
		}
	}
	return nil, nil
}

// postedBefore returns the outcome of e as a repeat, if it is one.
func (b *batch) postedBefore(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, bool, error) {
	var first int64
	row := newMessageRow(r.ID, &first)
	found, err := b.get(ctx, "SELECT "+messageColumns+", digest FROM messages WHERE id = ? AND room = ? AND sender = ?",
		[]any{e.ID, r.number, e.From.ID}, row.dest...)
	if err != nil || !found {
		return rooms.Outcome{}, false, err
	}
	if first != digest(e) {
		return rooms.Outcome{}, true, reused(e)
	}
	m, err := row.message()
	if err != nil {
		return rooms.Outcome{}, true, err
	}
	if err := loadReactions(ctx, b.conn, r.number, e.From.ID, &m); err != nil {
		return rooms.Outcome{}, true, err
	}
	return rooms.Outcome{Receipt: rooms.Receipt{ID: e.ID, Seq: m.Seq, Rev: m.Seq, Duplicate: true, Message: &m}}, true, nil
}

// mention notes who is mentioned in a message, and nobody else.
func (b *batch) mention(ctx context.Context, r *room, seq uint64, names []string) error {
	for _, name := range names {
		if _, err := b.exec(ctx, "INSERT INTO mentions (room, seq, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
			r.number, int64(seq), name); err != nil {
			return err
		}
	}
	return nil
}
