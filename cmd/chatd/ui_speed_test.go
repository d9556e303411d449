package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// slow4G is the mobile network that Lighthouse assumes.
var slow4G = line{rtt: 150 * time.Millisecond, down: 1.6e6 / 8, up: 750e3 / 8}

// noteReadable notes when a page first shows the messages of a room, and when they
// are those of the room itself, so that one can answer.
const noteReadable = `{
	const painted = (name, there) => {
		const look = () => there() ? setTimeout(() => globalThis[name] = performance.now()) : requestAnimationFrame(look);
		look();
	};
	painted("readableAt", () => ui.drawn?.querySelectorAll(".row").length >= 20);
	painted("liveAt", () => ui.view?.room && !ui.$(".shell").hidden && ui.rows().length >= 20);
}`

// BenchmarkUIOpen opens a room in a browser that has never seen it, over slow 4G,
// and tells after how many milliseconds its messages can be read, and answered:
// as DevTools emulate that network, where a connection costs nothing to make, and over a line
// that makes it cost round trips; with HTTP/2, which a browser speaks over TLS
// only, and with HTTP/1.1, of which it asks six things at a time. The log says
// when what was loaded.
func BenchmarkUIOpen(b *testing.B) {
	browser := newBrowserWith(b, chromedp.Flag("ignore-certificate-errors", true))
	dir := b.TempDir()
	newCertificate(b, dir, 1)
	filling := serveIn(b, dir)
	fill(b, filling.URL, "lobby", 60)
	filling.stop()
	for _, protocol := range []struct {
		name string
		args []string
	}{
		{name: "h1"},
		{name: "h2", args: []string{"--tls-cert", "cert.pem", "--tls-key", "key.pem"}},
	} {
		server := serveIn(b, dir, protocol.args...)
		scheme, address, _ := strings.Cut(server.URL, "://")
		net := newBadNet(b, "http://"+address)
		_, address, _ = strings.Cut(net.URL, "://")
		networks := map[string]func(*chatPage){
			"emulated": func(p *chatPage) { p.emulate(slow4G) },
			"line":     func(*chatPage) { net.over(slow4G) },
		}
		for name, begin := range networks {
			b.Run(protocol.name+" "+name, func(b *testing.B) {
				var readable, live samples
				for b.Loop() {
					p := newPage(b, browser, "Ana", noteReadable)
					begin(p)
					p.do(chromedp.Navigate(scheme + "://" + address + "/r/lobby"))
					p.until("globalThis.readableAt && globalThis.liveAt")
					readable = append(readable, eval[float64](p, "readableAt"))
					live = append(live, eval[float64](p, "liveAt"))
					b.Log(strings.Join(eval[[]string](p, `performance.getEntries().filter((e) => e.responseEnd || e.entryType === "paint").map((e) => [e.startTime, e.responseEnd ?? 0].map(Math.round).join("–") + " " + (e.nextHopProtocol ?? "") + " " + e.name.replace(/.*(assets.\w+|:\d+)/, ""))`), "\n"))
					net.heal()
					p.do(chromedp.Navigate("about:blank"))
				}
				readable.report(b, "ms/readable")
				live.report(b, "ms/live")
			})
		}
		server.stop()
	}
}

// emulate has the page's requests take as long as they would over the line.
func (p *chatPage) emulate(l line) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{{
		Latency: float64(l.rtt.Milliseconds()), DownloadThroughput: l.down, UploadThroughput: l.up,
	}}})
	if err != nil {
		p.t.Fatal(err)
	}
}

// BenchmarkUISwitch goes back and forth between two rooms that the page knows,
// and tells after how many milliseconds the other one's messages are painted.
func BenchmarkUISwitch(b *testing.B) {
	browser := newBrowser(b)
	server := serveProcess(b)
	api := &client.API{URL: server.URL}
	for _, room := range []string{"here", "there"} {
		if _, err := api.CreateRoom(b.Context(), wire.CreateRoom{ID: room, Name: room}); err != nil {
			b.Fatal(err)
		}
		fill(b, server.URL, room, 300)
	}
	p := openPage(b, browser, server.URL, "here", "Ana")
	p.until(`ui.rows().length >= 50`)
	p.run(`document.querySelector('a[href="/r/there"]').click()`)
	p.until(`ui.view.room.id === "there" && ui.rows().length >= 50`)
	var times samples
	before := p.cpu()
	for b.Loop() {
		times = append(times, eval[float64](p, `(async () => {
			const link = document.querySelector(".room-list a:not([aria-current]):not([href='/r/lobby'])");
			const began = performance.now();
			link.click();
			await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
			if (!link.href.endsWith("/" + ui.view.room.id) || ui.rows().length < 50) throw new Error("the other room is not there");
			return performance.now() - began;
		})()`))
		p.until(`ui.ready()`)
	}
	b.ReportMetric((p.cpu()-before)/float64(len(times)), "cpu-ms/switch")
	times.report(b, "ms/switch")
}

// BenchmarkUIBusy types and scrolls while 200 messages a second arrive, and tells
// how long events take until the next frame: the worst of those of typing, and of
// all but one in fifty, which is what INP is.
func BenchmarkUIBusy(b *testing.B) {
	browser := newBrowser(b)
	server := serveProcess(b)
	p := openPage(b, browser, server.URL, "lobby", "Ana")
	busy(b, server.URL, "lobby", 200)
	p.until("ui.rows().length > 250")
	p.run(`ui.took = []; new PerformanceObserver((list) => { for (const e of list.getEntries()) if (e.interactionId || e.name === "keydown") ui.took.push([e.name, e.duration]); })
		.observe({type: "event", durationThreshold: 16})`)
	p.run("ui.view.focus(); ui.came = 0; ui.view.room.addEventListener('message', () => ui.came++)")
	n, before := 0, p.cpu()
	for b.Loop() {
		p.press(string("typing on "[n%10]))
		if n++; n%50 == 0 {
			p.press("Enter")
		}
	}
	p.until("ui.frames(3)")
	b.ReportMetric((p.cpu()-before)/eval[float64](p, "ui.came"), "cpu-ms/message")
	type took struct{ Typing, INP float64 }
	worst := eval[took](p, `(() => {
		const of = (names) => ui.took.filter(([name]) => names.includes(name)).map(([, d]) => d).sort((a, b) => b - a);
		const typing = of(["keydown"]), any = ui.took.map(([, d]) => d).sort((a, b) => b - a);
		return {Typing: typing[Math.floor(typing.length / 50)] ?? 16, INP: any[Math.floor(any.length / 50)] ?? 16};
	})()`)
	b.ReportMetric(worst.Typing, "ms/key")
	b.ReportMetric(worst.INP, "ms/INP")
	b.ReportMetric(0, "ns/op")
}

// cpu is how many milliseconds of a processor the page's main thread has taken.
func (p *chatPage) cpu() float64 {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks}); err != nil {
		p.t.Fatal(err)
	}
	return p.metric("TaskDuration") * 1000
}

// samples are milliseconds.
type samples []float64

// report reports the median.
func (s samples) report(b *testing.B, unit string) {
	slices.Sort(s)
	b.ReportMetric(s[len(s)/2], unit)
	b.ReportMetric(0, "ns/op")
}
