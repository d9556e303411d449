package sqlite

import (
	"fmt"
	"testing"
	"time"

	"chatd/rooms"
)

// TestGraves holds that nothing of a deleted room stays in the file, and that
// no step takes many rows.
func TestGraves(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	ana, at := rooms.Sender{ID: "guest:Ana", Name: "Ana"}, time.UnixMilli(1_750_000_000_000)
	entries := []rooms.Entry{{Kind: rooms.EntryCreateRoom, ID: "c", Room: "ops", Create: rooms.Settings{SlowMode: 1}}}
	const posts = 2*graveStep + 1
	for i := range posts {
		entries = append(entries,
			rooms.Entry{Kind: rooms.EntryPost, ID: fmt.Sprint("p", i), Room: "ops", Message: rooms.KindChat, Mentions: []string{"ana"}},
			rooms.Entry{Kind: rooms.EntryReact, ID: fmt.Sprint("r", i), Room: "ops", Seq: uint64(2*i + 1), Emoji: "x", On: true})
	}
	entries = append(entries,
		rooms.Entry{Kind: rooms.EntryRead, ID: "m", Room: "ops", Seq: 5},
		rooms.Entry{Kind: rooms.EntryDeleteRoom, ID: "d", Room: "ops"},
		rooms.Entry{Kind: rooms.EntryPost, ID: "stays", Room: rooms.Lobby, Message: rooms.KindChat})
	for i := range entries {
		entries[i].From, entries[i].At = ana, at.Add(time.Duration(i)*time.Second)
	}
	outcomes, err := s.Apply(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range outcomes {
		if o.Err != nil {
			t.Fatalf("entry %d: %v", i, o.Err)
		}
	}
	count := func(table string) (n int) {
		t.Helper()
		if _, err := s.writer.get(t.Context(), "SELECT count(*) FROM "+table, nil, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count("messages")
	if before != posts+1 {
		t.Fatalf("%d messages", before)
	}
	for more := true; more; {
		if more, err = s.emptyGrave(t.Context()); err != nil {
			t.Fatal(err)
		}
		after := count("messages")
		if before-after > graveStep {
			t.Errorf("one step removed %d messages", before-after)
		}
		before = after
	}
	for table, want := range map[string]int{
		"messages": 1, "touched": posts, "reactions": 0, "mentions": 0, "receipts": 0, "last_posts": 0, "marks": 0, "graves": 0,
	} {
		if got := count(table); got != want {
			t.Errorf("%d rows are left in %s, want %d", got, table, want)
		}
	}
}
