package rooms_test

import (
	"strings"
	"testing"

	"chatd/rooms"
)

func TestAnInboxTellsWhatIsUnreadElsewhere(t *testing.T) {
	r := start(t)
	create(t, r, "ops")
	ana, ben := person("Ana"), person("Ben")
	post(t, r, ben, "ops", "before")

	page := newReader()
	join(t, r, ana, rooms.Lobby, rooms.JoinOptions{Inbox: true}, page)
	page.until(t, "unread ops count=1 mentions=0")

	post(t, r, ben, "ops", "hello @Ana")
	page.until(t, "unread ops count=2 mentions=1")
	last := post(t, r, ana, "ops", "my own is no news")
	if err := r.MarkRead(t.Context(), ana, "ops", last.Seq); err != nil {
		t.Fatal(err)
	}
	page.until(t, "unread ops count=0 mentions=0")

	counts, err := r.Unread(t.Context(), ben, []string{"ops", "absent"})
	if err != nil || len(counts) != 1 || counts[0].Count != 1 {
		t.Errorf("Ben has not read %+v, %v; want Ana's one message", counts, err)
	}
}

func TestAnInboxTellsOfRooms(t *testing.T) {
	r := start(t)
	reader := person("Ana")
	reader.Base = rooms.Read
	page, plainMember := newReader(), newReader()
	join(t, r, reader, rooms.Lobby, rooms.JoinOptions{Inbox: true}, page)
	join(t, r, person("Ben"), rooms.Lobby, rooms.JoinOptions{}, plainMember)
	page.until(t, "presence 2")

	create(t, r, "ops")
	page.until(t, "rooms created=1 changed=0")
	private, topic := rooms.Private, "up and down"
	for _, patch := range []rooms.RoomPatch{{Topic: &topic}, {Visibility: &private}} {
		if _, err := r.Propose(t.Context(), person("Ben"), rooms.Entry{Kind: rooms.EntryUpdateRoom, Room: "ops", Patch: patch}); err != nil {
			t.Fatal(err)
		}
	}
	got := strings.Join(page.until(t, "rooms created=0 changed=0 removed=[ops]"), "\n")
	if strings.Count(got, "changed=1") != 1 {
		t.Errorf("one change was to be seen, and the private room not any more:\n%s", got)
	}
	post(t, r, person("Ben"), rooms.Lobby, "done")
	if got := strings.Join(plainMember.until(t, "chat"), "\n"); strings.Contains(got, "rooms ") {
		t.Errorf("a member that did not ask was told of rooms:\n%s", got)
	}
}

// The marks of somebody who scrolls are gathered; the newest one wins.
func TestReadMarksAreGathered(t *testing.T) {
	r := start(t)
	ana, ben := person("Ana"), person("Ben")
	for range 50 {
		post(t, r, ben, rooms.Lobby, "x")
	}
	before := r.Counts().Entries
	for seq := range uint64(50) {
		if err := r.MarkRead(t.Context(), ana, rooms.Lobby, seq+1); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool {
		counts, err := r.Unread(t.Context(), ana, []string{rooms.Lobby})
		return err == nil && counts[0].Read == 50
	}, func() string { return "the newest mark was not kept" })
	if n := r.Counts().Entries - before; n > 4 {
		t.Errorf("50 marks became %d entries", n)
	}
}
