package rooms

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// lobbyAgain is the time between two looks for the lobby.
const lobbyAgain = 100 * time.Millisecond

// Limits are what the domain refuses to go beyond.
type Limits struct {
	Message int // characters of a message's text; 0 is DefaultMaxMessage
	Rooms   int // rooms that there may be; 0 is no bound. Nodes that make some at the same moment may go beyond by as many
	// Who may moderate a room is not bound by these. Each node counts for itself.
	PerIdentity Rate // posts, edits, deletions and reactions of one identity, in all rooms
	PerRoom     Rate // the same, of all identities in one room
}

// Config is what a registry works with. Store, Journal and Encoder are needed.
type Config struct {
	Store   Store
	Journal Journal
	Encoder Encoder
	Node    string // this process's id among all nodes, past and present; "" runs alone
	Peers   Peers  // the way to the other nodes; nil runs alone
	// Webhooks calls the receivers of webhooks; nil calls none, and takes none.
	Webhooks WebhookCaller
	Limits   Limits
	Logger   *slog.Logger // nil is slog.Default
}

// Registry finds rooms, opens and closes their hubs, and is the one door into
// the domain: whoever reads or writes a room does it here, under the
// permissions of an [Identity]. Its methods may be called by any number of
// goroutines while Run runs.
type Registry struct {
	store   Store
	journal Journal
	limits  Limits
	byWho   *buckets
	byRoom  *buckets
	log     *slog.Logger
	deps    deps
	waiting waiting
	// diverged is why this node serves nobody any more, nil as long as it does.
	diverged atomic.Pointer[Error]
	nodes    nodes
	inboxes  inboxes
	marks    marks
	webhooks webhooks
	stats    stats

	mu     sync.RWMutex
	hubs   map[string]*hub // of the rooms that have members here
	open   bool            // between the beginning and the end of Run
	opened chan struct{}   // closed by Run when it has opened the registry
	// draining tells that nobody is let in any more.
	draining bool
}

// NewRegistry makes a registry. It does nothing before Run.
func NewRegistry(c Config) *Registry {
	if c.Limits.Message == 0 {
		c.Limits.Message = DefaultMaxMessage
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	r := &Registry{
		store: c.Store, journal: c.Journal, limits: c.Limits, log: c.Logger,
		hubs:  make(map[string]*hub),
		byWho: newBuckets(c.Limits.PerIdentity), byRoom: newBuckets(c.Limits.PerRoom),
		opened: make(chan struct{}),
	}
	r.stats.commits, r.stats.acks = newHistogram(secondBounds...), newHistogram(secondBounds...)
	r.stats.batchSizes = newHistogram(batchBounds...)
	r.waiting.node = c.Node
	r.webhooks.init(c.Webhooks)
	r.nodes.self, r.nodes.peers = c.Node, c.Peers
	r.deps = deps{alone: c.Node == "", nodes: &r.nodes, store: c.Store, encoder: c.Encoder, stats: &r.stats, empty: r.forget, left: r.inboxes.remove, renewed: r.inboxes.renew}
	// One processor is left to those who read, apply and deliver: where all are
	// busy writing, Go looks for what has arrived only now and then.
	for i := range max(1, runtime.GOMAXPROCS(0)-1) {
		r.deps.writers = append(r.deps.writers, newWriter(i))
	}
	return r
}

// Run applies and delivers until ctx is done. Then it refuses new entries,
// makes durable what was accepted, drops all members with CodeShuttingDown, and
// returns when everything that it started has ended. It may be called once.
func (r *Registry) Run(ctx context.Context) error {
	var serving, writing, delivering sync.WaitGroup
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	r.deps.spawn = func(f func(context.Context)) { serving.Go(func() { f(work) }) }
	for _, w := range r.deps.writers {
		writing.Go(func() { w.run(work) })
	}
	batches, last := make(chan []applied, 4), make(chan struct{})
	delivering.Go(func() { r.deliver(batches, last) })
	opening, given := context.WithCancel(ctx)
	defer given()
	serving.Go(func() { r.begin(opening) })
	var tending sync.WaitGroup
	for _, tend := range []func(context.Context){r.tellInboxes, r.settleMarks, r.tendWebhooks, r.retain, r.tendStore, r.probe, r.tellNodes, r.hearNodes} {
		tending.Go(func() { tend(opening) })
	}

	err := r.journal.Run(ctx, func(ctx context.Context, batch []Entry) error {
		return r.apply(ctx, batch, batches)
	})

	given()
	tending.Wait()
	r.setOpen(false)
	close(last) // nothing is applied any more
	delivering.Wait()
	r.waiting.failAll(Errorf(CodeShuttingDown, "the server is going away; whether this was stored is not known: send it again with the same id"))
	for _, h := range r.allHubs() {
		h.close(Errorf(CodeShuttingDown, "the server is going away"))
	}
	stop()
	writing.Wait()
	serving.Wait()
	return err
}

// tendStore has the store do what commits leave undone.
func (r *Registry) tendStore(ctx context.Context) {
	if err := r.store.Run(ctx); err != nil {
		r.log.ErrorContext(ctx, "the store no longer tends itself", "err", err)
	}
}

// apply applies a batch and hands what came of it to deliver, so that the next
// batch can be committed while this one is encoded.
func (r *Registry) apply(ctx context.Context, batch []Entry, to chan<- []applied) error {
	began := time.Now()
	outcomes, err := r.store.Apply(ctx, batch)
	if err != nil {
		r.stats.failures.Add(1)
		r.stats.failing.Store(true)
		r.log.ErrorContext(ctx, "entries could not be applied", "entries", len(batch), "err", err)
		for i := range batch {
			r.waiting.done(batch[i].Node, batch[i].Ticket, Outcome{Err: Errorf(CodeUnavailable, "this cannot be stored now: send it again with the same id")})
		}
		return err
	}
	r.stats.failing.Store(false)
	r.stats.commits.observe(time.Since(began).Seconds())
	r.stats.batchSizes.observe(float64(len(batch)))
	r.stats.batches.Add(1)
	r.stats.entries.Add(uint64(len(batch)))
	if !r.deps.alone {
		r.nodes.trail.add(batch)
	}
	list := make([]applied, len(batch))
	for i := range batch {
		e := &batch[i]
		list[i] = applied{e.Kind, e.Room, e.From.ID, e.Node, e.Ticket, outcomes[i]}
	}
	to <- list
	return nil
}

// hub returns the room's hub, nil when nobody is there.
func (r *Registry) hub(room string) *hub {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.hubs[room]
}

func (r *Registry) allHubs() []*hub {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]*hub, 0, len(r.hubs))
	for _, h := range r.hubs {
		all = append(all, h)
	}
	return all
}

// openHub returns the room's hub, and makes it when there is none. The room's
// head is read under the lock under which deliver looks for hubs: a change is
// either in that head, or finds the hub.
func (r *Registry) openHub(ctx context.Context, id string) (*hub, error) {
	r.nodes.mu.Lock()
	defer r.nodes.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.open || r.draining {
		return nil, goingAway()
	}
	if why := r.diverged.Load(); why != nil {
		return nil, why
	}
	if h := r.hubs[id]; h != nil {
		return h, nil
	}
	room, err := r.store.Room(ctx, id)
	if err != nil {
		return nil, err
	}
	h := newHub(room, &r.deps)
	h.presence.begin(r.nodes.elsewhereLocked(id))
	r.hubs[id] = h
	return h, nil
}

// forget removes a hub that its last member has left.
func (r *Registry) forget(h *hub) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h.closeIfEmpty() && r.hubs[h.room] == h {
		delete(r.hubs, h.room)
	}
}

// begin opens the registry when the store has all that was in the journal, and
// the lobby.
func (r *Registry) begin(ctx context.Context) {
	select {
	case <-r.journal.Begun():
	case <-ctx.Done():
		return
	}
	if !r.makeLobby(ctx) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() == nil { // Run has not ended
		r.open = true
		close(r.opened)
	}
}

// makeLobby sees to it that there is a lobby. A store that is alone has made
// one when it was opened; the nodes of a cluster must agree on one, so it comes
// out of their journal: that of the first who proposes it.
func (r *Registry) makeLobby(ctx context.Context) bool {
	for tick := time.NewTicker(lobbyAgain); ; {
		if _, err := r.store.Room(ctx, Lobby); err == nil {
			return true
		}
		if err := r.journal.Propose(ctx, NewLobby()); err != nil {
			r.log.WarnContext(ctx, "the lobby cannot be made yet", "err", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

func (r *Registry) setOpen(open bool) {
	r.mu.Lock()
	r.open = open
	r.mu.Unlock()
}
