package handlers

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"chatd/handlers/auth"
)

func TestOrigins(t *testing.T) {
	for name, tt := range map[string]struct {
		patterns, proxies string // separated by spaces
		origin, host      string
		forwarded, peer   string
		allowed           bool
	}{
		"no page":                  {host: "chat.example", allowed: true},
		"own":                      {origin: "https://chat.example", host: "chat.example", allowed: true},
		"own, behind TLS":          {origin: "https://chat.example", host: "Chat.Example", allowed: true},
		"own, with port":           {origin: "http://localhost:8080", host: "localhost:8080", allowed: true},
		"other port":               {origin: "http://localhost:3000", host: "localhost:8080"},
		"other":                    {origin: "https://evil.example", host: "chat.example"},
		"null":                     {origin: "null", host: "chat.example"},
		"not a URL":                {origin: "https://[", host: "chat.example"},
		"suffix":                   {origin: "https://chat.example.evil.example", host: "chat.example"},
		"listed":                   {patterns: "https://app.example", origin: "https://APP.example", host: "chat.example", allowed: true},
		"listed, other scheme":     {patterns: "https://app.example", origin: "http://app.example", host: "chat.example"},
		"listed, other port":       {patterns: "https://app.example", origin: "https://app.example:8443", host: "chat.example"},
		"pattern":                  {patterns: "https://x.example https://*.app.example", origin: "https://a.b.app.example", host: "chat.example", allowed: true},
		"pattern, not the name":    {patterns: "https://*.app.example", origin: "https://app.example", host: "chat.example"},
		"pattern, glued":           {patterns: "https://*.app.example", origin: "https://evilapp.example", host: "chat.example"},
		"all":                      {patterns: "*", origin: "https://evil.example", host: "chat.example", allowed: true},
		"all, null":                {patterns: "*", origin: "null", host: "chat.example", allowed: true},
		"forwarded":                {proxies: "10.0.0.0/8", origin: "https://chat.example", host: "10.0.0.7:8080", forwarded: "chat.example, inner", peer: "10.1.2.3:99", allowed: true},
		"forwarded, one address":   {proxies: "::1 10.1.2.3", origin: "https://chat.example", host: "10.0.0.7:8080", forwarded: "chat.example", peer: "[::ffff:10.1.2.3]:99", allowed: true},
		"forwarded by a stranger":  {proxies: "10.0.0.0/8", origin: "https://evil.example", host: "chat.example", forwarded: "evil.example", peer: "203.0.113.9:99"},
		"forwarded, nobody's word": {origin: "https://evil.example", host: "chat.example", forwarded: "evil.example", peer: "127.0.0.1:99"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := newOrigins(Config{AllowedOrigins: strings.Fields(tt.patterns), TrustedProxies: strings.Fields(tt.proxies)})
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/ws", nil)
			r.Host, r.RemoteAddr = tt.host, tt.peer
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			if tt.forwarded != "" {
				r.Header.Set("X-Forwarded-Host", tt.forwarded)
			}
			if _, allowed := o.allow(r); allowed != tt.allowed {
				t.Errorf("allowed: %v", allowed)
			}
		})
	}
	for _, cfg := range []Config{
		{AllowedOrigins: []string{"app.example"}},
		{AllowedOrigins: []string{"https://"}},
		{AllowedOrigins: []string{"https://app.example/path"}},
		{AllowedOrigins: []string{"https://["}},
		{TrustedProxies: []string{"proxy.example"}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

func TestForeignPages(t *testing.T) {
	own := startREST(t, auth.Config{})
	form := "Content-Type: application/x-www-form-urlencoded"
	const path = "/rooms/lobby/broadcast"
	for _, a := range []ask{
		{method: "POST", path: path, body: "own", headers: []string{form, "Origin: " + own.URL}, status: 201},
		{method: "POST", path: path, body: "no page", headers: []string{form}, status: 201},
		{method: "POST", path: path, body: "forged", headers: []string{form, "Origin: https://evil.example"}, status: 403, code: "origin_denied"},
		{method: "POST", path: path, body: "forged", headers: []string{form, "Origin: null"}, status: 403, code: "origin_denied"},
		{method: "POST", path: path, body: "forged", headers: []string{form, "Sec-Fetch-Site: cross-site"}, status: 403, code: "origin_denied"},
		{method: "DELETE", path: "/rooms/lobby/messages/1", headers: []string{"Origin: https://evil.example"}, status: 403, code: "origin_denied"},
		{method: "OPTIONS", path: "/rooms", headers: []string{"Origin: https://evil.example", "Access-Control-Request-Method: POST"}, status: 403, code: "origin_denied"},
		{method: "GET", path: "/ws", headers: []string{
			"Origin: https://evil.example", "Connection: Upgrade", "Upgrade: websocket",
			"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
		}, status: 403, code: "origin_denied"},
	} {
		own.do(t, a)
	}
	if answer, _ := own.do(t, ask{method: "GET", path: "/rooms", headers: []string{"Origin: https://evil.example"}, status: 200}); answer.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a foreign page may read the rooms")
	}

	shared := startREST(t, auth.Config{}, func(c *Config) { c.AllowedOrigins = []string{"https://*.app.example"} })
	page := "Origin: https://a.app.example"
	answer, _ := shared.do(t, ask{method: "POST", path: path, body: "allowed", headers: []string{form, page}, status: 201})
	if answer.Get("Access-Control-Allow-Origin") != "https://a.app.example" || answer.Get("Vary") != "Origin" {
		t.Errorf("an allowed page may not read the answer: %v", answer)
	}
	answer, _ = shared.do(t, ask{method: "OPTIONS", path: path, headers: []string{page, "Access-Control-Request-Method: POST"}, status: 204})
	if !strings.Contains(answer.Get("Access-Control-Allow-Headers"), "Idempotency-Key") || answer.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("the preflight is answered %v", answer)
	}
	shared.do(t, ask{method: "POST", path: path, body: "forged", headers: []string{form, "Origin: https://evil.example"}, status: 403, code: "origin_denied"})
}

func TestLocalOnly(t *testing.T) {
	s := startREST(t, auth.Config{}, func(c *Config) { c.LocalOnly = true })
	for host, local := range map[string]bool{
		"localhost":           true,
		"LOCALHOST.:8080":     true,
		"chat.localhost:8080": true,
		"127.0.0.1:8080":      true,
		"127.1.2.3":           true,
		"[::1]:8080":          true,
		"[::1]":               true,
		"evil.example":        false,
		"evil.example:8080":   false,
		"localhost.evil":      false,
		"127.0.0.1.nip.io":    false,
		"192.168.0.7:8080":    false,
	} {
		for _, path := range []string{"/rooms", "/", "/swagger/index.html"} {
			r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
			r.Host = host
			w := httptest.NewRecorder()
			s.Config.Handler.ServeHTTP(w, r)
			if got := w.Code == 200; got != local || !local && (w.Code != 421 || !strings.Contains(w.Body.String(), `"host_denied"`)) {
				t.Errorf("%s at %s: %d %s", path, host, w.Code, w.Body)
			}
		}
	}
}

// A body that does not come is not waited for.
func TestSlowBody(t *testing.T) {
	s := startREST(t, auth.Config{})
	server, ok := s.Config.Handler.(*Server)
	if !ok {
		t.Fatal("no server")
	}
	server.bodyWait = 50 * time.Millisecond
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /rooms/lobby/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf a bo")
	answer := bufio.NewReader(conn)
	resp, err := http.ReadResponse(answer, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 408 || !strings.Contains(string(body), `"too_slow"`) {
		t.Errorf("%s, %v: %s", resp.Status, err, body)
	}
	if _, err := answer.ReadByte(); err != io.EOF {
		t.Errorf("the connection is not closed: %v", err)
	}
}
