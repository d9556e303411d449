package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"chatd/handlers/wire"
)

// Error is the server's refusal of a request, of an upgrade or of a frame.
type Error struct {
	Code       string // stable, see docs/protocol.md
	Detail     string
	Status     int           // of the HTTP answer; 0 when a frame was refused
	RetryAfter time.Duration // 0 is unknown
	Fields     []wire.FieldError
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Code
	}
	return e.Code + ": " + e.Detail
}

// temporary tells whether the same may succeed later.
func (e *Error) temporary() bool {
	switch e.Code {
	case "unavailable", "shutting_down", "rate_limited", wire.CodeOverCapacity:
		return true
	}
	return e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout || e.Status >= 500
}

// checkText refuses what JSON cannot carry: another text would arrive.
func checkText(text string) error {
	if utf8.ValidString(text) {
		return nil
	}
	return &Error{Code: wire.CodeInvalidUTF8, Detail: "this must be valid UTF-8"}
}

// problemOf reads the refusal out of an HTTP answer, whoever sent it.
func problemOf(resp *http.Response) *Error {
	e := &Error{Status: resp.StatusCode}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	var p wire.Problem
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(body, &p) == nil {
		e.Code, e.Detail, e.Fields = p.Code, p.Detail, p.Errors
	}
	e.Code = cmp.Or(e.Code, fmt.Sprintf("http_%d", resp.StatusCode))
	e.Detail = cmp.Or(e.Detail, p.Title, "the answer is not chatd's: "+resp.Status)
	return e
}

// Closed tells that the server closed the connection, and why.
type Closed struct {
	Code   int // see docs/protocol.md
	Reason string
}

func (c *Closed) Error() string {
	if c.Reason == "" {
		return fmt.Sprintf("closed with %d", c.Code)
	}
	return fmt.Sprintf("closed with %d: %s", c.Code, c.Reason)
}
