package handlers

import (
	"bytes"
	"encoding/json"
	"time"

	"chatd/handlers/auth"
	"chatd/handlers/wire"
	"chatd/rooms"
)

// NewEncoder makes the encoder of the wire: every payload is one JSON object on
// one line. message is the most characters of a message's text; who makes the
// tokens that welcomes give to guests.
func NewEncoder(message int, who *auth.Authenticator) rooms.Encoder {
	return encoder{limits: wire.Limits{Message: message, Frame: maxFrame}, auth: who}
}

type encoder struct {
	limits wire.Limits
	auth   *auth.Authenticator
}

func (e encoder) Welcome(w *rooms.Welcome) []byte {
	you := wireYou(w.You, w.You.Allowed(w.Room.ID, w.Room.Visibility))
	you.Token = e.auth.GuestToken(w.You)
	return encode(wire.Welcome{
		Type:      wire.TypeWelcome,
		Version:   wire.Version,
		Room:      wireRoomOnline(w.Room, w.Online),
		You:       you,
		Epoch:     w.Room.Epoch,
		Rev:       w.Rev,
		Recovered: w.Recovered,
		Members:   wirePeople(w.Members),
		Online:    w.Online,
		Limits:    e.limits,
		Heartbeat: int(heartbeat / time.Second),
	})
}

func (encoder) Change(c *rooms.Change) []byte {
	var prev *uint64
	if c.Prev != c.Rev-1 {
		prev = &c.Prev
	}
	if c.Kind == rooms.ChangeRoom {
		return encode(wire.RoomChange{Type: wire.TypeRoom, Rev: c.Rev, Prev: prev, Room: wireRoom(*c.State)})
	}
	f := wire.MessageChange{Type: string(c.Kind), Prev: prev, Message: wireMessage(*c.Message)}
	if c.By.ID != "" && c.Kind != rooms.ChangeChat {
		by := wirePerson(c.By)
		f.By = &by
	}
	if c.Emoji != "" {
		f.Emoji, f.On = c.Emoji, &c.On
	}
	return encode(f)
}

func (encoder) Event(e *rooms.Event) []byte {
	if e.Kind == rooms.EventTyping {
		f := wire.Typing{Type: wire.TypeTyping}
		if e.Who.ID != "" {
			who := wirePerson(e.Who)
			f.Who = &who
		}
		return encode(f)
	}
	return encode(wire.Presence{Type: wire.TypePresence, Joined: wirePeople(e.Joined), Left: wirePeople(e.Left), Count: e.Online})
}

func (encoder) Unread(u *rooms.Unread) []byte {
	return encode(wire.Unread{Type: wire.TypeUnread, Room: u.Room, Count: u.Count, Mentions: u.Mentions, Read: u.Read})
}

func (encoder) Rooms(e *rooms.RoomsEvent) []byte {
	return encode(wire.RoomsChange{
		Type: wire.TypeRooms, Created: wireRooms(e.Created), Changed: wireRooms(e.Changed), Removed: e.Removed,
	})
}

func (encoder) Notice(n *rooms.Notice) []byte {
	w := wire.Notice{Type: n.Word(), Timestamp: wire.Time{Time: n.At}}
	switch {
	case n.Message != nil:
		w.Data = wire.NoticeMessage{Room: n.Room, Epoch: n.Epoch, Message: wireMessage(*n.Message)}
	case n.Event != 0:
		w.Data = wire.NoticeMembers{Room: n.Room, Members: wirePeople(n.Members), Online: n.Online}
	default:
		w.Data = wire.NoticeTest{Room: n.Room}
	}
	return encode(w)
}

// encode is v as JSON, with <, > and & as they are: nothing here is put into
// HTML unescaped. v is one of wire's types, which always have a JSON.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("handlers: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
