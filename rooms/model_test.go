package rooms_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"chatd/rooms"
	"chatd/rooms/sqlite"
)

// shown is a message as a reader sees it.
type shown struct {
	Text      string
	Deleted   bool
	Reactions map[string]int
}

func (s shown) equal(o shown) bool {
	return s.Text == o.Text && s.Deleted == o.Deleted && maps.Equal(s.Reactions, o.Reactions)
}

// record is a frame of the model's readers.
type record struct {
	Welcome, Recovered bool
	Epoch              string
	Rev, Prev, Seq     uint64
	Shown              shown
}

// records encodes frames as records in JSON, a line each.
type records struct{ plain }

func (records) Welcome(w *rooms.Welcome) []byte {
	return encodeRecord(record{Welcome: true, Recovered: w.Recovered, Epoch: w.Room.Epoch, Rev: w.Rev})
}

func (records) Change(c *rooms.Change) []byte {
	r := record{Epoch: c.Epoch, Rev: c.Rev, Prev: c.Prev}
	if m := c.Message; m != nil {
		r.Seq, r.Shown = m.Seq, shown{Text: m.Text, Deleted: m.Deleted, Reactions: make(map[string]int)}
		for _, re := range m.Reactions {
			r.Shown.Reactions[re.Emoji] = re.Count
		}
	}
	return encodeRecord(r)
}

func (records) Event(*rooms.Event) []byte { return []byte("{}") }

func encodeRecord(r record) []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return b
}

// modelRoom is what a room's history must come to.
type modelRoom struct {
	head     uint64
	messages map[uint64]shown
	authors  map[uint64]string
	reacted  map[string]bool // seq/emoji/who
}

// client is a reader that keeps the rules of the protocol, and what it knows
// when its connection ends.
type client struct {
	sink   *reader
	member *rooms.Member // nil while it is away
	read   int           // bytes of the sink's
	epoch  string
	cursor uint64
	began  uint64 // the cursor of its first welcome: it has seen all that is newer
	view   map[uint64]shown
}

// take applies what has come.
func (c *client) take() error {
	c.sink.mu.Lock()
	data := bytes.Clone(c.sink.got.Bytes()[c.read:])
	c.sink.mu.Unlock()
	for {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			return nil
		}
		c.read += len(data) - len(rest)
		data = rest
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		switch {
		case r.Epoch == "": // an event
		case r.Welcome && r.Recovered:
		case r.Welcome:
			if c.view != nil {
				return errors.New("a client that was away was not recovered")
			}
			c.epoch, c.cursor, c.began, c.view = r.Epoch, r.Rev, r.Rev, make(map[uint64]shown)
		case r.Rev <= c.cursor && c.cursor != c.began:
			return fmt.Errorf("rev %d came again, after %d", r.Rev, c.cursor)
		case r.Rev <= c.cursor:
			c.view[r.Seq] = r.Shown // history
		case r.Prev != c.cursor:
			return fmt.Errorf("rev %d follows %d, but %d was the last", r.Rev, r.Prev, c.cursor)
		default:
			c.cursor = r.Rev
			if r.Seq != 0 {
				c.view[r.Seq] = r.Shown
			}
		}
	}
}

// check compares what a client knows with the model.
func (c *client) check(m *modelRoom) error {
	if c.epoch == "" || c.cursor != m.head {
		return fmt.Errorf("the client is at rev %d of %d", c.cursor, m.head)
	}
	for seq, want := range m.messages {
		got, known := c.view[seq]
		if !known && seq > c.began {
			return fmt.Errorf("message %d is missing", seq)
		}
		if known && !got.equal(want) {
			return fmt.Errorf("message %d is %+v, not %+v", seq, got, want)
		}
	}
	if len(c.view) > len(m.messages) {
		return fmt.Errorf("there are %d messages, not %d", len(c.view), len(m.messages))
	}
	return nil
}

// machine is a whole registry beside the model.
type machine struct {
	t        *testing.T
	dir      string
	registry *rooms.Registry
	stop     func()
	rooms    map[string]*modelRoom
	clients  map[string][]*client
}

func (m *machine) start() {
	store, err := sqlite.Open(m.t.Context(), m.dir)
	if err != nil {
		m.t.Fatal(err)
	}
	m.registry = rooms.NewRegistry(rooms.Config{Store: store, Journal: rooms.NewLocalJournal(), Encoder: records{}})
	ctx, cancel := context.WithCancel(context.WithoutCancel(m.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- m.registry.Run(ctx) }()
	<-m.registry.Opened()
	m.stop = func() {
		cancel()
		if err := errors.Join(<-ended, store.Close()); err != nil {
			m.t.Fatal(err)
		}
		for _, list := range m.clients {
			for _, c := range list {
				if err := c.take(); err != nil {
					m.t.Fatal(err)
				}
				c.member = nil
			}
		}
	}
}

func (m *machine) propose(t *rapid.T, who string, e rooms.Entry) (rooms.Receipt, error) {
	identity := rooms.Identity{Subject: who, Name: who, Base: rooms.Read | rooms.Post}
	return m.registry.Propose(t.Context(), identity, e)
}

// Whatever is posted, edited, deleted and reacted to, whoever comes, goes and
// resumes, and however often the server is restarted: every client that keeps
// the rules of the protocol ends up with the same as a plain model, and sees
// each rev once, in order.
func TestRegistryAgainstAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{t: t, dir: t.TempDir(), rooms: make(map[string]*modelRoom), clients: make(map[string][]*client)}
		m.start()
		defer func() { m.stop() }()
		people := rapid.SampledFrom([]string{"ana", "ben", "cleo"})
		ids := []string{rooms.Lobby, "ops"}
		create(t, m.registry, "ops")
		for _, id := range ids {
			m.rooms[id] = &modelRoom{messages: make(map[uint64]shown), authors: make(map[uint64]string), reacted: make(map[string]bool)}
		}
		room := rapid.SampledFrom(ids)
		seqOf := func(rt *rapid.T, r *modelRoom) uint64 {
			if len(r.messages) == 0 {
				rt.Skip("no messages")
			}
			return rapid.SampledFrom(slices.Sorted(maps.Keys(r.messages))).Draw(rt, "seq")
		}
		// advance checks that a receipt is of the model's next rev.
		advance := func(rt *rapid.T, r *modelRoom, got rooms.Receipt, err error) {
			if err != nil {
				rt.Fatal(err)
			}
			if r.head++; got.Rev != r.head || got.Duplicate {
				rt.Fatalf("the receipt is %+v, and the next rev %d", got, r.head)
			}
		}

		rt.Repeat(map[string]func(*rapid.T){
			"post": func(rt *rapid.T) {
				id, who := room.Draw(rt, "room"), people.Draw(rt, "who")
				r := m.rooms[id]
				e := rooms.Entry{Kind: rooms.EntryPost, Room: id, ID: rooms.NewID(), Text: rapid.StringMatching(`[a-z]{1,8}`).Draw(rt, "text")}
				got, err := m.propose(rt, who, e)
				advance(rt, r, got, err)
				r.messages[r.head], r.authors[r.head] = shown{Text: e.Text, Reactions: map[string]int{}}, who
				if again, err := m.propose(rt, who, e); err != nil || !again.Duplicate || again.Rev != got.Rev || again.Seq != got.Seq {
					rt.Fatalf("sent again, it gets %+v, %v", again, err)
				}
			},
			"edit": func(rt *rapid.T) {
				id := room.Draw(rt, "room")
				r := m.rooms[id]
				seq, who := seqOf(rt, r), people.Draw(rt, "who")
				text := rapid.StringMatching(`[A-Z]{1,8}`).Draw(rt, "text")
				got, err := m.propose(rt, who, rooms.Entry{Kind: rooms.EntryEdit, Room: id, Seq: seq, Text: text})
				was := r.messages[seq]
				switch {
				case r.authors[seq] != who:
					wantCode(rt, err, rooms.CodeNotAuthor)
				case was.Deleted:
					wantCode(rt, err, rooms.CodeMessageDeleted)
				case was.Text == text && err == nil:
				default:
					advance(rt, r, got, err)
					was.Text = text
					r.messages[seq] = was
				}
			},
			"delete": func(rt *rapid.T) {
				id := room.Draw(rt, "room")
				r := m.rooms[id]
				seq, who := seqOf(rt, r), people.Draw(rt, "who")
				got, err := m.propose(rt, who, rooms.Entry{Kind: rooms.EntryDelete, Room: id, Seq: seq})
				switch {
				case r.authors[seq] != who:
					wantCode(rt, err, rooms.CodeNotAuthor)
				case r.messages[seq].Deleted && err == nil:
				default:
					advance(rt, r, got, err)
					r.messages[seq] = shown{Deleted: true, Reactions: map[string]int{}}
				}
			},
			"react": func(rt *rapid.T) {
				id := room.Draw(rt, "room")
				r := m.rooms[id]
				seq, who, on := seqOf(rt, r), people.Draw(rt, "who"), rapid.Bool().Draw(rt, "on")
				emoji := rapid.SampledFrom([]string{"👍", "🎉"}).Draw(rt, "emoji")
				got, err := m.propose(rt, who, rooms.Entry{Kind: rooms.EntryReact, Room: id, Seq: seq, Emoji: emoji, On: on})
				key := fmt.Sprint(seq, emoji, who)
				switch {
				case r.messages[seq].Deleted:
					wantCode(rt, err, rooms.CodeMessageDeleted)
				case r.reacted[key] == on && err == nil:
				default:
					advance(rt, r, got, err)
					r.reacted[key] = on
					s := r.messages[seq]
					s.Reactions = maps.Clone(s.Reactions)
					if on {
						s.Reactions[emoji]++
					} else if s.Reactions[emoji]--; s.Reactions[emoji] == 0 {
						delete(s.Reactions, emoji)
					}
					r.messages[seq] = s
				}
			},
			"join": func(rt *rapid.T) {
				id := room.Draw(rt, "room")
				if len(m.clients[id]) == 4 {
					rt.Skip("enough clients")
				}
				m.clients[id] = append(m.clients[id], &client{})
				m.come(rt, id, m.clients[id][len(m.clients[id])-1])
			},
			"leave or resume": func(rt *rapid.T) {
				id := room.Draw(rt, "room")
				if len(m.clients[id]) == 0 {
					rt.Skip("no clients")
				}
				c := rapid.SampledFrom(m.clients[id]).Draw(rt, "client")
				if c.member == nil {
					m.come(rt, id, c)
					return
				}
				c.member.Leave()
				c.member = nil
			},
			"restart": func(*rapid.T) {
				m.stop()
				m.start()
			},
			"": func(rt *rapid.T) {
				for id, r := range m.rooms {
					for i, c := range m.clients[id] {
						if c.member != nil {
							m.settle(rt, fmt.Sprintf("client %d of %s", i, id), c, r)
						}
					}
				}
			},
		})
	})
}

// come has a client join, or resume where it was.
func (m *machine) come(rt *rapid.T, id string, c *client) {
	if c.sink != nil { // what came before it left counts
		if err := c.take(); err != nil {
			rt.Fatal(err)
		}
	}
	o := rooms.JoinOptions{History: 3}
	if c.epoch != "" {
		o.After = &rooms.Cursor{Epoch: c.epoch, Rev: c.cursor}
	}
	c.sink, c.read = newReader(), 0
	if rapid.Bool().Draw(rt, "takes pieces") {
		c.sink.take = func(n int) int { return n / 2 }
	}
	member, err := m.registry.Join(rt.Context(), person("reader"), id, o, c.sink)
	if err != nil {
		rt.Fatal(err)
	}
	c.member = member
}

// settle waits until a client knows what the model knows.
func (m *machine) settle(rt *rapid.T, name string, c *client, r *modelRoom) {
	var err error
	eventually(m.t, func() bool {
		if broken := c.take(); broken != nil {
			rt.Fatalf("%s: %v", name, broken)
		}
		err = c.check(r)
		return err == nil
	}, func() string { return fmt.Sprintf("%s: %v", name, err) })
}

func wantCode(rt *rapid.T, err error, code rooms.Code) {
	if !errors.Is(err, &rooms.Error{Code: code}) {
		rt.Fatalf("the answer is %v, not %s", err, code)
	}
}
