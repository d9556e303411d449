package main

import (
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
	p.until(`ui.view.timeline && ui.frames(80).then(() => true)`)
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
	enter("d")
	p.until(atEnd)
	p.resize(1280)
	enter("a")
	if is := eval[int](p, where); is != was {
		t.Errorf("after more rooms the row was at %d, and is at %d", was, is)
	}
	p.calm()
}
