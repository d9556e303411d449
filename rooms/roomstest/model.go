package roomstest

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"

	"chatd/rooms"
)

// model is a store as one would write it without a thought for memory, time or
// the morrow. The real one must answer as it does.
type model struct {
	rooms  map[string]*modelRoom
	making map[modelKey]*modelReceipt // entries that made or deleted rooms
	made   int                        // rooms so far
}

type modelKey struct{ room, sender, id string }

type modelReceipt struct {
	entry    rooms.Entry // as it came first
	seq, rev uint64
	made     int // the room
}

type modelRoom struct {
	rooms.Room
	made     int
	messages []*modelMessage // ascending by seq
	posts    map[modelKey]*modelMessage
	receipts map[modelKey]*modelReceipt
	last     map[string]time.Time // posts, while the room is slow
	marks    map[string]uint64
}

type modelMessage struct {
	rooms.Message
	entry     rooms.Entry
	reactions map[string]map[string]bool // emoji, sender
	mentions  []string
	rewritten uint64 // the rev of the newest edit, or of the deletion
}

// modelOutcome is what there is to compare of an outcome.
type modelOutcome struct {
	Code      rooms.Code
	Seq, Rev  uint64
	Duplicate bool
	Change    rooms.ChangeKind
	Message   *rooms.Message // as the proposer sees it
}

func newModel(lobby rooms.Room) *model {
	m := &model{rooms: map[string]*modelRoom{}, making: map[modelKey]*modelReceipt{}}
	m.add(lobby)
	return m
}

func (m *model) add(r rooms.Room) *modelRoom {
	m.made++
	room := &modelRoom{
		Room: r, made: m.made, posts: map[modelKey]*modelMessage{}, receipts: map[modelKey]*modelReceipt{},
		last: map[string]time.Time{}, marks: map[string]uint64{},
	}
	m.rooms[r.ID] = room
	return room
}

// same tells whether e asks for what first asked for.
func same(first, e rooms.Entry) bool {
	e.At, e.Epoch, e.From, e.Mentions, e.Moderator = first.At, first.Epoch, first.From, first.Mentions, first.Moderator
	return reflect.DeepEqual(first, e)
}

func (m *model) apply(e rooms.Entry) modelOutcome {
	key := modelKey{e.Room, e.From.ID, e.ID}
	r := m.rooms[e.Room]
	switch {
	case e.Kind == rooms.EntryCreateRoom || e.Kind == rooms.EntryDeleteRoom:
		return m.make(key, r, e)
	case r == nil:
		return modelOutcome{Code: rooms.CodeRoomNotFound}
	case e.Kind == rooms.EntryPost:
		return r.post(key, e)
	case e.Kind == rooms.EntryRead:
		r.marks[e.From.ID] = max(r.marks[e.From.ID], min(e.Seq, r.Head))
		return modelOutcome{Seq: e.Seq}
	case e.Kind == rooms.EntryPurge:
		return r.purge(e)
	}
	if first := r.receipts[key]; first != nil {
		if !same(first.entry, e) {
			return modelOutcome{Code: rooms.CodeIDReused}
		}
		return modelOutcome{Seq: first.seq, Rev: first.rev, Duplicate: true, Message: r.view(first.seq, e.From.ID)}
	}
	var o modelOutcome
	if e.Kind == rooms.EntryUpdateRoom {
		o = r.update(e)
	} else {
		o = r.touch(e)
	}
	if o.Code == "" {
		r.receipts[key] = &modelReceipt{entry: e, seq: o.Seq, rev: o.Rev}
		o.Message = r.view(o.Seq, e.From.ID)
	}
	return o
}

func (m *model) make(key modelKey, r *modelRoom, e rooms.Entry) modelOutcome {
	if e.Kind == rooms.EntryDeleteRoom && e.Room == rooms.Lobby {
		return modelOutcome{Code: rooms.CodeForbidden}
	}
	if first := m.making[key]; first != nil {
		switch {
		case !same(first.entry, e):
			return modelOutcome{Code: rooms.CodeIDReused}
		case e.Kind == rooms.EntryCreateRoom && (r == nil || r.made != first.made):
			return modelOutcome{Code: rooms.CodeRoomGone}
		}
		return modelOutcome{Duplicate: true}
	}
	if e.Kind == rooms.EntryDeleteRoom {
		if r == nil {
			return modelOutcome{Code: rooms.CodeRoomNotFound}
		}
		delete(m.rooms, e.Room)
	} else {
		if r != nil {
			return modelOutcome{Code: rooms.CodeRoomExists}
		}
		m.add(rooms.Room{ID: e.Room, Settings: e.Create, Epoch: e.Epoch, CreatedAt: e.At})
	}
	m.making[key] = &modelReceipt{entry: e, made: m.made}
	return modelOutcome{}
}

func (r *modelRoom) post(key modelKey, e rooms.Entry) modelOutcome {
	if first := r.posts[key]; first != nil {
		if !same(first.entry, e) {
			return modelOutcome{Code: rooms.CodeIDReused}
		}
		return modelOutcome{Seq: first.Seq, Rev: first.Seq, Duplicate: true, Message: r.view(first.Seq, e.From.ID)}
	}
	slow := r.SlowMode > 0 && !e.Moderator
	pause := time.Duration(r.SlowMode) * time.Second
	last, spoke := r.last[e.From.ID]
	answered := r.find(e.ReplyTo)
	switch {
	case r.Archived:
		return modelOutcome{Code: rooms.CodeRoomArchived}
	case r.Mode == rooms.ModeAnnounce && e.Message == rooms.KindChat && !e.Moderator:
		return modelOutcome{Code: rooms.CodeAnnounceOnly}
	case e.ReplyTo != 0 && (answered == nil || answered.Deleted):
		return modelOutcome{Code: rooms.CodeInvalid}
	case slow && spoke && e.At.Sub(last).Abs() < pause:
		return modelOutcome{Code: rooms.CodeSlowMode}
	}
	if slow {
		r.last[e.From.ID] = e.At
	}
	r.Head++
	m := &modelMessage{
		Message: rooms.Message{
			Room: r.ID, Seq: r.Head, Rev: r.Head, ID: e.ID, Kind: e.Message, From: e.From, Text: e.Text, ReplyTo: e.ReplyTo, At: e.At,
		},
		entry: e, reactions: map[string]map[string]bool{}, mentions: e.Mentions,
	}
	r.messages, r.posts[key] = append(r.messages, m), m
	return modelOutcome{Seq: m.Seq, Rev: m.Seq, Change: rooms.ChangeChat, Message: r.view(m.Seq, e.From.ID)}
}

// touch edits, deletes or reacts.
func (r *modelRoom) touch(e rooms.Entry) modelOutcome {
	m := r.find(e.Seq)
	switch {
	case r.Archived:
		return modelOutcome{Code: rooms.CodeRoomArchived}
	case m == nil:
		return modelOutcome{Code: rooms.CodeMessageNotFound}
	case e.Kind != rooms.EntryReact && m.From.ID != e.From.ID && (e.Kind == rooms.EntryEdit || !e.Moderator):
		return modelOutcome{Code: rooms.CodeNotAuthor}
	case m.Deleted && e.Kind != rooms.EntryDelete:
		return modelOutcome{Code: rooms.CodeMessageDeleted}
	}
	var kind rooms.ChangeKind
	switch e.Kind {
	case rooms.EntryEdit:
		if m.Text != e.Text {
			kind = rooms.ChangeEdit
			m.Text, m.EditedAt, m.mentions = e.Text, e.At, e.Mentions
		}
	case rooms.EntryDelete:
		if !m.Deleted {
			kind = rooms.ChangeDelete
			m.Text, m.Deleted, m.mentions = "", true, nil
			clear(m.reactions)
		}
	case rooms.EntryReact:
		by := m.reactions[e.Emoji]
		switch {
		case by[e.From.ID] == e.On:
		case e.On && by == nil && len(m.reactions) == 20:
			return modelOutcome{Code: rooms.CodeInvalid}
		case e.On:
			kind = rooms.ChangeReactions
			if by == nil {
				m.reactions[e.Emoji] = map[string]bool{}
			}
			m.reactions[e.Emoji][e.From.ID] = true
		default:
			kind = rooms.ChangeReactions
			delete(by, e.From.ID)
			if len(by) == 0 {
				delete(m.reactions, e.Emoji)
			}
		}
	}
	if kind != "" {
		r.Head++
		m.Rev = r.Head
		if kind != rooms.ChangeReactions {
			m.rewritten = r.Head
		}
	}
	return modelOutcome{Seq: m.Seq, Rev: m.Rev, Change: kind}
}

func (r *modelRoom) update(e rooms.Entry) modelOutcome {
	settings := e.Patch.Apply(r.Settings)
	if r.Archived && (e.Patch.Archived == nil || *e.Patch.Archived) {
		return modelOutcome{Code: rooms.CodeRoomArchived}
	}
	if settings == r.Settings {
		return modelOutcome{Rev: r.Rev}
	}
	if settings.SlowMode == 0 {
		clear(r.last)
	}
	r.Head++
	r.Settings, r.Rev = settings, r.Head
	return modelOutcome{Rev: r.Rev, Change: rooms.ChangeRoom}
}

func (r *modelRoom) purge(e rooms.Entry) modelOutcome {
	if r.Retention != (rooms.Retention{}) {
		r.messages = slices.DeleteFunc(r.messages, func(m *modelMessage) bool { return m.Seq <= e.Seq })
		maps.DeleteFunc(r.posts, func(_ modelKey, m *modelMessage) bool { return m.Seq <= e.Seq })
		maps.DeleteFunc(r.receipts, func(_ modelKey, first *modelReceipt) bool { return first.seq != 0 && first.seq <= e.Seq })
	}
	return modelOutcome{Seq: e.Seq, Rev: r.Head}
}

func (r *modelRoom) find(seq uint64) *modelMessage {
	for _, m := range r.messages {
		if m.Seq == seq {
			return m
		}
	}
	return nil
}

// view is a message as viewer sees it, nil if there is none.
func (r *modelRoom) view(seq uint64, viewer string) *rooms.Message {
	m := r.find(seq)
	if m == nil {
		return nil
	}
	v := m.Message
	for _, emoji := range slices.Sorted(maps.Keys(m.reactions)) {
		by := m.reactions[emoji]
		v.Reactions = append(v.Reactions, rooms.Reaction{Emoji: emoji, Count: len(by), Me: by[viewer]})
	}
	return &v
}

// changes are all changes after rev, each with a message or, for the room's
// settings, without one.
func (r *modelRoom) changes(after uint64, viewer string) []rooms.Change {
	var list []rooms.Change
	for _, m := range r.messages {
		if m.Rev > after {
			list = append(list, rooms.Change{Rev: m.Rev, Message: r.view(m.Seq, viewer)})
		}
	}
	if r.Rev > after {
		list = append(list, rooms.Change{Rev: r.Rev})
	}
	slices.SortFunc(list, func(a, b rooms.Change) int { return cmp.Compare(a.Rev, b.Rev) })
	if last := len(list) - 1; r.Head > after && (last < 0 || list[last].Rev < r.Head) {
		list = append(list, rooms.Change{Rev: r.Head})
	}
	return list
}

// notices are what a webhook is to be told of after rev.
func (r *modelRoom) notices(after uint64, on rooms.WebhookEvents) []rooms.Notice {
	var list []rooms.Notice
	add := func(event rooms.WebhookEvents, rev uint64, m *modelMessage) {
		if on&event != 0 && rev > after {
			list = append(list, rooms.Notice{Event: event, Rev: rev, Message: r.view(m.Seq, "")})
		}
	}
	for _, m := range r.messages {
		if m.Deleted {
			add(rooms.OnDelete, m.rewritten, m)
			continue
		}
		add(rooms.OnMessage, m.Seq, m)
		add(rooms.OnEdit, m.rewritten, m)
	}
	slices.SortFunc(list, func(a, b rooms.Notice) int { return cmp.Compare(a.Rev, b.Rev) })
	return list
}

func (r *modelRoom) unread(subject, name string) rooms.Unread {
	u := rooms.Unread{Room: r.ID, Read: r.marks[subject]}
	for _, m := range r.messages {
		if m.Seq > u.Read && m.From.ID != subject && !m.Deleted {
			u.Count++
			if slices.Contains(m.mentions, name) {
				u.Mentions++
			}
		}
	}
	return u
}
