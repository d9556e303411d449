package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// duplicates is the window in which the stream stores a proposal once.
	duplicates = 2 * time.Minute
	// askFor bounds one request about the stream: servers that do not know
	// their leader yet give no answer. openAgain is the time between two tries.
	askFor    = time.Second
	openAgain = 250 * time.Millisecond
	// sayAgain is how often the log tells that this node still waits.
	sayAgain = 10 * time.Second
	// shortFor is how long the stream may seem to end before this node's place:
	// right after an election it may not show all that it has.
	shortFor = 30 * time.Second
)

// Codes of the JetStream API.
const (
	codeNotClustered = 10074 // more than one replica, and only one server
	codeStreamExists = 10058 // with another configuration
)

func (c *Cluster) streamName() string { return "chatd-" + c.config.Name }
func (c *Cluster) subject() string    { return "chatd." + c.config.Name + ".log" }

// open opens the stream, and makes it where there is none. It tries until ctx
// is done: the others may still be on their way.
func (c *Cluster) open(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	var said, short time.Time
	for {
		stream, err := c.openOnce(ctx, js)
		if at := c.config.After(); err == nil {
			last := stream.CachedInfo().State.LastSeq
			if last >= at {
				return stream, nil
			}
			err = fmt.Errorf("the journal ends at %d, and this node has applied up to %d: "+
				"it is another journal, or one that lost its end", last, at)
			if short.IsZero() {
				short = time.Now()
			}
			if time.Since(short) > shortFor {
				return nil, err
			}
		}
		if time.Since(said) > sayAgain {
			said = time.Now()
			c.log.InfoContext(ctx, "waiting for the cluster", "cluster", c.config.Name, "why", err)
		}
		c.status.waiting(err)
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(openAgain):
		}
	}
}

func (c *Cluster) openOnce(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	stream, err := js.Stream(ctx, c.streamName())
	if !errors.Is(err, jetstream.ErrStreamNotFound) || c.config.Edge {
		return stream, err // or the nodes have made none yet
	}
	config := jetstream.StreamConfig{
		Name:        c.streamName(),
		Description: "chatd: all that was ever proposed, in one order",
		Subjects:    []string{c.subject()},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Replicas:    c.replicas(),
		Duplicates:  duplicates,
		AllowDirect: true,
		DenyDelete:  true, // a hole would be another history
	}
	if after := c.config.After(); after > 0 {
		config.FirstSeq = after + 1
	}
	stream, err = js.CreateStream(ctx, config)
	if isCode(err, codeNotClustered) && c.config.URL != "" {
		c.log.WarnContext(ctx, "this NATS is one server: the journal has no replica")
		config.Replicas = 1
		stream, err = js.CreateStream(ctx, config)
	}
	if isCode(err, codeStreamExists) {
		return js.Stream(ctx, c.streamName())
	}
	return stream, err
}

// replicas is on how many servers the stream is: more than three cost more than
// they save.
func (c *Cluster) replicas() int {
	if c.config.URL != "" {
		return 3
	}
	return min(3, len(c.config.Peers))
}

func isCode(err error, code jetstream.ErrorCode) bool {
	refusal, ok := errors.AsType[*jetstream.APIError](err)
	return ok && refusal.ErrorCode == code
}
