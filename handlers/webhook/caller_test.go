package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"chatd/rooms"
)

var (
	loopback = Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, Agent: "chatd/test"}
	secret   = "whsec_" + base64.StdEncoding.EncodeToString([]byte("the key of this test, 32 bytes !"))
	payload  = `{"type":"message","data":{"message":"<é>"}}`
)

func (c *Caller) call(t *testing.T, url string) rooms.WebhookAnswer {
	t.Helper()
	return c.Call(t.Context(), rooms.WebhookCall{URL: url, Secret: secret, ID: "msg_1", Payload: []byte(payload)})
}

// The receiver's library takes what we sign, and nothing that was changed.
func TestSignature(t *testing.T) {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != payload {
			t.Errorf("the body is %s, %v", body, err)
		}
		if r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" || r.UserAgent() != "chatd/test" || r.Header.Get("webhook-id") != "msg_1" {
			t.Errorf("%s with %v", r.Method, r.Header)
		}
		if err := verifier.Verify(body, r.Header); err != nil {
			t.Error(err)
		}
		if verifier.Verify(append(body, ' '), r.Header) == nil {
			t.Error("another body is verified as well")
		}
		r.Header.Set("webhook-id", "msg_2")
		if verifier.Verify(body, r.Header) == nil {
			t.Error("another id is verified as well")
		}
	}))
	defer receiver.Close()
	if got := New(loopback).call(t, receiver.URL); !got.Accepted || got.Status != 200 || got.Failure != "" || got.Took <= 0 {
		t.Errorf("the call came to %+v", got)
	}
}

func TestAnswers(t *testing.T) {
	followed := false
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		switch _, _ = fmt.Sscanf(r.URL.Path, "/%d", &status); {
		case r.URL.Path == "/followed":
			followed = true
		case status/100 == 3:
			http.Redirect(w, r, "/followed", status)
		case r.URL.Path == "/endless":
			for {
				if _, err := io.WriteString(w, strings.Repeat("x", 1000)); err != nil {
					return
				}
			}
		case r.URL.Path == "/head":
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		case r.URL.Path == "/cut":
			panic(http.ErrAbortHandler)
		default:
			w.Header().Set("Retry-After", r.URL.Query().Get("after"))
			w.WriteHeader(status)
		}
	}))
	defer receiver.Close()
	c := New(loopback)
	for path, want := range map[string]rooms.WebhookAnswer{
		"/200":          {Accepted: true, Status: 200},
		"/204":          {Accepted: true, Status: 204},
		"/endless":      {Accepted: true, Status: 200},
		"/301":          {Status: 301, Failure: "answered 301, a redirect, which is not followed"},
		"/307":          {Status: 307, Failure: "answered 307, a redirect, which is not followed"},
		"/404":          {Status: 404, Failure: "answered 404"},
		"/410":          {Status: 410, Failure: "answered 410", Gone: true},
		"/503?after=90": {Status: 503, Failure: "answered 503", RetryAfter: 90 * time.Second},
		"/503?after=-1": {Status: 503, Failure: "answered 503"},
		"/cut":          {Failure: "EOF"},
	} {
		got := c.call(t, receiver.URL+path)
		got.Took = 0
		if got != want {
			t.Errorf("%s came to %+v, want %+v", path, got, want)
		}
	}
	if got := c.call(t, receiver.URL+"/head"); got.Accepted || got.Failure == "" {
		t.Errorf("an endless head came to %+v", got)
	}
	if followed {
		t.Error("a redirect was followed")
	}
	if got := retryAfter(time.Now().Add(time.Minute).UTC().Format(http.TimeFormat), time.Now()); got < 50*time.Second || got > time.Minute {
		t.Errorf("a moment in a minute is %v away", got)
	}
}

func TestTimeout(t *testing.T) {
	hold := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer receiver.Close()
	defer close(hold)
	c := New(loopback)
	c.client.Timeout = 50 * time.Millisecond
	if got := c.call(t, receiver.URL); got.Accepted || got.Failure != "no answer within 15s" {
		t.Errorf("silence came to %+v", got)
	}
}

// Nothing that is not public is connected to, however it is named: the listener
// is there, and nobody comes.
func TestPrivateAddressesAreNotCalled(t *testing.T) {
	var reached atomic.Int32
	receiver := httptest.NewUnstartedServer(nil)
	receiver.Config.ConnState = func(net.Conn, http.ConnState) { reached.Add(1) }
	receiver.Start()
	defer receiver.Close()
	_, port, _ := net.SplitHostPort(receiver.Listener.Addr().String())
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	c := New(Config{})
	for _, name := range []string{
		"127.0.0.1", "localhost", host, "0.0.0.0", "[::ffff:127.0.0.1]", "[::1]", "[::]", "2130706433", "0x7f000001", "127.1", "0177.0.0.1", "localhost.",
	} {
		for _, scheme := range []string{"http", "https"} {
			url := scheme + "://" + net.JoinHostPort(strings.Trim(name, "[]"), port) + "/"
			got := c.call(t, url)
			if got.Accepted || got.Status != 0 || got.Failure == "" {
				t.Errorf("%s came to %+v", url, got)
			}
			if (name == "localhost" || name == "127.0.0.1") && got.Failure != errAddress.Error() {
				t.Errorf("%s is refused because %s", url, got.Failure)
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections reached the machine itself", n)
	}
	// With the address allowed, the same name leads there.
	if got := New(loopback).call(t, "http://localhost:"+port+"/"); got.Status != 404 {
		t.Errorf("allowed, it came to %+v", got)
	}
}

// No proxy of the environment's is used: it would go where we must not.
func TestNoProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	c := New(loopback)
	c.client.Timeout = time.Second
	for _, url := range []string{"http://name.invalid/", "https://name.invalid/"} {
		if got := c.call(t, url); !strings.Contains(got.Failure, "name.invalid is not known") {
			t.Errorf("%s came to %+v", url, got)
		}
	}
}

func TestTLS(t *testing.T) {
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()
	receiver.Config.ErrorLog = nil
	if got := New(loopback).call(t, receiver.URL); got.Accepted || !strings.Contains(got.Failure, "certificate") {
		t.Errorf("an unknown authority's came to %+v", got)
	}
	known := loopback
	known.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	known.TLS.RootCAs.AddCert(receiver.Certificate())
	if got := New(known).call(t, receiver.URL); !got.Accepted {
		t.Errorf("a known authority's came to %+v", got)
	}
	if got := New(known).call(t, strings.Replace(receiver.URL, "127.0.0.1", "localhost", 1)); got.Accepted || !strings.Contains(got.Failure, "certificate") {
		t.Errorf("another's name came to %+v", got)
	}
}
