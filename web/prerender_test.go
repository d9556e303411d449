package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// shown is a room of n messages.
func shown(n int, text string) func(*http.Request, string) (*Room, bool) {
	room := &Room{Name: "Lobby", Topic: "Whatever"}
	for i := range n {
		room.Messages = append(room.Messages, Message{
			Seq: uint64(i + 1), From: "guest:x", Name: "Ana", At: time.Unix(int64(i)*90, 0),
			Text: fmt.Sprintf("%d %s%s", i+1, text, strings.Repeat(" a little more", i%9)),
		})
	}
	return func(*http.Request, string) (*Room, bool) { return room, true }
}

// A page is put together of parts that were compressed at different times: it must
// be the same when it is unpacked, and its style what its policy allows.
func TestPagesWithARoomAreWhole(t *testing.T) {
	h := Handler(Options{Newest: shown(30, "swordfish")})
	for _, target := range []string{"/r/lobby", "/embed/lobby"} {
		for _, cookie := range []string{"theme=dark", "theme=%22onload=", ""} {
			plain, _ := io.ReadAll(get(t, h, "GET", target, "Cookie", cookie).Body)
			res := get(t, h, "GET", target, "Cookie", cookie, "Accept-Encoding", "gzip")
			zip, err := gzip.NewReader(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if unpacked, err := io.ReadAll(zip); err != nil || !bytes.Equal(plain, unpacked) {
				t.Fatalf("%s: %v, or another page than without compression", target, err)
			}
			dark := strings.Contains(string(plain), `<html lang="en" data-theme="dark">`)
			if want := cookie == "theme=dark" && target == "/r/lobby"; dark != want || strings.Contains(string(plain), "onload=") {
				t.Errorf("%s with the cookie %q is dark: %v", target, cookie, dark)
			}
			if n := strings.Count(string(plain), "swordfish"); n != 30 {
				t.Errorf("%s shows %d messages, not 30", target, n)
			}
			styles := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllSubmatch(plain, -1)
			if len(styles) != 2 {
				t.Errorf("%s has %d styles", target, len(styles))
			}
			for _, style := range styles {
				sum := sha256.Sum256(style[1])
				if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, base64.StdEncoding.EncodeToString(sum[:])) {
					t.Errorf("%s: its policy %q does not allow its style", target, csp)
				}
			}
		}
	}
}

// Whoever has chosen a theme sees no other one, also where there is no room to draw.
func TestPagesBeginInTheirTheme(t *testing.T) {
	h := Handler(Options{})
	for _, target := range []string{"/", "/r/lobby"} {
		body, _ := io.ReadAll(get(t, h, "GET", target, "Cookie", "theme=dark").Body)
		if !strings.Contains(string(body), ` data-theme="dark"`) {
			t.Errorf("%s is not dark:\n%s", target, body)
		}
	}
}

func TestPagesWithARoomAreFresh(t *testing.T) {
	tags := map[string]bool{}
	for _, newest := range []func(*http.Request, string) (*Room, bool){shown(1, "a"), shown(1, "b"), shown(2, "a"), nil} {
		h := Handler(Options{Newest: newest})
		for _, theme := range []string{"theme=light", "theme=dark"} {
			tags[get(t, h, "GET", "/r/lobby", "Cookie", theme).Header.Get("ETag")] = true
		}
	}
	if len(tags) != 8 {
		t.Errorf("eight pages have %d ETags: %v", len(tags), tags)
	}
}

func TestDrawnTextsAreTexts(t *testing.T) {
	const harm = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	room := &Room{Name: harm, Topic: harm, Messages: []Message{
		{Seq: 1, From: harm, Name: harm, Text: harm, Reactions: []Reaction{{Emoji: harm, Count: 1}}},
		{Seq: 2, From: harm, Name: harm, Text: harm, ReplyTo: 1},
	}}
	drawn := newDrawing(loadBundle()).room(room)
	if bytes.Contains(drawn, []byte("<script")) || bytes.Contains(drawn, []byte("<img")) {
		t.Errorf("a text became an element:\n%s", drawn)
	}
	if n := bytes.Count(drawn, []byte("&lt;script&gt;")); n != 9 {
		t.Errorf("%d of 9 texts are there:\n%s", n, drawn)
	}
}

// However long messages are, a page stays small, and has the newest.
func TestDrawnRoomsAreSmall(t *testing.T) {
	newest := shown(30, strings.Repeat("说", 4000))
	room, _ := newest(nil, "")
	drawn := newDrawing(loadBundle()).room(room)
	if len(drawn) > 3*mostText || !bytes.Contains(drawn, []byte(`data-key="30"`)) {
		t.Errorf("%d bytes are drawn", len(drawn))
	}
}

// BenchmarkPage serves the page of a room, with its newest messages in it and
// without any.
func BenchmarkPage(b *testing.B) {
	for _, c := range []struct {
		name   string
		newest func(*http.Request, string) (*Room, bool)
	}{
		{"empty", nil},
		{"drawn", shown(30, "messages of lengths that differ")},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := Handler(Options{Newest: c.newest})
			r := httptest.NewRequestWithContext(b.Context(), "GET", "/r/lobby", nil)
			r.Header.Set("Accept-Encoding", "gzip")
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				b.SetBytes(int64(w.Body.Len()))
			}
		})
	}
}
