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
	sessions *prometheus.GaugeVec
	closes   *prometheus.CounterVec
	silent   prometheus.Counter
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
		sessions: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "chatd_sessions",
			Help: "Connections that follow a room, by WebSocket or as event streams.",
		}, []string{"transport"}),
		closes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatd_websocket_closes_total",
			Help: "WebSockets that ended, by who closed them and with what code. 1006 is a connection that broke.",
		}, []string{"by", "code"}),
	}
	m.silent = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "chatd_connections_without_request_total",
		Help: "Connections that ended before they had sent a request: its head was too slow, too large or malformed, TLS failed, or the client left.",
	})
	for _, transport := range []Transport{WebSocket, EventStream} {
		m.sessions.WithLabelValues(string(transport))
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "chatd_build_info",
		Help:        "Which chatd this is; the value is 1.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(
		m.requests, m.refusals, m.sessions, m.closes, m.silent, build, domain{counts},
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

// NoRequest counts a connection that ended before a request had come.
func (m *Metrics) NoRequest() {
	if m != nil {
		m.silent.Inc()
	}
}

// Transport is how a client talks to the server.
type Transport string

// The transports.
const (
	HTTP        Transport = "http"
	WebSocket   Transport = "websocket"
	EventStream Transport = "stream" // by HTTP, for as long as it lasts
)

// Refused counts a refusal, HTTP's or a WebSocket's.
func (m *Metrics) Refused(transport Transport, code rooms.Code) {
	if m == nil {
		return
	}
	m.refusals.WithLabelValues(string(transport), string(code)).Inc()
}

// Began counts a session in.
func (m *Metrics) Began(transport Transport) {
	if m != nil {
		m.sessions.WithLabelValues(string(transport)).Inc()
	}
}

// Ended counts a session out.
func (m *Metrics) Ended(transport Transport) {
	if m != nil {
		m.sessions.WithLabelValues(string(transport)).Dec()
	}
}

// Closer is who ended a WebSocket.
type Closer string

// Who may end a WebSocket.
const (
	ByServer  Closer = "server"
	ByClient  Closer = "client"
	ByNetwork Closer = "network" // nobody said a word
)

// Closed counts a WebSocket that ended with a close code (RFC 6455 section 7.4).
func (m *Metrics) Closed(by Closer, code int) {
	if m == nil {
		return
	}
	label := "other"
	if by != ByClient || code < 3000 { // clients may make up those above
		label = strconv.Itoa(code)
	}
	m.closes.WithLabelValues(string(by), label).Inc()
}
