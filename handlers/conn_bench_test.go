package handlers

import (
	"bytes"
	"io"
	"testing"

	"chatd/rooms"
)

// drained is a conn whose peer reads all and forgets it.
func drained(t testing.TB) *conn {
	c, far := tcpPair(t)
	go func() { _, _ = io.Copy(io.Discard, far) }() // ends with the connection
	return c
}

// push writes p in as many attempts as the peer's pace asks for.
func push(t testing.TB, c *conn, p []byte) {
	n, err := c.TryWrite(p)
	if err != nil {
		t.Fatal(err)
	}
	if n < len(p) {
		if err := c.WriteAll(bytes.Clone(p[n:])); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAWriteAllocatesNothing(t *testing.T) {
	c, frame := drained(t), framed(276)
	if n := testing.AllocsPerRun(1000, func() { push(t, c, frame) }); n > 0 {
		t.Errorf("a write that the connection takes whole allocates %.0f times", n)
	}
}

func framed(size int) []byte {
	return webSocketFraming{}.Append(nil, rooms.Frame{Payload: bytes.Repeat([]byte("x"), size)})
}

// A write with the system's part of it.
func BenchmarkTryWrite(b *testing.B) {
	c, frame := drained(b), framed(276)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		push(b, c, frame)
	}
}

func BenchmarkFraming(b *testing.B) {
	f := rooms.Frame{Epoch: "1262d624e2d6e554c29e", Rev: 4659, Payload: bytes.Repeat([]byte("x"), 276)}
	for name, framing := range map[string]rooms.Framing{"WebSocket": webSocketFraming{}, "SSE": eventStreamFraming{}, "NDJSON": linesFraming{}} {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 1024)
			b.ReportAllocs()
			for b.Loop() {
				buf = framing.Append(buf[:0], f)
			}
		})
	}
}
