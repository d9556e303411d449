package sqlite_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"chatd/rooms"
	"chatd/rooms/sqlite"
)

// history is n entries of many kinds, refusals and repeats among them, as a
// journal hands them.
func history(n int) []rooms.Entry {
	public := rooms.Settings{Name: "Ops", Mode: rooms.ModeOpen, Visibility: rooms.Public}
	list := []rooms.Entry{{Kind: rooms.EntryCreateRoom, Room: "ops", Epoch: "epoch", Create: public}}
	for i := 1; i < n; i++ {
		e := rooms.Entry{Kind: rooms.EntryPost, Room: "ops", Text: fmt.Sprint("text ", i), Message: rooms.KindChat}
		switch i % 7 {
		case 2:
			e = rooms.Entry{Kind: rooms.EntryEdit, Room: "ops", Seq: uint64(i - 1), Text: "edited"}
		case 3:
			e = rooms.Entry{Kind: rooms.EntryReact, Room: "ops", Seq: 1, Emoji: "👍", On: i%2 == 0}
		case 4:
			e.ID, e.Text = "again", "again"
		case 5:
			e.Room = "nowhere"
		case 6:
			e = rooms.Entry{Kind: rooms.EntryDelete, Room: "ops", Seq: uint64(i - 2)}
		}
		list = append(list, e)
	}
	for i := range list {
		e := &list[i]
		e.JournalAt = uint64(i + 1)
		e.From = rooms.Sender{ID: "guest:Ana", Name: "Ana"}
		e.At = time.UnixMilli(1_750_000_000_000 + int64(i)).UTC()
		if e.ID == "" {
			e.ID = fmt.Sprint("id-", i)
		}
	}
	return list
}

func applyIn(t *testing.T, s *sqlite.Store, list []rooms.Entry, size int) {
	t.Helper()
	for batch := range slices.Chunk(list, size) {
		if _, err := s.Apply(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
}

func openBare(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, sqlite.WithoutLobby())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What differs in the end has another seal; how it was batched, and whether the
// store was opened anew in between, makes no difference.
func TestSeals(t *testing.T) {
	list := history(1000)
	sealsOf := func(list []rooms.Entry, before func(*sqlite.Store), sizes ...int) []rooms.Seal {
		t.Helper()
		dir := t.TempDir()
		s := openBare(t, dir)
		if before != nil {
			before(s)
		}
		for i, size := range sizes {
			part := list[len(list)*i/len(sizes) : len(list)*(i+1)/len(sizes)]
			applyIn(t, s, part, size)
			newest := s.Seals()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openBare(t, dir)
			if got := s.Seals(); got[len(got)-1] != newest[len(newest)-1] {
				t.Errorf("before closing the newest seal is %v, after opening again %v", newest[len(newest)-1], got)
			}
			if i == len(sizes)-1 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				return newest
			}
		}
		return nil
	}
	want := sealsOf(list, nil, 1000)
	if len(want) != 1000/128+1 || want[len(want)-1].At != 1000 {
		t.Fatalf("after 1000 entries the seals are %v", want)
	}
	last := want[len(want)-1]
	if got := sealsOf(list, nil, 17); !slices.Equal(got, want) {
		t.Errorf("in other batches the seals are\n%v, not\n%v", got, want)
	}
	if got := sealsOf(list, nil, 100, 3); got[len(got)-1] != last {
		t.Errorf("opened anew in between, the last seal is %v, not %v", got[len(got)-1], last)
	}

	for name, change := range map[string]func([]rooms.Entry){
		"text":  func(l []rooms.Entry) { l[1].Text = "other" },
		"name":  func(l []rooms.Entry) { l[1].From.Name = "other" },
		"time":  func(l []rooms.Entry) { l[1].At = l[1].At.Add(time.Millisecond) },
		"order": func(l []rooms.Entry) { l[7].Text, l[8].Text = l[8].Text, l[7].Text },
	} {
		other := slices.Clone(list)
		change(other)
		if got := sealsOf(other, nil, 1000); got[len(got)-1] == last {
			t.Errorf("%s: another history has the same seal", name)
		}
	}
	seeded := sealsOf(list, func(s *sqlite.Store) {
		if _, err := s.Apply(t.Context(), []rooms.Entry{rooms.NewLobby()}); err != nil {
			t.Fatal(err)
		}
	}, 1000)
	if seeded[0] == want[0] {
		t.Error("a store with a room before the journal has the same seal")
	}
}
