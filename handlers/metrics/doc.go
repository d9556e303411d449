// Package metrics shows what a server does to Prometheus: the domain's own
// counters, read when somebody looks, and the transport's. No metric has a room,
// a person or an address as a label, so their number is bounded.
package metrics
