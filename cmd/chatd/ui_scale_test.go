package main

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"chatd/handlers/client"
)

var uiMessages = flag.Int("ui.messages", 10_000, "how many messages the room of TestUILongRoom holds; 100000 is the long form")

const (
	maxElements = 4000
	maxHeap     = 30 << 20
	maxLoad     = 60 << 10
)

// TestUIFirstLoad counts what a page asks for before it can be used, also where
// what it asked for comes slower than it draws.
func TestUIFirstLoad(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	fill(t, server.URL, "lobby", 60)
	for _, slower := range []float64{1, 12} {
		p := newPage(t, browser, "Ana")
		if _, err := chromedp.Call(p.ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: slower}); err != nil {
			t.Fatal(err)
		}
		p.do(chromedp.Navigate(server.URL + "/r/lobby"))
		p.until(`ui.ready() && ui.rows().length >= 50`)
		p.until(`performance.now() > 4000`) // and what it asks for when it has nothing else to do
		p.mu.Lock()
		requests := p.requests
		p.mu.Unlock()
		for _, r := range requests {
			if !strings.HasPrefix(r, server.URL) && !strings.HasPrefix(r, "ws"+strings.TrimPrefix(server.URL, "http")) && !strings.HasPrefix(r, "data:") {
				t.Errorf("the page asks another host: %s", r)
			}
		}
		size := eval[int](p, `performance.getEntries().reduce((sum, e) => sum + (e.encodedBodySize ?? 0), 0)`)
		t.Logf("a processor of 1/%v: %d requests, %d bytes", slower, len(requests), size)
		if size > maxLoad || len(requests) > 24 {
			t.Errorf("%d bytes, at most %d, in %d requests, at most 24:\n%s", size, maxLoad, len(requests), strings.Join(requests, "\n"))
		}
		p.calm()
	}
}

// TestUILongRoom holds the page to its bounds in a room of a long history, and
// the row that the reader looks at to its place.
func TestUILongRoom(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	fill(t, server.URL, "lobby", *uiMessages)
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	p.as(`ui.texts().at(-1)?.startsWith("message %d,")`, *uiMessages)

	// Scrolling up page by page: whatever is added above or taken away below,
	// the row at the top of the view stays where it is.
	moved := eval[float64](p, `(async () => {
		let most = 0;
		for (let i = 0; i < 60; i++) {
			ui.log.scrollTop -= 700;
			await ui.frames(1);
			const top = ui.log.getBoundingClientRect().top;
			const row = ui.rows().find((r) => r.getBoundingClientRect().bottom > top);
			const before = row.getBoundingClientRect().top;
			await ui.frames(3);
			if (row.isConnected) most = Math.max(most, Math.abs(row.getBoundingClientRect().top - before));
		}
		return most;
	})()`)
	if moved > 0 {
		t.Errorf("the row that is looked at moved by %v px", moved)
	}
	const count = `document.querySelectorAll("*").length + ui.view.shadowRoot.querySelectorAll("*").length`
	rows, elements := eval[int](p, "ui.rows().length"), eval[int](p, count)
	if rows < 250 || rows > 400 {
		t.Errorf("%d rows are in the page", rows)
	}
	first := eval[string](p, "ui.texts()[0]")
	if strings.HasPrefix(first, fmt.Sprintf("message %d,", *uiMessages-49)) {
		t.Error("scrolling up brought nothing older")
	}

	// News while the reader is elsewhere: counted, and nothing moves.
	where := eval[float64](p, "ui.log.scrollTop")
	fill(t, server.URL, "lobby", 12)
	p.until(`ui.$(".pill:not([hidden])")?.innerText.includes("12 new")`)
	if now := eval[float64](p, "ui.log.scrollTop"); now != where {
		t.Errorf("news moved the reader from %v to %v", where, now)
	}
	p.run(`ui.$(".pill").click()`)
	p.until(`ui.texts().at(-1).startsWith("message 12,") && ui.log.scrollHeight - ui.log.scrollTop - ui.log.clientHeight < 2 && ui.$(".pill").hidden`)

	// To a linked message, to the first one and back.
	p.run(`location.hash = "#2500"`)
	p.until(`ui.root.querySelector('[data-key="2500"].flash')`)
	p.run(`void ui.view.timeline.toFirst()`)
	p.until(`ui.texts()[0].startsWith("message 1,") && ui.log.scrollTop === 0 && !ui.$(".intro").hidden`)
	p.run(`ui.view.timeline.toLatest()`)
	p.until(`ui.texts().at(-1).startsWith("message 12,")`)

	if _, err := chromedp.Call(p.ctx, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	heap := p.heap()
	t.Logf("%d messages: %d elements for %d rows, %.1f MB of heap", *uiMessages, elements, rows, float64(heap)/(1<<20))
	if elements > maxElements {
		t.Errorf("%d elements are more than %d", elements, maxElements)
	}
	if heap > maxHeap {
		t.Errorf("%d bytes of heap are more than %d", heap, maxHeap)
	}
	p.calm()
}

// TestUIBusyRoom types while 200 messages a second arrive: not a key is lost, and
// a message costs its own row, not those of the others. How long it takes is
// measured by BenchmarkUIBusy.
func TestUIBusyRoom(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	busy(t, server.URL, "lobby", 200)
	p.until("ui.rows().length > 250")
	p.run(`
		ui.made = new Map();
		ui.came = 0;
		ui.watch = new MutationObserver((records) => {
			for (const r of records) for (const n of r.addedNodes)
				if (n.classList.contains("row")) ui.made.set(n.dataset.key, (ui.made.get(n.dataset.key) ?? 0) + 1);
		});
		ui.watch.observe(ui.$(".rows"), {childList: true});
		ui.view.room.addEventListener("message", () => ui.came++);`)
	p.run("ui.view.focus()")
	text := strings.Repeat("typing on ", 12)
	for _, c := range text {
		p.press(string(c))
	}
	if got := eval[string](p, "ui.text.value"); got != text {
		t.Errorf("the composer holds %q", got)
	}
	p.press("Enter")
	p.until(`ui.texts().some((text) => text.startsWith("typing on"))`)
	p.until(`ui.came > 400`)
	// A text of one's own has a row before it has its number.
	if again := eval[int](p, `[...ui.made.values()].filter((n) => n > 1).length`); again > 1 {
		t.Errorf("%d messages had their rows made more than once", again)
	}
	p.calm()
}

// busy posts so many messages a second to a room until the test ends.
func busy(t testing.TB, server, room string, rate int) {
	t.Helper()
	s, err := client.Dial(t.Context(), server, client.Options{Room: room, Name: "Busy", History: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	go func() {
		for {
			if _, err := s.Read(t.Context()); err != nil {
				return
			}
		}
	}()
	go func() {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for i := 0; ; i++ {
			<-tick.C
			if s.Write(chatFrame(fmt.Sprintf("busy %d with **some** marks and https://example.org/%d", i, i))) != nil {
				return
			}
		}
	}()
}

// as is until with a formatted condition.
func (p *chatPage) as(format string, args ...any) {
	p.t.Helper()
	p.until(fmt.Sprintf(format, args...))
}

func (p *chatPage) heap() int64 {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, performance.Enable, performance.EnableParams{}); err != nil {
		p.t.Fatal(err)
	}
	return int64(p.metric("JSHeapUsedSize"))
}

// metric is one of those that the browser keeps of a page.
func (p *chatPage) metric(name string) float64 {
	p.t.Helper()
	res, err := chromedp.Call(p.ctx, performance.GetMetrics, cdp.Empty{})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, m := range res.Metrics {
		if m.Name == name {
			return m.Value
		}
	}
	p.t.Fatalf("the browser tells no %s", name)
	return 0
}
