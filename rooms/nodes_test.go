package rooms_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chatd/rooms"
	"chatd/rooms/sqlite"
)

// air carries notes between the registries of a test.
type air struct {
	mu    sync.Mutex
	nodes map[string]*antenna
	told  int
}

// antenna is one node's end of it.
type antenna struct {
	air  *air
	node string
	deaf bool // what is told is lost on the way
	mute bool
	in   chan rooms.Note
}

func (a *air) antenna(node string) *antenna {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := &antenna{air: a, node: node, in: make(chan rooms.Note, 1000)}
	if a.nodes == nil {
		a.nodes = make(map[string]*antenna)
	}
	a.nodes[node] = one
	return one
}

func (a *antenna) Tell(n rooms.Note) {
	a.air.mu.Lock()
	defer a.air.mu.Unlock()
	a.air.told++
	for _, other := range a.air.nodes {
		if other != a && !a.mute && !other.deaf {
			other.in <- n
		}
	}
}

func (a *antenna) Hear(ctx context.Context, heard func(rooms.Note)) error {
	for {
		select {
		case n := <-a.in:
			heard(n)
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *antenna) set(mute, deaf bool) {
	a.air.mu.Lock()
	defer a.air.mu.Unlock()
	a.mute, a.deaf = mute, deaf
}

func (a *air) tolds() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.told
}

// sealed is a store that says of its journal what a test wants.
type sealed struct {
	rooms.Store
	mu    sync.Mutex
	seals []rooms.Seal
}

func (s *sealed) Seals() []rooms.Seal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seals
}

func (s *sealed) seal(at uint64, sum string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seals = append(slices.Clone(s.seals), rooms.Seal{At: at, Sum: sum})
}

// startNode runs a registry as one of several, and returns how to end it.
func startNode(t *testing.T, peers *antenna) (r *rooms.Registry, stop func()) {
	t.Helper()
	r, _, stop = startSealed(t, peers)
	return r, stop
}

func startSealed(t *testing.T, peers *antenna) (r *rooms.Registry, store *sealed, stop func()) {
	t.Helper()
	opened, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	store = &sealed{Store: opened}
	r = rooms.NewRegistry(rooms.Config{
		Store: store, Journal: rooms.NewLocalJournal(), Encoder: plain{}, Node: peers.node, Peers: peers,
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	<-r.Opened()
	return r, store, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

func checkOnline(t *testing.T, when string, want int, all ...*rooms.Registry) {
	t.Helper()
	for i, r := range all {
		if got := r.Online(rooms.Lobby); got != want {
			t.Errorf("%s: node %d counts %d in the lobby, not %d", when, i, got, want)
		}
		list, err := r.Members(t.Context(), person("Zoe"), rooms.Lobby)
		if err != nil || len(list) != want {
			t.Errorf("%s: node %d lists %v, %v, not %d", when, i, list, err, want)
		}
	}
}

func TestPresenceAcrossNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a air
		north, south := a.antenna("north"), a.antenna("south")
		n, stopNorth := startNode(t, north)
		s, stopSouth := startNode(t, south)
		defer stopNorth()
		defer stopSouth()

		ana := newReader()
		join(t, n, person("Ana"), rooms.Lobby, rooms.JoinOptions{}, ana)
		ben := join(t, s, person("Ben"), rooms.Lobby, rooms.JoinOptions{}, newReader())
		time.Sleep(3 * time.Second)
		checkOnline(t, "one on each", 2, n, s)
		ana.until(t, "presence 2")

		// One person on both nodes is one.
		twice := join(t, s, person("Ana"), rooms.Lobby, rooms.JoinOptions{}, newReader())
		time.Sleep(time.Second)
		checkOnline(t, "one of them on both", 2, n, s)
		twice.Leave()
		time.Sleep(time.Second)
		checkOnline(t, "on one again", 2, n, s)

		ben.Typing()
		ana.until(t, "typing Ben")
		ben.Leave()
		time.Sleep(time.Second)
		checkOnline(t, "after one left", 1, n, s)
		ana.until(t, "presence 1")
	})
}

// A node that is lost takes its members with it within ten seconds. When it
// comes back they do, in few words.
func TestALostNodesMembersVanishAndComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const crowd = 500
		var a air
		north, south := a.antenna("north"), a.antenna("south")
		n, stopNorth := startNode(t, north)
		s, stopSouth := startNode(t, south)
		defer stopNorth()
		defer stopSouth()
		ana := newReader()
		join(t, n, person("Ana"), rooms.Lobby, rooms.JoinOptions{}, ana)
		for i := range crowd {
			join(t, s, person(fmt.Sprint("p", i)), rooms.Lobby, rooms.JoinOptions{}, newReader())
		}
		time.Sleep(5 * time.Second)
		checkOnline(t, "all there", crowd+1, n, s)

		south.set(true, true)
		time.Sleep(10 * time.Second)
		checkOnline(t, "south is lost", 1, n)

		before, frames := a.tolds(), len(ana.read())
		south.set(false, false)
		time.Sleep(5 * time.Second)
		checkOnline(t, "south is back", crowd+1, n, s)
		if told := a.tolds() - before; told > 30 {
			t.Errorf("%d notes were told to bring %d people back", told, crowd)
		}
		if more := len(ana.read()) - frames; more == 0 || more > 5 {
			t.Errorf("a member was told of it in %d events", more)
		}
	})
}

// Notes that are lost on the way do no lasting harm.
func TestLostNotesAreMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a air
		north, south := a.antenna("north"), a.antenna("south")
		n, stopNorth := startNode(t, north)
		s, stopSouth := startNode(t, south)
		defer stopNorth()
		defer stopSouth()
		gone := join(t, s, person("Gone"), rooms.Lobby, rooms.JoinOptions{}, newReader())
		time.Sleep(3 * time.Second)
		checkOnline(t, "one there", 1, n, s)
		north.set(false, true)
		gone.Leave()
		join(t, s, person("Ana"), rooms.Lobby, rooms.JoinOptions{}, newReader())
		join(t, s, person("Ben"), rooms.Lobby, rooms.JoinOptions{}, newReader())
		time.Sleep(time.Second)
		north.set(false, false)
		time.Sleep(4 * time.Second)
		checkOnline(t, "after lost notes", 2, n, s)
	})
}

// A node whose history is another than that of two others serves nobody any
// more, and says so. The two go on.
func TestDivergence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a air
		var nodes []*rooms.Registry
		var stores []*sealed
		for _, name := range []string{"north", "south", "west"} {
			r, store, stop := startSealed(t, a.antenna(name))
			defer stop()
			nodes, stores = append(nodes, r), append(stores, store)
		}
		served := func(i int) bool {
			_, err := nodes[i].Room(t.Context(), person("Ana"), rooms.Lobby)
			return err == nil && nodes[i].Ready() == nil
		}
		member := newReader()
		join(t, nodes[2], person("Ana"), rooms.Lobby, rooms.JoinOptions{}, member)

		for at := range uint64(20) { // one is always behind the others
			for i, s := range stores {
				s.seal(100*at+uint64(i), fmt.Sprint("same ", 100*at+uint64(i)))
				s.seal(100*at+50, fmt.Sprint("same ", 100*at+50))
				time.Sleep(time.Second)
			}
		}
		for i := range nodes {
			if !served(i) {
				t.Fatalf("node %d serves nobody, and all have the same", i)
			}
		}

		for i, s := range stores {
			s.seal(9000, []string{"same", "same", "other"}[i])
		}
		time.Sleep(6 * time.Second)
		for i, want := range []bool{true, true, false} {
			if served(i) != want {
				t.Errorf("node %d serves: %t", i, !want)
			}
		}
		select {
		case <-member.closed:
		default:
			t.Error("a member of the node that differs was not sent away")
		}
		if _, err := nodes[2].Propose(t.Context(), person("Ana"), rooms.Entry{Kind: rooms.EntryCreateRoom, Room: "new"}); err == nil {
			t.Error("the node that differs takes entries")
		}
	})
}

// Right after a start the first to be heard may be the one that is wrong. A node
// waits for another, but not for ever.
func TestDivergenceAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a air
		start := func(name, sum string) *rooms.Registry {
			r, store, stop := startSealed(t, a.antenna(name))
			t.Cleanup(stop)
			store.seal(9000, sum)
			return r
		}
		north, west := start("north", "same"), start("west", "other")
		time.Sleep(3 * time.Second)
		south := start("south", "same")
		time.Sleep(3 * time.Second)
		if err := errors.Join(north.Ready(), south.Ready()); err != nil || west.Ready() == nil {
			t.Errorf("of three the two that have the same serve: %v, and the third: %v", err, west.Ready())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var a air
		for i, name := range []string{"north", "west"} {
			r, store, stop := startSealed(t, a.antenna(name))
			defer stop()
			store.seal(9000, []string{"same", "other"}[i])
			defer func() {
				if r.Ready() == nil {
					t.Errorf("of two that differ %s serves", name)
				}
			}()
		}
		time.Sleep(10 * time.Second)
	})
}
