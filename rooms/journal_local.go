package rooms

import "context"

const (
	localQueue = 2048 // entries that may wait for the applier
	localBatch = 1024 // entries of one commit, at most
)

// LocalJournal is the journal of a chatd that runs alone: a queue in memory.
// Durability is the store's. A batch that could not be applied is forgotten:
// its proposers are told, and try again.
type LocalJournal struct {
	queue chan Entry
	begun chan struct{} // closed: it begins with nothing
}

// NewLocalJournal makes an empty journal.
func NewLocalJournal() *LocalJournal {
	j := &LocalJournal{queue: make(chan Entry, localQueue), begun: make(chan struct{})}
	close(j.begun)
	return j
}

// Propose implements [Journal]. It blocks while the queue is full.
func (j *LocalJournal) Propose(ctx context.Context, e Entry) error {
	select {
	case j.queue <- e:
		return nil
	default:
	}
	select {
	case j.queue <- e:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Run implements [Journal]. The batch grows by itself while the disk is busy;
// nothing ever waits for a batch to fill. When ctx is done, what is in the
// queue is applied before it returns.
func (j *LocalJournal) Run(ctx context.Context, apply func(ctx context.Context, batch []Entry) error) error {
	batch := make([]Entry, 0, localBatch)
	last := context.WithoutCancel(ctx) // a commit in hand is finished, come what may
	for {
		select {
		case e := <-j.queue:
			batch = append(batch, e)
		case <-ctx.Done():
			batch = j.take(batch)
			if len(batch) == 0 {
				return nil
			}
		}
		batch = j.take(batch)
		_ = apply(last, batch) // the registry has told the proposers
		clear(batch)
		batch = batch[:0]
	}
}

// take adds what has arrived to batch, without waiting.
func (j *LocalJournal) take(batch []Entry) []Entry {
	for len(batch) < localBatch {
		select {
		case e := <-j.queue:
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

// Begun implements [Journal].
func (j *LocalJournal) Begun() <-chan struct{} { return j.begun }

// Lag implements [Journal]: those of the batch in hand are not counted.
func (j *LocalJournal) Lag() int { return len(j.queue) }

// Ready implements [Journal].
func (j *LocalJournal) Ready() error { return nil }

// Known implements [Journal].
func (j *LocalJournal) Known(context.Context) error { return nil }

// Current implements [Journal]: what a proposer knows of has been applied.
func (j *LocalJournal) Current(context.Context) error { return nil }
