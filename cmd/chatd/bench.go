package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/loadtest"
	"chatd/handlers/wire"
)

// benchConfig is what chatd bench can be told.
type benchConfig struct {
	Rooms    int           `flag:"rooms" arg:"N" default:"1" help:"rooms to play in; they are made, and named bench-0, bench-1 and so on"`
	Members  int           `flag:"members" arg:"N" default:"1000" help:"connections in each room"`
	Rate     float64       `flag:"rate" arg:"N" default:"50" help:"posts per second, all rooms together; 0 is as many as come back"`
	Window   int           `flag:"window" arg:"N" default:"8" help:"with --rate 0: posts of a room under way at once"`
	Size     int           `flag:"size" arg:"BYTES" default:"100" help:"length of a message's text"`
	Warmup   time.Duration `flag:"warmup" arg:"DURATION" default:"2s" help:"time at the beginning that is not measured"`
	Duration time.Duration `flag:"duration" arg:"DURATION" default:"10s" help:"time that is measured"`
	Churn    float64       `flag:"churn" arg:"N" default:"0" help:"connections per second that are ended and made anew"`
	Stuck    float64       `flag:"stuck" arg:"SHARE" default:"0" help:"share of the members that never read, 0 to 1"`
	Idle     bool          `flag:"idle" help:"connect and wait, without posts"`
	Token    secret        `flag:"token" arg:"TOKEN" help:"bearer token, where the server needs one"`
	JSON     bool          `flag:"json" help:"print the result as JSON"`
}

func (c *benchConfig) check() []error {
	var bad []error
	if c.Rooms < 1 || c.Members < 1 || c.Window < 1 || c.Size < 1 {
		bad = append(bad, errors.New("--rooms, --members, --window and --size: must be at least 1"))
	}
	if c.Rate < 0 || c.Churn < 0 || c.Stuck < 0 || c.Stuck > 1 {
		bad = append(bad, errors.New("--rate, --churn and --stuck: must not be negative, and --stuck at most 1"))
	}
	if c.Duration <= 0 || c.Warmup < 0 {
		bad = append(bad, errors.New("--duration and --warmup: must be positive"))
	}
	return bad
}

// runBench plays an audience against a running server, or the nodes of a cluster,
// and shows what it saw.
func runBench(ctx context.Context, args []string, c console) error {
	var cfg benchConfig
	rest, err := parse("bench", &cfg, args, c, 0, mostNodes)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		rest = []string{"http://localhost:8080"}
	}
	for i, server := range rest {
		if !strings.HasPrefix(server, "http://") {
			return usagef("%q: an audience is played over plain http, as in http://localhost:8080", server)
		}
		rest[i] = strings.TrimSuffix(server, "/")
	}
	server := rest[0]
	api := &client.API{URL: server, Token: string(cfg.Token)}
	for i := range cfg.Rooms {
		if err := makeBenchRoom(ctx, api, benchRoom(i)); err != nil {
			return err
		}
	}
	report, err := loadtest.Run(ctx, loadtest.Config{
		URL: server, More: rest[1:], Token: string(cfg.Token), Rooms: cfg.Rooms, Room: benchRoom,
		Members: cfg.Members, Rate: cfg.Rate, Window: cfg.Window, Size: cfg.Size,
		Warmup: cfg.Warmup, Duration: cfg.Duration, Churn: cfg.Churn, Stuck: cfg.Stuck, Idle: cfg.Idle,
		Progress: showProgress(c.err),
	})
	if err != nil {
		return err
	}
	fmt.Fprint(c.err, "\n")
	if cfg.JSON {
		return json.NewEncoder(c.out).Encode(report)
	}
	return report.Write(c.out)
}

func benchRoom(i int) string { return fmt.Sprintf("bench-%d", i) }

func showProgress(w io.Writer) func(loadtest.Progress) {
	var last loadtest.Progress
	return func(p loadtest.Progress) {
		fmt.Fprintf(w, "\r%-8s %9d connections %9d posts/s %11d deliveries/s ",
			p.Phase, p.Connected, p.Posts-last.Posts, p.Deliveries-last.Deliveries)
		last = p
	}
}

// makeBenchRoom makes a room, or finds it made.
func makeBenchRoom(ctx context.Context, api *client.API, id string) error {
	_, err := api.CreateRoom(ctx, wire.CreateRoom{ID: id, Name: "Bench", Retention: wire.Retention{Seconds: 3600}})
	if refused, ok := errors.AsType[*client.Error](err); ok && refused.Status == http.StatusConflict {
		return nil
	}
	if err != nil {
		return fmt.Errorf("room %s cannot be made: %w", id, err)
	}
	return nil
}
