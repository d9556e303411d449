package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"chatd/rooms"
)

// Metrics are the metrics of one server. Its methods may be called by any number
// of goroutines. Nil counts nothing.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	refusals *prometheus.CounterVec
}

// New makes the metrics of a server; counts is asked at each look.
func New(counts func() rooms.Counts, version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "chatd_http_request_duration_seconds",
			Help:    "Time to answer a request, by route. A WebSocket counts until it is set up; event streams are not among them.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method", "status"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatd_refusals_total",
			Help: "Requests and frames that were refused, by the code that the client was told.",
		}, []string{"transport", "code"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "chatd_build_info",
		Help:        "Which chatd this is; the value is 1.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(
		m.requests, m.refusals, build, domain{counts},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// ServeHTTP answers with all metrics.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// Gatherer is for whoever checks the metrics.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Request counts an answered request. route is the route's pattern, or "other".
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	if m == nil {
		return
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

// Refused counts a refusal; transport is "http" or "websocket".
func (m *Metrics) Refused(transport string, code rooms.Code) {
	if m == nil {
		return
	}
	m.refusals.WithLabelValues(transport, string(code)).Inc()
}
