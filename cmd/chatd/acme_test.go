package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chatd/rooms/roomstest"

	"golang.org/x/net/dns/dnsmessage"
)

const acmeHost = "chat.example.test"

// authority is Pebble, the ACME server that Let's Encrypt tests clients with.
type authority struct {
	directory string
	trust     string // file of the certificate that it serves its directory with
	roots     *x509.CertPool
}

// startAuthority runs Pebble, which finds every name on this machine, and looks
// at the ports for its challenges.
func startAuthority(t *testing.T, httpPort, tlsPort int) authority {
	t.Helper()
	pebble, err := exec.LookPath("pebble")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("there is no pebble, and CI is set: %v", err)
		}
		t.Skip("there is no pebble: go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1")
	}
	dir := t.TempDir()
	trust := newCertificate(t, dir, 1)
	directory, management := freePort(t), freePort(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": fmt.Sprintf("127.0.0.1:%d", directory), "managementListenAddress": fmt.Sprintf("127.0.0.1:%d", management),
		"certificate": filepath.Join(dir, "cert.pem"), "privateKey": filepath.Join(dir, "key.pem"),
		"httpPort": httpPort, "tlsPort": tlsPort,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pebble.json"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(pebble, "-strict", "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", serveNames(t)) //nolint:noctx // it ends with the test
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("pebble said:\n%s", out.String())
		}
	})
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}}, Timeout: patience}
	defer web.CloseIdleConnections()
	var roots []byte
	eventually(t, "pebble's root", func() bool {
		resp, err := web.Get(fmt.Sprintf("https://127.0.0.1:%d/roots/0", management)) //nolint:noctx // it has a timeout
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		roots, err = io.ReadAll(resp.Body)
		return err == nil && resp.StatusCode == http.StatusOK
	})
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(roots) {
		t.Fatalf("pebble's root is %s", roots)
	}
	return authority{fmt.Sprintf("https://127.0.0.1:%d/dir", directory), filepath.Join(dir, "cert.pem"), pool}
}

// serveNames is the address of a DNS server (over TCP, as Pebble asks) for which
// every name is this machine.
func serveNames(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for answerName(c) == nil {
				}
			}()
		}
	}()
	return ln.Addr().String()
}

func answerName(c net.Conn) error {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return err
	}
	question := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, question); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return err
	}
	m.Response, m.Additionals = true, nil
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			})
		}
	}
	answer, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	return err
}

// freePort is a port of this machine that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	return int(netip.MustParseAddrPort(roomstest.FreeAddresses(t, 1)[0]).Port())
}

// eventually waits for a condition that the test cannot be told of.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * patience)
	defer deadline.Stop()
	for tick := time.NewTicker(50 * time.Millisecond); !ok(); {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s did not come", what)
		}
	}
}

// visited is what a visitor sees.
type visited struct {
	status, proto int
	hsts          string
	serial        *big.Int
}

// visit asks a server that is at a port of this machine under its public name.
func (a authority) visit(t *testing.T, port int, path string) visited {
	t.Helper()
	var d net.Dialer
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: a.roots}, ForceAttemptHTTP2: true, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		},
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://%s:%d%s", acmeHost, port, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return visited{resp.StatusCode, resp.ProtoMajor, resp.Header.Get("Strict-Transport-Security"), resp.TLS.PeerCertificates[0].SerialNumber}
}

// A certificate is got from a real ACME authority when the server starts, by the
// port of HTTPS alone, and is still there after a restart.
func TestACME(t *testing.T) {
	t.Parallel()
	port, plain := freePort(t), freePort(t)
	ca := startAuthority(t, freePort(t), port)
	dir := t.TempDir()
	serve := func() *process {
		return serveWith(t, dir, []string{"SSL_CERT_FILE=" + ca.trust}, "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--http-listen", fmt.Sprintf("127.0.0.1:%d", plain),
			"--acme-host", acmeHost, "--acme-directory", ca.directory, "--admin-token", "the-admin-of-this-test")
	}
	p := serve()
	if p.URL != fmt.Sprintf("https://%s:%d", acmeHost, port) {
		t.Errorf("it says that it is at %s", p.URL)
	}
	eventually(t, "the certificate", func() bool { return strings.Contains(p.log(), "has a certificate by ACME") })
	first := ca.visit(t, port, "/rooms")
	if first.status != http.StatusOK || first.proto != 2 || first.hsts == "" {
		t.Errorf("%+v", first)
	}
	files, err := filepath.Glob(filepath.Join(dir, "chatd-data", "acme", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing is kept: %v", err)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}

	// Plain HTTP leads there, and takes nothing.
	for _, c := range []struct {
		method, credential string
		status             int
	}{{"GET", "", 308}, {"POST", "", 400}, {"GET", "Bearer x", 400}} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, fmt.Sprintf("http://127.0.0.1:%d/rooms?limit=1", plain), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = acmeHost
		if c.credential != "" {
			req.Header.Set("Authorization", c.credential)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		to := resp.Header.Get("Location")
		if resp.StatusCode != c.status || c.status == 308 && to != fmt.Sprintf("https://%s:%d/rooms?limit=1", acmeHost, port) {
			t.Errorf("%s with %q: %s to %q", c.method, c.credential, resp.Status, to)
		}
	}
	if code := p.stop(); code != 0 {
		t.Errorf("it exits with %d", code)
	}
	p = serve()
	eventually(t, "the certificate", func() bool { return strings.Contains(p.log(), "has a certificate by ACME") })
	if again := ca.visit(t, port, "/rooms"); again.serial.Cmp(first.serial) != 0 {
		t.Error("after a restart it has another certificate")
	}
}

// Where the port of HTTPS is not reached by the authority, that of plain HTTP will do.
func TestACMEByHTTP(t *testing.T) {
	t.Parallel()
	port, plain := freePort(t), freePort(t)
	ca := startAuthority(t, plain, freePort(t))
	p := serveWith(t, t.TempDir(), []string{"SSL_CERT_FILE=" + ca.trust}, "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--http-listen", fmt.Sprintf("127.0.0.1:%d", plain),
		"--acme-host", acmeHost, "--acme-directory", ca.directory, "--admin-token", "the-admin-of-this-test")
	eventually(t, "the certificate", func() bool { return strings.Contains(p.log(), "has a certificate by ACME") })
	if first := ca.visit(t, port, "/"); first.status != http.StatusOK {
		t.Errorf("%+v", first)
	}
}
