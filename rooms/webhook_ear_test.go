package rooms_test

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"chatd/rooms"
	"chatd/rooms/sqlite"
)

// ear is a receiver that behaves as a test wants.
type ear struct {
	answer func(c heardCall) rooms.WebhookAnswer // nil accepts all

	mu    sync.Mutex
	calls []heardCall
}

type heardCall struct {
	rooms.WebhookCall
	at       time.Time
	node     string
	accepted bool
}

var accepted = rooms.WebhookAnswer{Accepted: true, Status: 200}

// of is the ear as a node calls it.
func (e *ear) of(node string) rooms.WebhookCaller { return nodesEar{e, node} }

type nodesEar struct {
	*ear
	node string
}

func (nodesEar) Check(string) error { return nil }

func (e nodesEar) Call(_ context.Context, call rooms.WebhookCall) rooms.WebhookAnswer {
	c := heardCall{WebhookCall: call, at: time.Now(), node: e.node}
	e.mu.Lock()
	decide := e.answer
	e.mu.Unlock()
	answer := accepted
	if decide != nil {
		answer = decide(c)
	}
	c.accepted = answer.Accepted
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, c)
	return answer
}

func (e *ear) heard() []heardCall {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls)
}

// set has the ear answer a from now on.
func (e *ear) set(a rooms.WebhookAnswer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = func(heardCall) rooms.WebhookAnswer { return a }
}

// told are the payloads that were accepted, each once, by id.
func (e *ear) told() (list []string) {
	seen := make(map[string]string)
	for _, c := range e.heard() {
		if !c.accepted {
			continue
		}
		if _, again := seen[c.ID]; !again {
			list = append(list, string(c.Payload))
		}
		seen[c.ID] = string(c.Payload)
	}
	return list
}

func (e *ear) check(t *testing.T, when string, want ...string) {
	t.Helper()
	if got := e.told(); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: told is %q\nwant %q", when, got, want)
	}
}

// startHooked runs a registry on the store in dir, and returns how to end it.
func startHooked(t *testing.T, dir string, e *ear) (r *rooms.Registry, stop func()) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	r = rooms.NewRegistry(rooms.Config{Store: store, Journal: rooms.NewLocalJournal(), Encoder: plain{}, Webhooks: e.of(""), Logger: slog.New(slog.DiscardHandler)})
	return r, runUntil(t, r, store)
}

func runUntil(t *testing.T, r *rooms.Registry, store rooms.Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	<-r.Opened()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
}

func propose(t *testing.T, r *rooms.Registry, e rooms.Entry) rooms.Receipt {
	t.Helper()
	if e.Room == "" {
		e.Room = rooms.Lobby
	}
	receipt, err := r.Propose(t.Context(), person("Ana"), e)
	if err != nil {
		t.Fatalf("%s: %v", e.Kind, err)
	}
	return receipt
}

func hook(t *testing.T, r *rooms.Registry, room string, on rooms.WebhookEvents) uint64 {
	t.Helper()
	return propose(t, r, rooms.Entry{Kind: rooms.EntryCreateWebhook, Room: room, Webhook: &rooms.Webhook{URL: "https://example.com/" + room, On: on}}).Webhook.ID
}

func view(t *testing.T, r *rooms.Registry, id uint64) rooms.WebhookView {
	t.Helper()
	w, err := r.Webhook(t.Context(), person("Ana"), rooms.Lobby, id)
	if err != nil {
		t.Fatal(err)
	}
	return w
}
