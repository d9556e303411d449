package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"time"

	"chatd/handlers/metrics"
	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// The media types of an event stream.
const (
	typeEventStream = "text/event-stream"
	typeLines       = "application/x-ndjson"
)

// followRoom answers GET /rooms/:id/events.
//
//	@Summary		Follow a room
//	@Description	Streams what a WebSocket session would be told, for as long as the request lasts: server-sent events, or one JSON object a line if Accept asks for application/x-ndjson. The id of an event is the cursor after it; Last-Event-ID (or after) resumes there.
//	@Tags			live
//	@ID				followRoom
//	@Produce		text/event-stream
//	@Produce		application/x-ndjson
//	@Param			id				path		string	true	"id of the room"
//	@Param			name			query		string	false	"a guest's name"
//	@Param			after			query		string	false	"resume after this cursor, epoch:rev"
//	@Param			history			query		int		false	"newest messages of a fresh start"	default(0)	minimum(0)	maximum(200)
//	@Param			inbox			query		int		false	"1 also tells what concerns you in other rooms"	Enums(0, 1)
//	@Param			Last-Event-ID	header		string	false	"resume after this cursor; sent by browsers"
//	@Success		200				{string}	string	"the stream"
//	@Failure		401				{object}	wire.Problem
//	@Failure		403				{object}	wire.Problem
//	@Failure		404				{object}	wire.Problem
//	@Failure		406				{object}	wire.Problem
//	@Failure		422				{object}	wire.Problem
//	@Failure		503				{object}	wire.Problem
//	@Failure		default			{object}	wire.Problem	"any other error"
//	@Security		Bearer
//	@Router			/rooms/{id}/events [get]
func (s *Server) followRoom(c *gin.Context) {
	if err := s.follow(c); err != nil {
		s.fail(c, err)
	}
}

func (s *Server) follow(c *gin.Context) error {
	r := c.Request
	framing, media, err := negotiateStream(c)
	if err != nil {
		return err
	}
	options, err := joinOptions(r.URL.Query(), r.Header.Get("Last-Event-ID"), 0)
	if err != nil {
		return err
	}
	who, err := s.identify(c)
	if err != nil {
		return err
	}
	room := c.Param("id")
	if _, err := s.rooms.Admit(r.Context(), who, room); err != nil {
		return err
	}
	from, err := s.sessions.occupancy.enter(c.ClientIP())
	if err != nil {
		return err
	}
	defer s.sessions.occupancy.leave(from)
	c.Header("Content-Type", media)
	c.Header("Cache-Control", "no-store")
	c.Header("X-Accel-Buffering", "no") // nginx would hold the stream back
	c.Status(http.StatusOK)
	c.Writer.WriteHeaderNow()
	if r.Method == http.MethodHead {
		return nil
	}
	s.metrics.Began(metrics.EventStream)
	defer s.metrics.Ended(metrics.EventStream)
	stream := newEventStream(c.Writer, framing)
	member, err := s.rooms.Join(r.Context(), who, room, options, stream)
	if err != nil {
		stream.Close(refusal(err))
		stream.finish()
		return nil // the answer has begun: the stream's end tells
	}
	ctx := r.Context()
	if !who.Expires.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, who.Expires)
		defer cancel()
	}
	stream.hold(ctx, who.Expires, member)
	member.Leave()
	return nil
}

// negotiateStream chooses how the stream is framed by what the client accepts.
func negotiateStream(c *gin.Context) (streamFraming, string, error) {
	switch c.NegotiateFormat(typeEventStream, typeLines, gin.MIMEJSON) {
	case typeEventStream:
		return eventStreamFraming{}, typeEventStream, nil
	case typeLines, gin.MIMEJSON:
		return linesFraming{}, typeLines, nil
	}
	return nil, "", rooms.Errorf(wire.CodeNotAcceptable, "this answers %s or %s", typeEventStream, typeLines)
}

// eventStream is the sink of a member that follows by plain HTTP. Every write
// waits, in the goroutine that the hub makes for it; the last one, which tells why
// the stream ends, is the handler's.
type eventStream struct {
	framing streamFraming
	w       http.ResponseWriter
	control *http.ResponseController
	ended   chan struct{} // closed when over

	writing sync.Mutex // held while w is written to

	mu     sync.Mutex
	busy   bool         // a write is under way
	over   bool         // the handler alone writes to w from now on
	reason *rooms.Error // to be told; nil is nothing
}

func newEventStream(w http.ResponseWriter, framing streamFraming) *eventStream {
	return &eventStream{framing: framing, w: w, control: http.NewResponseController(w), ended: make(chan struct{})}
}

// Framing implements rooms.Sink.
func (s *eventStream) Framing() rooms.Framing { return s.framing }

// TryWrite implements rooms.Sink: an http.ResponseWriter cannot but wait.
func (s *eventStream) TryWrite([]byte) (int, error) { return 0, nil }

// Write implements rooms.Sink.
func (s *eventStream) Write(p []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if !s.begin() {
		return http.ErrHandlerTimeout
	}
	err := s.write(p)
	s.rest()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return rooms.Errorf(rooms.CodeTooSlow, "nothing was read for %v", noProgress)
	}
	return err
}

// begin gives a write its time. It reports false when there is none any more.
func (s *eventStream) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		_ = s.control.SetWriteDeadline(time.Now().Add(noProgress)) // where there is none, the peer's end is noticed all the same
	}
	s.busy = !s.over
	return s.busy
}

func (s *eventStream) rest() {
	s.mu.Lock()
	s.busy = false
	s.mu.Unlock()
}

func (s *eventStream) write(p []byte) error {
	_, err := s.w.Write(p)
	return cmp.Or(err, s.control.Flush())
}

// Close implements rooms.Sink. A write under way, whose reader may be slow, is
// cut off. A reason is told by finish: whoever closes does not wait for a reader.
func (s *eventStream) Close(reason *rooms.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.over, s.reason = true, reason
	if s.busy { // of HTTP/2, a stream whose time is over tells no more
		_ = s.control.SetWriteDeadline(time.Now())
	}
	close(s.ended)
}

// finish tells the reason, as an error frame. The handler calls it last: whoever
// writes has ended then, and nobody will again.
func (s *eventStream) finish() {
	s.Close(nil)
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.control.SetWriteDeadline(time.Now().Add(closeWait))
	if s.reason != nil {
		frame := encode(wire.ErrorFrame{Type: wire.TypeError, Code: string(s.reason.Code), Detail: s.reason.Detail})
		_ = s.write(s.framing.Append(nil, rooms.Frame{Payload: frame})) // the peer may be gone
	}
}

// hold keeps the handler until the client has gone or the stream was closed. A
// word without meaning now and then keeps proxies from taking a quiet room for a
// dead one, and finds out who is gone without a word. The member is told before its
// credential ends at until, zero being never.
func (s *eventStream) hold(ctx context.Context, until time.Time, member *rooms.Member) {
	defer s.finish()
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	var soon <-chan time.Time
	if !until.IsZero() {
		left := time.Until(until)
		soon = time.After(left - expiringBefore(left))
	}
	for {
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				s.Close(tokenExpired)
			}
			return
		case <-s.ended:
			return
		case <-soon:
			member.Send(expiring(until))
		case <-tick.C:
			if s.Write([]byte(s.framing.alive())) != nil {
				return
			}
		}
	}
}
