package loadtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// tally is what the members see, counted while they see it.
type tally struct {
	phase      atomic.Value
	open       atomic.Int64
	posts      atomic.Uint64
	deliveries atomic.Uint64
	acks       atomic.Uint64
	bytes      atomic.Uint64
	refused    atomic.Uint64 // error frames
	repeats    atomic.Uint64
	holes      atomic.Uint64 // changes that a member was not given, where its revs jumped
	broken     atomic.Uint64 // connections that ended unasked
	measuring  atomic.Bool
	delivery   histogram
	ack        histogram
	start      counts

	mu       sync.Mutex
	closes   reasons // close frames of the server, by code and reason
	refusals reasons // error frames, by code and detail
}

// reasons counts what happened for each reason.
type reasons map[string]int

func (t *tally) count(r *reasons, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if *r == nil {
		*r = make(reasons)
	}
	(*r)[reason]++
}

// closed counts a close frame.
func (t *tally) closed(code uint16, reason string) {
	t.count(&t.closes, fmt.Sprintf("%d %s", code, reason))
}

// why returns the reasons for what was refused, and for what was closed.
func (t *tally) why() (refusals, closes reasons) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.refusals), maps.Clone(t.closes)
}

// refusal counts an error frame, given from the end of its type on.
func (t *tally) refusal(rest []byte) {
	t.refused.Add(1)
	var e struct{ Code, Detail string }
	_, fields, _ := bytes.Cut(rest, []byte(","))
	_ = json.NewDecoder(io.MultiReader(strings.NewReader("{"), bytes.NewReader(fields))).Decode(&e) // other servers' errors look otherwise
	t.count(&t.refusals, cmp.Or(strings.Trim(e.Code+": "+e.Detail, ": "), "no reason given"))
}

// counts are the counters at a moment.
type counts struct {
	posts, deliveries, acks, bytes uint64
	tally                          *tally
}

func (t *tally) connected() int { return int(t.open.Load()) }

func (t *tally) now() counts {
	return counts{t.posts.Load(), t.deliveries.Load(), t.acks.Load(), t.bytes.Load(), t}
}

func (t *tally) begin() {
	t.start = t.now()
	t.measuring.Store(true)
}

// end returns what was counted since begin.
func (t *tally) end() counts {
	t.measuring.Store(false)
	c := t.now()
	c.posts -= t.start.posts
	c.deliveries -= t.start.deliveries
	c.acks -= t.start.acks
	c.bytes -= t.start.bytes
	return c
}

// histogram counts durations in buckets that are at most an eighth wide, so a
// quantile is exact to 12 %. It is safe for any number of goroutines.
type histogram struct {
	buckets [64 * 8]atomic.Uint64
}

func (h *histogram) add(d time.Duration) { h.buckets[bucketOf(d)].Add(1) }

func bucketOf(d time.Duration) int {
	v := uint64(max(d, 1))
	top := bits.Len64(v) - 1
	sub := uint64(0)
	if top >= 3 {
		sub = v >> (top - 3) & 7
	}
	return top*8 + int(sub)
}

// streak gathers durations of the same bucket: what a member is given at once
// is mostly as old, and a histogram that all members write to is dear.
type streak struct {
	bucket int
	n      uint64
}

func (s *streak) add(h *histogram, d time.Duration) {
	if b := bucketOf(d); b != s.bucket {
		s.flush(h)
		s.bucket = b
	}
	s.n++
}

func (s *streak) flush(h *histogram) {
	if s.n > 0 {
		h.buckets[s.bucket].Add(s.n)
		s.n = 0
	}
}

// quantile returns the upper bound of the bucket in which the q-th part lies.
func (h *histogram) quantile(q float64) time.Duration {
	var all uint64
	for i := range h.buckets {
		all += h.buckets[i].Load()
	}
	want := uint64(float64(all) * q)
	var seen uint64
	for i := range h.buckets {
		seen += h.buckets[i].Load()
		if seen > want {
			top, sub := i/8, uint64(i%8)
			if top < 3 {
				return time.Duration(1) << top
			}
			return time.Duration((8 + sub + 1) << (top - 3))
		}
	}
	return 0
}
