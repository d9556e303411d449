package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"chatd/handlers/auth"
	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gorilla/websocket"
)

// counted is a connection that counts what it reads.
type counted struct {
	net.Conn
	read atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// deflating is a client that offers compression. It reports whether the server
// agreed.
func (s *restServer) deflating(t *testing.T) (ws *websocket.Conn, wire *counted, agreed bool) {
	t.Helper()
	d := websocket.Dialer{EnableCompression: true}
	d.NetDialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		wire = &counted{Conn: c}
		return wire, err
	}
	ws, res, err := d.DialContext(t.Context(), strings.Replace(s.URL, "http", "ws", 1)+"/ws?history=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	t.Cleanup(func() { _ = ws.Close() })
	until(t, ws, "welcome")
	return ws, wire, strings.Contains(res.Header.Get(extensionsHeader), deflateExtension)
}

func compress(c *Config) { c.Compress = true }

func TestLongMessagesAreCompressedForWhoCanTakeIt(t *testing.T) {
	s := startREST(t, auth.Config{}, compress)
	ben, wire, agreed := s.deflating(t)
	if !agreed {
		t.Fatal("the server did not agree to compress")
	}
	ana := s.socket(t, "/ws?history=0")
	until(t, ana, "welcome")
	before := wire.read.Load()
	for _, text := range []string{strings.Repeat("all the same ", 300), "short", strings.Repeat("déjà vu ", 400)} {
		text = strings.TrimSpace(text)
		frame, _ := json.Marshal(map[string]string{"type": "chat", "message": text})
		if err := ben.WriteMessage(websocket.TextMessage, frame); err != nil { // compressed too
			t.Fatal(err)
		}
		for name, ws := range map[string]*websocket.Conn{"Ana": ana, "Ben": ben} {
			if got := until(t, ws, "chat")["message"]; got != text {
				t.Errorf("%s got %.40q… instead of %.40q…", name, got, text)
			}
		}
	}
	if n := wire.read.Load() - before; n > 2000 {
		t.Errorf("7 KB that repeat themselves came as %d bytes", n)
	}
}

func TestCompressionIsOffUnlessAskedFor(t *testing.T) {
	if _, _, agreed := startREST(t, auth.Config{}).deflating(t); agreed {
		t.Error("the server agreed to compress")
	}
}

// A few kilobytes that inflate to megabytes are refused before they are megabytes.
func TestInflationIsBounded(t *testing.T) {
	ws, _, _ := startREST(t, auth.Config{}, compress).deflating(t)
	bomb := `{"type":"chat","message":"` + strings.Repeat("x", 16<<20) + `"}`
	// Deflated before the first of it is sent: the server waits two seconds for the
	// rest of what it has refused.
	prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, []byte(bomb))
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.WritePreparedMessage(prepared); err != nil {
		t.Fatal(err)
	}
	for {
		_, data, err := ws.ReadMessage()
		if err == nil {
			if bytes.HasPrefix(data, []byte(`{"type":"chat"`)) {
				t.Fatal("the message was posted")
			}
			continue
		}
		closed, ok := errors.AsType[*websocket.CloseError](err)
		if !ok || closed.Code != wire.CloseTooBig {
			t.Errorf("the session ended with %v, not with %d", err, wire.CloseTooBig)
		}
		return
	}
}

func TestAFrameIsCompressedOnce(t *testing.T) {
	d := newDeflater()
	f := rooms.Frame{Payload: bytes.Repeat([]byte("again "), 200)}
	frames := make([]*byte, 8)
	var asking sync.WaitGroup
	for i := range frames {
		asking.Go(func() { frames[i] = &d.frame(f.Payload)[0] })
	}
	asking.Wait()
	for _, first := range frames {
		if first != frames[0] {
			t.Fatal("it was compressed more than once")
		}
	}
	for range 10 * deflateKept {
		d.frame(bytes.Repeat([]byte("other "), 200))
	}
	if len(d.kept) > deflateKept {
		t.Errorf("%d frames are kept, not %d", len(d.kept), deflateKept)
	}
	if again := &d.frame(f.Payload)[0]; again == frames[0] {
		t.Error("a frame of long ago is still kept")
	}
}

// What does not become smaller, and what is short, goes as it is.
func TestWhatGainsNothingIsNotCompressed(t *testing.T) {
	framing := deflateFraming{newDeflater()}
	noise := make([]byte, 600)
	for i := range noise {
		noise[i] = byte(i * i * 7919 >> 3)
	}
	for name, payload := range map[string][]byte{"short": bytes.Repeat([]byte("x"), deflateAbove), "noise": noise} {
		f := rooms.Frame{Payload: payload}
		got, plain := framing.Append(nil, f), webSocketFraming{}.Append(nil, f)
		if name == "noise" && len(got) > len(plain) || name == "short" && !bytes.Equal(got, plain) {
			t.Errorf("%s: %d bytes became a frame of %d", name, len(payload), len(got))
		}
	}
}

func TestWhichOffersOfCompressionAreTaken(t *testing.T) {
	for offer, want := range map[string]bool{
		"":                   false,
		"permessage-deflate": true,
		"permessage-deflate; client_max_window_bits":                                       true, // browsers
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover":       true,
		"permessage-deflate;client_max_window_bits=10":                                     true,
		"permessage-deflate; server_max_window_bits=10":                                    false,
		"permessage-deflate; server_max_window_bits=10, permessage-deflate":                true,
		"x-webkit-deflate-frame":                                                           false,
		"foo, permessage-deflate; client_max_window_bits":                                  true,
		"permessage-deflate; server_max_window_bits=10, permessage-deflate; something=new": false,
	} {
		h := http.Header{}
		if offer != "" {
			h.Set(extensionsHeader, offer)
		}
		if got := offersDeflate(h); got != want {
			t.Errorf("%q is taken: %t", offer, got)
		}
	}
}
