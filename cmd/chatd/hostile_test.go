package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// A hostile client speaks raw TCP to the real binary: no library of ours keeps
// it from saying what nobody should.

// Nothing that a client says becomes a header or a line of the log, and no name
// looks like what it is not.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	p := serveProcess(t)
	for _, name := range []string{
		"a\r\nSet-Cookie: x=y", "a\nlevel=ERROR msg=forged", "\x00", "a\x1b[31m", "Ana\u202egnp.exe", "\u2066x", "a\u2028b", "\xff", strings.Repeat("x", 101),
	} {
		for _, path := range []string{"/rooms/lobby/messages", "/rooms/" + url.PathEscape(name), "/rooms/lobby/bans"} {
			req, err := http.NewRequestWithContext(t.Context(), "POST", p.URL+path+"?name="+url.QueryEscape(name), strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Request-ID", "level=ERROR msg=forged")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode < 400 || resp.StatusCode >= 500 || resp.Header.Get("Set-Cookie") != "" || strings.Contains(resp.Header.Get("X-Request-ID"), "forged") {
				t.Errorf("%s as %q: %s, %v", path, name, resp.Status, resp.Header)
			}
		}
	}
	for _, raw := range []string{
		"GET /rooms HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n continued\r\n\r\n",
		"GET /rooms HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
		"POST /rooms HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"POST /rooms HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
		"GET /" + strings.Repeat("a", 40_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /rooms HTTP/9.9\r\nHost: localhost\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "\r\n\r\n\r\n",
	} {
		c, in := wireTo(t, p, "")
		if _, err := io.WriteString(c, raw); err != nil {
			t.Fatal(err)
		}
		_ = c.(*net.TCPConn).CloseWrite()
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			continue // cut off: as good an answer
		}
		_ = resp.Body.Close()
		if resp.StatusCode >= 500 && resp.StatusCode != http.StatusHTTPVersionNotSupported {
			t.Errorf("%.60q is answered %s", raw, resp.Status)
		}
	}
	for line := range strings.Lines(p.log()) {
		if !strings.HasPrefix(line, "time=") || strings.HasPrefix(line, "level=ERROR") {
			t.Errorf("the log has the line %q", line)
		}
	}
	stillServes(t, p)
}

// A flood is refused, and whoever else is there does not notice.
func TestHostileFlood(t *testing.T) {
	t.Parallel()
	// Nobody is a moderator here: those are not bound by rates.
	p := serveProcess(t, "--admin-token", "the-admin-of-this-test")
	c, in := wireTo(t, p, "/ws?name=Mallory")
	flood := bytes.Repeat(text(`{"type":"chat","message":"flood"}`), 200)
	go func() {
		for range 25 {
			if _, err := c.Write(flood); err != nil {
				return
			}
		}
	}()
	answered := make(chan int, 1)
	go func() {
		acks, errs := 0, 0
		for acks+errs < 5000 {
			_, payload, err := next(in)
			if err != nil {
				break
			}
			switch {
			case bytes.Contains(payload, []byte(`"type":"ack"`)):
				acks++
			case bytes.Contains(payload, []byte(`"code":"rate_limited"`)):
				errs++
			}
		}
		answered <- acks + errs
	}()
	stillServes(t, p)
	if n := <-answered; n != 5000 {
		t.Errorf("%d of 5000 messages of a flood were answered", n)
	}
	page, err := http.Get(p.URL + "/rooms/lobby/messages?limit=200") //nolint:noctx // a test's
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	body, err := io.ReadAll(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(body, []byte(`"flood"`)); n == 0 || n > 199 { // 100 at once, and then 20 a second
		t.Errorf("%d of 5000 messages of a flood are in the room", n)
	}
}

// Half a header takes a connection, and not for long.
func TestHostileHalfHeaders(t *testing.T) {
	t.Parallel()
	p := serveProcess(t)
	var held []net.Conn
	began := time.Now()
	for i := range 200 {
		c, _ := wireTo(t, p, "")
		if _, err := io.WriteString(c, "GET /rooms HTTP/1.1\r\nHost: localhost\r\nX-Half: "[:20+i%26]); err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	stillServes(t, p)
	for _, c := range held {
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("after %v a connection with half a header stands", time.Since(began))
		}
	}
	// They are counted, though no request came of them.
	eventually(t, "the count of 200", func() bool {
		resp, err := http.Get(p.URL + "/metrics") //nolint:noctx // a test's
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return err == nil && bytes.Contains(body, []byte("chatd_connections_without_request_total 200\n"))
	})
}

// Readers that never read cost a bounded part of the memory and nobody's time;
// those that break off leave nothing behind.
func TestHostileReaders(t *testing.T) {
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		t.Skip("this system does not tell what a process holds")
	}
	t.Parallel()
	p := serveProcess(t, "--max-per-address", "0")
	stillServes(t, p)
	files, memory := held(t, p)

	for range 40 {
		c, _ := wireTo(t, p, "/ws?name=Deaf&history=200")
		if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
	}
	s, err := client.Dial(t.Context(), p.URL, client.Options{Room: "lobby", Name: "Ana", History: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const posts = 1500 // of 4 kB, to each of the deaf: 240 MB
	big := strings.Repeat("x", 4000)
	failed := make(chan error, 1)
	under := make(chan struct{}, 32) // who does not read the acks is not served for long
	go func() {
		for range posts {
			under <- struct{}{}
			if err := s.Write(chatFrame(big)); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	for acks := 0; acks < posts; {
		f, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if f.Type == wire.TypeAck {
			acks++
			<-under
		}
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	if _, now := held(t, p); now > memory+120<<20 {
		t.Errorf("with 40 readers that do not read, memory went from %d to %d MB", memory>>20, now>>20)
	}

	// Rude ones: a reset in the middle of whatever was under way.
	for i := range 1500 {
		c, _ := wireTo(t, p, fmt.Sprintf("/ws?name=Rude%d&history=20", i%500))
		if err := c.(*net.TCPConn).SetLinger(0); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	stillServes(t, p)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		now, _ := held(t, p)
		if now <= files+41+5 { // the deaf and Ana are still there
			break
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("after 1500 rude ones %d files are open, %d before", now, files)
		}
	}
}
