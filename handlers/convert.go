package handlers

import (
	"strings"
	"time"

	"chatd/handlers/wire"
	"chatd/rooms"
)

// The domain's words as the wire's. REST, WebSocket sessions and event streams
// all speak through these, so that a message reads the same everywhere.

func wirePerson(s rooms.Sender) wire.Person { return wire.Person{ID: s.ID, Name: s.Name} }

// wireYou is who, who may do that much in its room.
func wireYou(who rooms.Identity, may rooms.Permission) wire.You {
	return wire.You{Person: wirePerson(who.Sender()), May: may.Words(), Until: wireMoment(who.Expires)}
}

func wirePeople(senders []rooms.Sender) []wire.Person {
	people := make([]wire.Person, len(senders))
	for i, s := range senders {
		people[i] = wirePerson(s)
	}
	return people
}

func wireMessage(m rooms.Message) wire.Message {
	w := wire.Message{
		Seq:       m.Seq,
		Rev:       m.Rev,
		ID:        m.ID,
		Kind:      string(m.Kind),
		From:      wirePerson(m.From),
		Message:   m.Text,
		ReplyTo:   m.ReplyTo,
		At:        wire.Time{Time: m.At},
		Deleted:   m.Deleted,
		Reactions: wireReactions(m.Reactions),
	}
	w.EditedAt = wireMoment(m.EditedAt)
	return w
}

// wireMoment is t, or nothing if it is zero.
func wireMoment(t time.Time) *wire.Time {
	if t.IsZero() {
		return nil
	}
	return &wire.Time{Time: t}
}

func wireMessages(messages []rooms.Message) []wire.Message {
	list := make([]wire.Message, len(messages))
	for i, m := range messages {
		list[i] = wireMessage(m)
	}
	return list
}

func wireReactions(reactions []rooms.Reaction) map[string]wire.Reaction {
	if len(reactions) == 0 {
		return nil
	}
	byEmoji := make(map[string]wire.Reaction, len(reactions))
	for _, r := range reactions {
		byEmoji[r.Emoji] = wire.Reaction{Count: r.Count, Me: r.Me}
	}
	return byEmoji
}

// wireRoomOnline is r with the number of identities that are in it now.
func wireRoomOnline(r rooms.Room, online int) wire.Room {
	w := wireRoom(r)
	w.Online = &online
	return w
}

func wireRoom(r rooms.Room) wire.Room {
	return wire.Room{
		ID:         r.ID,
		Name:       r.Name,
		Topic:      r.Topic,
		Mode:       string(r.Mode),
		Visibility: string(r.Visibility),
		SlowMode:   r.SlowMode,
		Archived:   r.Archived,
		Retention:  wireRetention(r.Retention),
		MaxMembers: r.MaxMembers,
		Embed:      strings.Fields(r.EmbedOrigins),
		Epoch:      r.Epoch,
		Rev:        r.Head,
		CreatedAt:  wire.Time{Time: r.CreatedAt},
	}
}

func wireRooms(list []rooms.Room) []wire.Room {
	wired := make([]wire.Room, len(list))
	for i := range list {
		wired[i] = wireRoom(list[i])
	}
	return wired
}

func wireRetention(r rooms.Retention) wire.Retention {
	return wire.Retention{Seconds: int64(r.Age / time.Second), Count: r.Count}
}

func domainRetention(r wire.Retention) rooms.Retention {
	return rooms.Retention{Age: time.Duration(r.Seconds) * time.Second, Count: r.Count}
}

// settings are what a new room is asked to be. Empty fields take the domain's
// defaults.
func settings(c wire.CreateRoom) rooms.Settings {
	return rooms.Settings{
		Name:       c.Name,
		Topic:      c.Topic,
		Mode:       rooms.Mode(c.Mode),
		Visibility: rooms.Visibility(c.Visibility),
		SlowMode:   c.SlowMode,
		Retention:  domainRetention(c.Retention),
		MaxMembers: c.MaxMembers,

		EmbedOrigins: strings.Join(c.Embed, " "),
	}
}

func roomPatch(p wire.PatchRoom) rooms.RoomPatch {
	patch := rooms.RoomPatch{
		Name:       p.Name,
		Topic:      p.Topic,
		Mode:       (*rooms.Mode)(p.Mode),
		Visibility: (*rooms.Visibility)(p.Visibility),
		SlowMode:   p.SlowMode,
		Archived:   p.Archived,
		MaxMembers: p.MaxMembers,
	}
	if p.Embed != nil {
		all := strings.Join(*p.Embed, " ")
		patch.EmbedOrigins = &all
	}
	if p.Retention != nil {
		r := domainRetention(*p.Retention)
		patch.Retention = &r
	}
	return patch
}
