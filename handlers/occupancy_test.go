package handlers

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"chatd/handlers/auth"
	"chatd/rooms"

	"github.com/gorilla/websocket"
)

func TestOccupancy(t *testing.T) {
	o := &occupancy{max: 4, perAddress: 2, counts: map[netip.Prefix]int{}}
	enter := func(address string, want rooms.Code) netip.Prefix {
		t.Helper()
		from, err := o.enter(address)
		if want == "" && err != nil || want != "" && (err == nil || refusal(err).Code != want || refusal(err).RetryAfter == 0) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
		return from
	}
	first := enter("2001:db8::1", "")
	enter("2001:db8::ffff", "")
	enter("2001:db8::2", rooms.CodeRateLimited) // the same network's
	enter("2001:db8:0:1::1", "")
	o.leave(first)
	enter("2001:db8::3", "")
	enter("127.0.0.1", "")
	enter("203.0.113.1", "over_capacity")
	o.leave(neighbours("127.0.0.1"))
	enter("203.0.113.1", "")
	o.max = 0
	enter("::ffff:203.0.113.1", "")
	enter("203.0.113.1", rooms.CodeRateLimited)

	o = &occupancy{perAddress: 1, counts: map[netip.Prefix]int{}}
	for range 10 {
		enter("127.0.0.1", "")
		enter("::1", "")
	}
	for range 10 {
		o.leave(neighbours("127.0.0.1"))
		o.leave(neighbours("::1"))
	}
	if o.total != 0 || len(o.counts) != 0 {
		t.Errorf("%d are left, %v", o.total, o.counts)
	}
}

func TestFullServer(t *testing.T) {
	s := startREST(t, auth.Config{}, func(c *Config) { c.MaxSessions = 1 })
	ws, _ := s.join(t, "")
	stream := ask{method: "GET", path: "/rooms/lobby/events", status: 503, code: "over_capacity"}
	if answer, _ := s.do(t, stream); answer.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if code := s.status(t, "GET", "/ws", "", ""); code != http.StatusServiceUnavailable {
		t.Errorf("the second session gets %d", code)
	}
	_ = ws.Close()
	for s.status(t, "GET", "/ws", "", "") != http.StatusSwitchingProtocols { // as soon as the first is seen to be gone
		if t.Context().Err() != nil {
			t.Fatal("the place is not free again")
		}
	}
}

func TestTooFast(t *testing.T) {
	limits := rooms.Limits{PerIdentity: rooms.Rate{PerSecond: 0.01, Burst: 3}}
	s := startLimited(t, auth.Config{AdminToken: accessAdmin}, limits)
	const path = "/rooms/lobby/messages?name="
	for range 3 {
		s.do(t, ask{method: "POST", path: path + "Ana", body: "x", status: 201})
	}
	answer, _ := s.do(t, ask{method: "POST", path: path + "Ana", body: "x", status: 429, code: "rate_limited"})
	if answer.Get("Retry-After") != "100" {
		t.Errorf("Retry-After: %s", answer.Get("Retry-After"))
	}
	s.do(t, ask{method: "POST", path: path + "Ben", body: "x", status: 201})
	s.do(t, ask{method: "POST", path: path + "Ben", body: strings.Repeat("x", 5000), status: 422, code: "invalid"})
	for range 10 {
		s.do(t, ask{method: "POST", path: path, body: "x", status: 201, headers: []string{"Authorization: Bearer " + accessAdmin}})
	}
}

// A trusted proxy names its clients in one header: what others say may be a
// client's own word.
func TestOneForwardedHeader(t *testing.T) {
	s := startREST(t, auth.Config{}, func(c *Config) { c.MaxPerAddress, c.TrustedProxies = 1, []string{"127.0.0.1"} })
	for header, second := range map[string]int{"X-Forwarded-For": http.StatusTooManyRequests, "X-Real-IP": http.StatusSwitchingProtocols} {
		for i, want := range []int{http.StatusSwitchingProtocols, second} {
			ws, resp, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(s.URL, "http", "ws", 1)+"/ws", http.Header{header: {"198.51.100.1"}})
			if resp == nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if err == nil {
				t.Cleanup(func() { _ = ws.Close() })
			}
			if resp.StatusCode != want {
				t.Errorf("%s, connection %d: %s", header, i+1, resp.Status)
			}
		}
	}
}
