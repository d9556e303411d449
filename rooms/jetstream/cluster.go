package jetstream

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"chatd/rooms"
)

// Config says which cluster this node is of. URL is set, or Listen and Peers
// are, or Edge and Peers.
type Config struct {
	Name   string // of the cluster: the same on all nodes, letters, digits, - and _
	Dir    string // where the embedded server keeps its part of the stream, and for what is in the making
	Listen string // host and port for the other nodes
	Peers  []string
	Secret string // that the nodes know each other by; "" is for loopback only
	URL    string // of a NATS cluster to use; several are separated by commas
	// Edges is a host and port to listen on for nodes that keep no part of the
	// stream; "" has none. Secret must be set.
	Edges string
	// Edge tells that this is such a node. Peers are then where the others listen
	// for it.
	Edge  bool
	Creds string // file with the credentials for it; "" has none but those of URL
	TLS   *TLS   // nil is plain, but for a URL that says tls

	// After tells how far this node's store is: Run begins with what follows. A
	// store that is not empty and has applied no journal yet is at 1: so it, and
	// not an empty one, is where such a cluster begins.
	After func() uint64
	// Snapshot writes the store to file, and tells how far it is. Nil makes no
	// snapshots, and the journal is kept for ever.
	Snapshot func(ctx context.Context, file string) (at uint64, err error)
	// SnapshotEvery is after how many entries there is another; 0 is a million.
	SnapshotEvery uint64
	// Unsynced lets the embedded server acknowledge before its disk has the
	// entry: faster, and a power loss of all nodes may take the newest seconds.
	Unsynced bool
	Logger   *slog.Logger // nil is slog.Default
}

// Cluster is this node's part in a cluster. It is a [rooms.Journal]. Its
// methods may be called by any goroutine.
type Cluster struct {
	config Config
	name   string // of the embedded server
	node   string
	log    *slog.Logger
	status status
	asking chan struct{} // holds a value for each question of Current's under way
	// snapshotDue holds a value when there may be a snapshot to make.
	snapshotDue chan struct{}

	mu      sync.Mutex
	link    *link         // nil while there is none
	ended   bool          // there will be none any more
	changed chan struct{} // closed when one of the two changes
}

var _ rooms.Journal = (*Cluster)(nil)

// link is a connection to the stream.
type link struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// New checks a configuration. It opens nothing: Run does.
func New(ctx context.Context, c Config) (*Cluster, error) {
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.After == nil {
		c.After = func() uint64 { return 0 }
	}
	if !validName.MatchString(c.Name) {
		return nil, fmt.Errorf("the cluster's name %q must be 1 to 64 letters, digits, - or _", c.Name)
	}
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("this machine's name: %w", err)
	}
	switch {
	case c.Edge:
		err = checkPeers(c.Peers)
	case c.URL == "":
		name, err = findSelf(ctx, c.Listen, c.Peers)
	}
	if err == nil && c.URL == "" && c.TLS != nil {
		err = c.TLS.checkOwn(name, c.Edge)
	}
	if err != nil {
		return nil, err
	}
	return &Cluster{
		config: c, name: name, log: c.Logger,
		// A process that starts again is another node: nobody waits there for
		// what the one before proposed.
		node:        name + "/" + strings.ToLower(rand.Text()[:10]),
		changed:     make(chan struct{}),
		asking:      make(chan struct{}, 8),
		snapshotDue: make(chan struct{}, 1),
		status:      status{begun: make(chan struct{})},
	}, nil
}

// Node is this process's id among all nodes, past and present.
func (c *Cluster) Node() string { return c.node }

// Run implements [rooms.Journal]. It joins the cluster, waits for the others
// where it must, and hands entries until ctx is done. An error is something
// that time does not mend; a [BehindError] is mended by [Cluster.Restore].
func (c *Cluster) Run(ctx context.Context, apply func(ctx context.Context, batch []rooms.Entry) error) error {
	defer c.setLink(nil, true)
	for again := false; ; again = true {
		err := c.with(ctx, again, func(ctx context.Context, js jetstream.JetStream) error { return c.run(ctx, js, apply) })
		c.setLink(nil, false)
		if ctx.Err() != nil || !errors.Is(err, errServerStopped) {
			return ended(ctx, err)
		}
		c.status.waiting(err)
		c.log.ErrorContext(ctx, "the embedded NATS server is started again", "in", serverAgain.String(), "why", err)
		select {
		case <-time.After(serverAgain):
		case <-ctx.Done():
			return nil
		}
	}
}

// run reads the journal, and keeps the snapshots, until ctx is done.
func (c *Cluster) run(ctx context.Context, js jetstream.JetStream, apply func(ctx context.Context, batch []rooms.Entry) error) error {
	stream, err := c.open(ctx, js)
	if err != nil {
		return err
	}
	l := &link{js.Conn(), js, stream}
	at := c.config.After()
	if err := reachesBack(stream.CachedInfo(), at); err != nil {
		return err
	}
	c.setLink(l, false)
	c.status.begin(at)
	defer c.status.end()
	var tending sync.WaitGroup
	defer tending.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tending.Go(func() { c.look(ctx, l) })
	tending.Go(func() { c.keepSnapshots(ctx, l) })
	return c.read(ctx, l, at, apply)
}

// with calls do with a connection to the servers, and to one of this process if
// it is to have one. again tells that this one has run before: it may fail then
// for reasons that pass.
func (c *Cluster) with(ctx context.Context, again bool, do func(ctx context.Context, js jetstream.JetStream) error) error {
	if err := os.MkdirAll(c.config.Dir, 0o700); err != nil {
		return err
	}
	options := c.outward()
	if c.embeds() {
		server, err := c.startServer()
		if err != nil {
			if again {
				err = fmt.Errorf("%w: %w", errServerStopped, err)
			}
			return err
		}
		defer server.stop(ctx, c.log)
		options = server.options()
		var watching sync.WaitGroup
		defer watching.Wait()
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(nil)
		watching.Go(func() { server.watch(ctx, cancel) })
	}
	conn, err := c.connect(options)
	if err != nil {
		return err
	}
	defer conn.Close()
	// The client library asks some things without a context, and for 5 s. Where
	// the other nodes are going away too, nobody answers any more.
	stop := context.AfterFunc(ctx, conn.Close)
	defer stop()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	err = do(ctx, js)
	if cause := context.Cause(ctx); errors.Is(cause, errServerStopped) {
		return cause
	}
	return err
}

// ended is err, but for what comes of ctx being done.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// setLink tells what waits of the link, or that there is none for now, or that
// there will be none any more.
func (c *Cluster) setLink(l *link, ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
	c.link, c.ended = l, ended
}

// linked waits for the link.
func (c *Cluster) linked(ctx context.Context) (*link, error) {
	for {
		c.mu.Lock()
		l, changed, ended := c.link, c.changed, c.ended
		c.mu.Unlock()
		switch {
		case ended:
			return nil, rooms.Errorf(rooms.CodeShuttingDown, "this node is going away")
		case l != nil:
			return l, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, errNotLinked
		}
	}
}

var errNotLinked = errors.New("there is no connection to the journal yet")
