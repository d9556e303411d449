package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"chatd/handlers/auth"
	"chatd/handlers/metrics"
	"chatd/handlers/webhook"
	"chatd/handlers/wire"
	"chatd/rooms"
	"chatd/rooms/sqlite"
)

// restServer is a whole server, but for the browser UI.
type restServer struct {
	*httptest.Server
	registry *rooms.Registry
	auth     *auth.Authenticator
}

func startREST(t *testing.T, cfg auth.Config, more ...func(*Config)) *restServer {
	t.Helper()
	return startLimited(t, cfg, rooms.Limits{}, more...)
}

func startLimited(t *testing.T, cfg auth.Config, limits rooms.Limits, more ...func(*Config)) *restServer {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Log = quiet
	authenticator, err := auth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	registry := rooms.NewRegistry(rooms.Config{
		Webhooks: webhook.New(webhook.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Agent: "chatd/test"}),
		Store:    store, Journal: rooms.NewLocalJournal(), Encoder: NewEncoder(rooms.DefaultMaxMessage, authenticator), Logger: quiet, Limits: limits,
	})
	c := Config{
		Rooms: registry, Metrics: metrics.New(registry.Counts, "v0"), Auth: authenticator, Log: quiet, Version: wire.VersionInfo{Version: "v0", Protocol: wire.Version},
		Web: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/missing" {
				http.NotFound(w, r)
				return
			}
			_, _ = io.WriteString(w, "a page")
		}),
	}
	for _, change := range more {
		change(&c)
	}
	server, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { server.Run(ctx) })
	running.Go(func() {
		if err := registry.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	<-registry.Opened()
	s := &restServer{httptest.NewServer(server), registry, authenticator}
	t.Cleanup(func() {
		stop()
		running.Wait()
		s.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	// Until Run has begun, entries are refused.
	admin := rooms.Identity{Subject: "test", Base: rooms.All}
	for {
		_, err := registry.Propose(t.Context(), admin, rooms.Entry{Kind: rooms.EntryUpdateRoom, Room: rooms.Lobby})
		if err == nil {
			return s
		}
		if refusal(err).Code != rooms.CodeShuttingDown {
			t.Fatal(err)
		}
	}
}

// ask is a request and what must come of it.
type ask struct {
	method, path string
	body         string
	headers      []string // "Name: value"
	status       int
	code         string   // of the problem
	says         []string // what the body has in it
}

// answer is an answer without its body, which is read.
type answer struct {
	http.Header
	length int64 // as the header tells
}

func (s *restServer) do(t *testing.T, a ask) (answer, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), a.method, s.URL+a.path, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(a.body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range a.headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	what := fmt.Sprintf("%s %s %.60s", a.method, a.path, a.body)
	if resp.StatusCode != a.status {
		t.Errorf("%s: %s, want %d\n%s", what, resp.Status, a.status, body)
	}
	for _, says := range a.says {
		if !bytes.Contains(body, []byte(says)) {
			t.Errorf("%s: %s does not have %s", what, body, says)
		}
	}
	if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Referrer-Policy") == "" || resp.Header.Get("X-Request-ID") == "" {
		t.Errorf("%s: headers are missing: %v", what, resp.Header)
	}
	if resp.StatusCode >= 400 && a.method != http.MethodHead {
		var p wire.Problem
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatalf("%s: %v: %s", what, err, body)
		}
		want := wire.Problem{
			Type: wire.ProblemPrefix + a.code, Title: http.StatusText(a.status), Status: a.status, Code: a.code,
			Detail: p.Detail, Errors: p.Errors, RequestID: resp.Header.Get("X-Request-ID"),
		}
		if fmt.Sprint(p) != fmt.Sprint(want) || p.Detail == "" {
			t.Errorf("%s: problem %+v, want %+v", what, p, want)
		}
		if ct := resp.Header.Get("Content-Type"); ct != wire.ProblemType {
			t.Errorf("%s: a problem of type %q", what, ct)
		}
		if resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: a problem may be cached", what)
		}
	}
	return answer{resp.Header, resp.ContentLength}, body
}

// want does what do does, and reads the body's JSON.
func want[T any](t *testing.T, s *restServer, a ask) (got T) {
	t.Helper()
	resp, body := s.do(t, a)
	if ct := resp.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		t.Errorf("%s %s: type %q", a.method, a.path, ct)
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Errorf("%s %s: %v: %s", a.method, a.path, err, body)
	}
	return got
}

func TestRoomsByREST(t *testing.T) {
	s := startREST(t, auth.Config{})
	list := want[wire.RoomList](t, s, ask{method: "GET", path: "/rooms", status: 200})
	if len(list.Rooms) != 1 || list.Rooms[0].ID != rooms.Lobby || list.Rooms[0].Online == nil {
		t.Errorf("rooms %+v, want the lobby", list)
	}

	create := ask{method: "POST", path: "/rooms", body: `{"name":"Ops & Co","topic":"up?"}`, headers: []string{"Idempotency-Key: k1"}, status: 201}
	resp, _ := s.do(t, create)
	if l := resp.Get("Location"); l != "/rooms/ops-co" {
		t.Errorf("Location %q", l)
	}
	create.status = 200 // a repeat
	if r := want[wire.Room](t, s, create); r.ID != "ops-co" || r.Name != "Ops & Co" || r.Mode != "open" || r.Visibility != "public" {
		t.Errorf("a repeat is %+v", r)
	}
	create.headers, create.status = []string{"Idempotency-Key: k2"}, 201 // another of that name
	other := want[wire.Room](t, s, create)
	if !strings.HasPrefix(other.ID, "ops-co-") {
		t.Errorf("the second room of a name is %q", other.ID)
	}
	create.status = 200
	if r := want[wire.Room](t, s, create); r.ID != other.ID {
		t.Errorf("its repeat made %q beside %q", r.ID, other.ID)
	}
	if r := want[wire.Room](t, s, ask{method: "POST", path: "/rooms", body: `{"name":"日本"}`, status: 201}); !rooms.ValidRoomID(r.ID) || r.Name != "日本" {
		t.Errorf("a room without an ASCII name is %+v", r)
	}

	patched := want[wire.Room](t, s, ask{method: "PATCH", path: "/rooms/ops-co", body: `{"topic":"down","mode":"announce","slow_mode":5,"retention":{"seconds":60}}`, status: 200})
	if patched.Topic != "down" || patched.Mode != "announce" || patched.SlowMode != 5 || patched.Retention.Seconds != 60 || patched.Name != "Ops & Co" || patched.Rev != 1 {
		t.Errorf("patched to %+v", patched)
	}
	if got := want[wire.Room](t, s, ask{method: "GET", path: "/rooms/ops-co", status: 200}); got.Topic != "down" || got.Rev != 1 {
		t.Errorf("got %+v", got)
	}
	for _, a := range []ask{
		{method: "POST", path: "/rooms", body: `{"id":"ops-co"}`, status: 409, code: "room_exists"},
		{method: "POST", path: "/rooms", body: `{"id":"Ops"}`, status: 422, code: "invalid", says: []string{`"field":"id"`}},
		{method: "POST", path: "/rooms", body: `{"id":`, status: 400, code: "malformed"},
		{method: "POST", path: "/rooms", body: `id=ops`, status: 415, code: "unsupported_media_type"},
		{method: "POST", path: "/rooms", body: `{}`, headers: []string{"Content-Type: application/json; charset=latin1"}, status: 415, code: "unsupported_media_type"},
		{method: "POST", path: "/rooms", body: `{}`, headers: []string{"Content-Encoding: gzip"}, status: 415, code: "unsupported_media_type"},
		{method: "POST", path: "/rooms", body: `{}`, headers: []string{"Idempotency-Key: a b"}, status: 422, code: "invalid", says: []string{`"field":"Idempotency-Key"`}},
		{method: "PATCH", path: "/rooms/ops-co", body: `{"name":""}`, status: 422, code: "invalid", says: []string{`"field":"name"`}},
		{method: "PATCH", path: "/rooms/nope", body: `{"name":"a"}`, status: 404, code: "room_not_found"},
		{method: "GET", path: "/rooms/nope", status: 404, code: "room_not_found"},
		{method: "GET", path: "/rooms/NOPE!", status: 404, code: "room_not_found"},
		{method: "DELETE", path: "/rooms/lobby", status: 403, code: "forbidden"},
		{method: "DELETE", path: "/rooms/ops-co", status: 204},
		{method: "DELETE", path: "/rooms/ops-co", status: 404, code: "room_not_found"},
		{method: "GET", path: "/rooms/ops-co/messages", status: 404, code: "room_not_found"},
		{method: "PATCH", path: "/rooms/lobby", body: `{"archived":true}`, status: 200},
		{method: "POST", path: "/rooms/lobby/messages", body: `hi`, status: 409, code: "room_archived"},
	} {
		s.do(t, a)
	}
}

func TestBroadcast(t *testing.T) {
	s := startREST(t, auth.Config{})
	const path = "/rooms/lobby/broadcast"
	for body, text := range map[string]string{
		`{"message":"in JSON"}`: "in JSON",
		`a=b&c=%20+d`:           "a=b&c=%20+d", // what curl -d sends, taken as it is
		"two\nlines ✓":          "two\nlines ✓",
	} {
		headers := []string{}
		if body[0] == 'a' {
			headers = append(headers, "Content-Type: application/x-www-form-urlencoded")
		}
		b := want[wire.Broadcast](t, s, ask{method: "POST", path: path, body: body, headers: headers, status: 201})
		if b.Message.Message != text || b.Kind != "announcement" || b.Seq == 0 || b.From.ID != "guest:guest" || b.Online != 0 {
			t.Errorf("%q became %+v", body, b)
		}
	}

	first := want[wire.Broadcast](t, s, ask{method: "POST", path: path, body: "once", headers: []string{"Idempotency-Key: k"}, status: 201})
	again := want[wire.Broadcast](t, s, ask{method: "POST", path: path, body: `{"message":"once","id":"k"}`, status: 200})
	if fmt.Sprint(first) != fmt.Sprint(again) || first.ID != "k" {
		t.Errorf("first %+v, then %+v", first, again)
	}
	for _, a := range []ask{
		{method: "POST", path: path, body: `{"message":"once","id":"k"}`, headers: []string{"Content-Type: application/vnd.example+json"}, status: 200},
		{method: "POST", path: path, body: "twice", headers: []string{"Idempotency-Key: k"}, status: 409, code: "id_reused"},
		{method: "POST", path: path, body: `{"message":"once","id":"k"}`, headers: []string{"Idempotency-Key: j"}, status: 422, code: "invalid"},
		{method: "POST", path: path, status: 422, code: "invalid", says: []string{`"field":"message"`, `"code":"required"`}},
		{method: "POST", path: path, body: `{"message":""}`, status: 422, code: "invalid", says: []string{`"code":"required"`}},
		{method: "POST", path: path, body: `{"message":7}`, status: 400, code: "malformed", says: []string{`"code":"wrong_type"`}},
		{method: "POST", path: path, body: `{"txt":"hi"}`, status: 400, code: "malformed", says: []string{`"code":"unknown"`}},
		{method: "POST", path: path, body: "\xff\xfe", status: 422, code: "invalid", says: []string{`"code":"invalid_utf8"`}},
		{method: "POST", path: path, body: strings.Repeat("ä", rooms.DefaultMaxMessage), status: 201},
		{method: "POST", path: path, body: `{"message":"` + strings.Repeat(`\u00e4`, rooms.DefaultMaxMessage) + `"}`, status: 201},
		{method: "POST", path: path, body: strings.Repeat("ä", rooms.DefaultMaxMessage+1), status: 422, code: "invalid", says: []string{`"code":"too_long"`}},
		{method: "POST", path: path, body: strings.Repeat("a", DefaultMaxBody+1), status: 413, code: "too_large"},
		{method: "POST", path: path, body: "--b\r\n\r\nhi\r\n--b--", headers: []string{"Content-Type: multipart/form-data; boundary=b"}, status: 415, code: "unsupported_media_type"},
		{method: "POST", path: "/rooms/nope/broadcast", body: "hi", status: 404, code: "room_not_found"},
		{method: "GET", path: path, status: 405, code: "method_not_allowed"},
	} {
		s.do(t, a)
	}
}

func TestMessagesByREST(t *testing.T) {
	s := startREST(t, auth.Config{})
	post := func(text string) wire.Message {
		return want[wire.Message](t, s, ask{method: "POST", path: "/rooms/lobby/messages?name=Ana", body: text, status: 201})
	}
	m := post("hello")
	if m.Kind != "chat" || m.From != (wire.Person{ID: "guest:Ana", Name: "Ana"}) || m.Message != "hello" {
		t.Errorf("posted %+v", m)
	}
	one := fmt.Sprintf("/rooms/lobby/messages/%d", m.Seq)
	reply := want[wire.Message](t, s, ask{method: "POST", path: "/rooms/lobby/messages", body: fmt.Sprintf(`{"message":"hi","reply_to":%d}`, m.Seq), status: 201})
	if reply.ReplyTo != m.Seq {
		t.Errorf("replied %+v", reply)
	}

	edited := want[wire.Message](t, s, ask{method: "PATCH", path: one + "?name=Ana", body: `{"message":"hello!"}`, status: 200})
	if edited.Message != "hello!" || edited.EditedAt == nil || edited.Rev <= m.Rev {
		t.Errorf("edited to %+v", edited)
	}
	reacted := want[wire.Message](t, s, ask{method: "PUT", path: one + "/reactions/%F0%9F%91%8D?name=Ben", status: 200})
	if reacted.Reactions["👍"] != (wire.Reaction{Count: 1, Me: true}) {
		t.Errorf("reacted to %+v", reacted)
	}
	if got := want[wire.Message](t, s, ask{method: "GET", path: one, status: 200}); got.Reactions["👍"] != (wire.Reaction{Count: 1}) {
		t.Errorf("somebody else sees %+v", got)
	}
	if got := want[wire.Message](t, s, ask{method: "DELETE", path: one + "/reactions/👍?name=Ben", status: 200}); got.Reactions != nil {
		t.Errorf("took it back: %+v", got)
	}
	for _, a := range []ask{
		{method: "PATCH", path: one + "?name=Ben", body: `{"message":"mine"}`, status: 403, code: "not_author"},
		{method: "PATCH", path: one + "?name=Ana", body: `{"message":" "}`, status: 422, code: "invalid"},
		{method: "PUT", path: one + "/reactions/a%20b", status: 422, code: "invalid", says: []string{`"field":"emoji"`}},
		{method: "PATCH", path: "/rooms/lobby/messages/99", body: `{"message":"a"}`, status: 404, code: "message_not_found"},
		{method: "GET", path: "/rooms/lobby/messages/99", status: 404, code: "message_not_found"},
		{method: "GET", path: "/rooms/lobby/messages/0", status: 404, code: "message_not_found"},
		{method: "GET", path: "/rooms/lobby/messages/one", status: 404, code: "message_not_found"},
		{method: "GET", path: "/rooms/lobby/messages/99999999999999999999", status: 404, code: "message_not_found"},
		{method: "POST", path: "/rooms/lobby/messages?name=a%0Ab", body: "x", status: 422, code: "invalid", says: []string{`"field":"name"`}},
		{method: "POST", path: "/rooms/lobby/messages?name=%zz", body: "x", status: 400, code: "malformed"},
	} {
		s.do(t, a)
	}
	deleted := want[wire.Message](t, s, ask{method: "DELETE", path: one + "?name=Ana", status: 200})
	if !deleted.Deleted || deleted.Message != "" || deleted.Seq != m.Seq {
		t.Errorf("deleted: %+v", deleted)
	}
	s.do(t, ask{method: "PATCH", path: one + "?name=Ana", body: `{"message":"back"}`, status: 409, code: "message_deleted"})
	s.do(t, ask{method: "PUT", path: one + "/reactions/👍", status: 409, code: "message_deleted"})
}

func TestPagesOfMessages(t *testing.T) {
	s := startREST(t, auth.Config{})
	const all = 7
	for i := range all {
		s.do(t, ask{method: "POST", path: "/rooms/lobby/messages", body: fmt.Sprint("message ", i+1), status: 201})
	}
	seqs := func(list wire.MessageList) string {
		var out []string
		for _, m := range list.Messages {
			out = append(out, fmt.Sprint(m.Seq))
		}
		return strings.Join(out, " ")
	}
	for path, want := range map[string][]string{ // page after page by Link
		"":                     {"1 2 3 4 5 6 7"},
		"limit=7":              {"1 2 3 4 5 6 7"},
		"limit=3":              {"5 6 7", "2 3 4", "1"},
		"before=4&limit=2":     {"2 3", "1"},
		"after=2&limit=2":      {"3 4", "5 6", "7"},
		"after=2&limit=5":      {"3 4 5 6 7"},
		"around=4&limit=3":     {"3 4 5"},
		"before=1":             {""},
		"after=7":              {""},
		"after=99&limit=200":   {""},
		"around=99&limit=2":    nil, // what there is, no error
		"before=99999&limit=1": {"7", "6", "5", "4", "3", "2", "1"},
	} {
		next := "/rooms/lobby/messages?" + path
		for page := 0; next != ""; page++ {
			resp, body := s.do(t, ask{method: "GET", path: next, status: 200})
			var list wire.MessageList
			if err := json.Unmarshal(body, &list); err != nil || list.Messages == nil {
				t.Fatalf("%s: %v: %s", next, err, body)
			}
			if want != nil && (page >= len(want) || seqs(list) != want[page]) {
				t.Errorf("%s: page %d is %q, want %q", path, page, seqs(list), want)
			}
			link := resp.Get("Link")
			next, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">; rel=\"next\"")
			if (next == "") != (list.Next == "") || !strings.Contains(next, list.Next) {
				t.Errorf("%s: Link %q and next %q differ", path, link, list.Next)
			}
			if next == "" && want != nil && page+1 != len(want) {
				t.Errorf("%s: %d pages, want %d", path, page+1, len(want))
			}
		}
	}
	list := "/rooms/lobby/messages?"
	room := makeCursor("room", "lobby")
	for _, bad := range []string{
		"limit=0", "limit=201", "limit=-1", "limit=x", "before=0", "before=x", "before=-1", "after=1.5", "before=1&after=2",
		"cursor=zz", "cursor=" + room, "cursor=" + makeCursor("before", "x"), "cursor=" + makeCursor("before", "5") + "&after=1",
	} {
		s.do(t, ask{method: "GET", path: list + bad, status: 422, code: "invalid", says: []string{`"errors":[{"field":`}})
	}
	s.do(t, ask{method: "GET", path: list + "limit=%zz", status: 400, code: "malformed"})
}

func TestPagesOfRooms(t *testing.T) {
	s := startREST(t, auth.Config{})
	for _, id := range []string{"a", "b", "x", "y"} {
		s.do(t, ask{method: "POST", path: "/rooms", body: `{"id":"` + id + `"}`, status: 201})
	}
	var got []string
	next := "/rooms?limit=2"
	for next != "" {
		resp, body := s.do(t, ask{method: "GET", path: next, status: 200})
		var list wire.RoomList
		if err := json.Unmarshal(body, &list); err != nil {
			t.Fatal(err)
		}
		for _, r := range list.Rooms {
			got = append(got, r.ID)
		}
		got = append(got, "|")
		next, _, _ = strings.Cut(strings.TrimPrefix(resp.Get("Link"), "<"), ">")
	}
	if s := strings.Join(got, " "); s != "a b | lobby x | y |" {
		t.Errorf("got %s", s)
	}
	s.do(t, ask{method: "GET", path: "/rooms?limit=201", status: 422, code: "invalid"})
}

func TestEverythingElse(t *testing.T) {
	s := startREST(t, auth.Config{})
	if h := want[wire.Health](t, s, ask{method: "GET", path: "/healthz", status: 200}); h.Status != "ok" {
		t.Errorf("health %+v", h)
	}
	if v := want[wire.VersionInfo](t, s, ask{method: "GET", path: "/version", status: 200}); v.Version != "v0" || v.Protocol != 1 {
		t.Errorf("version %+v", v)
	}
	if m := want[wire.MemberList](t, s, ask{method: "GET", path: "/rooms/lobby/members", status: 200}); m.Members == nil || m.Online != 0 {
		t.Errorf("members %+v", m)
	}
	for _, a := range []ask{
		{method: "GET", path: "/", status: 200, says: []string{"a page"}},
		{method: "GET", path: "/r/lobby", status: 200, says: []string{"a page"}},
		{method: "HEAD", path: "/", status: 200},
		{method: "GET", path: "/missing", status: 404, code: "not_found"},
		{method: "POST", path: "/", status: 405, code: "method_not_allowed"},
		{method: "GET", path: "/rooms/", status: 404, code: "not_found"},
		{method: "GET", path: "/rooms/lobby/nope", status: 404, code: "not_found"},
		{method: "GET", path: "/rooms/lobby%2Fmembers", status: 404, code: "room_not_found", says: []string{`lobby/members`}},
		{method: "GET", path: "/rooms/%6Cobby", status: 200},
		{method: "GET", path: "/swagger", status: 302},
		{method: "GET", path: "/swagger/", status: 302},
		{method: "GET", path: "/swagger/nope", status: 404, code: "not_found"},
		{method: "GET", path: "/swagger/x/index.html", status: 404, code: "not_found"},
		{method: "GET", path: "/swagger/index.html?a=/b/index.html", status: 200, says: []string{"swagger-ui"}},
		{method: "GET", path: "/swagger/swagger-ui.css", status: 200, says: []string{".swagger-ui"}},
		{method: "HEAD", path: "/swagger/index.html", status: 200},
		{method: "GET", path: "/swagger/doc.json", status: 200, says: []string{`"swagger": "2.0"`}},
		{method: "GET", path: "/rooms", headers: []string{"Accept: text/html"}, status: 406, code: "not_acceptable"},
		{method: "GET", path: "/rooms", headers: []string{"Accept: text/html, */*;q=0.1"}, status: 200},
		{method: "GET", path: "/rooms/lobby/members?limit=0", status: 422, code: "invalid"},
		{method: "GET", path: "/rooms/nope/members", status: 404, code: "room_not_found"},
		{method: "GET", path: "/rooms", headers: []string{"Authorization: Bearer nope"}, status: 401, code: "unauthorized"},
	} {
		s.do(t, a)
	}
	resp, _ := s.do(t, ask{method: "PUT", path: "/rooms/lobby", status: 405, code: "method_not_allowed"})
	if allow := resp.Get("Allow"); allow != "GET, HEAD, PATCH, DELETE" {
		t.Errorf("Allow: %s", allow)
	}
	for _, path := range []string{"/rooms", "/rooms/lobby", "/rooms/lobby/messages", "/rooms/lobby/members", "/healthz", "/version"} {
		get, body := s.do(t, ask{method: "GET", path: path, status: 200})
		head, none := s.do(t, ask{method: "HEAD", path: path, status: 200})
		if len(none) != 0 || head.length != int64(len(body)) || head.Get("Content-Type") != get.Get("Content-Type") {
			t.Errorf("HEAD %s tells %d bytes of %s, GET has %d", path, head.length, head.Get("Content-Type"), len(body))
		}
		if get.Get("Cache-Control") != "no-store" {
			t.Errorf("GET %s may be cached", path)
		}
	}
	for sent, kept := range map[string]bool{"trace-1.a_B": true, "a b": false, "x\tlevel=ERROR": false, strings.Repeat("x", 65): false} {
		resp, _ := s.do(t, ask{method: "GET", path: "/healthz", headers: []string{"X-Request-ID: " + sent}, status: 200})
		if got := resp.Get("X-Request-ID"); (got == sent) != kept {
			t.Errorf("X-Request-ID %q came back as %q", sent, got)
		}
	}
}

func TestPanicIsAProblem(t *testing.T) {
	var log bytes.Buffer
	authenticator, err := auth.New(auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Auth: authenticator, Log: slog.New(slog.NewTextHandler(&log, nil))}) // without rooms
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/rooms", nil)
	r.Header.Set("X-Request-ID", "find-me")
	s.ServeHTTP(w, r)
	if w.Code != 500 || !strings.Contains(w.Body.String(), `"code":"internal"`) || strings.Contains(w.Body.String(), "nil pointer") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, says := range []string{"find-me", "nil pointer", "rooms.go"} {
		if !strings.Contains(log.String(), says) {
			t.Errorf("the log does not say %q: %s", says, &log)
		}
	}
}
