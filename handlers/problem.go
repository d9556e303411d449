package handlers

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"chatd/handlers/auth"
	"chatd/handlers/metrics"
	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// reasons is the one table of how a code is answered: the status of a request
// that is refused with it, and the code with which a WebSocket closes if it
// must. Clients rely on it; docs/protocol.md lists it.
var reasons = map[rooms.Code]struct{ status, close int }{
	rooms.CodeInvalid:         {http.StatusUnprocessableEntity, wire.ClosePolicy},
	rooms.CodeForbidden:       {http.StatusForbidden, wire.CloseForbidden},
	rooms.CodeRoomNotFound:    {http.StatusNotFound, wire.CloseRoomGone},
	rooms.CodeRoomExists:      {http.StatusConflict, wire.ClosePolicy},
	rooms.CodeRoomFull:        {http.StatusServiceUnavailable, wire.CloseOverCapacity},
	rooms.CodeTooManyRooms:    {http.StatusForbidden, wire.CloseForbidden},
	rooms.CodeRoomArchived:    {http.StatusConflict, wire.ClosePolicy},
	rooms.CodeRoomGone:        {http.StatusGone, wire.CloseRoomGone},
	rooms.CodeBanned:          {http.StatusForbidden, wire.CloseKicked},
	rooms.CodeKicked:          {http.StatusForbidden, wire.CloseKicked},
	rooms.CodeMuted:           {http.StatusForbidden, wire.CloseForbidden},
	rooms.CodeNoSanction:      {http.StatusNotFound, wire.ClosePolicy},
	rooms.CodeNoWebhook:       {http.StatusNotFound, wire.ClosePolicy},
	rooms.CodeAnnounceOnly:    {http.StatusForbidden, wire.CloseForbidden},
	rooms.CodeSlowMode:        {http.StatusTooManyRequests, wire.CloseTooMany},
	rooms.CodeMessageNotFound: {http.StatusNotFound, wire.ClosePolicy},
	rooms.CodeMessageDeleted:  {http.StatusConflict, wire.ClosePolicy},
	rooms.CodeNotAuthor:       {http.StatusForbidden, wire.CloseForbidden},
	rooms.CodeOtherIdentity:   {http.StatusForbidden, wire.CloseForbidden},
	rooms.CodeIDReused:        {http.StatusConflict, wire.ClosePolicy},
	rooms.CodeUnavailable:     {http.StatusServiceUnavailable, wire.CloseTryLater},
	rooms.CodeShuttingDown:    {http.StatusServiceUnavailable, wire.CloseRestart},
	rooms.CodeTooSlow:         {http.StatusRequestTimeout, wire.CloseTooSlow},
	rooms.CodeRateLimited:     {http.StatusTooManyRequests, wire.CloseTooMany},
	rooms.CodeInternal:        {http.StatusInternalServerError, wire.CloseInternal},

	wire.CodeMalformed:        {http.StatusBadRequest, wire.CloseBadProtocol},
	wire.CodeInvalidUTF8:      {http.StatusBadRequest, wire.CloseInvalidUTF8},
	wire.CodeUnauthorized:     {http.StatusUnauthorized, wire.CloseInvalidToken},
	wire.CodeTokenExpired:     {http.StatusUnauthorized, wire.CloseTokenExpired},
	wire.CodeNotFound:         {http.StatusNotFound, wire.ClosePolicy},
	wire.CodeMethodNotAllowed: {http.StatusMethodNotAllowed, wire.ClosePolicy},
	wire.CodeTooLarge:         {http.StatusRequestEntityTooLarge, wire.CloseTooBig},
	wire.CodeUnsupportedMedia: {http.StatusUnsupportedMediaType, wire.CloseBadProtocol},
	wire.CodeNotAcceptable:    {http.StatusNotAcceptable, wire.ClosePolicy},
	wire.CodeBadUpgrade:       {http.StatusUpgradeRequired, wire.CloseBadProtocol},
	wire.CodeForeignOrigin:    {http.StatusForbidden, wire.CloseForbidden},
	wire.CodeForeignHost:      {http.StatusMisdirectedRequest, wire.CloseForbidden},
	wire.CodeUnknownType:      {http.StatusBadRequest, wire.CloseBadProtocol},
	wire.CodeNoPong:           {http.StatusRequestTimeout, wire.CloseNoPong},
	wire.CodeOverCapacity:     {http.StatusServiceUnavailable, wire.CloseOverCapacity},
}

// codeStatus is the HTTP status of a refusal.
func codeStatus(code rooms.Code) int {
	if r, ok := reasons[code]; ok {
		return r.status
	}
	return http.StatusInternalServerError
}

// codeClose is the code with which a WebSocket closes because of a refusal.
func codeClose(code rooms.Code) int {
	if r, ok := reasons[code]; ok {
		return r.close
	}
	return wire.CloseInternal
}

// refusal is err as it may be told to a client: what the domain or the
// transport refused stays as it is, any other cause is for the log alone.
func refusal(err error) *rooms.Error {
	if e, ok := errors.AsType[*rooms.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return rooms.Errorf(wire.CodeTooLarge, "the body has more than %d bytes", e.Limit)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return rooms.Errorf(rooms.CodeUnavailable, "this took too long; try again with the same id")
	}
	return rooms.Errorf(rooms.CodeInternal, "something went wrong on our side")
}

// refused is err as it may be told to whoever sent r.
func (s *Server) refused(r *http.Request, err error) *rooms.Error {
	e := refusal(err)
	if e.Code == rooms.CodeForbidden && !auth.Shown(r) && !s.auth.Open() {
		// Whoever showed nothing may still do it: with a credential.
		return rooms.Errorf(wire.CodeUnauthorized, "%s; send a token as \"Authorization: Bearer …\"", e.Detail)
	}
	return e
}

// fail answers the request with the problem that err is. Causes that are not a
// client's business are logged under the request's id.
func (s *Server) fail(c *gin.Context, err error) {
	e := s.refused(c.Request, err)
	shown := auth.Shown(c.Request)
	s.metrics.Refused(metrics.HTTP, e.Code)
	status := codeStatus(e.Code)
	switch {
	case status == http.StatusInternalServerError:
		s.log.LogAttrs(c.Request.Context(), slog.LevelError, "request failed",
			slog.String("request_id", requestID(c)),
			slog.String("method", c.Request.Method),
			slog.String("route", c.FullPath()),
			slog.Any("error", err))
	case joins(c.FullPath()):
		s.logRefusal(c, e)
	}

	h := c.Writer.Header()
	switch status {
	case http.StatusUnauthorized:
		challenge := `Bearer realm="chatd"`
		if shown {
			challenge += `, error="invalid_token"`
		}
		h.Set("WWW-Authenticate", challenge)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfter(e.RetryAfter))
	case http.StatusRequestEntityTooLarge, http.StatusRequestTimeout:
		h.Set("Connection", "close") // the rest of the body is not worth reading
	case http.StatusUpgradeRequired:
		h.Set("Upgrade", "websocket")
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", retryAfter(e.RetryAfter))
	}
	h.Set("Content-Type", wire.ProblemType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", apiPolicy)
	c.Abort()
	c.PureJSON(status, wire.Problem{
		Type:      wire.ProblemPrefix + string(e.Code),
		Title:     http.StatusText(status),
		Status:    status,
		Detail:    e.Detail,
		Code:      string(e.Code),
		Errors:    wireFieldErrors(e.Fields),
		Reason:    e.Reason,
		Until:     wireMoment(e.Until),
		RequestID: requestID(c),
	})
}

// logRefusal writes the one line of a connection that was turned away.
func (s *Server) logRefusal(c *gin.Context, e *rooms.Error) {
	s.log.LogAttrs(c.Request.Context(), slog.LevelInfo, "connection refused",
		slog.String("request_id", requestID(c)),
		slog.String("route", c.FullPath()),
		slog.String("code", string(e.Code)),
		slog.String("address", c.ClientIP()))
}

// retryAfter is d in whole seconds, at least one.
func retryAfter(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}

func wireFieldErrors(fields []rooms.FieldError) []wire.FieldError {
	if len(fields) == 0 {
		return nil
	}
	list := make([]wire.FieldError, len(fields))
	for i, f := range fields {
		list[i] = wire.FieldError(f)
	}
	return list
}
