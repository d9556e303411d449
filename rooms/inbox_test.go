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

// Of two credentials of one subject, each is told of the rooms that it reaches,
// whichever came last.
func TestAnInboxTellsWhatItsCredentialReaches(t *testing.T) {
	r := start(t)
	create(t, r, "vault")
	create(t, r, "zoo")
	ana := person("Ana")
	ana.Base = rooms.Read
	wide := ana
	wide.Grants = []rooms.Grant{{Pattern: "vault", Allow: rooms.Read}, {Pattern: "x*", Allow: rooms.Read}}
	same := ana
	same.Grants = []rooms.Grant{wide.Grants[1], wide.Grants[0]}
	manager := person("Mia")
	manager.Grants = []rooms.Grant{{Pattern: "*", Allow: rooms.All}}
	private := rooms.Private
	if _, err := r.Propose(t.Context(), manager, rooms.Entry{Kind: rooms.EntryUpdateRoom, Room: "vault", Patch: rooms.RoomPatch{Visibility: &private}}); err != nil {
		t.Fatal(err)
	}

	first, narrow, last := newReader(), newReader(), newReader()
	join(t, r, wide, rooms.Lobby, rooms.JoinOptions{Inbox: true}, first)
	first.until(t, "welcome")
	limited := join(t, r, ana, rooms.Lobby, rooms.JoinOptions{Inbox: true}, narrow)
	narrow.until(t, "welcome")
	told := func(text string, by ...*reader) {
		t.Helper()
		post(t, r, manager, "vault", text)
		post(t, r, manager, "zoo", text)
		for _, sink := range by {
			sink.until(t, "unread vault count="+text)
		}
		narrow.until(t, "unread zoo count="+text)
		if got := strings.Join(narrow.read(), "\n"); strings.Contains(got, "vault") {
			t.Fatalf("what the credential does not reach is told:\n%s", got)
		}
	}
	told("1", first)
	join(t, r, same, rooms.Lobby, rooms.JoinOptions{Inbox: true}, last)
	last.until(t, "unread vault count=1")
	told("2", first, last)

	// A fresh credential counts at once.
	if _, err := limited.Renew(wide); err != nil {
		t.Fatal(err)
	}
	post(t, r, manager, "vault", "3")
	narrow.until(t, "unread vault count=3")
}

// Whatever ends a name, it can be mentioned.
func TestAMentionOfANameThatEndsInAPoint(t *testing.T) {
	for name, text := range map[string]string{
		"Ana M.": "ask @Ana_M.", "Dr. No": "@dr._no!", "J.-": "@J", "Ben": "is that @Ben...",
	} {
		if got := rooms.Mentions(text); len(got) != 1 || got[0] != rooms.FoldName(name) {
			t.Errorf("%q mentions %q, and %q is %q", text, got, name, rooms.FoldName(name))
		}
	}
}
