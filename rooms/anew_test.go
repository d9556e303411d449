package rooms_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"chatd/rooms"
	"chatd/rooms/sqlite"
)

// A room may be deleted, and another made under its id, while changes of both are
// on their way to the hubs, and while somebody reads, joins or purges.

// halting is an encoder that stops at the change of a text, and with it the
// deliverer, and whoever reads that change from the store.
type halting struct {
	plain
	text    string
	once    sync.Once
	stopped chan struct{} // closed when it has
	resume  chan struct{}
}

func (h *halting) Change(c *rooms.Change) []byte {
	if c.Message != nil && c.Message.Text == h.text {
		h.once.Do(func() {
			close(h.stopped)
			<-h.resume
		})
	}
	return h.plain.Change(c)
}

// anew runs a registry in whose store the room "ops" is another one, private and
// with a message, of which its hubs know nothing before resume is called. before
// is called first, and whatever it does is known.
func anew(t *testing.T, before func(*rooms.Registry)) (r *rooms.Registry, resume func()) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	encoder := &halting{text: "halt", stopped: make(chan struct{}), resume: make(chan struct{})}
	r = runWith(t, rooms.Config{Store: store, Journal: rooms.NewLocalJournal(), Encoder: encoder})
	resume = sync.OnceFunc(func() { close(encoder.resume) })
	t.Cleanup(resume) // the registry waits for it
	old := create(t, r, "ops")
	before(r)
	manager := person("Mia")
	manager.Grants = []rooms.Grant{{Pattern: "*", Allow: rooms.All}}
	submit := func(e rooms.Entry) {
		t.Helper()
		if err := r.Submit(t.Context(), manager, e, func(rooms.Receipt, error) {}); err != nil {
			t.Fatal(err)
		}
	}
	stored := func(ok func(rooms.Room, error) bool) {
		t.Helper()
		eventually(t, func() bool { return ok(store.Room(t.Context(), "ops")) }, func() string { return "the store does not come on" })
	}
	join(t, r, person("Eva"), rooms.Lobby, rooms.JoinOptions{}, newReader())
	submit(rooms.Entry{Kind: rooms.EntryPost, Room: rooms.Lobby, Text: "halt"})
	<-encoder.stopped
	submit(rooms.Entry{Kind: rooms.EntryDeleteRoom, Room: "ops"})
	stored(func(_ rooms.Room, err error) bool { return err != nil })
	submit(rooms.Entry{Kind: rooms.EntryCreateRoom, Room: "ops", Create: rooms.Settings{Visibility: rooms.Private}})
	stored(func(now rooms.Room, err error) bool { return err == nil && now.Epoch != old.Epoch })
	for i := range 3 {
		submit(rooms.Entry{Kind: rooms.EntryPost, Room: "ops", Text: fmt.Sprint("secret ", i)})
	}
	stored(func(now rooms.Room, err error) bool { return now.Head == 3 })
	return r, resume
}

func TestWhoReadsADeletedRoomIsToldNothingOfTheNextOne(t *testing.T) {
	behind := newReader()
	_, resume := anew(t, func(r *rooms.Registry) {
		behind.gate.close()
		join(t, r, person("Ana"), "ops", rooms.JoinOptions{}, behind)
		for range 5 {
			post(t, r, person("Ben"), "ops", "the old one")
		}
	})
	behind.gate.open()
	// Whether it is sent away before the hub has heard of the end or by that, it
	// is told the same.
	behind.until(t, "welcome")
	eventually(t, func() bool {
		return isClosed(behind.closed) || strings.Contains(strings.Join(behind.read(), " "), "secret")
	},
		func() string { return "it is neither told nor sent away" })
	resume()
	<-behind.closed
	if got := strings.Join(behind.read(), "\n"); strings.Contains(got, "secret") || behind.reason == nil || behind.reason.Code != rooms.CodeRoomGone {
		t.Errorf("it was closed with %v after\n%s", behind.reason, got)
	}
}

func TestTheEndOfARoomSendsNobodyOutOfTheNextOne(t *testing.T) {
	r, resume := anew(t, func(*rooms.Registry) {})
	mia := person("Mia")
	mia.Grants = []rooms.Grant{{Pattern: "*", Allow: rooms.All}}
	sink := newReader()
	join(t, r, mia, "ops", rooms.JoinOptions{History: 5}, sink)
	sink.until(t, "chat rev=3 ")
	resume()
	post(t, r, mia, "ops", "all is well")
	sink.until(t, "chat rev=4 prev=3 seq=4 all is well")
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// purging is a store that does something else, once, right behind the first step
// of a purge.
type purging struct {
	rooms.Store
	then []rooms.Entry
}

func (p *purging) Apply(ctx context.Context, batch []rooms.Entry) ([]rooms.Outcome, error) {
	outcomes, err := p.Store.Apply(ctx, batch)
	if err == nil && batch[0].Kind == rooms.EntryPurge && p.then != nil {
		_, err = p.Store.Apply(ctx, p.then)
		p.then = nil
	}
	return outcomes, err
}

func TestAPurgeEndsWithTheRetentionThatAskedForIt(t *testing.T) {
	const many = 2*rooms.PurgeStep + 10
	entry := func(kind rooms.EntryKind, id string) rooms.Entry {
		return rooms.Entry{Kind: kind, Room: "a", ID: id, From: rooms.Sender{ID: "guest:Ana", Name: "Ana"}, Message: rooms.KindChat, Text: "hi"}
	}
	brief := rooms.Settings{Name: "a", Mode: rooms.ModeOpen, Visibility: rooms.Public, Retention: rooms.Retention{Count: 3}}
	made := func(id, epoch string) rooms.Entry {
		e := entry(rooms.EntryCreateRoom, id)
		e.Create, e.Epoch = brief, epoch
		return e
	}
	posts := func(n int) (list []rooms.Entry) {
		for i := range n {
			list = append(list, entry(rooms.EntryPost, fmt.Sprint("post-", i)))
		}
		return list
	}
	longer := entry(rooms.EntryUpdateRoom, "longer")
	longer.Patch.Retention = &rooms.Retention{Count: many}
	again := append([]rooms.Entry{entry(rooms.EntryDeleteRoom, "delete"), made("again", "second")}, posts(3)...)
	for name, test := range map[string]struct {
		then []rooms.Entry
		left int
	}{
		"the retention is another one": {[]rooms.Entry{longer}, many - rooms.PurgeStep},
		"the room is another one":      {again, 3},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := sqlite.Open(t.Context(), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			begin := append([]rooms.Entry{made("made", "first")}, posts(many)...)
			other := made("other", "other")
			other.Room = "b"
			begin = append(begin, other)
			for _, e := range posts(4) {
				e.Room = "b"
				begin = append(begin, e)
			}
			if _, err := store.Apply(t.Context(), begin); err != nil {
				t.Fatal(err)
			}
			run(t, &purging{Store: store, then: test.then})
			count := func(room string) int {
				page, err := store.Messages(t.Context(), rooms.MessageQuery{Room: room, Limit: many})
				if err != nil {
					t.Fatal(err)
				}
				return len(page)
			}
			// Rooms are purged in the order of their ids.
			eventually(t, func() bool { return count("b") == 3 }, func() string { return "the other room is not purged" })
			if got := count("a"); got != test.left {
				t.Errorf("%d messages are left, not %d", got, test.left)
			}
		})
	}
}

// A repeat finds the room that was made first, also when the id that its name gives
// was taken then, and is not any more.
func TestARepeatFindsTheRoomMadeUnderAnotherID(t *testing.T) {
	r := start(t)
	ana, ben := person("Ana"), person("Ben")
	made := func(who rooms.Identity, key string) rooms.Receipt {
		t.Helper()
		receipt, err := r.Propose(t.Context(), who, rooms.Entry{Kind: rooms.EntryCreateRoom, ID: key, Create: rooms.Settings{Name: "Ops"}})
		if err != nil {
			t.Fatal(err)
		}
		return receipt
	}
	made(ana, "ana-1")
	first := made(ben, "ben-1")
	if _, err := r.Propose(t.Context(), ana, rooms.Entry{Kind: rooms.EntryDeleteRoom, Room: "ops"}); err != nil {
		t.Fatal(err)
	}
	if again := made(ben, "ben-1"); !again.Duplicate || again.Room.ID != first.Room.ID {
		t.Errorf("the repeat made %q, duplicate %t; the first one %q", again.Room.ID, again.Duplicate, first.Room.ID)
	}
}
