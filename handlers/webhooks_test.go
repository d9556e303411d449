package handlers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"chatd/handlers/auth"
	"chatd/handlers/wire"
)

// hearer is a receiver of webhooks. It verifies what it is told.
type hearer struct {
	*httptest.Server

	mu      sync.Mutex
	secrets map[string]string // by path
	heard   map[string][]heardNotice
	more    chan struct{} // closed when something is heard
}

type heardNotice struct {
	ID   string
	Type string
	Data json.RawMessage
	Time time.Time
	Body string
}

func startHearer(t *testing.T) *hearer {
	t.Helper()
	h := &hearer{secrets: make(map[string]string), heard: make(map[string][]heardNotice), more: make(chan struct{})}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		h.mu.Lock()
		secret := h.secrets[r.URL.Path]
		h.mu.Unlock()
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err == nil && secret != "" {
			err = verifier.Verify(body, r.Header)
		}
		if err != nil {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		var n struct {
			Type      string
			Timestamp time.Time
			Data      json.RawMessage
		}
		if err := json.Unmarshal(body, &n); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		h.mu.Lock()
		h.heard[r.URL.Path] = append(h.heard[r.URL.Path], heardNotice{r.Header.Get("webhook-id"), n.Type, n.Data, n.Timestamp, string(body)})
		close(h.more)
		h.more = make(chan struct{})
		h.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(h.Close)
	return h
}

// wait waits for n notices at a path.
func (h *hearer) wait(t *testing.T, path string, n int) []heardNotice {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		h.mu.Lock()
		got, more := append([]heardNotice(nil), h.heard[path]...), h.more
		h.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("%s was told %+v, not %d things", path, got, n)
		}
	}
}

// subscribe makes a webhook to a path of h.
func (s moderated) subscribe(t *testing.T, h *hearer, room, path, events string) wire.Webhook {
	t.Helper()
	var made wire.Webhook
	body := s.moderate(t, "POST", "/rooms/"+room+"/webhooks", fmt.Sprintf(`{"url":%q,"events":[%s],"name":"the archive"}`, h.URL+path, events), 201)
	if err := json.Unmarshal(body, &made); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.secrets[path] = made.Secret
	h.mu.Unlock()
	return made
}

func TestWebhookTellsAReceiver(t *testing.T) {
	s, h := startModerated(t), startHearer(t)
	made := s.subscribe(t, h, "lobby", "/all", "")
	if !strings.HasPrefix(made.Secret, "whsec_") || strings.Join(made.Events, " ") != "message edit delete" || !made.Enabled ||
		made.By.ID != "moderator" || made.Name != "the archive" || !strings.HasSuffix(made.Cursor, ":0") {
		t.Errorf("made is %+v", made)
	}
	address := fmt.Sprint("/rooms/lobby/webhooks/", made.ID)

	s.moderate(t, "POST", "/rooms/lobby/messages", "Hello, <b>", 201, s.member)
	s.moderate(t, "POST", "/rooms/lobby/broadcast", "Deploy", 201)
	h.wait(t, "/all", 2)
	s.moderate(t, "PATCH", "/rooms/lobby/messages/1", `{"message":"Hello"}`, 200, s.member)
	h.wait(t, "/all", 3)
	s.moderate(t, "DELETE", "/rooms/lobby/messages/2", "", 200)
	got := h.wait(t, "/all", 4)
	for i, want := range []struct{ kind, text string }{{"message", "Hello, <b>"}, {"message", "Deploy"}, {"edit", "Hello"}, {"delete", ""}} {
		var data struct {
			wire.Message
			Room, Epoch string
		}
		if err := json.Unmarshal(got[i].Data, &data); err != nil {
			t.Fatal(err)
		}
		wantID := fmt.Sprintf("msg_%s_%d_%d", data.Epoch, i+1, made.ID)
		if got[i].Type != want.kind || data.Message.Message != want.text || data.Room != "lobby" || got[i].ID != wantID || data.Rev != uint64(i+1) ||
			got[i].Time.IsZero() || data.From.ID == "" {
			t.Errorf("notice %d is %s %s", i, got[i].ID, got[i].Body)
		}
	}
	if !strings.Contains(got[0].Body, "<b>") || !strings.Contains(got[1].Body, `"kind":"announcement"`) || !strings.Contains(got[3].Body, `"deleted":true`) {
		t.Errorf("the bodies are %s, %s, %s", got[0].Body, got[1].Body, got[3].Body)
	}

	// It is seen with how far it has come, and never again with its secret.
	var seen wire.Webhook
	for seen.Pending = 1; seen.Pending > 0; { // the last answer may be on its way
		body := s.moderate(t, "GET", address, "", 200)
		seen = wire.Webhook{}
		if err := json.Unmarshal(body, &seen); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			break
		}
	}
	if seen.Secret != "" || seen.Status != 204 || seen.CalledAt == nil || !strings.HasSuffix(seen.Cursor, ":4") || seen.Failure != "" || seen.NextTry != nil {
		t.Errorf("it is seen as %+v", seen)
	}
	var list wire.WebhookList
	if err := json.Unmarshal(s.moderate(t, "GET", "/rooms/lobby/webhooks", "", 200), &list); err != nil || len(list.Webhooks) != 1 || list.Webhooks[0].Cursor != seen.Cursor || list.Webhooks[0].Secret != "" {
		t.Errorf("the list is %+v, %v", list, err)
	}
	metrics := string(s.moderate(t, "GET", "/metrics", "", 200, accessAdmin))
	if !strings.Contains(metrics, "\nchatd_webhook_calls_total 4\n") || !strings.Contains(metrics, "\nchatd_webhook_calls_failed_total 0\n") || !strings.Contains(metrics, "\nchatd_webhook_lag_seconds ") {
		t.Error("the metrics do not tell of 4 calls")
	}

	// A test is told at once, whatever else is.
	if body := s.moderate(t, "POST", address+"/test", "", 200); !strings.HasPrefix(string(body), `{"accepted":true,"status":204,"took_ms":`) {
		t.Errorf("the test came to %s", body)
	}
	if got := h.wait(t, "/all", 5)[4]; got.Type != "test" || string(got.Data) != `{"room":"lobby"}` {
		t.Errorf("the test is %s", got.Body)
	}

	// Paused it is told nothing; enabled again, all since.
	s.moderate(t, "PATCH", address, `{"enabled":false}`, 200)
	s.moderate(t, "POST", "/rooms/lobby/messages", "while paused", 201)
	if body := string(s.moderate(t, "PATCH", address, `{"name":"another"}`, 200)); !strings.Contains(body, `"disabled":"paused"`) || !strings.Contains(body, `"pending":1`) {
		t.Errorf("paused, it is %s", body)
	}
	s.moderate(t, "PATCH", address, `{"enabled":true}`, 200)
	if got := h.wait(t, "/all", 6)[5]; !strings.Contains(got.Body, "while paused") {
		t.Errorf("after the pause came %s", got.Body)
	}
	s.moderate(t, "DELETE", address, "", 204)
	s.moderate(t, "GET", address, "", 404)
	s.moderate(t, "DELETE", address, "", 404)

	var log wire.AuditList
	if err := json.Unmarshal(s.moderate(t, "GET", "/rooms/lobby/audit?limit=5", "", 200, accessAdmin), &log); err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, r := range log.Records {
		actions = append(actions, r.By.ID+" "+r.Action)
	}
	if all := strings.Join(actions, ", "); all != "moderator delete-webhook, moderator update-webhook, moderator update-webhook, moderator update-webhook, moderator create-webhook" {
		t.Errorf("the log is %s", all)
	}
}

// A private room's webhook is told of it, and members are told of in bodies of
// their own.
func TestWebhookOfAPrivateRoomAndItsMembers(t *testing.T) {
	s, h := startModerated(t), startHearer(t)
	s.moderate(t, "POST", "/rooms", `{"id":"secret","visibility":"private"}`, 201, accessAdmin)
	s.subscribe(t, h, "secret", "/secret", `"message","member.joined","member.left"`)
	s.moderate(t, "GET", "/rooms/secret/webhooks", "", 403, s.member)
	s.moderate(t, "POST", "/rooms/secret/messages", "psst", 201)
	if got := h.wait(t, "/secret", 1)[0]; !strings.Contains(got.Body, "psst") {
		t.Errorf("told is %s", got.Body)
	}
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol, wire.BearerPrefix + s.member}}
	ws, resp, err := d.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"/ws/secret", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	until(t, ws, wire.TypeWelcome)
	if got := h.wait(t, "/secret", 2)[1]; got.Type != "member.joined" || string(got.Data) != `{"room":"secret","members":[{"id":"member","name":"MEMBER"}],"online":1}` {
		t.Errorf("told is %s", got.Body)
	}
	_ = ws.Close()
	if got := h.wait(t, "/secret", 3)[2]; got.Type != "member.left" || string(got.Data) != `{"room":"secret","members":[{"id":"member","name":"MEMBER"}],"online":0}` {
		t.Errorf("told is %s", got.Body)
	}
}

func TestWebhookRefusals(t *testing.T) {
	s := startREST(t, auth.Config{})
	post := func(body string, status int, code string) []byte {
		t.Helper()
		_, answer := s.do(t, ask{method: "POST", path: "/rooms/lobby/webhooks", body: body, status: status, code: code})
		return answer
	}
	for body, says := range map[string]string{
		`{}`:                           `"field":"url","code":"required"`,
		`{"url":"http://10.0.0.1/"}`:   `"field":"url","code":"not_allowed"`,
		`{"url":"https://10.0.0.1/"}`:  `"field":"url","code":"not_allowed"`,
		`{"url":"ftp://example.com/"}`: `"field":"url","code":"invalid"`,
		`{"url":"https://a.example/","events":["messages"]}`:                                    `"field":"events[0]","code":"invalid"`,
		`{"url":"https://a.example/","events":[` + strings.Repeat(`"message",`, 5) + `"edit"]}`: "must have at most 5 entries",
		`{"url":"https://a.example/","name":"a\nb"}`:                                            `"field":"name","code":"invalid"`,
		`{"url":"https://a.example/","secret":"password"}`:                                      `"field":"secret","code":"invalid"`,
		`{"url":"https://a.example/","secret":"whsec_c2hvcnQ="}`:                                `"field":"secret","code":"invalid"`,
		`{"url":"https://a.example/` + strings.Repeat("x", 2000) + `"}`:                         `"field":"url","code":"too_long"`,
	} {
		if answer := string(post(body, 422, "invalid")); !strings.Contains(answer, says) {
			t.Errorf("%.80s is answered %s, without %s", body, answer, says)
		}
	}
	post(`{"url":"https://a.example/","nme":"x"}`, 400, "malformed")
	if answer := string(post(`{"url":"https://a.example/","events":"message"}`, 400, "malformed")); !strings.Contains(answer, "must be an array") {
		t.Errorf("a word for a list is answered %s", answer)
	}

	// A repeat gets the first answer, secret and all.
	make1 := ask{method: "POST", path: "/rooms/lobby/webhooks", body: `{"url":"https://a.example/"}`, status: 201, headers: []string{"Idempotency-Key: one"}}
	one := want[wire.Webhook](t, s, make1)
	make1.status = 200
	if two := want[wire.Webhook](t, s, make1); two.ID != one.ID || two.Secret != one.Secret || one.Secret == "" {
		t.Errorf("made %+v, and again %+v", one, two)
	}
	address := fmt.Sprint("/rooms/lobby/webhooks/", one.ID)
	s.do(t, ask{method: "PATCH", path: address, body: `{"url":"https://10.0.0.1/"}`, status: 422, code: "invalid"})
	s.do(t, ask{method: "PATCH", path: address, body: `{"url":""}`, status: 422, code: "invalid", says: []string{"must be a URL"}})
	s.do(t, ask{method: "PATCH", path: address, body: `{"events":[]}`, status: 422, code: "invalid"})
	s.do(t, ask{method: "PATCH", path: address, body: `{"secret":"x"}`, status: 400, code: "malformed"})
	for _, method := range []string{"GET", "DELETE"} {
		s.do(t, ask{method: method, path: "/rooms/lobby/webhooks/99", status: 404, code: "webhook_not_found"})
		s.do(t, ask{method: method, path: "/rooms/lobby/webhooks/x", status: 404, code: "webhook_not_found", says: []string{`\"x\"`}})
		s.do(t, ask{method: method, path: "/rooms/nowhere/webhooks/1", status: 404, code: "room_not_found"})
	}
	for range 19 {
		post(`{"url":"https://a.example/"}`, 201, "")
	}
	if answer := string(post(`{"url":"https://a.example/"}`, 422, "invalid")); !strings.Contains(answer, `"code":"too_many"`) {
		t.Errorf("one too many is answered %s", answer)
	}
}
