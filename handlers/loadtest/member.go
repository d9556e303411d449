package loadtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// room is one room and who plays in it.
type room struct {
	id      string
	poster  *member
	head    atomic.Uint64 // newest rev that any member saw
	credits chan struct{} // with Rate 0: a token for each post that may be sent
}

// member is one connection.
type member struct {
	run   *run
	room  *room
	conn  net.Conn
	raw   syscall.RawConn
	stuck bool
	left  atomic.Bool // by our own will

	// The reader's, while it waits for the connection.
	step   func(fd uintptr) bool
	open   bool
	failed error

	late   streak // latencies of what is being taken
	rest   []byte // the beginning of a frame whose end has not come
	rev    uint64 // newest change seen; the reader's
	seen   atomic.Uint64
	ready  chan struct{} // closed by the welcome
	writes sync.Mutex
}

// target is where and how members connect.
type target struct {
	hosts   []string
	next    atomic.Uint64
	token   string
	spread  bool // source addresses go round in 127.0.0.0/8
	sources atomic.Uint64
}

func newTarget(all []*url.URL, token string) *target {
	t := &target{token: token, spread: true}
	for _, u := range all {
		host := u.Host
		if u.Port() == "" {
			host = net.JoinHostPort(u.Hostname(), "80")
		}
		addr, err := net.ResolveTCPAddr("tcp", host)
		if err == nil && addr.IP.IsLoopback() && addr.IP.To4() != nil {
			host = addr.String()
		} else {
			t.spread = false
		}
		t.hosts = append(t.hosts, host)
	}
	return t
}

// perSource is how many connections one source address makes: fewer than the
// ports that the kernel gives by default.
const perSource = 8_000

// dial connects to the servers in turn.
func (t *target) dial() (c net.Conn, host string, err error) {
	d := net.Dialer{Timeout: 30 * time.Second, KeepAlive: -1, Control: lateBind}
	if t.spread {
		n := t.sources.Add(1) / perSource
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n)+1)}
	}
	host = t.hosts[t.next.Add(1)%uint64(len(t.hosts))]
	c, err = d.Dial("tcp", host)
	return c, host, err
}

// join connects a member and reads up to the end of the handshake.
func (r *run) join(room *room, name string, stuck bool) (*member, error) {
	c, host, err := r.target.dial()
	if err != nil {
		return nil, err
	}
	m := &member{run: r, room: room, conn: c, stuck: stuck, ready: make(chan struct{})}
	if err := m.handshake(host, name); err != nil {
		_ = c.Close()
		return nil, err
	}
	if m.raw, err = c.(*net.TCPConn).SyscallConn(); err != nil {
		_ = c.Close()
		return nil, err
	}
	if hello := r.cfg.Envelope.Hello; hello != "" {
		m.write(textFrame(hello))
	}
	r.tally.open.Add(1)
	if stuck {
		// What it does not read should be the server's matter soon.
		_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
		return m, nil
	}
	r.members.Go(m.read)
	return m, nil
}

func (m *member) handshake(host, name string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "GET /ws/%s?history=0&name=%s HTTP/1.1\r\nHost: %s\r\n", m.room.id, url.QueryEscape(name), host)
	b.WriteString("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	if m.run.target.token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", m.run.target.token)
	}
	b.WriteString("\r\n")
	if _, err := io.WriteString(m.conn, b.String()); err != nil {
		return err
	}
	_ = m.conn.SetReadDeadline(time.Now().Add(60 * time.Second))
	buf := make([]byte, 0, 2048)
	for {
		n, err := m.conn.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if end := bytes.Index(buf, []byte("\r\n\r\n")); end >= 0 {
			if !bytes.HasPrefix(buf, []byte("HTTP/1.1 101 ")) {
				return fmt.Errorf("the server refused: %s", strings.ReplaceAll(string(buf), "\r\n", " "))
			}
			if m.rest = bytes.Clone(buf[end+4:]); len(m.rest) == 0 {
				m.rest = nil
			}
			return m.conn.SetReadDeadline(time.Time{})
		}
		if err != nil {
			return err
		}
		if len(buf) == cap(buf) {
			return errors.New("the handshake's answer is too long")
		}
	}
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// read takes what the server sends until the connection ends. It holds a buffer
// only while there is something to read.
func (m *member) read() {
	defer func() {
		_ = m.conn.Close()
		m.run.tally.open.Add(-1)
		if !m.left.Load() {
			m.run.tally.broken.Add(1)
		}
	}()
	open := len(m.rest) == 0 || m.take(nil)
	for open {
		var err error
		if open, err = m.readOnce(); err != nil {
			return
		}
	}
}

// take handles the frames in what came. It reports false at a close frame.
func (m *member) take(p []byte) bool {
	if len(m.rest) > 0 {
		p = append(m.rest, p...)
		m.rest = nil
	}
	now := time.Now()
	m.run.tally.bytes.Add(uint64(len(p)))
	delivered := uint64(0)
	defer func() {
		if delivered > 0 {
			m.late.flush(&m.run.tally.delivery)
			m.run.tally.deliveries.Add(delivered)
			m.seen.Store(m.rev)
		}
	}()
	for {
		op, payload, size := nextFrame(p)
		if size == 0 {
			if len(p) > 0 {
				m.rest = bytes.Clone(p)
			}
			return true
		}
		p = p[size:]
		switch op {
		case 0x1:
			delivered += m.message(payload, now)
		case 0x8:
			if len(payload) >= 2 && !m.left.Load() {
				m.run.tally.closed(binary.BigEndian.Uint16(payload), string(payload[2:]))
			}
			return false
		case 0x9:
			m.write(append([]byte{0x8a, 0x80, 0, 0, 0, 0}, payload...))
		}
	}
}

// nextFrame splits a frame off p. size is 0 while p does not hold all of it.
func nextFrame(p []byte) (op byte, payload []byte, size int) {
	if len(p) < 2 {
		return 0, nil, 0
	}
	n, head := int(p[1]&0x7f), 2
	switch n {
	case 126:
		if len(p) < 4 {
			return 0, nil, 0
		}
		n, head = int(binary.BigEndian.Uint16(p[2:])), 4
	case 127:
		if len(p) < 10 {
			return 0, nil, 0
		}
		n, head = int(binary.BigEndian.Uint64(p[2:])), 10
	}
	if len(p) < head+n {
		return 0, nil, 0
	}
	return p[0] & 0xf, p[head : head+n], head + n
}

// message handles a text message and returns how many posts were in it.
func (m *member) message(p []byte, now time.Time) (delivered uint64) {
	if !m.run.cfg.Envelope.Several {
		if m.frame(p, now) {
			delivered++
		}
		return delivered
	}
	for line := range bytes.Lines(p) {
		if i := bytes.Index(line, []byte(beginning)); i >= 0 && m.frame(line[i:], now) {
			delivered++
		}
	}
	return delivered
}

const (
	// beginning is how every frame of the server's begins.
	beginning = `{"type":"`
	// front is where to look for what comes before the rev.
	front = 64
)

// frame handles a frame and reports whether it was a post.
func (m *member) frame(p []byte, now time.Time) bool {
	t := &m.run.tally
	p, ok := bytes.CutPrefix(p, []byte(beginning))
	if !ok {
		return false
	}
	kind, p, _ := bytes.Cut(p, []byte(`"`))
	switch string(kind) {
	case "chat":
	case "ack":
		t.acks.Add(1)
		if sent, ok := number(p, `"id":"b`); ok && t.measuring.Load() {
			t.ack.add(now.Sub(time.Unix(0, int64(sent))))
		}
		return false
	case "welcome":
		// The room's own rev comes first, then the cursor.
		if i := bytes.LastIndex(p, []byte(`"rev":`)); i >= 0 {
			m.rev, _ = number(p[i:], `"rev":`)
			m.seen.Store(m.rev)
		}
		close(m.ready)
		return false
	case "error":
		t.refusal(p)
		m.credit()
		return false
	default:
		return false
	}
	rev, _ := number(p, `"rev":`)
	before := rev - 1
	if prev, ok := number(p[:min(len(p), front)], `"prev":`); ok {
		before = prev
	}
	switch {
	case rev <= m.rev:
		t.repeats.Add(1)
	case before > m.rev:
		t.holes.Add(before - m.rev)
	}
	m.rev = max(m.rev, rev)
	if m == m.room.poster {
		m.room.head.Store(m.rev)
		m.credit()
	}
	if sent, ok := number(p, `"message":"t`); ok && t.measuring.Load() {
		m.late.add(&t.delivery, now.Sub(time.Unix(0, int64(sent))))
	}
	return true
}

// number reads the digits behind key.
func number(p []byte, key string) (uint64, bool) {
	i := bytes.Index(p, []byte(key))
	if i < 0 {
		return 0, false
	}
	p = p[i+len(key):]
	end := 0
	for end < len(p) && p[end] >= '0' && p[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(string(p[:end]), 10, 64)
	return n, err == nil
}

// textFrame is a text frame, masked with zero.
func textFrame(payload string) []byte {
	frame := []byte{0x81}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	frame = append(frame, 0, 0, 0, 0)
	return append(frame, payload...)
}

// write sends frames that are masked with zero.
func (m *member) write(p []byte) {
	m.writes.Lock()
	defer m.writes.Unlock()
	_, _ = m.conn.Write(p) // the reader notices a connection that is gone
}

func (m *member) leave() {
	m.left.Store(true)
	_ = m.conn.Close()
}
