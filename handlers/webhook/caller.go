package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"chatd/rooms"
)

const (
	answerWithin = 15 * time.Second // a call, from its beginning to the end of its answer
	answerBytes  = 16 << 10         // of an answer's head, and of its body, that are read
	failureBytes = 300              // of the words for a failure
)

// Config is what a Caller is made of.
type Config struct {
	// Allow are networks that may be called although they are not public, and
	// by http too.
	Allow []netip.Prefix
	// Agent is the User-Agent of the calls.
	Agent string
	// TLS is for tests; nil is Go's defaults.
	TLS *tls.Config
}

// Caller calls receivers. It is safe for any number of goroutines.
type Caller struct {
	allow  []netip.Prefix
	agent  string
	client *http.Client
}

var _ rooms.WebhookCaller = (*Caller)(nil)

// New makes a Caller.
func New(cfg Config) *Caller {
	c := &Caller{allow: cfg.Allow, agent: cfg.Agent}
	plain, secure := c.dialer(false), c.dialer(true)
	c.client = &http.Client{
		Timeout: answerWithin,
		// Where an answer sends us to is not what was asked for.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:       nil, // the environment's would be asked to go where we must not
			DialContext: plain.DialContext,
			DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				config := cfg.TLS.Clone()
				if config == nil {
					config = new(tls.Config)
				}
				d := tls.Dialer{NetDialer: secure, Config: config}
				return d.DialContext(ctx, network, address)
			},
			DisableCompression:     true,
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: answerBytes,
		},
	}
	return c
}

// dialer makes connections to addresses that may be called: public ones, if what
// is said is encrypted, and those that the operator allows.
func (c *Caller) dialer(encrypted bool) *net.Dialer {
	return &net.Dialer{
		Timeout: answerWithin,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			switch {
			case err != nil:
				return err
			case within(c.allow, at.Addr()):
				return nil
			case !public(at.Addr()):
				return errAddress
			case !encrypted:
				return errPlain
			}
			return nil
		},
	}
}

// The address is not told: to those who may not know it, it would tell what this
// machine's network looks like.
var (
	errAddress = errors.New("its address is not public, and not one that --webhook-allow names")
	errPlain   = errors.New("it must be https: http is for addresses that --webhook-allow names")
)

// Check implements [rooms.WebhookCaller]. Names are resolved with each call: what
// they lead to is judged then.
func (c *Caller) Check(text string) error {
	u, err := url.Parse(text)
	refuse := func(code, format string, args ...any) error { return rooms.Invalid("url", code, format, args...) }
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return refuse("invalid", "must be a URL such as https://example.com/chat")
	case u.Scheme != "https" && u.Scheme != "http":
		return refuse("invalid", "must be https")
	case u.User != nil:
		return refuse("invalid", "must have no user and no password in it; calls are signed")
	case u.Fragment != "":
		return refuse("invalid", "must have no #")
	case u.Scheme == "http" && len(c.allow) == 0:
		return refuse("not_allowed", "must be https; --webhook-allow names the networks that http may go to")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return refuse("invalid", "must have a port from 1 to 65535, or none")
		}
	}
	addr, err := netip.ParseAddr(u.Hostname())
	switch {
	case err != nil || within(c.allow, addr):
		return nil
	case !public(addr):
		return refuse("not_allowed", "must not lead to an address that is not public; --webhook-allow names exceptions")
	case u.Scheme == "http":
		return refuse("not_allowed", "must be https; --webhook-allow names the networks that http may go to")
	}
	return nil
}

// Call implements [rooms.WebhookCaller].
func (c *Caller) Call(ctx context.Context, call rooms.WebhookCall) (answer rooms.WebhookAnswer) {
	began := time.Now()
	defer func() { answer.Took = time.Since(began) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, call.URL, bytes.NewReader(call.Payload))
	if err != nil {
		answer.Failure = words(err)
		return answer
	}
	key, err := rooms.WebhookKey(call.Secret)
	if err != nil {
		answer.Failure = "its secret is none"
		return answer
	}
	at := strconv.FormatInt(began.Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Webhook-Id", call.ID)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", sign(key, call.ID, at, call.Payload))
	resp, err := c.client.Do(req)
	if err != nil {
		answer.Failure = words(err)
		return answer
	}
	defer resp.Body.Close()
	// What it says is not read, but so far that the connection may be used again.
	_, _ = io.CopyN(io.Discard, resp.Body, answerBytes)
	answer.Status = resp.StatusCode
	answer.Accepted = resp.StatusCode >= 200 && resp.StatusCode < 300
	answer.Gone = resp.StatusCode == http.StatusGone
	if !answer.Accepted {
		answer.Failure = "answered " + strconv.Itoa(resp.StatusCode)
		if resp.StatusCode/100 == 3 {
			answer.Failure += ", a redirect, which is not followed"
		}
		answer.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), began)
	}
	return answer
}

// sign is the signature of a call: Standard Webhooks' v1.
func sign(key []byte, id, at string, payload []byte) string {
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.", id, at)
	_, _ = mac.Write(payload)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// retryAfter is how long the header asks to wait: seconds, or a moment.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// words tells what failed, in one short line.
func words(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		if e.Timeout() {
			return fmt.Sprintf("no answer within %v", answerWithin)
		}
		err = e.Err
	}
	for _, own := range []error{errAddress, errPlain} {
		if errors.Is(err, own) {
			return own.Error()
		}
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return "the name " + e.Name + " is not known: " + cmp.Or(e.Err, "no such host")
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > failureBytes {
		text = strings.ToValidUTF8(text[:failureBytes], "") + "…"
	}
	if !utf8.ValidString(text) {
		return "it failed"
	}
	return text
}
