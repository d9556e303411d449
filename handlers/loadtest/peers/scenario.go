package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"chatd/handlers/loadtest"
)

// scenario is a load, and what of it is to be compared.
type scenario struct {
	name  string
	about string
	load  loadtest.Config
	hot   *loadtest.Config // played beside load, not measured
	apart bool             // hot is played with a server of its own
	only  []string         // the servers that it is for; nil is all
	not   []string         // the servers that it is not for
	shows []figure
}

// figure is one number of a report.
type figure struct {
	name string
	of   func(*loadtest.Report) float64
}

var (
	micros     = figure{"µs/delivery", func(r *loadtest.Report) float64 { return r.MicrosPerDelivery }}
	perSecond  = figure{"deliveries/s", func(r *loadtest.Report) float64 { return r.DeliveriesPerSc }}
	p50        = figure{"p50 ms", func(r *loadtest.Report) float64 { return r.Delivery.P50 }}
	p99        = figure{"p99 ms", func(r *loadtest.Report) float64 { return r.Delivery.P99 }}
	perMember  = figure{"bytes/member", func(r *loadtest.Report) float64 { return r.BytesPerMember }}
	perConnect = figure{"µs/connection", func(r *loadtest.Report) float64 { return r.MicrosPerConnect }}
	resident   = figure{"MB resident", func(r *loadtest.Report) float64 { return float64(r.ServerRSS) / 1e6 }}
	// wrong is what a reader did not get, or got twice, or lost its connection over.
	wrong = figure{"errors", func(r *loadtest.Report) float64 { return float64(r.Lost + r.Duplicates + r.Refused + r.Broken) }}
)

const (
	warmup  = time.Second
	measure = 5 * time.Second
)

var scenarios = []scenario{
	{
		name: "room", about: "one room of 1,000, 50 posts/s: 50,000 deliveries/s",
		load:  loadtest.Config{Rooms: 1, Members: 1000, Rate: 50, Size: 100},
		shows: []figure{micros, p50, p99, wrong},
	},
	{
		name: "most", about: "one room of 1,000, 64 posts under way: as many deliveries as come",
		load:  loadtest.Config{Rooms: 1, Members: 1000, Window: 64, Size: 100},
		shows: []figure{perSecond, micros, p99, wrong},
	},
	{
		name: "small", about: "1,000 rooms of 10, 5,000 posts/s: 50,000 deliveries/s",
		load:  loadtest.Config{Rooms: 1000, Members: 10, Rate: 5000, Size: 100},
		shows: []figure{micros, p50, p99, wrong},
	},
	{
		name: "large", about: "one room of 10,000, 64 posts under way",
		load:  loadtest.Config{Rooms: 1, Members: 10_000, Window: 64, Size: 100},
		shows: []figure{perSecond, micros, p99, wrong},
	},
	{
		name: "idle", about: "10,000 members in one room, silent for 11 s",
		load:  loadtest.Config{Rooms: 1, Members: 10_000, Idle: true, Duration: 10 * time.Second},
		not:   []string{"floor", "unstored"},
		shows: []figure{perMember, perConnect, wrong},
	},
	{
		name: "idle-spread", about: "10,000 members in 1,000 rooms, silent for 11 s",
		load:  loadtest.Config{Rooms: 1000, Members: 10, Idle: true, Duration: 10 * time.Second},
		not:   []string{"floor", "unstored"},
		shows: []figure{perMember, perConnect, wrong},
	},
	{
		name: "big-posts", about: "one room of 1,000, 50 posts/s of 2,000 bytes: to compare with the next",
		load:  loadtest.Config{Rooms: 1, Members: 1000, Rate: 50, Size: 2000},
		not:   []string{"floor", "unstored"},
		shows: []figure{p50, p99, resident, wrong},
	},
	{
		name: "stuck", about: "the same, and 5 % of the members do not read",
		load:  loadtest.Config{Rooms: 1, Members: 1000, Rate: 50, Size: 2000, Stuck: 0.05},
		not:   []string{"floor", "unstored"},
		shows: []figure{p50, p99, resident, wrong},
	},
	{
		name: "beside-none", about: "900 rooms of 10, 450 posts/s: to compare with the next",
		load:  loadtest.Config{Rooms: 900, Members: 10, Rate: 450, Size: 100},
		only:  []string{"chatd", "classic", "centrifuge"},
		shows: []figure{p50, p99, wrong},
	},
	{
		name: "beside-hot", about: "the same beside one room of 10,000 with 20 posts/s",
		load:  loadtest.Config{Rooms: 900, Members: 10, Rate: 450, Size: 100},
		hot:   &loadtest.Config{Rooms: 1, Members: 10_000, Rate: 20, Size: 100},
		only:  []string{"chatd", "classic", "centrifuge"},
		shows: []figure{p50, p99, wrong},
	},
	{
		name: "beside-apart", about: "the same, that room on another server: what the machine's processors are to blame for",
		load:  loadtest.Config{Rooms: 900, Members: 10, Rate: 450, Size: 100},
		hot:   &loadtest.Config{Rooms: 1, Members: 10_000, Rate: 20, Size: 100},
		apart: true,
		only:  []string{"chatd", "classic", "centrifuge"},
		shows: []figure{p50, p99, wrong},
	},
}

func (s scenario) skips(server string) bool {
	return slices.Contains(s.not, server) || s.only != nil && !slices.Contains(s.only, server)
}

// play plays the scenario with a fresh process of the server.
func (s scenario) play(ctx context.Context, with server, binary, dir string) ([]float64, error) {
	p, err := with.start(ctx, binary, dir)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	load, err := p.prepare(ctx, s.load, with, "room")
	if err != nil {
		return nil, err
	}
	if s.hot != nil {
		heated := p
		if s.apart {
			if heated, err = with.start(ctx, binary, dir); err != nil {
				return nil, err
			}
			defer heated.stop()
		}
		end, err := heated.heat(ctx, s, with)
		if err != nil {
			return nil, err
		}
		defer end()
	}
	report, err := loadtest.Run(ctx, load)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if wrong.of(report) > 0 {
		fmt.Fprintf(os.Stderr, "\r\033[K%s, %s: %d lost, %d twice, %d refused, %d connections broken %v\n",
			s.name, with.name, report.Lost, report.Duplicates, report.Refused, report.Broken, report.Closes)
	}
	figures := make([]float64, len(s.shows))
	for i, f := range s.shows {
		figures[i] = f.of(report)
	}
	return figures, nil
}

// prepare makes a load's rooms and completes it.
func (p *process) prepare(ctx context.Context, load loadtest.Config, with server, prefix string) (loadtest.Config, error) {
	load.URL, load.Envelope, load.Warmup = p.url, with.envelope, warmup
	load.Duration = cmp.Or(load.Duration, measure)
	load.Room = func(i int) string { return fmt.Sprintf("%s-%d", prefix, i) }
	names := make([]string, load.Rooms)
	for i := range names {
		names[i] = load.Room(i)
	}
	return load, p.makeRooms(ctx, names)
}

// heat plays the scenario's second load from a process of its own, so that its
// members do not wait for each other's turn with those that are measured. It
// returns once that is under way; end ends it.
func (p *process) heat(ctx context.Context, s scenario, with server) (end func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	hot, err := begin(ctx, self, "heat", s.name, with.name, p.url)
	if err != nil {
		return nil, fmt.Errorf("the hot room did not come about: %w", err)
	}
	return hot.stop, nil
}

// heatUp is the process that heat begins. It prints a line when it is under way.
func heatUp(ctx context.Context, scenarioName, serverName, url string) error {
	s, err := chosen(scenarios, scenarioName, func(s scenario) string { return s.name })
	if err != nil {
		return err
	}
	with, err := chosen(servers, serverName, func(s server) string { return s.name })
	if err != nil {
		return err
	}
	load, err := (&process{url: url}).prepare(ctx, *s[0].hot, with[0], "hot")
	if err != nil {
		return err
	}
	load.Duration = time.Hour
	var once sync.Once
	load.Progress = func(p loadtest.Progress) {
		if p.Phase == "measure" {
			once.Do(func() { fmt.Println(url) })
		}
	}
	_, err = loadtest.Run(ctx, load)
	return err
}
