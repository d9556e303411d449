package rooms_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"chatd/rooms"
	"chatd/rooms/sqlite"
)

// BenchmarkPosts posts durably through a whole registry. Compare its posts/s
// with those of rooms/sqlite's BenchmarkCeiling: what the driver can insert at
// best.
func BenchmarkPosts(b *testing.B) {
	for _, senders := range []int{1, 64, 1024} {
		b.Run(fmt.Sprint(senders), func(b *testing.B) { benchmarkPosts(b, senders, 100) })
	}
}

func benchmarkPosts(b *testing.B, senders, inRooms int) {
	store, err := sqlite.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	r := run(b, store)
	ids := make([]string, inRooms)
	for i := range ids {
		ids[i] = fmt.Sprint("room-", i)
		create(b, r, ids[i])
	}
	text := strings.Repeat("x", 100)
	var next atomic.Int64
	var sending sync.WaitGroup
	b.ResetTimer()
	for s := range senders {
		who := person(fmt.Sprint("sender", s))
		sending.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				e := rooms.Entry{Kind: rooms.EntryPost, Room: ids[n%int64(inRooms)], Text: text}
				if _, err := r.Propose(b.Context(), who, e); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	sending.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
}
