package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"chatd/handlers/auth"
	"chatd/handlers/wire"
	"chatd/rooms"
)

// What programs really send: taken from what they write, shortened where long.
var slackBodies = map[string]struct{ body, says string }{
	"plain":    {`{"text":"up"}`, "up"},
	"a number": {`{"text":97.5}`, "97.5"},
	"blocks beside a text": {
		`{"text":"up","channel":"#ops","username":"bot","icon_emoji":":x:","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"*up*"}}]}`, "up",
	},
	"escapes": {
		`{"text":"a &lt;b&gt; &amp;amp; <https://x.example/y|the log> <https://z.example> <!here> <!channel|channel> <@U024BE7LH|ana> <#C024BE7LR|ops>"}`,
		"a <b> &amp; the log https://x.example/y https://z.example @here @channel @ana #ops",
	},
	"Grafana": {
		`{"channel":"#alerts","username":"Grafana","icon_emoji":"","icon_url":"","attachments":[{"title":"[FIRING:1] Disk full (node-1)","title_link":"https://grafana.example/alerting/list","text":"**Firing**\n\nValue: A=97\nLabels:\n - alertname = Disk full\n","fallback":"[FIRING:1] Disk full","fields":null,"footer":"Grafana v11.1.0","footer_icon":"https://grafana.example/fav32.png","color":"#D63232","ts":1767171600,"mrkdwn_in":["pretext"]}],"blocks":[{"type":"section","text":{"type":"mrkdwn","text":"<!here>"}}]}`,
		"@here\n[FIRING:1] Disk full (node-1) https://grafana.example/alerting/list\n**Firing**\n\nValue: A=97\nLabels:\n - alertname = Disk full",
	},
	"Alertmanager": {
		`{"channel":"#alerts","username":"Alertmanager","attachments":[{"title":"[FIRING:1] InstanceDown (web-1 critical)","title_link":"https://am.example/#/alerts?receiver=chat","pretext":"","text":"","fallback":"[FIRING:1] InstanceDown | https://am.example","callback_id":"","footer":"","color":"danger","fields":[{"title":"Severity","value":"critical","short":true},{"title":"Since","value":5}],"actions":[{"type":"button","text":"Runbook","url":"https://wiki.example"}],"mrkdwn_in":["fallback","pretext","text"]}]}`,
		"[FIRING:1] InstanceDown (web-1 critical) https://am.example/#/alerts?receiver=chat\nSeverity: critical\nSince: 5",
	},
	"action-slack-notify": {
		`{"text":"","username":"Deploys","icon_url":"https://github.com/octocat.png","channel":"ops","unfurl_links":false,"attachments":[{"fallback":"message","color":"good","author_name":"octocat","author_link":"https://github.com/octocat","fields":[{"title":"Ref","value":"refs/heads/main","short":true},{"title":"Commit","value":"<https://github.com/o/r/commit/1a2b|1a2b>","short":true}],"footer":"<https://example.com|Powered by>"}]}`,
		"octocat\nRef: refs/heads/main\nCommit: 1a2b https://github.com/o/r/commit/1a2b",
	},
	"slack-github-action": {
		`{"blocks":[{"type":"header","text":{"type":"plain_text","text":"Build failed","emoji":true}},{"type":"section","text":{"type":"mrkdwn","text":"on <https://ci.example/7|main>"},"fields":[{"type":"mrkdwn","text":"*By:* ana"},{"type":"mrkdwn","text":"*Took:* 3m"}]},{"type":"divider"},{"type":"context","elements":[{"type":"image","image_url":"https://x.example/a.png","alt_text":"logo"},{"type":"mrkdwn","text":"run 7"}]},{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Open"},"url":"https://ci.example/7"}]}]}`,
		"Build failed\non main https://ci.example/7\n*By:* ana\n*Took:* 3m\nlogo run 7\nOpen\nhttps://ci.example/7",
	},
	"rich text": {
		`{"blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"see "},{"type":"link","url":"https://x.example","text":"this"},{"type":"text","text":" "},{"type":"emoji","name":"tada"}]},{"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"one"}]},{"type":"rich_text_section","elements":[{"type":"text","text":"two"}]}]}]}]}`,
		"see this https://x.example :tada:\none\ntwo",
	},
	"blocks in an attachment": {
		`{"attachments":[{"color":"#f00","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"inside"}}],"fallback":"no"},{"fallback":"yes"}]}`, "inside\nyes",
	},
	"odd shapes": {`{"text":"x","attachments":[{"fields":[{"title":"n","value":null},{"value":true}]}],"blocks":null}`, "x\nn\ntrue"},
}

func TestSlackSays(t *testing.T) {
	for name, c := range slackBodies {
		if got, ok := slackSays([]byte(c.body)); !ok || got != c.says {
			t.Errorf("%s says %q, %t; want %q", name, got, ok, c.says)
		}
	}
	for _, body := range []string{`{}`, `{"message":"x"}`, `{"message":"x","text":"y"}`, `{"text":null}`, `{"text":`, `[]`, `{"attachments":[]}`, `{"blocks":[]}`} {
		if got, ok := slackSays([]byte(body)); ok {
			t.Errorf("%s is taken for Slack's: %q", body, got)
		}
	}
	long, ok := slackSays([]byte(`{"text":"` + strings.Repeat("é", 2*rooms.DefaultMaxMessage) + `"}`))
	if !ok || utf8.RuneCountInString(long) != rooms.DefaultMaxMessage || !strings.HasSuffix(long, "é…") {
		t.Errorf("of a long text %d characters are kept", utf8.RuneCountInString(long))
	}
}

func FuzzSlackSays(f *testing.F) {
	for _, c := range slackBodies {
		f.Add([]byte(c.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		text, ok := slackSays(body)
		if ok && !utf8.ValidString(text) || !ok && text != "" || utf8.RuneCountInString(text) > rooms.DefaultMaxMessage {
			t.Errorf("%q says %q, %t", body, text, ok)
		}
	})
}

// Programs that post to Slack post into a room as they are: as JSON, in a form,
// and with the credential in the address, where they know no headers.
func TestSlackBroadcast(t *testing.T) {
	s := startREST(t, auth.Config{})
	post := func(a ask) {
		t.Helper()
		a.method, a.path = "POST", "/rooms/lobby/broadcast"
		s.do(t, a)
	}
	form := []string{"Content-Type: application/x-www-form-urlencoded"}
	post(ask{body: `{"text":"disk full","username":"alerts"}`, status: 200, says: []string{"ok"}})
	post(ask{body: "payload=" + url.QueryEscape(`{"text":"a form + more"}`), headers: form, status: 200, says: []string{"ok"}})
	post(ask{body: "payload=" + url.QueryEscape(slackBodies["Alertmanager"].body) + "&x=y", headers: form, status: 200})
	post(ask{body: "payload=7 tons", headers: form, status: 201})
	post(ask{body: `{"text":" "}`, status: 422, code: "invalid"})
	post(ask{body: `{"message":"x","text":"y"}`, status: 400, code: wire.CodeMalformed})
	s.do(t, ask{method: "POST", path: "/rooms/lobby/messages", body: `{"text":"y"}`, status: 400, code: wire.CodeMalformed})
	list := want[wire.MessageList](t, s, ask{method: "GET", path: "/rooms/lobby/messages", status: 200})
	for i, text := range []string{"disk full", "a form + more", slackBodies["Alertmanager"].says, "payload=7 tons"} {
		if len(list.Messages) != 4 || list.Messages[i].Message != text || list.Messages[i].Kind != "announcement" {
			t.Fatalf("the room has %+v", list.Messages)
		}
	}
}

func TestSlackCredential(t *testing.T) {
	s := startModerated(t)
	for password, status := range map[string]int{s.moderator: 200, accessAdmin: 200, s.member: 403, "wrong": 401, "": 401} {
		address := strings.Replace(s.URL, "http://", "http://slack:"+password+"@", 1) + "/rooms/lobby/broadcast"
		req, err := http.NewRequestWithContext(t.Context(), "POST", address, strings.NewReader(`{"text":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("with the password %.10q: %s, want %d", password, resp.Status, status)
		}
	}
}
