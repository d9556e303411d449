// Package loadtest drives a chat server as many members do, and measures what they
// see: deliveries per second, latency, and every loss, repeat or disorder.
//
// It speaks the wire protocol with as little work per frame as possible (no
// JSON decoder, one goroutine and no buffer for a member that waits), so that
// one machine can play a whole audience. It trusts the server to write "type"
// first and compact JSON; other clients should use package client.
//
// It is used by the command chatd bench, and by the comparison with other
// servers' patterns in peers, a module of its own.
package loadtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// Config says what to play.
type Config struct {
	URL      string             // of the server, http or https
	More     []string           // URLs of other nodes of its cluster: members are spread over all
	Token    string             // a bearer token, if the server needs one
	Rooms    int                // rooms to use; they are made by the caller
	Room     func(i int) string // the id of room i
	Members  int                // connections in each room
	Rate     float64            // posts per second, all rooms together; 0 is as many as are delivered
	Window   int                // with Rate 0: posts of a room under way at once
	Size     int                // bytes of a message's text
	Warmup   time.Duration      // at the beginning, not measured
	Duration time.Duration      // measured
	Churn    float64            // connections per second that end and are made anew
	Stuck    float64            // share of the members that never read, 0 to 1
	Idle     bool               // nobody posts: connect, wait for Warmup and Duration, leave
	Dialers  int                // connections made at once; 0 is 64
	Envelope Envelope           // of a server that wraps the frames in a protocol of its own

	// Progress, if not nil, is told about once a second how it goes.
	Progress func(Progress)
}

// Envelope is what another server's protocol has around the frames. The zero
// value is chatd's own: nothing.
type Envelope struct {
	Hello         string // a member's first message
	Before, After string // around what a member sends
	Several       bool   // a message of the server may hold several frames, one a line, each with something around it
}

// Progress is how a run goes.
type Progress struct {
	Phase      string // connect, warm up, measure, drain
	Connected  int
	Posts      uint64
	Deliveries uint64
}

// run is a run under way.
type run struct {
	cfg     Config
	target  *target
	tally   tally
	rooms   []*room
	began   time.Time
	members sync.WaitGroup
	crowd   crowd
}

// Run plays cfg and returns what was measured. It returns early, with what it
// has, when ctx is done.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	cfg.Window = cmp.Or(cfg.Window, 8)
	cfg.Dialers = cmp.Or(cfg.Dialers, 64)
	var all []*url.URL
	for _, text := range append([]string{cfg.URL}, cfg.More...) {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("%q is no URL of a server", text)
		}
		if u.Scheme != "http" {
			return nil, errors.New("a load is played over plain http only")
		}
		all = append(all, u)
	}
	if cfg.Rooms < 1 || cfg.Members < 1 {
		return nil, errors.New("there must be at least one room and one member")
	}
	r := &run{cfg: cfg, target: newTarget(all, cfg.Token), began: time.Now()}
	server := findProcesses(all)
	idle := server.sample()
	defer r.leave()

	stop := r.report()
	defer stop()
	r.tally.phase.Store("connect")
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	connected := time.Since(r.began)
	full := server.sample()

	playing, end := context.WithCancel(ctx)
	defer end()
	var posting sync.WaitGroup
	if !cfg.Idle {
		posting.Go(func() { r.post(playing) })
	}
	posting.Go(func() { r.churn(playing) })

	r.tally.phase.Store("warm up")
	wait(ctx, cfg.Warmup)
	r.tally.begin()
	before, started := server.sample(), time.Now()
	r.tally.phase.Store("measure")
	wait(ctx, cfg.Duration)
	took := time.Since(started)
	after := server.sample()
	if cfg.Idle {
		full.rss = after.rss // what waiting takes, without what connecting took
	}
	counted := r.tally.end()
	r.tally.phase.Store("drain")
	end()
	posting.Wait()
	r.drain(ctx)

	rep := counted.report(cfg, took)
	rep.Connections = r.tally.connected()
	rep.ConnectSeconds = connected.Seconds()
	rep.Lost = r.lost()
	rep.Refusals, rep.Closes = r.tally.why()
	rep.server(idle, full, before, after, counted.deliveries, rep.Connections)
	return rep, nil
}

// wait waits for d, or for the end of ctx.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// report tells the progress until the returned function is called.
func (r *run) report() (stop func()) {
	if r.cfg.Progress == nil {
		return func() {}
	}
	done := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				phase, _ := r.tally.phase.Load().(string)
				r.cfg.Progress(Progress{
					Phase: phase, Connected: r.tally.connected(),
					Posts: r.tally.posts.Load(), Deliveries: r.tally.deliveries.Load(),
				})
			}
		}
	})
	return func() { close(done); telling.Wait() }
}
