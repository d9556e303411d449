package rooms_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chatd/rooms"
	"chatd/rooms/sqlite"
)

// A webhook goes on where it was: after an orderly end without a repeat, after
// another with repeats at most.
func TestWebhookOutlivesItsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, e := t.TempDir(), &ear{}
		r, stop := startHooked(t, dir, e)
		hook(t, r, rooms.Lobby, 0)
		say := func(texts ...string) {
			for _, text := range texts {
				post(t, r, person("Ana"), rooms.Lobby, text)
			}
			synctest.Wait()
		}
		say("one", "two", "three")
		e.check(t, "at first", "message rev=1 one", "message rev=2 two", "message rev=3 three")
		r.Drain(time.Second)
		synctest.Wait()
		stop()

		r, stop = startHooked(t, dir, e)
		time.Sleep(2 * time.Second)
		if n := len(e.heard()); n != 3 {
			t.Errorf("after an orderly end %d calls were made, for 3 things", n)
		}
		say("four", "five")
		stop() // what was told of four and five is not noted

		r, stop = startHooked(t, dir, e)
		defer stop()
		time.Sleep(2 * time.Second)
		say("six")
		e.check(t, "in the end", "message rev=1 one", "message rev=2 two", "message rev=3 three", "message rev=4 four", "message rev=5 five", "message rev=6 six")
		if n := len(e.heard()); n != 8 {
			t.Errorf("%d calls were made, for 6 things of which 2 had to be told again", n)
		}
	})
}

// What a receiver answers that the webhook has no more counts for nothing: the
// one in its place is called at once.
func TestWebhookMovesDuringACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		moved := make(chan struct{})
		e.answer = func(c heardCall) rooms.WebhookAnswer {
			if c.URL == "https://example.com/new" {
				return accepted
			}
			<-moved
			return rooms.WebhookAnswer{Status: 410, Failure: "answered 410", Gone: true}
		}
		r, stop := startHooked(t, t.TempDir(), e)
		defer stop()
		id := hook(t, r, rooms.Lobby, 0)
		post(t, r, person("Ana"), rooms.Lobby, "one")
		synctest.Wait() // it is being called
		url := "https://example.com/new"
		propose(t, r, rooms.Entry{Kind: rooms.EntryUpdateWebhook, Webhook: &rooms.Webhook{ID: id}, WebhookPatch: &rooms.WebhookPatch{URL: &url}})
		close(moved)
		time.Sleep(2 * time.Second)
		e.check(t, "after it moved", "message rev=1 one")
		if w := view(t, r, id); w.Off != "" || w.State.Failures != 0 || w.State.Rev != 1 {
			t.Errorf("after it moved, it is %+v", w)
		}
	})
}

// band is a journal that several registries read.
type band struct {
	mu      sync.Mutex
	entries []rooms.Entry
	more    chan struct{}
}

func (b *band) Propose(_ context.Context, e rooms.Entry) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.JournalAt = uint64(len(b.entries) + 1)
	b.entries = append(b.entries, e)
	close(b.more)
	b.more = make(chan struct{})
	return nil
}

func (b *band) Run(ctx context.Context, apply func(context.Context, []rooms.Entry) error) error {
	for at := 0; ; {
		b.mu.Lock()
		batch, more := slices.Clone(b.entries[at:]), b.more
		b.mu.Unlock()
		if len(batch) > 0 {
			if err := apply(context.WithoutCancel(ctx), batch); err != nil {
				return err
			}
			at += len(batch)
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil
		}
	}
}

func (b *band) Current(context.Context) error { return nil }
func (b *band) Known(context.Context) error   { return nil }
func (b *band) Ready() error                  { return nil }
func (b *band) Lag() int                      { return 0 }

func (b *band) Begun() <-chan struct{} {
	begun := make(chan struct{})
	close(begun)
	return begun
}

// Of several nodes one calls a webhook. When it is lost another goes on where it
// was, and tells again at most.
func TestWebhookIsOneNodesAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a air
		e, b := &ear{}, &band{more: make(chan struct{})}
		all, stops := make(map[string]*rooms.Registry), make(map[string]func())
		for _, node := range []string{"north", "south", "east"} {
			store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.WithoutLobby())
			if err != nil {
				t.Fatal(err)
			}
			r := rooms.NewRegistry(rooms.Config{
				Store: store, Journal: b, Encoder: plain{}, Node: node, Peers: a.antenna(node), Webhooks: e.of(node), Logger: slog.New(slog.DiscardHandler),
			})
			all[node], stops[node] = r, runUntil(t, r, store)
		}
		time.Sleep(5 * time.Second)
		for range 8 {
			hook(t, all["north"], rooms.Lobby, rooms.OnMessage)
		}
		say := func(node string, from, to int) {
			for i := from; i < to; i++ {
				post(t, all[node], person("Ana"), rooms.Lobby, fmt.Sprint(i))
				time.Sleep(time.Second)
			}
		}
		say("north", 0, 10)
		counts := make(map[string]int)
		for _, c := range e.heard() {
			counts[c.node]++
		}
		if len(e.heard()) != 80 || len(counts) < 2 {
			t.Errorf("8 webhooks were told of 10 posts by %v", counts)
		}

		// The node that called the first webhook is lost; the one that posts stays.
		lost := e.heard()[0].node
		stops[lost]()
		delete(stops, lost)
		here := "north"
		if lost == here {
			here = "south"
		}
		say(here, 10, 30)
		if got := e.told(); len(got) != 240 {
			t.Errorf("8 webhooks were told %d times of 30 posts", len(got))
		}
		if again := len(e.heard()) - 240; again < 0 || again > 8*7 {
			t.Errorf("%d times something was told again", again)
		}
		next := make(map[string]int) // by URL and secret: in order, each
		seen := make(map[string]bool)
		for _, c := range e.heard() {
			if seen[c.ID] {
				continue
			}
			seen[c.ID] = true
			if want := fmt.Sprintf(" %d", next[c.Secret]); !strings.HasSuffix(string(c.Payload), want) {
				t.Errorf("told %q, not %s", c.Payload, want)
			}
			next[c.Secret]++
		}
		for _, stop := range stops {
			stop()
		}
	})
}
