package rooms

import "sync/atomic"

// Stats counts what a registry does, for whoever shows figures. Counters only
// grow; gauges tell the present.
type Stats struct {
	members     atomic.Int64 // gauge
	entries     atomic.Uint64
	refused     atomic.Uint64
	duplicates  atomic.Uint64
	batches     atomic.Uint64
	changes     atomic.Uint64
	bytes       atomic.Uint64
	caughtUp    atomic.Uint64
	fellBehind  atomic.Uint64
	slowReaders atomic.Uint64
}
