package handlers

import (
	"testing"

	"chatd/handlers/auth"
	"chatd/handlers/wire"
)

func TestSlackText(t *testing.T) {
	for body, text := range map[string]string{
		`{"text":"up"}`: "up",
		`{"text":"up","channel":"#ops","username":"bot","icon_emoji":":x:","blocks":[{"type":"section"}]}`:                                        "up",
		`{"text":"a &lt;b&gt; &amp;amp; <https://x.example/y|the log> <https://z.example>"}`:                                                      "a <b> &amp; the log https://x.example/y https://z.example",
		`{"text":"","attachments":[{"title":"[FIRING] Disk","title_link":"https://g.example","text":"full","fallback":"no"},{"fallback":"yes"}]}`: "[FIRING] Disk https://g.example\nfull\nyes",
	} {
		if got, ok := slackText([]byte(body)); !ok || got != text {
			t.Errorf("%s says %q, %t; want %q", body, got, ok, text)
		}
	}
	for _, body := range []string{`{}`, `{"message":"x"}`, `{"message":"x","text":"y"}`, `{"text":7}`, `{"text":`, `[]`, `{"attachments":[]}`} {
		if got, ok := slackText([]byte(body)); ok {
			t.Errorf("%s is taken for Slack's: %q", body, got)
		}
	}
}

// Programs that post to Slack post into a room as they are.
func TestSlackBroadcast(t *testing.T) {
	s := startREST(t, auth.Config{})
	s.do(t, ask{method: "POST", path: "/rooms/lobby/broadcast", body: `{"text":"disk full","username":"alerts"}`, status: 200, says: []string{"ok"}})
	s.do(t, ask{method: "POST", path: "/rooms/lobby/broadcast", body: `{"text":" "}`, status: 422, code: "invalid"})
	s.do(t, ask{method: "POST", path: "/rooms/lobby/broadcast", body: `{"message":"x","text":"y"}`, status: 400, code: wire.CodeMalformed})
	s.do(t, ask{method: "POST", path: "/rooms/lobby/messages", body: `{"text":"y"}`, status: 400, code: wire.CodeMalformed})
	list := want[wire.MessageList](t, s, ask{method: "GET", path: "/rooms/lobby/messages", status: 200})
	if len(list.Messages) != 1 || list.Messages[0].Message != "disk full" || list.Messages[0].Kind != "announcement" {
		t.Errorf("the room has %+v", list.Messages)
	}
}
