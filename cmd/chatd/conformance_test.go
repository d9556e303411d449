package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// The cases of the Autobahn fuzzing client that mean something to a server that
// echoes nothing (sections 1 to 7, 9 and 10), said to the real binary. Where an
// echo is expected there, here it is the answer to what was said.

// saying is what a client sends, and what must come of it: the payloads of pongs,
// in order; how often something is answered (by pong or error frames); and the
// code of the close, 0 for none.
type saying struct {
	send    [][]byte // written one by one
	pongs   []string
	answers int
	code    int
}

const askPong = `{"type":"ping"}`

// padded is a frame of the protocol with n bytes.
func padded(n int) string { return askPong + strings.Repeat(" ", n-len(askPong)) }

func parts(first byte, pieces ...string) (frames [][]byte) {
	for i, p := range pieces {
		head := byte(0)
		if i == 0 {
			head = first
		}
		if i == len(pieces)-1 {
			head |= 0x80
		}
		frames = append(frames, frame(head, p, len(p)))
	}
	return frames
}

func octets(b []byte) (pieces [][]byte) {
	for i := range b {
		pieces = append(pieces, b[i:i+1])
	}
	return pieces
}

func closing(code uint16, reason string) []byte {
	payload := string(binary.BigEndian.AppendUint16(nil, code)) + reason
	return frame(0x88, payload, len(payload))
}

func piece(first byte, s string) []byte { return frame(first, s, len(s)) }

func one(b ...[]byte) [][]byte { return b }

func conformance() map[string]saying {
	all := make(map[string]saying)
	// 1: lengths at the edges of the three forms.
	for _, n := range []int{len(askPong), 125, 126, 127, 128, 65535, 65536} {
		whole := text(padded(n))
		all[fmt.Sprintf("1.1 text of %d", n)] = saying{send: one(whole), answers: 1}
		all[fmt.Sprintf("1.2 binary of %d", n)] = saying{send: one(append([]byte{0x82}, whole[1:]...)), answers: 1}
	}
	all["1.1.1 empty text"] = saying{send: one(text("")), answers: 1}
	all["1.1.8 text in chops"] = saying{send: slices.Collect(slices.Chunk(text(padded(65536)), 997)), answers: 1}
	all["9.1 text of 65537"] = saying{send: one(text(padded(65537))), code: 1009}
	all["9.3 fragments beyond the limit"] = saying{send: parts(0x01, slices.Repeat([]string{strings.Repeat(" ", 4096)}, 17)...), code: 1009}
	all["10.1 fragments of 1300"] = saying{send: parts(0x01, chop(padded(65536), 1300)...), answers: 1}

	// 2: pings and pongs.
	every := string(bytes.Repeat([]byte{0xfe}, 125))
	all["2.1 ping of nothing"] = saying{send: one(frame(0x89, "", 0)), pongs: []string{""}}
	all["2.2 ping"] = saying{send: one(frame(0x89, "Hello", 5)), pongs: []string{"Hello"}}
	all["2.3 binary ping"] = saying{send: one(frame(0x89, "\x00\xff\xfe\xfd", 4)), pongs: []string{"\x00\xff\xfe\xfd"}}
	all["2.4 ping of 125"] = saying{send: one(frame(0x89, every, 125)), pongs: []string{every}}
	all["2.5 ping of 126"] = saying{send: one(frame(0x89, every+"x", 126)), code: 1002}
	all["2.6 ping of 125 by octets"] = saying{send: octets(frame(0x89, every, 125)), pongs: []string{every}}
	all["2.7 unsolicited pong of nothing"] = saying{send: one(frame(0x8a, "", 0))}
	all["2.8 unsolicited pong"] = saying{send: one(frame(0x8a, "unasked", 7))}
	all["2.9 unsolicited pong, ping"] = saying{send: one(frame(0x8a, "unasked", 7), frame(0x89, "p", 1)), pongs: []string{"p"}}
	ten := saying{}
	for i := range 10 {
		p := fmt.Sprintf("payload-%d", i)
		ten.send, ten.pongs = append(ten.send, frame(0x89, p, len(p))), append(ten.pongs, p)
	}
	all["2.10 ten pings"] = ten
	all["2.11 ten pings by octets"] = saying{send: octets(bytes.Join(ten.send, nil)), pongs: ten.pongs}

	// 3 and 4: reserved bits and opcodes, behind a good frame, which is answered.
	for bits := byte(1); bits < 8; bits++ {
		all[fmt.Sprintf("3 reserved bits %d", bits)] = saying{send: one(text(askPong), frame(0x81|bits<<4, askPong, len(askPong))), answers: 1, code: 1002}
		all[fmt.Sprintf("3 ping with reserved bits %d", bits)] = saying{send: one(frame(0x89|bits<<4, "", 0)), code: 1002}
		all[fmt.Sprintf("3 close with reserved bits %d", bits)] = saying{send: one(frame(0x88|bits<<4, "", 0)), code: 1002}
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		all[fmt.Sprintf("4 opcode %d", op)] = saying{send: one(text(askPong), frame(0x80|op, "", 0), text(askPong)), answers: 1, code: 1002}
		all[fmt.Sprintf("4 opcode %d with payload", op)] = saying{send: one(frame(0x80|op, "payload", 7)), code: 1002}
	}

	// 5: fragments.
	all["5.1 ping in fragments"] = saying{send: parts(0x09, "frag", "ment"), code: 1002}
	all["5.2 pong in fragments"] = saying{send: parts(0x0a, "frag", "ment"), code: 1002}
	all["5.3 text in fragments"] = saying{send: parts(0x01, askPong[:5], askPong[5:]), answers: 1}
	all["5.5 text in fragments by octets"] = saying{send: octets(bytes.Join(parts(0x01, askPong[:5], askPong[5:]), nil)), answers: 1}
	all["5.6 ping between fragments"] = saying{
		send: slices.Insert(parts(0x01, askPong[:5], askPong[5:]), 1, frame(0x89, "between", 7)), pongs: []string{"between"}, answers: 1,
	}
	all["5.9 continuation of nothing, final"] = saying{send: one(frame(0x80, "x", 1), text(askPong)), code: 1002}
	all["5.12 continuation of nothing, not final"] = saying{send: one(frame(0x00, "x", 1), text(askPong)), code: 1002}
	all["5.15 continuation after the end"] = saying{send: append(parts(0x01, askPong[:5], askPong[5:]), frame(0x00, "x", 1)), answers: 1, code: 1002}
	all["5.18 text within a text"] = saying{send: one(frame(0x01, "{", 1), text("}")), code: 1002}
	all["5.19 pings between many"] = saying{
		send: one(
			frame(0x01, askPong[:3], 3), frame(0x00, askPong[3:5], 2), frame(0x89, "1", 1),
			frame(0x00, askPong[5:7], 2), frame(0x00, "", 0), frame(0x89, "2", 1), frame(0x80, askPong[7:], len(askPong)-7),
		), pongs: []string{"1", "2"}, answers: 1,
	}

	// 6: UTF-8. What is valid is answered (it is no JSON), what is not ends.
	for _, good := range []string{
		"Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\x00", "\u0080", "\u0800", "\U00010000", "\x7f", "\u07ff", "\uffff", "\ud7ff", "\ue000", "\ufffd", "\U0010ffff", "\ufffe", "\U0001fffe",
	} {
		all[fmt.Sprintf("6 valid %+q", good)] = saying{send: one(text(good)), answers: 1}
		all[fmt.Sprintf("6.2 valid by octets %+q", good)] = saying{send: parts(0x01, chop(good, 1)...), answers: 1}
	}
	for _, bad := range []string{
		"κόσμε\xed\xa0\x80edited", "\x80", "\xbf", "\x80\xbf", "\xc0 ", "\xfe", "\xff", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf",
		"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xaf\xbf", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xce", "\xf0\x90\x80", "\xce\xba\xe1",
	} {
		all[fmt.Sprintf("6.3 invalid %+q", bad)] = saying{send: one(text(bad), text(askPong)), code: 1007}
	}
	// Before the message has ended, and before its fragment has: fail fast.
	all["6.4.1 invalid in the second of three fragments"] = saying{send: one(piece(0x01, "κόσμε"), piece(0x00, "\xf4\x90\x80\x80")), code: 1007}
	all["6.4.2 invalid by its second octet"] = saying{send: one(piece(0x01, "κόσμε\xf4"), piece(0x00, "\x90")), code: 1007}
	all["6.4.3 invalid within a frame"] = saying{send: one(frame(0x01, "κόσμε\xf4\x90", 40)), code: 1007}

	// 7: ends.
	all["7.1 close, then text"] = saying{send: one(append(closing(1000, ""), text(askPong)...)), code: 1000}
	all["7.1.3 close, then ping"] = saying{send: one(append(closing(1000, ""), frame(0x89, "x", 1)...)), code: 1000}
	all["7.1.5 close within a message"] = saying{send: one(frame(0x01, "{", 1), closing(1000, "")), code: 1000}
	all["7.3.1 close of nothing"] = saying{send: one(frame(0x88, "", 0)), code: 1005}
	all["7.3.2 close of one byte"] = saying{send: one(frame(0x88, "a", 1)), code: 1002}
	all["7.3.4 close with a reason"] = saying{send: one(closing(1000, "Hello World!")), code: 1000}
	all["7.3.5 close with a reason of 123"] = saying{send: one(closing(1000, strings.Repeat("*", 123))), code: 1000}
	all["7.3.6 close with a reason of 124"] = saying{send: one(closing(1000, strings.Repeat("*", 124))), code: 1002}
	all["7.5.1 close with invalid UTF-8"] = saying{send: one(closing(1000, "κόσμε\xed\xa0\x80edited")), code: 1002}
	for _, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		all[fmt.Sprintf("7.7 close with %d", code)] = saying{send: one(closing(code, "")), code: int(code)}
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535} {
		all[fmt.Sprintf("7.9 close with %d", code)] = saying{send: one(closing(code, "")), code: 1002}
	}
	return all
}

func chop(s string, n int) (pieces []string) {
	for b := range slices.Chunk([]byte(s), n) {
		pieces = append(pieces, string(b))
	}
	return pieces
}

func TestConformance(t *testing.T) {
	t.Parallel()
	p := serveProcess(t)
	for name, s := range conformance() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, in := wireTo(t, p, "/ws?name=Autobahn&history=0")
			for _, b := range s.send {
				if _, err := c.Write(b); err != nil {
					break // refused already, which is to be read
				}
			}
			marked := s.code == 0
			if marked { // then the session goes on, and this is answered last
				if _, err := c.Write(frame(0x89, "the end", 7)); err != nil {
					t.Fatal(err)
				}
			}
			var pongs []string
			answers := 0
			for ended := false; !ended; {
				opcode, payload, err := next(in)
				if err != nil {
					t.Fatalf("cut off: %v", err)
				}
				switch {
				case opcode == 8:
					code := 1005
					if len(payload) >= 2 {
						code = int(binary.BigEndian.Uint16(payload))
					}
					if code != s.code {
						t.Errorf("closed with %d, want %d (%q)", code, s.code, payload)
					}
					ended = true
				case opcode == 10 && string(payload) == "the end":
					marked = false
				case opcode == 10:
					pongs = append(pongs, string(payload))
				case bytes.Contains(payload, []byte(`"type":"pong"`)), bytes.Contains(payload, []byte(`"type":"error"`)):
					answers++
				}
				// An answer may come after the pong of a later ping.
				ended = ended || s.code == 0 && !marked && answers >= s.answers
			}
			if !slices.Equal(pongs, s.pongs) {
				t.Errorf("pongs %q, want %q", pongs, s.pongs)
			}
			if answers > s.answers {
				t.Errorf("%d answers, want %d", answers, s.answers)
			}
			if s.code == 0 {
				return
			}
			// After a close frame comes the end, when we have gone too, and nothing else.
			_ = c.(*net.TCPConn).CloseWrite()
			if n, err := io.Copy(io.Discard, in); n > 0 || err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("%d bytes follow the close frame, %v", n, err)
			}
		})
	}
}

// A client that ends its half of the connection has gone.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	p := serveProcess(t)
	c, in := wireTo(t, p, "/ws?name=Ana&history=0")
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := io.Copy(io.Discard, in); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
