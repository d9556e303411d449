package roomstest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"chatd/rooms"
)

func testPosts(t *testing.T, s *fixture) {
	texts := []string{"one", "two \x00 with a zero", "drei 🙂 四", ""}
	for i, text := range texts {
		o := s.must(rooms.Entry{Kind: rooms.EntryPost, Text: text, ID: fmt.Sprint(i)})
		rev := uint64(i + 1)
		want := rooms.Message{
			Room: rooms.Lobby, Seq: rev, Rev: rev, ID: fmt.Sprint(i), Kind: rooms.KindChat, From: ana, Text: text, At: s.now,
		}
		room, err := s.Room(t.Context(), rooms.Lobby)
		if err != nil {
			t.Fatal(err)
		}
		wantChange := &rooms.Change{
			Kind: rooms.ChangeChat, Room: rooms.Lobby, Epoch: room.Epoch, Rev: rev, Prev: rev - 1, Message: &want, By: ana, At: s.now,
		}
		if !reflect.DeepEqual(o.Change, wantChange) {
			t.Errorf("change %+v\nwant   %+v", o.Change, wantChange)
		}
		if r := o.Receipt; r.ID != want.ID || r.Seq != rev || r.Rev != rev || r.Duplicate || !reflect.DeepEqual(r.Message, &want) {
			t.Errorf("receipt %+v", r)
		}
		if got := s.message(rev, ""); !reflect.DeepEqual(got, want) {
			t.Errorf("message %+v\nwant    %+v", got, want)
		}
		if room.Head != rev {
			t.Errorf("head is %d, want %d", room.Head, rev)
		}
	}
	reply := s.must(rooms.Entry{Kind: rooms.EntryPost, Text: "re", ReplyTo: 2, Message: rooms.KindAnnouncement, From: ben})
	if m := s.message(reply.Receipt.Seq, ""); m.ReplyTo != 2 || m.Kind != rooms.KindAnnouncement || m.From != ben {
		t.Errorf("reply is %+v", m)
	}
	if _, err := s.Message(t.Context(), rooms.Lobby, 99, ""); code(err) != rooms.CodeMessageNotFound {
		t.Errorf("message 99: %v", err)
	}
	if _, err := s.Message(t.Context(), "nowhere", 1, ""); code(err) != rooms.CodeRoomNotFound {
		t.Errorf("message in no room: %v", err)
	}
}

func testIdempotency(t *testing.T, s *fixture) {
	s.create("ops", rooms.Settings{})
	e := s.stamp(rooms.Entry{Kind: rooms.EntryPost, ID: "a", Text: "hello"})
	first := s.must(e)
	repeat := func() {
		t.Helper()
		o := s.must(e)
		if o.Change != nil || !o.Receipt.Duplicate || o.Receipt.Seq != first.Receipt.Seq || o.Receipt.Rev != first.Receipt.Rev || o.Receipt.ID != "a" {
			t.Fatalf("repeat: %+v", o)
		}
		if o.Receipt.Message == nil || !reflect.DeepEqual(*o.Receipt.Message, s.message(first.Receipt.Seq, ana.ID)) {
			t.Fatalf("repeat's message is %+v", o.Receipt.Message)
		}
	}
	repeat()
	for _, other := range []rooms.Entry{
		{Kind: rooms.EntryPost, ID: "a", Text: "other"},
		{Kind: rooms.EntryPost, ID: "a", Text: "hello", Message: rooms.KindAnnouncement},
		{Kind: rooms.EntryPost, ID: "a", Text: "hello", ReplyTo: first.Receipt.Seq},
	} {
		s.refused(rooms.CodeIDReused, other)
	}
	// The same id of another sender, or in another room, is another id.
	if o := s.must(rooms.Entry{Kind: rooms.EntryPost, ID: "a", Text: "hello", From: ben}); o.Change == nil {
		t.Error("another sender's id was taken for a repeat")
	}
	if o := s.must(rooms.Entry{Kind: rooms.EntryPost, ID: "a", Text: "hello", Room: "ops"}); o.Change == nil {
		t.Error("another room's id was taken for a repeat")
	}
	// Whatever happened since, the repeat gets the first receipt: the newest
	// state of the message, and no refusal.
	s.must(rooms.Entry{Kind: rooms.EntryReact, Seq: first.Receipt.Seq, Emoji: "👍", On: true})
	repeat()
	s.must(rooms.Entry{Kind: rooms.EntryEdit, Seq: first.Receipt.Seq, Text: "hello again"})
	repeat()
	s.reopen()
	repeat()
	s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: first.Receipt.Seq})
	slow := 3600
	s.must(rooms.Entry{Kind: rooms.EntryUpdateRoom, Patch: rooms.RoomPatch{SlowMode: &slow}})
	s.post("takes the turn")
	repeat()
	yes := true
	s.must(rooms.Entry{Kind: rooms.EntryUpdateRoom, Patch: rooms.RoomPatch{Archived: &yes}})
	repeat()
	// Twice in one batch is once.
	b := s.stamp(rooms.Entry{Kind: rooms.EntryPost, ID: "b", Text: "twice", Room: "ops"})
	outcomes, err := s.Apply(t.Context(), []rooms.Entry{b, b})
	if err != nil || outcomes[0].Change == nil || outcomes[1].Change != nil || !outcomes[1].Receipt.Duplicate ||
		outcomes[1].Receipt.Seq != outcomes[0].Receipt.Seq {
		t.Fatalf("twice in one batch: %+v, %v", outcomes, err)
	}
}

func testRefusalStandsAlone(t *testing.T, s *fixture) {
	batch := []rooms.Entry{
		s.stamp(rooms.Entry{Kind: rooms.EntryPost, Text: "1"}),
		s.stamp(rooms.Entry{Kind: rooms.EntryPost, Text: "lost", Room: "nowhere"}),
		s.stamp(rooms.Entry{Kind: rooms.EntryEdit, Seq: 77, Text: "lost"}),
		s.stamp(rooms.Entry{Kind: rooms.EntryEdit, Seq: 1, Text: "one"}),
		s.stamp(rooms.Entry{Kind: "dance"}),
		s.stamp(rooms.Entry{Kind: rooms.EntryPost, Text: "3"}),
	}
	outcomes, err := s.Apply(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []rooms.Code{"", rooms.CodeRoomNotFound, rooms.CodeMessageNotFound, "", rooms.CodeInvalid, ""} {
		if got := code(outcomes[i].Err); got != want {
			t.Errorf("entry %d: %q, want %q", i, got, want)
		}
		if outcomes[i].Receipt.ID != batch[i].ID {
			t.Errorf("entry %d: receipt of %q, want %q", i, outcomes[i].Receipt.ID, batch[i].ID)
		}
	}
	if got := outcomes[5].Change; got == nil || got.Rev != 3 {
		t.Errorf("last change is %+v, want rev 3", got)
	}
	if m := s.message(1, ""); m.Text != "one" || m.Rev != 2 {
		t.Errorf("message 1 is %+v", m)
	}
	if outcomes, err := s.Apply(t.Context(), nil); err != nil || len(outcomes) != 0 {
		t.Errorf("no entries: %v, %v", outcomes, err)
	}
}

func testPostRefusals(t *testing.T, s *fixture) {
	s.refused(rooms.CodeRoomNotFound, rooms.Entry{Kind: rooms.EntryPost, Room: "nowhere"})
	s.refused(rooms.CodeInvalid, rooms.Entry{Kind: rooms.EntryPost, Message: "song", Text: "la"})
	s.create("news", rooms.Settings{Mode: rooms.ModeAnnounce})
	s.refused(rooms.CodeAnnounceOnly, rooms.Entry{Kind: rooms.EntryPost, Room: "news", Text: "me"})
	s.must(rooms.Entry{Kind: rooms.EntryPost, Room: "news", Text: "me", Moderator: true})
	s.must(rooms.Entry{Kind: rooms.EntryPost, Room: "news", Text: "me", Message: rooms.KindAnnouncement})
	s.create("old", rooms.Settings{Archived: true})
	s.refused(rooms.CodeRoomArchived, rooms.Entry{Kind: rooms.EntryPost, Room: "old", Moderator: true})
	gone := s.post("to go").Receipt.Seq
	s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: gone})
	for _, seq := range []uint64{gone, 99} {
		refusal := s.refused(rooms.CodeInvalid, rooms.Entry{Kind: rooms.EntryPost, ReplyTo: seq, Text: "re"})
		if len(refusal.Fields) != 1 || refusal.Fields[0].Field != "reply_to" {
			t.Errorf("reply to %d: fields %+v", seq, refusal.Fields)
		}
	}
}

func testSlowMode(t *testing.T, s *fixture) {
	s.create("slow", rooms.Settings{SlowMode: 10})
	say := func(at time.Time, from rooms.Sender, moderator bool) rooms.Entry {
		return rooms.Entry{Kind: rooms.EntryPost, Room: "slow", From: from, At: at, Moderator: moderator, Text: "hi"}
	}
	start := s.now
	s.must(say(start, ana, false))
	refusal := s.refused(rooms.CodeSlowMode, say(start.Add(4*time.Second), ana, false))
	if refusal.RetryAfter != 6*time.Second {
		t.Errorf("retry after %v, want 6s", refusal.RetryAfter)
	}
	s.must(say(start.Add(4*time.Second), ben, false))
	s.must(say(start.Add(5*time.Second), ana, true))
	s.reopen()
	s.refused(rooms.CodeSlowMode, say(start.Add(9*time.Second), ana, false))
	s.must(say(start.Add(10*time.Second), ana, false))
	s.refused(rooms.CodeSlowMode, say(start.Add(11*time.Second), ana, false))
	off, on := 0, 10
	s.must(rooms.Entry{Kind: rooms.EntryUpdateRoom, Room: "slow", Patch: rooms.RoomPatch{SlowMode: &off}})
	s.must(say(start.Add(12*time.Second), ana, false))
	s.must(rooms.Entry{Kind: rooms.EntryUpdateRoom, Room: "slow", Patch: rooms.RoomPatch{SlowMode: &on}})
	s.must(say(start.Add(13*time.Second), ana, false))
	s.refused(rooms.CodeSlowMode, say(start.Add(14*time.Second), ana, false))
	// A clock that was a year ahead for a while holds nobody for a year.
	s.must(say(start.AddDate(1, 0, 0), ana, false))
	s.must(say(start.Add(30*time.Second), ana, false))
	s.refused(rooms.CodeSlowMode, say(start.Add(31*time.Second), ana, false))
}
