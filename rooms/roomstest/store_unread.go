package roomstest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"chatd/rooms"
)

func testUnread(t *testing.T, s *fixture) {
	s.create("ops", rooms.Settings{})
	check := func(want ...rooms.Unread) {
		t.Helper()
		got, err := s.Unread(t.Context(), rooms.UnreadQuery{Subject: ben.ID, Name: "ben", Rooms: []string{"ops", "nowhere", rooms.Lobby}})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("unread %+v, %v\nwant   %+v", got, err, want)
		}
	}
	ops := rooms.Unread{Room: "ops"}
	check(ops, rooms.Unread{Room: rooms.Lobby})
	say := func(from rooms.Sender, text string) uint64 {
		t.Helper()
		return s.must(rooms.Entry{Kind: rooms.EntryPost, From: from, Text: text, Mentions: rooms.Mentions(text)}).Receipt.Seq
	}
	say(ana, "hello")
	second := say(ana, "@ben, are you there?")
	say(ben, "@ben is here")
	say(ana, "@ben @Ben @carla again")
	check(ops, rooms.Unread{Room: rooms.Lobby, Count: 3, Mentions: 2})
	s.must(rooms.Entry{Kind: rooms.EntryRead, From: ben, Seq: second})
	s.must(rooms.Entry{Kind: rooms.EntryRead, From: ben, Seq: 1}) // never back
	check(ops, rooms.Unread{Room: rooms.Lobby, Read: second, Count: 1, Mentions: 1})
	s.must(rooms.Entry{Kind: rooms.EntryEdit, Seq: 4, Text: "nobody"})
	check(ops, rooms.Unread{Room: rooms.Lobby, Read: second, Count: 1})
	s.must(rooms.Entry{Kind: rooms.EntryEdit, Seq: 4, Text: "@ben", Mentions: []string{"ben"}})
	s.reopen()
	check(ops, rooms.Unread{Room: rooms.Lobby, Read: second, Count: 1, Mentions: 1})
	s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: 4})
	check(ops, rooms.Unread{Room: rooms.Lobby, Read: second})
	head := s.head(rooms.Lobby)
	s.must(rooms.Entry{Kind: rooms.EntryRead, From: ben, Seq: 1 << 40}) // not beyond the head
	check(ops, rooms.Unread{Room: rooms.Lobby, Read: head})
	say(ana, "news")
	check(ops, rooms.Unread{Room: rooms.Lobby, Read: head, Count: 1})

	var many []rooms.Entry
	for i := range rooms.MaxUnread + 10 {
		many = append(many, s.stamp(rooms.Entry{Kind: rooms.EntryPost, Room: "ops", Text: fmt.Sprint(i, " @ben"), Mentions: []string{"ben"}}))
	}
	if _, err := s.Apply(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	check(rooms.Unread{Room: "ops", Count: rooms.MaxUnread, Mentions: rooms.MaxUnread}, rooms.Unread{Room: rooms.Lobby, Read: head, Count: 1})
}

// purge does what a registry does about a room's retention, and returns in how
// many steps.
func (s *fixture) purge(now time.Time) (steps int) {
	s.Helper()
	for {
		seq, err := s.Expired(s.Context(), rooms.Lobby, now)
		if err != nil {
			s.Fatal(err)
		}
		if seq == 0 {
			return steps
		}
		for done := uint64(0); done < seq; steps++ {
			o := s.must(rooms.Entry{Kind: rooms.EntryPurge, Seq: seq})
			if o.Change != nil || o.Receipt.Seq <= done {
				s.Fatalf("purge up to %d, after %d: %+v", seq, done, o)
			}
			done = o.Receipt.Seq
		}
	}
}

func testRetention(t *testing.T, s *fixture) {
	keep := func(age time.Duration, count int) {
		t.Helper()
		s.must(rooms.Entry{Kind: rooms.EntryUpdateRoom, Patch: rooms.RoomPatch{Retention: &rooms.Retention{Age: age, Count: count}}})
	}
	page := func() []uint64 {
		t.Helper()
		list, err := s.Messages(t.Context(), rooms.MessageQuery{Room: rooms.Lobby, Limit: rooms.MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		return seqs(list)
	}
	first := s.stamp(rooms.Entry{Kind: rooms.EntryPost, Text: "the first", Mentions: []string{"ben"}})
	s.must(first) // 1
	for i := 2; i <= 10; i++ {
		s.post(fmt.Sprint("message ", i)) // 2 to 10
	}
	react := s.stamp(rooms.Entry{Kind: rooms.EntryReact, Seq: 1, Emoji: "👍", On: true})
	s.must(react) // 11
	if steps := s.purge(s.now.Add(time.Hour)); steps != 0 {
		t.Errorf("%d steps for a room that keeps all", steps)
	}
	if o := s.must(rooms.Entry{Kind: rooms.EntryPurge, Seq: 5}); len(page()) != 10 {
		t.Errorf("a room that keeps all was purged: %+v", o)
	}

	keep(0, 4) // 12
	s.purge(s.now)
	if got, want := page(), []uint64{7, 8, 9, 10}; !reflect.DeepEqual(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	if _, err := s.Message(t.Context(), rooms.Lobby, 1, ""); code(err) != rooms.CodeMessageNotFound {
		t.Errorf("a purged message: %v", err)
	}
	s.refused(rooms.CodeMessageNotFound, rooms.Entry{Kind: rooms.EntryReact, Seq: 1, Emoji: "👍", On: true})
	s.refused(rooms.CodeMessageNotFound, react) // its receipt went with the message
	for _, limit := range []int{1, 3, 100} {
		if got := s.changes(rooms.Lobby, 0, limit); len(got) != 5 || got[0].Rev != 7 {
			t.Errorf("changes from the start: %+v", got)
		}
	}

	cut := s.now.Add(time.Minute)
	s.now = cut
	s.post("young") // 13
	keep(time.Hour, 0)
	s.purge(cut.Add(time.Hour))
	if got, want := page(), []uint64{13}; !reflect.DeepEqual(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	s.post("the last") // 15
	keep(time.Hour, 1) // 16
	s.purge(s.now)
	s.must(rooms.Entry{Kind: rooms.EntryReact, Seq: 15, Emoji: "👍", On: true}) // 17
	s.purge(s.now.Add(2 * time.Hour))
	if got := page(); got != nil {
		t.Errorf("kept %v", got)
	}
	// All gone, and yet the numbers go on, and whoever resumes gets to the head.
	for range 2 {
		if head := s.head(rooms.Lobby); head != 17 {
			t.Fatalf("the head is %d, want 17", head)
		}
		for _, after := range []uint64{0, 13, 16} {
			for _, limit := range []int{1, 100} {
				s.changes(rooms.Lobby, after, limit)
			}
		}
		s.reopen()
	}
	if o := s.must(first); o.Change == nil || o.Receipt.Seq != 18 {
		t.Errorf("the first one's repeat, after it was purged: %+v", o)
	}
	if got, _ := s.Unread(t.Context(), rooms.UnreadQuery{Subject: ben.ID, Name: "ben", Rooms: []string{rooms.Lobby}}); got[0].Mentions != 1 {
		t.Errorf("unread: %+v", got)
	}

	var many []rooms.Entry
	for range 2*rooms.PurgeStep + 50 {
		many = append(many, s.stamp(rooms.Entry{Kind: rooms.EntryPost, Text: "many"}))
	}
	if _, err := s.Apply(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	keep(0, 3)
	if steps := s.purge(s.now); steps != 3 || len(page()) != 3 {
		t.Errorf("%d steps to purge all but %v", steps, page())
	}
}
