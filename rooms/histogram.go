package rooms

import (
	"math"
	"sync/atomic"
)

// histogram counts values by size, without a lock.
type histogram struct {
	bounds []float64
	counts []atomic.Uint64 // one for each bound, and one for what is beyond
	sum    atomic.Uint64   // the bits of a float64
}

func newHistogram(bounds ...float64) *histogram {
	return &histogram{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

func (h *histogram) observe(v float64) {
	i := 0
	for i < len(h.bounds) && v > h.bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	for {
		old := h.sum.Load()
		if h.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// Distribution is how values were spread.
type Distribution struct {
	Bounds []float64 // upper, inclusive, ascending
	Counts []uint64  // values up to each bound and above the one before; the last is of those beyond all
	Sum    float64   // of all values
}

func (h *histogram) distribution() Distribution {
	d := Distribution{Bounds: h.bounds, Counts: make([]uint64, len(h.counts)), Sum: math.Float64frombits(h.sum.Load())}
	for i := range h.counts {
		d.Counts[i] = h.counts[i].Load()
	}
	return d
}

// The bounds of seconds, from a fast disk to a stuck one, and of batches.
var (
	secondBounds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	batchBounds  = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}
)
