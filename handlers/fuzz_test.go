package handlers

import (
	"encoding/json"
	"errors"
	"net/url"
	"testing"
	"unicode/utf8"

	"chatd/handlers/wire"
	"chatd/rooms"
)

// A client's frame is decoded, or refused with a text that a client can be
// shown. What was decoded says the same when it is encoded again.
func FuzzDecodeFrame(f *testing.F) {
	for _, seed := range []string{
		`{"type":"chat","message":"Hello, WebSocket!"}`, `{"type":"react","seq":1,"emoji":"👍","on":false}`,
		`{"type":"edit","seq":18446744073709551615}`, `{"type":"chat","message":"\ud800"}`, `{"type":1}`, `[[[[`, "\xff", ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := decodeFrame(data)
		if err != nil {
			e, ok := errors.AsType[*rooms.Error](err)
			if !ok || e.Code != wire.CodeMalformed || e.Detail == "" || !utf8.ValidString(e.Detail) {
				t.Fatalf("%q is refused with %v", data, err)
			}
			return
		}
		again, err := decodeFrame(encode(frame))
		if err != nil {
			t.Fatalf("%q was decoded, but not what that encodes to: %v", data, err)
		}
		a, _ := json.Marshal(frame)
		b, _ := json.Marshal(again)
		if string(a) != string(b) {
			t.Fatalf("%s became %s", a, b)
		}
	})
}

// Cursors and other parameters of a handshake are read or refused, and a cursor
// that we made is read as what it was.
func FuzzJoinOptions(f *testing.F) {
	f.Add("after=5f3c:42&history=10", "")
	f.Add("after=:&history=-1", "x:1")
	f.Add("history=201", "a:18446744073709551616")
	f.Fuzz(func(t *testing.T, query, lastEventID string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		o, err := joinOptions(values, lastEventID, 0)
		if err != nil {
			if e, ok := errors.AsType[*rooms.Error](err); !ok || e.Code != rooms.CodeInvalid {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if o.History < 0 || o.History > rooms.MaxPage {
			t.Fatalf("a history of %d", o.History)
		}
		if o.After != nil {
			again, ok := parseCursor(string(appendCursor(nil, o.After.Epoch, o.After.Rev)))
			if !ok || *again != *o.After {
				t.Fatalf("%+v is read again as %+v", o.After, again)
			}
		}
	})
}
