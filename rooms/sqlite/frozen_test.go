package sqlite

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"chatd/rooms"
)

// TestFrozen opens databases as released chatds wrote them.
// Their files are never made again: this chatd, and all to come, must
// open them and show what is in them.
func TestFrozen(t *testing.T) {
	for _, version := range []string{"v1"} {
		t.Run(version, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, FileName), unzip(t, version+".db.gz"))
			checkFrozen(t, dir)
			checkFrozen(t, dir) // as this chatd leaves it
		})
	}
}

// TestMigrationsAddUp holds that an old database, brought up to date, is as a new
// one. It fails when a migration was changed that databases have seen already:
// what is to be different is a migration more.
func TestMigrationsAddUp(t *testing.T) {
	schema := func(dir string) []string {
		t.Helper()
		s, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		var list []string
		if err := s.writer.each(t.Context(), "SELECT ifnull(sql, name) FROM sqlite_schema ORDER BY name", nil, func(rows *sql.Rows) error {
			var one string
			err := rows.Scan(&one)
			list = append(list, one)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return list
	}
	old := t.TempDir()
	write(t, filepath.Join(old, FileName), unzip(t, "v1.db.gz"))
	got, want := schema(old), schema(t.TempDir())
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("from the old one:\n%q\nnew:\n%q", got, want)
		}
	}
}

func checkFrozen(t *testing.T, dir string) {
	t.Helper()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	at := func(ms int64) time.Time { return time.UnixMilli(1_767_000_000_000 + ms).UTC() }
	ana, ben := rooms.Sender{ID: "guest:Ana", Name: "Ana"}, rooms.Sender{ID: "user-2", Name: "Ben 本"}

	list, err := s.Rooms(t.Context(), rooms.RoomQuery{Limit: 10, Patterns: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []rooms.Room{
		{
			ID: "lobby", Epoch: "frozen-lobby", Head: 9, CreatedAt: at(0),
			Settings: rooms.Settings{Name: "Lobby", Mode: rooms.ModeOpen, Visibility: rooms.Public},
		},
		{
			ID: "ops", Epoch: "frozen-ops", Head: 6, Rev: 1, CreatedAt: at(1),
			Settings: rooms.Settings{
				Name: "Ops", Topic: "up and down", Mode: rooms.ModeAnnounce, Visibility: rooms.Private, SlowMode: 30,
				Retention: rooms.Retention{Age: time.Hour, Count: 2},
			},
		},
	}
	if !reflect.DeepEqual(list, want) {
		t.Errorf("rooms %+v\nwant  %+v", list, want)
	}

	page, err := s.Messages(t.Context(), rooms.MessageQuery{Room: "lobby", Limit: 10, Viewer: ben.ID})
	if err != nil {
		t.Fatal(err)
	}
	wantPage := []rooms.Message{
		{
			Room: "lobby", Seq: 1, Rev: 6, ID: "p1", Kind: rooms.KindChat, From: ana, Text: "hello, @ben", At: at(10), EditedAt: at(60),
			Reactions: []rooms.Reaction{{Emoji: "🎉", Count: 1}, {Emoji: "👍", Count: 2, Me: true}},
		},
		{Room: "lobby", Seq: 2, Rev: 7, ID: "p2", Kind: rooms.KindChat, From: ben, At: at(20), Deleted: true},
		{Room: "lobby", Seq: 8, Rev: 8, ID: "p3", Kind: rooms.KindAnnouncement, From: ben, Text: "上海 is open", ReplyTo: 1, At: at(80)},
		{Room: "lobby", Seq: 9, Rev: 9, ID: "p4", Kind: rooms.KindChat, From: ana, Text: "bye", At: at(90)},
	}
	// Reactions 3 to 5 and the edit 6, the delete 7 took the revs between.
	if !reflect.DeepEqual(page, wantPage) {
		t.Errorf("messages %+v\nwant     %+v", page, wantPage)
	}
	if page, err := s.Messages(t.Context(), rooms.MessageQuery{Room: "ops", Limit: 10}); err != nil || len(page) != 2 || page[0].Seq != 4 {
		t.Errorf("messages of a purged room: %+v, %v", page, err)
	}

	outcomes, err := s.Apply(t.Context(), []rooms.Entry{
		{Kind: rooms.EntryPost, Room: "lobby", ID: "p1", From: ana, Message: rooms.KindChat, Text: "helo, @ben", At: at(1000)},
		{Kind: rooms.EntryEdit, Room: "lobby", ID: "e1", From: ana, Seq: 1, Text: "hello, @ben", At: at(1000)},
		{Kind: rooms.EntryCreateRoom, Room: "ops", ID: "c1", From: ana, Create: rooms.Settings{Name: "Ops", Mode: rooms.ModeOpen, Visibility: rooms.Private}, At: at(1000)},
		{Kind: rooms.EntryDeleteRoom, Room: "gone", ID: "d1", From: ana, At: at(1000)},
		{Kind: rooms.EntryPost, Room: "ops", ID: "slow", From: ana, Message: rooms.KindAnnouncement, Text: "x", At: at(1000)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range outcomes[:4] {
		if o.Err != nil || !o.Receipt.Duplicate {
			t.Errorf("repeat %d: %+v", i, o)
		}
	}
	if refusal, ok := errors.AsType[*rooms.Error](outcomes[4].Err); !ok || refusal.Code != rooms.CodeSlowMode {
		t.Errorf("a post too soon: %+v", outcomes[4])
	}
	unread, err := s.Unread(t.Context(), rooms.UnreadQuery{Subject: ben.ID, Name: "ben", Rooms: []string{"lobby", "ops"}})
	if wantUnread := []rooms.Unread{{Room: "lobby", Count: 2, Mentions: 1}, {Room: "ops", Read: 4, Count: 1}}; err != nil || !reflect.DeepEqual(unread, wantUnread) {
		t.Errorf("unread %+v, %v; want %+v", unread, err, wantUnread)
	}
	if at := s.JournalAt(); at != 77 {
		t.Errorf("the journal is at %d", at)
	}
	for more := true; more; {
		if more, err = s.emptyGrave(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for more := true; more; {
		if more, err = s.feedIndex(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for word, wantFound := range map[string]int{"上": 1, "hello": 1, "helo": 0, "secret": 0, "grave": 0} {
		found, err := s.Search(t.Context(), rooms.SearchQuery{Text: word, Patterns: []string{"*"}})
		if err != nil || len(found.Messages) != wantFound {
			t.Errorf("%q is found %d times, %v; want %d", word, len(found.Messages), err, wantFound)
		}
	}
}

func unzip(t *testing.T, name string) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(read(t, filepath.Join("testdata", name))))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
