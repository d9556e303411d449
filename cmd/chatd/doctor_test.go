package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"
	"time"
)

// TestDoctorFindsWhatProxiesBreak holds that each mistake in a proxy fails the
// check that is made for it, with a remedy, and no other.
func TestDoctorFindsWhatProxiesBreak(t *testing.T) {
	p := serveProcess(t)
	backend, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		fails string // the check
		spoil func(proxy *httputil.ReverseProxy) http.Handler
	}{
		{"", func(proxy *httputil.ReverseProxy) http.Handler { return proxy }},
		{"websocket", func(proxy *httputil.ReverseProxy) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Origin") == "" { // else the page could not join either
					r.Header.Del("Upgrade")
				}
				proxy.ServeHTTP(w, r)
			})
		}},
		{"page", func(proxy *httputil.ReverseProxy) http.Handler {
			proxy.Rewrite = func(r *httputil.ProxyRequest) { r.SetURL(backend) } // and its host
			return proxy
		}},
		{"body", func(proxy *httputil.ReverseProxy) http.Handler { return http.MaxBytesHandler(proxy, 8<<10) }},
		{"idle", func(proxy *httputil.ReverseProxy) http.Handler {
			proxy.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				if err == nil {
					err = conn.SetReadDeadline(time.Now().Add(time.Second))
				}
				return conn, err
			}}
			return proxy
		}},
	} {
		t.Run("breaks "+test.fails, func(t *testing.T) {
			proxy := &httputil.ReverseProxy{
				Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(backend); r.Out.Host = r.In.Host },
				FlushInterval: -1,
				ErrorLog:      log.New(t.Output(), "", 0),
			}
			server := httptest.NewServer(test.spoil(proxy))
			defer server.Close()
			idle := 100 * time.Millisecond
			if test.fails == "idle" {
				idle = 20 * time.Second // it is over when the connection is cut
			}
			var out, other bytes.Buffer
			err := runDoctor(t.Context(), []string{server.URL, "--json", "--quiet", idle.String()}, console{out: &out, err: &other})
			if (err != nil) != (test.fails != "") {
				t.Errorf("the doctor ends with %v", err)
			}
			var findings []finding
			if err := json.Unmarshal(out.Bytes(), &findings); err != nil {
				t.Fatal(err)
			}
			var failed []string
			for _, f := range findings {
				if f.OK || f.Check == "files" { // this machine's, not the proxy's
					continue
				}
				failed = append(failed, f.Check)
				if f.Remedy == "" {
					t.Errorf("%s fails without a remedy: %s", f.Check, f.Detail)
				}
			}
			want := []string{test.fails}
			if test.fails == "" {
				want = nil
			}
			if !slices.Equal(failed, want) {
				t.Errorf("%q failed, not %q:\n%s", failed, want, out.String())
			}
		})
	}
}
