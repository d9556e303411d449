package jetstream

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// sayRefusalAgain is how often the log tells of the same refusal: nodes that do
// not fit try again every second.
const sayRefusalAgain = time.Minute

// serverLog has the server log with slog. Much of what is a warning to who runs
// NATS is the usual coming and going of nodes to who runs chatd.
type serverLog struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[refusal]time.Time
}

func (l *serverLog) Tracef(string, ...any) {}
func (l *serverLog) Debugf(format string, v ...any) {
	l.log.Debug("NATS", "says", fmt.Sprintf(format, v...))
}

func (l *serverLog) Noticef(format string, v ...any) {
	l.log.Debug("NATS", "says", fmt.Sprintf(format, v...))
}

func (l *serverLog) Warnf(format string, v ...any) {
	l.log.Debug("NATS", "says", fmt.Sprintf(format, v...))
}

func (l *serverLog) Fatalf(format string, v ...any) {
	l.log.Error("NATS", "says", fmt.Sprintf(format, v...))
}

// Errorf tells of errors, but not of each try to reach a node that is down.
func (l *serverLog) Errorf(format string, v ...any) {
	level, text := slog.LevelWarn, fmt.Sprintf(format, v...)
	if r, ok := refusalOf(text); ok {
		l.refused(r)
		level = slog.LevelDebug
	}
	if strings.HasPrefix(text, "Error trying to connect to route") {
		level = slog.LevelDebug
	}
	l.log.Log(context.Background(), level, "NATS", "says", text)
}

func (l *serverLog) refused(r refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.said[r]) < sayRefusalAgain {
		return
	}
	if l.said == nil || len(l.said) > 1000 {
		l.said = make(map[refusal]time.Time)
	}
	l.said[r] = time.Now()
	if r.own {
		l.log.Warn("this node was turned away by another", "address", r.host, "why", r.why)
		return
	}
	l.log.Warn("a node was turned away", "address", r.host, "why", r.why)
}

// refusal is a connection between nodes that came to nothing.
type refusal struct {
	host, why string
	own       bool // it is this node that is not let in
}

// refusals are what the server says then, and what it means; with no meaning of
// its own, it is what follows.
var refusals = []struct {
	says, why string
	own       bool
}{
	{"authentication error", "it has another secret than this cluster's, or another cluster's name", false},
	{"Route Error 'Authorization Violation'", "this node has another secret than the other, or another cluster's name", true},
	{"handshake error: remote error: tls: ", "it does not take this node's certificate, and its log says why", true},
	{"handshake error: tls: first record does not look like a TLS handshake", "it does not use TLS, and this node does", false},
	{"handshake error: ", "", false},
	{"Rejecting connection, cluster name ", "it is of a cluster with another name", false},
}

// refusalOf reads what the server says, which is like
// "192.0.2.1:6222 - rid:7 - authentication error".
func refusalOf(text string) (refusal, bool) {
	for _, known := range refusals {
		about, detail, ok := strings.Cut(text, known.says)
		if !ok {
			continue
		}
		address, _, _ := strings.Cut(about, " - ")
		host, _, _ := splitAddress(address)
		return refusal{host, cmp.Or(known.why, detail), known.own}, true
	}
	return refusal{}, false
}
