package rooms

import (
	"sync/atomic"
	"time"
)

// stats counts what a registry does.
type stats struct {
	members     atomic.Int64 // gauge
	entries     atomic.Uint64
	refused     atomic.Uint64
	duplicates  atomic.Uint64
	batches     atomic.Uint64
	posts       atomic.Uint64
	changes     atomic.Uint64
	deliveries  atomic.Uint64
	bytes       atomic.Uint64
	caughtUp    atomic.Uint64
	fellBehind  atomic.Uint64
	slowReaders atomic.Uint64
	failures    atomic.Uint64
	behind      atomic.Int64 // gauge

	webhookCalls, webhookFailures atomic.Uint64

	failing atomic.Bool // the last commit failed

	commits, acks, batchSizes *histogram
}

// Counts are figures of what a registry does. Those that end in "now" go up and
// down; all others only grow.
type Counts struct {
	Members     int    // connections in rooms, now
	Behind      int    // of those, members that are not current, now
	Hubs        int    // rooms that have members here, now
	Rooms       int    // rooms that there are, now
	Waiting     int    // entries whose proposers wait, now
	Lag         int    // entries in the journal that are not applied here yet, now
	Entries     uint64 // applied: changes, duplicates and refusals
	Refused     uint64 // entries that applying refused
	Duplicates  uint64 // entries that repeated an earlier one
	Batches     uint64 // commits
	Posts       uint64 // messages that were made
	Changes     uint64 // changes given to hubs, posts among them
	Deliveries  uint64 // changes and events given to connections, each once for each of them
	Bytes       uint64 // bytes given to connections
	CaughtUp    uint64 // changes read from the store for members that were behind
	FellBehind  uint64 // times that a member lagged beyond the ring
	SlowReaders uint64 // members dropped because they made no progress
	Failures    uint64 // commits that failed

	WebhookCalls    uint64        // that were accepted by their receivers
	WebhookFailures uint64        // that were not
	WebhookLag      time.Duration // for how long the one that has waited longest has waited to be told all, now

	Commits    Distribution // seconds that a commit took
	Acks       Distribution // seconds from an entry's proposal to its outcome
	BatchSizes Distribution // entries of a commit
}

// Counts returns what has been counted so far.
func (r *Registry) Counts() Counts {
	s := &r.stats
	r.mu.RLock()
	hubs := len(r.hubs)
	r.mu.RUnlock()
	return Counts{
		Members: int(s.members.Load()), Behind: int(s.behind.Load()), Hubs: hubs,
		Rooms: r.store.RoomCount(), Waiting: r.waiting.count(), Lag: r.journal.Lag(),
		Entries: s.entries.Load(), Refused: s.refused.Load(), Duplicates: s.duplicates.Load(),
		Batches: s.batches.Load(), Posts: s.posts.Load(), Changes: s.changes.Load(),
		Deliveries: s.deliveries.Load(), Bytes: s.bytes.Load(),
		CaughtUp: s.caughtUp.Load(), FellBehind: s.fellBehind.Load(), SlowReaders: s.slowReaders.Load(),
		Failures: s.failures.Load(), WebhookCalls: s.webhookCalls.Load(), WebhookFailures: s.webhookFailures.Load(),
		WebhookLag: r.webhooks.lag(time.Now()),
		Commits:    s.commits.distribution(), Acks: s.acks.distribution(), BatchSizes: s.batchSizes.distribution(),
	}
}
