package rooms_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"chatd/rooms"
	"chatd/rooms/sqlite"
)

// BenchmarkPosts posts durably through a whole registry. Compare its posts/s
// with those of rooms/sqlite's BenchmarkCeiling: what the driver can insert at
// best.
func BenchmarkPosts(b *testing.B) {
	for _, senders := range []int{1, 64, 1024} {
		b.Run(fmt.Sprint(senders), func(b *testing.B) { benchmarkPosts(b, senders, 100) })
	}
}

func benchmarkPosts(b *testing.B, senders, inRooms int) {
	store, err := sqlite.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	r := run(b, store)
	ids := make([]string, inRooms)
	for i := range ids {
		ids[i] = fmt.Sprint("room-", i)
		create(b, r, ids[i])
	}
	text := strings.Repeat("x", 100)
	var next atomic.Int64
	var sending sync.WaitGroup
	b.ResetTimer()
	for s := range senders {
		who := person(fmt.Sprint("sender", s))
		sending.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				e := rooms.Entry{Kind: rooms.EntryPost, Room: ids[n%int64(inRooms)], Text: text}
				if _, err := r.Propose(b.Context(), who, e); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	sending.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
}

// BenchmarkGate is what validation, limits and permissions cost for one post,
// together: the room is looked up and may be read, nobody banned or muted the
// sender, who may post; the text is valid, not too long, and searched for
// mentions; and there is a token of the sender's and of the room's. Delivering
// passes no gate.
func BenchmarkGate(b *testing.B) {
	store, err := sqlite.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	r := runLimited(b, store, rooms.Limits{
		PerIdentity: rooms.Rate{PerSecond: 1e9, Burst: 1 << 20}, PerRoom: rooms.Rate{PerSecond: 1e9, Burst: 1 << 20},
	})
	create(b, r, "ops")
	for i := range 100 {
		e := rooms.Entry{Kind: rooms.EntryBan, Room: "ops", Sanction: &rooms.Sanction{Who: rooms.Sender{ID: fmt.Sprint("troll-", i)}}}
		if _, err := r.Propose(b.Context(), person("Ana"), e); err != nil {
			b.Fatal(err)
		}
	}
	who := rooms.Identity{Subject: "bob", Name: "Bob", Grants: []rooms.Grant{{Pattern: "dev-*", Allow: rooms.Read}, {Pattern: "ops*", Allow: rooms.Read | rooms.Post}}}
	for name, text := range map[string]string{
		"100": strings.Repeat("word ", 20), "4000": strings.Repeat("word ", 800), "4000 Chinese": strings.Repeat("\u8a71\u984c", 2000),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e := rooms.Entry{Kind: rooms.EntryPost, Room: "ops", ID: "0198f3a1-7b1e-7c55-8a55-d0c0ffee0001", Text: text}
				if err := rooms.Prepare(r, b.Context(), who, &e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRefusedRoom is what it takes to refuse a private room, and one that is
// not there: nobody may learn by the time which of the two it was.
func BenchmarkRefusedRoom(b *testing.B) {
	store, err := sqlite.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	r := run(b, store)
	if _, err := r.Propose(b.Context(), person("Ana"), rooms.Entry{
		Kind: rooms.EntryCreateRoom, Room: "private", Create: rooms.Settings{Visibility: rooms.Private},
	}); err != nil {
		b.Fatal(err)
	}
	stranger := rooms.Identity{Subject: "stranger", Base: rooms.Read | rooms.Post, Grants: []rooms.Grant{{Pattern: "ops-*", Allow: rooms.All}}}
	for _, id := range []string{"private", "missing"} {
		b.Run(id, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Room(b.Context(), stranger, id); rooms.CodeOf(err) != rooms.CodeRoomNotFound {
					b.Fatal(err)
				}
			}
		})
	}
}
