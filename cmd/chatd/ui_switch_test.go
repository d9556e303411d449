package main

import (
	"fmt"
	"testing"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// TestUISwitch goes from room to room: each is as it was left, and what was read
// in one is not taken for another.
func TestUISwitch(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	api := &client.API{URL: server.URL}
	for room, messages := range map[string]int{"a": 200, "b": 5, "c": 60, "d": 60, "e": 60, "f": 60} {
		if _, err := api.CreateRoom(t.Context(), wire.CreateRoom{ID: room, Name: room}); err != nil {
			t.Fatal(err)
		}
		fill(t, server.URL, room, messages)
	}
	p := openPage(t, browser, server.URL, "a", "Ana")
	enter := func(room string) {
		t.Helper()
		p.run(`document.querySelector('a[href="/r/` + room + `"]').click()`)
		p.until(`ui.view.room.id === "` + room + `" && ui.ready() && ui.rows().length >= 5`)
	}
	p.resize(1280)
	p.until(`innerWidth === 1280 && ui.rows().length >= 50`)
	p.run(`ui.view.timeline.jump(120)`)
	p.until(`ui.row("message 120,") && ui.frames(2).then(() => !document.querySelector(".flash"))`)
	where := `Math.round(ui.row("message 120,").getBoundingClientRect().top)`
	was := eval[int](p, where)
	atEnd := `ui.log.scrollHeight - ui.log.scrollTop - ui.log.clientHeight < 2`
	enter("c")
	p.until(atEnd)
	enter("b")
	p.until(atEnd)

	// The timeline that was left, of a room with more messages, makes itself small:
	// nobody reads in it.
	p.until(`ui.view.timeline && ui.frames(80)`)
	post := func(text string) {
		t.Helper()
		if _, err := api.Post(t.Context(), "b", wire.PostMessage{Message: text}); err != nil {
			t.Fatal(err)
		}
	}
	post("for you")
	p.until(`ui.row("for you") && await ui.unread("b") === 0`)
	enter("c")
	post("for later")
	p.until(`await ui.unread("b") === 1 && document.querySelector('a[href="/r/b"] .badge')?.innerText === "1"`)

	// Back where one was, also when the window has another size meanwhile, and
	// after more rooms than stay laid out.
	enter("a")
	if is := eval[int](p, where); is != was {
		t.Errorf("the row before the reader's eyes was at %d, and is at %d", was, is)
	}
	for _, room := range []string{"b", "c", "d", "e", "f"} {
		enter(room)
	}
	if n := eval[int](p, `ui.root.querySelectorAll(".timeline").length`); n != 5 {
		t.Errorf("%d timelines are in the page", n)
	}
	p.resize(500)
	p.until(`ui.$(".drawer-button").checkVisibility() && !document.querySelector(".sidebar").checkVisibility({visibilityProperty: true})`)
	p.run(`ui.$(".drawer-button").click()`)
	p.until(`document.activeElement.matches(".room-list a")`)
	p.press("Escape")
	p.until(`document.activeElement.matches(".drawer-button")`)
	enter("d")
	p.until(atEnd)
	p.resize(1280)
	enter("a")
	if is := eval[int](p, where); is != was {
		t.Errorf("after more rooms the row was at %d, and is at %d", was, is)
	}

	// The window becomes narrow, and wide again, while one reads.
	p.run(`ui.reading = ui.rows().find((r) => r.getBoundingClientRect().bottom > ui.log.getBoundingClientRect().top)`)
	top := `Math.round(ui.reading.getBoundingClientRect().top)`
	was = eval[int](p, top)
	for _, width := range []int{420, 1280} {
		p.resize(width)
		p.until(fmt.Sprintf(`innerWidth === %d && ui.frames(3)`, width))
		if is := eval[int](p, top); is < was-1 || is > was+1 {
			t.Errorf("in a window of %d px the row that was at %d is at %d", width, was, is)
		}
	}
	p.calm()
}

// TestUISwitchAway leaves a room while something is still under way there.
func TestUISwitchAway(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	api := &client.API{URL: server.URL, Name: "Ben"}
	for _, room := range []wire.CreateRoom{{ID: "a", Name: "a"}, {ID: "b", Name: "b"}} {
		if _, err := api.CreateRoom(t.Context(), room); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, server.URL, "a", 300)
	p := openPage(t, browser, server.URL, "a", "Ana")
	p.resize(1280)
	p.until(`innerWidth === 1280 && ui.rows().length >= 50 && document.querySelector('a[href="/r/b"]')`)
	enter := func(room string) {
		t.Helper()
		p.run(`document.querySelector('a[href="/r/` + room + `"]').click()`)
		p.until(`ui.view.room.id === "` + room + `" && ui.ready() && ui.frames(2)`)
	}

	// What is written is sent, also where the connection was not there yet.
	p.run(`document.querySelector('a[href="/r/b"]').click()`)
	p.say("at once")
	p.run(`document.querySelector('a[href="/r/a"]').click()`)
	p.until(`(await (await fetch("/rooms/b/messages")).json()).messages.some((m) => m.message === "at once")`)
	p.until(`ui.ready() && ui.frames(2)`)

	// An edit and an answer that are half done wait where they were begun.
	p.say("tpyo")
	p.until(`ui.row("tpyo")?.dataset.key.match(/^\d+$/)`)
	p.write("a draft")
	p.run(`ui.view.composer.edit(ui.view.timeline.lastOwn())`)
	p.write(" or not")
	enter("b")
	p.as(`ui.text.value === "" && ui.$(".mode").hidden`)
	p.run(`ui.view.composer.reply(ui.view.timeline.lastOwn())`)
	p.write("half an answer")
	enter("a")
	p.as(`ui.text.value === "tpyo or not" && ui.$(".box.editing .mode").innerText.includes("Editing")`)
	p.press("Escape")
	p.as(`ui.text.value === "a draft" && ui.$(".mode").hidden`)
	enter("b")
	p.as(`ui.text.value === "half an answer" && ui.$(".mode").innerText.includes("at once")`)
	p.press("Enter")
	p.until(`ui.row("half an answer")?.innerText.includes("at once")`)
	enter("a")
	p.run(`ui.view.composer.setText("")`)

	// A message is deleted for good, and what is said of it is not said elsewhere.
	p.say("a slip")
	p.until(`ui.row("a slip")?.dataset.key.match(/^\d+$/)`)
	slip := eval[uint64](p, `Number(ui.row("a slip").dataset.key)`)
	p.run(`ui.row("a slip").focus()`)
	p.until(`ui.$(".tools")`)
	p.press("d")
	p.until(`ui.$(".toast")`)
	enter("b")
	if eval[bool](p, `!!ui.$(".toast")`) {
		t.Error("a room offers to undo what was done in another")
	}
	if eval[bool](p, `!!ui.root.querySelector(".tools")`) {
		t.Error("the tools for a message stay behind")
	}
	p.as(`(await (await fetch("/rooms/a/messages/%d")).json()).deleted`, slip)

	// What is fetched is shown where the reader is, or wants to be, on coming back.
	enter("a")
	release := p.hold("*/messages?*")
	p.run(`ui.log.scrollTop = 400`)
	p.until(`ui.log.dataset.fetching === "older" && ui.frames(2)`)
	first := `(() => { const top = ui.log.getBoundingClientRect().top, r = ui.rows().find((r) => r.getBoundingClientRect().bottom > top); return r.dataset.key + " at " + r.getBoundingClientRect().top; })()`
	was, rows := eval[string](p, first), eval[int](p, `ui.rows().length`)
	enter("b")
	release()
	p.as(`ui.root.querySelectorAll(".timeline.away .row").length > %d`, rows)
	enter("a")
	if is := eval[string](p, first); is != was {
		t.Errorf("the reader was at message %s, and is at %s", was, is)
	}
	release = p.hold("*/messages?*")
	p.run(`void ui.view.timeline.jump(20)`)
	p.until(`ui.log.dataset.fetching === "jump"`)
	enter("b")
	release()
	p.until(`[...ui.root.querySelectorAll(".timeline.away .row")].some((r) => r.textContent.includes("message 20,"))`)
	enter("a")
	p.until(`(() => { const l = ui.log.getBoundingClientRect(), r = ui.row("message 20,").getBoundingClientRect(); return r.top > l.top && r.bottom < l.bottom; })()`)
	p.calm()
}
