package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

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
