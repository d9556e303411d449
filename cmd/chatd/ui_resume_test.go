package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

var uiRounds = flag.Int("ui.rounds", 7, "how many mishaps TestUIChaos has; 120 is the long form")

// TestUIOffline writes while the server is away, closes the page, and comes
// back: what was written arrives, once.
func TestUIOffline(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	dir := t.TempDir()
	server := serveIn(t, dir)
	address := strings.TrimPrefix(server.URL, "http://")
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	p.say("before")
	p.until(`ui.row("before")?.dataset.key.match(/^\d+$/)`)
	server.kill()
	p.until(`ui.$(".dot.trying")`)
	if !eval[bool](p, `ui.$(".banner").hidden`) {
		t.Error("a loss of a moment shows a banner")
	}
	p.say("while away 1")
	p.say("while away 2")
	p.until(`ui.row("while away 2")?.classList.contains("underway") && ui.$(".note").innerText.includes("2 waiting")`)
	p.until(`!ui.$(".banner").hidden`) // after three seconds

	serveIn(t, dir, "--listen", address)
	p.until(`ui.view.room.outbox.length === 0 && ui.$(".dot.on") && ui.$(".banner").hidden`)
	want := []string{"before", "while away 1", "while away 2"}
	if got := eval[[]string](p, "ui.texts()"); !slices.Equal(got, want) {
		t.Errorf("the page shows %q", got)
	}
	if got := history(t, "http://"+address, "lobby"); !slices.Equal(got, want) {
		t.Errorf("the server has %q", got)
	}
}

// TestUIWritesFarFromTheEnd writes while the page shows what was said long ago, and
// the server is away: the line stands there at once, and the page goes to where it
// belongs when it can.
func TestUIWritesFarFromTheEnd(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	dir := t.TempDir()
	server := serveIn(t, dir)
	address := strings.TrimPrefix(server.URL, "http://")
	fill(t, server.URL, "lobby", 500)
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	p.until(`ui.rows().length >= 50`)
	p.run(`ui.view.timeline.jump(20)`)
	p.until(`ui.row("message 20,") && !ui.row("message 500,")`)
	server.kill()
	p.until(`ui.$(".dot.trying")`)
	p.say("from far away")
	inView := `ui.row("from far away") && (() => { const l = ui.log.getBoundingClientRect(), r = ui.row("from far away").getBoundingClientRect(); return r.top > l.top && r.bottom < l.bottom; })()`
	p.until(`ui.row("from far away")?.previousElementSibling.innerText === "⋯" && ` + inView)
	if !eval[bool](p, `Boolean(ui.row("message 20,"))`) {
		t.Error("what was here to be read is gone")
	}

	serveIn(t, dir, "--listen", address)
	p.run(`ui.lost = false; new MutationObserver(() => ui.lost ||= !ui.row("from far away")).observe(ui.$(".rows"), {childList: true})`)
	p.until(`ui.row("from far away")?.dataset.key.match(/^\d+$/) && ui.row("message 500,") && ` + inView)
	if eval[bool](p, "ui.lost") {
		t.Error("the line was away for a moment")
	}
	p.until(`ui.log.scrollHeight - ui.log.scrollTop - ui.log.clientHeight < 2`)

	// So it does to an edit that is refused.
	p.run(`ui.view.composer.edit(ui.view.timeline.lastOwn())`)
	p.write(", and in vain")
	p.run(`ui.view.timeline.jump(20)`)
	p.until(`ui.row("message 20,") && !ui.row("message 500,")`)
	archive(t, server.URL, "lobby", true)
	p.run(`ui.view.composer.text.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter"}))`)
	p.until(`ui.row("and in vain")?.querySelector(".failure")`)
}

// TestUIKeepsWhatWasNotSent closes the page while texts wait.
func TestUIKeepsWhatWasNotSent(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	dir := t.TempDir()
	server := serveIn(t, dir)
	address := strings.TrimPrefix(server.URL, "http://")
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	p.until(`navigator.serviceWorker.controller`) // the shell is kept
	server.kill()
	p.say("written into the void")
	p.until(`ui.row("written into the void")`)
	p.do(chromedp.Reload()) // from what the worker kept
	p.until(`globalThis.ui?.row("written into the void")?.classList.contains("underway")`)
	if name := eval[string](p, `ui.row("written into the void").querySelector(".name").innerText`); name != "Ana" {
		t.Errorf("what waits is shown as written by %q", name)
	}
	serveIn(t, dir, "--listen", address)
	p.until(`ui.row("written into the void")?.dataset.key.match(/^\d+$/) && ui.view.room.outbox.length === 0`)
	if got := history(t, "http://"+address, "lobby"); !slices.Equal(got, []string{"written into the void"}) {
		t.Errorf("the server has %q", got)
	}
}

// TestUIRefused writes to a room that is archived meanwhile: the line stays, and
// offers what can be done.
func TestUIRefused(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	dir := t.TempDir()
	server := serveIn(t, dir)
	address := strings.TrimPrefix(server.URL, "http://")
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	server.kill()
	p.until(`ui.$(".dot.trying")`)
	p.say("too late")
	p.until(`ui.row("too late")`)
	elsewhere := serveIn(t, dir) // where the page does not look
	archive(t, elsewhere.URL, "lobby", true)
	elsewhere.kill()
	again := serveIn(t, dir, "--listen", address)
	p.until(`ui.$(".blocked:not([hidden])")`)
	p.until(`[...ui.row("too late").querySelectorAll(".failure button")].map((b) => b.innerText).join() === "Retry,Copy,Discard"`)
	archive(t, again.URL, "lobby", false)
	p.until(`ui.$(".blocked").hidden`)
	p.run(`ui.row("too late").querySelector("[data-act=retry]").focus()`)
	p.press("Enter")
	p.until(`ui.row("too late").dataset.key.match(/^\d+$/)`)
}

// TestUIChaos kills the server, cuts the network, lets it swallow everything, or
// what the pages say, and be slow, at random moments while two pages and an embed chat. Afterwards all
// have heard the same, which is what the server has, each once and in its order,
// and every line that was written is there once.
func TestUIChaos(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	dir := t.TempDir()
	server := serveIn(t, dir)
	address := strings.TrimPrefix(server.URL, "http://")
	net := newBadNet(t, server.URL)
	pages := []*chatPage{
		openPage(t, browser, net.URL, "lobby", "Ana"),
		openPage(t, browser, net.URL, "lobby", "Ben"),
		newPage(t, browser, "Cleo"),
	}
	pages[2].do(chromedp.Navigate(net.URL + "/embed/lobby"))
	pages[2].until("ui.ready()")
	for _, p := range pages {
		p.run(`ui.heard = []; ui.view.room.addEventListener("message", ({detail}) => detail.fresh && detail.type === "chat" && ui.heard.push(detail.message.message))`)
	}

	var written []string
	say := func(most int) {
		for range rand.IntN(most + 1) {
			p := pages[rand.IntN(len(pages))]
			text := fmt.Sprintf("%s %d", p.name, len(written))
			p.say(text)
			written = append(written, text)
		}
	}
	mishaps := []struct {
		name string
		do   func()
	}{
		{"killed", func() {
			server.kill()
			say(3)
			server = serveIn(t, dir, "--listen", address)
		}},
		{"killed and cut", func() {
			server.kill()
			net.cut()
			say(3)
			server = serveIn(t, dir, "--listen", address)
		}},
		{"cut", func() {
			net.cut()
			say(3)
		}},
		{"swallowed", func() {
			net.swallow()
			say(3)
		}},
		{"muted", func() {
			net.mute()
			say(3)
		}},
		{"swallowed and killed", func() {
			net.swallow()
			say(3)
			server.kill()
			server = serveIn(t, dir, "--listen", address)
		}},
		{"slow and cut", func() {
			net.slow(80 * time.Millisecond)
			say(5)
			net.cut()
			say(3)
		}},
	}
	happened := map[string]int{}
	deck := []int{} // of mishaps: all come as often, in a random order
	for range *uiRounds {
		if len(deck) == 0 {
			deck = rand.Perm(len(mishaps))
		}
		mishap := mishaps[deck[0]]
		deck = deck[1:]
		say(6)
		mishap.do()
		happened[mishap.name]++
		net.heal()
		for _, p := range pages {
			p.run(`dispatchEvent(new Event("online"))`)
		}
		for _, p := range pages {
			p.until(`ui.view.room.outbox.length === 0`)
		}
	}
	have := history(t, server.URL, "lobby")
	t.Logf("%d messages through %v", len(have), happened)
	sorted := slices.Sorted(slices.Values(have))
	if !slices.Equal(sorted, slices.Sorted(slices.Values(written))) {
		t.Errorf("written were\n%q\nthe server has\n%q", written, have)
	}
	for _, p := range pages {
		p.as(`ui.heard.length >= %d`, len(have))
		if heard := eval[[]string](p, "ui.heard"); !slices.Equal(heard, have) {
			t.Errorf("%s's page heard\n%q\nnot\n%q", p.name, heard, have)
		}
		last := have[max(0, len(have)-200):]
		p.as(`ui.texts().at(-1) === %q`, last[len(last)-1])
		shown := eval[[]string](p, "ui.texts()")
		if n := min(len(shown), len(last)); !slices.Equal(shown[len(shown)-n:], last[len(last)-n:]) {
			t.Errorf("%s's page shows\n%q\nnot\n%q", p.name, shown, last)
		}
	}
}

// TestUIIsNotHeard writes where nothing that the page says arrives, while all that
// others say does: what is heard does not pass for an answer.
func TestUIIsNotHeard(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	net := newBadNet(t, server.URL)
	p := openPage(t, browser, net.URL, "lobby", "Ana")
	busy(t, server.URL, "lobby", 4)
	p.until(`ui.rows().length > 3`)
	p.run(`ui.ends = []; ui.view.room.addEventListener("state", ({detail}) => detail.code && ui.ends.push(detail.code + detail.reason))`)
	net.mute()
	p.say("does anybody hear me?")
	p.until(`ui.row("does anybody hear me?")?.dataset.key.match(/^\d+$/) && ui.view.room.outbox.length === 0`)
	if ends := eval[[]string](p, `ui.ends`); !slices.Equal(ends, []string{"4202"}) { // the server gives a reason
		t.Errorf("the connection ended with %q: not because the page noticed", ends)
	}
}

// TestUIBannedBehindACurtNetwork is banned where no close frame arrives: the page
// finds out why it is cut off, and does not try for ever.
func TestUIBannedBehindACurtNetwork(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, api := serveGuarded(t)
	net := newBadNet(t, server.URL)
	p := openPage(t, browser, net.URL, "lobby", "Ben")
	who := eval[string](p, "ui.view.room.you.id")
	net.swallow()
	ban(t, api, "lobby", wire.CreateBan{Who: who, Reason: "spam"})
	net.heal()
	net.curtail()
	net.cut()
	p.until(`ui.view.room.state === "stopped" && ui.$(".card")?.innerText.includes("banned")`)
}

// history is all texts of a room, oldest first.
func history(t *testing.T, server, room string) []string {
	t.Helper()
	api := &client.API{URL: server}
	var texts []string
	for before := uint64(0); ; {
		list, err := api.Messages(t.Context(), room, client.Page{Before: before, Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		var page []string
		for _, m := range list.Messages {
			page = append(page, m.Message)
		}
		texts = append(page, texts...)
		if list.Next == "" {
			return texts
		}
		before = list.Messages[0].Seq
	}
}

// ban keeps somebody out of a room.
func ban(t *testing.T, api *client.API, room string, who wire.CreateBan) {
	t.Helper()
	body, err := json.Marshal(who)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.URL+"/rooms/"+room+"/bans", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+api.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("the ban came to %s", resp.Status)
	}
}

func archive(t *testing.T, server, room string, on bool) {
	t.Helper()
	api := &client.API{URL: server}
	if _, err := api.UpdateRoom(t.Context(), room, wire.PatchRoom{Archived: &on}); err != nil {
		t.Fatal(err)
	}
}
