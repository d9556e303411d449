package main

import "testing"

// TestUICompositionElsewhere ends compositions with Enter wherever else one
// writes: nothing is submitted, whichever way browsers tell it.
func TestUICompositionElsewhere(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	fill(t, server.URL, "lobby", 3)
	p := openPage(t, browser, server.URL, "lobby", "")
	// The element that has the focus gets the Enter that ends a composition:
	// before its end, and, as Safari has it, after.
	compose := func(text string) {
		p.write(text)
		p.run(`for (const init of [{keyCode: 13, isComposing: true}, {keyCode: 229}]) {
			const deep = document.activeElement.shadowRoot?.activeElement ?? document.activeElement;
			deep.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true, cancelable: true, composed: true, ...init}));
		}`)
	}
	p.until(`ui.$(".name-form:not([hidden]) input")`)
	p.run(`ui.$(".name-form input").focus()`)
	compose("小明")
	if !eval[bool](p, `ui.frames(2).then(() => !ui.$(".name-form").hidden)`) {
		t.Fatal("the composition of a name chose it")
	}
	p.press("Enter")
	p.until(`ui.root.activeElement === ui.text && ui.view.room.you?.name === "小明"`)

	p.press("k", 2)
	p.until(`document.querySelector("dialog.palette input") === document.activeElement`)
	compose("大厅")
	if !eval[bool](p, `ui.frames(2).then(() => document.querySelector("dialog.palette[open]") !== null)`) {
		t.Error("a composition in the palette chose something")
	}
	p.press("Escape")
	p.until(`!document.querySelector("dialog[open]")`)

	p.run(`document.querySelector(".list-head .icon-button").click()`)
	p.until(`document.querySelector("dialog[open] input") === document.activeElement`)
	compose("新房间")
	if !eval[bool](p, `ui.frames(2).then(() => location.pathname === "/r/lobby" && document.querySelector("dialog[open]") !== null)`) {
		t.Error("a composition in the dialog made the room")
	}
	p.press("Escape")
	p.until(`!document.querySelector("dialog[open]")`)

	p.run(`ui.view.composer.emojiButton.click()`)
	p.until(`ui.$(".picker input") === ui.root.activeElement`)
	compose("rocket")
	if !eval[bool](p, `ui.frames(2).then(() => ui.$(".picker") !== null && ui.text.value === "")`) {
		t.Error("a composition in the picker took an emoji")
	}
	p.calm()
}
