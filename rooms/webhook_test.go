package rooms_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatd/rooms"
)

// What is not accepted is told again, under the same id, ever more seldom; and
// nothing before it is.
func TestWebhookTellsUntilAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		refusals := 0
		e.answer = func(c heardCall) rooms.WebhookAnswer {
			if strings.Contains(string(c.Payload), "two") && refusals < 6 {
				refusals++
				return rooms.WebhookAnswer{Status: 503, Failure: "answered 503"}
			}
			return accepted
		}
		r, stop := startHooked(t, t.TempDir(), e)
		defer stop()
		post(t, r, person("Ana"), rooms.Lobby, "before")
		id := hook(t, r, rooms.Lobby, 0)
		post(t, r, person("Ana"), rooms.Lobby, "one")   // 2
		post(t, r, person("Ana"), rooms.Lobby, "two")   // 3
		post(t, r, person("Ana"), rooms.Lobby, "three") // 4
		time.Sleep(2 * time.Second)
		propose(t, r, rooms.Entry{Kind: rooms.EntryEdit, Seq: 4, Text: "trois"}) // 5
		propose(t, r, rooms.Entry{Kind: rooms.EntryReact, Seq: 4, Emoji: "x", On: true})
		post(t, r, person("Ana"), rooms.Lobby, "four")              // 7
		propose(t, r, rooms.Entry{Kind: rooms.EntryDelete, Seq: 7}) // 8
		w := view(t, r, id)
		if w.State.Rev != 2 || w.Pending != 4 || w.State.Status != 503 || w.State.Failure != "answered 503" || w.State.Failures < 2 ||
			!w.State.Next.After(time.Now()) || w.State.FailingSince.IsZero() || w.Secret != "" {
			t.Errorf("while it fails, it is %+v", w)
		}
		if lag := r.Counts().WebhookLag; lag < time.Second {
			t.Errorf("while it fails, the lag is %v", lag)
		}
		time.Sleep(2 * time.Minute)
		e.check(t, "in the end", "message rev=2 one", "message rev=3 two", "message rev=4 trois", "edit rev=5 trois", "delete rev=8 ")

		var before time.Time
		wait, ids := time.Second, make(map[string]bool)
		for _, c := range e.heard() {
			if !strings.Contains(string(c.Payload), "two") {
				continue
			}
			ids[c.ID] = true
			if gap := c.at.Sub(before); !before.IsZero() {
				if gap < wait*8/10 || gap > wait*12/10+time.Second {
					t.Errorf("told again after %v, not about %v", gap, wait)
				}
				wait *= 2
			}
			before = c.at
		}
		if len(ids) != 1 || wait != 64*time.Second {
			t.Errorf("it was told under the ids %v, and the last wait would be %v", ids, wait)
		}
		if w := view(t, r, id); w.State.Rev != 8 || w.Pending != 0 || w.State.Failures != 0 || w.State.Failure != "" || w.State.Status != 200 || !w.State.FailingSince.IsZero() {
			t.Errorf("in the end, it is %+v", w)
		}
		if c := r.Counts(); c.WebhookCalls != 5 || c.WebhookFailures != 6 || c.WebhookLag != 0 {
			t.Errorf("counted: %d accepted, %d not, a lag of %v", c.WebhookCalls, c.WebhookFailures, c.WebhookLag)
		}
	})
}

// A receiver may ask for more time, and gets it.
func TestWebhookRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		e.set(rooms.WebhookAnswer{Status: 429, Failure: "answered 429", RetryAfter: time.Hour})
		r, stop := startHooked(t, t.TempDir(), e)
		defer stop()
		hook(t, r, rooms.Lobby, 0)
		post(t, r, person("Ana"), rooms.Lobby, "one")
		time.Sleep(59 * time.Minute)
		if n := len(e.heard()); n != 1 {
			t.Errorf("called %d times in an hour", n)
		}
		time.Sleep(2 * time.Minute)
		if n := len(e.heard()); n != 2 {
			t.Errorf("called %d times in more than an hour", n)
		}
	})
}

// A webhook is turned off when its receiver says so, or after five days; turned
// on again it goes on where it was.
func TestWebhookTurnsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		e.set(rooms.WebhookAnswer{Status: 410, Failure: "answered 410", Gone: true})
		r, stop := startHooked(t, t.TempDir(), e)
		defer stop()
		id := hook(t, r, rooms.Lobby, 0)
		post(t, r, person("Ana"), rooms.Lobby, "one")
		time.Sleep(2 * time.Second)
		if w := view(t, r, id); w.Off != rooms.OffGone || w.State.Status != 410 || len(e.heard()) != 1 {
			t.Errorf("gone, it is %+v", w)
		}
		post(t, r, person("Ana"), rooms.Lobby, "two")
		time.Sleep(time.Hour)
		if n := len(e.heard()); n != 1 {
			t.Errorf("gone, it was called %d times", n)
		}
		if lag := r.Counts().WebhookLag; lag != 0 {
			t.Errorf("what is off lags by %v", lag)
		}

		e.set(rooms.WebhookAnswer{Failure: "nobody answers"})
		on := rooms.WebhookOff("")
		propose(t, r, rooms.Entry{Kind: rooms.EntryUpdateWebhook, Webhook: &rooms.Webhook{ID: id}, WebhookPatch: &rooms.WebhookPatch{Off: &on}})
		time.Sleep(3 * time.Second)
		w := view(t, r, id)
		if w.Off != "" || w.State.Failures == 0 || w.State.Rev != 0 {
			t.Errorf("on again, it is %+v", w)
		}
		// Noted while it waits, long before its next call notes its own.
		for ; time.Until(w.State.Next) < 2*time.Second; w = view(t, r, id) {
			time.Sleep(100 * time.Millisecond)
		}
		w.State.FailingSince = time.Now().Add(-5 * 24 * time.Hour)
		propose(t, r, rooms.Entry{Kind: rooms.EntryNoteWebhook, Webhook: &rooms.Webhook{ID: id, State: w.State}})
		time.Sleep(time.Minute)
		if w := view(t, r, id); w.Off != rooms.OffFailing {
			t.Errorf("after five days it is %+v", w)
		}
		e.set(accepted)
		propose(t, r, rooms.Entry{Kind: rooms.EntryUpdateWebhook, Webhook: &rooms.Webhook{ID: id}, WebhookPatch: &rooms.WebhookPatch{Off: &on}})
		time.Sleep(2 * time.Second)
		e.check(t, "at last", "message rev=1 one", "message rev=2 two")
		log, err := r.Audit(t.Context(), person("Ana"), rooms.AuditQuery{Room: rooms.Lobby, Limit: 10})
		if err != nil || len(log) != 5 || log[1].By.ID != "system:chatd" || !strings.HasSuffix(log[1].Detail, " failing") {
			t.Errorf("the log is %+v, %v", log, err)
		}
	})
}

// A receiver that does not answer holds up its own webhook alone.
func TestSlowWebhookHoldsUpNobody(t *testing.T) {
	release := make(chan struct{})
	e := &ear{answer: func(c heardCall) rooms.WebhookAnswer {
		if c.URL == "https://example.com/slow" {
			<-release
		}
		return accepted
	}}
	r, stop := startHooked(t, t.TempDir(), e)
	defer stop()
	defer close(release)
	create(t, r, "slow")
	hook(t, r, "slow", 0)
	hook(t, r, rooms.Lobby, 0)
	for i := range 10 {
		post(t, r, person("Ana"), "slow", fmt.Sprint("slow ", i))
		post(t, r, person("Ana"), rooms.Lobby, fmt.Sprint("quick ", i))
	}
	eventually(t, func() bool { return len(e.told()) == 10 }, func() string { return fmt.Sprintf("told is %q", e.told()) })
}

func TestWebhookOfMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		r, stop := startHooked(t, t.TempDir(), e)
		defer stop()
		join(t, r, person("Ana"), rooms.Lobby, rooms.JoinOptions{}, newReader())
		hook(t, r, rooms.Lobby, rooms.OnJoined|rooms.OnLeft)
		time.Sleep(3500 * time.Millisecond) // between two looks
		ben := join(t, r, person("Ben"), rooms.Lobby, rooms.JoinOptions{}, newReader())
		cleo := join(t, r, person("Cleo"), rooms.Lobby, rooms.JoinOptions{}, newReader())
		time.Sleep(3500 * time.Millisecond) // between two looks
		e.check(t, "two came at once", "member.joined 2 online=3")
		e.set(rooms.WebhookAnswer{Status: 500, Failure: "answered 500"})
		ben.Leave()
		time.Sleep(time.Second)
		cleo.Leave()
		time.Sleep(time.Second)
		e.set(accepted)
		time.Sleep(time.Minute)
		e.check(t, "while it failed two left", "member.joined 2 online=3", "member.left 2 online=1")
	})
}

// A room that is deleted takes its webhooks with it, and one of that name has none.
func TestWebhookOfADeletedRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		e.set(rooms.WebhookAnswer{Failure: "nobody answers"})
		r, stop := startHooked(t, t.TempDir(), e)
		defer stop()
		create(t, r, "ops")
		hook(t, r, "ops", 0)
		post(t, r, person("Ana"), "ops", "one")
		time.Sleep(2 * time.Second)
		propose(t, r, rooms.Entry{Kind: rooms.EntryDeleteRoom, Room: "ops"})
		create(t, r, "ops")
		before := len(e.heard())
		post(t, r, person("Ana"), "ops", "two")
		time.Sleep(time.Hour)
		if after := len(e.heard()); before == 0 || after != before {
			t.Errorf("%d calls were made before, %d after", before, after-before)
		}
	})
}
