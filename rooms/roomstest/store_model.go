package roomstest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"chatd/rooms"
)

// TestStoreModel lets a store and a model of it do the same random things, and
// asks both the same questions.
func TestStoreModel(t *testing.T, open OpenStore) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{now: time.UnixMilli(1_750_000_000_000).UTC()}
		dir := t.TempDir()
		m.store = open(t, dir)
		defer func() { _ = m.store.Close() }()
		lobby, err := m.store.Room(t.Context(), rooms.Lobby)
		if err != nil {
			rt.Fatal(err)
		}
		m.model = newModel(lobby)
		for range even(40).Draw(rt, "steps") {
			switch even(16).Draw(rt, "step") {
			case 0, 1:
				m.messages(t, rt)
			case 2, 3, 4:
				m.changes(t, rt)
			case 5:
				m.unread(t, rt)
			case 6:
				m.notices(t, rt)
			case 7:
				if err := m.store.Close(); err != nil {
					rt.Fatal(err)
				}
				m.store = open(t, dir)
			default:
				m.apply(t, rt)
			}
			m.rooms(t, rt)
		}
	})
}

type machine struct {
	store rooms.Store
	model *model
	now   time.Time
	ids   int
	past  []rooms.Entry
}

// even draws a number below n, at most 4,096, one as likely as another. rapid's
// own ranges and samples prefer the first ones, and so would seldom get far.
func even(n int) *rapid.Generator[int] {
	return rapid.Custom(func(rt *rapid.T) int {
		bits := rapid.SliceOfN(rapid.Bool(), 12, 12).Draw(rt, "bits")
		v := 0
		for _, bit := range bits {
			v *= 2
			if bit {
				v++
			}
		}
		return v % n
	})
}

func pick[T any](list []T) *rapid.Generator[T] {
	return rapid.Custom(func(rt *rapid.T) T { return list[even(len(list)).Draw(rt, "index")] })
}

var (
	modelRooms   = pick([]string{rooms.Lobby, rooms.Lobby, "ops", "news"})
	modelSenders = pick([]rooms.Sender{ana, ben, {ID: "carla", Name: "Carla"}})
	modelTexts   = pick([]string{"one", "two @ben", "@ana @carla", "四"})
	modelModes   = pick([]rooms.Mode{rooms.ModeOpen, rooms.ModeOpen, rooms.ModeAnnounce})
	modelKinds   = pick(slices.Concat(
		slices.Repeat([]rooms.EntryKind{rooms.EntryPost}, 10),
		slices.Repeat([]rooms.EntryKind{rooms.EntryEdit, rooms.EntryReact, rooms.EntryUpdateRoom}, 4),
		slices.Repeat([]rooms.EntryKind{rooms.EntryDelete, rooms.EntryRead, rooms.EntryPurge}, 2),
		[]rooms.EntryKind{rooms.EntryCreateRoom, rooms.EntryCreateRoom, rooms.EntryDeleteRoom},
	))
)

// entry draws an entry, from so few possibilities that most of them meet.
func (m *machine) entry(rt *rapid.T) rooms.Entry {
	m.now = m.now.Add(time.Duration(even(2001).Draw(rt, "later")) * time.Millisecond)
	e := rooms.Entry{
		Kind: modelKinds.Draw(rt, "kind"), Room: modelRooms.Draw(rt, "room"), From: modelSenders.Draw(rt, "from"),
		Moderator: rapid.Bool().Draw(rt, "moderator"), At: m.now,
	}
	m.ids++
	e.ID = fmt.Sprint("id-", m.ids)
	if even(6).Draw(rt, "again") == 0 {
		e.ID = fmt.Sprint("id-", 1+even(m.ids).Draw(rt, "id"))
	}
	seq := func() uint64 {
		head := uint64(1)
		if r := m.model.rooms[e.Room]; r != nil {
			head += r.Head
		}
		return uint64(1 + even(int(head)).Draw(rt, "seq"))
	}
	switch e.Kind {
	case rooms.EntryPost:
		e.Text, e.Message = modelTexts.Draw(rt, "text"), rooms.KindChat
		e.Mentions = rooms.Mentions(e.Text)
		if even(6).Draw(rt, "announce") == 0 {
			e.Message = rooms.KindAnnouncement
		}
		if even(4).Draw(rt, "reply") == 0 {
			e.ReplyTo = seq()
		}
	case rooms.EntryEdit:
		e.Seq, e.Text = seq(), modelTexts.Draw(rt, "text")
		e.Mentions = rooms.Mentions(e.Text)
	case rooms.EntryDelete, rooms.EntryRead:
		e.Seq = seq()
	case rooms.EntryReact:
		e.Seq, e.Emoji, e.On = seq(), pick([]string{"👍", "🎉"}).Draw(rt, "emoji"), rapid.Bool().Draw(rt, "on")
	case rooms.EntryPurge:
		e.Seq = seq()
	case rooms.EntryCreateRoom:
		e.Epoch = fmt.Sprint("epoch-", m.model.made, "-", m.now.UnixMilli())
		e.Create = rooms.Settings{Name: "a room", Mode: modelModes.Draw(rt, "mode"), Visibility: rooms.Public}
	case rooms.EntryUpdateRoom:
		e.Patch = drawPatch(rt)
	}
	return e
}

func drawPatch(rt *rapid.T) (p rooms.RoomPatch) {
	switch even(5).Draw(rt, "patch") {
	case 0:
		topic := modelTexts.Draw(rt, "topic")
		p.Topic = &topic
	case 1:
		mode := modelModes.Draw(rt, "mode")
		p.Mode = &mode
	case 2:
		slow := even(3).Draw(rt, "slow")
		p.SlowMode = &slow
	case 3:
		archived := even(4).Draw(rt, "archived") == 0
		p.Archived = &archived
	case 4:
		p.Retention = &rooms.Retention{Count: even(2).Draw(rt, "count")}
	}
	return p
}

func (m *machine) apply(t *testing.T, rt *rapid.T) {
	batch := make([]rooms.Entry, 1+even(12).Draw(rt, "entries"))
	for i := range batch {
		if len(m.past) > 0 && even(8).Draw(rt, "repeat") == 0 {
			batch[i] = pick(m.past).Draw(rt, "past")
		} else {
			batch[i] = m.entry(rt)
			m.past = append(m.past, batch[i])
		}
	}
	outcomes, err := m.store.Apply(t.Context(), batch)
	if err != nil || len(outcomes) != len(batch) {
		rt.Fatalf("apply: %d outcomes of %d entries, %v", len(outcomes), len(batch), err)
	}
	for i, o := range outcomes {
		e := batch[i]
		want := m.model.apply(e)
		got := modelOutcome{
			Code: code(o.Err), Seq: o.Receipt.Seq, Rev: o.Receipt.Rev, Duplicate: o.Receipt.Duplicate, Message: o.Receipt.Message,
		}
		if o.Change != nil {
			got.Change = o.Change.Kind
			room := m.model.rooms[e.Room]
			if o.Change.Rev != want.Rev || o.Change.Prev != want.Rev-1 || o.Change.Epoch != room.Epoch || o.Change.By != e.From {
				rt.Fatalf("%+v\nis the change %+v", e, o.Change)
			}
		}
		// The store looks at a message at once, here as elsewhere: later entries
		// of the batch must not show in it, nor in what the model remembers.
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("%+v\ngot  %+v %+v\nwant %+v %+v", e, got, got.Message, want, want.Message)
		}
	}
}

func (m *machine) room(rt *rapid.T) *modelRoom {
	return m.model.rooms[pick(slices.Sorted(maps.Keys(m.model.rooms))).Draw(rt, "room")]
}

func (m *machine) rooms(t *testing.T, rt *rapid.T) {
	list, err := m.store.Rooms(t.Context(), rooms.RoomQuery{Limit: 10, Public: true})
	if err != nil || len(list) != len(m.model.rooms) {
		rt.Fatalf("%d rooms, %v; want %d", len(list), err, len(m.model.rooms))
	}
	for _, got := range list {
		if want := m.model.rooms[got.ID].Room; got != want {
			rt.Fatalf("room %+v\nwant %+v", got, want)
		}
	}
}

func (m *machine) messages(t *testing.T, rt *rapid.T) {
	r := m.room(rt)
	q := rooms.MessageQuery{Room: r.ID, Limit: 1 + even(8).Draw(rt, "limit"), Viewer: modelSenders.Draw(rt, "viewer").ID}
	bound := uint64(1 + even(int(r.Head)+2).Draw(rt, "bound"))
	before := slices.IndexFunc(r.messages, func(m *modelMessage) bool { return m.Seq >= bound })
	if before < 0 {
		before = len(r.messages)
	}
	after := before
	there := before < len(r.messages) && r.messages[before].Seq == bound
	if there {
		after++
	}
	from, to := 0, len(r.messages)
	switch even(5).Draw(rt, "where") {
	case 0:
		from = max(0, to-q.Limit)
	case 1:
		q.Before = bound
		from, to = max(0, before-q.Limit), before
	case 2:
		q.After = bound
		from, to = after, min(to, after+q.Limit)
	case 3:
		q.Around = bound
		half := (q.Limit - 1) / 2
		from, to = max(0, before-half), min(to, after+half)
	case 4:
		q.First = true
		to = min(to, q.Limit)
	}
	page, err := m.store.Messages(t.Context(), q)
	if err != nil {
		rt.Fatal(err)
	}
	var want []rooms.Message
	for _, m := range r.messages[from:to] {
		want = append(want, *r.view(m.Seq, q.Viewer))
	}
	if len(page) != len(want) || len(page) > 0 && !reflect.DeepEqual(page, want) {
		rt.Fatalf("page %+v is\n%+v\nwant\n%+v", q, page, want)
	}
	if there {
		got, err := m.store.Message(t.Context(), r.ID, bound, q.Viewer)
		if err != nil || !reflect.DeepEqual(&got, r.view(bound, q.Viewer)) {
			rt.Fatalf("message %d is %+v, %v", bound, got, err)
		}
	}
}

// changes resumes from a random rev, a few changes at a time.
func (m *machine) changes(t *testing.T, rt *rapid.T) {
	r := m.room(rt)
	after, viewer := uint64(even(int(r.Head)+1).Draw(rt, "after")), modelSenders.Draw(rt, "viewer").ID
	want := r.changes(after, viewer)
	q := rooms.ChangeQuery{Room: r.ID, After: after, Base: after, Limit: 1 + even(5).Draw(rt, "limit"), Viewer: viewer}
	for done := false; !done; {
		page, last, err := m.store.Changes(t.Context(), q)
		if err != nil || len(page) > q.Limit || len(page) == 0 && !last {
			rt.Fatalf("%+v: %d changes, done %t, %v", q, len(page), last, err)
		}
		for _, c := range page {
			if len(want) == 0 {
				rt.Fatalf("%+v: one change too many: %+v", q, c)
			}
			if c.Rev != want[0].Rev || c.Prev != q.After || !reflect.DeepEqual(c.Message, want[0].Message) {
				rt.Fatalf("after %d comes %+v %+v\nwant %+v %+v", q.After, c, c.Message, want[0], want[0].Message)
			}
			if c.Message == nil {
				state := r.Room
				state.Head = c.Rev
				if c.Kind != rooms.ChangeRoom || *c.State != state {
					rt.Fatalf("after %d comes %+v %+v, want %+v", q.After, c, c.State, state)
				}
			} else if kind := changeKind(c.Message, q.Base); c.Kind != kind {
				rt.Fatalf("%+v is %s, want %s", c.Message, c.Kind, kind)
			}
			q.After, want = c.Rev, want[1:]
		}
		done = last
	}
	if len(want) > 0 {
		rt.Fatalf("changes end at %d; %d more: %+v", q.After, len(want), want)
	}
}

func changeKind(m *rooms.Message, base uint64) rooms.ChangeKind {
	switch {
	case m.Deleted:
		return rooms.ChangeDelete
	case m.Seq > base:
		return rooms.ChangeChat
	}
	return rooms.ChangeEdit
}

// notices asks for what a webhook is to be told, a few things at a time.
func (m *machine) notices(t *testing.T, rt *rapid.T) {
	r := m.room(rt)
	q := rooms.NoticeQuery{
		Room: r.ID, After: uint64(even(int(r.Head)+1).Draw(rt, "after")),
		On: rooms.WebhookEvents(1 + even(7).Draw(rt, "on")), Limit: 1 + even(5).Draw(rt, "limit"),
	}
	want := r.notices(q.After, q.On)
	for {
		page, upTo, err := m.store.Notices(t.Context(), q)
		if err != nil || len(page) > q.Limit || upTo < q.After {
			rt.Fatalf("%+v: %d notices up to %d, %v", q, len(page), upTo, err)
		}
		for _, n := range page {
			if len(want) == 0 || n.Event != want[0].Event || n.Rev != want[0].Rev || n.Rev > upTo || !reflect.DeepEqual(n.Message, want[0].Message) {
				rt.Fatalf("%+v: comes %+v %+v, up to %d; want %+v", q, n, n.Message, upTo, want)
			}
			want = want[1:]
		}
		if q.After = upTo; upTo == r.Head {
			break
		}
	}
	if len(want) > 0 {
		rt.Fatalf("not told: %+v", want)
	}
}

func (m *machine) unread(t *testing.T, rt *rapid.T) {
	r, who := m.room(rt), modelSenders.Draw(rt, "who")
	got, err := m.store.Unread(t.Context(), rooms.UnreadQuery{Subject: who.ID, Name: rooms.FoldName(who.Name), Rooms: []string{r.ID}})
	if want := r.unread(who.ID, rooms.FoldName(who.Name)); err != nil || len(got) != 1 || got[0] != want {
		rt.Fatalf("%s has %+v, %v; want %+v", who.Name, got, err, want)
	}
}
