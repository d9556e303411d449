package auth

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"chatd/handlers/wire"
	"chatd/rooms"
)

func TestIdentify(t *testing.T) {
	const token = "s3cret-admin-token"
	configured := func(g Guests) Config { return Config{AdminToken: token, Guests: g} }
	for name, tt := range map[string]struct {
		cfg     Config
		headers [][2]string
		name    string
		subject string // wanted; "" for a refusal
		base    rooms.Permission
		private rooms.Permission
		code    rooms.Code
	}{
		"open":                    {subject: "guest:guest", base: rooms.All, private: rooms.All},
		"open, named":             {name: "Ana", subject: "guest:Ana", base: rooms.All, private: rooms.All},
		"name is tidied":          {name: "  Ana \u00a0 Lu ", subject: "guest:Ana Lu", base: rooms.All, private: rooms.All},
		"name of spaces":          {name: "   ", subject: "guest:guest", base: rooms.All, private: rooms.All},
		"name with control":       {name: "Ana\nadmin: hi", code: rooms.CodeInvalid},
		"name with bidi override": {name: "Ana\u202e", code: rooms.CodeInvalid},
		"long name":               {name: strings.Repeat("ä", MaxName+1), code: rooms.CodeInvalid},
		"longest name":            {name: strings.Repeat("ä", MaxName), subject: "guest:" + strings.Repeat("ä", MaxName), base: rooms.All, private: rooms.All},
		"name not UTF-8":          {name: "\xff", code: rooms.CodeInvalid},
		"read only, no token set": {cfg: Config{Guests: GuestsRead}, subject: "guest:guest", base: rooms.Read},

		"guest may post":   {cfg: configured(GuestsPost), subject: "guest:guest", base: rooms.Read | rooms.Post},
		"guest may read":   {cfg: configured(GuestsRead), subject: "guest:guest", base: rooms.Read},
		"guest by default": {cfg: configured(""), subject: "guest:guest", base: rooms.Read | rooms.Post},
		"no guests":        {cfg: configured(GuestsOff), code: wire.CodeUnauthorized},

		"admin":                {cfg: configured(GuestsOff), headers: [][2]string{{"Authorization", "Bearer " + token}}, subject: "chatd:admin", base: rooms.All, private: rooms.All},
		"admin, lower case":    {cfg: configured(GuestsOff), headers: [][2]string{{"Authorization", "bearer  " + token}}, subject: "chatd:admin", base: rooms.All, private: rooms.All},
		"admin, subprotocol":   {cfg: configured(GuestsOff), headers: [][2]string{{"Sec-WebSocket-Protocol", "chatd.v1, bearer." + token}}, subject: "chatd:admin", base: rooms.All, private: rooms.All},
		"admin, second header": {cfg: configured(GuestsOff), headers: [][2]string{{"Sec-WebSocket-Protocol", "chatd.v1"}, {"Sec-WebSocket-Protocol", "bearer." + token}}, subject: "chatd:admin", base: rooms.All, private: rooms.All},
		"other token":          {cfg: configured(GuestsPost), headers: [][2]string{{"Authorization", "Bearer nope"}}, code: wire.CodeUnauthorized},
		"longer token":         {cfg: configured(GuestsPost), headers: [][2]string{{"Authorization", "Bearer " + token + "x"}}, code: wire.CodeUnauthorized},
		"token where none is":  {headers: [][2]string{{"Authorization", "Bearer nope"}}, code: wire.CodeUnauthorized},
		"no token":             {cfg: configured(GuestsPost), headers: [][2]string{{"Authorization", "Bearer"}}, code: wire.CodeUnauthorized},
		"other scheme":         {cfg: configured(GuestsPost), headers: [][2]string{{"Authorization", "Basic YTpi"}}, code: wire.CodeUnauthorized},
		"empty subprotocol":    {cfg: configured(GuestsPost), headers: [][2]string{{"Sec-WebSocket-Protocol", "chatd.v1, bearer."}}, code: wire.CodeUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := New(tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/rooms?name="+url.QueryEscape(tt.name), nil)
			for _, h := range tt.headers {
				r.Header.Add(h[0], h[1])
			}
			who, err := a.Identify(r)
			if tt.code != "" {
				if e, ok := errors.AsType[*rooms.Error](err); !ok || e.Code != tt.code {
					t.Fatalf("got %+v, %v; want %s", who, err, tt.code)
				}
				if strings.Contains(err.Error(), token) {
					t.Errorf("the error tells a token: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if who.Subject != tt.subject {
				t.Errorf("subject %q, want %q", who.Subject, tt.subject)
			}
			if who.Base != tt.base {
				t.Errorf("base %b, want %b", who.Base, tt.base)
			}
			if got := who.Can(rooms.All, "ops", rooms.Private); got != (tt.private == rooms.All) {
				t.Errorf("may do all in a private room: %v", got)
			}
		})
	}
}

func TestNewRefusesUnknownPolicy(t *testing.T) {
	if _, err := New(Config{Guests: "maybe"}); err == nil {
		t.Error("no error")
	}
}
