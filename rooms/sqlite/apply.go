package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"chatd/rooms"
)

// Apply implements [rooms.Store]. It is not interrupted by ctx: a transaction
// begun is brought to its end.
func (s *Store) Apply(ctx context.Context, entries []rooms.Entry) ([]rooms.Outcome, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	ctx = context.WithoutCancel(ctx)
	var outcomes []rooms.Outcome
	b := &batch{conn: s.writer, committed: s.rooms, pending: make(map[string]*room)}
	err := s.write(ctx, func(*conn) (err error) {
		b.sealed = s.seals.newest
		b.row, b.touched = s.row.Load(), s.touched.Load()
		outcomes, err = b.applyAll(ctx, entries)
		return err
	}, func() {
		s.commit(b.pending, b.sealed, b.round)
		s.row.Store(b.row)
		s.touched.Store(b.touched)
	})
	if err != nil {
		return nil, fmt.Errorf("apply %d entries: %w", len(entries), err)
	}
	wake(s.unindexed)
	if b.buried {
		wake(s.buried)
	}
	return outcomes, nil
}

// write calls change in a transaction of the one connection that writes, and
// after its commit, before anybody else writes, committed.
func (s *Store) write(ctx context.Context, change func(*conn) error, committed func()) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	c := s.writer
	if _, err := c.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := change(c)
	if err == nil {
		_, err = c.exec(ctx, "COMMIT")
	}
	if err != nil {
		// Some errors, a full disk among them, have ended the transaction
		// already, and this fails.
		_, _ = c.exec(ctx, "ROLLBACK")
		return err
	}
	committed()
	return nil
}

// wake leaves a value in c, if there is none.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// batch is a transaction under way: the rooms as they will be after it.
type batch struct {
	*conn
	committed map[string]*room
	pending   map[string]*room // nil is deleted
	row       int64            // of the newest message
	touched   int64            // the newest n of that table
	sealed    rooms.Seal       // the newest
	round     []rooms.Seal     // those to keep
	sealText  []byte
	buried    bool // a room was deleted
}

func (b *batch) applyAll(ctx context.Context, entries []rooms.Entry) ([]rooms.Outcome, error) {
	outcomes, before := make([]rooms.Outcome, len(entries)), b.sealed
	for i := range entries {
		e := &entries[i]
		outcome, err := b.apply(ctx, e)
		if err != nil {
			// A refusal is told from a failure by its type.
			refusal, ok := errors.AsType[*rooms.Error](err)
			if !ok {
				return nil, fmt.Errorf("%s %q in %q: %w", e.Kind, e.ID, e.Room, err)
			}
			outcome = rooms.Outcome{Receipt: rooms.Receipt{ID: e.ID}, Err: refusal}
		}
		outcomes[i] = outcome
		b.seal(e, &outcomes[i])
	}
	if b.sealed != before {
		if _, err := b.exec(ctx, "UPDATE state SET journal = ?, seal = ?", int64(b.sealed.At), b.sealed.Sum); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

func (b *batch) apply(ctx context.Context, e *rooms.Entry) (rooms.Outcome, error) {
	if e.Kind == rooms.EntryCreateRoom {
		return b.createRoom(ctx, e)
	}
	if e.Kind == rooms.EntryDeleteRoom {
		return b.deleteRoom(ctx, e)
	}
	r := b.room(e.Room)
	if r == nil {
		return rooms.Outcome{}, noRoom(e.Room)
	}
	switch e.Kind {
	case rooms.EntryPost:
		return b.post(ctx, r, e)
	case rooms.EntryRead:
		return b.read(ctx, r, e)
	case rooms.EntryPurge:
		return b.purge(ctx, r, e)
	case rooms.EntryEdit:
		return b.once(ctx, r, e, b.edit)
	case rooms.EntryDelete:
		return b.once(ctx, r, e, b.delete)
	case rooms.EntryReact:
		return b.once(ctx, r, e, b.react)
	case rooms.EntryClear:
		return b.once(ctx, r, e, b.clear)
	case rooms.EntryKick, rooms.EntryBan, rooms.EntryMute, rooms.EntryLift, rooms.EntryTrace:
		return b.moderate(ctx, r, e)
	case rooms.EntryCreateWebhook, rooms.EntryUpdateWebhook, rooms.EntryDeleteWebhook:
		return b.webhook(ctx, r, e)
	case rooms.EntryNoteWebhook:
		return b.noteWebhook(ctx, r, e)
	case rooms.EntryUpdateRoom:
		return b.once(ctx, r, e, b.updateRoom)
	default:
		return rooms.Outcome{}, rooms.Invalid("kind", "unknown", "%q is not known to this chatd", e.Kind)
	}
}

// room returns the room as it is at this point of the batch, or nil. The caller
// may change it only when it will not fail any more but for the whole batch.
func (b *batch) room(id string) *room {
	if r, ok := b.pending[id]; ok {
		return r
	}
	r, ok := b.committed[id]
	if !ok {
		return nil
	}
	mine := *r
	b.pending[id] = &mine
	return &mine
}

// advance gives the room's next rev to a change.
func (r *room) advance() uint64 {
	r.Head++
	return r.Head
}

// change is what e did to the room as its newest rev.
func (r *room) change(kind rooms.ChangeKind, e *rooms.Entry) *rooms.Change {
	return &rooms.Change{
		Kind: kind, Room: r.ID, Epoch: r.Epoch, Rev: r.Head, Prev: r.Head - 1,
		By: e.From, At: e.At,
	}
}

// cantWrite is why nothing that e's sender says is taken, nil when it is.
func cantWrite(r *room, e *rooms.Entry) *rooms.Error {
	if r.Archived {
		return archived(r)
	}
	return r.sanctions.Held(e)
}

func archived(r *room) *rooms.Error {
	return rooms.Errorf(rooms.CodeRoomArchived, "the room %q is archived", r.ID)
}

func reused(e *rooms.Entry) *rooms.Error {
	return rooms.Errorf(rooms.CodeIDReused, "the id %q was used for something else", e.ID)
}

// digest stands for what e asks for, so that an id used twice for different
// things is noticed. It guards against mistakes, not against attacks: who finds
// a collision gains nothing but the receipt of the first entry.
func digest(e *rooms.Entry) int64 {
	var buf [512]byte
	p := append(buf[:0], e.Kind...)
	p = append(p, 0)
	p = append(p, e.Message...)
	p = append(p, 0)
	p = binary.BigEndian.AppendUint64(p, e.Seq)
	p = binary.BigEndian.AppendUint64(p, e.ReplyTo)
	p = append(p, e.Emoji...)
	if e.On {
		p = append(p, 1)
	}
	p = append(p, 0)
	p = append(p, e.Text...)
	if e.Kind == rooms.EntryCreateRoom {
		p = appendSettings(p, e.Create)
	}
	if e.Kind == rooms.EntryUpdateRoom {
		p = appendPatch(p, e.Patch)
	}
	if s := e.Sanction; s != nil {
		p = fmt.Appendf(p, "%d %q %q %q %t %q", s.ID, s.Kind, s.Who.ID, s.Networks, s.Trace, s.Reason)
		for _, seq := range e.Seqs {
			p = binary.BigEndian.AppendUint64(p, seq)
		}
	}
	if w := e.Webhook; w != nil { // its secret may be made anew for a repeat
		p = fmt.Appendf(p, "%d %q %q %q", w.ID, w.Name, w.URL, w.On)
	}
	if patch := e.WebhookPatch; patch != nil {
		// What it leaves alone shows: it differs in these two.
		for _, w := range []rooms.Webhook{{}, {Name: "x", URL: "x", On: ^rooms.WebhookEvents(0), Off: "x"}} {
			w = patch.Apply(w)
			p = fmt.Appendf(p, "%q %q %q %q", w.Name, w.URL, w.On, w.Off)
		}
	}
	sum := sha256.Sum256(p)
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// appendSettings appends all settings. Those that came later only where they are
// set: the digests of older entries stay what they were.
func appendSettings(p []byte, s rooms.Settings) []byte {
	p = fmt.Appendf(p, "%q %q %q %q %d %t %d %d",
		s.Name, s.Topic, s.Mode, s.Visibility, s.SlowMode, s.Archived, s.Retention.Age, s.Retention.Count)
	if s.MaxMembers != 0 {
		p = fmt.Appendf(p, " members %d", s.MaxMembers)
	}
	if s.EmbedOrigins != "" {
		p = fmt.Appendf(p, " embed %q", s.EmbedOrigins)
	}
	return p
}

// appendPatch appends the patch as what it makes of two rooms that differ in
// everything: what it leaves alone differs too.
func appendPatch(p []byte, patch rooms.RoomPatch) []byte {
	p = appendSettings(p, patch.Apply(rooms.Settings{}))
	p = appendSettings(p, patch.Apply(rooms.Settings{
		Name: "x", Topic: "x", Mode: "x", Visibility: "x", SlowMode: -1, Archived: true,
		Retention: rooms.Retention{Age: -1, Count: -1},
	}))
	if patch.MaxMembers != nil {
		p = append(p, " members"...)
	}
	if patch.EmbedOrigins != nil {
		p = append(p, " embed"...)
	}
	return p
}
