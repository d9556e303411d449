package handlers

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

const (
	requestIDHeader = "X-Request-ID"
	requestIDKey    = "request_id"
	maxRequestID    = 64
)

// nameRequest gives every request an id, the client's own if it is sane: the
// answer and the log carry it.
func nameRequest(c *gin.Context) {
	id := c.GetHeader(requestIDHeader)
	if !saneRequestID(id) {
		id = rooms.NewID()
	}
	c.Set(requestIDKey, id)
	c.Header(requestIDHeader, id)
}

func requestID(c *gin.Context) string { return c.GetString(requestIDKey) }

// saneRequestID keeps out what could forge a line of the log.
func saneRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// apiPolicy is for answers that no browser should show as a page.
const apiPolicy = "default-src 'none'; frame-ancestors 'none'"

// secure sets the headers that all answers carry. Pages replace the policy by
// their own.
func secure(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	// A proxy that does TLS says it itself. For localhost it would hold for
	// whatever else listens there.
	if c.Request.TLS != nil && !localName(c.Request.Host) {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	h.Set("Content-Security-Policy", apiPolicy)
}

// recoverPanic answers a panic with a problem and logs its stack. When part of
// the answer is out already, the connection is cut instead, so that nobody
// takes the part for the whole.
func (s *Server) recoverPanic(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		s.log.LogAttrs(c.Request.Context(), slog.LevelError, "panic",
			slog.String("request_id", requestID(c)),
			slog.Any("panic", p),
			slog.String("stack", string(debug.Stack())))
		if c.Writer.Written() {
			panic(http.ErrAbortHandler)
		}
		s.fail(c, fmt.Errorf("panic: %v", p))
	}()
	c.Next()
}

const (
	bodyWait   = 20 * time.Second // how long a body may take to arrive
	answerWait = 30 * time.Second // how long an answer may take to be read
)

// bound bounds what a request costs: how much its handler can read, for how
// long, and how long its answer waits for a reader. Streams and WebSockets set
// deadlines of their own.
func (s *Server) bound(c *gin.Context) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, s.maxBody)
	// A recorder has no deadlines, and a test's client is in no hurry.
	control, now := http.NewResponseController(c.Writer), time.Now()
	_ = control.SetWriteDeadline(now.Add(answerWait))
	if c.Request.ContentLength != 0 {
		_ = control.SetReadDeadline(now.Add(s.bodyWait))
	}
}
