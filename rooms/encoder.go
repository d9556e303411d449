package rooms

import "time"

// Encoder makes the wire's words out of the domain's. Each method returns the
// bytes of one frame's payload; a change or an event is encoded once, whatever
// the number of members. Implementations are stateless and safe for any number
// of goroutines; the bytes that they return are never changed.
type Encoder interface {
	Welcome(w *Welcome) []byte
	Change(c *Change) []byte
	Event(e *Event) []byte
	Unread(u *Unread) []byte
	Rooms(e *RoomsEvent) []byte
	Notice(n *Notice) []byte // of a webhook's call: the body
}

// Welcome is the first thing that a member is told.
type Welcome struct {
	Room      Room
	You       Identity
	Rev       uint64   // the member knows the room up to here once it has read Welcome and the history after it (not recovered); or the room's head (recovered)
	Recovered bool     // every change after the member's cursor follows, in order
	Members   []Sender // who is here, at most MaxListed of Online
	Online    int      // identities in the room
}

// MaxListed bounds how many members a welcome or an event lists by name.
const MaxListed = 100

// EventKind names something that is not stored.
type EventKind string

// The kinds of event.
const (
	EventPresence EventKind = "presence"
	EventTyping   EventKind = "typing"
)

// Event is something that happens in a room and is not stored.
type Event struct {
	Kind   EventKind
	Room   string
	Joined []Sender // presence; empty in large rooms
	Left   []Sender // presence; empty in large rooms
	Online int      // presence: identities in the room now
	Who    Sender   // typing; zero in large rooms: "several people"
	At     time.Time
}

// Frame is one encoded unit: a change or an event of a room, or a frame of a
// member's own.
type Frame struct {
	Epoch   string // with Rev, the cursor after this frame; "" for what is no change
	Rev     uint64 // 0 for what is no change
	Payload []byte
}

// Sink is where a member's frames go: one connection. A hub calls it from one
// goroutine at a time, but for Close, which may come at any time.
type Sink interface {
	// Framing is how the connection frames payloads. Sinks with equal Framing
	// values get the same bytes, framed once for all of them.
	Framing() Framing
	// TryWrite writes what the connection takes without waiting, and returns
	// how many bytes that was. An error means that the connection is gone. p is
	// not to be kept or changed.
	TryWrite(p []byte) (int, error)
	// Write writes all of p, however long the reader takes, as long as it makes
	// progress: an error means that the connection is gone, or that the reader
	// took nothing for too long ([*Error] with CodeTooSlow). p is not to be kept.
	Write(p []byte) error
	// Close tells the reader why and ends the connection. reason is nil when
	// the connection is gone already. It does not wait for the reader.
	Close(reason *Error)
}

// Framing appends f to dst as it goes on a connection. It must be comparable
// and cheap to call.
type Framing interface {
	Append(dst []byte, f Frame) []byte
}
