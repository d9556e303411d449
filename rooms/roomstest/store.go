package roomstest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"chatd/rooms"
)

// OpenStore opens the store in dir, a new one if dir is empty. It fails t when
// it cannot; the suite closes the store before it opens dir again.
type OpenStore func(t *testing.T, dir string) rooms.Store

// TestStore holds a store to the contract of [rooms.Store].
func TestStore(t *testing.T, open OpenStore) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s *fixture)
	}{
		{"Lobby", testLobby},
		{"Posts", testPosts},
		{"Idempotency", testIdempotency},
		{"RefusalStandsAlone", testRefusalStandsAlone},
		{"PostRefusals", testPostRefusals},
		{"SlowMode", testSlowMode},
		{"Edit", testEdit},
		{"Delete", testDelete},
		{"React", testReact},
		{"Read", testRead},
		{"Unread", testUnread},
		{"Retention", testRetention},
		{"Search", testSearch},
		{"SearchPages", testSearchPages},
		{"SearchFollows", testSearchFollows},
		{"Rooms", testRooms},
		{"RoomUpdates", testRoomUpdates},
		{"RoomDeleted", testRoomDeleted},
		{"Pages", testPages},
		{"Changes", testChanges},
		{"ChangesRoom", testChangesRoom},
		{"Reopen", testReopen},
		{"JournalAt", testJournalAt},
		{"Bans", testBans},
		{"Mutes", testMutes},
		{"Clear", testClear},
		{"Audit", testAudit},
		{"Webhooks", testWebhooks},
		{"Notices", testNotices},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &fixture{T: t, dir: t.TempDir(), open: open, now: time.UnixMilli(1_750_000_000_000).UTC()}
			s.start()
			t.Cleanup(func() {
				if s.Store != nil {
					s.stop()
				}
			})
			test.run(t, s)
		})
	}
}

var (
	ana = rooms.Sender{ID: "guest:Ana", Name: "Ana"}
	ben = rooms.Sender{ID: "user-2", Name: "Ben"}
)

// fixture is a store under test, a clock and a counter of ids.
type fixture struct {
	*testing.T
	rooms.Store
	dir   string
	open  OpenStore
	now   time.Time
	count int
	end   func() error // ends Run
}

func (s *fixture) start() {
	s.Helper()
	store := s.open(s.T, s.dir)
	s.Store = store
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.Context()))
	ended := make(chan error, 1)
	go func() { ended <- store.Run(ctx) }()
	s.end = func() error {
		cancel()
		return <-ended
	}
}

func (s *fixture) stop() {
	s.Helper()
	if err := s.end(); err != nil {
		s.Errorf("run: %v", err)
	}
	if err := s.Close(); err != nil {
		s.Errorf("close: %v", err)
	}
	s.Store = nil
}

func (s *fixture) reopen() {
	s.Helper()
	s.stop()
	s.start()
}

// stamp fills what a registry would: time and id.
func (s *fixture) stamp(e rooms.Entry) rooms.Entry {
	s.count++
	s.now = s.now.Add(time.Millisecond)
	if e.ID == "" {
		e.ID = fmt.Sprintf("id-%d", s.count)
	}
	if e.Room == "" {
		e.Room = rooms.Lobby
	}
	if e.From == (rooms.Sender{}) {
		e.From = ana
	}
	if e.Kind == rooms.EntryPost && e.Message == "" {
		e.Message = rooms.KindChat
	}
	if e.At.IsZero() {
		e.At = s.now
	}
	return e
}

// apply applies one entry and returns its outcome, refused or not.
func (s *fixture) apply(e rooms.Entry) rooms.Outcome {
	s.Helper()
	outcomes, err := s.Apply(s.Context(), []rooms.Entry{s.stamp(e)})
	if err != nil {
		s.Fatalf("apply %s: %v", e.Kind, err)
	}
	if len(outcomes) != 1 {
		s.Fatalf("apply %s: %d outcomes for one entry", e.Kind, len(outcomes))
	}
	return outcomes[0]
}

// must applies one entry that is to be accepted.
func (s *fixture) must(e rooms.Entry) rooms.Outcome {
	s.Helper()
	o := s.apply(e)
	if o.Err != nil {
		s.Fatalf("apply %s: refused: %v", e.Kind, o.Err)
	}
	return o
}

// refused applies one entry that is to be refused with code, and checks that it
// left no trace in its room's head.
func (s *fixture) refused(code rooms.Code, e rooms.Entry) rooms.Error {
	s.Helper()
	e = s.stamp(e)
	before, _ := s.Room(s.Context(), e.Room)
	o := s.apply(e)
	after, _ := s.Room(s.Context(), e.Room)
	refusal, ok := errors.AsType[*rooms.Error](o.Err)
	if !ok || refusal.Code != code {
		s.Fatalf("apply %s: got %v, want %s", e.Kind, o.Err, code)
	}
	if o.Change != nil || before != after {
		s.Fatalf("apply %s: refused, yet changed %+v to %+v (%+v)", e.Kind, before, after, o.Change)
	}
	return *refusal
}

func (s *fixture) post(text string) rooms.Outcome {
	s.Helper()
	return s.must(rooms.Entry{Kind: rooms.EntryPost, Text: text})
}

func (s *fixture) message(seq uint64, viewer string) rooms.Message {
	s.Helper()
	m, err := s.Message(s.Context(), rooms.Lobby, seq, viewer)
	if err != nil {
		s.Fatalf("message %d: %v", seq, err)
	}
	return m
}

func (s *fixture) head(room string) uint64 {
	s.Helper()
	r, err := s.Room(s.Context(), room)
	if err != nil {
		s.Fatalf("room %q: %v", room, err)
	}
	return r.Head
}

func (s *fixture) create(id string, settings rooms.Settings) rooms.Outcome {
	s.Helper()
	return s.must(rooms.Entry{Kind: rooms.EntryCreateRoom, Room: id, Epoch: "epoch-" + id, Create: settings})
}

// code is the code of a refusal, "" for none.
func code(err error) rooms.Code {
	if refusal, ok := errors.AsType[*rooms.Error](err); ok {
		return refusal.Code
	}
	return ""
}
