package wire

import "encoding/json"

// Version is the protocol's version, Subprotocol its name in
// Sec-WebSocket-Protocol. BearerPrefix begins the subprotocol that carries a
// browser's token.
const (
	Version      = 1
	Subprotocol  = "chatd.v1"
	BearerPrefix = "bearer."
)

// The types of frame. Auth, chat, edit and delete go both ways.
const (
	TypeWelcome   = "welcome"
	TypeChat      = "chat"
	TypeEdit      = "edit"
	TypeDelete    = "delete"
	TypeReact     = "react"
	TypeReactions = "reactions"
	TypeRoom      = "room"
	TypeTyping    = "typing"
	TypePresence  = "presence"
	TypeRead      = "read"
	TypePing      = "ping"
	TypePong      = "pong"
	TypeAck       = "ack"
	TypeError     = "error"
	TypeUnread    = "unread"
	TypeRooms     = "rooms"
	TypeAuth      = "auth"
	TypeExpiring  = "expiring"
)

// ClientFrame is every frame that a client sends; Type says which fields count.
type ClientFrame struct {
	Type    string `json:"type"`
	ID      string `json:"id,omitempty"`       // chat, edit, delete, react: the idempotency key; auth: is in the answer
	Message string `json:"message,omitempty"`  // chat, edit
	ReplyTo uint64 `json:"reply_to,omitempty"` // chat
	Seq     uint64 `json:"seq,omitempty"`      // edit, delete, react, read
	Emoji   string `json:"emoji,omitempty"`    // react
	On      *bool  `json:"on,omitempty"`       // react; absent is true
	Token   string `json:"token,omitempty"`    // auth: a fresh credential of the same identity
}

// Limits tell a client what the server takes.
type Limits struct {
	Message int `json:"message"` // characters of a message's text
	Frame   int `json:"frame"`   // bytes of a frame that a client sends
}

// Welcome is the first frame of a session.
type Welcome struct {
	Type      string   `json:"type"`
	Version   int      `json:"version"`
	Room      Room     `json:"room"`
	You       You      `json:"you"`
	Epoch     string   `json:"epoch"`
	Rev       uint64   `json:"rev"`
	Recovered bool     `json:"recovered"`
	Members   []Person `json:"members"` // at most 100
	Online    int      `json:"online"`
	Limits    Limits   `json:"limits"`
	Heartbeat int      `json:"heartbeat"` // seconds between the server's pings
}

// You tells a session who it is.
type You struct {
	Person
	Token string   `json:"token,omitempty"` // a guest's own credential: with it, the guest is the same person next time
	May   []string `json:"may"`             // of read, post, moderate, manage
	Until *Time    `json:"until,omitempty"` // when the session's credential ends; absent is never
}

// Expiring tells a session that its credential is about to end. It may send a
// fresh one, in an auth frame, and goes on.
type Expiring struct {
	Type  string `json:"type"`
	Until Time   `json:"until"`
}

// Auth tells a session what it may do by its fresh credential.
type Auth struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`
	You  You    `json:"you"`
}

// MessageChange is a chat, edit, delete or reactions frame: the whole message
// as it is after the change.
type MessageChange struct {
	Type string `json:"type"`
	// Prev is absent when it is rev-1. Otherwise the frame stands for all
	// changes in (prev, rev], those in between having been overtaken.
	Prev *uint64 `json:"prev,omitempty"`
	Message
	By    *Person `json:"by,omitempty"`    // reactions and deletes: who did it
	Emoji string  `json:"emoji,omitempty"` // reactions, live: which
	On    *bool   `json:"on,omitempty"`    // reactions, live: added or taken away
}

// RoomChange tells that the room's settings are others.
type RoomChange struct {
	Type string  `json:"type"`
	Rev  uint64  `json:"rev"`
	Prev *uint64 `json:"prev,omitempty"`
	Room Room    `json:"room"`
}

// Ack tells a sender that what it sent under ID is durable.
type Ack struct {
	Type      string `json:"type"`
	ID        string `json:"id"`
	Seq       uint64 `json:"seq"`
	Rev       uint64 `json:"rev"`
	Duplicate bool   `json:"duplicate,omitempty"`
}

// ErrorFrame tells that a frame was refused; the connection stays.
type ErrorFrame struct {
	Type       string       `json:"type"`
	Code       string       `json:"code"`
	Detail     string       `json:"detail"`
	ID         string       `json:"id,omitempty"`          // of the refused frame
	RetryAfter float64      `json:"retry_after,omitempty"` // seconds
	Errors     []FieldError `json:"errors,omitempty"`
}

// Presence tells who came and went. Large rooms tell only the count. A client
// whose list disagrees with Count asks GET /rooms/{id}/members.
type Presence struct {
	Type   string   `json:"type"`
	Joined []Person `json:"joined,omitempty"`
	Left   []Person `json:"left,omitempty"`
	Count  int      `json:"count"`
}

// Typing tells that somebody types; in large rooms Who is absent.
type Typing struct {
	Type string  `json:"type"`
	Who  *Person `json:"who,omitempty"`
}

// Unread tells an identity what it has not read in a room.
type Unread struct {
	Type     string `json:"type"`
	Room     string `json:"room"`
	Count    int    `json:"count"`    // 1000 stands for as many or more
	Mentions int    `json:"mentions"` // of the identity's name, among them
	Read     uint64 `json:"read"`     // the newest seq that it has read, 0 when none
}

// RoomsChange tells an identity of rooms that came, changed and went.
type RoomsChange struct {
	Type    string   `json:"type"`
	Created []Room   `json:"created,omitempty"`
	Changed []Room   `json:"changed,omitempty"`
	Removed []string `json:"removed,omitempty"`
}

// Pong answers a ping frame.
type Pong struct {
	Type string `json:"type"`
}

// Frame is any frame that the server sends, as a client reads it: the type, and
// the JSON to decode by it.
type Frame struct {
	Type string
	Raw  json.RawMessage
}
