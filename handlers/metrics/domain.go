package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"chatd/rooms"
)

// domain collects the counters of a registry.
type domain struct{ counts func() rooms.Counts }

// figure is one of the domain's numbers.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(rooms.Counts) float64
}

func gauge(name, help string, read func(rooms.Counts) float64) figure {
	return figure{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, read}
}

func counter(name, help string, read func(rooms.Counts) float64) figure {
	return figure{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, read}
}

var figures = []figure{
	gauge("chatd_members", "Connections in rooms.", func(c rooms.Counts) float64 { return float64(c.Members) }),
	gauge("chatd_members_behind", "Members that are catching up: they join, resume, or read more slowly than their room talks.", func(c rooms.Counts) float64 { return float64(c.Behind) }),
	gauge("chatd_hubs", "Rooms that somebody is in.", func(c rooms.Counts) float64 { return float64(c.Hubs) }),
	gauge("chatd_rooms", "Rooms that there are.", func(c rooms.Counts) float64 { return float64(c.Rooms) }),
	gauge("chatd_journal_lag_entries", "Entries that are in the journal, as far as this node knows, and not applied here yet.", func(c rooms.Counts) float64 { return float64(c.Lag) }),
	gauge("chatd_entries_waiting", "Entries on their way to the disk.", func(c rooms.Counts) float64 { return float64(c.Waiting) }),
	counter("chatd_entries_total", "Entries that were applied: changes, repeats and refusals.", func(c rooms.Counts) float64 { return float64(c.Entries) }),
	counter("chatd_entries_refused_total", "Entries that applying refused.", func(c rooms.Counts) float64 { return float64(c.Refused) }),
	counter("chatd_entries_repeated_total", "Entries that repeated an earlier one and got its receipt.", func(c rooms.Counts) float64 { return float64(c.Duplicates) }),
	counter("chatd_commits_failed_total", "Batches that could not be made durable.", func(c rooms.Counts) float64 { return float64(c.Failures) }),
	counter("chatd_posts_total", "Messages that were made.", func(c rooms.Counts) float64 { return float64(c.Posts) }),
	counter("chatd_deliveries_total", "Changes and events given to connections, each once for each of them.", func(c rooms.Counts) float64 { return float64(c.Deliveries) }),
	counter("chatd_changes_total", "Changes that were applied, posts among them.", func(c rooms.Counts) float64 { return float64(c.Changes) }),
	counter("chatd_sent_bytes_total", "Bytes of frames given to connections.", func(c rooms.Counts) float64 { return float64(c.Bytes) }),
	counter("chatd_catch_up_changes_total", "Changes read from the store for members that were behind.", func(c rooms.Counts) float64 { return float64(c.CaughtUp) }),
	counter("chatd_fell_behind_total", "Times that a member lagged so far that the store had to serve it.", func(c rooms.Counts) float64 { return float64(c.FellBehind) }),
	counter("chatd_slow_readers_total", "Members that were dropped because they read nothing for too long.", func(c rooms.Counts) float64 { return float64(c.SlowReaders) }),
	counter("chatd_webhook_calls_total", "Calls of webhooks that their receivers accepted.", func(c rooms.Counts) float64 { return float64(c.WebhookCalls) }),
	counter("chatd_webhook_calls_failed_total", "Calls of webhooks that were not accepted.", func(c rooms.Counts) float64 { return float64(c.WebhookFailures) }),
	gauge("chatd_webhook_lag_seconds", "For how long the webhook of this node that has waited longest has waited to be told all.", func(c rooms.Counts) float64 { return c.WebhookLag.Seconds() }),
}

var (
	commitSeconds = prometheus.NewDesc("chatd_commit_duration_seconds", "Time that a commit took, with its fsync.", nil, nil)
	ackSeconds    = prometheus.NewDesc("chatd_ack_duration_seconds", "Time from an entry's proposal to its outcome.", nil, nil)
	batchEntries  = prometheus.NewDesc("chatd_commit_entries", "Entries of a commit.", nil, nil)
)

// Describe implements prometheus.Collector.
func (d domain) Describe(descs chan<- *prometheus.Desc) {
	for _, f := range figures {
		descs <- f.desc
	}
	descs <- commitSeconds
	descs <- ackSeconds
	descs <- batchEntries
}

// Collect implements prometheus.Collector.
func (d domain) Collect(metrics chan<- prometheus.Metric) {
	c := d.counts()
	for _, f := range figures {
		metrics <- prometheus.MustNewConstMetric(f.desc, f.kind, f.read(c))
	}
	metrics <- histogram(commitSeconds, c.Commits)
	metrics <- histogram(ackSeconds, c.Acks)
	metrics <- histogram(batchEntries, c.BatchSizes)
}

// histogram turns a distribution into Prometheus' cumulative buckets.
func histogram(desc *prometheus.Desc, d rooms.Distribution) prometheus.Metric {
	buckets := make(map[float64]uint64, len(d.Bounds))
	var total uint64
	for i, n := range d.Counts {
		total += n
		if i < len(d.Bounds) {
			buckets[d.Bounds[i]] = total
		}
	}
	return prometheus.MustNewConstHistogram(desc, total, d.Sum, buckets)
}
