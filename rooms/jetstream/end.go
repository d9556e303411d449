package jetstream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// lookEvery is the time between two questions for the journal's end.
	lookEvery = time.Second
	// lease is how recently a majority must have followed the leader for its word
	// to count: others elect another 4 s after they heard it last, not before.
	lease = 4 * time.Second
	// settled is how long a leader has led before its word counts: one that was
	// elected just now may not show yet all that the one before it had stored.
	settled = time.Second
)

var (
	errNoLeader = errors.New("the journal has no leader")
	errNew      = errors.New("the journal's leader was elected just now")
)

// end is where the journal ends.
type end struct {
	last  uint64    // all that was acknowledged before sure is up to there
	asked time.Time // when it was asked for
	sure  time.Time
}

// look asks the stream's leader, again and again, where the journal ends, until
// ctx is done.
func (c *Cluster) look(ctx context.Context, l *link) {
	for {
		e, err := l.askEnd(ctx)
		if ctx.Err() != nil {
			return
		}
		c.status.look(e, err)
		wait := lookEvery
		if err != nil {
			wait = openAgain
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// askEnd asks the stream's leader once.
func (l *link) askEnd(ctx context.Context) (end, error) {
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	info, err := l.stream.Info(ctx)
	if err != nil {
		return end{}, err
	}
	ago, err := led(info)
	return end{info.State.LastSeq, asked, asked.Add(-ago)}, err
}

// led tells how long ago it was, at most, that who answered was the stream's
// leader beyond doubt. Any replica answers when it sees no leader for long, and
// one that was the leader and is cut off does not know it for a while.
func led(info *jetstream.StreamInfo) (ago time.Duration, err error) {
	group := info.Cluster
	switch {
	case group == nil:
		return 0, nil // one server
	case group.Leader == "":
		return 0, errNoLeader
	case group.LeaderSince != nil && info.TimeStamp.Sub(*group.LeaderSince) < settled:
		return 0, errNew
	}
	var followed []time.Duration
	for _, replica := range group.Replicas {
		if replica.Active > 0 || replica.Current {
			followed = append(followed, replica.Active)
		}
	}
	slices.Sort(followed)
	others := (len(group.Replicas) + 1) / 2 // that make a majority with the leader
	switch {
	case others == 0:
		return 0, nil
	case len(followed) < others || followed[others-1] >= lease:
		return 0, errNoLeader
	}
	return followed[others-1], nil
}
