package jetstream_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"chatd/rooms"
	"chatd/rooms/jetstream"
	"chatd/rooms/roomstest"
)

// tables is a store as simple as can be: the ids that were applied.
type tables struct {
	mu    sync.Mutex
	at    uint64
	ids   []string
	moved chan struct{} // holds a value when something was applied
}

func newTables() *tables { return &tables{moved: make(chan struct{}, 1)} }

func (s *tables) apply(_ context.Context, batch []rooms.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range batch {
		if e.JournalAt != s.at+1 {
			return fmt.Errorf("after %d came %d", s.at, e.JournalAt)
		}
		s.at = e.JournalAt
		s.ids = append(s.ids, e.ID)
	}
	select {
	case s.moved <- struct{}{}:
	default:
	}
	return nil
}

func (s *tables) after() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *tables) snapshot(_ context.Context, file string) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at, os.WriteFile(file, fmt.Appendf(nil, "%d %s", s.at, strings.Join(s.ids, " ")), 0o600)
}

func (s *tables) restore(t *testing.T, file string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(raw))
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := fmt.Sscan(fields[0], &s.at); err != nil {
		t.Fatal(err)
	}
	s.ids = fields[1:]
}

// until waits until the store is at a place.
func (s *tables) until(t *testing.T, place uint64) {
	t.Helper()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for s.after() < place {
		select {
		case <-s.moved:
		case <-late.C:
			t.Fatalf("the store is at %d, not at %d", s.after(), place)
		}
	}
}

// The journal does not grow for ever: it is trimmed behind snapshots. A node
// that needs what was trimmed is told so, gets a snapshot, and goes on from it.
func TestSnapshots(t *testing.T) {
	peers, dir := roomstest.FreeAddresses(t, 1), t.TempDir()
	open := func(s *tables) *jetstream.Cluster {
		c := config(t, dir, 0, peers, 0)
		c.After, c.Snapshot, c.SnapshotEvery = s.after, s.snapshot, 50
		return newCluster(t, c)
	}
	start := func(c *jetstream.Cluster, s *tables) (stop func() error) {
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx, s.apply) }()
		return func() error {
			cancel()
			return <-ended
		}
	}
	s := newTables()
	c := open(s)
	stop := start(c, s)
	const n = 400
	for i := range n {
		for c.Propose(t.Context(), rooms.Entry{ID: fmt.Sprint("e", i), Node: "node", Ticket: uint64(i)}) != nil && t.Context().Err() == nil {
		}
		s.until(t, uint64(i+1))
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	empty := newTables()
	c = open(empty)
	err := c.Run(t.Context(), empty.apply)
	behind, ok := errors.AsType[*jetstream.BehindError](err)
	if !ok || behind.At != 0 || behind.First <= 1 || behind.First > n {
		t.Fatalf("an empty node before a trimmed journal got %v", err)
	}
	file := filepath.Join(t.TempDir(), "snapshot")
	if err := open(empty).Restore(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	empty.restore(t, file)
	if at := empty.after(); at < behind.First-1 || at > n {
		t.Errorf("the snapshot is at %d, and the journal begins at %d", at, behind.First)
	}
	stop = start(open(empty), empty)
	empty.until(t, n)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(empty.ids), fmt.Sprint(s.ids); got != want {
		t.Errorf("after a snapshot there is\n%s, not\n%s", got, want)
	}
}

// A cluster that begins with stores that are not empty has no journal of what
// is in them: it makes a snapshot at once, for whoever is empty.
func TestAClusterFromExistingStores(t *testing.T) {
	peers, dir := roomstest.FreeAddresses(t, 1), t.TempDir()
	s := newTables()
	s.at, s.ids = 1, []string{"from", "before"}
	c := config(t, dir, 0, peers, 0)
	made := make(chan struct{})
	var once sync.Once
	c.After = s.after
	c.Snapshot = func(ctx context.Context, file string) (uint64, error) {
		defer once.Do(func() { close(made) })
		return s.snapshot(ctx, file)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- newCluster(t, c).Run(ctx, s.apply) }()
	<-made
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	empty := newTables()
	c.After = empty.after
	if _, ok := errors.AsType[*jetstream.BehindError](newCluster(t, c).Run(t.Context(), empty.apply)); !ok {
		t.Error("an empty node was let begin with the journal")
	}
}
