package roomstest

import (
	"reflect"
	"testing"
	"time"

	"chatd/rooms"
)

func testLobby(t *testing.T, s *fixture) {
	lobby, err := s.Room(t.Context(), rooms.Lobby)
	if err != nil {
		t.Fatal(err)
	}
	if lobby.Epoch == "" || lobby.Head != 0 || lobby.Rev != 0 || lobby.Visibility != rooms.Public || lobby.Mode != rooms.ModeOpen {
		t.Errorf("lobby is %+v", lobby)
	}
	s.reopen()
	if again, err := s.Room(t.Context(), rooms.Lobby); err != nil || again != lobby {
		t.Errorf("lobby reopened is %+v, %v; was %+v", again, err, lobby)
	}
	s.refused(rooms.CodeForbidden, rooms.Entry{Kind: rooms.EntryDeleteRoom, Room: rooms.Lobby})
	s.refused(rooms.CodeRoomExists, rooms.Entry{Kind: rooms.EntryCreateRoom, Room: rooms.Lobby, Epoch: "other"})
}

func testRooms(t *testing.T, s *fixture) {
	settings := rooms.Settings{
		Name: "Café 会", Topic: "T", Mode: rooms.ModeAnnounce, Visibility: rooms.Private, SlowMode: 7, Archived: true,
		Retention: rooms.Retention{Age: time.Hour, Count: 5},
	}
	create := s.stamp(rooms.Entry{Kind: rooms.EntryCreateRoom, ID: "c", Room: "secret", Epoch: "e1", Create: settings})
	o := s.must(create)
	want := rooms.Room{ID: "secret", Settings: settings, Epoch: "e1", CreatedAt: create.At}
	if o.Change != nil || o.Receipt.Duplicate || o.Receipt.Room == nil || *o.Receipt.Room != want {
		t.Errorf("create: %+v, room %+v", o, o.Receipt.Room)
	}
	create.Epoch = "e2" // a proposer that tries again draws another
	if o := s.must(create); !o.Receipt.Duplicate || *o.Receipt.Room != want {
		t.Errorf("repeat: %+v", o)
	}
	s.refused(rooms.CodeRoomExists, rooms.Entry{Kind: rooms.EntryCreateRoom, Room: "secret", Epoch: "e3", Create: settings})
	create.Create.Name = "other"
	s.refused(rooms.CodeIDReused, create)
	for _, id := range []string{"team-b", "alpha", "team-a"} {
		s.create(id, rooms.Settings{Visibility: rooms.Public})
	}
	s.create("team-secret", rooms.Settings{Visibility: rooms.Private})
	for range 2 {
		if got, err := s.Room(t.Context(), "secret"); err != nil || got != want {
			t.Errorf("room %+v, %v\nwant %+v", got, err, want)
		}
		for _, test := range []struct {
			q    rooms.RoomQuery
			want []string
		}{
			{rooms.RoomQuery{Limit: 9, Public: true}, []string{"alpha", "lobby", "team-a", "team-b"}},
			{rooms.RoomQuery{Limit: 2, Public: true}, []string{"alpha", "lobby"}},
			{rooms.RoomQuery{Limit: 2, Public: true, After: "lobby"}, []string{"team-a", "team-b"}},
			{rooms.RoomQuery{Limit: 2, Public: true, After: "m"}, []string{"team-a", "team-b"}},
			{rooms.RoomQuery{Limit: 9, Patterns: []string{"team-*"}}, []string{"team-a", "team-b", "team-secret"}},
			{rooms.RoomQuery{Limit: 9, Public: true, Patterns: []string{"secret"}}, []string{"alpha", "lobby", "secret", "team-a", "team-b"}},
			{rooms.RoomQuery{Limit: 9}, nil},
			{rooms.RoomQuery{Limit: 9, Public: true, After: "zzz"}, nil},
		} {
			list, err := s.Rooms(t.Context(), test.q)
			var got []string
			for _, r := range list {
				got = append(got, r.ID)
			}
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("rooms %+v: %v, %v; want %v", test.q, got, err, test.want)
			}
		}
		s.reopen()
	}
	if _, err := s.Room(t.Context(), "nowhere"); code(err) != rooms.CodeRoomNotFound {
		t.Errorf("no room: %v", err)
	}
}

func testRoomUpdates(t *testing.T, s *fixture) {
	s.post("first")
	name, yes, no := "Hall", true, false
	e := s.stamp(rooms.Entry{Kind: rooms.EntryUpdateRoom, ID: "u", Patch: rooms.RoomPatch{Name: &name}})
	o := s.must(e)
	room, _ := s.Room(t.Context(), rooms.Lobby)
	if room.Name != "Hall" || room.Head != 2 || room.Rev != 2 {
		t.Errorf("room is %+v", room)
	}
	if c := o.Change; c == nil || c.Kind != rooms.ChangeRoom || c.Rev != 2 || c.Prev != 1 || c.State == nil || *c.State != room || c.By != ana {
		t.Errorf("change %+v", c)
	}
	if o.Receipt.Room == nil || *o.Receipt.Room != room || o.Receipt.Rev != 2 {
		t.Errorf("receipt %+v", o.Receipt)
	}
	if o := s.must(rooms.Entry{Kind: rooms.EntryUpdateRoom, Patch: rooms.RoomPatch{Name: &name}}); o.Change != nil || o.Receipt.Room == nil {
		t.Errorf("no difference: %+v", o)
	}
	if o := s.must(e); o.Change != nil || !o.Receipt.Duplicate || o.Receipt.Rev != 2 {
		t.Errorf("repeat: %+v", o)
	}
	s.refused(rooms.CodeIDReused, rooms.Entry{Kind: rooms.EntryUpdateRoom, ID: "u", Patch: rooms.RoomPatch{Topic: &name}})
	s.must(rooms.Entry{Kind: rooms.EntryUpdateRoom, Patch: rooms.RoomPatch{Archived: &yes}})
	s.refused(rooms.CodeRoomArchived, rooms.Entry{Kind: rooms.EntryUpdateRoom, Patch: rooms.RoomPatch{Topic: &name}})
	s.refused(rooms.CodeRoomArchived, rooms.Entry{Kind: rooms.EntryUpdateRoom, Patch: rooms.RoomPatch{Topic: &name, Archived: &yes}})
	s.refused(rooms.CodeRoomArchived, rooms.Entry{Kind: rooms.EntryEdit, Seq: 1, Text: "x"})
	s.refused(rooms.CodeRoomArchived, rooms.Entry{Kind: rooms.EntryDelete, Seq: 1})
	s.refused(rooms.CodeRoomArchived, rooms.Entry{Kind: rooms.EntryReact, Seq: 1, Emoji: "x", On: true})
	s.must(rooms.Entry{Kind: rooms.EntryRead, Seq: 1})
	s.must(rooms.Entry{Kind: rooms.EntryUpdateRoom, Patch: rooms.RoomPatch{Topic: &name, Archived: &no}})
	s.reopen()
	room, _ = s.Room(t.Context(), rooms.Lobby)
	if room.Topic != "Hall" || room.Archived || room.Rev != 4 || room.Head != 4 {
		t.Errorf("room reopened is %+v", room)
	}
	s.refused(rooms.CodeRoomNotFound, rooms.Entry{Kind: rooms.EntryUpdateRoom, Room: "nowhere"})
}

func testRoomDeleted(t *testing.T, s *fixture) {
	create := s.stamp(rooms.Entry{Kind: rooms.EntryCreateRoom, ID: "c", Room: "ops", Epoch: "e1"})
	s.must(create)
	post := s.stamp(rooms.Entry{Kind: rooms.EntryPost, ID: "p", Room: "ops", Text: "old"})
	s.must(post)
	s.must(rooms.Entry{Kind: rooms.EntryReact, Room: "ops", Seq: 1, Emoji: "x", On: true})
	remove := s.stamp(rooms.Entry{Kind: rooms.EntryDeleteRoom, ID: "d", Room: "ops"})
	if o := s.must(remove); o.Change != nil || o.Receipt.Room == nil || o.Receipt.Room.Head != 2 {
		t.Errorf("delete: %+v", o)
	}
	if _, err := s.Room(t.Context(), "ops"); code(err) != rooms.CodeRoomNotFound {
		t.Errorf("deleted room: %v", err)
	}
	if o := s.must(remove); !o.Receipt.Duplicate {
		t.Errorf("repeat: %+v", o)
	}
	s.refused(rooms.CodeRoomNotFound, rooms.Entry{Kind: rooms.EntryDeleteRoom, Room: "ops"})
	s.refused(rooms.CodeRoomGone, create) // the repeat does not bring it back
	s.refused(rooms.CodeRoomNotFound, post)
	for range 2 {
		if _, err := s.Messages(t.Context(), rooms.MessageQuery{Room: "ops", Limit: 5}); code(err) != rooms.CodeRoomNotFound {
			t.Errorf("messages: %v", err)
		}
		if _, _, err := s.Changes(t.Context(), rooms.ChangeQuery{Room: "ops", Limit: 5}); code(err) != rooms.CodeRoomNotFound {
			t.Errorf("changes: %v", err)
		}
		s.reopen()
	}
	s.must(rooms.Entry{Kind: rooms.EntryCreateRoom, Room: "ops", Epoch: "e2"})
	if o := s.must(remove); !o.Receipt.Duplicate || s.head("ops") != 0 {
		t.Errorf("a repeat deleted the next room of that id: %+v", o)
	}
	if o := s.must(post); o.Change == nil || o.Change.Rev != 1 || o.Change.Epoch != "e2" {
		t.Errorf("post into the new room: %+v", o)
	}
	page, err := s.Messages(t.Context(), rooms.MessageQuery{Room: "ops", Limit: 5})
	if err != nil || len(page) != 1 || page[0].Reactions != nil {
		t.Errorf("the new room shows %+v, %v", page, err)
	}
}
