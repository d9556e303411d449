package jetstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// embedded is the NATS server within this process.
type embedded struct {
	*natsserver.Server
	user, password string
}

// startServer starts the server and joins it to those of the peers. It does not
// wait for them.
func (c *Cluster) startServer() (*embedded, error) {
	e := &embedded{user: "this process", password: rand.Text()}
	o := &natsserver.Options{
		ServerName: c.name,
		// The client is in this process, but a server that does not listen
		// makes no routes either: a port of this machine's, behind a password
		// that nobody is told.
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT,
		Users:  []*natsserver.User{{Username: e.user, Password: e.password}},
		NoSigs: true, NoSystemAccount: false,
		JetStream: true, StoreDir: c.config.Dir,
		SyncAlways: !c.config.Unsynced,
	}
	if c.config.Edges != "" {
		var err error
		if o.Host, o.Port, err = splitAddress(c.config.Edges); err != nil {
			return nil, err
		}
		o.Users = append(o.Users, &natsserver.User{Username: c.edgeUser(), Password: c.config.Secret})
		if c.config.TLS != nil {
			o.TLSConfig, o.TLSTimeout = c.config.TLS.server(nil), handshakeFor
		}
	}
	if len(c.config.Peers) > 1 {
		host, port, err := splitAddress(c.config.Listen)
		if err != nil {
			return nil, err
		}
		o.Cluster = natsserver.ClusterOpts{
			Name: c.config.Name, Host: host, Port: port, NoAdvertise: true,
			PingInterval: 2 * time.Second, MaxPingsOut: 3,
		}
		if c.config.TLS != nil {
			o.Cluster.TLSConfig, o.Cluster.TLSTimeout = c.config.TLS.between(c.config.Peers), handshakeFor
		}
		if c.config.Secret != "" {
			o.Cluster.Username, o.Cluster.Password = c.config.Name, c.config.Secret
		}
		for _, peer := range c.config.Peers {
			u := &url.URL{Scheme: "nats-route", Host: peer}
			if c.config.Secret != "" {
				u.User = url.UserPassword(c.config.Name, c.config.Secret)
			}
			o.Routes = append(o.Routes, u)
		}
	}
	var err error
	if e.Server, err = natsserver.NewServer(o); err != nil {
		return nil, fmt.Errorf("the embedded NATS server: %w", err)
	}
	e.SetLoggerV2(&serverLog{log: c.log}, false, false, false)
	e.Start()
	if !e.ReadyForConnections(10 * time.Second) {
		e.Shutdown()
		e.WaitForShutdown()
		return nil, errors.New("the embedded NATS server did not start; the log says why")
	}
	return e, nil
}

// edgeUser is whom nodes without a server come as, with the cluster's secret.
func (c *Cluster) edgeUser() string { return "edge of " + c.config.Name }

func (e *embedded) options() []nats.Option {
	return []nats.Option{nats.InProcessServer(e), nats.UserInfo(e.user, e.password)}
}

// abandonAfter is how long a server may take to stop when the process ends.
const abandonAfter = 2 * time.Second

// stop stops the server. One that is getting its replica from another, which
// has gone, waits for that for up to 10 s before it looks whether it is to stop
// (nats-server 2.15 does). When ctx is done, and the process about to end, it is
// left at that: what it has acknowledged is on disk, as for one that is killed.
// Another server must not begin on its files before it has stopped: without
// that, stop waits.
func (e *embedded) stop(ctx context.Context, log *slog.Logger) {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		e.Shutdown()
		e.WaitForShutdown()
	}()
	select {
	case <-stopped:
		return
	case <-ctx.Done():
	}
	select {
	case <-stopped:
	case <-time.After(abandonAfter):
		log.WarnContext(ctx, "the embedded NATS server does not stop; it is left as it is", "after", abandonAfter.String())
	}
}

// errServerStopped tells that the embedded server does not keep its part of the
// journal any more.
var errServerStopped = errors.New("the embedded NATS server has given up: its disk is full, or failed")

const (
	serverLook  = time.Second
	serverAgain = 5 * time.Second // between two starts of the server
)

// watch cancels ctx when the server has turned its JetStream off, which it does
// when it cannot write.
func (e *embedded) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(serverLook)
	defer tick.Stop()
	for e.JetStreamEnabled() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	cancel(errServerStopped)
}

// findSelf finds which of the peers this node is: it is known to the others,
// and to the stream's replicas, by that name, also when its disk is another.
func findSelf(ctx context.Context, listen string, peers []string) (string, error) {
	host, port, err := splitAddress(listen)
	if err != nil {
		return "", err
	}
	if n := len(peers); n == 0 || n == 2 {
		return "", fmt.Errorf("a cluster has 1 or at least 3 nodes, not %d: with 2, each could do nothing without the other", n)
	}
	if err := checkPeers(peers); err != nil {
		return "", err
	}
	if slices.Contains(peers, listen) {
		return listen, nil
	}
	if host != "" && host != "0.0.0.0" && host != "::" {
		return "", fmt.Errorf("this node listens on %s, which is none of its peers: name it as the others do", listen)
	}
	mine, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("this machine's addresses: %w", err)
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("this machine's name: %w", err)
	}
	var found []string
	for _, peer := range peers {
		peerHost, peerPort, _ := splitAddress(peer)
		if peerPort == port && (isNamed(peerHost, name) || isMine(ctx, peerHost, mine)) {
			found = append(found, peer)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("of the peers %s, %d are this machine: listen on the address by which the others know it", strings.Join(peers, ", "), len(found))
	}
	return found[0], nil
}

func checkPeers(peers []string) error {
	for i, peer := range peers {
		if _, _, err := splitAddress(peer); err != nil {
			return err
		}
		if slices.Index(peers, peer) < i {
			return fmt.Errorf("the peer %s is named twice", peer)
		}
	}
	return nil
}

// isNamed tells whether host is this machine's name, with or without a domain:
// where machines come and go, a name may be known before its address.
func isNamed(host, name string) bool {
	return host == name || strings.HasPrefix(host, name+".")
}

func isMine(ctx context.Context, host string, mine []net.Addr) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ips, _ := net.DefaultResolver.LookupIPAddr(ctx, host) // a name that nobody knows is not this machine's
	for _, ip := range ips {
		for _, addr := range mine {
			if n, ok := addr.(*net.IPNet); ok && n.IP.Equal(ip.IP) {
				return true
			}
		}
	}
	return false
}

// splitAddress splits HOST:PORT; the host may be empty.
func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("%q is not HOST:PORT", address)
	}
	return host, port, nil
}
