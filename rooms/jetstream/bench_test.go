package jetstream_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chatd/rooms"
	"chatd/rooms/jetstream"
	"chatd/rooms/roomstest"
)

// BenchmarkPropose measures what the journal acknowledges, on servers that share
// one machine and its disk.
func BenchmarkPropose(b *testing.B) {
	for _, nodes := range []int{1, 3} {
		for _, synced := range []bool{true, false} {
			for _, senders := range []int{1, 64, 1024} {
				b.Run(fmt.Sprintf("nodes=%d/synced=%t/senders=%d", nodes, synced, senders), func(b *testing.B) {
					benchmarkPropose(b, nodes, synced, senders)
				})
			}
		}
	}
}

func benchmarkPropose(b *testing.B, nodes int, synced bool, senders int) {
	peers := roomstest.FreeAddresses(b, nodes)
	var first *jetstream.Cluster
	for i := range peers {
		c := config(b, b.TempDir(), 0, peers, i)
		c.Unsynced = !synced
		cluster := newCluster(b, c)
		run(b, cluster, func(context.Context, []rooms.Entry) error { return nil })
		if first == nil {
			first = cluster
		}
	}
	<-first.Begun()
	entry := rooms.Entry{
		Kind: rooms.EntryPost, Room: rooms.Lobby, From: rooms.Sender{ID: "guest:Ana", Name: "Ana"},
		Message: rooms.KindChat, Text: strings.Repeat("x", 200), Node: first.Node(),
	}
	var tickets atomic.Uint64
	propose := func() {
		e := entry
		e.Ticket = tickets.Add(1)
		e.ID = rooms.NewID()
		for first.Propose(b.Context(), e) != nil && b.Context().Err() == nil {
		}
	}
	propose()
	took := make([][]time.Duration, senders)
	var left atomic.Int64
	left.Store(int64(b.N))
	var sending sync.WaitGroup
	b.ResetTimer()
	for i := range senders {
		sending.Go(func() {
			for left.Add(-1) >= 0 {
				began := time.Now()
				propose()
				took[i] = append(took[i], time.Since(began))
			}
		})
	}
	sending.Wait()
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acks/s")
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}
