package handlers

import (
	"encoding/binary"
	"strconv"

	"chatd/rooms"
)

// webSocketFraming frames payloads as unmasked, unfragmented text frames.
type webSocketFraming struct{}

func (webSocketFraming) Append(dst []byte, f rooms.Frame) []byte {
	return appendText(dst, finText, f.Payload)
}

// The first byte of a whole text message in one frame, and the bit that says it
// is compressed.
const (
	finText = 0x81
	rsv1    = 0x40
)

// appendText appends an unmasked frame (RFC 6455 section 5.2).
func appendText(dst []byte, first byte, payload []byte) []byte {
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, first, byte(n))
	case n < 1<<16:
		dst = append(dst, first, 126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = append(dst, first, 127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	return append(dst, payload...)
}

// streamFraming is the framing of an event stream, and what keeps a quiet one
// alive: it tells a reader nothing.
type streamFraming interface {
	rooms.Framing
	alive() string
}

// eventStreamFraming frames payloads as server-sent events (WHATWG HTML,
// section 9.2). The id of a change is the cursor after it.
type eventStreamFraming struct{}

func (eventStreamFraming) Append(dst []byte, f rooms.Frame) []byte {
	if f.Epoch != "" {
		dst = append(dst, "id: "...)
		dst = appendCursor(dst, f.Epoch, f.Rev)
		dst = append(dst, '\n')
	}
	dst = append(dst, "data: "...)
	dst = append(dst, f.Payload...)
	return append(dst, "\n\n"...)
}

// alive is a comment.
func (eventStreamFraming) alive() string { return ":\n\n" }

// linesFraming frames payloads as lines (NDJSON).
type linesFraming struct{}

// alive is an empty line, which readers of NDJSON pass over.
func (linesFraming) alive() string { return "\n" }

func (linesFraming) Append(dst []byte, f rooms.Frame) []byte {
	return append(append(dst, f.Payload...), '\n')
}

// appendCursor appends a cursor as clients see it, epoch:rev.
func appendCursor(dst []byte, epoch string, rev uint64) []byte {
	dst = append(dst, epoch...)
	dst = append(dst, ':')
	return strconv.AppendUint(dst, rev, 10)
}
