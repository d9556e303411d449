package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

var crashRounds = flag.Int("crash.rounds", 5, "how often TestCrash kills the server; 50 is the long form")

// TestCrash kills the server with SIGKILL, again and again and at random
// moments, while members post and send again what was not acknowledged. Then
// every acknowledged message must be there exactly once, none twice, in one
// order for all members, and what each member followed must be complete.
func TestCrash(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
		m.checkLosses(t, restarts)
	}
}

// TestASecondSignalEndsAtOnce holds a stop up with a request that takes its
// time: nobody new is let in meanwhile, and who asks again need not wait.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	p := serveProcess(t, "--drain", "60s")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	address := strings.TrimPrefix(p.URL, "http://")
	slow, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if _, err := fmt.Fprint(slow, "POST /rooms/lobby/messages HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(slow).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the body is asked for by %q, %v", line, err)
	}

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, "nobody to be let in", func() bool {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	select {
	case <-p.ended:
		t.Fatal("chatd did not wait for a request under way")
	default:
	}
	// The first one may not be quite through with what it does.
	await(ctx, t, "chatd to end", func() bool {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	if code := p.cmd.ProcessState.ExitCode(); code != -1 {
		t.Errorf("chatd exited with %d, not by the signal", code)
	}
}
