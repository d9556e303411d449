package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"

	"chatd/handlers/auth"
	"chatd/rooms"
	"chatd/rooms/jetstream"
	"chatd/rooms/sqlite"
)

// roleEdge is the --role of a server that keeps no part of the journal.
const roleEdge = "edge"

// clustered tells whether this server is one of several.
func (c *Config) clustered() bool {
	return c.ClusterName != "" || c.ClusterListen != "" || len(c.ClusterPeers) > 0 || c.NATSURL != "" || c.clusterTLS() ||
		c.ClusterEdges != "" || c.Role == roleEdge
}

// checkCluster returns what is wrong with the settings of a cluster.
func (c *Config) checkCluster() []error {
	var bad []error
	fail := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	if s := string(c.ClusterSecret); s != "" && len(s) < minToken {
		fail("--cluster-secret (CHATD_CLUSTER_SECRET): must have at least %d characters", minToken)
	}
	embedded := c.ClusterListen != "" || len(c.ClusterPeers) > 0
	switch {
	case c.ClusterName == "":
		fail("--cluster-name (CHATD_CLUSTER_NAME): a cluster needs a name, the same on all its nodes")
	case c.Role == roleEdge && (c.ClusterListen != "" || c.ClusterEdges != "" || c.NATSURL != "" || len(c.ClusterPeers) == 0):
		fail("--role edge needs --cluster-peers, the addresses at which the nodes listen for edges, and neither " +
			"--cluster-listen nor --cluster-edges; with --nats-url, every server is an edge without saying so")
	case (c.Role == roleEdge || c.ClusterEdges != "") && c.ClusterSecret == "":
		fail("an edge is known by --cluster-secret (CHATD_CLUSTER_SECRET), the same as on the nodes")
	case c.Role == roleEdge:
	case c.ClusterEdges != "" && !embedded:
		fail("--cluster-edges (CHATD_CLUSTER_EDGES): is for nodes with --cluster-listen")
	case c.NATSURL != "" && embedded:
		fail("--nats-url uses a NATS cluster that is there, --cluster-listen and --cluster-peers make one: say one or the other")
	case c.NATSURL == "" && (c.ClusterListen == "" || len(c.ClusterPeers) == 0):
		fail("a cluster needs --cluster-listen and --cluster-peers, or --nats-url")
	}
	switch {
	case (c.ClusterCert == "") != (c.ClusterKey == ""):
		fail("--cluster-tls-cert (CHATD_CLUSTER_TLS_CERT) and --cluster-tls-key (CHATD_CLUSTER_TLS_KEY): set both, or none")
	case embedded && c.clusterTLS() && (c.ClusterCert == "" || c.ClusterCA == ""):
		fail("TLS between the nodes needs --cluster-tls-cert, --cluster-tls-key and --cluster-tls-ca: each node shows a certificate, and knows who signed the others'")
	}
	if c.NATSCreds != "" && c.NATSURL == "" {
		fail("--nats-creds (CHATD_NATS_CREDS): is for --nats-url")
	}
	if c.ClusterSecret != "" {
		return bad
	}
	for _, address := range append([]string{c.ClusterListen}, c.ClusterPeers...) {
		if host, _, err := net.SplitHostPort(address); err == nil && !isLoopback(host) {
			fail("%s would let anybody who can reach this machine join the cluster: "+
				"set --cluster-secret (CHATD_CLUSTER_SECRET), the same on all its nodes", address)
			break
		}
	}
	return bad
}

// engine is what a registry works on: a journal, the store that it is applied
// to, this node's id, and the way to the other nodes.
type engine struct {
	store   *sqlite.Store
	journal rooms.Journal
	node    string
	peers   rooms.Peers
}

// newEngine opens the store and makes the journal.
func newEngine(ctx context.Context, cfg *Config, log *slog.Logger) (*engine, error) {
	if !cfg.clustered() {
		store, err := sqlite.Open(ctx, cfg.Data)
		return &engine{store: store, journal: rooms.NewLocalJournal()}, err
	}
	config, err := clusterConfig(cfg, log)
	if err != nil {
		return nil, err
	}
	return joinEngine(ctx, cfg, config)
}

// joinEngine is newEngine in a cluster.
func joinEngine(ctx context.Context, cfg *Config, config jetstream.Config) (*engine, error) {
	e := new(engine)
	config.After = e.after
	if !config.Edge { // the nodes make them
		config.Snapshot = e.snapshot
	}
	cluster, err := jetstream.New(ctx, config)
	if err != nil {
		return nil, err
	}
	e.journal, e.node, e.peers = cluster, cluster.Node(), cluster.Peers()
	e.store, err = sqlite.Open(ctx, cfg.Data, sqlite.WithoutLobby())
	return e, err
}

func clusterConfig(cfg *Config, log *slog.Logger) (jetstream.Config, error) {
	secure, err := openClusterTLS(cfg, log)
	return jetstream.Config{
		Name:   cfg.ClusterName,
		Dir:    filepath.Join(cfg.Data, "cluster"),
		Listen: cfg.ClusterListen,
		Peers:  cfg.ClusterPeers,
		Secret: string(cfg.ClusterSecret),
		Edges:  cfg.ClusterEdges,
		Edge:   cfg.Role == roleEdge,
		URL:    string(cfg.NATSURL),
		Creds:  cfg.NATSCreds,
		TLS:    secure,
		Logger: log,
	}, err
}

// after is how far the store is in the cluster's journal. What was there before
// the cluster counts as its first entry.
func (e *engine) after() uint64 {
	at := e.store.JournalAt()
	if _, err := e.store.Room(context.Background(), rooms.Lobby); err == nil {
		at = max(at, 1)
	}
	return at
}

func (e *engine) snapshot(ctx context.Context, file string) (uint64, error) {
	at, err := e.store.Snapshot(ctx, file)
	return max(at, 1), err
}

// catchUp begins anew with a snapshot of the cluster's, for a node that has been
// away for longer than the journal is kept, or that has lost its data.
func catchUp(ctx context.Context, cfg *Config, behind error, log *slog.Logger) error {
	log.WarnContext(ctx, "this node begins anew with a snapshot", "why", behind)
	config, err := clusterConfig(cfg, log)
	if err != nil {
		return err
	}
	cluster, err := jetstream.New(ctx, config)
	if err != nil {
		return err
	}
	file := filepath.Join(cfg.Data, "cluster", "snapshot.db")
	if err := cluster.Restore(ctx, file); err != nil {
		return errors.Join(behind, err)
	}
	return sqlite.Replace(ctx, cfg.Data, file)
}

// guestKey is the key of the guests' tokens. On all nodes of a cluster it must
// be the same: a guest who comes to another node stays who he is.
func guestKey(cfg *Config) ([]byte, error) {
	if cfg.clustered() && cfg.ClusterSecret != "" {
		return hkdf.Key(sha256.New, []byte(cfg.ClusterSecret), []byte(cfg.ClusterName), "chatd guests", sha256.Size)
	}
	return auth.GuestKey(cfg.Data)
}
