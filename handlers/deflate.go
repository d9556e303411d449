package handlers

import (
	"bytes"
	"compress/flate"
	"net/http"
	"strings"
	"sync"

	"chatd/rooms"
)

// permessage-deflate (RFC 7692), without context takeover: a message is
// compressed by itself, so that its bytes are good for every session.

const (
	// deflateAbove is the least payload worth compressing, in bytes.
	deflateAbove = 512
	deflateLevel = flate.BestSpeed
	// deflateKept is how many of the newest compressed frames are remembered:
	// those that several writers, or several passes, are about to send.
	deflateKept = 64

	extensionsHeader = "Sec-WebSocket-Extensions"
	deflateExtension = "permessage-deflate"
)

// offersDeflate tells whether a client offers permessage-deflate in a way that
// this server can agree to.
func offersDeflate(h http.Header) bool {
	for offer := range strings.SplitSeq(strings.Join(h.Values(extensionsHeader), ","), ",") {
		name, params, _ := strings.Cut(offer, ";")
		if strings.TrimSpace(name) == deflateExtension && agreeable(params) {
			return true
		}
	}
	return false
}

// agreeable tells whether all parameters of an offer are ones that answering
// with no context takeover on both sides satisfies. A smaller window for what
// the server sends is none of them.
func agreeable(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		name, _, _ := strings.Cut(param, "=")
		switch strings.TrimSpace(name) {
		case "", "client_max_window_bits", "server_no_context_takeover", "client_no_context_takeover":
		default:
			return false
		}
	}
	return true
}

// deflater compresses frames, each at most once while it is among the newest.
// It is safe for any number of goroutines.
type deflater struct {
	mu     sync.Mutex
	kept   map[*byte]*deflated // by the payload's first byte: payloads never change
	oldest [deflateKept]*byte
	next   int
	writes sync.Pool
}

// deflated is a payload's message, framed.
type deflated struct {
	once    sync.Once
	payload []byte // keeps the key good
	frame   []byte
}

func newDeflater() *deflater { return &deflater{kept: make(map[*byte]*deflated, deflateKept)} }

// frame returns payload as a frame, compressed if that makes it smaller.
func (d *deflater) frame(payload []byte) []byte {
	one := d.find(payload)
	one.once.Do(func() { one.frame = d.deflate(payload) })
	return one.frame
}

func (d *deflater) find(payload []byte) *deflated {
	key := &payload[0]
	d.mu.Lock()
	defer d.mu.Unlock()
	if one := d.kept[key]; one != nil {
		return one
	}
	one := &deflated{payload: payload}
	delete(d.kept, d.oldest[d.next])
	d.oldest[d.next] = key
	d.next = (d.next + 1) % deflateKept
	d.kept[key] = one
	return one
}

func (d *deflater) deflate(payload []byte) []byte {
	const tail = "\x00\x00\xff\xff" // the receiver adds it (RFC 7692 section 7.2.1)
	var out bytes.Buffer
	w, ok := d.writes.Get().(*flate.Writer)
	if ok {
		w.Reset(&out)
	} else {
		w, _ = flate.NewWriter(&out, deflateLevel) // the level is a good one
	}
	defer d.writes.Put(w)
	_, err := w.Write(payload)
	if err == nil {
		err = w.Flush()
	}
	short := bytes.TrimSuffix(out.Bytes(), []byte(tail))
	if err != nil || len(short) >= len(payload) {
		return appendText(nil, finText, payload)
	}
	return appendText(nil, finText|rsv1, short)
}

// deflateFraming frames payloads as text frames, long ones compressed.
type deflateFraming struct{ *deflater }

func (d deflateFraming) Append(dst []byte, f rooms.Frame) []byte {
	if len(f.Payload) <= deflateAbove {
		return webSocketFraming{}.Append(dst, f)
	}
	return append(dst, d.frame(f.Payload)...)
}
