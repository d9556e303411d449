package jetstream

import (
	"context"
	"time"
)

// State is how this node stands to the cluster, and the journal as it sees it.
type State struct {
	Name        string // by which the others know this node; an edge's is its machine's
	At          uint64 // how far this node has applied
	First, Last uint64 // what the journal holds
	Bytes       uint64 // that the journal takes on each disk
	Leader      string // of the journal; "" is none
	Followers   []Follower
	// CertificateEnds is when the certificate for other nodes does; zero is none.
	CertificateEnds time.Time
}

// Follower is a server that keeps the journal and does not lead it.
type Follower struct {
	Name    string
	Current bool   // it has what the leader has
	Offline bool   // the leader does not hear from it
	Lag     uint64 // what it has not got yet, in the leader's operations
}

// State asks the journal's leader. With an error it is what this node knows.
func (c *Cluster) State(ctx context.Context) (State, error) {
	s := State{Name: c.name}
	if t := c.config.TLS; t != nil && t.Certificate != nil {
		s.CertificateEnds = t.Certificate().Leaf.NotAfter
	}
	s.At, s.Last = c.status.place()
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	l, err := c.linked(ctx)
	if err != nil {
		return s, err
	}
	info, err := l.stream.Info(ctx)
	if err != nil {
		return s, err
	}
	s.First, s.Last, s.Bytes = info.State.FirstSeq, info.State.LastSeq, info.State.Bytes
	if info.Cluster == nil {
		s.Leader = c.name // a server alone has no other
		return s, nil
	}
	s.Leader = info.Cluster.Leader
	for _, r := range info.Cluster.Replicas {
		s.Followers = append(s.Followers, Follower{r.Name, r.Current, r.Offline, r.Lag})
	}
	return s, nil
}
