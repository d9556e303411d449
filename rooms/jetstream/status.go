package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// deaf is for how long this node may not know what it lacks before it counts
	// as cut off.
	deaf = 6 * time.Second
	// nap is the time between two looks from which on this process was not
	// running: stopped, or its machine asleep. A look takes lookEvery and askFor
	// at most.
	nap = 3 * time.Second
	// roused is for how long a node that was not running waits to be told what it
	// lacks, before it counts as cut off too: the others may have to agree on
	// another leader first, which takes up to 9 s, and waking may be the reason.
	roused = 15 * time.Second
	// behind is for how long a node may lack what it knows that there is before it
	// is not ready.
	behind = 2 * time.Second
)

var errNoReader = errors.New("there is no reader yet")

// status is how this node stands to the journal: how far it is, and what it
// knows of how far it should be.
type status struct {
	mu      sync.Mutex
	why     error         // what the node waits for, a reader or its disk; nil is nothing
	reading bool          // there is a link
	at      uint64        // how far it has applied
	last    uint64        // where the journal ended when that was heard last
	lastAt  time.Time     // as of when
	fresh   time.Time     // the node has all that was in the journal then; zero is never
	lacking time.Time     // since when it has not what it knows that there is; zero is that it has
	heard   time.Time     // when the leader was asked what it answered last
	looked  time.Time     // when a question ended last, with an answer or without
	woke    time.Time     // when the process noticed last that it had not been running
	moved   chan struct{} // closed when something changes; nil when nobody waits for it
	begun   chan struct{} // closed with the first fresh
}

func (s *status) waiting(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.why = err
	s.changedLocked()
}

// begin tells that there is a link, and that the node has applied up to at.
func (s *status) begin(at uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading, s.why, s.at, s.looked = true, errNoReader, at, time.Now()
	s.changedLocked()
}

// end tells that the link is no more.
func (s *status) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = false
	s.changedLocked()
}

func (s *status) applied(at uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.why = at, nil
	s.changedLocked()
}

// look tells what came of asking where the journal ends.
func (s *status) look(e end, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.looked) > nap {
		s.woke = now
	}
	s.looked = now
	if err == nil {
		s.last, s.lastAt, s.heard = max(s.last, e.last), e.sure, e.asked
	}
	s.changedLocked()
}

// changedLocked takes into account what has changed.
func (s *status) changedLocked() {
	switch {
	case s.at >= s.last:
		s.lacking = time.Time{}
	case s.lacking.IsZero():
		s.lacking = time.Now()
	}
	if s.why == nil && s.lacking.IsZero() && s.lastAt.After(s.fresh) {
		if s.fresh.IsZero() {
			close(s.begun)
		}
		s.fresh = s.lastAt
	}
	if s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
}

// place is how far this node is, and how far the journal.
func (s *status) place() (at, last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at, s.last
}

// until waits until holds, which is called with the lock, or until ctx is done.
func (s *status) until(ctx context.Context, holds func() bool) error {
	for {
		s.mu.Lock()
		if holds() {
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

// cutOffLocked tells that the leader has not been heard for long, and that this
// is not because this process was not running.
func (s *status) cutOffLocked() bool {
	return !s.reading || time.Since(s.heard) > deaf && time.Since(s.woke) > roused && time.Since(s.looked) <= nap
}

// lacksLocked tells that the node knows that it lacks something, or that it was
// away and does not know yet what it lacks.
func (s *status) lacksLocked() bool {
	if s.cutOffLocked() {
		return false // what it has is what can be had
	}
	return s.at < s.last || time.Since(s.looked) > nap || s.woke.After(s.heard)
}

// Known implements [rooms.Journal].
func (c *Cluster) Known(ctx context.Context) error {
	return c.status.until(ctx, func() bool { return !c.status.lacksLocked() })
}

// Current implements [rooms.Journal]: it asks the stream's leader.
func (c *Cluster) Current(ctx context.Context) error {
	l, err := c.linked(ctx)
	if err != nil {
		return err
	}
	c.status.mu.Lock()
	cutOff := c.status.cutOffLocked()
	c.status.mu.Unlock()
	if cutOff {
		return errors.New("this node is cut off from the journal's leader")
	}
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		e, err := l.askEnd(ctx)
		if err == nil {
			return c.status.until(ctx, func() bool { return c.status.at >= e.last })
		}
		select {
		case <-time.After(openAgain): // the next leader may know
		case <-ctx.Done():
			return err
		}
	}
}

// Begun implements [rooms.Journal].
func (c *Cluster) Begun() <-chan struct{} { return c.status.begun }

// Lag implements [rooms.Journal]. What the leader has taken since it was heard
// last is not counted.
func (c *Cluster) Lag() int {
	at, last := c.status.place()
	return int(max(at, last) - at)
}

// Ready implements [rooms.Journal]. A node that lacks something, or that has not
// been able for long to tell that it has all, is not ready: it catches up, or it
// is cut off from the others, or too few of them are left.
func (c *Cluster) Ready() error {
	s := &c.status
	s.mu.Lock()
	defer s.mu.Unlock()
	unsure := time.Since(s.fresh)
	late := !s.lacking.IsZero() && time.Since(s.lacking) > behind
	switch {
	case !s.fresh.IsZero() && unsure <= deaf && !late:
		return nil
	case s.why != nil:
		return fmt.Errorf("this node waits for the journal: %w", s.why)
	case !s.reading:
		return errors.New("this node has not joined the cluster yet")
	case s.fresh.IsZero() || late:
		return fmt.Errorf("this node catches up: it is at %d of %d", s.at, s.last)
	}
	return fmt.Errorf("this node has not heard from the journal's leader for %v", unsure.Round(time.Second))
}
