package jetstream

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A node that knows what it lacks waits for it, until it counts as cut off. One
// that was stopped may lack what it does not know of: it may be cut off as well,
// but first it waits for as long as an election may take.
func TestANodeWaitsForWhatItLacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := status{begun: make(chan struct{})}
		s.begin(46)
		heard := func(last uint64) { s.look(end{last, time.Now(), time.Now()}, nil) }
		unheard := func(lasts time.Duration) {
			for range lasts / lookEvery {
				time.Sleep(lookEvery) // the clock of the bubble
				s.look(end{}, errors.New("no leader"))
			}
		}
		check := func(when string, lacks bool) {
			t.Helper()
			if got := s.lacksLocked(); got != lacks {
				t.Errorf("%s: that it lacks something is %t", when, got)
			}
		}
		s.applied(46)
		heard(46)
		check("it has all", false)
		unheard(deaf + lookEvery)
		check("without a leader", false)

		heard(47) // and the leader goes before this node gets it
		unheard(deaf - lookEvery)
		check("it knows what it lacks, and may get it", true)
		unheard(2 * lookEvery)
		check("it lacks what nobody gives it", false)
		s.applied(47)

		heard(47)
		time.Sleep(8 * time.Second) // the clock of the bubble
		check("it goes on", true)
		unheard(10 * time.Second)
		check("it goes on, and others elect", true)
		heard(526)
		check("it knows what it lacks", true)
		s.applied(526)
		check("it has caught up", false)

		time.Sleep(8 * time.Second)
		unheard(roused + 2*lookEvery)
		check("it goes on, and is cut off", false)
	})
}
