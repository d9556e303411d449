package client

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"chatd/handlers/wire"
)

// TypeLost is the type of the event that tells that the connection is gone and
// that the room will connect again.
const TypeLost = "lost"

// Event is one thing that a [Room] hands on. Type is a frame's type or
// [TypeLost], and says which of the others is set.
type Event struct {
	Type     string
	Welcome  *wire.Welcome       // welcome; unless Recovered, forget what you knew
	Message  *wire.MessageChange // chat, edit, delete, reactions: how message Seq looks now
	Room     *wire.RoomChange    // room
	Presence *wire.Presence      // presence
	Typing   *wire.Typing        // typing
	Err      error               // error: what the server refused; lost: why
	Wait     time.Duration       // lost: until the next attempt
	Raw      json.RawMessage     // the frame; nil for lost and welcome

	// Past tells that the change is not beyond the cursor: history, which is
	// no news.
	Past bool

	ack     *wire.Ack
	refusal *wire.ErrorFrame
}

// settles tells whether the event may answer a frame that was sent.
func (e *Event) settles() bool { return e.ack != nil || e.refusal != nil }

// revs returns the revs of a change and of the one that it follows, 0 for what
// is no change.
func (e *Event) revs() (rev, prev uint64) {
	var p *uint64
	switch {
	case e.Message != nil:
		rev, p = e.Message.Rev, e.Message.Prev
	case e.Room != nil:
		rev, p = e.Room.Rev, e.Room.Prev
	}
	if p != nil {
		return rev, *p
	}
	return rev, max(rev, 1) - 1
}

// place is a cursor.
type place struct {
	epoch string
	rev   uint64
}

func (p place) String() string {
	if p.epoch == "" {
		return ""
	}
	return p.epoch + ":" + strconv.FormatUint(p.rev, 10)
}

// parsePlace reads a cursor; what is none is the zero place, and the server
// will start afresh.
func parsePlace(s string) place {
	epoch, rev, ok := strings.Cut(s, ":")
	n, err := strconv.ParseUint(rev, 10, 64)
	if !ok || err != nil {
		return place{}
	}
	return place{epoch, n}
}
