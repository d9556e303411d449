package handlers

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"chatd/handlers/auth"
	"chatd/handlers/wire"

	"github.com/gorilla/websocket"
)

// enter opens a session in the lobby and answers with what came of it.
func (s *restServer) enter(t *testing.T, token, address string, name ...string) (*websocket.Conn, upgrade) {
	t.Helper()
	header := http.Header{}
	if address != "" {
		header.Set("X-Forwarded-For", address)
	}
	d := websocket.Dialer{}
	if token != "" {
		d.Subprotocols = []string{wire.Subprotocol, wire.BearerPrefix + token}
	}
	ws, resp, err := d.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"/ws?name="+strings.Join(append(name, "Ben")[:1], ""), header)
	if err != nil && !errors.Is(err, websocket.ErrBadHandshake) {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if ws != nil {
		t.Cleanup(func() { _ = ws.Close() })
		return ws, upgrade{resp.StatusCode, resp.Status, resp.Header, nil}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return nil, upgrade{resp.StatusCode, resp.Status, resp.Header, body}
}

// upgrade is how a handshake was answered. The body is that of a refusal.
type upgrade struct {
	StatusCode int
	Status     string
	Header     http.Header
	body       []byte
}

// closed reads on to the end of a session and returns the close that came.
func closed(t *testing.T, ws *websocket.Conn) *websocket.CloseError {
	t.Helper()
	if err := ws.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, _, err := ws.ReadMessage(); err != nil {
			end, ok := errors.AsType[*websocket.CloseError](err)
			if !ok {
				t.Fatal(err)
			}
			return end
		}
	}
}

type moderated struct {
	*restServer
	member, moderator string
}

func startModerated(t *testing.T) moderated {
	t.Helper()
	s := startREST(t, auth.Config{AdminToken: accessAdmin, JWTSecret: accessSecret, GuestKey: []byte(strings.Repeat("k", 32))},
		func(c *Config) { c.TrustedProxies = []string{"127.0.0.1", "::1"} })
	mint := func(subject string, may ...string) string {
		token, err := auth.Mint(accessSecret, auth.Claims{Subject: subject, Name: strings.ToUpper(subject), Rooms: map[string][]string{"*": may}, Lasts: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	return moderated{s, mint("member", "read", "post"), mint("moderator", "read", "post", "moderate")}
}

// moderate calls REST as the moderator, or as who else is named.
func (s moderated) moderate(t *testing.T, method, path, body string, status int, as ...string) []byte {
	t.Helper()
	token := s.moderator
	if len(as) > 0 {
		token = as[0]
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Errorf("%s %s %s: %s, %v, want %d\n%s", method, path, body, resp.Status, err, status, answer)
	}
	return answer
}

// A ban ends the sessions at once, and holds at every door until it is lifted.
func TestBan(t *testing.T) {
	s := startModerated(t)
	ws, _ := s.enter(t, s.member, "")
	until(t, ws, wire.TypeWelcome)
	var ban wire.Sanction
	if err := json.Unmarshal(s.moderate(t, "POST", "/rooms/lobby/bans", `{"who":"member","seconds":3600,"reason":"spam"}`, 201), &ban); err != nil {
		t.Fatal(err)
	}
	if ban.Who == nil || ban.Who.Name != "MEMBER" || ban.By.ID != "moderator" || ban.Until == nil || ban.Reason != "spam" {
		t.Errorf("the ban is %+v", ban)
	}
	if end := closed(t, ws); end.Code != wire.CloseKicked || !strings.Contains(end.Text, "banned") || !strings.Contains(end.Text, "spam") {
		t.Errorf("the session ended with %v", end)
	}

	refused, _ := s.enter(t, s.member, "", "Ben&refusal=close")
	if end := closed(t, refused); end.Code != wire.CloseKicked || !strings.HasPrefix(end.Text, "banned: ") || !strings.HasSuffix(end.Text, ": spam") {
		t.Errorf("coming back by refusal=close ended with %v", end)
	}

	_, resp := s.enter(t, s.member, "")
	var p wire.Problem
	if err := json.Unmarshal(resp.body, &p); err != nil || resp.StatusCode != 403 || p.Code != "banned" || p.Reason != "spam" ||
		p.Until == nil || !p.Until.Equal(ban.Until.Time) || resp.Header.Get("Retry-After") == "" {
		t.Errorf("coming back is answered %s %s, %v", resp.Status, resp.body, err)
	}
	for _, path := range []string{"/rooms/lobby", "/rooms/lobby/messages", "/rooms/lobby/events", "/rooms/lobby/members", "/rooms/lobby/export"} {
		if body := string(s.moderate(t, "GET", path, "", 403, s.member)); !strings.Contains(body, `"code":"banned"`) {
			t.Errorf("%s is answered %s", path, body)
		}
	}
	s.moderate(t, "POST", "/rooms/lobby/messages", "x", 403, s.member)
	s.moderate(t, "POST", "/rooms/lobby/messages", "needle", 201)

	var list wire.BanList
	if err := json.Unmarshal(s.moderate(t, "GET", "/rooms/lobby/bans", "", 200), &list); err != nil || len(list.Bans) != 1 || list.Bans[0].ID != ban.ID {
		t.Errorf("the list is %+v, %v", list, err)
	}
	s.moderate(t, "DELETE", "/rooms/lobby/bans/1", "", 204)
	s.moderate(t, "DELETE", "/rooms/lobby/bans/1", "", 404)
	if body := s.moderate(t, "DELETE", "/rooms/lobby/bans/x", "", 404); !strings.Contains(string(body), `no ban \"x\"`) {
		t.Errorf("lifting what is no ban is answered %s", body)
	}
	ws, _ = s.enter(t, s.member, "")
	until(t, ws, wire.TypeWelcome)
}

// Nobody is banned by an equal, nor by himself.
func TestRanks(t *testing.T) {
	s := startModerated(t)
	other, err := auth.Mint(accessSecret, auth.Claims{Subject: "other", Rooms: map[string][]string{"*": {"read", "moderate"}}, Lasts: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	// Who is elsewhere may be banned by mistake: it does not hold.
	s.moderate(t, "POST", "/rooms/lobby/bans", `{"who":"other"}`, 201)
	ws, _ := s.enter(t, other, "")
	until(t, ws, wire.TypeWelcome)
	for _, path := range []string{"bans", "mutes", "kicks"} {
		s.moderate(t, "POST", "/rooms/lobby/"+path, `{"who":"other"}`, 403)
		s.moderate(t, "POST", "/rooms/lobby/"+path, `{"who":"moderator"}`, 422)
		s.moderate(t, "POST", "/rooms/lobby/"+path, `{"who":"other"}`, 403, s.member)
		s.moderate(t, "POST", "/rooms/lobby/"+path, `{}`, 422)
		s.moderate(t, "POST", "/rooms/lobby/"+path, `{"who":"x","reason":"a\nb"}`, 422)
	}
	s.moderate(t, "POST", "/rooms/lobby/bans", `{"address":"nonsense"}`, 422)
	s.moderate(t, "POST", "/rooms/lobby/bans", `{"who":"other"}`, 201, accessAdmin)
	if end := closed(t, ws); end.Code != wire.CloseKicked {
		t.Errorf("the admin's ban ended the session with %v", end)
	}
	s.moderate(t, "DELETE", "/rooms/lobby/bans/2", "", 403)
}

func TestKickAndMute(t *testing.T) {
	s := startModerated(t)
	ws, _ := s.enter(t, s.member, "")
	until(t, ws, wire.TypeWelcome)
	s.moderate(t, "POST", "/rooms/lobby/kicks", `{"who":"member","reason":"enough"}`, 204)
	if end := closed(t, ws); end.Code != wire.CloseKicked || end.Text != "kicked: you were removed from this room: enough" {
		t.Errorf("kicked with %v", end)
	}
	ws, _ = s.enter(t, s.member, "")
	until(t, ws, wire.TypeWelcome)
	s.moderate(t, "POST", "/rooms/lobby/mutes", `{"who":"member","seconds":60}`, 201)
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"chat","message":"x","id":"1"}`)); err != nil {
		t.Fatal(err)
	}
	f := until(t, ws, wire.TypeError)
	wait, _ := f["retry_after"].(float64)
	if f["code"] != "muted" || f["id"] != "1" || wait <= 50 || wait > 60 {
		t.Errorf("what a muted member says is answered %v", f)
	}
	s.moderate(t, "DELETE", "/rooms/lobby/mutes/1", "", 204)
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"chat","message":"x","id":"1"}`)); err != nil {
		t.Fatal(err)
	}
	until(t, ws, wire.TypeAck)
}

// A ban with its address holds whoever comes from there, however named.
func TestAddressBan(t *testing.T) {
	s := startModerated(t)
	guest, _ := s.enter(t, "", "203.0.113.7")
	you := until(t, guest, wire.TypeWelcome)["you"].(map[string]any)
	neighbour, _ := s.enter(t, s.member, "203.0.113.7")
	until(t, neighbour, wire.TypeWelcome)
	far, _ := s.enter(t, "", "203.0.113.8", "Ana")
	until(t, far, wire.TypeWelcome)
	s.moderate(t, "POST", "/rooms/lobby/bans", `{"who":"`+you["id"].(string)+`","with_address":true}`, 201)
	_ = closed(t, guest)
	_ = closed(t, neighbour) // once the address is known to be banned
	if _, resp := s.enter(t, s.member, "203.0.113.7"); resp.StatusCode != 403 {
		t.Errorf("from the banned address: %s", resp.Status)
	}
	if ws, resp := s.enter(t, s.moderator, "203.0.113.7"); ws == nil {
		t.Errorf("a moderator from there: %s", resp.Status)
	}
	if ws, resp := s.enter(t, s.member, "203.0.113.8"); ws == nil {
		t.Errorf("from another address: %s", resp.Status)
	}
	for token, want := range map[string]string{s.moderator: `"by_address":true,"by"`, accessAdmin: `"addresses":["203.0.113.7/32"]`} {
		if body := string(s.moderate(t, "GET", "/rooms/lobby/bans", "", 200, token)); !strings.Contains(strings.ReplaceAll(body, `,"reason":""`, ""), want) {
			t.Errorf("the list is %s, without %s", body, want)
		}
	}
	s.moderate(t, "DELETE", "/rooms/lobby/bans/1", "", 204)
	s.moderate(t, "POST", "/rooms/lobby/bans", `{"address":"2001:db8::/32"}`, 201)
	if _, resp := s.enter(t, "", "2001:db8:7::1"); resp.StatusCode != 403 {
		t.Errorf("from the banned network: %s", resp.Status)
	}
	for address, banned := range map[string]string{
		"2001:db9:7:1::5": "2001:db9:7:1::5", // one address of a /64, all of which is one client's
		"198.51.100.9":    "::ffff:198.51.100.0/120",
	} {
		there, _ := s.enter(t, "", address)
		until(t, there, wire.TypeWelcome)
		s.moderate(t, "POST", "/rooms/lobby/bans", `{"address":"`+banned+`"}`, 201)
		_ = closed(t, there)
		if _, resp := s.enter(t, "", address); resp.StatusCode != 403 {
			t.Errorf("from %s, while %s is banned: %s", address, banned, resp.Status)
		}
	}
	if ws, resp := s.enter(t, "", "2001:db9:7:2::5"); ws == nil {
		t.Errorf("from beside the banned address: %s", resp.Status)
	}
	if ws, resp := s.enter(t, s.member, "203.0.113.7"); ws == nil {
		t.Errorf("after the ban: %s", resp.Status)
	}
}

// Clearing shows live and in the log, and a moderator may lock the room.
func TestClearAndLock(t *testing.T) {
	s := startModerated(t)
	for range 3 {
		s.moderate(t, "POST", "/rooms/lobby/messages", "spam", 201, s.member)
	}
	ws, _ := s.enter(t, "", "")
	until(t, ws, wire.TypeWelcome)
	s.moderate(t, "DELETE", "/rooms/lobby/messages?from=member&before=3", "", 422)
	if body := s.moderate(t, "DELETE", "/rooms/lobby/messages?from=member", "", 200); strings.TrimSpace(string(body)) != `{"deleted":3}` {
		t.Errorf("clearing answers %s", body)
	}
	for range 3 {
		if f := until(t, ws, wire.TypeDelete); f["message"] != "" || f["deleted"] != true {
			t.Errorf("live came %v", f)
		}
	}
	if body := s.moderate(t, "DELETE", "/rooms/lobby/messages", "", 422); !strings.Contains(string(body), `"field":"from"`) {
		t.Errorf("clearing nobody's is answered %s", body)
	}
	s.moderate(t, "PATCH", "/rooms/lobby", `{"mode":"announce"}`, 200)
	s.moderate(t, "POST", "/rooms/lobby/messages", "x", 403, s.member)
	s.moderate(t, "POST", "/rooms/lobby/messages", "x", 201)
	if body := s.moderate(t, "PATCH", "/rooms/lobby", `{"mode":"open","topic":"x"}`, 403); !strings.Contains(string(body), "the permission to manage") {
		t.Errorf("what a moderator may not is answered %s", body)
	}
	s.moderate(t, "PATCH", "/rooms/lobby", `{"mode":"open","slow_mode":5}`, 200)

	var log wire.AuditList
	if err := json.Unmarshal(s.moderate(t, "GET", "/rooms/lobby/audit?limit=3", "", 200, accessAdmin), &log); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range log.Records {
		got = append(got, r.By.ID+" "+r.Action+" "+r.Detail)
	}
	if all := strings.Join(got, "; "); all != "moderator update-room mode=open, slow_mode=5; moderator update-room mode=announce; moderator clear " || log.Records[2].Count != 3 || log.Next != "" {
		t.Errorf("the log is %s, %+v", all, log)
	}
}

// A close frame is the last one: browsers take whatever follows it for a broken
// connection, and never see the code.
func TestNothingFollowsAClose(t *testing.T) {
	t.Parallel()
	s := startModerated(t)
	ws, _ := s.enter(t, s.member, "")
	until(t, ws, wire.TypeWelcome)
	raw := ws.NetConn()
	s.moderate(t, "POST", "/rooms/lobby/kicks", `{"who":"member"}`, 204) // a leaving, of which the room is told
	if err := raw.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(raw)
	if err != nil {
		t.Fatal(err)
	}
	for len(got) > 2 && got[0] != 0x88 {
		got = got[2+int(got[1]):] // short frames, all of them
	}
	if len(got) < 2 || len(got) != 2+int(got[1]) {
		t.Fatalf("the close frame and what followed it is %q", got)
	}
}

// A browser tells its page of a close only once the server has ended the
// connection, so whoever was sent away would be here until then.
func TestAnAnsweredCloseEndsTheConnection(t *testing.T) {
	t.Parallel()
	s := startModerated(t)
	ws, _ := s.enter(t, s.member, "")
	until(t, ws, wire.TypeWelcome)
	s.moderate(t, "POST", "/rooms/lobby/kicks", `{"who":"member"}`, 204)
	for {
		_, _, err := ws.ReadMessage() // answers the close frame
		if err == nil {
			continue
		}
		if !websocket.IsCloseError(err, wire.CloseKicked) {
			t.Fatal(err)
		}
		break
	}
	raw := ws.NetConn()
	if err := raw.SetReadDeadline(time.Now().Add(closeWait * 3 / 4)); err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the server waits for a peer that has answered: %v", err)
	}
}
