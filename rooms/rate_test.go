package rooms

import (
	"fmt"
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	b := newBuckets(Rate{PerSecond: 10, Burst: 3})
	now := time.Now()
	taken := func(key string) (n int) {
		for b.take(key, now) == 0 {
			n++
		}
		return n
	}
	if n := taken("a"); n != 3 {
		t.Errorf("%d at once, want the burst of 3", n)
	}
	if n := taken("b"); n != 3 {
		t.Errorf("another key gets %d", n)
	}
	wait := b.take("a", now)
	if wait != 100*time.Millisecond {
		t.Errorf("the next one after %v, want 100ms", wait)
	}
	now = now.Add(wait)
	if n := taken("a"); n != 1 {
		t.Errorf("%d after that, want 1", n)
	}
	now = now.Add(time.Hour)
	if n := taken("a"); n != 3 {
		t.Errorf("%d after an hour, want no more than the burst", n)
	}
	if wait := newBuckets(Rate{}).take("a", now); wait != 0 {
		t.Errorf("no bound, and yet a wait of %v", wait)
	}
}

// Keys that are idle are forgotten, and forgetting gives nobody more.
func TestBucketsForget(t *testing.T) {
	b := newBuckets(Rate{PerSecond: 1, Burst: 1})
	now := time.Now()
	for i := range 100_000 {
		now = now.Add(time.Millisecond)
		if wait := b.take(fmt.Sprint(i), now); wait != 0 {
			t.Fatalf("key %d waits %v", i, wait)
		}
		if wait := b.take(fmt.Sprint(i), now); wait == 0 {
			t.Fatalf("key %d may twice", i)
		}
	}
	if n := len(b.fullAt); n > 2*minSweep {
		t.Errorf("%d keys are kept, a thousand are not idle", n)
	}
}

func BenchmarkBuckets(b *testing.B) {
	rates := newBuckets(Rate{PerSecond: 1e9, Burst: 1e9})
	now := time.Now()
	for b.Loop() {
		rates.take("guest:Ana", now)
	}
}
