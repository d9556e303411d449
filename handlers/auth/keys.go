package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
)

const (
	fileEvery = 10 * time.Second // how often a file of keys is read again
	urlEvery  = 5 * time.Minute  // how often keys are fetched again
	tryEvery  = 10 * time.Second // how often at most, because of a token whose key is not known
	fetchWait = 5 * time.Second
	maxSet    = 1 << 20 // bytes of a JWK Set
	minRSA    = 2048    // bits
)

// key is a public key, for one algorithm alone: a token cannot choose another.
type key struct {
	id, alg string
	public  crypto.PublicKey
}

// keyring holds the keys of a JWK Set (RFC 7517), a file or a URL, and follows
// its changes. It is safe for any number of goroutines.
type keyring struct {
	source string
	every  time.Duration
	log    *slog.Logger
	load   func(ctx context.Context) ([]byte, error)
	turn   chan struct{} // held by whoever loads

	mu    sync.Mutex
	keys  []key // nil before the first load that worked
	tried time.Time
}

func newKeyring(source string, log *slog.Logger) (*keyring, error) {
	k := &keyring{source: source, log: log, turn: make(chan struct{}, 1)}
	if !strings.Contains(source, "://") {
		k.every, k.load = fileEvery, func(context.Context) ([]byte, error) { return os.ReadFile(source) }
		raw, err := os.ReadFile(source)
		if err != nil {
			return nil, err
		}
		if k.keys, err = parseKeys(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		return k, nil
	}
	u, err := url.Parse(source)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, fmt.Errorf("%q is not the https URL of a JWK Set", source)
	}
	client := &http.Client{Timeout: fetchWait}
	k.every, k.load = urlEvery, func(ctx context.Context) ([]byte, error) { return fetch(ctx, client, source) }
	return k, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func fetch(ctx context.Context, client *http.Client, source string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", source, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxSet))
}

// parseKeys reads the keys of a JWK Set that chatd can use; a set may hold
// others. Public keys in PEM will do as well.
func parseKeys(raw []byte) ([]key, error) {
	if block, rest := pem.Decode(raw); block != nil {
		return parsePEM(block, rest)
	}
	var set jwkset.JWKSMarshal
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, fmt.Errorf("not a JWK Set: %w", err)
	}
	var keys []key
	for _, m := range set.Keys {
		if m.KTY == jwkset.KtyOct || m.USE == jwkset.UseEnc {
			continue
		}
		jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil {
			continue // a kind of key that is not known here
		}
		alg := algorithm(jwk.Key())
		if alg == "" || m.ALG != "" && m.ALG.String() != alg {
			continue
		}
		keys = append(keys, key{id: m.KID, alg: alg, public: jwk.Key()})
	}
	if len(keys) == 0 {
		return nil, errors.New("no key for RS256 (from 2048 bits), ES256 or EdDSA in the JWK Set")
	}
	return keys, nil
}

// parsePEM reads public keys (SubjectPublicKeyInfo). They have no ids: whatever
// id a token names, all that are for its algorithm are tried.
func parsePEM(block *pem.Block, rest []byte) (keys []key, err error) {
	for ; block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("a %q where public keys are wanted (openssl pkey -pubout)", block.Type)
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		alg := algorithm(public)
		if alg == "" {
			return nil, fmt.Errorf("a public key that is not for RS256 (from %d bits), ES256 or EdDSA", minRSA)
		}
		keys = append(keys, key{alg: alg, public: public})
	}
	return keys, nil
}

// algorithm is the one with which tokens of a key are signed, "" for none.
func algorithm(public crypto.PublicKey) string {
	switch p := public.(type) {
	case *rsa.PublicKey:
		if p.N.BitLen() >= minRSA {
			return "RS256"
		}
	case *ecdsa.PublicKey:
		if p.Curve == elliptic.P256() {
			return "ES256"
		}
	case ed25519.PublicKey:
		return "EdDSA"
	}
	return ""
}

var errNoKeys = errors.New("the keys could not be loaded yet")

// find returns the keys for alg that have the id, and those that have none; when
// id is "", all for alg. What it does not find it looks for in the set as it is now, though not
// too often.
func (k *keyring) find(ctx context.Context, alg, id string) ([]crypto.PublicKey, error) {
	if found, _ := k.known(alg, id); len(found) > 0 {
		return found, nil
	}
	k.reload(context.WithoutCancel(ctx), tryEvery) // the next try is far: it is not of whoever asks and goes away
	found, loaded := k.known(alg, id)
	if !loaded {
		return nil, errNoKeys
	}
	return found, nil
}

func (k *keyring) known(alg, id string) (found []crypto.PublicKey, loaded bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if key.alg == alg && (id == "" || key.id == "" || key.id == id) {
			found = append(found, key.public)
		}
	}
	return found, k.keys != nil
}

// reload loads the set again unless that was tried less than rest ago. Keys
// that cannot be loaded stay as they were.
func (k *keyring) reload(ctx context.Context, rest time.Duration) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return
	}
	k.mu.Lock()
	recent := time.Since(k.tried) < rest
	k.mu.Unlock()
	if recent {
		return
	}
	raw, err := k.load(ctx)
	var keys []key
	if err == nil {
		keys, err = parseKeys(raw)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried = time.Now()
	if err == nil {
		k.keys = keys
	} else if ctx.Err() == nil {
		k.log.WarnContext(ctx, "the token keys could not be loaded; the ones known before stay", "source", k.source, "err", err)
	}
}

// run follows the set until ctx is done.
func (k *keyring) run(ctx context.Context) {
	tick := time.NewTicker(k.every)
	defer tick.Stop()
	for {
		k.reload(ctx, 0)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
