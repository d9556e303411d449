package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"chatd/handlers/client"
)

// chatPage is the chat in a tab of its own, with a profile of its own: another
// person. Its methods fail the test when the browser does.
type chatPage struct {
	t    testing.TB
	ctx  context.Context //nolint:containedctx // a tab is a context to chromedp
	name string

	mu       sync.Mutex
	problems []string // what the console complained of
	requests []string // the addresses of all that was asked for
}

// uiHelpers shorten what tests ask the page. They see through the shadow root.
const uiHelpers = `
globalThis.ui = {
	get view() { return document.querySelector("chat-room"); },
	get root() { return this.view?.shadowRoot; },
	get text() { return this.root.querySelector("textarea"); },
	get drawn() { return this.root?.querySelector(".prerendered"); },
	get log() { return this.root.querySelector(".timeline:not(.away)"); },
	$(sel) { return this.root.querySelector(sel) ?? document.querySelector(sel); },
	rows() { return [...this.root.querySelectorAll(".timeline:not(.away) .row")]; },
	row(text) { return this.rows().find((r) => r.querySelector(".body")?.innerText.includes(text)); },
	texts() { return this.rows().map((r) => r.querySelector(".body > p:not(.gone)")?.firstChild?.data ?? ""); },
	ready() { return this.view?.room?.state === "open" && this.view.room.welcome && !this.root.querySelector(".shell").hidden; },
	async unread(room) { // as the server knows it
		const headers = {Authorization: "Bearer " + localStorage.getItem("chatd:token")};
		return (await (await fetch("/rooms/" + room + "?inbox=1", {headers})).json()).unread;
	},
	frames(n) { return new Promise((done) => { const next = () => n-- > 0 ? requestAnimationFrame(next) : done(true); next(); }); },
};`

// openPage opens a room as somebody. name "" is somebody who has not said who
// they are; script runs before the page's own.
func openPage(t testing.TB, browser context.Context, server, room, name string, script ...string) *chatPage {
	t.Helper()
	p := newPage(t, browser, name, script...)
	p.do(chromedp.Navigate(server + "/r/" + url.PathEscape(room)))
	p.until("ui.ready()")
	return p
}

// newPage is a tab that is nowhere yet.
func newPage(t testing.TB, browser context.Context, name string, script ...string) *chatPage {
	t.Helper()
	return newTab(t, browser, chromedp.WithNewBrowserContext(), name, script...)
}

// beside is another tab of the same person.
func (p *chatPage) beside(t *testing.T, address string, script ...string) *chatPage {
	t.Helper()
	tab := newTab(t, p.ctx, chromedp.WithExistingBrowserContext(chromedp.FromContext(p.ctx).BrowserContextID), p.name, script...)
	tab.do(chromedp.Navigate(address))
	tab.until("ui.ready()")
	return tab
}

func newTab(t testing.TB, parent context.Context, profile chromedp.ContextOption, name string, script ...string) *chatPage {
	t.Helper()
	ctx, end := chromedp.NewContext(parent, profile)
	t.Cleanup(end)
	p := &chatPage{t: t, ctx: ctx, name: name}
	if err := chromedp.Listen(ctx, p.listen); err != nil {
		t.Fatal(err)
	}
	// Every page believes to be the one in front: only those tell of focus.
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	who, _ := json.Marshal(name)
	before := uiHelpers + fmt.Sprintf("if (%s && location.host) localStorage.setItem('chatd:name', %s);", who, who) + strings.Join(script, "\n")
	_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: before})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *chatPage) listen(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, "exception: "+ev.ExceptionDetails.Text+fmt.Sprint(ev.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if ev.Type == "error" || ev.Type == "warning" {
			p.problems = append(p.problems, fmt.Sprintf("console: %v", ev.Args))
		}
	case *log.EventEntryAdded: // of the browser itself: what did not load, what the page's policy forbids
		if ev.Entry.Level == "error" {
			p.problems = append(p.problems, fmt.Sprintf("log: %s %s", ev.Entry.Text, ev.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, ev.Request.URL)
	case *network.EventWebSocketCreated:
		p.requests = append(p.requests, ev.URL)
	}
}

// calm fails the test if the console complained of anything.
func (p *chatPage) calm() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, problem := range p.problems {
		p.t.Errorf("%s's page: %s", p.name, problem)
	}
}

// forgive forgets what the browser logs of requests that a test has refused.
func (p *chatPage) forgive(status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = slices.DeleteFunc(p.problems, func(s string) bool { return strings.Contains(s, "status of "+status) })
}

func (p *chatPage) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s's page: %v", p.name, err)
	}
}

// until waits for a condition; while it throws it does not hold.
func (p *chatPage) until(condition string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	poll := chromedp.Poll[chromedp.Void]("(async () => { try { return !!(await ("+condition+")); } catch { return false; } })()", chromedp.WithPollingTimeout(40*time.Second), chromedp.WithPollingInterval(20*time.Millisecond))
	_, err := chromedp.Run(ctx, poll)
	for err != nil && (strings.Contains(err.Error(), "Cannot find context") || strings.Contains(err.Error(), "navigated")) { // another page comes
		_, err = chromedp.Run(ctx, poll)
	}
	if err != nil {
		texts, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("JSON.stringify(globalThis.ui?.root ? [ui.texts().slice(-20), ui.view.room?.state, ui.view.room?.cursor, ui.view.room?.pausedUntil, ui.view.room?.outbox] : document.body.innerText)"))
		p.t.Fatalf("%s's page: waited for %s: %v\nit shows %s", p.name, condition, err, texts)
	}
}

// eval asks the page; promises are awaited.
func eval[T any](p *chatPage, js string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s's page: %s: %v", p.name, js, err)
	}
	return v
}

// run is eval for what answers nothing. It does not wait for promises.
func (p *chatPage) run(js string) {
	p.t.Helper()
	eval[chromedp.Void](p, js+"\n;undefined")
}

// write types a text at once, where the caret is.
func (p *chatPage) write(text string) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		p.t.Fatal(err)
	}
}

// keys are those that tests press, as browsers name them.
var keys = map[string]input.DispatchKeyEventParams{
	"Enter":      {Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13, Text: "\r"},
	"Tab":        {Key: "Tab", Code: "Tab", WindowsVirtualKeyCode: 9},
	"Escape":     {Key: "Escape", Code: "Escape", WindowsVirtualKeyCode: 27},
	"ArrowUp":    {Key: "ArrowUp", Code: "ArrowUp", WindowsVirtualKeyCode: 38},
	"ArrowDown":  {Key: "ArrowDown", Code: "ArrowDown", WindowsVirtualKeyCode: 40},
	"ArrowRight": {Key: "ArrowRight", Code: "ArrowRight", WindowsVirtualKeyCode: 39},
}

// press presses a key as a keyboard does: what it would type comes with it, so
// that a page can prevent it. Names that are no special key are characters.
func (p *chatPage) press(name string, modifiers ...int64) {
	p.t.Helper()
	key, ok := keys[name]
	if !ok {
		key = input.DispatchKeyEventParams{Key: name, Text: name, WindowsVirtualKeyCode: int64(strings.ToUpper(name)[0])}
	}
	for _, m := range modifiers {
		key.Modifiers |= m
		key.Text = ""
	}
	key.Type = input.DispatchKeyEventTypeKeyDown
	if key.Text == "" {
		key.Type = input.DispatchKeyEventTypeRawKeyDown
	}
	for _, kind := range []input.DispatchKeyEventType{key.Type, input.DispatchKeyEventTypeKeyUp} {
		key.Type = kind
		if _, err := chromedp.Call(p.ctx, input.DispatchKeyEvent, key); err != nil {
			p.t.Fatal(err)
		}
		key.Text = ""
	}
}

// say posts through the composer.
func (p *chatPage) say(text string) {
	p.t.Helper()
	p.run("ui.view.focus()")
	p.write(text)
	p.press("Enter")
}

// fill posts n numbered messages to a room.
func fill(t testing.TB, server, room string, n int) {
	t.Helper()
	s, err := client.Dial(t.Context(), server, client.Options{Room: room, Name: "Filler", History: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	under := make(chan struct{}, 64) // who does not read the acks is not served for long
	wrote := make(chan error, 1)
	go func() {
		for i := range n {
			under <- struct{}{}
			if err := s.Write(chatFrame(fmt.Sprintf("message %d, of a length that differs%s", i+1, strings.Repeat(" a little more", i%9)))); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- nil
	}()
	for acks := 0; acks < n; {
		f, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		switch f.Type {
		case "ack":
			acks++
			<-under
		case "error":
			t.Fatalf("filling %s: %s", room, f.Raw)
		}
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
}
