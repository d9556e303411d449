package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"chatd/rooms"
)

const benchBatch, benchRooms = 1024, 100

// benchPosts makes the n-th batch of posts, one of each sender, spread over the
// rooms.
func benchPosts(n, senders, inRooms int) []rooms.Entry {
	at := rooms.Millis(time.Now())
	batch := make([]rooms.Entry, senders)
	for i := range batch {
		batch[i] = rooms.Entry{
			Kind: rooms.EntryPost, Room: fmt.Sprintf("room-%d", (n*senders+i)%inRooms), ID: rooms.NewID(), At: at,
			From:    rooms.Sender{ID: fmt.Sprintf("user-%d", i), Name: fmt.Sprintf("User %d", i)},
			Message: rooms.KindChat, Text: "The quick brown fox jumps over the lazy dog, as it does every day at this hour.",
		}
	}
	return batch
}

func benchStore(tb testing.TB, dir string, inRooms int) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	var entries []rooms.Entry
	for i := range inRooms {
		id := fmt.Sprintf("room-%d", i)
		if _, err := s.Room(tb.Context(), id); err != nil {
			entries = append(entries, rooms.Entry{Kind: rooms.EntryCreateRoom, ID: id, Room: id, Epoch: "e", At: time.Now()})
		}
	}
	if _, err := s.Apply(tb.Context(), entries); err != nil {
		tb.Fatal(err)
	}
	return s
}

// BenchmarkApply applies batches of posts, one of each sender.
func BenchmarkApply(b *testing.B) {
	for _, test := range []struct {
		name             string
		senders, inRooms int
		setting          string
	}{
		{"senders-1024", benchBatch, benchRooms, "synchronous=FULL"},
		{"senders-64", 64, benchRooms, "synchronous=FULL"},
		{"senders-1", 1, benchRooms, "synchronous=FULL"},
		{"rooms-10000", benchBatch, 10_000, "synchronous=FULL"},
		{"not-durable", benchBatch, benchRooms, "synchronous=NORMAL"},
	} {
		b.Run(test.name, func(b *testing.B) {
			s := benchStore(b, b.TempDir(), test.inRooms)
			if _, err := s.writer.sql.ExecContext(b.Context(), "PRAGMA "+test.setting); err != nil {
				b.Fatal(err)
			}
			benchApply(b, s, test.senders, test.inRooms)
		})
	}
	b.Run("stored", func(b *testing.B) {
		s, _ := bigStore(b)
		benchApply(b, s, benchBatch, benchRooms)
	})
}

func benchApply(b *testing.B, s *Store, senders, inRooms int) {
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		batch := benchPosts(n, senders, inRooms)
		b.StartTimer()
		outcomes, err := s.Apply(b.Context(), batch)
		if err != nil || outcomes[0].Err != nil {
			b.Fatal(err, outcomes[0].Err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(senders)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkCeiling is what BenchmarkApply is measured against: the same rows
// into the same tables with nothing but the driver.
func BenchmarkCeiling(b *testing.B) {
	s := benchStore(b, b.TempDir(), benchRooms)
	ctx := context.WithoutCancel(b.Context())
	seqs := make([]int64, benchRooms)
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		batch := benchPosts(n, benchBatch, benchRooms)
		b.StartTimer()
		if _, err := s.writer.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
			b.Fatal(err)
		}
		stmt, err := s.writer.prepare(ctx, `INSERT INTO messages (room, seq, rev, id, sender, name, kind, text, reply_to, at, digest)
			VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id, room, sender) DO NOTHING`)
		if err != nil {
			b.Fatal(err)
		}
		for i := range batch {
			e, room := &batch[i], (n*benchBatch+i)%benchRooms
			seqs[room]++
			if _, err := stmt.ExecContext(ctx, room+2, seqs[room], e.ID, e.From.ID, e.From.Name, string(e.Message), e.Text,
				int64(0), e.At.UnixMilli(), int64(i)*0x1234567812345); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := s.writer.exec(ctx, "COMMIT"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*benchBatch/b.Elapsed().Seconds(), "msg/s")
}

// bigStore is a store with many messages in one room, one in a hundred of them
// with a reaction: CHATD_BENCH_MESSAGES of them, 50,000 by default. It is built
// once and kept in the directory for temporary files.
func bigStore(b *testing.B) (s *Store, head uint64) {
	b.Helper()
	count, err := strconv.Atoi(os.Getenv("CHATD_BENCH_MESSAGES"))
	if err != nil {
		count = 50_000
	}
	s = benchStore(b, filepath.Join(os.TempDir(), fmt.Sprintf("chatd-bench-%d", count)), benchRooms)
	for {
		room, err := s.Room(b.Context(), rooms.Lobby)
		if err != nil {
			b.Fatal(err)
		}
		if room.Head >= uint64(count) {
			return s, room.Head
		}
		batch := benchPosts(0, benchBatch, benchRooms)
		for i := range batch {
			batch[i].Room = rooms.Lobby
			if i%100 == 50 {
				batch[i].Kind, batch[i].Seq, batch[i].Emoji, batch[i].On = rooms.EntryReact, room.Head+1, strconv.Itoa(i/100), true
			}
		}
		if _, err := s.Apply(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	s, head := bigStore(b)
	page := func(q rooms.MessageQuery) func(*testing.B) {
		q.Room, q.Limit, q.Viewer = rooms.Lobby, rooms.DefaultPage, "user-1"
		return func(b *testing.B) {
			for b.Loop() {
				if list, err := s.Messages(b.Context(), q); err != nil || len(list) != q.Limit {
					b.Fatal(len(list), err)
				}
			}
		}
	}
	b.Run("newest", page(rooms.MessageQuery{}))
	b.Run("middle", page(rooms.MessageQuery{Before: head / 2}))
	b.Run("unread", func(b *testing.B) {
		for b.Loop() {
			q := rooms.UnreadQuery{Subject: "nobody", Name: "nobody", Rooms: []string{rooms.Lobby}}
			if list, err := s.Unread(b.Context(), q); err != nil || list[0].Count != rooms.MaxUnread {
				b.Fatal(list, err)
			}
		}
	})
	resume := func(after uint64, limit int) func(*testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				list, _, err := s.Changes(b.Context(), rooms.ChangeQuery{Room: rooms.Lobby, After: after, Base: after, Limit: limit, Viewer: "user-1"})
				if err != nil || len(list) < limit*9/10 {
					b.Fatal(len(list), err)
				}
			}
		}
	}
	b.Run("resume-100", resume(head-100, 100))
	b.Run("resume-middle", resume(head/2, 100))
}
