package roomstest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"chatd/rooms"
)

func (s *fixture) hook(room, url string, on rooms.WebhookEvents) rooms.Webhook {
	s.Helper()
	o := s.must(by(mod, rooms.Entry{
		Kind: rooms.EntryCreateWebhook, Room: room,
		// It begins as one that is on, here, whatever else is said.
		Webhook: &rooms.Webhook{Name: "a name", URL: url, On: on, Secret: "whsec_" + url, ID: 99, Off: rooms.OffByHand, State: rooms.WebhookState{Rev: 99}},
	}))
	if o.Change != nil || o.Receipt.Rev != 0 || o.Receipt.Webhook == nil {
		s.Fatalf("a webhook came to %+v", o)
	}
	return *o.Receipt.Webhook
}

func testWebhooks(t *testing.T, s *fixture) {
	s.post("before")
	head := s.head(rooms.Lobby)
	first := s.hook("", "https://one.example/", rooms.OnMessage|rooms.OnLeft)
	if first.By != mod || first.At.IsZero() || first.State != (rooms.WebhookState{Rev: head}) || first.Off != "" || s.head(rooms.Lobby) != head {
		t.Errorf("the webhook is %+v, and the head moved from %d to %d", first, head, s.head(rooms.Lobby))
	}
	second := s.hook("", "https://two.example/", rooms.OnEdit)
	if second.ID <= first.ID {
		t.Errorf("after %d came %d", first.ID, second.ID)
	}

	// A repeat gets the first one, secret and all, as it is now.
	create := by(mod, rooms.Entry{Kind: rooms.EntryCreateWebhook, ID: "make", Webhook: &rooms.Webhook{URL: "https://three.example/", On: rooms.OnMessage, Secret: "one"}})
	third := s.must(create).Receipt.Webhook
	create.Webhook = &rooms.Webhook{URL: "https://three.example/", On: rooms.OnMessage, Secret: "another"}
	if got := s.must(create).Receipt; !got.Duplicate || got.Webhook.ID != third.ID || got.Webhook.Secret != "one" {
		t.Errorf("made twice: %+v", got)
	}
	create.Webhook = &rooms.Webhook{URL: "https://four.example/", On: rooms.OnMessage}
	s.refused(rooms.CodeIDReused, create)

	// Notes go forward only, and not beyond the head.
	note := func(state rooms.WebhookState) rooms.Webhook {
		t.Helper()
		return *s.must(rooms.Entry{Kind: rooms.EntryNoteWebhook, Webhook: &rooms.Webhook{ID: first.ID, State: state}}).Receipt.Webhook
	}
	s.post("after")
	failing := rooms.WebhookState{
		Rev: head + 1, CalledAt: s.now, Status: 503, Failure: "answered 503", Failures: 3,
		FailingSince: s.now.Add(-time.Minute), Next: s.now.Add(time.Minute),
	}
	if got := note(failing).State; got != failing {
		t.Errorf("noted %+v as %+v", failing, got)
	}
	failing.Rev = head + 100
	if got := note(failing).State.Rev; got != head+1 {
		t.Errorf("noted %d beyond the head", got)
	}
	failing.Rev = head
	if got := note(failing).State.Rev; got != head+1 {
		t.Errorf("noted back to %d", got)
	}
	failing.Rev = head + 1

	// Patches change what they name; another URL, and being on again, is a new start.
	off, on, name, url := rooms.OffByHand, rooms.WebhookOff(""), "another name", "https://five.example/"
	patch := func(p rooms.WebhookPatch) rooms.Webhook {
		t.Helper()
		return *s.must(by(mod, rooms.Entry{Kind: rooms.EntryUpdateWebhook, Webhook: &rooms.Webhook{ID: first.ID}, WebhookPatch: &p})).Receipt.Webhook
	}
	if got := patch(rooms.WebhookPatch{Name: &name, Off: &off}); got.Name != name || got.Off != off || got.State != failing || got.URL != first.URL || got.Secret != first.Secret {
		t.Errorf("patched: %+v", got)
	}
	if got := patch(rooms.WebhookPatch{Off: &on}).State; got != (rooms.WebhookState{Rev: head + 1, CalledAt: failing.CalledAt, Status: 503}) {
		t.Errorf("on again: %+v", got)
	}
	note(failing)
	all := rooms.OnMessage | rooms.OnEdit | rooms.OnDelete
	patched := patch(rooms.WebhookPatch{URL: &url, On: &all})
	if patched.URL != url || patched.On != all || patched.State.Failures != 0 {
		t.Errorf("another URL: %+v", patched)
	}
	s.refused(rooms.CodeNoWebhook, by(mod, rooms.Entry{Kind: rooms.EntryUpdateWebhook, Webhook: &rooms.Webhook{ID: third.ID + 1}, WebhookPatch: &rooms.WebhookPatch{}}))
	s.refused(rooms.CodeNoWebhook, rooms.Entry{Kind: rooms.EntryNoteWebhook, Webhook: &rooms.Webhook{ID: third.ID + 1}})
	s.create("ops", rooms.Settings{Name: "Ops"})
	s.refused(rooms.CodeNoWebhook, by(mod, rooms.Entry{Kind: rooms.EntryDeleteWebhook, Room: "ops", Webhook: &rooms.Webhook{ID: first.ID}}))

	check := func() {
		t.Helper()
		if got, want := s.Webhooks(rooms.Lobby), []rooms.Webhook{patched, second, *third}; !reflect.DeepEqual(got, want) {
			t.Errorf("there are\n%+v, want\n%+v", got, want)
		}
	}
	check()
	s.reopen()
	check()

	// Deleted is gone, and its number with it.
	gone := by(mod, rooms.Entry{Kind: rooms.EntryDeleteWebhook, ID: "delete", Webhook: &rooms.Webhook{ID: third.ID}})
	s.must(gone)
	if !s.must(gone).Receipt.Duplicate {
		t.Error("deleting again is no repeat")
	}
	create.Webhook = &rooms.Webhook{URL: "https://three.example/", On: rooms.OnMessage}
	s.refused(rooms.CodeNoWebhook, create)
	if next := s.hook("", "https://six.example/", all); next.ID <= third.ID {
		t.Errorf("%d was given after %d", next.ID, third.ID)
	}

	// So many and no more; and they go with their room.
	for i := range rooms.MaxWebhooks {
		s.hook("ops", fmt.Sprint("https://example.com/", i), all)
	}
	s.refused(rooms.CodeInvalid, by(mod, rooms.Entry{Kind: rooms.EntryCreateWebhook, Room: "ops", Webhook: &rooms.Webhook{URL: "x", On: all}}))
	s.must(by(chief, rooms.Entry{Kind: rooms.EntryDeleteRoom, Room: "ops"}))
	s.create("ops", rooms.Settings{Name: "Ops"})
	if list := s.Webhooks("ops"); len(list) != 0 {
		t.Errorf("another room of that name has %+v", list)
	}
	log, err := s.Audit(t.Context(), rooms.AuditQuery{Room: rooms.Lobby, Limit: 100})
	if err != nil || len(log) != 8 || log[1].Action != rooms.ActionDeleteWebhook || log[7].Detail != "https://one.example/ (message member.left)" {
		t.Errorf("the log is %+v, %v", log, err)
	}
}

// testNotices holds that each change is told once, under its own rev, in the
// order of revs, and with what the message says now.
func testNotices(t *testing.T, s *fixture) {
	all := rooms.OnMessage | rooms.OnEdit | rooms.OnDelete
	told := func(after uint64, on rooms.WebhookEvents, limit int) (list []string) {
		t.Helper()
		for {
			page, upTo, err := s.Notices(t.Context(), rooms.NoticeQuery{Room: rooms.Lobby, After: after, On: on, Limit: limit})
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range page {
				if n.Rev <= after || n.Rev > upTo || n.Room != rooms.Lobby || n.Epoch == "" || n.Message == nil || n.At.IsZero() != (n.Event == rooms.OnDelete) {
					t.Fatalf("after %d, up to %d, came %+v", after, upTo, n)
				}
				after = n.Rev
				list = append(list, fmt.Sprintf("%s %d:%d %s", n.Event, n.Rev, n.Message.Seq, n.Message.Text))
			}
			if len(page) < limit {
				if upTo != s.head(rooms.Lobby) {
					t.Fatalf("a last page up to %d, and the head is %d", upTo, s.head(rooms.Lobby))
				}
				return list
			}
			after = upTo
		}
	}
	same := func(got []string, want ...string) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("told is %q, want %q", got, want)
		}
	}
	topic := "another"
	for _, text := range []string{"one", "two", "three"} {
		s.post(text)
	}
	s.must(rooms.Entry{Kind: rooms.EntryEdit, Seq: 1, Text: "uno"})                                    // 4
	s.must(rooms.Entry{Kind: rooms.EntryReact, Seq: 2, Emoji: "x", On: true})                          // 5
	s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: 3})                                               // 6
	s.must(rooms.Entry{Kind: rooms.EntryEdit, Seq: 1, Text: "eins"})                                   // 7
	s.must(rooms.Entry{Kind: rooms.EntryReact, Seq: 1, Emoji: "x", On: true})                          // 8
	s.must(by(chief, rooms.Entry{Kind: rooms.EntryUpdateRoom, Patch: rooms.RoomPatch{Topic: &topic}})) // 9
	for limit := 1; limit < 6; limit++ {
		same(told(0, all, limit), "message 1:1 eins", "message 2:2 two", "delete 6:3 ", "edit 7:1 eins")
	}
	same(told(1, all, 2), "message 2:2 two", "delete 6:3 ", "edit 7:1 eins")
	same(told(6, all, 2), "edit 7:1 eins")
	same(told(7, all, 2))
	same(told(0, rooms.OnEdit, 2), "edit 7:1 eins")
	same(told(0, rooms.OnDelete|rooms.OnJoined, 2), "delete 6:3 ")
	same(told(0, rooms.OnMessage, 1), "message 1:1 eins", "message 2:2 two")
	same(told(0, rooms.OnJoined, 1))
	page, _, err := s.Notices(t.Context(), rooms.NoticeQuery{Room: rooms.Lobby, On: all, Limit: 10})
	if err != nil || len(page[0].Message.Reactions) != 1 || len(page[3].Message.Reactions) != 1 || len(page[1].Message.Reactions) != 1 {
		t.Errorf("reactions are missing: %+v, %v", page, err)
	}
	s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: 1})
	same(told(0, all, 3), "message 2:2 two", "delete 6:3 ", "delete 10:1 ")
	s.reopen()
	same(told(0, all, 3), "message 2:2 two", "delete 6:3 ", "delete 10:1 ")
	if _, _, err := s.Notices(t.Context(), rooms.NoticeQuery{Room: "nowhere", On: all, Limit: 10}); code(err) != rooms.CodeRoomNotFound {
		t.Errorf("of no room: %v", err)
	}
}
