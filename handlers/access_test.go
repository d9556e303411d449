package handlers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"chatd/handlers/auth"
	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/golang-jwt/jwt/v5"
)

const (
	accessSecret = "the secret of this test's operator"
	accessAdmin  = "the-admin-token-of-this-test"
)

// The columns of the table. Whoever shows a bad credential gets 401 at every
// route that asks who is speaking.
var (
	goodColumns = []string{"none", "guest", "wrong room", "reader", "member", "moderator", "admin"}
	badColumns  = []string{"expired", "other key", "alg none", "alg of another key", "garbage"}
)

// access is what each credential gets at each route, in the order of
// goodColumns, where guests may read. A route whose path has {} is asked for a
// public room, and for a private one, where those who have no grant get 404.
var access = map[string]struct {
	body, want string
	query      string
	free       bool // does not ask who is speaking
}{
	"GET /rooms":  {want: "200 200 200 200 200 200 200"},
	"POST /rooms": {body: `{}`, want: "401 403 403 403 403 403 201"},

	"GET /rooms/:id":            {want: "200 200 403 200 200 200 200"},
	"PATCH /rooms/:id":          {body: `{"topic":"x"}`, want: "401 403 403 403 403 403 200"},
	"DELETE /rooms/:id":         {want: "401 403 403 403 403 403 204"},
	"POST /rooms/:id/broadcast": {body: "x", want: "401 403 403 403 403 201 201"},
	"GET /rooms/:id/messages":   {want: "200 200 403 200 200 200 200"},
	"POST /rooms/:id/messages":  {body: "x", want: "401 403 403 403 201 201 201"},
	"GET /rooms/:id/members":    {want: "200 200 403 200 200 200 200"},
	"GET /rooms/:id/export":     {want: "200 200 403 200 200 200 200"},
	"GET /search":               {want: "422 422 422 422 422 422 422"}, // no q: whom it finds what for, see TestSearchStaysInside
	"PUT /rooms/:id/read":       {body: `{"seq":1}`, want: "204 204 403 204 204 204 204"},
	"GET /rooms/:id/events":     {want: "200 200 403 200 200 200 200"},

	// The message is the member's.
	"GET /rooms/:id/messages/:seq":                     {want: "200 200 403 200 200 200 200"},
	"PATCH /rooms/:id/messages/:seq":                   {body: `{"message":"y"}`, want: "401 403 403 403 200 403 403"},
	"DELETE /rooms/:id/messages/:seq":                  {want: "401 403 403 403 200 200 200"},
	"PUT /rooms/:id/messages/:seq/reactions/:emoji":    {want: "401 403 403 403 200 200 200"},
	"DELETE /rooms/:id/messages/:seq/reactions/:emoji": {want: "401 403 403 403 200 200 200"},

	"POST /rooms/:id/kicks":         {body: `{"who":"somebody"}`, want: "401 403 403 403 403 204 204"},
	"GET /rooms/:id/bans":           {want: "401 403 403 403 403 200 200"},
	"POST /rooms/:id/bans":          {body: `{"who":"somebody"}`, want: "401 403 403 403 403 201 201"},
	"DELETE /rooms/:id/bans/:ban":   {want: "401 403 403 403 403 204 204"},
	"GET /rooms/:id/mutes":          {want: "401 403 403 403 403 200 200"},
	"POST /rooms/:id/mutes":         {body: `{"who":"somebody"}`, want: "401 403 403 403 403 201 201"},
	"DELETE /rooms/:id/mutes/:mute": {want: "401 403 403 403 403 204 204"},
	"DELETE /rooms/:id/messages":    {query: "?from=member", want: "401 403 403 403 403 200 200"},
	"GET /rooms/:id/audit":          {want: "401 403 403 403 403 403 200"},
	"GET /audit":                    {want: "401 403 403 403 403 403 200"},

	"GET /rooms/:id/webhooks":                {want: "401 403 403 403 403 200 200"},
	"POST /rooms/:id/webhooks":               {body: `{"url":"https://example.com/"}`, want: "401 403 403 403 403 201 201"},
	"GET /rooms/:id/webhooks/:webhook":       {want: "401 403 403 403 403 200 200"},
	"PATCH /rooms/:id/webhooks/:webhook":     {body: `{"name":"x"}`, want: "401 403 403 403 403 200 200"},
	"DELETE /rooms/:id/webhooks/:webhook":    {want: "401 403 403 403 403 204 204"},
	"POST /rooms/:id/webhooks/:webhook/test": {want: "401 403 403 403 403 200 200"},

	"GET /ws":       {want: "101 101 403 101 101 101 101"},
	"GET /ws/:room": {want: "101 101 403 101 101 101 101"},

	"GET /healthz":       {want: "200 200 200 200 200 200 200", free: true},
	"GET /readyz":        {want: "200 200 200 200 200 200 200", free: true},
	"GET /metrics":       {want: "401 403 403 403 403 403 200"},
	"GET /node":          {want: "401 403 403 403 403 403 200"},
	"GET /version":       {want: "200 200 200 200 200 200 200", free: true},
	"GET /swagger":       {want: "302 302 302 302 302 302 302", free: true},
	"GET /swagger/*file": {want: "200 200 200 200 200 200 200", free: true},
}

func TestWhoMayDoWhat(t *testing.T) {
	s := startREST(t, auth.Config{
		AdminToken: accessAdmin, JWTSecret: accessSecret, Guests: auth.GuestsRead, GuestKey: []byte(strings.Repeat("k", 32)),
	})
	credentials := makeCredentials(t, s)

	// The routes and the rows are the same.
	routes := (&Server{}).routes()
	for _, r := range routes {
		if _, ok := access[r.method+" "+r.path]; !ok {
			t.Errorf("%s %s has no row in the table: say who may do that", r.method, r.path)
		}
	}
	if len(access) != len(routes) {
		t.Errorf("the table has %d rows for %d routes", len(access), len(routes))
	}

	made := 0
	for _, r := range routes {
		row := access[r.method+" "+r.path]
		inRoom := strings.Contains(r.path, ":id") || strings.Contains(r.path, ":room")
		try := func(credential string, want int, v rooms.Visibility) {
			made++
			room, has := fmt.Sprintf("room-%d", made), roomHas{seq: 1}
			if inRoom {
				has = s.makeRoom(t, room, v)
			}
			path := strings.NewReplacer(":id", room, ":room", room, ":seq", fmt.Sprint(has.seq), ":ban", fmt.Sprint(has.ban), ":mute", fmt.Sprint(has.mute), ":webhook", fmt.Sprint(has.webhook), ":emoji", "👍", "*file", "index.html").Replace(r.path) + row.query
			if got := s.status(t, r.method, path, row.body, credentials[credential]); got != want {
				t.Errorf("%s %s in a %s room as %s: %d, want %d", r.method, r.path, v, credential, got, want)
			}
		}
		wants := make([]int, len(goodColumns))
		for i, text := range strings.Fields(row.want) {
			if _, err := fmt.Sscan(text, &wants[i]); err != nil {
				t.Fatal(err)
			}
		}
		for i, credential := range goodColumns {
			try(credential, wants[i], rooms.Public)
			if inRoom {
				want := wants[i]
				if i < 3 {
					want = http.StatusNotFound
				}
				try(credential, want, rooms.Private)
			}
		}
		for _, credential := range badColumns {
			want := http.StatusUnauthorized
			if row.free {
				want = wants[0]
			}
			try(credential, want, rooms.Public)
			if inRoom {
				try(credential, want, rooms.Private)
			}
		}
	}
}

// Nothing tells a private room from none at all.
func TestPrivateRoomsAreInvisible(t *testing.T) {
	s := startREST(t, auth.Config{AdminToken: accessAdmin, JWTSecret: accessSecret, GuestKey: []byte(strings.Repeat("k", 32))})
	s.makeRoom(t, "secret", rooms.Private)
	for who, credential := range makeCredentials(t, s) {
		if who != "none" && who != "guest" && who != "wrong room" {
			continue
		}
		for _, r := range (&Server{}).routes() {
			if !strings.Contains(r.path, ":id") && !strings.Contains(r.path, ":room") {
				continue
			}
			row := access[r.method+" "+r.path]
			for _, body := range []string{row.body, "", "{", `{"unknown":1}`} {
				path := strings.NewReplacer(":id", "ROOM", ":room", "ROOM", ":seq", "1", ":emoji", "x", ":ban", "1", ":mute", "1", ":webhook", "1").Replace(r.path) + row.query
				there, not := s.bytes(t, r.method, path, body, credential, "secret"), s.bytes(t, r.method, path, body, credential, "absent")
				if there != not {
					t.Errorf("%s %s with %q as %s: a private room answers\n%s\nand none\n%s", r.method, r.path, body, who, there, not)
				}
				if body == row.body && !strings.HasPrefix(there, "404 ") {
					t.Errorf("%s %s as %s: %s", r.method, r.path, who, there)
				}
			}
		}
		var list wire.RoomList
		a := ask{method: "GET", path: "/rooms", status: 200}
		if credential != "" {
			a.headers = []string{"Authorization: Bearer " + credential}
		}
		_, body := s.do(t, a)
		if err := json.Unmarshal(body, &list); err != nil || strings.Contains(string(body), "secret") {
			t.Errorf("%s sees %s, %v", who, body, err)
		}
	}
}

// bytes is the whole answer about a room, which path calls ROOM, but for what
// differs between any two answers. The room's name is ROOM in it too.
func (s *restServer) bytes(t *testing.T, method, path, body, credential, room string) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(s.request(t, method, strings.ReplaceAll(path, "ROOM", room), body, credential))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	resp.Header.Del("Date")
	id := resp.Header.Get(requestIDHeader)
	resp.Header.Del(requestIDHeader)
	var all strings.Builder
	fmt.Fprintln(&all, resp.Status)
	if err := resp.Header.Write(&all); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(&all, resp.Body); err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(id, "ID", room, "ROOM").Replace(all.String())
}

func makeCredentials(t *testing.T, s *restServer) map[string]string {
	t.Helper()
	mint := func(may ...string) string {
		token, err := auth.Mint(accessSecret, auth.Claims{Subject: "member", Rooms: map[string][]string{"*": may}, Lasts: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	sign := func(method jwt.SigningMethod, key any, exp time.Duration) string {
		token, err := jwt.NewWithClaims(method, jwt.MapClaims{
			"sub": "member", "exp": time.Now().Add(exp).Unix(), "rooms": map[string]any{"*": []string{"admin"}},
		}).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	elsewhere, err := auth.Mint(accessSecret, auth.Claims{Subject: "other", Rooms: map[string][]string{"elsewhere": {"admin"}}})
	if err != nil {
		t.Fatal(err)
	}
	moderator, err := auth.Mint(accessSecret, auth.Claims{Subject: "moderator", Rooms: map[string][]string{"*": {"read", "post", "moderate"}}})
	if err != nil {
		t.Fatal(err)
	}
	guest := s.auth.GuestToken(s.auth.Settle(rooms.Identity{Guest: true, Name: "Ana"}))
	return map[string]string{
		"none": "", "guest": guest, "wrong room": elsewhere, "reader": mint("read"), "member": mint("read", "post"),
		"moderator": moderator, "admin": accessAdmin,
		"expired":            sign(jwt.SigningMethodHS256, []byte(accessSecret), -time.Hour),
		"other key":          sign(jwt.SigningMethodHS256, []byte(strings.Repeat("x", 40)), time.Hour),
		"alg none":           sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, time.Hour),
		"alg of another key": sign(jwt.SigningMethodHS512, []byte(accessSecret), time.Hour),
		"garbage":            "a.b.c",
	}
}

// roomHas names what is in a room.
type roomHas struct{ seq, ban, mute, webhook uint64 }

// makeRoom makes a room and, in it, a message of the member's, a ban and a mute
// by a moderator of somebody who is not here, and a webhook.
func (s *restServer) makeRoom(t *testing.T, id string, v rooms.Visibility) roomHas {
	t.Helper()
	owner := rooms.Identity{Subject: "member", Name: "member", Grants: []rooms.Grant{{Pattern: "*", Allow: rooms.All}}, Base: rooms.All}
	_, err := s.registry.Propose(t.Context(), owner, rooms.Entry{Kind: rooms.EntryCreateRoom, Room: id, Create: rooms.Settings{Visibility: v}})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := s.registry.Propose(t.Context(), owner, rooms.Entry{Kind: rooms.EntryPost, Room: id, Text: "x"})
	if err != nil {
		t.Fatal(err)
	}
	has := roomHas{seq: receipt.Seq}
	moderator := rooms.Identity{Subject: "a moderator", Grants: []rooms.Grant{{Pattern: "*", Allow: rooms.Read | rooms.Moderate}}}
	for kind, number := range map[rooms.EntryKind]*uint64{rooms.EntryBan: &has.ban, rooms.EntryMute: &has.mute} {
		receipt, err := s.registry.Propose(t.Context(), moderator, rooms.Entry{
			Kind: kind, Room: id, Sanction: &rooms.Sanction{Who: rooms.Sender{ID: "absent"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		*number = receipt.Sanction.ID
	}
	receipt, err = s.registry.Propose(t.Context(), moderator, rooms.Entry{
		Kind: rooms.EntryCreateWebhook, Room: id, Webhook: &rooms.Webhook{URL: "https://127.0.0.1:1/"},
	})
	if err != nil {
		t.Fatal(err)
	}
	has.webhook = receipt.Webhook.ID
	return has
}

// request is one of a credential's bearer, "" is nobody; for the WebSockets' paths
// it is a handshake.
func (s *restServer) request(t *testing.T, method, path, body, credential string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	if strings.HasPrefix(path, "/ws") {
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "websocket")
		req.Header.Set("Sec-WebSocket-Version", "13")
		req.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	}
	if credential != "" {
		req.Header.Set("Authorization", "Bearer "+credential)
	}
	return req
}

// status is that of the answer, whose body may be a stream.
func (s *restServer) status(t *testing.T, method, path, body, credential string) int {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(s.request(t, method, path, body, credential))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized && resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%s %s: 401 without WWW-Authenticate", method, path)
	}
	return resp.StatusCode
}
