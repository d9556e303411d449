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

// readBuffer holds a message while it is handled. The buffers are shared: a
// session that waits holds none.
type readBuffer struct{ data []byte }

type readBufferPool struct{ pool sync.Pool }

var readBuffers readBufferPool

// Get returns an empty buffer.
func (p *readBufferPool) Get() *readBuffer {
	if b, ok := p.pool.Get().(*readBuffer); ok {
		return b
	}
	return &readBuffer{data: make([]byte, 0, 1024)}
}

// Put takes a buffer back, unless a rare long message has made it large.
func (p *readBufferPool) Put(b *readBuffer) {
	if cap(b.data) <= 8<<10 {
		p.pool.Put(b)
	}
}

// readAll reads r to its end. The bytes are good until the buffer is put back.
func (b *readBuffer) readAll(r io.Reader) ([]byte, error) {
	b.data = b.data[:0]
	for {
		n, err := r.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
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
