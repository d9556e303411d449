package sqlite

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// retryAfter is the pause after work behind the commits failed, as it does
// while the disk is full.
const retryAfter = time.Second

// minPause is the least pause between two pieces of work, so that what comes
// meanwhile is done in one.
const minPause = 50 * time.Millisecond

// Run implements [rooms.Store]. Its work yields to Apply: it is cut into short
// transactions, with pauses in between.
func (s *Store) Run(ctx context.Context) error {
	var working sync.WaitGroup
	wake(s.buried) // there may be work from before
	wake(s.unindexed)
	working.Go(func() { work(ctx, "remove deleted rooms", s.buried, s.emptyGrave) })
	working.Go(func() { work(ctx, "feed the search index", s.unindexed, s.feedIndex) })
	working.Wait()
	return nil
}

// work calls step when there is a signal, as long as there is more to do, until
// ctx is done.
func work(ctx context.Context, name string, signal <-chan struct{}, step func(context.Context) (more bool, err error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signal:
		}
		for more := true; more; {
			begin := time.Now()
			var err error
			more, err = step(context.WithoutCancel(ctx))
			pause := 3 * time.Since(begin) // at most a quarter of a processor: commits need the rest
			if err != nil {
				slog.ErrorContext(ctx, "work behind the commits failed", "work", name, "again_in", retryAfter, "err", err)
				more, pause = true, retryAfter
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(max(pause, minPause)):
			}
		}
	}
}
