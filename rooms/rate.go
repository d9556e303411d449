package rooms

import (
	"sync"
	"time"
)

// Rate bounds how often something may happen: so many times a second on
// average, and Burst times at once. The zero value is no bound.
type Rate struct {
	PerSecond float64
	Burst     int
}

// buckets are token buckets by key. Of each, only the moment is kept at which it
// will be full again (the generic cell rate algorithm): a key that is idle is
// as good as one that never was, and forgotten in time.
type buckets struct {
	interval  time.Duration // between two tokens; 0 is no bound
	tolerance time.Duration // the burst, as time

	mu      sync.Mutex
	fullAt  map[string]time.Time
	sweepAt int // forget the idle when there are so many keys
}

const minSweep = 1024

func newBuckets(r Rate) *buckets {
	b := &buckets{fullAt: make(map[string]time.Time), sweepAt: minSweep}
	if r.PerSecond > 0 {
		b.interval = time.Duration(float64(time.Second) / r.PerSecond)
		b.tolerance = b.interval * time.Duration(max(1, r.Burst))
	}
	return b
}

// take takes a token of key's. When there is none, it tells after how long
// there will be one.
func (b *buckets) take(key string, now time.Time) (wait time.Duration) {
	if b.interval == 0 {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	full := b.fullAt[key]
	if full.Before(now) {
		full = now
	}
	full = full.Add(b.interval)
	if wait := full.Sub(now) - b.tolerance; wait > 0 {
		return wait
	}
	b.fullAt[key] = full
	if len(b.fullAt) >= b.sweepAt {
		for key, full := range b.fullAt {
			if full.Before(now) {
				delete(b.fullAt, key)
			}
		}
		b.sweepAt = max(minSweep, 2*len(b.fullAt))
	}
	return 0
}
