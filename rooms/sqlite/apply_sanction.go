package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"chatd/rooms"
)

// moderate applies what is done to somebody. Its receipt carries the sanction.
func (b *batch) moderate(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	if e.Sanction == nil {
		return rooms.Outcome{}, rooms.Invalid("who", "required", "must not be empty")
	}
	var apply func(context.Context, *room, *rooms.Entry) (rooms.Outcome, error)
	switch e.Kind {
	case rooms.EntryKick:
		apply = b.kick
	case rooms.EntryLift:
		apply = b.lift
	case rooms.EntryTrace:
		return b.trace(ctx, r, e)
	default:
		apply = b.sanction
	}
	outcome, number, err := b.onceNumbered(ctx, r, e, apply)
	if err != nil {
		return rooms.Outcome{}, err
	}
	receipt := &outcome.Receipt
	if s := r.sanctions.Find(number); receipt.Sanction == nil && s != nil {
		found := *s
		receipt.Sanction = &found
	}
	if receipt.Sanction == nil {
		s := asked(e)
		s.ID = number
		receipt.Sanction = s
	}
	return outcome, nil
}

// asked is the sanction that e asks for.
func asked(e *rooms.Entry) *rooms.Sanction {
	s := *e.Sanction
	s.By, s.Manager, s.At = e.From, e.Manager, e.At
	return &s
}

// kick changes nothing: the hubs send out whom it names.
func (b *batch) kick(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	s := asked(e)
	return rooms.Outcome{Receipt: rooms.Receipt{Sanction: s}}, b.audit(ctx, e, &rooms.AuditRecord{
		Action: rooms.ActionKick, Who: s.Who, Reason: s.Reason,
	})
}

// sanction lays a ban or a mute on somebody, in the place of the one of that
// kind that was laid on the same before.
func (b *batch) sanction(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	s := asked(e)
	var list []rooms.Sanction
	var over []uint64
	for _, other := range r.sanctions.List() {
		same := other.Kind == s.Kind && other.Who.ID == s.Who.ID && (s.Who.ID != "" || slices.Equal(other.Networks, s.Networks))
		switch {
		case same && other.Rank() > e.Rank() && !ended(&other, e.At):
			return rooms.Outcome{}, higher(&other)
		case same || ended(&other, e.At):
			over = append(over, other.ID)
		default:
			list = append(list, other)
		}
	}
	if len(list) >= rooms.MaxSanctions {
		return rooms.Outcome{}, rooms.Invalid("who", "too_many", "would be one more than the %d bans and mutes of a room", rooms.MaxSanctions)
	}
	for _, id := range over {
		if err := b.unsanction(ctx, id); err != nil {
			return rooms.Outcome{}, err
		}
	}
	if _, err := b.get(ctx, `INSERT INTO sanctions (room, kind, subject, name, networks, reason, by_id, by_name, manager, at, until)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number`, []any{
		r.number, string(s.Kind), s.Who.ID, s.Who.Name, strings.Join(s.Networks, " "), s.Reason,
		s.By.ID, s.By.Name, s.Manager, s.At.UnixMilli(), millis(s.Until),
	}, &s.ID); err != nil {
		return rooms.Outcome{}, err
	}
	r.sanctions = rooms.NewSanctions(append(list, *s))
	record := &rooms.AuditRecord{Action: rooms.ActionBan, Who: s.Who, Until: s.Until, Reason: s.Reason, Detail: strings.Join(s.Networks, " ")}
	if s.Kind == rooms.Mute {
		record.Action = rooms.ActionMute
	}
	return rooms.Outcome{Receipt: rooms.Receipt{Rev: s.ID, Sanction: s}}, b.audit(ctx, e, record)
}

// lift ends a ban or a mute.
func (b *batch) lift(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	s := r.sanctions.Find(e.Sanction.ID)
	if s == nil || s.Kind != e.Sanction.Kind || ended(s, e.At) {
		return rooms.Outcome{}, rooms.Errorf(rooms.CodeNoSanction, "there is no %s %d in room %q", e.Sanction.Kind, e.Sanction.ID, r.ID)
	}
	if s.Rank() > e.Rank() {
		return rooms.Outcome{}, higher(s)
	}
	if err := b.unsanction(ctx, s.ID); err != nil {
		return rooms.Outcome{}, err
	}
	r.sanctions = rooms.NewSanctions(slices.DeleteFunc(slices.Clone(r.sanctions.List()), func(other rooms.Sanction) bool { return other.ID == s.ID }))
	record := &rooms.AuditRecord{Action: rooms.ActionUnban, Who: s.Who, Detail: strings.Join(s.Networks, " ")}
	if s.Kind == rooms.Mute {
		record.Action = rooms.ActionUnmute
	}
	lifted := *s
	return rooms.Outcome{Receipt: rooms.Receipt{Rev: s.ID, Sanction: &lifted}}, b.audit(ctx, e, record)
}

// trace adds networks to a ban. A ban that was lifted meanwhile stays so.
func (b *batch) trace(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	list := slices.Clone(r.sanctions.List())
	i := slices.IndexFunc(list, func(s rooms.Sanction) bool { return s.ID == e.Sanction.ID && s.Kind == rooms.Ban })
	if i < 0 {
		return rooms.Outcome{}, rooms.Errorf(rooms.CodeNoSanction, "there is no ban %d in room %q", e.Sanction.ID, r.ID)
	}
	s := &list[i]
	s.Networks = slices.Clone(s.Networks)
	for _, network := range e.Sanction.Networks {
		if !slices.Contains(s.Networks, network) && len(s.Networks) < rooms.MaxNetworks {
			s.Networks = append(s.Networks, network)
		}
	}
	if _, err := b.exec(ctx, "UPDATE sanctions SET networks = ? WHERE number = ?", strings.Join(s.Networks, " "), int64(s.ID)); err != nil {
		return rooms.Outcome{}, err
	}
	traced := *s
	r.sanctions = rooms.NewSanctions(list)
	return rooms.Outcome{Receipt: rooms.Receipt{ID: e.ID, Sanction: &traced}}, nil
}

func (b *batch) unsanction(ctx context.Context, id uint64) error {
	_, err := b.exec(ctx, "DELETE FROM sanctions WHERE number = ?", int64(id))
	return err
}

func higher(s *rooms.Sanction) error {
	return rooms.Errorf(rooms.CodeForbidden, "this %s was laid by somebody who may do more here than you", s.Kind)
}

// clear deletes the messages that e lists, those of them that are of whom it
// names.
func (b *batch) clear(ctx context.Context, r *room, e *rooms.Entry) (rooms.Outcome, error) {
	if r.Archived {
		return rooms.Outcome{}, archived(r)
	}
	if e.Sanction == nil || len(e.Seqs) > rooms.ClearStep {
		return rooms.Outcome{}, rooms.Invalid("who", "invalid", "is nobody, or has too many messages")
	}
	record := rooms.AuditRecord{Action: rooms.ActionClear, Who: e.Sanction.Who}
	var outcome rooms.Outcome
	for _, seq := range e.Seqs {
		m, err := b.message(ctx, r, seq, "")
		if err != nil {
			if rooms.CodeOf(err) == rooms.CodeMessageNotFound {
				continue // purged meanwhile
			}
			return rooms.Outcome{}, err
		}
		if m.Deleted || m.From.ID != e.Sanction.Who.ID {
			continue
		}
		record.Who = m.From
		if err := b.remove(ctx, r, m); err != nil {
			return rooms.Outcome{}, err
		}
		c := changed(r, rooms.ChangeDelete, e, m).Change
		if record.Count++; outcome.Change == nil {
			outcome.Change = c
		} else {
			outcome.More = append(outcome.More, c)
		}
	}
	if record.Count == 0 {
		return outcome, nil
	}
	return outcome, b.audit(ctx, e, &record)
}

// audit records what e did. Room, time and doer are e's.
func (b *batch) audit(ctx context.Context, e *rooms.Entry, a *rooms.AuditRecord) error {
	_, err := b.exec(ctx, `INSERT INTO audit (room, at, by_id, by_name, action, who_id, who_name, seq, count, until, reason, detail)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.Room, e.At.UnixMilli(), e.From.ID, e.From.Name, string(a.Action), a.Who.ID, a.Who.Name,
		int64(a.Seq), a.Count, millis(a.Until), a.Reason, a.Detail)
	return err
}

// describe tells what a patch sets, in a fixed order.
func describe(p rooms.RoomPatch) string {
	var said []string
	say := func(name string, value any) { said = append(said, fmt.Sprintf("%s=%v", name, value)) }
	if p.Name != nil {
		say("name", *p.Name)
	}
	if p.Topic != nil {
		say("topic", *p.Topic)
	}
	if p.Mode != nil {
		say("mode", *p.Mode)
	}
	if p.Visibility != nil {
		say("visibility", *p.Visibility)
	}
	if p.SlowMode != nil {
		say("slow_mode", *p.SlowMode)
	}
	if p.Archived != nil {
		say("archived", *p.Archived)
	}
	if p.Retention != nil {
		say("retention", fmt.Sprintf("%v/%d", p.Retention.Age, p.Retention.Count))
	}
	if p.MaxMembers != nil {
		say("max_members", *p.MaxMembers)
	}
	if p.EmbedOrigins != nil {
		say("embed_origins", *p.EmbedOrigins)
	}
	return strings.Join(said, ", ")
}

func ended(s *rooms.Sanction, now time.Time) bool { return !s.Until.IsZero() && !now.Before(s.Until) }

// millis is a moment that may be zero as the tables have it.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func momentOrZero(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return moment(ms)
}

// loadSanctions reads those of all rooms.
func (s *Store) loadSanctions(ctx context.Context, byNumber map[int64]*room) error {
	lists := make(map[*room][]rooms.Sanction)
	err := s.writer.each(ctx, `SELECT number, room, kind, subject, name, networks, reason, by_id, by_name, manager, at, until
		FROM sanctions ORDER BY number`, nil, func(rows *sql.Rows) error {
		var one rooms.Sanction
		var number, at, until int64
		var networks string
		if err := rows.Scan(&one.ID, &number, &one.Kind, &one.Who.ID, &one.Who.Name, &networks, &one.Reason,
			&one.By.ID, &one.By.Name, &one.Manager, &at, &until); err != nil {
			return err
		}
		one.Networks, one.At, one.Until = strings.Fields(networks), moment(at), momentOrZero(until)
		if r := byNumber[number]; r != nil {
			lists[r] = append(lists[r], one)
		}
		return nil
	})
	for r, list := range lists {
		r.sanctions = rooms.NewSanctions(list)
	}
	return err
}
