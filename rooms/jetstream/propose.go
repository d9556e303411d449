package jetstream

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"chatd/rooms"
)

// publishFor bounds one try to publish. After it, whether the entry was stored
// is not known.
const publishFor = 2 * time.Second

// Propose implements [rooms.Journal]. It returns when a majority of the
// replicas has the entry.
func (c *Cluster) Propose(ctx context.Context, e rooms.Entry) error {
	data, err := encode(nil, &e)
	if err != nil {
		return err
	}
	l, err := c.linked(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, publishFor)
	defer cancel()
	// The id is the proposal's, not the entry's: a client that repeats an entry
	// proposes it anew and waits for an outcome of its own.
	_, err = l.js.PublishMsg(ctx, &nats.Msg{Subject: c.subject(), Data: data},
		jetstream.WithMsgID(e.Node+"#"+strconv.FormatUint(e.Ticket, 10)),
		jetstream.WithExpectStream(c.streamName()),
		jetstream.WithRetryAttempts(0))
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}
