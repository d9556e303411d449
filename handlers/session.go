package handlers

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"chatd/handlers/auth"
	"chatd/handlers/metrics"
	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gorilla/websocket"
)

// maxInFlight bounds the frames of one session whose answers are not yet on
// their way. A session that sends more is not read until there is room.
const maxInFlight = 64

// session is one WebSocket. It is the sink of its member: frames go out through
// conn. One goroutine at a time reads what the client sends.
type session struct {
	ws       *websocket.Conn
	in       *bufio.Reader // gorilla's
	out      *conn
	registry Registry
	auth     *auth.Authenticator
	metrics  *metrics.Metrics
	deflater *deflater     // nil without permessage-deflate
	member   *rooms.Member // nil when joining failed
	from     netip.Prefix  // as it was counted
	bucket   int           // of the heartbeat sweep
	inFlight chan struct{} // a token for each frame that is not answered yet
	turn     chan struct{} // closed when all that was proposed so far is handed over; nil is nothing
	counted  atomic.Bool   // among those that ended
	end      *end          // of the credential; nil when it has none
}

// Framing implements rooms.Sink.
func (s *session) Framing() rooms.Framing {
	if s.deflater != nil {
		return deflateFraming{s.deflater}
	}
	return webSocketFraming{}
}

// TryWrite implements rooms.Sink.
func (s *session) TryWrite(p []byte) (int, error) { return s.out.TryWrite(p) }

// Write implements rooms.Sink.
func (s *session) Write(p []byte) error {
	err := s.out.WriteAll(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return rooms.Errorf(rooms.CodeTooSlow, "nothing was read for %v", noProgress)
	}
	return err
}

// Close implements rooms.Sink.
func (s *session) Close(reason *rooms.Error) {
	if reason != nil {
		s.closeWith(codeClose(reason.Code), string(reason.Code)+": "+reason.Detail)
	}
	// The reader ends when the peer has answered the close, or soon.
	_ = s.out.SetReadDeadline(time.Now().Add(closeWait))
}

// closeWait is how long a peer may take to answer a close frame.
const closeWait = 2 * time.Second

// closeWith writes a close frame (RFC 6455 section 5.5.1).
func (s *session) closeWith(code int, reason string) {
	s.count(metrics.ByServer, code)
	_, _ = s.out.Write(closeFrame(code, reason)) // the peer may be gone: then there is nobody to tell
}

func closeFrame(code int, reason string) []byte {
	const maxReason = 123
	for len(reason) > maxReason || !utf8.ValidString(reason) {
		reason = reason[:min(len(reason)-1, maxReason)]
	}
	frame := []byte{0x88, byte(2 + len(reason))}
	frame = binary.BigEndian.AppendUint16(frame, uint16(code))
	return append(frame, reason...)
}

// tooLong refuses a message of too many bytes.
var tooLong = rooms.Errorf(wire.CodeTooLarge, "a frame has more than %d bytes", maxFrame)

// ping pings a peer, or ends a session whose credential has ended.
func (s *session) ping(now time.Time) {
	if !s.expire(now) {
		_, _ = s.out.Write([]byte{0x89, 0}) // a peer that is gone shows by its silence
	}
}

// checkAlive gives a peer up that has sent nothing since it was pinged.
func (s *session) checkAlive(pinged time.Time) {
	if s.out.seen.Load() < pinged.UnixNano() {
		s.Close(rooms.Errorf(wire.CodeNoPong, "no sign of life for %v after a ping", pongWait))
	}
}

// run waits for what the client sends, and ends the session. A goroutine that
// has handled a message has a grown stack, which Go would let it keep; so
// another takes its place, and a session that waits has the smallest stack
// there is (a test holds that).
func (s *session) run(ss *sessions) {
	for {
		if _, err := s.in.Peek(1); err != nil {
			s.countLost(err)
			break
		}
		if s.skipPong() {
			continue
		}
		if !s.read() {
			break
		}
		go s.run(ss)
		return
	}
	s.out.End()
	s.end.forget()
	if s.member != nil {
		s.member.Leave()
	}
	if s.turn != nil {
		<-s.turn
	}
	ss.remove(s)
}

// skipPong takes the answer to our ping, the only thing that most sessions ever
// send, without what gorilla needs of the stack. Any other frame is gorilla's.
func (s *session) skipPong() bool {
	const (
		finPong = 0x8a
		masked  = 0x80
		mask    = 4
	)
	h, err := s.in.Peek(2)
	if err != nil || h[0] != finPong || h[1] < masked || h[1] > masked+125 {
		return false
	}
	_, err = s.in.Discard(2 + mask + int(h[1]-masked))
	return err == nil
}

// refuseShortClose refuses a close frame of one byte, which is no code (RFC 6455
// section 5.5.1): gorilla takes it for one without a code.
func (s *session) refuseShortClose() bool {
	const finClose, maskedOne = 0x88, 0x81
	h, err := s.in.Peek(2)
	short := err == nil && h[0] == finClose && h[1] == maskedOne
	if short {
		s.closeWith(websocket.CloseProtocolError, "a close frame of one byte")
	}
	return short
}

// read handles what has come. It reports false when the session has ended.
func (s *session) read() bool {
	for {
		if s.refuseShortClose() {
			s.drain()
			return false
		}
		kind, r, err := s.ws.NextReader()
		if err != nil {
			if errors.Is(err, websocket.ErrReadLimit) {
				// gorilla tells the peer, but for a length whose highest bit is set.
				s.Close(tooLong)
			}
			s.countLost(err)
			// A peer that has sent its close frame waits for us to end the
			// connection (RFC 6455 section 7.1.1), and tells nobody before.
			if _, closed := errors.AsType[*websocket.CloseError](err); !closed {
				s.drain()
			}
			return false
		}
		if !s.handle(kind, r) {
			s.drain()
			return false
		}
		if s.in.Buffered() == 0 {
			return true
		}
	}
}

// count counts the end of the session, once: the first to end it did.
func (s *session) count(by metrics.Closer, code int) {
	if s.counted.CompareAndSwap(false, true) {
		s.metrics.Closed(by, code)
	}
}

// countLost counts the end of a session that cannot be read on because of err.
func (s *session) countLost(err error) {
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		s.count(metrics.ByClient, closed.Code)
		return
	}
	switch code, failed := s.out.ended(); {
	case errors.Is(failed, os.ErrDeadlineExceeded):
		s.count(metrics.ByServer, wire.CloseTooSlow)
	case code != 0: // gorilla's, for a frame that breaks the protocol
		s.count(metrics.ByServer, code)
	default:
		s.count(metrics.ByNetwork, websocket.CloseAbnormalClosure)
	}
}

// drain reads and forgets what is on its way while our close frame is, gorilla's
// or the server's, so that the peer gets it before the connection ends. It ends
// at once when the peer is gone.
func (s *session) drain() {
	_ = s.out.SetReadDeadline(time.Now().Add(closeWait))
	_, _ = io.Copy(io.Discard, s.out.Conn)
}

// handle handles one message. It reports false when the session must end.
func (s *session) handle(kind int, r io.Reader) bool {
	buf := messages.Get()
	defer messages.Put(buf)
	data, err := buf.readAll(r, kind == websocket.TextMessage)
	switch {
	case errors.Is(err, errTooLong):
		s.Close(rooms.Errorf(wire.CodeTooLarge, "the message has more than %d bytes once it is inflated", maxFrame))
		return false
	case errors.Is(err, errNotUTF8):
		// RFC 6455 section 8.1 has the connection fail.
		s.Close(rooms.Errorf(wire.CodeInvalidUTF8, "text must be valid UTF-8"))
		return false
	case err != nil:
		s.countLost(err)
		return false
	case s.member == nil:
		return true // on its way out
	case kind != websocket.TextMessage:
		s.refuse("", rooms.Errorf(wire.CodeMalformed, "frames are JSON in text messages, this was a binary one"))
		return true
	}
	if s.expire(time.Now()) {
		return false
	}
	f, err := decodeFrame(data)
	if err == nil {
		err = s.obey(f)
	}
	if err != nil {
		s.refuse(f.ID, err)
	}
	return true
}

// obey does what a frame asks for, or returns why not.
func (s *session) obey(f wire.ClientFrame) error {
	e := rooms.Entry{Room: s.member.Room(), ID: f.ID, Seq: f.Seq, Text: f.Message, ReplyTo: f.ReplyTo, Emoji: f.Emoji}
	switch f.Type {
	case wire.TypeChat:
		e.Kind = rooms.EntryPost
	case wire.TypeEdit:
		e.Kind = rooms.EntryEdit
	case wire.TypeDelete:
		e.Kind = rooms.EntryDelete
	case wire.TypeReact:
		e.Kind, e.On = rooms.EntryReact, f.On == nil || *f.On
	case wire.TypeRead:
		if f.Seq == 0 {
			return rooms.Invalid("seq", "required", "must be the seq of a message")
		}
		return s.registry.MarkRead(context.Background(), s.member.Identity(), s.member.Room(), f.Seq)
	case wire.TypeTyping:
		s.member.Typing()
		return nil
	case wire.TypeAuth:
		return s.renew(f)
	case wire.TypePing:
		s.inFlight <- struct{}{}
		s.answer(pong)
		return nil
	default:
		return rooms.Errorf(wire.CodeUnknownType, "there is no frame of type %q", f.Type)
	}
	s.propose(e)
	return nil
}

var pong = encode(wire.Pong{Type: wire.TypePong})

// propose hands an entry to the registry. The answer goes to the member when
// the entry is durable, or refused.
func (s *session) propose(e rooms.Entry) {
	s.inFlight <- struct{}{}
	id := e.ID
	done := func(receipt rooms.Receipt, err error) {
		if err != nil {
			s.answer(s.errorFrame(id, err))
			return
		}
		s.answer(encode(wire.Ack{
			Type: wire.TypeAck, ID: receipt.ID, Seq: receipt.Seq, Rev: receipt.Rev, Duplicate: receipt.Duplicate,
		}))
	}
	who := s.member.Identity()
	submit := func() {
		if err := s.registry.Submit(context.Background(), who, e, done); err != nil {
			done(rooms.Receipt{}, err)
		}
	}
	if s.registry.Alone() {
		submit()
		return
	}
	// To hand it over takes as long as a majority does, and 20 seconds where there
	// is none. What the client says meanwhile is heard: a ping, an answer to ours.
	before, after := s.turn, make(chan struct{})
	s.turn = after
	go func() {
		defer close(after)
		if before != nil {
			<-before
		}
		submit()
	}()
}

// refuse tells the client that a frame was refused.
func (s *session) refuse(id string, err error) {
	s.inFlight <- struct{}{}
	s.answer(s.errorFrame(id, err))
}

// answer sends the answer to a frame, whose place in inFlight is free when the
// answer is on its way.
func (s *session) answer(payload []byte) {
	s.member.Answer(payload, func() { <-s.inFlight })
}

func (s *session) errorFrame(id string, err error) []byte {
	e := refusal(err)
	s.metrics.Refused(metrics.WebSocket, e.Code)
	return encode(wire.ErrorFrame{
		Type: wire.TypeError, Code: string(e.Code), Detail: e.Detail, ID: id,
		RetryAfter: e.RetryAfter.Seconds(), Errors: wireFieldErrors(e.Fields),
	})
}
