package rooms

import "context"

// Journal takes entries and gives them back in one total order. Its
// conformance suite is roomstest.TestJournal.
type Journal interface {
	// Propose puts e in the order. It may block while the journal is full; nil
	// means that e will come out of Run, an error that it may or may not:
	// propose the same entry again, applying it twice is harmless. Entries that
	// one goroutine proposes one after the other keep that order.
	Propose(ctx context.Context, e Entry) error

	// Run hands the entries in order to apply, in batches: all that has arrived
	// while the one before was applied, up to a bound. When apply fails, a
	// journal that outlives the process hands the same batch again, until it
	// succeeds; one that does not forgets the batch. Run returns when ctx is
	// done, after the batch in hand.
	Run(ctx context.Context, apply func(ctx context.Context, batch []Entry) error) error

	// Begun is closed when Run has handed all that was in the journal when it
	// began.
	Begun() <-chan struct{}

	// Known waits until Run has applied all that this process has heard to be in
	// the journal. It does not ask, unless the process was stopped for a while
	// and may have missed something; where nobody can be asked it does not wait.
	Known(ctx context.Context) error

	// Current waits until Run has applied all that any proposer knew to be in
	// the journal when Current was called.
	Current(ctx context.Context) error

	// Lag is how many entries are known to be in the journal that Run has not
	// applied; those in hand may or may not count. It does not wait for anybody.
	Lag() int

	// Ready tells why entries cannot be expected to go in and come out now, nil
	// when they can.
	Ready() error
}
