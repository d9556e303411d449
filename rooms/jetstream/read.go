package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"chatd/rooms"
)

const (
	readBatch = 1024 // entries of one batch, at most
	readAhead = 2048 // entries that wait here for the applier, about
	// heartbeat is how often a reader is told that nothing has come; one that
	// is not told is replaced. It is the least that NATS takes.
	heartbeat = 500 * time.Millisecond
	// forgetReader is when the servers forget a reader that nobody uses.
	forgetReader = 30 * time.Second
	// watchEvery is the time between two looks at a reader, watchStuck how many
	// of them may see it bring nothing.
	watchEvery  = time.Second
	watchStuck  = 3
	applyAgain  = 50 * time.Millisecond // doubles up to applyRarely
	applyRarely = 2 * time.Second
)

// read hands the entries after at to apply until ctx is done. Readers come and
// go with the servers that they are on; the place, which is the store's, stays.
func (c *Cluster) read(ctx context.Context, l *link, at uint64, apply func(ctx context.Context, batch []rooms.Entry) error) error {
	var said time.Time
	for wait := time.Duration(0); ; wait = openAgain {
		before := at
		err := c.readOn(ctx, l, &at, apply)
		if ctx.Err() != nil {
			return nil
		}
		if final, ok := errors.AsType[*finalError](err); ok {
			return final
		}
		c.status.waiting(err)
		if at != before {
			wait = 0
		}
		if wait == 0 || time.Since(said) > sayAgain {
			said = time.Now()
			c.log.InfoContext(ctx, "reading the journal anew", "after", at, "why", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// finalError is what time does not mend.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// readOn hands what comes after *at, with one reader, until that fails.
func (c *Cluster) readOn(ctx context.Context, l *link, at *uint64, apply func(ctx context.Context, batch []rooms.Entry) error) error {
	reading, cancel := context.WithCancelCause(ctx)
	arrived, err := c.makeReader(reading, cancel, l, *at)
	if err != nil {
		cancel(nil)
		return err
	}
	c.status.waiting(nil)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() { c.watch(reading, cancel) })
	var batch []rooms.Entry
	for {
		select {
		case m := <-arrived:
			batch, err = take(batch[:0], *at, m, arrived)
		case <-reading.Done():
			return context.Cause(reading)
		}
		if len(batch) > 0 {
			if !c.applyUntilDone(ctx, batch, apply) {
				return context.Cause(ctx)
			}
			before := *at
			*at = batch[len(batch)-1].JournalAt
			c.passed(before, *at)
			c.status.applied(*at)
			clear(batch)
		}
		if err != nil {
			return c.judge(ctx, l, *at, err)
		}
	}
}

// makeReader makes a reader that puts what comes after at into arrived, until
// ctx is done. It cancels ctx when it fails.
func (c *Cluster) makeReader(ctx context.Context, cancel context.CancelCauseFunc, l *link, at uint64) (arrived chan jetstream.Msg, err error) {
	asking, stop := context.WithTimeout(ctx, askFor)
	defer stop()
	reader, err := l.stream.CreateConsumer(asking, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       at + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: forgetReader,
	})
	if err != nil {
		return nil, fmt.Errorf("make a reader: %w", err)
	}
	arrived = make(chan jetstream.Msg, readBatch)
	consuming, err := reader.Consume(func(m jetstream.Msg) {
		select {
		case arrived <- m:
		case <-ctx.Done():
		}
	},
		jetstream.PullMaxMessages(readAhead),
		jetstream.PullHeartbeat(heartbeat),
		jetstream.PullExpiry(10*time.Second),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { cancel(err) }),
	)
	if err != nil {
		return nil, fmt.Errorf("begin to read: %w", err)
	}
	context.AfterFunc(ctx, consuming.Stop)
	return arrived, nil
}

// watch cancels a reader that does not bring what is there: the server that it
// is on may be cut off from the others.
func (c *Cluster) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	stuckAt, stuck := uint64(0), 0
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		switch at, last := c.status.place(); {
		case at >= last:
			stuck = 0
		case at != stuckAt:
			stuckAt, stuck = at, 1
		default:
			if stuck++; stuck > watchStuck {
				cancel(errStuck)
				return
			}
		}
	}
}

var errStuck = errors.New("the reader does not bring what the leader has")

// errHole tells that a reader left something out.
var errHole = errors.New("the journal has a hole")

// take appends m, and what else has arrived, to batch: entries that follow on
// at, one by one. With an error, what came before it is good.
func take(batch []rooms.Entry, at uint64, m jetstream.Msg, arrived <-chan jetstream.Msg) ([]rooms.Entry, error) {
	for {
		about, err := m.Metadata()
		if err != nil {
			return batch, err
		}
		switch place := about.Sequence.Stream; {
		case place == at+1:
			e, err := decode(m.Data())
			if err != nil {
				return batch, &finalError{fmt.Errorf("entry %d of the journal is not understood: %w", place, err)}
			}
			at, e.JournalAt = place, place
			batch = append(batch, e)
		case place > at:
			return batch, fmt.Errorf("%w: after %d came %d", errHole, at, place)
		}
		if len(batch) == readBatch {
			return batch, nil
		}
		select {
		case m = <-arrived:
		default:
			return batch, nil
		}
	}
}

// judge tells whether reading anew may mend err.
func (c *Cluster) judge(ctx context.Context, l *link, at uint64, err error) error {
	if !errors.Is(err, errHole) {
		return err
	}
	asking, stop := context.WithTimeout(ctx, askFor)
	defer stop()
	info, asked := l.stream.Info(asking)
	if asked != nil {
		return err
	}
	return cmp.Or(reachesBack(info, at), err)
}

// reachesBack tells whether the stream still has what comes after at.
func reachesBack(info *jetstream.StreamInfo, at uint64) error {
	if first := info.State.FirstSeq; first > at+1 {
		return &finalError{&BehindError{At: at, First: first}}
	}
	return nil
}

// applyUntilDone applies the batch, again and again when it fails: a disk that
// is full may be so no more. It reports false when ctx ended before that.
func (c *Cluster) applyUntilDone(ctx context.Context, batch []rooms.Entry, apply func(ctx context.Context, batch []rooms.Entry) error) bool {
	last := context.WithoutCancel(ctx) // a commit in hand is finished, come what may
	for wait := applyAgain; ; wait = min(2*wait, applyRarely) {
		err := apply(last, batch)
		if err == nil {
			return true
		}
		c.status.waiting(err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}
