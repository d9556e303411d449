package jetstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// handshakeFor bounds a TLS handshake between nodes, in seconds.
const handshakeFor = 5

// TLS is what connections between nodes, or to a NATS that is there, are
// encrypted with.
type TLS struct {
	// Certificate returns this node's own as it is at the moment. Nil has none,
	// which only a NATS that is there may take.
	Certificate func() *tls.Certificate
	// CA is who signs the certificates of the others. Nil is whom the system
	// trusts.
	CA *x509.CertPool
}

// verify checks that certificate is good now, and that CA signed it. What it
// may be used for does not count: the same one is shown and asked for.
func (t *TLS) verify(certificate *x509.Certificate, chain []*x509.Certificate) error {
	between := x509.NewCertPool()
	for _, c := range chain {
		between.AddCert(c)
	}
	_, err := certificate.Verify(x509.VerifyOptions{
		Roots: t.CA, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err
}

// isFor tells whether a certificate is for one of the addresses.
func isFor(certificate *x509.Certificate, addresses []string) bool {
	for _, address := range addresses {
		if host, _, err := splitAddress(address); err == nil && certificate.VerifyHostname(host) == nil {
			return true
		}
	}
	return false
}

// names is whom a certificate is for, to show it.
func names(certificate *x509.Certificate) string {
	all := slices.Clip(certificate.DNSNames) // it may be shared with other handshakes
	for _, ip := range certificate.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "nobody: it has no subject alternative name"
	}
	return strings.Join(all, ", ")
}

// checkOwn finds out at once what the others would refuse later. Nobody calls an
// edge, by any name.
func (t *TLS) checkOwn(name string, edge bool) error {
	own := t.Certificate()
	leaf := own.Leaf
	var chain []*x509.Certificate
	for _, der := range own.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			chain = append(chain, c)
		}
	}
	if err := t.verify(leaf, chain); err != nil {
		return fmt.Errorf("the other nodes would refuse this node's certificate: %w", err)
	}
	if !edge && !isFor(leaf, []string{name}) {
		return fmt.Errorf("the others know this node as %s, and its certificate is for %s", name, names(leaf))
	}
	return nil
}

// between is for the connections between nodes. Both sides show a certificate
// that CA signed for one of the peers, whichever: NATS tells the nodes about
// each other by their addresses, which may not be their names.
func (t *TLS) between(peers []string) *tls.Config {
	c := t.server(func(leaf *x509.Certificate) error {
		if !isFor(leaf, peers) {
			return fmt.Errorf("its certificate is for %s, and for none of the nodes", names(leaf))
		}
		return nil
	})
	c.GetClientCertificate = t.show
	c.InsecureSkipVerify = true // VerifyConnection does all of it, for both sides
	return c
}

// server is for whoever connects with a certificate that CA signed, and that
// also accepts, unless that is nil.
func (t *TLS) server(also func(leaf *x509.Certificate) error) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		ClientAuth:     tls.RequireAnyClientCert,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return t.Certificate(), nil },
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return errors.New("it has no certificate")
			}
			leaf := s.PeerCertificates[0]
			if err := t.verify(leaf, s.PeerCertificates[1:]); err != nil {
				return err
			}
			if also == nil {
				return nil
			}
			return also(leaf)
		},
	}
}

// client is for connections to a server that must have the name it is called by.
func (t *TLS) client() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: t.CA}
	if t.Certificate != nil {
		c.GetClientCertificate = t.show
	}
	return c
}

func (t *TLS) show(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return t.Certificate(), nil
}
