package rooms

import (
	"errors"
	"fmt"
	"time"
)

// Code names a reason for refusing. Codes are stable: they are the same on the
// WebSocket, in REST and in logs, and clients may rely on them.
type Code string

// The codes that the domain answers with.
const (
	CodeInvalid         Code = "invalid"            // a value breaks a rule; Fields says which
	CodeForbidden       Code = "forbidden"          // the identity may not do this
	CodeRoomNotFound    Code = "room_not_found"     // no such room, or none that the identity may know of
	CodeRoomExists      Code = "room_exists"        // the id is taken
	CodeRoomFull        Code = "room_full"          // as many are in the room as may be; try later
	CodeTooManyRooms    Code = "too_many_rooms"     // there are as many rooms as may be
	CodeRoomArchived    Code = "room_archived"      // the room can be read, not changed
	CodeRoomGone        Code = "room_gone"          // the room was deleted under its members
	CodeBanned          Code = "banned"             // kept out of the room; Until and Reason say for how long, and why
	CodeKicked          Code = "kicked"             // sent out of the room
	CodeMuted           Code = "muted"              // may not write in the room; RetryAfter says how long
	CodeNoSanction      Code = "sanction_not_found" // no such ban or mute
	CodeNoWebhook       Code = "webhook_not_found"  // no such webhook
	CodeAnnounceOnly    Code = "announce_only"      // only moderators and broadcasts post here
	CodeSlowMode        Code = "slow_mode"          // too soon after the sender's last post; RetryAfter says when
	CodeMessageNotFound Code = "message_not_found"  // no message of that seq
	CodeMessageDeleted  Code = "message_deleted"    // the message is deleted and cannot change
	CodeNotAuthor       Code = "not_author"         // only the author or a moderator may do this
	CodeOtherIdentity   Code = "other_identity"     // a fresh credential must be of the same identity
	CodeIDReused        Code = "id_reused"          // this id was used for something else
	CodeUnavailable     Code = "unavailable"        // cannot be made durable now; try again with the same id
	CodeShuttingDown    Code = "shutting_down"      // the node is going away; reconnect
	CodeTooSlow         Code = "too_slow"           // the reader made no progress
	CodeRateLimited     Code = "rate_limited"       // RetryAfter says when to try again
	CodeInternal        Code = "internal"           // our mistake; the log knows
)

// Error is a refusal that crosses packages: a stable code, a sentence for
// people, and what a client needs to mend it.
type Error struct {
	Code       Code
	Detail     string        // one sentence for people; never an internal cause
	Fields     []FieldError  // for CodeInvalid
	RetryAfter time.Duration // 0 is unknown
	Reason     string        // for CodeBanned, CodeKicked and CodeMuted: a moderator's words, "" is none
	Until      time.Time     // for the same: when it ends, zero is not by itself
}

// FieldError is one value that breaks a rule, under the name that the client
// gave it.
type FieldError struct {
	Field  string
	Code   string
	Detail string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Detail }

// Is makes errors.Is(err, &Error{Code: c}) compare codes.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// CodeOf is the code of a refusal, "" for any other error and for nil.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// Errorf makes a refusal.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Invalid makes the refusal of one value.
func Invalid(field, code, format string, args ...any) *Error {
	detail := fmt.Sprintf(format, args...)
	return &Error{
		Code:   CodeInvalid,
		Detail: field + " " + detail,
		Fields: []FieldError{{Field: field, Code: code, Detail: detail}},
	}
}
