package roomstest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"chatd/rooms"
)

// Journals opens the journals that a suite looks at.
type Journals struct {
	// New makes an empty journal that hands entries from its beginning.
	New func(t *testing.T) rooms.Journal
	// Again makes another journal on what j keeps, one that hands what comes
	// after the place. It is nil for a journal that does not outlive its
	// process. j is not running then.
	Again func(t *testing.T, j rooms.Journal, after uint64) rooms.Journal
}

func (o Journals) outlive() bool { return o.Again != nil }

// TestJournal holds a journal to the contract of [rooms.Journal].
func TestJournal(t *testing.T, o Journals) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, o Journals)
	}{
		{"Order", testJournalOrder},
		{"Whole", testJournalWhole},
		{"Proposers", testJournalProposers},
		{"Batches", testJournalBatches},
		{"FailedApply", testJournalFailedApply},
		{"End", testJournalEnd},
		{"ProposalEnds", testJournalProposalEnds},
		{"Places", testJournalPlaces},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, o)
		})
	}
}

// applier is what a journal hands its entries to, and remembers them.
type applier struct {
	*testing.T
	journal rooms.Journal
	before  func(batch []rooms.Entry) error // refuses a batch; nil takes all

	mu      sync.Mutex
	changed sync.Cond
	busy    bool
	batches [][]rooms.Entry // that were applied
	entries []rooms.Entry
}

// runJournal runs j until stop is called or the test ends.
func runJournal(t *testing.T, j rooms.Journal, before func(batch []rooms.Entry) error) (a *applier, stop func()) {
	a = &applier{T: t, journal: j, before: before}
	a.changed.L = &a.mu
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx, a.apply) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return a, stop
}

func (a *applier) apply(ctx context.Context, batch []rooms.Entry) error {
	a.mu.Lock()
	if a.busy {
		a.Error("a batch was handed while another was applied")
	}
	a.busy = true
	a.mu.Unlock()
	if len(batch) == 0 {
		a.Error("an empty batch was handed")
	}
	var err error
	if a.before != nil {
		err = a.before(batch)
	}
	if ctx.Err() != nil {
		a.Error("the context of a batch in hand has ended")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy = false
	if err != nil {
		return err
	}
	// The batch is the journal's again once this returns.
	mine := append([]rooms.Entry(nil), batch...)
	a.batches = append(a.batches, mine)
	a.entries = append(a.entries, mine...)
	a.changed.Broadcast()
	return nil
}

// wait waits for n entries.
func (a *applier) wait(n int) []rooms.Entry {
	a.Helper()
	late := time.AfterFunc(30*time.Second, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.Errorf("there are %d entries after 30 s, not %d", len(a.entries), n)
		n = 0
		a.changed.Broadcast()
	})
	defer late.Stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.entries) < n {
		a.changed.Wait()
	}
	if a.Failed() {
		a.FailNow()
	}
	return append([]rooms.Entry(nil), a.entries...)
}

// propose proposes until the journal is sure, as the registry does.
func propose(t *testing.T, j rooms.Journal, e rooms.Entry) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		err := j.Propose(ctx, e)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Errorf("propose %s: %v", e.ID, err)
			return
		}
	}
}

var ticket struct {
	sync.Mutex
	last uint64
}

// posted is an entry as a registry proposes it.
func posted(id string) rooms.Entry {
	ticket.Lock()
	defer ticket.Unlock()
	ticket.last++
	return rooms.Entry{
		Kind: rooms.EntryPost, Room: rooms.Lobby, ID: id, From: ana, At: time.UnixMilli(1_750_000_000_000).UTC(),
		Message: rooms.KindChat, Text: "text of " + id, Node: "node", Ticket: ticket.last,
	}
}

func ids(entries []rooms.Entry) []string {
	list := make([]string, len(entries))
	for i := range entries {
		list[i] = entries[i].ID
	}
	return list
}

func testJournalOrder(t *testing.T, o Journals) {
	j := o.New(t)
	a, _ := runJournal(t, j, nil)
	var want []string
	for i := range 100 {
		id := fmt.Sprint("e", i)
		want = append(want, id)
		propose(t, j, posted(id))
	}
	if got := ids(a.wait(len(want))); !reflect.DeepEqual(got, want) {
		t.Errorf("one goroutine proposed e0 … e99, and out came %q", got)
	}
}

// testJournalWhole proposes an entry with something in every field.
func testJournalWhole(t *testing.T, o Journals) {
	j := o.New(t)
	a, _ := runJournal(t, j, nil)
	e := FullEntry()
	e.JournalAt = 0
	propose(t, j, e)
	got := a.wait(1)[0]
	if o.outlive() {
		e.JournalAt = 1
	}
	if !reflect.DeepEqual(got, e) {
		t.Errorf("proposed\n%+v, and out came\n%+v", e, got)
	}
}

func testJournalProposers(t *testing.T, o Journals) {
	j := o.New(t)
	a, _ := runJournal(t, j, nil)
	const proposers, each = 16, 50
	var proposing sync.WaitGroup
	for p := range proposers {
		proposing.Go(func() {
			for i := range each {
				propose(t, j, posted(fmt.Sprintf("%d-%d", p, i)))
			}
		})
	}
	proposing.Wait()
	var next [proposers]int
	for _, e := range a.wait(proposers * each) {
		var p, i int
		if _, err := fmt.Sscanf(e.ID, "%d-%d", &p, &i); err != nil {
			t.Fatal(err)
		}
		if i != next[p] {
			t.Fatalf("of proposer %d came %d, not %d", p, i, next[p])
		}
		next[p]++
	}
}

func testJournalBatches(t *testing.T, o Journals) {
	j := o.New(t)
	var once sync.Once
	inHand, gate := make(chan struct{}), make(chan struct{})
	a, _ := runJournal(t, j, func([]rooms.Entry) error {
		once.Do(func() {
			close(inHand)
			<-gate
		})
		return nil
	})
	const n = 200
	propose(t, j, posted("e0"))
	<-inHand
	for i := 1; i < n; i++ {
		propose(t, j, posted(fmt.Sprint("e", i)))
	}
	close(gate)
	a.wait(n)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.batches) > n/2 {
		t.Errorf("%d entries that had arrived were handed in %d batches", n-1, len(a.batches)-1)
	}
}

func testJournalFailedApply(t *testing.T, o Journals) {
	j := o.New(t)
	var failed [][]string
	a, _ := runJournal(t, j, func(batch []rooms.Entry) error {
		if len(failed) < 3 {
			failed = append(failed, ids(batch))
			return errors.New("the disk is full")
		}
		return nil
	})
	propose(t, j, posted("e1"))
	if o.outlive() {
		if got := ids(a.wait(1)); got[0] != "e1" {
			t.Errorf("came %q", got)
		}
		for _, batch := range failed {
			if !reflect.DeepEqual(batch, []string{"e1"}) {
				t.Errorf("the batch that failed was e1, and was handed again as %q", batch)
			}
		}
		return
	}
	// It is forgotten: what comes out are later entries, each once.
	for i := 2; ; i++ {
		id := fmt.Sprint("e", i)
		propose(t, j, posted(id))
		a.mu.Lock()
		n := len(a.entries)
		a.mu.Unlock()
		if n > 0 {
			break
		}
	}
	seen := make(map[string]bool)
	for _, e := range a.wait(1) {
		if seen[e.ID] || e.ID == "e1" {
			t.Errorf("%s came again", e.ID)
		}
		seen[e.ID] = true
	}
}

func testJournalEnd(t *testing.T, o Journals) {
	j := o.New(t)
	inHand, gate := make(chan struct{}), make(chan struct{})
	a, stop := runJournal(t, j, func([]rooms.Entry) error {
		close(inHand)
		<-gate
		return nil
	})
	propose(t, j, posted("e1"))
	<-inHand
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	close(gate)
	<-stopped
	if got := ids(a.entries); !reflect.DeepEqual(got, []string{"e1"}) {
		t.Errorf("at the end, the batch in hand was e1, and applied is %q", got)
	}
}

// testJournalProposalEnds holds that a proposal ends with its context, however
// little the journal can do: this one does not run.
func testJournalProposalEnds(t *testing.T, o Journals) {
	j := o.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10_000 { // more than it could keep
		if err := j.Propose(ctx, posted("e")); err != nil {
			return
		}
	}
	t.Error("10,000 entries were taken by a journal that does not run")
}

func testJournalPlaces(t *testing.T, o Journals) {
	if !o.outlive() {
		j := o.New(t)
		a, _ := runJournal(t, j, nil)
		propose(t, j, posted("e1"))
		if at := a.wait(1)[0].JournalAt; at != 0 {
			t.Errorf("a journal that keeps nothing gave the place %d", at)
		}
		return
	}
	j := o.New(t)
	a, stop := runJournal(t, j, nil)
	for i := range 10 {
		propose(t, j, posted(fmt.Sprint("e", i)))
	}
	for i, e := range a.wait(10) {
		if e.JournalAt != uint64(i+1) {
			t.Errorf("entry %d has the place %d", i, e.JournalAt)
		}
	}
	stop()
	j = o.Again(t, j, 7)
	a, _ = runJournal(t, j, nil)
	propose(t, j, posted("e10"))
	got := a.wait(4)
	if want := []string{"e7", "e8", "e9", "e10"}; !reflect.DeepEqual(ids(got), want) {
		t.Errorf("after place 7 came %q", ids(got))
	}
	for i, e := range got {
		if e.JournalAt != uint64(8+i) {
			t.Errorf("%s has the place %d", e.ID, e.JournalAt)
		}
	}
}

// FullEntry returns an entry with something in every field: what does not
// survive a journal's encoding shows.
func FullEntry() rooms.Entry {
	var e rooms.Entry
	fill(reflect.ValueOf(&e).Elem())
	return e
}

var momentType = reflect.TypeFor[time.Time]()

func fill(v reflect.Value) {
	switch {
	case v.Type() == momentType:
		v.Set(reflect.ValueOf(time.UnixMilli(1_750_000_000_123).UTC()))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case v.Kind() == reflect.String:
		v.SetString("some <text> & \"more\" … 👍 \u2028")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(int64(3 * time.Second))
	case v.CanUint():
		v.SetUint(1<<64 - 3)
	default:
		panic("an entry has a field of a kind that this does not know: " + v.Type().String())
	}
}
