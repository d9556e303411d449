package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"chatd/handlers/wire"
)

// TestUITabs has two tabs of one person: neither loses what is written in it, and
// what is chosen in one is chosen in both.
func TestUITabs(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, api := serveGuarded(t)
	if _, err := api.CreateRoom(t.Context(), wire.CreateRoom{ID: "b", Name: "b"}); err != nil {
		t.Fatal(err)
	}
	one := openPage(t, browser, server.URL, "lobby", "Ana")
	one.until(`localStorage.getItem("chatd:token")`)
	two := one.beside(t, server.URL+"/r/lobby")
	two.until(`document.querySelector('a[href="/r/b"]')`)
	enter := func(room string) {
		t.Helper()
		two.run(`document.querySelector('a[href="/r/` + room + `"]').click()`)
		two.until(`ui.ready() && ui.view.room.id === "` + room + `"`)
	}

	two.run(`ui.view.focus()`)
	two.write("a long thought")
	one.say("a short word")
	one.until(`ui.row("a short word")?.dataset.key.match(/^\d+$/)`)
	enter("b")
	enter("lobby")
	two.as(`ui.text.value === "a long thought"`)
	one.run(`ui.view.focus()`)
	one.write("half")
	two.do(chromedp.Reload())
	two.until(`globalThis.ui?.ready() && ui.text.value === "a long thought"`)
	// A draft that another tab went on with is not there twice.
	enter("b")
	three := one.beside(t, server.URL+"/r/lobby")
	three.as(`ui.text.value === "a long thought"`)
	three.run(`ui.view.focus()`)
	three.press("Enter")
	three.until(`ui.row("a long thought")?.dataset.key.match(/^\d+$/)`)
	enter("lobby")
	two.as(`ui.row("a long thought") && ui.text.value === ""`)

	one.run(`ui.view.composer.setText("")`)
	one.say("/nick Anabel")
	two.as(`ui.view.room.you?.name === "Anabel" && document.querySelector(".me").innerText.includes("Anabel")`)
	one.run(`document.querySelector(".me").click()`)
	one.until(`document.querySelector("dialog input[value=dark]")`)
	one.run(`document.querySelector("dialog input[value=dark]").click()`)
	two.as(`document.documentElement.dataset.theme === "dark"`)

	// Somebody else has other reactions of their own.
	seq := eval[int](two, `Number(ui.row("a short word").dataset.key)`)
	two.run(fmt.Sprintf(`void ui.view.room.react(%d, "👍")`, seq))
	two.until(`ui.row("a short word").querySelector('[aria-pressed="true"]')`)
	token := func(text string) {
		t.Helper()
		one.run(`document.querySelector("dialog") || document.querySelector(".me").click()`)
		one.until(`document.querySelector("dialog input[type=password]")`)
		one.run(fmt.Sprintf(`document.querySelector("dialog input[type=password]").value = %q; document.querySelector("dialog .primary").click()`, text))
		one.until(`!document.querySelector("dialog")`)
	}
	token(uiAdmin)
	for _, p := range []*chatPage{one, two} {
		p.as(`ui.view.room.you?.may.includes("manage") && ui.row("a short word").querySelector('[aria-pressed="false"]')`)
	}
	token("")
	for _, p := range []*chatPage{one, two} {
		p.as(`ui.view.room.you?.id.startsWith("guest") && ui.row("a short word").querySelector('[aria-pressed="true"]')`)
		p.calm()
	}
}

// TestUINames is called what no server takes: nobody is locked out by it, nor by
// what an earlier page remembered.
func TestUINames(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	p := openPage(t, browser, server.URL, "lobby", "")
	p.run(`localStorage.setItem("chatd:name", "x\u0007" + "ü".repeat(150))`)
	p.do(chromedp.Reload())
	p.until(`globalThis.ui?.ready() && ui.view.room.you.name === "x " + "ü".repeat(98)`)
	p.say("/nick " + strings.Repeat("y", 150))
	p.until(`ui.ready() && ui.view.room.you.name === "y".repeat(100)`)
	p.run(`ui.view.composer.setText("/nick A\u202enna\u0007"); ui.view.focus()`)
	p.press("Enter")
	p.until(`ui.ready() && ui.view.room.you.name === "A nna"`)
	p.calm()
}

// TestUIFrozen is put aside and taken up again: in the room, unless a moderator has
// ended the visit.
func TestUIFrozen(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, _ := serveGuarded(t)
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	lie := `for (const type of ["freeze", "resume"]) document.dispatchEvent(new Event(type))`
	p.run(`ui.view.room.welcome = undefined; ` + lie)
	p.until(`ui.ready()`)
	p.run(`void fetch("/rooms/lobby/kicks", {method: "POST", headers: {Authorization: "Bearer ` + uiAdmin + `", "Content-Type": "application/json"}, body: JSON.stringify({who: ui.view.room.you.id})})`)
	p.until(`ui.$(".card")`)
	p.run(lie)
	if state := eval[string](p, `ui.view.room.state`); state != "stopped" {
		t.Errorf("after a kick and a sleep the room is %s", state)
	}
}
