package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

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
