package main

import (
	"testing"

	"github.com/chromedp/chromedp"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// TestUIUnread leaves a room, misses much, and comes back to where reading
// ended; the list of rooms, the title and other tabs say the same.
func TestUIUnread(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	api := &client.API{URL: server.URL}
	for _, room := range []string{"here", "there"} {
		if _, err := api.CreateRoom(t.Context(), wire.CreateRoom{ID: room, Name: room}); err != nil {
			t.Fatal(err)
		}
		fill(t, server.URL, room, 80)
	}
	ana := openPage(t, browser, server.URL, "here", "Ana")
	ana.until(`ui.rows().length >= 50 && await ui.unread("here") === 0`)
	count := func(room string) string {
		return `(document.querySelector('a[href="/r/` + room + `"] .badge')?.innerText ?? "")`
	}
	if n := eval[string](ana, count("there")); n != "" {
		t.Errorf("a room never visited counts %s", n)
	}
	ana.run(`document.querySelector('a[href="/r/there"]').click()`)
	ana.until(`location.pathname === "/r/there" && ui.rows().length >= 50 && ui.view.room.id === "there"`)
	ana.until(`!ui.root.querySelector(".unread-line")`)

	other := ana.beside(t, server.URL+"/r/there")
	fill(t, server.URL, "here", 70)
	for _, tab := range []*chatPage{ana, other} {
		tab.until(count("here") + ` === "70" && document.title.startsWith("(70) ")`)
	}

	ana.run(`document.querySelector('a[href="/r/here"]').click()`)
	ana.until(`ui.root.querySelector(".unread-line")?.nextElementSibling?.innerText.includes("message 1,")`)
	in := `(() => { const l = ui.log.getBoundingClientRect(), u = ui.$(".unread-line").getBoundingClientRect(); return u.top > l.top && u.bottom < l.bottom; })()`
	ana.until(in)
	ana.until(`!ui.$(".pill").hidden`) // the newest are further down
	ana.run(`ui.$(".pill").click()`)
	for _, tab := range []*chatPage{ana, other} {
		tab.until(count("here") + ` === "" && !document.title.startsWith("(")`)
	}

	// The same after the page was closed for longer.
	ana.do(chromedp.Navigate("about:blank"))
	other.do(chromedp.Navigate("about:blank"))
	fill(t, server.URL, "here", 400)
	ana.do(chromedp.Navigate(server.URL + "/r/here"))
	ana.until(`globalThis.ui?.ready() && ui.root.querySelector(".unread-line")?.nextElementSibling?.innerText.includes("message 1,")`)
	ana.until(in)
	ana.calm()
}

// TestUISearch finds a message in another room and goes to it.
func TestUISearch(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	api := &client.API{URL: server.URL, Name: "Ben"}
	if _, err := api.CreateRoom(t.Context(), wire.CreateRoom{ID: "archive", Name: "Archive"}); err != nil {
		t.Fatal(err)
	}
	fill(t, server.URL, "archive", 100)
	if _, err := api.Post(t.Context(), "archive", wire.PostMessage{Message: "the word is rhododendron"}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Post(t.Context(), "archive", wire.PostMessage{Message: "今天天气很好"}); err != nil {
		t.Fatal(err)
	}
	fill(t, server.URL, "archive", 300)
	ana := openPage(t, browser, server.URL, "lobby", "Ana")
	for _, c := range [][2]string{{"rhododendron", "the word is rhododendron"}, {"天气", "今天天气很好"}} {
		ana.press("k", 2)
		ana.until(`document.querySelector("dialog.palette input") === document.activeElement`)
		ana.write(c[0])
		ana.as(`[...document.querySelectorAll(".palette .found")].some((f) => f.innerText.includes(%q))`, c[1])
		ana.press("Enter")
		ana.as(`location.pathname === "/r/archive" && ui.row(%q)?.classList.contains("flash")`, c[1])
		ana.run(`history.back()`)
		ana.until(`location.pathname === "/r/lobby"`)
	}
	ana.calm()
}
