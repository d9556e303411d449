package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme/autocert"
)

// newTLS makes what the server speaks HTTPS with: nil where it does not. keep
// follows the certificates until its context is done.
func newTLS(cfg *Config, log *slog.Logger) (config *tls.Config, manager *autocert.Manager, keep func(context.Context), err error) {
	switch {
	case len(cfg.ACMEHost) > 0:
		a := newACME(cfg, log)
		return a.config(), a.manager, a.run, nil
	case cfg.TLSCert != "":
		c, err := openCertificate(cfg.TLSCert, cfg.TLSKey, log)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
		}
		return c.config(), nil, c.run, nil
	}
	return nil, nil, nil, nil
}

// certificateEvery is how often the files of the certificate are looked at.
const certificateEvery = 2 * time.Second

// certificate is the server's own, in files that others renew.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	now               atomic.Pointer[tls.Certificate]
	cert, key         []byte // as they were when they were last looked at
}

// openCertificate reads the certificate. It fails when there is none that works.
func openCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	if _, err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

// load takes what is in the files, if that is another than before. It compares
// contents: a file that is a link may change without a sign.
func (c *certificate) load() (changed bool, err error) {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return false, err
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return false, err
	}
	if bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false, err
	}
	c.cert, c.key = cert, key
	c.now.Store(&pair)
	return true, nil
}

// run follows the files until ctx is done. What does not work, as between the
// writing of the one file and of the other, leaves the certificate as it is.
func (c *certificate) run(ctx context.Context) {
	tick := time.NewTicker(certificateEvery)
	defer tick.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch changed, err := c.load(); {
		case err != nil && err.Error() != told:
			told = err.Error()
			c.keeping(ctx, err)
		case err == nil:
			told = ""
			if changed {
				c.log.InfoContext(ctx, "took the new certificate", "ends", c.now.Load().Leaf.NotAfter)
			}
		}
	}
}

func (c *certificate) keeping(ctx context.Context, err error) {
	c.log.WarnContext(ctx, "the new certificate does not work; the old one is kept", "err", err)
}

// config is for the server. HTTP/2 is among the protocols; browsers open
// WebSockets by HTTP/1.1 beside it.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil },
	}
}
