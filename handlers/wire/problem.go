package wire

// ProblemType is the media type of problems (RFC 9457).
const ProblemType = "application/problem+json"

// ProblemPrefix, with a code behind it, is a problem's type.
const ProblemPrefix = "urn:chatd:problem:"

// FieldError is one value that breaks a rule.
type FieldError struct {
	Field  string `json:"field" example:"message"`
	Code   string `json:"code" example:"too_long"`
	Detail string `json:"detail" example:"must have at most 4000 characters"`
}

// Problem is the body of every error that REST answers (RFC 9457).
type Problem struct {
	Type      string       `json:"type" example:"urn:chatd:problem:room_not_found"`
	Title     string       `json:"title" example:"Not Found"`
	Status    int          `json:"status" example:"404"`
	Detail    string       `json:"detail,omitempty" example:"there is no room \"ops\""`
	Code      string       `json:"code" example:"room_not_found"`
	Errors    []FieldError `json:"errors,omitempty"`
	Reason    string       `json:"reason,omitempty"`                                        // of a ban, a kick or a mute: a moderator's words
	Until     *Time        `json:"until,omitempty" swaggertype:"string" format:"date-time"` // of a ban or a mute: when it ends; absent is not by itself
	RequestID string       `json:"request_id,omitempty"`                                    // names the request in the server's log
}

// The codes that the transport answers with, beyond those of the domain.
const (
	CodeMalformed        = "malformed"    // not JSON, or not of the shape
	CodeUnauthorized     = "unauthorized" // no credential where one is needed, or a bad one
	CodeTokenExpired     = "token_expired"
	CodeNotFound         = "not_found" // no such route
	CodeMethodNotAllowed = "method_not_allowed"
	CodeTooLarge         = "too_large" // more bytes than the limit
	CodeUnsupportedMedia = "unsupported_media_type"
	CodeNotAcceptable    = "not_acceptable"
	CodeBadUpgrade       = "bad_upgrade"   // not a WebSocket handshake, or another version's
	CodeForeignOrigin    = "origin_denied" // a page of another origin, not allowed here
	CodeInvalidUTF8      = "invalid_utf8"  // a text message that is not UTF-8; the connection closes
	CodeForeignHost      = "host_denied"   // asked for under a name that is not this machine's
	CodeUnknownType      = "unknown_type"  // a frame whose type the server does not know
	CodeNoPong           = "no_pong"       // the peer gave no sign of life
	CodeOverCapacity     = "over_capacity"
)

// The codes with which a server closes a WebSocket (RFC 6455 section 7.4). The
// range tells a client what to do: 4000 to 4099 do not come back unchanged, 4100
// to 4199 back off, 4200 to 4299 reconnect at once and resume.
const (
	CloseGoingAway    = 1001 // reconnect
	CloseInvalidUTF8  = 1007 // RFC 6455 section 8.1
	ClosePolicy       = 1008
	CloseTooBig       = 1009
	CloseInternal     = 1011 // reconnect
	CloseRestart      = 1012 // reconnect, spread by the seconds in the reason
	CloseTryLater     = 1013 // back off
	CloseBadProtocol  = 4000
	CloseInvalidToken = 4001
	CloseForbidden    = 4003
	CloseRoomGone     = 4004
	CloseKicked       = 4009
	CloseOverCapacity = 4100
	CloseTooMany      = 4101
	CloseTooSlow      = 4200
	CloseNoPong       = 4202
	CloseTokenExpired = 4203
)
