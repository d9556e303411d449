package jetstream

import (
	"errors"
	"fmt"
	"sync"
)

// status is how this node stands to the cluster.
type status struct {
	mu     sync.Mutex
	why    error  // what it waits for; nil is nothing
	at     uint64 // how far it has applied
	target uint64 // where the journal ended when this node began to read
	began  bool
}

func (s *status) waiting(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.why = err
}

func (s *status) reading(at, target uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.target, s.began = at, target, true
}

func (s *status) linked() { s.waiting(nil) }

func (s *status) applied(at uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.why = at, nil
}

// Ready tells why this node should not be given requests, nil when it should:
// it reads the journal, and has applied all that was there when it began.
func (c *Cluster) Ready() error {
	s := &c.status
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.why != nil:
		return fmt.Errorf("this node waits for the journal: %w", s.why)
	case !s.began:
		return errors.New("this node has not joined the cluster yet")
	case s.at < s.target:
		return fmt.Errorf("this node catches up: it is at %d of %d", s.at, s.target)
	}
	return nil
}
