package jetstream_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"chatd/rooms"
	"chatd/rooms/jetstream"
	"chatd/rooms/roomstest"
)

// config is that of a node on dir whose store is at after.
func config(t testing.TB, dir string, after uint64, peers []string, self int) jetstream.Config {
	return jetstream.Config{
		Name: "test", Dir: dir, Listen: peers[self], Peers: peers, Secret: "a secret of the test's/?#@",
		After:  func() uint64 { return after },
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

func newCluster(t testing.TB, c jetstream.Config) *jetstream.Cluster {
	t.Helper()
	cluster, err := jetstream.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

func TestJournalOfOneServer(t *testing.T) {
	var mu sync.Mutex
	dirs := make(map[rooms.Journal]string)
	open := func(t *testing.T, dir string, after uint64) rooms.Journal {
		c := newCluster(t, config(t, dir, after, roomstest.FreeAddresses(t, 1), 0))
		mu.Lock()
		defer mu.Unlock()
		dirs[c] = dir
		return c
	}
	roomstest.TestJournal(t, roomstest.Journals{
		New: func(t *testing.T) rooms.Journal { return open(t, t.TempDir(), 0) },
		Again: func(t *testing.T, j rooms.Journal, after uint64) rooms.Journal {
			mu.Lock()
			dir := dirs[j]
			mu.Unlock()
			return open(t, dir, after)
		},
	})
}

// nodes is a cluster of three. The journal under test is the first one's; the
// others only carry the stream.
type nodes struct {
	peers []string
	dirs  []string
}

func (n *nodes) open(t *testing.T, i int, after uint64) *jetstream.Cluster {
	return newCluster(t, config(t, n.dirs[i], after, n.peers, i))
}

func startNodes(t *testing.T) *nodes {
	n := &nodes{peers: roomstest.FreeAddresses(t, 3)}
	for range n.peers {
		n.dirs = append(n.dirs, t.TempDir())
	}
	for i := 1; i < len(n.peers); i++ {
		run(t, n.open(t, i, 0), func(context.Context, []rooms.Entry) error { return nil })
	}
	return n
}

// run runs a cluster until the test ends.
func run(t testing.TB, c *jetstream.Cluster, apply func(context.Context, []rooms.Entry) error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx, apply) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func TestJournalOfThreeServers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster for each test of the suite")
	}
	var mu sync.Mutex
	of := make(map[rooms.Journal]*nodes)
	open := func(t *testing.T, n *nodes, after uint64) rooms.Journal {
		c := n.open(t, 0, after)
		mu.Lock()
		defer mu.Unlock()
		of[c] = n
		return c
	}
	roomstest.TestJournal(t, roomstest.Journals{
		New: func(t *testing.T) rooms.Journal { return open(t, startNodes(t), 0) },
		Again: func(t *testing.T, j rooms.Journal, after uint64) rooms.Journal {
			mu.Lock()
			n := of[j]
			mu.Unlock()
			return open(t, n, after)
		},
	})
}

// All nodes get the same entries in the same order, whoever proposed them.
func TestOneOrderOnAllNodes(t *testing.T) {
	n := &nodes{peers: roomstest.FreeAddresses(t, 3)}
	const each = 50
	var (
		all      sync.WaitGroup
		sequence [3][]string
		places   [3][]uint64
	)
	for i := range n.peers {
		n.dirs = append(n.dirs, t.TempDir())
		c := n.open(t, i, 0)
		done := make(chan struct{})
		run(t, c, func(_ context.Context, batch []rooms.Entry) error {
			for _, e := range batch {
				sequence[i] = append(sequence[i], e.ID)
				places[i] = append(places[i], e.JournalAt)
			}
			if len(sequence[i]) == 3*each {
				close(done)
			}
			return nil
		})
		all.Go(func() {
			for k := range each {
				e := rooms.Entry{Kind: rooms.EntryPost, ID: fmt.Sprintf("%d-%d", i, k), Node: c.Node(), Ticket: uint64(k)}
				for c.Propose(t.Context(), e) != nil && t.Context().Err() == nil {
				}
			}
			select {
			case <-done:
			case <-t.Context().Done():
			}
		})
	}
	all.Wait()
	for i := range n.peers {
		if got, want := fmt.Sprint(sequence[i]), fmt.Sprint(sequence[0]); got != want || len(sequence[i]) != 3*each {
			t.Errorf("node %d got\n%s, node 0 got\n%s", i, got, want)
		}
		for k, at := range places[i] {
			if at != uint64(k+1) {
				t.Errorf("on node %d, entry %d has the place %d", i, k, at)
			}
		}
	}
}
