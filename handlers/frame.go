package handlers

import (
	"errors"
	"io"
	"sync"
	"unicode/utf8"

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
// them as they come; a compressed message may become long after that. errNotUTF8
// tells of text that is none.
var (
	errTooLong = errors.New("the message is too long")
	errNotUTF8 = errors.New("the text is not valid UTF-8")
)

// readAll reads r to its end. The bytes are good until the buffer is put back.
// What cannot become valid text is refused as soon as that shows, before the
// message has ended.
func (b *message) readAll(r io.Reader, isText bool) ([]byte, error) {
	b.data = b.data[:0]
	valid := 0 // bytes of data that are whole characters
	for {
		n, err := r.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		ended := errors.Is(err, io.EOF)
		if len(b.data) > maxFrame {
			return nil, errTooLong
		}
		if isText && n > 0 || isText && ended {
			end := len(b.data)
			if !ended {
				end -= unfinished(b.data[valid:])
			}
			if !utf8.Valid(b.data[valid:end]) {
				return nil, errNotUTF8
			}
			valid = end
		}
		if ended {
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

// unfinished is how many bytes at the end of p begin a character that may still
// become a valid one.
func unfinished(p []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		if tail := p[len(p)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return i
			}
			return 0
		}
	}
	return 0
}
