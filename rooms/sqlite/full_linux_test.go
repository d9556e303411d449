package sqlite

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"chatd/rooms"
)

// TestFullDisk fills the disk under a store, twice. Nothing that was
// acknowledged is lost, reading goes on, and once there is room again so does
// writing, without the store being opened again.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(disk, "data")
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	acknowledged := 0 // the first so many posts are
	post := func(count int) error {
		batch := make([]rooms.Entry, count)
		for i := range batch {
			batch[i] = rooms.Entry{
				Kind: rooms.EntryPost, Room: rooms.Lobby, ID: fmt.Sprint("id-", acknowledged+i), Message: rooms.KindChat,
				Text: "needle" + strings.Repeat(" and hay", 100), From: rooms.Sender{ID: "guest:Ana", Name: "Ana"},
			}
		}
		outcomes, err := s.Apply(t.Context(), batch)
		if err != nil {
			return err
		}
		for i, o := range outcomes {
			if o.Err != nil || o.Receipt.Duplicate || o.Receipt.Seq != uint64(acknowledged+i+1) {
				t.Fatalf("post %d: %+v", acknowledged+i, o)
			}
		}
		acknowledged += count
		return nil
	}
	check := func() {
		t.Helper()
		room, err := s.Room(t.Context(), rooms.Lobby)
		if err != nil || room.Head != uint64(acknowledged) {
			t.Fatalf("the head is %d, with %d acknowledged; %v", room.Head, acknowledged, err)
		}
		page, err := s.Messages(t.Context(), rooms.MessageQuery{Room: rooms.Lobby, Limit: 5})
		if err != nil || len(page) != 5 || page[4].Seq != room.Head {
			t.Fatalf("the newest page: %d messages, %v", len(page), err)
		}
	}
	ballast := []string{filepath.Join(disk, "ballast-1"), filepath.Join(disk, "ballast-2")}
	for _, path := range ballast {
		write(t, path, make([]byte, 1<<20))
	}
	for _, path := range ballast {
		for failures := 0; failures < 3; {
			if err := post(20); err != nil {
				failures++
				check()
			}
			_, _ = s.feedIndex(t.Context()) // fails when the disk is full
		}
		if acknowledged < 100 {
			t.Fatalf("only %d messages fit", acknowledged)
		}
		remove(t, path)
		if err := post(1); err != nil {
			t.Fatalf("there is room again, and yet: %v", err)
		}
		check()
	}
	for range 2 {
		for more := true; more; {
			if more, err = s.feedIndex(t.Context()); err != nil {
				t.Fatalf("there is room again, and yet: %v", err)
			}
		}
		found, q := 0, rooms.SearchQuery{Text: "needle", Public: true, Limit: 200}
		for done := false; !done; {
			page, err := s.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			found += len(page.Messages)
			q.Cursor, done = page.Next, page.Next == ""
		}
		if found != acknowledged {
			t.Errorf("search finds %d of %d", found, acknowledged)
		}
		seen := 0
		for done := false; !done; {
			var changes []rooms.Change
			changes, done, err = s.Changes(t.Context(), rooms.ChangeQuery{Room: rooms.Lobby, After: uint64(seen), Limit: 200})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range changes {
				if c.Message.ID != fmt.Sprint("id-", seen) || c.Rev != uint64(seen+1) {
					t.Fatalf("change %d is %+v", seen+1, c)
				}
				seen++
			}
		}
		if seen != acknowledged {
			t.Errorf("%d of %d are there", seen, acknowledged)
		}
		check()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = Open(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
}
