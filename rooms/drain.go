package rooms

import (
	"context"
	"time"
)

// comeBack is how much longer a node that goes away spreads the return of its
// members for each of them: 500 of them a second come back.
const comeBack = 2 * time.Millisecond

// Drain lets nobody in any more and closes all members with CodeShuttingDown.
// It asks them to come back at random moments within a time that grows with
// their number, up to most. Entries are taken until Run ends: what is under way
// is finished.
func (r *Registry) Drain(most time.Duration) {
	r.mu.Lock()
	r.draining = true
	r.mu.Unlock()
	spread := min(time.Duration(r.stats.members.Load())*comeBack, most)
	reason := Errorf(CodeShuttingDown, "the server is going away; come back within %.1f s", spread.Seconds())
	reason.RetryAfter = spread
	for _, h := range r.allHubs() {
		h.close(reason)
	}
	ctx, cancel := context.WithTimeout(context.Background(), keepFor)
	defer cancel()
	r.keepWebhooks(ctx)
}

// keepFor bounds how long a node that goes away notes how far webhooks have come.
const keepFor = time.Second

// Opened is closed when Run has begun to take entries and members: it has applied
// what was in the journal before.
func (r *Registry) Opened() <-chan struct{} { return r.opened }

// Ready tells whether members are let in and entries are taken, and if not, why.
func (r *Registry) Ready() error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.draining {
		return goingAway()
	}
	if why := r.diverged.Load(); why != nil {
		return why
	}
	if err := r.journal.Ready(); err != nil {
		return Errorf(CodeUnavailable, "%v", err)
	}
	if r.stats.failing.Load() {
		return Errorf(CodeUnavailable, "nothing can be stored now")
	}
	if !r.open {
		return Errorf(CodeShuttingDown, "the server is starting or going away")
	}
	return nil
}

// probeEvery is how often a store that failed is tried.
const probeEvery = 2 * time.Second

// probe tries a store that failed with an entry that changes nothing that
// anybody sees, so that a node which gets no entries because it is not ready
// finds out that it is again.
func (r *Registry) probe(ctx context.Context) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if r.stats.failing.Load() {
				_, _ = r.Propose(ctx, system, Entry{Kind: EntryRead, Room: Lobby}) // a failure is logged where it happens
			}
		}
	}
}

func goingAway() *Error { return Errorf(CodeShuttingDown, "the server is going away") }
