package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"chatd/handlers"
	"chatd/handlers/webhook"
)

// Config is all that can be set about a server. It is the only place: flags,
// environment variables, defaults, the help and the table in README.md are made
// of it.
type Config struct {
	File          string        `flag:"config" arg:"FILE" help:"file of settings in TOML, with the names of the flags; flags and environment count before it"`
	Listen        string        `flag:"listen" arg:"ADDRESS" default:"localhost:8080" help:"host and port to listen on; port 0 takes a free one"`
	Data          string        `flag:"data" arg:"DIR" default:"./chatd-data" help:"directory of the database, made if missing"`
	TLSCert       string        `flag:"tls-cert" arg:"FILE" help:"certificate (PEM, with its chain) to serve HTTPS with; a new one is taken while chatd runs"`
	TLSKey        string        `flag:"tls-key" arg:"FILE" help:"key (PEM) of the certificate"`
	ACMEHost      []string      `flag:"acme-host" arg:"HOST,…" help:"public names of this server, to get and renew certificates for by ACME; setting it accepts the terms of Let's Encrypt, or of the authority that --acme-directory names"`
	ACMEDirectory string        `flag:"acme-directory" arg:"URL" help:"directory of the authority that --acme-host asks, if it is not Let's Encrypt"`
	HTTPListen    string        `flag:"http-listen" arg:"ADDRESS" help:"with HTTPS, host and port of plain HTTP, such as :80, that leads browsers to HTTPS and answers ACME"`
	AdminToken    secret        `flag:"admin-token" same:"yes" arg:"TOKEN" help:"bearer token that may do everything; without one, management is open to whoever can connect"`
	JWTSecret     secret        `flag:"jwt-secret" same:"yes" arg:"SECRET" help:"secret of the tokens that people bring (JWT, HS256), at least 32 characters"`
	JWTKeys       string        `flag:"jwt-keys" same:"yes" arg:"FILE|URL" help:"keys that sign these tokens with RS256, ES256 or EdDSA: a file with a JWK Set or public keys (PEM), or the https URL of a JWK Set"`
	JWTIssuer     string        `flag:"jwt-issuer" same:"yes" arg:"ISSUER" help:"issuer (iss) that these tokens must be from"`
	JWTAudience   string        `flag:"jwt-audience" same:"yes" arg:"NAME" help:"audience (aud) that these tokens must be for; without one, tokens for nobody in particular and for chatd count"`
	Guests        string        `flag:"guests" same:"yes" arg:"WHAT" default:"post" oneof:"off read post" help:"what people without a token may do in public rooms"`
	AllowedOrigin []string      `flag:"allowed-origin" arg:"ORIGIN,…" help:"web origins beside the server's own whose pages may talk to it, such as https://*.example.com; * is all"`
	TrustedProxy  []string      `flag:"trusted-proxy" arg:"NETWORK,…" help:"addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Host count"`
	ClusterName   string        `flag:"cluster-name" same:"yes" arg:"NAME" help:"name of the cluster that this server is a node of, the same on all its nodes"`
	Role          string        `flag:"role" arg:"WHAT" default:"node" oneof:"node edge" help:"what this server is in its cluster. A node keeps a part of the journal; an edge keeps none, and serves people all the same"`
	ClusterListen string        `flag:"cluster-listen" arg:"ADDRESS" help:"host and port to listen on for the other nodes, such as :6222"`
	ClusterPeers  []string      `flag:"cluster-peers" arg:"ADDRESS,…" help:"hosts and ports of all the nodes, this one among them: 1, or at least 3. For an edge, those of their --cluster-edges"`
	ClusterEdges  string        `flag:"cluster-edges" arg:"ADDRESS" help:"host and port to listen on for edges, such as :6223"`
	ClusterSecret secret        `flag:"cluster-secret" same:"yes" arg:"SECRET" help:"secret that the nodes know each other by, at least 16 characters; needed beyond this machine"`
	ClusterCert   string        `flag:"cluster-tls-cert" arg:"FILE" help:"certificate (PEM, with its chain) that this node shows the other nodes, or NATS; a new one is taken while chatd runs"`
	ClusterKey    string        `flag:"cluster-tls-key" arg:"FILE" help:"key (PEM) of that certificate"`
	ClusterCA     string        `flag:"cluster-tls-ca" arg:"FILE" help:"certificates (PEM) of who signs those of the other nodes, or of NATS"`
	NATSURL       secret        `flag:"nats-url" arg:"URL" help:"URL of a NATS cluster with JetStream to use, instead of one that the nodes make themselves"`
	NATSCreds     string        `flag:"nats-creds" arg:"FILE" help:"file with the credentials for that NATS (.creds), where the URL has none"`
	PostRate      int           `flag:"post-rate" same:"yes" arg:"N" default:"20" help:"posts, edits, deletions and reactions a second of one person, five times as many at once; 0 is no limit. Moderators have none"`
	RoomRate      int           `flag:"room-rate" same:"yes" arg:"N" default:"500" help:"the same of all people in one room"`
	MaxRooms      int           `flag:"max-rooms" same:"yes" arg:"N" default:"100000" help:"rooms that there may be; 0 is no limit"`
	MaxSessions   int           `flag:"max-sessions" arg:"N" default:"0" help:"WebSockets and event streams in all; 0 is no limit"`
	MaxPerAddress int           `flag:"max-per-address" arg:"N" default:"1000" help:"WebSockets and event streams from one address; 0 is no limit. This machine's own address has none"`
	Compress      bool          `flag:"compress" help:"compress messages of more than 512 bytes for WebSockets that can take it (permessage-deflate): less traffic for more processor time"`
	WebhookAllow  []string      `flag:"webhook-allow" arg:"NETWORK,…" help:"addresses or networks that webhooks may call although they are not public, such as 127.0.0.1 or 10.1.0.0/16; these by http too"`
	Insecure      bool          `flag:"insecure" help:"listen beyond this machine although anybody who connects may manage it"`
	DebugListen   string        `flag:"debug-listen" arg:"ADDRESS" help:"host and port of this machine on which to show profiles (pprof), such as localhost:6060"`
	LogFormat     string        `flag:"log-format" arg:"FORMAT" default:"text" oneof:"text json" help:"format of the log on standard error"`
	Drain         time.Duration `flag:"drain" arg:"DURATION" default:"10s" help:"how long clients have to leave when the server is told to stop"`
}

func (c *Config) check() []error {
	var bad []error
	if err := c.checkListen(); err != nil {
		bad = append(bad, err)
	}
	if c.DebugListen != "" {
		if host, _, err := net.SplitHostPort(c.DebugListen); err != nil || !isLoopback(host) {
			bad = append(bad, fmt.Errorf("--debug-listen (CHATD_DEBUG_LISTEN): %q is no HOST:PORT of this machine, such as localhost:6060", c.DebugListen))
		}
	}
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		bad = append(bad, fmt.Errorf("--tls-cert (CHATD_TLS_CERT) and --tls-key (CHATD_TLS_KEY): set both, or none"))
	case c.TLSCert != "":
		if _, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err != nil {
			bad = append(bad, fmt.Errorf("--tls-cert (CHATD_TLS_CERT) and --tls-key (CHATD_TLS_KEY): %w", err))
		}
	}
	for _, text := range c.AllowedOrigin {
		if err := handlers.CheckOrigin(text); err != nil {
			bad = append(bad, fmt.Errorf("--allowed-origin (CHATD_ALLOWED_ORIGIN): %w", err))
		}
	}
	for _, text := range c.TrustedProxy {
		if err := handlers.CheckProxy(text); err != nil {
			bad = append(bad, fmt.Errorf("--trusted-proxy (CHATD_TRUSTED_PROXY): %w", err))
		}
	}
	if k := c.JWTKeys; k != "" && !strings.Contains(k, "://") {
		if _, err := os.Stat(k); err != nil {
			bad = append(bad, fmt.Errorf("--jwt-keys (CHATD_JWT_KEYS): %w", err))
		}
	}
	if _, err := webhook.ParseNetworks(c.WebhookAllow); err != nil {
		bad = append(bad, fmt.Errorf("--webhook-allow (CHATD_WEBHOOK_ALLOW): %w", err))
	}
	bad = append(bad, c.checkACME()...)
	if c.Data == "" {
		bad = append(bad, fmt.Errorf("--data (CHATD_DATA): must name a directory"))
	}
	if t := string(c.AdminToken); t != "" && (len(t) < minToken || strings.ContainsFunc(t, notTokenRune)) {
		bad = append(bad, fmt.Errorf("--admin-token (CHATD_ADMIN_TOKEN): must have at least %d characters, all of them letters, digits or -._~+/=", minToken))
	}
	if s := string(c.JWTSecret); s != "" && len(s) < minSecret {
		bad = append(bad, fmt.Errorf("--jwt-secret (CHATD_JWT_SECRET): must have at least %d characters", minSecret))
	}
	if c.clustered() {
		bad = append(bad, c.checkCluster()...)
	}
	return bad
}

// checkListen refuses an address on which whoever comes could manage the server,
// if they can come from elsewhere.
func (c *Config) checkListen() error {
	switch host, port, err := net.SplitHostPort(c.Listen); {
	case err != nil || port == "":
		return fmt.Errorf("--listen (CHATD_LISTEN): %q is not HOST:PORT, such as localhost:8080 or :8080", c.Listen)
	case !c.Insecure && c.open() && !isLoopback(host):
		return fmt.Errorf("--listen %s would let anybody who can reach this machine manage its rooms: "+
			"set --admin-token (CHATD_ADMIN_TOKEN) or a key of tokens (--jwt-secret, --jwt-keys), "+
			"or listen on localhost, or say --insecure to have it so", c.Listen)
	}
	return nil
}

func (c *Config) checkACME() (bad []error) {
	for _, host := range c.ACMEHost {
		if !acmeName.MatchString(host) {
			bad = append(bad, fmt.Errorf("--acme-host (CHATD_ACME_HOST): %q is no public name, such as chat.example.com", host))
		}
	}
	if len(c.ACMEHost) > 0 && c.TLSCert != "" {
		bad = append(bad, fmt.Errorf("--acme-host (CHATD_ACME_HOST) and --tls-cert (CHATD_TLS_CERT): set one of them"))
	}
	if u, err := url.Parse(c.ACMEDirectory); c.ACMEDirectory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		bad = append(bad, fmt.Errorf("--acme-directory (CHATD_ACME_DIRECTORY): %q is no https URL", c.ACMEDirectory))
	}
	if c.HTTPListen != "" {
		if _, port, err := net.SplitHostPort(c.HTTPListen); err != nil || port == "" {
			bad = append(bad, fmt.Errorf("--http-listen (CHATD_HTTP_LISTEN): %q is not HOST:PORT, such as :80", c.HTTPListen))
		}
		if !c.secure() {
			bad = append(bad, fmt.Errorf("--http-listen (CHATD_HTTP_LISTEN): is for HTTPS, by --acme-host or --tls-cert; plain HTTP alone is --listen"))
		}
	}
	return bad
}

// acmeName is a name that a public authority gives a certificate for: lower-case,
// with a dot, and no address.
var acmeName = regexp.MustCompile(`^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

// secure tells whether the server itself speaks HTTPS.
func (c *Config) secure() bool { return c.TLSCert != "" || len(c.ACMEHost) > 0 }

// open tells whether whoever connects may manage the server.
func (c *Config) open() bool { return c.AdminToken == "" && c.JWTSecret == "" && c.JWTKeys == "" }

// localOnly tells whether nobody but this machine's own people may talk to the
// server, because whoever talks to it may manage it.
func (c *Config) localOnly() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	return err == nil && c.open() && !c.Insecure && isLoopback(host)
}

// minToken is the least length of an admin token. It keeps out words; it cannot
// keep out bad luck.
const minToken = 16

// minSecret is the least length of an HS256 secret (RFC 7518 section 3.2).
const minSecret = 32

// notTokenRune tells what cannot be in a bearer token (RFC 6750 section 2.1).
func notTokenRune(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~+/=", c)
}

// isLoopback tells whether all that host stands for is this machine alone. No
// host at all stands for every address.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := net.ResolveIPAddr("ip", host)
	return err == nil && addr.IP.IsLoopback()
}
