package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"chatd/handlers/wire"
)

// Bounds that the doctor finds worth a remark.
const (
	doctorPatience = 10 * time.Second
	mostSkew       = 5 * time.Second
	certificateDue = 14 * 24 * time.Hour
)

// checkReach looks up the name, connects, and shakes hands.
func (d *doctor) checkReach(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	u, err := url.Parse(d.URL)
	if err != nil {
		return false // check has parsed it before
	}
	addresses, err := net.DefaultResolver.LookupHost(ctx, u.Hostname())
	if err != nil {
		d.fail("dns", "check the name, and the DNS record for it", "%v", err)
		return false
	}
	d.ok("dns", "%s is %s", u.Hostname(), strings.Join(addresses, ", "))
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	began := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		d.fail("tcp", "is the server running, does it listen on this address (--listen), does a firewall let port "+port+" through?", "%v", err)
		return false
	}
	defer conn.Close()
	d.ok("tcp", "connected in %v", time.Since(began).Round(time.Microsecond))
	if u.Scheme != "https" {
		return true
	}
	secure := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		d.fail("tls", "the certificate must be valid for this name and come with its chain", "%v", err)
		return false
	}
	leaf := secure.ConnectionState().PeerCertificates[0]
	version := tls.VersionName(secure.ConnectionState().Version)
	if left := time.Until(leaf.NotAfter); left < certificateDue {
		d.fail("tls", "renew the certificate", "%s, but the certificate ends in %v", version, left.Round(time.Hour))
		return true
	}
	d.ok("tls", "%s, certificate good until %s", version, leaf.NotAfter.Format(time.DateOnly))
	return true
}

// checkHTTP asks the server what it is, and how it is.
func (d *doctor) checkHTTP(ctx context.Context) bool {
	var version wire.VersionInfo
	began := time.Now()
	got, err := d.get(ctx, "/version", &version)
	if err != nil || version.Protocol == 0 {
		d.fail("http", "is this the address of chatd? A proxy must pass all paths on", "/version does not answer as chatd does: %v", got.problem(err))
		return false
	}
	took := time.Since(began)
	if version.Protocol != wire.Version {
		d.fail("http", "use the chatd of the server's version", "chatd %s speaks protocol %d, this one %d", version.Version, version.Protocol, wire.Version)
	} else {
		d.ok("http", "chatd %s, answered in %v", version.Version, took.Round(time.Microsecond))
	}
	if sent, err := http.ParseTime(got.date); err == nil {
		// The header has whole seconds.
		skew := time.Until(sent).Round(time.Second)
		if skew.Abs() > mostSkew {
			d.fail("clock", "let NTP set both clocks: tokens and the times of messages depend on them", "the server's clock is %v away from this one's", skew)
		} else {
			d.ok("clock", "within %v of this one's", max(skew.Abs(), time.Second))
		}
	}
	if got, err := d.get(ctx, "/readyz", nil); err != nil || got.status != http.StatusOK {
		d.fail("ready", "its log says why", "the server takes no clients: %v", got.problem(err))
	} else {
		d.ok("ready", "the server takes clients")
	}
	if got, err := d.get(ctx, "/rooms/"+url.PathEscape(d.cfg.Room), nil); err != nil || got.status != http.StatusOK {
		d.fail("room", "name a room with --room, and bring a token with --token where guests may not enter", "%s cannot be read: %v", d.cfg.Room, got.problem(err))
		return false
	}
	d.ok("room", "%s can be read", d.cfg.Room)
	return true
}

// checkStream finds out whether what the server sends is passed on at once.
func (d *doctor) checkStream(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	req, err := d.request(ctx, http.MethodGet, "/rooms/"+url.PathEscape(d.cfg.Room)+"/events?name=doctor", nil)
	if err != nil {
		return
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	var got answer
	if err == nil {
		defer resp.Body.Close()
		got = answer{status: resp.StatusCode}
		_, err = io.ReadFull(resp.Body, make([]byte, 1))
	}
	if err != nil || got.status != http.StatusOK {
		d.fail("stream", "turn buffering off in the proxy (nginx: proxy_buffering off)", "nothing of an event stream arrived: %v", got.problem(err))
		return
	}
	d.ok("stream", "event streams are not held back")
}

// answer is what the doctor wants to know of an HTTP answer.
type answer struct {
	status int
	date   string
	detail string // of the problem that it is, if it is one
}

func (a answer) problem(err error) string {
	if err != nil {
		return err.Error()
	}
	status := fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))
	if a.detail != "" {
		return status + ": " + a.detail
	}
	return status
}

// get asks for a path and reads JSON into into, unless that is nil.
func (d *doctor) get(ctx context.Context, path string, into any) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	req, err := d.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return answer{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	var problem wire.Problem
	if resp.StatusCode >= http.StatusBadRequest {
		into = &problem
	}
	if into != nil {
		_ = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(into) // the caller looks at what is there
	}
	return answer{resp.StatusCode, resp.Header.Get("Date"), problem.Detail}, nil
}

func (d *doctor) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, d.URL+path, body)
	if err == nil && d.Token != "" {
		req.Header.Set("Authorization", "Bearer "+string(d.Token))
	}
	return req, err
}
