package rooms_test

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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

// What is not accepted is told again, under the same id, ever more seldom; and
// nothing before it is.
func TestWebhookTellsUntilAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		refusals := 0
		e.answer = func(c heardCall) rooms.WebhookAnswer {
			if strings.Contains(string(c.Payload), "two") && refusals < 6 {
				refusals++
				return rooms.WebhookAnswer{Status: 503, Failure: "answered 503"}
			}
			return accepted
		}
		r, stop := startHooked(t, t.TempDir(), e)
		defer stop()
		post(t, r, person("Ana"), rooms.Lobby, "before")
		id := hook(t, r, rooms.Lobby, 0)
		post(t, r, person("Ana"), rooms.Lobby, "one")   // 2
		post(t, r, person("Ana"), rooms.Lobby, "two")   // 3
		post(t, r, person("Ana"), rooms.Lobby, "three") // 4
		time.Sleep(2 * time.Second)
		propose(t, r, rooms.Entry{Kind: rooms.EntryEdit, Seq: 4, Text: "trois"}) // 5
		propose(t, r, rooms.Entry{Kind: rooms.EntryReact, Seq: 4, Emoji: "x", On: true})
		post(t, r, person("Ana"), rooms.Lobby, "four")              // 7
		propose(t, r, rooms.Entry{Kind: rooms.EntryDelete, Seq: 7}) // 8
		w := view(t, r, id)
		if w.State.Rev != 2 || w.Pending != 4 || w.State.Status != 503 || w.State.Failure != "answered 503" || w.State.Failures < 2 ||
			!w.State.Next.After(time.Now()) || w.State.FailingSince.IsZero() || w.Secret != "" {
			t.Errorf("while it fails, it is %+v", w)
		}
		if lag := r.Counts().WebhookLag; lag < time.Second {
			t.Errorf("while it fails, the lag is %v", lag)
		}
		time.Sleep(2 * time.Minute)
		e.check(t, "in the end", "message rev=2 one", "message rev=3 two", "message rev=4 trois", "edit rev=5 trois", "delete rev=8 ")

		var before time.Time
		wait, ids := time.Second, make(map[string]bool)
		for _, c := range e.heard() {
			if !strings.Contains(string(c.Payload), "two") {
				continue
			}
			ids[c.ID] = true
			if gap := c.at.Sub(before); !before.IsZero() {
				if gap < wait*8/10 || gap > wait*12/10+time.Second {
					t.Errorf("told again after %v, not about %v", gap, wait)
				}
				wait *= 2
			}
			before = c.at
		}
		if len(ids) != 1 || wait != 64*time.Second {
			t.Errorf("it was told under the ids %v, and the last wait would be %v", ids, wait)
		}
		if w := view(t, r, id); w.State.Rev != 8 || w.Pending != 0 || w.State.Failures != 0 || w.State.Failure != "" || w.State.Status != 200 || !w.State.FailingSince.IsZero() {
			t.Errorf("in the end, it is %+v", w)
		}
		if c := r.Counts(); c.WebhookCalls != 5 || c.WebhookFailures != 6 || c.WebhookLag != 0 {
			t.Errorf("counted: %d accepted, %d not, a lag of %v", c.WebhookCalls, c.WebhookFailures, c.WebhookLag)
		}
	})
}

// A receiver may ask for more time, and gets it.
func TestWebhookRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		e.set(rooms.WebhookAnswer{Status: 429, Failure: "answered 429", RetryAfter: time.Hour})
		r, stop := startHooked(t, t.TempDir(), e)
		defer stop()
		hook(t, r, rooms.Lobby, 0)
		post(t, r, person("Ana"), rooms.Lobby, "one")
		time.Sleep(59 * time.Minute)
		if n := len(e.heard()); n != 1 {
			t.Errorf("called %d times in an hour", n)
		}
		time.Sleep(2 * time.Minute)
		if n := len(e.heard()); n != 2 {
			t.Errorf("called %d times in more than an hour", n)
		}
	})
}

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

// A webhook is turned off when its receiver says so, or after five days; turned
// on again it goes on where it was.
func TestWebhookTurnsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		e.set(rooms.WebhookAnswer{Status: 410, Failure: "answered 410", Gone: true})
		r, stop := startHooked(t, t.TempDir(), e)
		defer stop()
		id := hook(t, r, rooms.Lobby, 0)
		post(t, r, person("Ana"), rooms.Lobby, "one")
		time.Sleep(2 * time.Second)
		if w := view(t, r, id); w.Off != rooms.OffGone || w.State.Status != 410 || len(e.heard()) != 1 {
			t.Errorf("gone, it is %+v", w)
		}
		post(t, r, person("Ana"), rooms.Lobby, "two")
		time.Sleep(time.Hour)
		if n := len(e.heard()); n != 1 {
			t.Errorf("gone, it was called %d times", n)
		}
		if lag := r.Counts().WebhookLag; lag != 0 {
			t.Errorf("what is off lags by %v", lag)
		}

		e.set(rooms.WebhookAnswer{Failure: "nobody answers"})
		on := rooms.WebhookOff("")
		propose(t, r, rooms.Entry{Kind: rooms.EntryUpdateWebhook, Webhook: &rooms.Webhook{ID: id}, WebhookPatch: &rooms.WebhookPatch{Off: &on}})
		time.Sleep(3 * time.Second)
		w := view(t, r, id)
		if w.Off != "" || w.State.Failures == 0 || w.State.Rev != 0 {
			t.Errorf("on again, it is %+v", w)
		}
		// Noted while it waits, long before its next call notes its own.
		for ; time.Until(w.State.Next) < 2*time.Second; w = view(t, r, id) {
			time.Sleep(100 * time.Millisecond)
		}
		w.State.FailingSince = time.Now().Add(-5 * 24 * time.Hour)
		propose(t, r, rooms.Entry{Kind: rooms.EntryNoteWebhook, Webhook: &rooms.Webhook{ID: id, State: w.State}})
		time.Sleep(time.Minute)
		if w := view(t, r, id); w.Off != rooms.OffFailing {
			t.Errorf("after five days it is %+v", w)
		}
		e.set(accepted)
		propose(t, r, rooms.Entry{Kind: rooms.EntryUpdateWebhook, Webhook: &rooms.Webhook{ID: id}, WebhookPatch: &rooms.WebhookPatch{Off: &on}})
		time.Sleep(2 * time.Second)
		e.check(t, "at last", "message rev=1 one", "message rev=2 two")
		log, err := r.Audit(t.Context(), person("Ana"), rooms.AuditQuery{Room: rooms.Lobby, Limit: 10})
		if err != nil || len(log) != 5 || log[1].By.ID != "system:chatd" || !strings.HasSuffix(log[1].Detail, " failing") {
			t.Errorf("the log is %+v, %v", log, err)
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

// A receiver that does not answer holds up its own webhook alone.
func TestSlowWebhookHoldsUpNobody(t *testing.T) {
	release := make(chan struct{})
	e := &ear{answer: func(c heardCall) rooms.WebhookAnswer {
		if c.URL == "https://example.com/slow" {
			<-release
		}
		return accepted
	}}
	r, stop := startHooked(t, t.TempDir(), e)
	defer stop()
	defer close(release)
	create(t, r, "slow")
	hook(t, r, "slow", 0)
	hook(t, r, rooms.Lobby, 0)
	for i := range 10 {
		post(t, r, person("Ana"), "slow", fmt.Sprint("slow ", i))
		post(t, r, person("Ana"), rooms.Lobby, fmt.Sprint("quick ", i))
	}
	eventually(t, func() bool { return len(e.told()) == 10 }, func() string { return fmt.Sprintf("told is %q", e.told()) })
}

func TestWebhookOfMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		r, stop := startHooked(t, t.TempDir(), e)
		defer stop()
		join(t, r, person("Ana"), rooms.Lobby, rooms.JoinOptions{}, newReader())
		hook(t, r, rooms.Lobby, rooms.OnJoined|rooms.OnLeft)
		time.Sleep(3500 * time.Millisecond) // between two looks
		ben := join(t, r, person("Ben"), rooms.Lobby, rooms.JoinOptions{}, newReader())
		cleo := join(t, r, person("Cleo"), rooms.Lobby, rooms.JoinOptions{}, newReader())
		time.Sleep(3500 * time.Millisecond) // between two looks
		e.check(t, "two came at once", "member.joined 2 online=3")
		e.set(rooms.WebhookAnswer{Status: 500, Failure: "answered 500"})
		ben.Leave()
		time.Sleep(time.Second)
		cleo.Leave()
		time.Sleep(time.Second)
		e.set(accepted)
		time.Sleep(time.Minute)
		e.check(t, "while it failed two left", "member.joined 2 online=3", "member.left 2 online=1")
	})
}

// A room that is deleted takes its webhooks with it, and one of that name has none.
func TestWebhookOfADeletedRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		e.set(rooms.WebhookAnswer{Failure: "nobody answers"})
		r, stop := startHooked(t, t.TempDir(), e)
		defer stop()
		create(t, r, "ops")
		hook(t, r, "ops", 0)
		post(t, r, person("Ana"), "ops", "one")
		time.Sleep(2 * time.Second)
		propose(t, r, rooms.Entry{Kind: rooms.EntryDeleteRoom, Room: "ops"})
		create(t, r, "ops")
		before := len(e.heard())
		post(t, r, person("Ana"), "ops", "two")
		time.Sleep(time.Hour)
		if after := len(e.heard()); before == 0 || after != before {
			t.Errorf("%d calls were made before, %d after", before, after-before)
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

func (b *band) Begun() <-chan struct{} {
	begun := make(chan struct{})
	close(begun)
	return begun
}

func (b *band) Current(context.Context) error { return nil }
func (b *band) Known(context.Context) error   { return nil }
func (b *band) Ready() error                  { return nil }
func (b *band) Lag() int                      { return 0 }

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
