package loadtest

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// Report is what a run measured.
type Report struct {
	Rooms          int     `json:"rooms"`
	Connections    int     `json:"connections"`
	ConnectSeconds float64 `json:"connect_seconds"`
	Seconds        float64 `json:"seconds"`

	Posts           uint64  `json:"posts"`
	PostsPerSec     float64 `json:"posts_per_sec"`
	Deliveries      uint64  `json:"deliveries"`
	DeliveriesPerSc float64 `json:"deliveries_per_sec"`
	BytesPerSec     float64 `json:"bytes_per_sec"`

	// In milliseconds, from the moment of sending.
	Delivery Quantiles `json:"delivery_ms"`
	Ack      Quantiles `json:"ack_ms"`

	Lost       uint64 `json:"lost"`       // changes that a reader did not get
	Duplicates uint64 `json:"duplicates"` // changes that came twice, or out of order
	Refused    uint64 `json:"refused"`    // posts that were answered with an error
	Broken     uint64 `json:"broken"`     // connections that ended unasked

	Refusals map[string]int `json:"refusals,omitempty"` // of the refused, by code and detail
	Closes   map[string]int `json:"closes,omitempty"`   // of the broken, by the close frame's code and reason

	// Of a server on this machine; 0 for others.
	ServerCPU         float64 `json:"server_cpu"`          // cores
	MicrosPerDelivery float64 `json:"micros_per_delivery"` // of the server's processor time
	MicrosPerConnect  float64 `json:"micros_per_connect"`
	BytesPerMember    float64 `json:"bytes_per_member"` // of the server's resident memory
	ServerRSS         int64   `json:"server_rss"`
}

// Quantiles of a latency, in milliseconds.
type Quantiles struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
}

func (h *histogram) quantiles() Quantiles {
	ms := func(q float64) float64 { return float64(h.quantile(q)) / float64(time.Millisecond) }
	return Quantiles{ms(0.5), ms(0.99), ms(0.999)}
}

func (c counts) report(cfg Config, took time.Duration) *Report {
	s := took.Seconds()
	return &Report{
		Rooms: cfg.Rooms, Seconds: s,
		Posts: c.posts, PostsPerSec: float64(c.posts) / s,
		Deliveries: c.deliveries, DeliveriesPerSc: float64(c.deliveries) / s,
		BytesPerSec: float64(c.bytes) / s,
		Delivery:    c.tally.delivery.quantiles(), Ack: c.tally.ack.quantiles(),
		Duplicates: c.tally.repeats.Load(), Refused: c.tally.refused.Load(), Broken: c.tally.broken.Load(),
	}
}

// server adds what the server's process took: idle is before the first
// connection, full with all of them, before and after are around the measuring.
func (r *Report) server(idle, full, before, after usage, deliveries uint64, connections int) {
	if after.cpu == 0 {
		return
	}
	r.ServerRSS = after.rss
	r.ServerCPU = (after.cpu - before.cpu).Seconds() / r.Seconds
	if deliveries > 0 {
		r.MicrosPerDelivery = float64((after.cpu - before.cpu).Microseconds()) / float64(deliveries)
	}
	if connections > 0 {
		r.BytesPerMember = float64(full.rss-idle.rss) / float64(connections)
		r.MicrosPerConnect = float64((full.cpu - idle.cpu).Microseconds()) / float64(connections)
	}
}

// Write writes the report as a table for people.
func (r *Report) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", args...) }
	row("connections", "%d in %d rooms, made in %.1f s", r.Connections, r.Rooms, r.ConnectSeconds)
	if r.Posts > 0 {
		r.writeTraffic(row)
	}
	row("errors", "%d lost, %d twice or out of order, %d refused, %d connections broken", r.Lost, r.Duplicates, r.Refused, r.Broken)
	for _, reason := range slices.Sorted(maps.Keys(r.Refusals)) {
		row("refused", "%d × %s", r.Refusals[reason], reason)
	}
	for _, reason := range slices.Sorted(maps.Keys(r.Closes)) {
		row("closed", "%d × %s", r.Closes[reason], reason)
	}
	if r.ServerRSS > 0 {
		row("server", "%.2f cores, %.2f µs/delivery, %.0f µs/connection, %.1f KiB/member, %.0f MiB resident",
			r.ServerCPU, r.MicrosPerDelivery, r.MicrosPerConnect, r.BytesPerMember/1024, float64(r.ServerRSS)/(1<<20))
	}
	return t.Flush()
}

// writeTraffic writes the rows of what was said.
func (r *Report) writeTraffic(row func(name, format string, args ...any)) {
	row("posts", "%d, %.0f/s", r.Posts, r.PostsPerSec)
	row("deliveries", "%d, %.0f/s, %.1f MB/s", r.Deliveries, r.DeliveriesPerSc, r.BytesPerSec/1e6)
	row("delivery", "p50 %.2f ms, p99 %.2f ms, p999 %.2f ms", r.Delivery.P50, r.Delivery.P99, r.Delivery.P999)
	row("ack", "p50 %.2f ms, p99 %.2f ms, p999 %.2f ms", r.Ack.P50, r.Ack.P99, r.Ack.P999)
}
