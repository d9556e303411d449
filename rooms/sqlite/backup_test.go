package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"chatd/rooms"
)

// TestBackupWhileServing takes snapshots while batches of ten posts are
// applied: each holds whole batches only, and becomes a store of its own.
func TestBackupWhileServing(t *testing.T) {
	dir, files := t.TempDir(), t.TempDir()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	post := func(n int) []rooms.Entry {
		batch := make([]rooms.Entry, 10)
		for i := range batch {
			batch[i] = rooms.Entry{
				Kind: rooms.EntryPost, Room: rooms.Lobby, ID: fmt.Sprint(n, "-", i), Message: rooms.KindChat,
				Text: "needle " + fmt.Sprint(n), From: rooms.Sender{ID: "guest:Ana", Name: "Ana"},
			}
		}
		return batch
	}
	var serving sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	first := make(chan struct{})
	serving.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			if _, err := s.Apply(ctx, post(n)); err != nil {
				t.Errorf("apply: %v", err)
			}
			if n == 0 {
				close(first)
			}
		}
	})
	<-first
	var names []string
	for i := range 3 {
		name := filepath.Join(files, fmt.Sprint(i))
		names = append(names, name)
		if err := Backup(t.Context(), dir, name); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	serving.Wait()
	old, err := s.Room(t.Context(), rooms.Lobby)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the snapshot is %v, %v", info.Mode(), err)
		}
		before := read(t, name)
		to := filepath.Join(t.TempDir(), "new", "place")
		if err := Restore(t.Context(), name, to); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read(t, name), before) {
			t.Error("restoring changed the snapshot")
		}
		r, err := Open(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		lobby, err := r.Room(t.Context(), rooms.Lobby)
		if err != nil || lobby.Head == 0 || lobby.Head%10 != 0 || lobby.Head > old.Head {
			t.Errorf("snapshot %d: head %d of %d, %v", i, lobby.Head, old.Head, err)
		}
		if lobby.Epoch == old.Epoch || lobby.Epoch == "" {
			t.Errorf("the epoch is %q, and was %q", lobby.Epoch, old.Epoch)
		}
		got, err := r.Message(t.Context(), rooms.Lobby, lobby.Head, "")
		if err != nil {
			t.Fatal(err)
		}
		if want, err := s.Message(t.Context(), rooms.Lobby, lobby.Head, ""); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("message %+v, want %+v", got, want)
		}
		// What was acknowledged before the snapshot is still known by its id.
		if outcomes, err := r.Apply(t.Context(), post(0)); err != nil || !outcomes[0].Receipt.Duplicate {
			t.Errorf("repeat: %+v, %v", outcomes[0], err)
		}
		if _, err := r.feedIndex(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := r.Search(t.Context(), rooms.SearchQuery{Text: "needle 0", Public: true, Limit: 50})
		if err != nil || len(page.Messages) != 10 {
			t.Errorf("search finds %d, %v", len(page.Messages), err)
		}
		if err := Restore(t.Context(), name, to); err == nil {
			t.Error("restored over a store in use")
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := Restore(t.Context(), name, to); err == nil {
			t.Error("restored over a database")
		}
	}
}

func TestBackupRefuses(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	there := filepath.Join(t.TempDir(), "there")
	write(t, there, []byte("precious"))
	if err := Backup(t.Context(), dir, there); err == nil || string(read(t, there)) != "precious" {
		t.Errorf("a file was overwritten: %v", err)
	}
	if err := Backup(t.Context(), dir, filepath.Join(dir, FileName)); err == nil {
		t.Error("a database was backed up over itself")
	}
	if err := Backup(t.Context(), t.TempDir(), filepath.Join(t.TempDir(), "x")); err == nil {
		t.Error("nothing was backed up")
	}
	nowhere := filepath.Join(t.TempDir(), "no", "such", "directory")
	if err := Backup(t.Context(), dir, nowhere); err == nil {
		t.Error("backed up to a directory that is not there")
	}
	good := filepath.Join(t.TempDir(), "good")
	if err := Backup(t.Context(), dir, good); err != nil {
		t.Fatal(err)
	}
	damaged := read(t, good)
	copy(damaged[4096:], bytes.Repeat([]byte{0x55}, 4096))
	for name, content := range map[string][]byte{"empty": nil, "text": []byte("this is no database at all, whatever its name"), "damaged": damaged} {
		to, file := t.TempDir(), filepath.Join(t.TempDir(), name)
		write(t, file, content)
		if err := Restore(t.Context(), file, to); err == nil {
			t.Errorf("restored from a file that is %s", name)
		}
		left, err := os.ReadDir(to)
		if err != nil || len(left) != 1 { // the lock
			t.Errorf("a refused restore leaves %v, %v", left, err)
		}
	}
	if err := Restore(t.Context(), filepath.Join(dir, "missing"), t.TempDir()); err == nil {
		t.Error("restored from nothing")
	}
}
