package main

import (
	"context"
	"runtime/debug"
	"time"
)

// calmFor is how long the number of members must stay before memory is given
// back.
const calmFor = 3 * time.Second

// giveBack returns memory to the system after the start, and after many members
// have come or gone. What that took is garbage, and Go would keep it for
// minutes: about a third of what a full server holds.
func giveBack(ctx context.Context, members func() int) {
	debug.FreeOSMemory()
	tick := time.NewTicker(calmFor)
	defer tick.Stop()
	var c calm
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if c.due(members()) {
				debug.FreeOSMemory()
			}
		}
	}
}

// calm decides when it is time: collecting everything at once costs about a
// second of processor time for each gigabyte.
type calm struct {
	last  int // members at the last look
	given int // and when memory was given back
}

// due reports whether there are many more or fewer members than when memory was
// given back, and hardly anybody has come or gone since the last look.
func (c *calm) due(members int) bool {
	moved := abs(members - c.last)
	c.last = members
	if moved > members/100+10 || abs(members-c.given) < max(1000, c.given/4) {
		return false
	}
	c.given = members
	return true
}

func abs(n int) int { return max(n, -n) }
