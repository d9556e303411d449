package roomstest

import (
	"fmt"
	"reflect"
	"testing"

	"chatd/rooms"
)

func seqs(page []rooms.Message) []uint64 {
	var list []uint64
	for _, m := range page {
		list = append(list, m.Seq)
	}
	return list
}

func testPages(t *testing.T, s *fixture) {
	s.create("other", rooms.Settings{})
	// Seqs 1 to 4, 6, 7, 9 to 11: an edit and a reaction take 5 and 8.
	for i := range 9 {
		s.post(fmt.Sprint("message ", i))
		s.must(rooms.Entry{Kind: rooms.EntryPost, Room: "other", Text: "elsewhere"})
		if i == 3 {
			s.must(rooms.Entry{Kind: rooms.EntryEdit, Seq: 2, Text: "edited"})
		}
		if i == 5 {
			s.must(rooms.Entry{Kind: rooms.EntryReact, Seq: 3, Emoji: "👍", On: true})
		}
	}
	for _, test := range []struct {
		q    rooms.MessageQuery
		want []uint64
	}{
		{rooms.MessageQuery{Limit: 3}, []uint64{9, 10, 11}},
		{rooms.MessageQuery{Limit: 50}, []uint64{1, 2, 3, 4, 6, 7, 9, 10, 11}},
		{rooms.MessageQuery{First: true, Limit: 2}, []uint64{1, 2}},
		{rooms.MessageQuery{Before: 7, Limit: 2}, []uint64{4, 6}},
		{rooms.MessageQuery{Before: 8, Limit: 2}, []uint64{6, 7}},
		{rooms.MessageQuery{Before: 1, Limit: 2}, nil},
		{rooms.MessageQuery{Before: 1 << 63, Limit: 1}, []uint64{11}},
		{rooms.MessageQuery{After: 4, Limit: 2}, []uint64{6, 7}},
		{rooms.MessageQuery{After: 5, Limit: 2}, []uint64{6, 7}},
		{rooms.MessageQuery{After: 11, Limit: 2}, nil},
		{rooms.MessageQuery{After: 1<<64 - 1, Limit: 2}, nil},
		{rooms.MessageQuery{Around: 6, Limit: 5}, []uint64{3, 4, 6, 7, 9}},
		{rooms.MessageQuery{Around: 5, Limit: 5}, []uint64{3, 4, 6, 7}},
		{rooms.MessageQuery{Around: 1, Limit: 5}, []uint64{1, 2, 3}},
		{rooms.MessageQuery{Around: 11, Limit: 5}, []uint64{9, 10, 11}},
		{rooms.MessageQuery{Around: 6, Limit: 1}, []uint64{6}},
		{rooms.MessageQuery{Around: 99, Limit: 5}, []uint64{10, 11}},
	} {
		test.q.Room = rooms.Lobby
		page, err := s.Messages(t.Context(), test.q)
		if err != nil || !reflect.DeepEqual(seqs(page), test.want) {
			t.Errorf("%+v: %v, %v; want %v", test.q, seqs(page), err, test.want)
		}
		for _, m := range page {
			if want := s.message(m.Seq, ""); !reflect.DeepEqual(m, want) {
				t.Errorf("%+v: %+v, want %+v", test.q, m, want)
			}
		}
	}
	page, err := s.Messages(t.Context(), rooms.MessageQuery{Room: rooms.Lobby, Limit: 50, Viewer: ana.ID})
	if err != nil || !page[2].Reactions[0].Me {
		t.Errorf("the viewer's own reaction is not theirs: %+v, %v", page[2].Reactions, err)
	}
	if _, err := s.Messages(t.Context(), rooms.MessageQuery{Room: "nowhere", Limit: 1}); code(err) != rooms.CodeRoomNotFound {
		t.Errorf("no room: %v", err)
	}
}

// changes reads all changes after a rev in pages, checks that they are one
// unbroken row up to the head, and returns them.
func (s *fixture) changes(room string, after uint64, limit int) []rooms.Change {
	s.Helper()
	var all []rooms.Change
	at := after
	r, err := s.Room(s.Context(), room)
	if err != nil {
		s.Fatal(err)
	}
	for {
		page, done, err := s.Changes(s.Context(), rooms.ChangeQuery{Room: room, After: at, Base: after, Limit: limit, Viewer: ana.ID})
		if err != nil {
			s.Fatal(err)
		}
		if len(page) > limit || len(page) == 0 && !done {
			s.Fatalf("after %d: %d changes of %d, done %t", at, len(page), limit, done)
		}
		for _, c := range page {
			if c.Prev != at || c.Rev <= at || c.Room != room || c.Epoch != r.Epoch {
				s.Fatalf("change %+v after %d", c, at)
			}
			if c.Message != nil && c.Message.Rev != c.Rev || (c.Message == nil) == (c.State == nil) {
				s.Fatalf("change %+v of %+v, %+v", c, c.Message, c.State)
			}
			at = c.Rev
		}
		all = append(all, page...)
		if done {
			break
		}
	}
	if want := max(r.Head, after); at != want {
		s.Fatalf("changes after %d reach %d, the head is %d", after, at, want)
	}
	return all
}

func testChanges(t *testing.T, s *fixture) {
	for i := range 6 { // 1 to 6
		s.post(fmt.Sprint("message ", i))
	}
	s.must(rooms.Entry{Kind: rooms.EntryEdit, Seq: 2, Text: "edited"})               // 7
	s.must(rooms.Entry{Kind: rooms.EntryReact, Seq: 5, Emoji: "👍", On: true})        // 8
	s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: 3})                             // 9
	s.must(rooms.Entry{Kind: rooms.EntryEdit, Seq: 2, Text: "edited twice"})         // 10
	s.must(rooms.Entry{Kind: rooms.EntryPost, Text: "last", From: ben})              // 11
	s.must(rooms.Entry{Kind: rooms.EntryReact, Seq: 11, Emoji: "🎉", On: true})       // 12
	s.must(rooms.Entry{Kind: rooms.EntryPost, Text: "really last", ReplyTo: 1 << 2}) // 13
	type step struct {
		rev, seq uint64
		kind     rooms.ChangeKind
	}
	for _, test := range []struct {
		after uint64
		want  []step
	}{
		{0, []step{
			{1, 1, rooms.ChangeChat},
			{4, 4, rooms.ChangeChat},
			{6, 6, rooms.ChangeChat},
			{8, 5, rooms.ChangeChat},
			{9, 3, rooms.ChangeDelete},
			{10, 2, rooms.ChangeChat},
			{12, 11, rooms.ChangeChat},
			{13, 13, rooms.ChangeChat},
		}},
		{4, []step{
			{6, 6, rooms.ChangeChat},
			{8, 5, rooms.ChangeChat},
			{9, 3, rooms.ChangeDelete},
			{10, 2, rooms.ChangeEdit},
			{12, 11, rooms.ChangeChat},
			{13, 13, rooms.ChangeChat},
		}},
		{9, []step{{10, 2, rooms.ChangeEdit}, {12, 11, rooms.ChangeChat}, {13, 13, rooms.ChangeChat}}},
		{12, []step{{13, 13, rooms.ChangeChat}}},
		{13, nil},
		{99, nil},
	} {
		for _, limit := range []int{1, 2, 3, 6, 8, 100} {
			var got []step
			for _, c := range s.changes(rooms.Lobby, test.after, limit) {
				got = append(got, step{c.Rev, c.Message.Seq, c.Kind})
				if want := s.message(c.Message.Seq, ana.ID); !reflect.DeepEqual(*c.Message, want) {
					t.Errorf("change %d carries %+v, want %+v", c.Rev, *c.Message, want)
				}
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("after %d, %d at a time: %v\nwant %v", test.after, limit, got, test.want)
			}
		}
		s.reopen()
	}
}

func testChangesRoom(t *testing.T, s *fixture) {
	topic := func(topic string) {
		t.Helper()
		s.must(rooms.Entry{Kind: rooms.EntryUpdateRoom, Patch: rooms.RoomPatch{Topic: &topic}})
	}
	topic("a")  // 1
	s.post("x") // 2
	topic("b")  // 3
	topic("c")  // 4
	s.post("y") // 5
	for _, limit := range []int{1, 2, 3, 10} {
		got := s.changes(rooms.Lobby, 0, limit)
		if len(got) != 3 || got[1].Kind != rooms.ChangeRoom || got[1].Rev != 4 || got[1].State.Topic != "c" || got[1].State.Head != 4 {
			t.Errorf("changes, %d at a time: %+v", limit, got)
		}
	}
	topic("d") // 6
	for _, limit := range []int{1, 2, 10} {
		got := s.changes(rooms.Lobby, 2, limit)
		if len(got) != 2 || got[1].Rev != 6 || got[1].State.Topic != "d" {
			t.Errorf("changes, %d at a time: %+v", limit, got)
		}
	}
	if got := s.changes(rooms.Lobby, 6, 10); len(got) != 0 {
		t.Errorf("after the head: %+v", got)
	}
}

func testReopen(t *testing.T, s *fixture) {
	s.create("ops", rooms.Settings{Name: "Ops"})
	s.post("one")
	s.must(rooms.Entry{Kind: rooms.EntryEdit, Seq: 1, Text: "uno"})
	s.must(rooms.Entry{Kind: rooms.EntryPost, Room: "ops", Text: "two"})
	s.must(rooms.Entry{Kind: rooms.EntryPost, Room: "ops", Text: "three"})
	s.reopen()
	if s.head(rooms.Lobby) != 2 || s.head("ops") != 2 {
		t.Errorf("heads are %d and %d, want 2 and 2", s.head(rooms.Lobby), s.head("ops"))
	}
	if o := s.post("next"); o.Change.Rev != 3 {
		t.Errorf("the next rev is %d, want 3", o.Change.Rev)
	}
}

func testJournalAt(t *testing.T, s *fixture) {
	if at := s.JournalAt(); at != 0 {
		t.Errorf("a new store is at %d", at)
	}
	s.must(rooms.Entry{Kind: rooms.EntryPost, JournalAt: 41})
	s.must(rooms.Entry{Kind: rooms.EntryPost})
	s.apply(rooms.Entry{Kind: rooms.EntryPost, Room: "nowhere", JournalAt: 42})
	for range 2 {
		if at := s.JournalAt(); at != 42 {
			t.Errorf("the store is at %d, want 42", at)
		}
		s.reopen()
	}
}
