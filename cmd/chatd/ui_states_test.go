package main

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	_ "modernc.org/sqlite"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

const uiAdmin = "an-admin-token-of-tests"

// serveGuarded serves people who are guests and no more, and returns the API of
// whoever may do everything.
func serveGuarded(t *testing.T, args ...string) (*process, *client.API) {
	t.Helper()
	p := serveProcess(t, append([]string{"--admin-token", uiAdmin}, args...)...)
	return p, &client.API{URL: p.URL, Token: uiAdmin, Name: "Admin"}
}

func set(t *testing.T, api *client.API, room string, change wire.PatchRoom) {
	t.Helper()
	if _, err := api.UpdateRoom(t.Context(), room, change); err != nil {
		t.Fatal(err)
	}
}

// openCard goes to a page that shows a card in the place of a room.
func (p *chatPage) openCard(address, title string) {
	p.t.Helper()
	p.do(chromedp.Navigate(address))
	p.as(`globalThis.ui?.root?.querySelector(".card h2")?.innerText === %q`, title)
}

// TestUIMissingRoom comes to a room that nobody has made, and makes it.
func TestUIMissingRoom(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	p := newPage(t, browser, "Ana")
	p.openCard(server.URL+"/r/nowhere", "There is no such room")
	p.run(`ui.$(".card button").click()`)
	p.until(`document.activeElement?.closest("dialog")`)
	p.write("Nowhere")
	p.press("Enter")
	p.until(`ui.ready() && ui.view.room.id === "nowhere" && !ui.$(".card") && ui.text.checkVisibility()`)
	p.say("somebody is here now")
	p.until(`ui.row("somebody is here now")?.dataset.key.match(/^\d+$/)`)
	p.calm()
}

// TestUIFull comes to a server, and to a room, that has no place left, and in when
// it has.
func TestUIFull(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, _ := serveGuarded(t, "--max-sessions", "1")
	large, api := serveGuarded(t)
	one := 1
	set(t, api, "lobby", wire.PatchRoom{MaxMembers: &one})
	for title, url := range map[string]string{"The server is full": server.URL, "The room is full": large.URL} {
		first := openPage(t, browser, url, "lobby", "Ana")
		second := newPage(t, browser, "Ben")
		second.openCard(url+"/r/lobby", title)
		first.do(chromedp.Navigate("about:blank"))
		second.until(`ui.ready() || (ui.$(".card button")?.click(), false)`)
		second.until(`!ui.$(".card") && ui.text.checkVisibility()`)
		second.calm()
	}
}

// TestUISignIn comes without the credential that is needed: the page asks for it,
// an embed says where that is done.
func TestUISignIn(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, _ := serveGuarded(t, "--guests", "off")
	frame := newPage(t, browser, "Ana")
	frame.openCard(server.URL+"/embed/lobby", "This room needs a sign-in")
	if link := eval[string](frame, `ui.$(".card a").href`); link != server.URL+"/r/lobby" {
		t.Errorf("the card leads to %s", link)
	}
	p := newPage(t, browser, "Ana")
	p.openCard(server.URL+"/r/lobby", "This room needs a sign-in")
	p.run(`ui.$(".card button").click()`)
	p.until(`document.querySelector("dialog input[type=password]")`)
	p.run(`document.querySelector("dialog input[type=password]").focus()`)
	p.write(uiAdmin)
	p.press("Enter")
	p.until(`ui.ready() && !ui.$(".card")`)
	frame.calm()
}

// TestUIWhoMayWrite changes who may write while somebody does: the page says so
// at once, and what was being written is still there afterwards.
func TestUIWhoMayWrite(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, api := serveGuarded(t)
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	p.run("ui.view.focus()")
	p.write("half a thought")
	yes, no, announce, open := true, false, "announce", "open"
	for _, c := range []struct {
		close, open wire.PatchRoom
		says        string
	}{
		{wire.PatchRoom{Mode: &announce}, wire.PatchRoom{Mode: &open}, "Only moderators write here."},
		{wire.PatchRoom{Archived: &yes}, wire.PatchRoom{Archived: &no}, "This room is archived. It can be read, not written to."},
	} {
		set(t, api, "lobby", c.close)
		p.as(`ui.$(".blocked:not([hidden])")?.innerText.trim() === %q && !ui.text.checkVisibility()`, c.says)
		set(t, api, "lobby", c.open)
		p.until(`ui.text.checkVisibility() && ui.text.value === "half a thought"`)
	}
	p.calm()
}

// TestUITooFast writes faster than allowed: what is too early waits, with a
// countdown, and arrives once and in its order.
func TestUITooFast(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, api := serveGuarded(t, "--post-rate", "1")
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	var want []string
	for i := range 8 { // five at once are allowed
		want = append(want, fmt.Sprintf("fast %d", i))
	}
	// A person is not that fast: the countdown would be there first.
	p.run(fmt.Sprintf(`for (let i = 0; i < %d; i++) void ui.view.room.send("fast " + i)`, len(want)))
	p.until(`ui.$(".countdown")`)
	p.until(`ui.view.room.outbox.length === 0`)
	if got := history(t, server.URL, "lobby"); !slices.Equal(got, want) {
		t.Errorf("the server has %q", got)
	}

	seconds := 3
	if _, err := api.CreateRoom(t.Context(), wire.CreateRoom{ID: "slow", Name: "Slow", SlowMode: seconds}); err != nil {
		t.Fatal(err)
	}
	slow := openPage(t, browser, server.URL, "slow", "Ben")
	slow.say("one")
	slow.say("two")
	slow.until(`ui.$(".countdown") && ui.$(".note").innerText.includes("Slow mode") && ui.row("two").classList.contains("underway")`)
	slow.run("ui.view.focus()")
	slow.write("three")
	slow.press("Enter")
	if text := eval[string](slow, "ui.text.value"); text != "three" {
		t.Errorf("what was written in the meantime became %q", text)
	}
	slow.until(`document.querySelector('a[href="/r/lobby"]')`)
	slow.run(`document.querySelector('a[href="/r/lobby"]').click()`)
	slow.until(`ui.view.room.id === "lobby" && ui.ready()`)
	if eval[bool](slow, `!!ui.$(".countdown")`) {
		t.Error("who has to wait in one room has to wait in another")
	}
	slow.run(`document.querySelector('a[href="/r/slow"]').click()`)
	slow.until(`ui.row("two").dataset.key.match(/^\d+$/) && !ui.$(".countdown") && ui.$(".note").innerText === ""`)
	if got := history(t, server.URL, "slow"); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the server has %q", got)
	}
	p.calm()
	slow.calm()
}

// TestUINotifications posts while two tabs of a person are out of sight: one of
// them tells, and only because the person once clicked that it may.
func TestUINotifications(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	const recorder = `
		globalThis.asked = 0;
		globalThis.notes = [];
		globalThis.Notification = class {
			static get permission() { return localStorage.getItem("test:permission") ?? "default"; }
			static async requestPermission() { asked++; localStorage.setItem("test:permission", "granted"); return "granted"; }
			constructor(title, options) { notes.push(title + "|" + options.body); }
			close() {}
		};
		document.hasFocus = () => !globalThis.away;`
	ana := openPage(t, browser, server.URL, "lobby", "Ana", recorder)
	ben := openPage(t, browser, server.URL, "lobby", "Ben")
	ana.run("globalThis.away = true")
	ben.say("nobody is told of this")
	ana.until(`ui.row("nobody is told of this")`)
	if n := eval[int](ana, "asked + notes.length"); n != 0 {
		t.Errorf("%d questions or notifications before anything was clicked", n)
	}
	ana.run(`globalThis.away = false; document.querySelector(".me").click()`)
	ana.until(`document.querySelector("dialog .check input")`)
	ana.run(`document.querySelector("dialog .check input").click()`)
	ana.until(`localStorage.getItem("chatd:notify") === "on"`)
	if n := eval[int](ana, "asked"); n != 1 {
		t.Errorf("permission was asked for %d times", n)
	}
	ana.press("Escape")

	tabs := []*chatPage{ana, ana.beside(t, server.URL+"/r/lobby", recorder), ana.beside(t, server.URL+"/r/lobby", recorder)}
	for _, tab := range tabs {
		tab.run("globalThis.away = true")
	}
	var want []string
	for i := range 3 {
		text := fmt.Sprintf("ring **%d**", i)
		ben.say(text)
		want = append(want, fmt.Sprintf("Ben · Lobby|ring %d", i))
		for _, tab := range tabs {
			tab.as(`ui.row("ring %d")`, i)
			tab.until(`(await navigator.locks.query()).pending.length === 0`)
		}
	}
	var got []string
	for _, tab := range tabs {
		got = append(got, eval[[]string](tab, "notes")...)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("told was %q", got)
	}
	for _, tab := range tabs {
		tab.calm()
	}
}

// TestUIDate goes to a day in a history of several.
func TestUIDate(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	dir := t.TempDir()
	server := serveIn(t, dir)
	fill(t, server.URL, "lobby", 600)
	if code := server.stop(); code != 0 {
		t.Fatalf("chatd ended with %d", code)
	}
	// A hundred messages a day, the newest today at noon.
	db, err := sql.Open("sqlite", filepath.Join(dir, "chatd-data", "chatd.db"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	noon := time.Date(now.Year(), now.Month(), now.Day(), 12, 0, 0, 0, time.Local)
	for i := range 6 {
		at := noon.AddDate(0, 0, i-5).UnixMilli()
		if _, err := db.ExecContext(t.Context(), "UPDATE messages SET at = ? + seq WHERE seq > ? AND seq <= ?", at, i*100, i*100+100); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	server = serveIn(t, dir)
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	for _, c := range []struct{ days, first int }{{-3, 201}, {-5, 1}, {-30, 1}, {0, 501}} {
		p.run(`document.querySelector('[slot="end"]:last-of-type').click()`)
		p.until(`document.querySelector(".menu")`)
		p.run(`[...document.querySelectorAll(".menu button")].find((b) => b.innerText.includes("date")).click()`)
		p.until(`document.querySelector("dialog input[type=date]")`)
		p.run(fmt.Sprintf(`document.querySelector("dialog input[type=date]").value = %q`, noon.AddDate(0, 0, c.days).Format(time.DateOnly)))
		p.run(`document.querySelector("dialog .primary").click()`)
		p.as(`ui.root.activeElement?.dataset.key === "%d" && ui.root.activeElement.checkVisibility()`, c.first)
	}
	p.calm()
}

// TestUINewVersion comes back to a server with another version of the page: it
// offers to load it, and does so only when told; the draft survives both.
func TestUINewVersion(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	dir := t.TempDir()
	server := serveIn(t, dir)
	p := openPage(t, browser, server.URL, "lobby", "Ana", `
		if (!sessionStorage.getItem("test:aged")) document.addEventListener("readystatechange", () => {
			if (document.readyState === "interactive") document.body.dataset.version = "0123456789abcdef";
			sessionStorage.setItem("test:aged", "yes");
		});`)
	p.run(`ui.first = true; ui.view.focus()`)
	p.write("a long thought")
	server.kill()
	p.until(`ui.$(".dot.trying")`)
	serveIn(t, dir, "--listen", strings.TrimPrefix(server.URL, "http://"))
	p.run(`dispatchEvent(new Event("online"))`)
	p.until(`ui.$(".toast")?.innerText.includes("new version")`)
	if !eval[bool](p, `ui.first && ui.text.value === "a long thought"`) {
		t.Error("the page was loaded anew over a draft")
	}
	p.run(`ui.$(".toast button").click()`)
	p.until(`globalThis.ui?.root && !ui.first && ui.ready() && ui.text.value === "a long thought" && !ui.$(".toast")`)
}

// TestUIRoomComesBack is in a room that is closed to the reader and open again, and
// that is deleted and made anew: the list of rooms leads back into it, and what was
// being written is there.
func TestUIRoomComesBack(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, api := serveGuarded(t)
	room := wire.CreateRoom{ID: "b", Name: "b"}
	if _, err := api.CreateRoom(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	p := openPage(t, browser, server.URL, "b", "Ana")
	p.until(`document.querySelector('a[href="/r/b"]')`)
	p.run(`ui.view.focus()`)
	p.write("half a thought")
	private, public := "private", "public"
	for what, change := range map[string][2]func(){
		"private": {
			func() { set(t, api, "b", wire.PatchRoom{Visibility: &private}) },
			func() { set(t, api, "b", wire.PatchRoom{Visibility: &public}) },
		},
		"deleted": {
			func() {
				if err := api.DeleteRoom(t.Context(), "b"); err != nil {
					t.Fatal(err)
				}
			},
			func() {
				if _, err := api.CreateRoom(t.Context(), room); err != nil {
					t.Fatal(err)
				}
			},
		},
	} {
		change[0]()
		p.until(`ui.$(".card h2")?.innerText === "There is no such room"`)
		if eval[bool](p, `ui.frames(2).then(() => Boolean(document.querySelector('a[href="/r/b"]')))`) {
			t.Errorf("the list still has the room that is %s", what)
		}
		change[1]()
		p.run(`document.dispatchEvent(new Event("visibilitychange"))`) // the reader looks again
		p.until(`document.querySelector('a[href="/r/b"]')`)
		p.run(`document.querySelector('a[href="/r/b"]').click()`)
		p.until(`ui.ready() && !ui.$(".card") && ui.text.checkVisibility() && ui.text.value === "half a thought"`)
	}
	p.calm()
}

// TestUIMidnight looks at a room while a day ends in which nothing more happens.
func TestUIMidnight(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	p := openPage(t, browser, server.URL, "lobby", "Ana", `{
		const Real = Date, wait = setInterval;
		globalThis.later = 0;
		globalThis.Date = class extends Real {
			constructor(...a) { if (a.length) super(...a); else super(Real.now() + later); }
			static now() { return Real.now() + later; }
		};
		globalThis.setInterval = (act, ms) => ms === 60_000 ? wait(act, 100) : 0; // minutes are short; nothing else comes at night
	}`)
	p.say("good night")
	p.until(`ui.row("good night")?.dataset.key.match(/^\d+$/) && ui.$(".day").innerText === "Today"`)
	p.run(`later = 86_400_000`)
	p.until(`ui.$(".day").innerText === "Yesterday"`)
	p.run(`later *= 2`) // by then nothing else is drawn any more
	p.until(`!["Today", "Yesterday"].includes(ui.$(".day").innerText)`)
}
