package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// deaf is for how long the stream's leader may be silent before this node
// counts as cut off.
const deaf = 6 * time.Second

// status is how this node stands to the cluster.
type status struct {
	mu      sync.Mutex
	why     error     // what it waits for; nil is nothing
	at      uint64    // how far it has applied
	target  uint64    // where the journal ended when this node began to read
	last    uint64    // where it ended when its leader was heard last
	heardAt time.Time // then
	reading bool
	begun   chan struct{} // closed when at has reached target
	isBegun bool
	moved   chan struct{} // closed when at moves; nil when nobody waits for it
}

func (s *status) waiting(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.why = err
}

// read tells that the node begins to read after at, in a journal that ends at
// target.
func (s *status) read(at, target uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.target, s.last, s.heardAt, s.reading = at, target, target, time.Now(), true
	s.advanceLocked()
}

func (s *status) applied(at uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.why = at, nil
	if s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
	s.advanceLocked()
}

func (s *status) advanceLocked() {
	if s.at >= s.target && !s.isBegun {
		s.isBegun = true
		close(s.begun)
	}
}

// heard tells that the leader says that the journal ends at last.
func (s *status) heard(last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.heardAt = last, time.Now()
}

// place is how far this node is, and how far the journal.
func (s *status) place() (at, last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at, s.last
}

// reach waits until the node has applied up to place.
func (s *status) reach(ctx context.Context, place uint64) error {
	for {
		s.mu.Lock()
		if s.at >= place {
			s.mu.Unlock()
			return nil
		}
		if s.moved == nil {
			s.moved = make(chan struct{})
		}
		moved := s.moved
		s.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Current implements [rooms.Journal]: it asks the stream's leader.
func (c *Cluster) Current(ctx context.Context) error {
	l, err := c.linked(ctx)
	if err != nil {
		return err
	}
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	info, err := l.stream.Info(ctx)
	if err != nil {
		return err
	}
	return c.status.reach(ctx, info.State.LastSeq)
}

// Begun implements [rooms.Journal].
func (c *Cluster) Begun() <-chan struct{} { return c.status.begun }

// Lag implements [rooms.Journal]. What the leader has taken since it was heard
// last is not counted.
func (c *Cluster) Lag() int {
	at, last := c.status.place()
	return int(max(at, last) - at)
}

// Ready implements [rooms.Journal]. It also tells when the stream has no leader
// that this node can reach: a node that is cut off from the others, or all of
// them when too few are left.
func (c *Cluster) Ready() error {
	s := &c.status
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.why != nil:
		return fmt.Errorf("this node waits for the journal: %w", s.why)
	case !s.reading:
		return errors.New("this node has not joined the cluster yet")
	case !s.isBegun:
		return fmt.Errorf("this node catches up: it is at %d of %d", s.at, s.target)
	case time.Since(s.heardAt) > deaf:
		return fmt.Errorf("this node has not heard from the journal's leader for %v", time.Since(s.heardAt).Round(time.Second))
	}
	return nil
}
