package rooms

import (
	"time"
)

// DefaultMaxMessage is the default limit of a message's text, in characters.
const DefaultMaxMessage = 4000

// MessageKind tells what a message is.
type MessageKind string

// The kinds of message.
const (
	KindChat         MessageKind = "chat"         // said by a member
	KindAnnouncement MessageKind = "announcement" // broadcast into the room
)

// Sender is who a message is from, as the readers see it.
type Sender struct {
	ID   string // subject: stable, never shown as a name
	Name string
}

// Message is one message in its newest state.
type Message struct {
	Room      string
	Seq       uint64 // the rev of the change that created it: its name in its room
	Rev       uint64 // the rev of the change that last touched it
	ID        string // the sender's own id for it
	Kind      MessageKind
	From      Sender
	Text      string // "" when deleted
	ReplyTo   uint64 // seq of the message that it answers, 0 is none
	At        time.Time
	EditedAt  time.Time // zero when never edited
	Deleted   bool      // the text is gone, the place is kept
	Reactions []Reaction
}

// Reaction is how many identities reacted to a message with one emoji.
type Reaction struct {
	Emoji string
	Count int
	Me    bool // the reader is one of them; false where the reader is not known, as in live changes
}

// ChangeKind tells what a change did.
type ChangeKind string

// The kinds of change. Every change of a message carries the whole message, so
// that a reader may treat each as "this is how message Seq looks now".
const (
	ChangeChat      ChangeKind = "chat"      // a message was posted
	ChangeEdit      ChangeKind = "edit"      // a message has another text
	ChangeDelete    ChangeKind = "delete"    // a message's text is gone
	ChangeReactions ChangeKind = "reactions" // a message's reactions are others
	ChangeRoom      ChangeKind = "room"      // the room's settings are others
)

// Change is an entry applied: one step of a room's history.
type Change struct {
	Kind  ChangeKind
	Room  string
	Epoch string
	Rev   uint64
	// Prev is the rev that this change follows for its reader. Live it is
	// Rev-1. A change read from the store stands for all changes in (Prev, Rev]:
	// those in between were overtaken by newer states.
	Prev    uint64
	Message *Message   // nil for ChangeRoom
	State   *Room      // the room after the change, for ChangeRoom
	Was     Visibility // the room's before it, for ChangeRoom, live
	By      Sender     // who did it, where one entry stands behind the change
	Emoji   string     // for ChangeReactions
	On      bool       // for ChangeReactions: added or taken away
	At      time.Time  // when the proposing node took it
}
