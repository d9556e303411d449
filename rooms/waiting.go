package rooms

import "sync"

// waiting holds the proposers that wait for their entries' outcomes, by ticket.
type waiting struct {
	mu      sync.Mutex
	ticket  uint64
	waiters map[uint64]func(Outcome)
	node    string
}

// add makes a ticket for a proposer. done is called once, unless forget takes
// the ticket back first.
func (w *waiting) add(done func(Outcome)) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiters == nil {
		w.waiters = make(map[uint64]func(Outcome))
	}
	w.ticket++
	w.waiters[w.ticket] = done
	return w.ticket
}

// forget takes a ticket back and reports whether nobody had called its done.
func (w *waiting) forget(ticket uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.waiters[ticket]
	delete(w.waiters, ticket)
	return ok
}

// done gives an outcome to the proposer that holds the ticket, if it is of this
// node.
func (w *waiting) done(node string, ticket uint64, o Outcome) {
	if node != w.node {
		return
	}
	w.mu.Lock()
	done := w.waiters[ticket]
	delete(w.waiters, ticket)
	w.mu.Unlock()
	if done != nil {
		done(o)
	}
}

// count is how many wait.
func (w *waiting) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiters)
}

// failAll gives err to all that still wait.
func (w *waiting) failAll(err *Error) {
	w.mu.Lock()
	all := w.waiters
	w.waiters = nil
	w.mu.Unlock()
	for _, done := range all {
		done(Outcome{Err: err})
	}
}
