package main

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"chatd/handlers/wire"
)

var crashRounds = flag.Int("crash.rounds", 5, "how often TestCrash kills the server; 50 is the long form")

// TestCrash kills the server with SIGKILL, again and again and at random
// moments, while members post and send again what was not acknowledged. Then
// every acknowledged message must be there exactly once, none twice, in one
// order for all members, and what each member followed must be complete.
func TestCrash(t *testing.T) {
	crowd := newCrowd(t)
	for range *crashRounds {
		// A round lasts until some posts more are acknowledged, and then a
		// moment: what is under way at its end is in every state that there is.
		crowd.hear(t, rand.Int64N(200))
		select {
		case <-time.After(rand.N(20 * time.Millisecond)):
		case <-crowd.ctx.Done():
		}
		crowd.server.kill()
		if rand.IntN(3) == 0 { // and once more while it starts
			starting, enough := context.WithTimeout(crowd.ctx, rand.N(30*time.Millisecond))
			if early, err := startProcess(starting, crowd.data, nil, "serve", "--listen", crowd.address); err == nil {
				early.kill()
			}
			enough()
		}
		crowd.restart(t)
	}
	crowd.hear(t, 50)
	crowd.finish(t)
}

// TestRollingRestart stops the server as an operator does, under load. All that
// TestCrash asks for must hold, every stop must go well and in time, and no
// member may notice more than one lost connection for each.
func TestRollingRestart(t *testing.T) {
	const restarts = 3
	crowd := newCrowd(t, "--drain", "5s")
	for round := range restarts {
		crowd.hear(t, 100)
		for _, m := range crowd.members {
			await(crowd.ctx, t, m.name+" to be back", func() bool { return m.welcomed() > round })
		}
		began := time.Now()
		if code := crowd.server.stop(); code != exitOK {
			t.Errorf("chatd exited with %d", code)
		}
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("chatd took %v to stop", took)
		}
		crowd.restart(t)
	}
	crowd.hear(t, 50)
	crowd.finish(t)
	for _, m := range crowd.members {
		if m.welcomes != restarts+1 {
			t.Errorf("%s was welcomed %d times in %d restarts", m.name, m.welcomes, restarts)
		}
		for _, code := range m.closes {
			if code != wire.CloseRestart {
				t.Errorf("%s was closed with %d", m.name, code)
			}
		}
	}
}
