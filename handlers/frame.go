package handlers

import (
	"errors"
	"io"
	"sync"

	"chatd/handlers/wire"
)

// decodeFrame reads a client's frame. On an error the frame still has its ID,
// if that much could be read.
func decodeFrame(data []byte) (wire.ClientFrame, error) {
	var f wire.ClientFrame
	if err := decodeStrict(data, &f); err != nil {
		return f, err
	}
	if f.Type == "" {
		return f, badField("type", "required", "is missing")
	}
	return f, nil
}

// message holds a message while it is handled. The buffers are shared: a
// session that waits holds none.
type message struct{ data []byte }

type messagePool struct{ pool sync.Pool }

var messages messagePool

// Get returns an empty buffer.
func (p *messagePool) Get() *message {
	if b, ok := p.pool.Get().(*message); ok {
		return b
	}
	return &message{data: make([]byte, 0, 1024)}
}

// Put takes a buffer back, unless a rare long message has made it large.
func (p *messagePool) Put(b *message) {
	if cap(b.data) <= 8<<10 {
		p.pool.Put(b)
	}
}

// errTooLong tells that a message has more than maxFrame bytes. Gorilla counts
// them as they come; a compressed message may become long after that.
var errTooLong = errors.New("the message is too long")

// readAll reads r to its end. The bytes are good until the buffer is put back.
func (b *message) readAll(r io.Reader) ([]byte, error) {
	b.data = b.data[:0]
	for {
		n, err := r.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		if len(b.data) > maxFrame {
			return nil, errTooLong
		}
		if errors.Is(err, io.EOF) {
			return b.data, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b.data) == cap(b.data) {
			b.data = append(b.data, 0)[:len(b.data)]
		}
	}
}
