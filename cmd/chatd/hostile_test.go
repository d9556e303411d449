package main

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// A hostile client speaks raw TCP to the real binary: no library of ours keeps
// it from saying what nobody should.

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// wireTo opens a connection to a server and, with a path, a WebSocket on it, whose
// handshake has these headers too.
func wireTo(t *testing.T, p *process, path string, headers ...string) (net.Conn, *bufio.Reader) {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(p.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	if path == "" {
		return c, in
	}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", path, strings.Join(append(headers, ""), "\r\n"))
	resp, err := http.ReadResponse(in, nil) //nolint:bodyclose // it has none
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%s: %v, %v", path, resp, err)
	}
	return c, in
}

// frame is a masked frame, whose mask changes nothing. n is the length that it
// claims.
func frame(first byte, payload string, n int) []byte {
	b := []byte{first}
	switch {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

func text(payload string) []byte { return frame(0x81, payload, len(payload)) }

// next reads a frame. The error is io.EOF, or what else ended the connection.
func next(in *bufio.Reader) (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1] & 0x7f)
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(in, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(in, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(in, payload)
	return head[0] & 0x0f, payload, err
}

// closeCode reads on to the close frame, and to the end of the connection.
func closeCode(t *testing.T, in *bufio.Reader) int {
	t.Helper()
	for {
		opcode, payload, err := next(in)
		if err != nil {
			t.Fatalf("no close frame: %v", err)
		}
		if opcode != 8 {
			continue
		}
		if n, err := io.Copy(io.Discard, in); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d bytes follow the close frame, %v", n, err)
		}
		return int(binary.BigEndian.Uint16(payload))
	}
}

// told reads on to a frame whose JSON has all of that in it.
func told(t *testing.T, in *bufio.Reader, says ...string) {
	t.Helper()
	for {
		opcode, payload, err := next(in)
		if err != nil || opcode == 8 {
			t.Fatalf("no frame with %q: %v %q", says, err, payload)
		}
		all := true
		for _, s := range says {
			all = all && bytes.Contains(payload, []byte(s))
		}
		if all {
			return
		}
	}
}

// What breaks RFC 6455 ends the session that did it, with the code that the RFC
// asks for, and no other.
func TestHostileFrames(t *testing.T) {
	t.Parallel()
	p := serveProcess(t)
	part := strings.Repeat("x", 1000)
	for name, hostile := range map[string]struct {
		send []byte
		code int
	}{
		"a length of 64 bits":        {frame(0x81, part, 1<<62), 1009},
		"a length with the sign bit": {append([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, part...), 1009},
		"endless fragments":          {append(frame(0x01, part, len(part)), bytes.Repeat(frame(0x00, part, len(part)), 80)...), 1009},
		"no mask":                    {[]byte("\x81\x02{}"), 1002},
		"a reserved bit":             {frame(0xc1, "{}", 2), 1002},
		"a reserved opcode":          {frame(0x83, "{}", 2), 1002},
		"a long ping":                {frame(0x89, strings.Repeat("x", 126), 126), 1002},
		"a ping in fragments":        {frame(0x09, "x", 1), 1002},
		"a fragment of nothing":      {frame(0x80, "x", 1), 1002},
		"a text within a text":       {append(frame(0x01, "{", 1), text("}")...), 1002},
		"a close code of nobody's":   {frame(0x88, "\x03\xed", 2), 1002},
		"a close that is no UTF-8":   {frame(0x88, "\x03\xe8\xff", 3), 1002},
		"bad UTF-8":                  {text("{\"type\":\"chat\",\"message\":\"\xc0\xaf\"}"), 1007},
		"a surrogate":                {text("{\"type\":\"chat\",\"message\":\"\xed\xa0\x80\"}"), 1007},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, in := wireTo(t, p, "/ws?name=Mallory")
			if _, err := c.Write(hostile.send); err != nil {
				t.Fatal(err)
			}
			if code := closeCode(t, in); code != hostile.code {
				t.Errorf("closed with %d, want %d", code, hostile.code)
			}
		})
	}
	t.Run("control frames between fragments", func(t *testing.T) {
		c, in := wireTo(t, p, "/ws?name=Ana")
		send := frame(0x01, `{"type":"chat",`, 15)
		for range 50 {
			send = append(send, frame(0x89, "are you there", 13)...)
			send = append(send, frame(0x8a, "", 0)...)
			send = append(send, frame(0x00, " ", 1)...)
		}
		if _, err := c.Write(append(send, frame(0x80, `"message":"in pieces"}`, 22)...)); err != nil {
			t.Fatal(err)
		}
		told(t, in, `"type":"chat"`, `"in pieces"`)
	})
	t.Run("byte by byte", func(t *testing.T) {
		c, in := wireTo(t, p, "/ws?name=Ana")
		for _, b := range text(`{"type":"chat","message":"slowly"}`) {
			if _, err := c.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		told(t, in, `"type":"chat"`, `"slowly"`)
		stillServes(t, p)
	})
}

// JSON that is deep, repeats itself or lies is refused, and costs the session
// nothing.
func TestHostileJSON(t *testing.T) {
	t.Parallel()
	p := serveProcess(t)
	c, in := wireTo(t, p, "/ws?name=Mallory")
	for _, bomb := range []string{
		strings.Repeat("[", 60_000),
		`{"type":` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000) + "}",
		`{"type":"chat","message":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + "}",
		`{"type":"edit","seq":1e400,"message":"x"}`,
		`{"type":"edit","seq":` + strings.Repeat("9", 50_000) + `,"message":"x"}`,
		`{"type":"chat","message":"` + strings.Repeat(`\u0000`, 9_000) + `"}`,
		"\x00", strings.Repeat(" ", 60_000),
	} {
		if _, err := c.Write(text(bomb)); err != nil {
			t.Fatal(err)
		}
		told(t, in, `"type":"error"`)
		resp, err := http.Post(p.URL+"/rooms/lobby/messages", "application/json", strings.NewReader(bomb)) //nolint:noctx // a test's
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("%.40q is answered %s", bomb, resp.Status)
		}
	}
	if _, err := c.Write(text(`{"type":"chat","message":"still here"}`)); err != nil {
		t.Fatal(err)
	}
	told(t, in, `"type":"chat"`, `"still here"`)
}

// What is small and inflates to very much is cut off at the limit of a frame, and
// costs no more memory than that.
func TestHostileDeflate(t *testing.T) {
	t.Parallel()
	p := serveProcess(t, "--compress", "--max-per-address", "0")
	stillServes(t, p)
	var bomb bytes.Buffer
	w, err := flate.NewWriter(&bomb, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, spaces{}, 60<<20); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	packed := strings.TrimSuffix(bomb.String(), "\x00\x00\xff\xff")
	if len(packed) > 64<<10 {
		t.Fatalf("a bomb of %d bytes is refused for what it is", len(packed))
	}
	_, before := held(t, p)
	var throwing sync.WaitGroup
	for range 40 {
		c, in := wireTo(t, p, "/ws?name=Mallory&history=0", "Sec-WebSocket-Extensions: permessage-deflate")
		throwing.Go(func() {
			if _, err := c.Write(frame(0xc1, packed, len(packed))); err != nil {
				t.Error(err)
				return
			}
			for {
				opcode, payload, err := next(in)
				if err != nil {
					t.Errorf("no close frame: %v", err)
					return
				}
				if opcode == 8 {
					if code := binary.BigEndian.Uint16(payload); code != 1009 {
						t.Errorf("closed with %d", code)
					}
					_ = c.Close()
					return
				}
			}
		})
	}
	throwing.Wait()
	if _, now := held(t, p); now > before+60<<20 {
		t.Errorf("40 bombs of 60 MB took memory from %d to %d MB", before>>20, now>>20)
	}
	// What is no deflate at all, and what never ends, is no better.
	for _, payload := range []string{"\xff\xff\xff\xff", "\x00", strings.Repeat("\x00\x00\x00\xff\xff", 1000)} {
		c, in := wireTo(t, p, "/ws?name=Mallory&history=0", "Sec-WebSocket-Extensions: permessage-deflate")
		if _, err := c.Write(frame(0xc1, payload, len(payload))); err != nil {
			t.Fatal(err)
		}
		for opcode := byte(0); opcode != 8; {
			var said []byte
			var err error
			if opcode, said, err = next(in); err != nil || bytes.Contains(said, []byte(`"type":"error"`)) {
				break // cut off, or answered as the nothing that it is
			}
		}
	}
	stillServes(t, p)
}

// spaces is a reader of them.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

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

// held is how many files the process has open, and how much memory it holds.
func held(t *testing.T, p *process) (files int, memory int64) {
	t.Helper()
	at := "/proc/" + strconv.Itoa(p.cmd.Process.Pid)
	entries, err := os.ReadDir(at + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	statm, err := os.ReadFile(at + "/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries), pages * int64(os.Getpagesize())
}

// stillServes fails the test unless somebody else is served as if nothing were.
func stillServes(t *testing.T, p *process) {
	t.Helper()
	began := time.Now()
	ws, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(p.URL, "http")+"/ws?name=Honest&history=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	defer ws.Close()
	id := client.NewID()
	if err := ws.WriteJSON(wire.ClientFrame{Type: wire.TypeChat, Message: "I am honest", ID: id}); err != nil {
		t.Fatal(err)
	}
	if err := ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for {
		var f wire.Ack
		if err := ws.ReadJSON(&f); err != nil {
			t.Fatalf("somebody honest is not served: %v", err)
		}
		if f.Type == wire.TypeAck && f.ID == id {
			break
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("somebody honest waited %v", took)
	}
}
