package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// certificates are the server's own, got and renewed by ACME (RFC 8555).
type certificates struct {
	manager *autocert.Manager
	hosts   []string
	log     *slog.Logger
}

// newACME makes the part that gets certificates. They, and the account's key, are
// kept in the data directory.
func newACME(cfg *Config, log *slog.Logger) *certificates {
	version, _ := buildVersion()
	return &certificates{
		manager: &autocert.Manager{
			Prompt:     autocert.AcceptTOS, // by --acme-host, whose help says so
			Cache:      autocert.DirCache(filepath.Join(cfg.Data, "acme")),
			HostPolicy: known(cfg.ACMEHost),
			Client:     &acme.Client{DirectoryURL: cmp.Or(cfg.ACMEDirectory, acme.LetsEncryptURL), UserAgent: "chatd/" + version},
		},
		hosts: cfg.ACMEHost,
		log:   log,
	}
}

// known lets names of hosts alone, with or without a port, which those have that
// ask elsewhere than at port 80.
func known(hosts []string) autocert.HostPolicy {
	ours := autocert.HostWhitelist(hosts...)
	return func(ctx context.Context, name string) error {
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		return ours(ctx, name)
	}
}

// config is for the server. It also answers the challenge tls-alpn-01 (RFC 8737).
func (c *certificates) config() *tls.Config {
	config := c.manager.TLSConfig()
	config.MinVersion = tls.VersionTLS12
	return config
}

// How long to wait after a failure. Let's Encrypt takes five failures an hour.
const (
	acmeAgain = 5 * time.Minute
	acmeMost  = time.Hour
)

// run gets a certificate for each host, so that the first visitor need not wait
// and the log tells at once what is wrong. Their renewal is the manager's.
func (c *certificates) run(ctx context.Context) {
	for wait, left := acmeAgain, c.hosts; ; wait = min(2*wait, acmeMost) {
		var failed []string
		for _, host := range left {
			cert, err := c.get(ctx, host)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				c.log.WarnContext(ctx, "no certificate by ACME yet; the authority must reach this server at port 443 or, with --http-listen, at port 80", "host", host, "again_in", wait.String(), "err", err)
				failed = append(failed, host)
			default:
				c.log.InfoContext(ctx, "has a certificate by ACME", "host", host, "ends", cert.Leaf.NotAfter)
			}
		}
		if left = failed; len(left) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// get asks for the certificate that browsers get, one with an ECDSA key. The
// manager takes no context: at the process's end its last attempt is left behind.
func (c *certificates) get(ctx context.Context, host string) (cert *tls.Certificate, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		cert, err = c.manager.GetCertificate(&tls.ClientHelloInfo{
			ServerName:       host,
			SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
			SupportedCurves:  []tls.CurveID{tls.CurveP256},
			CipherSuites:     []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		})
	}()
	select {
	case <-done:
		return cert, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
