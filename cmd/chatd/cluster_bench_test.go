package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"chatd/handlers"
	"chatd/handlers/auth"
	"chatd/rooms"
	"chatd/rooms/roomstest"
)

// BenchmarkPosts posts through whole nodes, all but HTTP: registry, journal,
// store. It is what docs/cluster.md shows: one node alone, three with each
// acknowledgement on two disks, and three whose servers write to disk when they
// like. The nodes share this machine and its disk.
func BenchmarkPosts(b *testing.B) {
	for _, kind := range []struct {
		name     string
		nodes    int
		unsynced bool
	}{{"alone", 1, false}, {"three", 3, false}, {"three-unsynced", 3, true}} {
		b.Run(kind.name, func(b *testing.B) {
			nodes := benchNodes(b, kind.nodes, kind.unsynced)
			for _, senders := range []int{1, 64, 1024} {
				b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) { benchmarkPosts(b, nodes, senders) })
			}
		})
	}
}

func benchNodes(b *testing.B, n int, unsynced bool) []*rooms.Registry {
	b.Helper()
	quiet := slog.New(slog.DiscardHandler)
	peers := roomstest.FreeAddresses(b, n)
	who, err := auth.New(auth.Config{Guests: auth.GuestsPost, GuestKey: []byte(strings.Repeat("k", 32)), Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	var nodes []*rooms.Registry
	for i := range n {
		cfg := &Config{Data: filepath.Join(b.TempDir(), "data")}
		if n > 1 {
			cfg.ClusterName, cfg.ClusterListen, cfg.ClusterPeers = "bench", peers[i], peers
		}
		var e *engine
		if n > 1 {
			config, err := clusterConfig(cfg, quiet)
			if err != nil {
				b.Fatal(err)
			}
			config.Unsynced = unsynced
			e, err = joinEngine(b.Context(), cfg, config)
			if err != nil {
				b.Fatal(err)
			}
		} else if e, err = newEngine(b.Context(), cfg, quiet); err != nil {
			b.Fatal(err)
		}
		r := rooms.NewRegistry(rooms.Config{
			Store: e.store, Journal: e.journal, Node: e.node, Peers: e.peers, Logger: quiet,
			Encoder: handlers.NewEncoder(rooms.DefaultMaxMessage, who),
		})
		ctx, stop := context.WithCancel(context.WithoutCancel(b.Context()))
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		b.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				b.Error(err)
			}
			if err := e.store.Close(); err != nil {
				b.Error(err)
			}
		})
		nodes = append(nodes, r)
	}
	for _, r := range nodes {
		<-r.Opened()
	}
	return nodes
}

// benchmarkPosts has as many senders, on all nodes, post one after the other.
func benchmarkPosts(b *testing.B, nodes []*rooms.Registry, senders int) {
	text := strings.Repeat("x", 200)
	took := make([][]time.Duration, senders)
	var left atomic.Int64
	left.Store(int64(b.N))
	var sending sync.WaitGroup
	b.ResetTimer()
	before := processorTime(b)
	for i := range senders {
		who := rooms.Identity{Subject: fmt.Sprint("sender-", i), Name: "Ana", Base: rooms.Read | rooms.Post}
		sending.Go(func() {
			for left.Add(-1) >= 0 {
				began := time.Now()
				e := rooms.Entry{Kind: rooms.EntryPost, Room: rooms.Lobby, Text: text}
				if _, err := nodes[i%len(nodes)].Propose(b.Context(), who, e); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(began))
			}
		})
	}
	sending.Wait()
	b.StopTimer()
	used := processorTime(b) - before
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/post")
	b.ReportMetric(0, "ns/op")
}

// processorTime is what this process has used so far, all nodes together.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
