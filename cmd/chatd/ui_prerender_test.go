package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// placesOf are where the texts of rows are, from the top of the page, and how the
// rows look.
func (p *chatPage) placesOf(rows string) map[string]place {
	p.t.Helper()
	return eval[map[string]place](p, `Object.fromEntries([...ui.root.querySelectorAll("`+rows+`")].map((r) => [r.dataset.key, {Top: r.querySelector(".body").getBoundingClientRect().top, Look: r.className}]))`)
}

type place struct {
	Top  float64
	Look string
}

// TestUIPrerender looks at a room while the page's code is held back, scrolls in
// it, and lets the code come: what can be seen does not move.
func TestUIPrerender(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, admin := serveGuarded(t)
	converse(t, admin)
	for _, c := range []struct {
		name, who, path string
		width           int
		up              float64 // pixels that the reader scrolls up
	}{
		{"wide", "Ana", "/r/lobby", 1440, 0},
		{"newcomer on a phone", "", "/r/lobby", 375, 0},
		{"scrolled up", "Ana", "/r/lobby", 1440, 150},
		{"scrolled up on a phone", "Ana", "/r/lobby", 375, 300},
		{"frame", "Ana", "/embed/lobby?name=Ana", 600, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPage(t, browser, c.who)
			p.t = t
			p.resize(c.width)
			release := p.hold("*/app/main.js", "*/app/embed.js")
			p.begin(server.URL + c.path)
			p.until(`globalThis.ui?.drawn && ui.$(".composer")`)
			p.run(fmt.Sprintf(`ui.drawn.scrollTop = -%v`, c.up))
			p.until("ui.frames(2)")
			before := p.placesOf(".prerendered .row")
			if len(before) < 20 {
				t.Errorf("%d messages are drawn", len(before))
			}
			release()
			p.until(`ui.ready() && !ui.drawn && ui.rows().length >= 40`)
			p.until("ui.frames(2)")
			after := p.placesOf(".timeline .row")
			for key, was := range before {
				is, ok := after[key]
				if !ok {
					t.Errorf("message %s is gone", key)
				}
				seen := was.Top > 60 // below the header; a day may begin above
				if seen && math.Abs(is.Top-was.Top) > 0.5 {
					t.Errorf("message %s moved by %v px: %v, %v", key, is.Top-was.Top, was, is)
				}
			}
			p.calm()
		})
	}
}

// TestUIPrerenderUnread comes back to a room of which much is unread: it opens
// there, except for who has begun to read before the page could know.
func TestUIPrerenderUnread(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	fill(t, server.URL, "lobby", 60)
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	p.until(`ui.rows().length >= 50`)
	for _, scrolled := range []bool{false, true} {
		p.until(`await ui.unread("lobby") === 0`)
		p.do(chromedp.Navigate("about:blank"))
		fill(t, server.URL, "lobby", 40)
		release := p.hold("*/app/main.js")
		p.begin(server.URL + "/r/lobby")
		p.until(`globalThis.ui?.drawn && ui.$(".composer")`)
		if scrolled {
			p.run(`ui.drawn.scrollTop = -100`)
		}
		p.until("ui.frames(2)")
		before := p.placesOf(".prerendered .row")
		release()
		p.until(`ui.$(".unread-line")?.nextElementSibling?.innerText.includes("message 1,")`)
		if scrolled {
			p.until("ui.frames(2)")
			last := eval[string](p, "ui.rows().at(-1).dataset.key")
			if was, is := before[last], p.placesOf(".timeline .row")[last]; is != was {
				t.Errorf("who had scrolled up was taken elsewhere: from %v to %v", was, is)
			}
			break
		}
		p.until(`(() => { const l = ui.log.getBoundingClientRect(), u = ui.$(".unread-line").getBoundingClientRect(); return u.top > l.top && u.bottom < l.bottom; })()`)
		p.run(`ui.view.timeline.toLatest()`)
	}
	p.calm()
}

// TestPrerenderShowsWhatGuestsMayRead asks for pages as browsers do.
func TestPrerenderShowsWhatGuestsMayRead(t *testing.T) {
	t.Parallel()
	server, admin := serveGuarded(t)
	if _, err := admin.CreateRoom(t.Context(), wire.CreateRoom{ID: "secret", Visibility: "private"}); err != nil {
		t.Fatal(err)
	}
	for _, room := range []string{"lobby", "secret"} {
		if _, err := admin.Post(t.Context(), room, wire.PostMessage{Message: "The word is swordfish."}); err != nil {
			t.Fatal(err)
		}
	}
	page := func(path string, header ...string) (status int, tag, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, res.Header.Get("ETag"), string(raw)
	}
	shows := func(want bool, path string, header ...string) {
		t.Helper()
		status, _, body := page(path, header...)
		if status != http.StatusOK || strings.Contains(body, "swordfish") != want {
			t.Errorf("%s %q: %d; it shows the message: %v, want %v", path, header, status, !want, want)
		}
	}
	shows(true, "/r/lobby")
	shows(true, "/embed/lobby")
	shows(false, "/")
	shows(false, "/r/secret")
	shows(false, "/embed/secret")
	shows(false, "/r/nowhere")
	shows(false, "/r/lobby", "Authorization", "Bearer nonsense")
	shows(true, "/r/secret", "Authorization", "Bearer "+uiAdmin)

	_, tag, _ := page("/r/lobby")
	if status, _, _ := page("/r/lobby", "If-None-Match", tag); status != http.StatusNotModified {
		t.Errorf("the same page again: %d", status)
	}
	if _, err := admin.Post(t.Context(), "lobby", wire.PostMessage{Message: "And now another."}); err != nil {
		t.Fatal(err)
	}
	if status, _, body := page("/r/lobby", "If-None-Match", tag); status != http.StatusOK || !strings.Contains(body, "And now another.") {
		t.Errorf("the page after a message: %d", status)
	}

	var answer any
	ask(t, "POST", server.URL+"/rooms/lobby/bans", `{"address": "127.0.0.1"}`, &answer)
	shows(false, "/r/lobby")
}

// converse fills the lobby with all that the server knows to draw.
func converse(t *testing.T, admin *client.API) {
	t.Helper()
	fill(t, admin.URL, "lobby", 30)
	post := func(name string, m wire.PostMessage) uint64 {
		t.Helper()
		posted, err := (&client.API{URL: admin.URL, Name: name}).Post(t.Context(), "lobby", m)
		if err != nil {
			t.Fatal(err)
		}
		return posted.Seq
	}
	first := post("Ana", wire.PostMessage{Message: "Good morning. Who has the key of the lab?"})
	post("Ben", wire.PostMessage{Message: "Cleo does, I think."})
	post("Ben", wire.PostMessage{Message: "At least she had it on Friday,\nin the evening."})
	for range 4 {
		post("Ana", wire.PostMessage{Message: strings.Repeat("A longer text, which takes more than one line. ", 7)})
		post("Ben", wire.PostMessage{Message: "Yes."})
	}
	post("Cleo", wire.PostMessage{Message: "I have it!", ReplyTo: first})
	post("Ben", wire.PostMessage{Message: "🎉 👍🏽"})
	post("中文名字", wire.PostMessage{Message: "那我们十点钟在门口见。"})
	post("دانا", wire.PostMessage{Message: "سأكون هناك في العاشرة"})
	gone := post("Ben", wire.PostMessage{Message: "A slip of the tongue."})
	var answer any
	ask(t, "DELETE", fmt.Sprintf("%s/rooms/lobby/messages/%d", admin.URL, gone), "", &answer)
	if _, err := admin.Broadcast(t.Context(), "lobby", wire.PostMessage{Message: "The server restarts at 15:00."}); err != nil {
		t.Fatal(err)
	}
	last := post("Cleo", wire.PostMessage{Message: "See you there."})
	ask(t, "PUT", fmt.Sprintf("%s/rooms/lobby/messages/%d/reactions/%s", admin.URL, last, url.PathEscape("👍")), "", &answer)
}

// hold keeps requests that match a pattern from the server, until what it
// returns is called.
func (p *chatPage) hold(patterns ...string) (release func()) {
	p.t.Helper()
	var enable fetch.EnableParams
	for _, pattern := range patterns {
		enable.Patterns = append(enable.Patterns, &fetch.RequestPattern{URLPattern: pattern})
	}
	held := make(chan fetch.RequestID, 16)
	err := chromedp.Listen(p.ctx, func(ev any) {
		if ev, ok := ev.(*fetch.EventRequestPaused); ok {
			held <- ev.RequestID
		}
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := chromedp.Call(p.ctx, fetch.Enable, enable); err != nil {
		p.t.Fatal(err)
	}
	// What the browser has in its memory it does not ask for.
	if _, err := chromedp.Call(p.ctx, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}); err != nil {
		p.t.Fatal(err)
	}
	if _, err := chromedp.Call(p.ctx, network.SetBypassServiceWorker, network.SetBypassServiceWorkerParams{Bypass: true}); err != nil {
		p.t.Fatal(err)
	}
	return func() {
		p.t.Helper()
		ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
		defer cancel()
		var id fetch.RequestID
		select {
		case id = <-held:
		case <-ctx.Done():
			p.t.Fatal("the page asked for nothing that is held")
		}
		if _, err := chromedp.Call(ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: id}); err != nil {
			p.t.Fatal(err)
		}
		if _, err := chromedp.Call(p.ctx, fetch.Disable, cdp.Empty{}); err != nil {
			p.t.Fatal(err)
		}
	}
}

// begin goes to a page without waiting for all of it.
func (p *chatPage) begin(address string) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, page.Navigate, page.NavigateParams{URL: address}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *chatPage) resize(width int) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(width), Height: 800, DeviceScaleFactor: 1, Mobile: false,
	})
	if err != nil {
		p.t.Fatal(err)
	}
}
