package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"chatd/rooms/jetstream"
)

// clusterTLS tells whether anything is said about TLS between the nodes.
func (c *Config) clusterTLS() bool {
	return c.ClusterCert != "" || c.ClusterKey != "" || c.ClusterCA != ""
}

// openClusterTLS reads what the connections between nodes are encrypted with,
// nil where they are not.
func openClusterTLS(cfg *Config, log *slog.Logger) (*jetstream.TLS, error) {
	if !cfg.clusterTLS() {
		return nil, nil //nolint:nilnil // plain is no failure
	}
	t := new(jetstream.TLS)
	if cfg.ClusterCert != "" {
		c, err := openCertificate(cfg.ClusterCert, cfg.ClusterKey, log)
		if err != nil {
			return nil, fmt.Errorf("--cluster-tls-cert and --cluster-tls-key: %w", err)
		}
		t.Certificate = c.whenAsked()
	}
	if cfg.ClusterCA != "" {
		text, err := os.ReadFile(cfg.ClusterCA)
		t.CA = x509.NewCertPool()
		if err == nil && !t.CA.AppendCertsFromPEM(text) {
			err = errors.New(cfg.ClusterCA + " holds no certificate")
		}
		if err != nil {
			return nil, fmt.Errorf("--cluster-tls-ca: %w", err)
		}
	}
	return t, nil
}

// whenAsked looks at the files whenever it is asked: nodes rarely shake hands.
func (c *certificate) whenAsked() func() *tls.Certificate {
	var mu sync.Mutex
	return func() *tls.Certificate {
		mu.Lock()
		defer mu.Unlock()
		if _, err := c.load(); err != nil {
			c.keeping(context.Background(), err)
		}
		return c.now.Load()
	}
}
