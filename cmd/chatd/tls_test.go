package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// newCertificate writes a certificate for this machine into dir and returns
// what trusts it.
func newCertificate(t testing.TB, dir string, number int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: "chatd's test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(made)
	return pool
}

// HTTPS by the server itself: HTTP/2 for REST and the page, WebSockets beside
// it, and a certificate that is renewed under way.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	trust := newCertificate(t, dir, 1)
	p := serveIn(t, dir, "--tls-cert", "cert.pem", "--tls-key", "key.pem", "--admin-token", "the-admin-of-this-test")
	if !strings.HasPrefix(p.URL, "https://127.0.0.1:") {
		t.Fatalf("it says that it is at %s", p.URL)
	}
	secure := &tls.Config{RootCAs: trust}
	transport := &http.Transport{TLSClientConfig: secure.Clone(), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	web := &http.Client{Transport: transport}
	for _, path := range []string{"/", "/rooms", "/rooms/lobby/events", "/ws"} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		req, err := http.NewRequestWithContext(ctx, "GET", p.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "chat.example"
		resp, err := web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		cancel()
		want := 200
		if path == "/ws" {
			want = 426
		}
		if resp.StatusCode != want || resp.ProtoMajor != 2 || resp.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: %s by %s, %v", path, resp.Status, resp.Proto, resp.Header)
		}
	}

	// The socket takes the way that waits; nothing is lost on it.
	d := websocket.Dialer{TLSClientConfig: secure}
	join := func() *websocket.Conn {
		ws, resp, err := d.DialContext(t.Context(), "wss"+strings.TrimPrefix(p.URL, "https")+"/ws?name=Ana", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		t.Cleanup(func() { _ = ws.Close() })
		if err := ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		return ws
	}
	reader, writer := join(), join()
	const posts = 90 // fewer than the rate refuses
	wrote := make(chan error, 1)
	go func() {
		for range posts {
			if err := writer.WriteJSON(wire.ClientFrame{Type: wire.TypeChat, Message: strings.Repeat("long ", 700), ID: client.NewID()}); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- nil
	}()
	acked := make(chan int, 1)
	go func() {
		acks := 0
		for acks < posts {
			var f wire.Ack
			if err := writer.ReadJSON(&f); err != nil {
				break
			}
			if f.Type == wire.TypeAck {
				acks++
			}
		}
		acked <- acks
	}()
	for last := uint64(0); last < posts; {
		var f wire.MessageChange
		if err := reader.ReadJSON(&f); err != nil {
			t.Fatalf("after %d: %v", last, err)
		}
		if f.Type != wire.TypeChat {
			continue
		}
		if f.Rev != last+1 {
			t.Fatalf("after %d came %d", last, f.Rev)
		}
		last = f.Rev
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	if n := <-acked; n != posts {
		t.Errorf("%d of %d are acknowledged", n, posts)
	}

	// Plain HTTP to this port is told what it is.
	resp, err := http.Get("http" + strings.TrimPrefix(p.URL, "https") + "/rooms") //nolint:noctx // a test's
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP is answered %s", resp.Status)
	}

	newCertificate(t, dir, 2)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.URL, "https://"))
		if err != nil {
			t.Fatal(err)
		}
		number := c.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
		_ = c.Close()
		if number == 2 {
			break
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("the new certificate is not taken")
		}
	}
	// One that does not work leaves the old one, and the sessions stay.
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for tick := time.NewTicker(50 * time.Millisecond); !strings.Contains(p.log(), "the old one is kept"); {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("nothing is said about a key that is none")
		}
	}
	if err := reader.WriteJSON(wire.ClientFrame{Type: wire.TypePing}); err != nil {
		t.Fatal(err)
	}
	for f := (wire.Pong{}); f.Type != wire.TypePong; {
		if err := reader.ReadJSON(&f); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTLSNeedsBoth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, args := range [][]string{{"--tls-cert", "cert.pem"}, {"--tls-cert", "nowhere.pem", "--tls-key", "nowhere.pem"}} {
		p, err := startProcess(t.Context(), dir, nil, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
		if err == nil {
			p.kill()
			t.Fatalf("it starts with %v", args)
		}
		if !strings.Contains(p.log(), "--tls-key") {
			t.Errorf("with %v it says %s", args, p.log())
		}
	}
}
