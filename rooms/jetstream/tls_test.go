package jetstream_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"chatd/rooms"
	"chatd/rooms/jetstream"
	"chatd/rooms/roomstest"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	made := a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "an authority of the test's"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	})
	a.cert, a.key = made.Leaf, made.PrivateKey.(*ecdsa.PrivateKey)
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) sign(t *testing.T, cert *x509.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert.SerialNumber, cert.NotBefore = big.NewInt(time.Now().UnixNano()), time.Now().Add(-2*time.Hour)
	if cert.NotAfter.IsZero() {
		cert.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = cert, key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// of is TLS for a node of that name. Its certificate is for servers alone, as
// public authorities give them.
func (a *authority) of(t *testing.T, name string) *jetstream.TLS {
	t.Helper()
	cert := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(name); ip != nil {
		cert.IPAddresses = []net.IP{ip}
	} else {
		cert.DNSNames = []string{name}
	}
	made := a.sign(t, cert)
	return &jetstream.TLS{CA: a.pool, Certificate: func() *tls.Certificate { return made }}
}

// lines is a log that can be waited for.
type lines struct {
	mu    sync.Mutex
	all   strings.Builder
	wrote chan struct{}
}

func newLines() *lines { return &lines{wrote: make(chan struct{}, 1)} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.wrote <- struct{}{}:
	default:
	}
	return l.all.Write(p)
}

func (l *lines) logger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(io.MultiWriter(l, t.Output()), nil))
}

// until waits for a line that has all of the words.
func (l *lines) until(t *testing.T, words ...string) {
	t.Helper()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for {
		l.mu.Lock()
		text := l.all.String()
		l.mu.Unlock()
		for line := range strings.Lines(text) {
			missing := false
			for _, word := range words {
				missing = missing || !strings.Contains(line, word)
			}
			if !missing {
				return
			}
		}
		select {
		case <-l.wrote:
		case <-late.C:
			t.Fatalf("no line of the log has %q", words)
		}
	}
}

// Three nodes make a cluster over TLS. Whoever has not a certificate for one of
// them, of the right authority, or not the secret, does not get in; the logs of
// both sides say why.
func TestTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	peers := roomstest.FreeAddresses(t, 3)
	inside := newLines()
	node := func(i int, dir string, log *lines, change func(*jetstream.Config)) *jetstream.Cluster {
		c := config(t, dir, 0, peers, i)
		c.TLS, c.Logger = ours.of(t, "127.0.0.1"), log.logger(t)
		if change != nil {
			change(&c)
		}
		return newCluster(t, c)
	}
	nothing := func(context.Context, []rooms.Entry) error { return nil }
	first := node(0, t.TempDir(), inside, nil)
	run(t, first, nothing)
	run(t, node(1, t.TempDir(), newLines(), nil), nothing)
	thirdDir := t.TempDir()
	runThird := func(t *testing.T) {
		c := node(2, thirdDir, newLines(), nil)
		run(t, c, nothing)
		<-c.Begun()
		propose(t, first)
		if err := c.Current(t.Context()); err != nil {
			t.Errorf("the third node: %v", err)
		}
	}
	t.Run("three nodes", runThird)

	for _, intruder := range []struct {
		name        string
		change      func(*jetstream.Config)
		within, own []string
	}{
		{
			"another authority", func(c *jetstream.Config) { c.TLS = theirs.of(t, "127.0.0.1") },
			[]string{"a node was turned away", "certificate signed by unknown authority"},
			[]string{"a node was turned away", "certificate signed by unknown authority"},
		},
		{
			"no TLS", func(c *jetstream.Config) { c.TLS = nil },
			[]string{"a node was turned away", "it does not use TLS, and this node does"},
			nil,
		},
		{
			"another secret", func(c *jetstream.Config) { c.Secret = "a guess at the secret" },
			[]string{"a node was turned away", "another secret than this cluster's"},
			[]string{"this node was turned away by another", "another secret than the other"},
		},
	} {
		t.Run(intruder.name, func(t *testing.T) {
			log := newLines()
			c := node(2, t.TempDir(), log, intruder.change)
			run(t, c, func(context.Context, []rooms.Entry) error {
				t.Error("it was given entries")
				return nil
			})
			inside.until(t, intruder.within...)
			if intruder.own != nil {
				log.until(t, intruder.own...)
			}
			propose(t, first)
			if c.Ready() == nil {
				t.Error("it says that it is ready")
			}
		})
	}
	t.Run("three nodes again", runThird)
}

// propose has the journal take an entry.
func propose(t *testing.T, c *jetstream.Cluster) {
	t.Helper()
	for c.Propose(t.Context(), rooms.Entry{Kind: rooms.EntryPost, ID: rooms.NewID(), Node: c.Node()}) != nil {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// A certificate that the others would refuse is refused by the node itself.
func TestOwnCertificate(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	expired := ours.sign(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(-time.Hour)})
	peers := roomstest.FreeAddresses(t, 3)
	for want, secure := range map[string]*jetstream.TLS{
		"signed by unknown authority":  {CA: ours.pool, Certificate: theirs.of(t, "127.0.0.1").Certificate},
		"certificate is for b.example": ours.of(t, "b.example"),
		"certificate has expired":      {CA: ours.pool, Certificate: func() *tls.Certificate { return expired }},
		"no subject alternative name":  {CA: ours.pool, Certificate: func() *tls.Certificate { return ours.sign(t, &x509.Certificate{}) }},
	} {
		c := config(t, t.TempDir(), 0, peers, 0)
		c.TLS = secure
		if _, err := jetstream.New(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("instead of %q: %v", want, err)
		}
	}
}

// A NATS that is there is reached over TLS, with a client's certificate.
func TestTLSToANATSThatIsThere(t *testing.T) {
	ours := newAuthority(t)
	own := ours.of(t, "127.0.0.1").Certificate()
	url := startNATS(t, &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*own},
		ClientAuth: tls.RequireAnyClientCert,
	})
	c := jetstream.Config{Name: "test", Dir: t.TempDir(), URL: url, TLS: ours.of(t, "client.example")}
	cluster := newCluster(t, c)
	run(t, cluster, func(context.Context, []rooms.Entry) error { return nil })
	<-cluster.Begun()

	log := newLines()
	c.TLS, c.Logger, c.Dir = newAuthority(t).of(t, "client.example"), log.logger(t), t.TempDir()
	run(t, newCluster(t, c), func(context.Context, []rooms.Entry) error { return nil })
	log.until(t, "signed by unknown authority")
}
