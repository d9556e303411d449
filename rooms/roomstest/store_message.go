package roomstest

import (
	"fmt"
	"reflect"
	"testing"

	"chatd/rooms"
)

func testEdit(t *testing.T, s *fixture) {
	seq := s.post("helo").Receipt.Seq
	posted := s.now
	e := s.stamp(rooms.Entry{Kind: rooms.EntryEdit, ID: "e", Seq: seq, Text: "hello"})
	o := s.must(e)
	want := rooms.Message{
		Room: rooms.Lobby, Seq: seq, Rev: seq + 1, ID: "id-1", Kind: rooms.KindChat, From: ana, Text: "hello", At: posted, EditedAt: e.At,
	}
	if got := s.message(seq, ""); !reflect.DeepEqual(got, want) {
		t.Errorf("message %+v\nwant    %+v", got, want)
	}
	if c := o.Change; c == nil || c.Kind != rooms.ChangeEdit || c.Rev != 2 || c.Prev != 1 || !reflect.DeepEqual(*c.Message, want) {
		t.Errorf("change %+v", c)
	}
	if r := o.Receipt; r.ID != "e" || r.Seq != seq || r.Rev != 2 || r.Message == nil || r.Message.Text != "hello" {
		t.Errorf("receipt %+v", r)
	}
	if o := s.must(rooms.Entry{Kind: rooms.EntryEdit, ID: "same", Seq: seq, Text: "hello"}); o.Change != nil || o.Receipt.Rev != 2 || o.Receipt.Duplicate {
		t.Errorf("the same text: %+v", o)
	}
	s.must(rooms.Entry{Kind: rooms.EntryEdit, Seq: seq, Text: "hello!"})
	s.reopen()
	o = s.must(e)
	if o.Change != nil || !o.Receipt.Duplicate || o.Receipt.Rev != 2 || o.Receipt.Message.Text != "hello!" {
		t.Errorf("repeat: %+v", o)
	}
	s.refused(rooms.CodeIDReused, rooms.Entry{Kind: rooms.EntryEdit, ID: "e", Seq: seq, Text: "other"})
	s.refused(rooms.CodeIDReused, rooms.Entry{Kind: rooms.EntryDelete, ID: "e", Seq: seq})
	s.refused(rooms.CodeMessageNotFound, rooms.Entry{Kind: rooms.EntryEdit, Seq: 99, Text: "x"})
	s.refused(rooms.CodeMessageNotFound, rooms.Entry{Kind: rooms.EntryEdit, Seq: seq + 1, Text: "x"}) // a rev, but no message's seq
	s.refused(rooms.CodeNotAuthor, rooms.Entry{Kind: rooms.EntryEdit, Seq: seq, Text: "x", From: ben, Moderator: true})
	s.refused(rooms.CodeRoomNotFound, rooms.Entry{Kind: rooms.EntryEdit, Room: "nowhere", Seq: seq})
	s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: seq})
	s.refused(rooms.CodeMessageDeleted, rooms.Entry{Kind: rooms.EntryEdit, Seq: seq, Text: "x"})
}

func testDelete(t *testing.T, s *fixture) {
	seq, other := s.post("secret").Receipt.Seq, s.post("more").Receipt.Seq
	s.must(rooms.Entry{Kind: rooms.EntryReact, Seq: seq, Emoji: "👍", On: true})
	s.refused(rooms.CodeNotAuthor, rooms.Entry{Kind: rooms.EntryDelete, Seq: seq, From: ben})
	o := s.must(rooms.Entry{Kind: rooms.EntryDelete, ID: "d", Seq: seq})
	m := s.message(seq, ana.ID)
	if !m.Deleted || m.Text != "" || m.Reactions != nil || m.Seq != seq || m.Rev != 4 || m.From != ana {
		t.Errorf("deleted message is %+v", m)
	}
	if c := o.Change; c == nil || c.Kind != rooms.ChangeDelete || c.Rev != 4 || c.By != ana || !reflect.DeepEqual(*c.Message, m) {
		t.Errorf("change %+v", c)
	}
	if o := s.must(rooms.Entry{Kind: rooms.EntryDelete, ID: "d", Seq: seq}); o.Change != nil || !o.Receipt.Duplicate || o.Receipt.Rev != 4 {
		t.Errorf("repeat: %+v", o)
	}
	if o := s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: seq}); o.Change != nil || o.Receipt.Rev != 4 || o.Receipt.Message == nil {
		t.Errorf("deleted already: %+v", o)
	}
	o = s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: other, From: ben, Moderator: true})
	if o.Change == nil || o.Change.By != ben || o.Change.Message.From != ana {
		t.Errorf("a moderator's: %+v", o.Change)
	}
	s.refused(rooms.CodeMessageNotFound, rooms.Entry{Kind: rooms.EntryDelete, Seq: 99})
}

func testReact(t *testing.T, s *fixture) {
	seq := s.post("party?").Receipt.Seq
	on := func(emoji string, from rooms.Sender, on bool) rooms.Entry {
		return rooms.Entry{Kind: rooms.EntryReact, Seq: seq, Emoji: emoji, From: from, On: on}
	}
	o := s.must(on("👍", ana, true))
	want := []rooms.Reaction{{Emoji: "👍", Count: 1}}
	if c := o.Change; c == nil || c.Kind != rooms.ChangeReactions || c.Rev != 2 || c.Emoji != "👍" || !c.On || c.By != ana ||
		!reflect.DeepEqual(c.Message.Reactions, want) {
		t.Errorf("change %+v", c)
	}
	if !o.Receipt.Message.Reactions[0].Me {
		t.Error("the receipt does not know that the reaction is its proposer's")
	}
	if o := s.must(on("👍", ana, true)); o.Change != nil || o.Receipt.Rev != 2 {
		t.Errorf("on again: %+v", o)
	}
	if o := s.must(on("🎉", ana, false)); o.Change != nil {
		t.Errorf("off what is not on: %+v", o)
	}
	s.must(on("👍", ben, true))
	s.must(on("🎉", ben, true))
	for viewer, me := range map[string]bool{ana.ID: true, ben.ID: true, "": false} {
		for _, r := range s.message(seq, viewer).Reactions {
			wantMe := me && (r.Emoji == "👍" || viewer == ben.ID)
			wantCount := map[string]int{"👍": 2, "🎉": 1}[r.Emoji]
			if r.Me != wantMe || r.Count != wantCount {
				t.Errorf("%q sees %+v", viewer, r)
			}
		}
	}
	s.must(on("👍", ana, false))
	s.must(on("🎉", ben, false))
	if got := s.message(seq, ana.ID).Reactions; !reflect.DeepEqual(got, want) {
		t.Errorf("reactions are %+v, want %+v", got, want)
	}
	if m := s.message(seq, ""); !m.EditedAt.IsZero() {
		t.Error("a reaction counts as an edit")
	}
	for i := range 19 {
		s.must(on(fmt.Sprint("e", i), ana, true))
	}
	if refusal := s.refused(rooms.CodeInvalid, on("one too many", ana, true)); refusal.Fields[0].Field != "emoji" {
		t.Errorf("fields %+v", refusal.Fields)
	}
	s.must(on("e3", ben, true))
	s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: seq})
	s.refused(rooms.CodeMessageDeleted, on("👍", ana, true))
	s.refused(rooms.CodeMessageNotFound, rooms.Entry{Kind: rooms.EntryReact, Seq: 99, Emoji: "x", On: true})
}

func testRead(t *testing.T, s *fixture) {
	s.post("read me")
	o := s.must(rooms.Entry{Kind: rooms.EntryRead, Seq: 1})
	if o.Change != nil || s.head(rooms.Lobby) != 1 {
		t.Errorf("a read mark is a change: %+v", o)
	}
	s.refused(rooms.CodeRoomNotFound, rooms.Entry{Kind: rooms.EntryRead, Room: "nowhere", Seq: 1})
}
