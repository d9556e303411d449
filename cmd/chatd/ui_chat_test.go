package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

func chatFrame(text string) wire.ClientFrame {
	return wire.ClientFrame{Type: wire.TypeChat, Message: text, ID: client.NewID()}
}

// TestUIChat goes through what people do in a chat, in two pages.
func TestUIChat(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	ana := openPage(t, browser, server.URL, "lobby", "Ana")
	ben := openPage(t, browser, server.URL, "lobby", "Ben")
	step := func(name string, run func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			ana.t, ben.t = t, t
			run(t)
		})
		ana.t, ben.t = t, t
	}

	step("a line stands there in the frame of its Enter", func(t *testing.T) {
		ana.run("ui.view.focus()")
		ana.write("Hello, Ben")
		ana.run(`ui.shown = new Promise((done) => addEventListener("keydown", (e) =>
			e.key === "Enter" && requestAnimationFrame(() => setTimeout(() => done(ui.texts().includes("Hello, Ben")))), {capture: true, once: true}))`)
		ana.press("Enter")
		if !eval[bool](ana, "ui.shown") {
			t.Error("the line was not there in the next frame")
		}
		ben.until(`ui.texts().includes("Hello, Ben")`)
		if text := eval[string](ana, "ui.text.value"); text != "" {
			t.Errorf("the composer still holds %q", text)
		}
	})

	step("an Enter that ends a composition sends nothing", func(t *testing.T) {
		compose := func(text string) {
			_, err := chromedp.Call(ana.ctx, input.ImeSetComposition, input.ImeSetCompositionParams{Text: text, SelectionStart: int64(len(text)), SelectionEnd: int64(len(text))})
			if err != nil {
				t.Fatal(err)
			}
		}
		compose("nihao")
		// The key that the input method takes: 229, as browsers tell it.
		key := input.DispatchKeyEventParams{Type: "rawKeyDown", Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 229, NativeVirtualKeyCode: 229}
		if _, err := chromedp.Call(ana.ctx, input.DispatchKeyEvent, key); err != nil {
			t.Fatal(err)
		}
		ana.write("你好")
		// Safari: the composition has ended when the key comes.
		ana.run(`ui.text.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", keyCode: 229, bubbles: true, cancelable: true, composed: true}))`)
		ana.run(`ui.text.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", keyCode: 13, isComposing: true, bubbles: true, cancelable: true, composed: true}))`)
		if text := eval[string](ana, "ui.text.value"); text != "你好" {
			t.Errorf("the composer holds %q, not what was composed", text)
		}
		ana.press("Enter")
		ben.until(`ui.texts().includes("你好")`)
	})

	step("up edits the last own message, escape gives the draft back", func(t *testing.T) {
		ben.say("not mine to edit")
		ana.until(`ui.texts().includes("not mine to edit")`)
		ana.run("ui.view.focus()")
		ana.press("ArrowUp")
		if text := eval[string](ana, "ui.text.value"); text != "你好" {
			t.Fatalf("the composer holds %q, not the last own message", text)
		}
		ana.write("!")
		ana.press("Enter")
		ben.until(`ui.row("你好!")?.querySelector(".edited")`)
		ana.write("a draft")
		ana.run(`ui.view.composer.edit(ui.view.timeline.lastOwn())`)
		ana.press("Escape")
		if text := eval[string](ana, "ui.text.value"); text != "a draft" {
			t.Errorf("the composer holds %q, not the draft", text)
		}
		ana.run(`ui.view.composer.setText("")`)
	})

	step("names, emoji and commands complete", func(t *testing.T) {
		ana.run("ui.view.focus()")
		for typed, want := range map[string]string{"hi @be": "hi @Ben ", ":tad": "🎉 ", "/shr": "/shrug "} {
			ana.write(typed)
			ana.until(`ui.root.querySelector(".complete:not([hidden]) [aria-selected=true]")`)
			ana.press("Tab")
			if text := eval[string](ana, "ui.text.value"); text != want {
				t.Errorf("%q became %q, not %q", typed, text, want)
			}
			if !eval[bool](ana, "ui.root.activeElement === ui.text") {
				t.Errorf("%q lost the focus", typed)
			}
			ana.run(`ui.view.composer.setText("")`)
		}
	})

	step("replies quote and jump, reactions toggle", func(t *testing.T) {
		ben.run(`ui.view.timeline.focusRow(ui.row("Hello, Ben"))`)
		ben.until(`ui.row("Hello, Ben").querySelector(".tools")`)
		ben.press("r")
		ben.until("ui.root.activeElement === ui.text")
		ben.write("an answer")
		ben.press("Enter")
		ana.until(`ui.row("an answer")?.querySelector(".quoted")?.innerText.includes("Hello, Ben")`)
		ana.run(`ui.row("an answer").querySelector(".quoted").dispatchEvent(new PointerEvent("pointerover", {bubbles: true, composed: true}))`)
		ana.until(`ui.row("an answer").querySelector(".tools")`)
		ana.run(`ui.row("an answer").querySelector(".quoted").click()`)
		ana.until(`ui.row("Hello, Ben").classList.contains("flash") && ui.root.activeElement === ui.row("Hello, Ben")`)
		ana.press("+")
		ana.until(`ui.$(".picker input") === ui.root.activeElement`)
		ana.write("rocket")
		ana.press("Enter")
		ben.until(`ui.row("Hello, Ben").querySelector('.reactions [data-emoji="🚀"][aria-pressed=false]')`)
		ana.until(`ui.row("Hello, Ben").querySelector('.reactions [data-emoji="🚀"][aria-pressed=true]')`)
		ben.run(`ui.row("Hello, Ben").querySelector('.reactions button').click()`)
		ana.until(`ui.row("Hello, Ben").querySelector('.reactions button').innerText.includes("2")`)
		ben.until(`ui.row("Hello, Ben").querySelector('.reactions [aria-pressed=true]')`)
		ben.run(`ui.row("Hello, Ben").querySelector('.reactions button').click()`)
		ana.until(`ui.row("Hello, Ben").querySelector('.reactions button').innerText.includes("1")`)
	})

	step("a deletion can be undone", func(t *testing.T) {
		ana.say("to be deleted")
		ana.until(`ui.row("to be deleted")?.dataset.key.match(/^\d+$/)`)
		ana.run(`ui.view.timeline.focusRow(ui.row("to be deleted"))`)
		ana.until(`ui.row("to be deleted").querySelector(".tools")`)
		ana.press("d")
		ana.until(`!ui.row("to be deleted") && ui.$(".toast .link")`)
		ana.run(`ui.$(".toast .link").click()`)
		ana.until(`ui.row("to be deleted")`)
		ana.run(`ui.view.timeline.focusRow(ui.row("to be deleted"))`)
		ana.press("d")
		ana.run(`dispatchEvent(new PageTransitionEvent("pagehide"))`) // whoever leaves means it
		ben.until(`ui.rows().some((r) => r.classList.contains("deleted")) && !ui.row("to be deleted")`)
	})

	step("who is here, who types", func(t *testing.T) {
		ben.until(`ui.view.room.online === 2 && ui.$(".people-button").innerText === "2"`)
		ben.run(`ui.$(".people-button").click()`)
		ben.until(`[...ui.root.querySelectorAll(".people li .name")].map((n) => n.innerText).join() === "Ana,Ben"`)
		ana.run("ui.view.focus()")
		ana.write("typing…")
		ana.run(`ui.typer = setInterval(() => ui.text.dispatchEvent(new InputEvent("input")), 200)`)
		ben.until(`ui.$(".typing").innerText.includes("Ana")`)
		ana.run(`clearInterval(ui.typer); ui.view.composer.setText("")`)
	})

	step("drafts are kept per room", func(t *testing.T) {
		ana.run("ui.view.focus()")
		ana.write("half a thought")
		ana.run(`document.querySelector(".list-head .icon-button").click()`)
		ana.until(`document.querySelector("dialog[open] input") === document.activeElement`)
		ana.write("Second Room")
		ana.press("Enter")
		ana.until(`location.pathname === "/r/second-room" && ui.ready() && ui.text.value === ""`)
		ben.run(`document.querySelector('a[href="/r/second-room"]')?.click()`)
		ana.do(chromedp.NavigateBack())
		ana.until(`location.pathname === "/r/lobby" && ui.text.value === "half a thought" && ui.row("Hello, Ben")`)
		ana.do(chromedp.Reload())
		ana.until(`globalThis.ui?.ready() && ui.text.value === "half a thought"`)
	})

	ana.calm()
	ben.calm()
}

// TestUIAsksForANameOnlyToWrite opens a room as somebody new: it can be read at
// once.
func TestUIAsksForANameOnlyToWrite(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	fill(t, server.URL, "lobby", 3)
	p := openPage(t, browser, server.URL, "lobby", "")
	p.until(`ui.rows().length === 3 && ui.$(".name-form:not([hidden]) input")`)
	p.run(`ui.$(".name-form input").focus()`)
	p.write("Cleo")
	p.press("Enter")
	p.until(`ui.root.activeElement === ui.text && ui.view.room.you?.name === "Cleo"`)
	p.write("here I am")
	p.press("Enter")
	p.until(`ui.row("here I am")?.querySelector(".name").innerText === "Cleo"`)
	p.do(chromedp.Reload())
	p.until(`globalThis.ui?.ready() && ui.view.room.you.name === "Cleo" && ui.row("here I am")?.classList.contains("mine")`)
	p.calm()
}

// TestUIHostileText posts what would do harm as markup: it stays text.
func TestUIHostileText(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	p := openPage(t, browser, server.URL, "lobby", "Ana", `globalThis.alert = () => globalThis.harmed = true;`)
	hostile := []string{
		`<script>alert(1)</script>`,
		`<img src=x onerror=alert(1)>`,
		`<svg/onload=alert(1)>`,
		`"><iframe src="javascript:alert(1)"></iframe>`,
		`javascript:alert(1) http://javascript:alert(1) [x](javascript:alert(1))`,
		`https://example.org/"onmouseover="alert(1)`,
		`**<b onclick=alert(1)>bold</b>** and ` + "`<i>code</i>`",
		`{{constructor.constructor('alert(1)')()}} ${alert(1)} &lt;script&gt;`,
		strings.Repeat("**", 1500) + strings.Repeat("_a", 400),
		strings.Repeat("> ", 200) + "deep\n- a\n- b",
		"\u202egnp.exe\u202c and \u0000?"[:len("\u202egnp.exe\u202c and ")],
	}
	for i, text := range hostile {
		api := &client.API{URL: server.URL, Name: `<img src=x onerror=alert(2)>`}
		if i%2 == 1 {
			api.Name = `Ana" onclick="alert(3)`
		}
		if _, err := api.Post(t.Context(), "lobby", wire.PostMessage{Message: text}); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	}
	p.until("ui.rows().length === " + "11")
	// Names and topics of rooms stand in more places than texts do.
	api := &client.API{URL: server.URL}
	room := wire.CreateRoom{ID: "hostile", Name: `<img src=x onerror=alert(4)>`, Topic: `<svg/onload=alert(5)> "><script>alert(6)</script>`}
	if _, err := api.CreateRoom(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	p.until(`[...document.querySelectorAll(".room-list .name")].some((n) => n.innerText.startsWith("<img"))`)
	p.run(`document.querySelector('a[href="/r/hostile"]').click()`)
	p.until(`ui.$(".title").innerText.startsWith("<img") && ui.$(".topic").innerText.includes("<script>")`)
	p.run(`ui.view.toast("<img src=x onerror=alert(7)>")`)
	if n := eval[int](p, `document.querySelectorAll("img, .app script").length + ui.root.querySelectorAll("img, script").length`); n > 0 {
		t.Errorf("%d names and topics became elements", n)
	}
	p.run(`history.back()`)
	p.until(`ui.view.room.id === "lobby" && ui.rows().length === 11`)
	if eval[bool](p, "Boolean(globalThis.harmed)") {
		t.Error("a script ran")
	}
	bad := eval[[]string](p, `[...ui.view.shadowRoot.querySelectorAll(".rows script, .rows img, .rows iframe, .rows svg:not(.icon), .rows b[onclick], .rows i:not([aria-hidden])")].map((e) => e.outerHTML)`)
	if len(bad) > 0 {
		t.Errorf("texts became elements: %q", bad)
	}
	links := eval[[]string](p, `[...ui.view.shadowRoot.querySelectorAll(".rows a")].map((a) => a.href)`)
	for _, href := range links {
		if !strings.HasPrefix(href, "http://") && !strings.HasPrefix(href, "https://") {
			t.Errorf("a link leads to %s", href)
		}
	}
	if shown := eval[string](p, `ui.row("<script>").innerText`); !strings.Contains(shown, hostile[0]) {
		t.Errorf("the text is not as it was written: %q", shown)
	}
	p.calm()
}

// TestUILongNames has the longest names of people and of rooms, without a space,
// wherever one is shown in a narrow window: nothing reaches beyond its edge.
func TestUILongNames(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, admin := serveGuarded(t)
	long := strings.Repeat("Ü", 100)
	if _, err := admin.CreateRoom(t.Context(), wire.CreateRoom{ID: "long", Name: long, Topic: strings.Repeat("Ü", 500)}); err != nil {
		t.Fatal(err)
	}
	ben := &client.API{URL: server.URL, Name: long}
	first, err := ben.Post(t.Context(), "long", wire.PostMessage{Message: strings.Repeat("x", 4000)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ben.Post(t.Context(), "long", wire.PostMessage{Message: "an answer", ReplyTo: first.Seq}); err != nil {
		t.Fatal(err)
	}
	p := openAdmin(t, browser, server.URL, "long")
	p.resize(320)
	p.until(`innerWidth === 320 && ui.rows().length === 2`)
	person := fmt.Sprintf(`ui.view.ask("chat-person", {person: {id: "ben", name: %q}, beside: ui.view.peopleButton})`, long)
	for _, c := range []struct{ act, there, box string }{
		{``, `ui.$(".quoted b")`, `ui.log`},
		{`ui.view.composer.setText("@"); ui.text.dispatchEvent(new Event("input"))`, `ui.$(".complete [role=option]")`, `ui.$(".complete")`},
		{fmt.Sprintf(`ui.view.toast(%q, {label: "Undo", act() {}})`, long), `ui.$(".toast .link")?.offsetWidth > 30`, `ui.$(".toast")`},
		{person, `document.querySelector(".menu-head")`, `document.querySelector(".menu")`},
		{`document.querySelector(".menu .icon-ban").closest("button").click()`, `document.querySelector("dialog h2")`, `document.querySelector("dialog")`},
		{`void ui.view.ask("chat-command", {name: "search", rest: "answer"})`, `document.querySelector("dialog.palette mark")`, `document.querySelector(".palette-list")`},
	} {
		p.run(c.act)
		p.until(c.there)
		if over := eval[int](p, `(() => { const box = `+c.box+`; return Math.max(box.scrollWidth - box.clientWidth, box.getBoundingClientRect().right - innerWidth); })()`); over > 0 {
			t.Errorf("after %q, what is in %s reaches %d px beyond it", c.act, c.box, over)
		}
		if c.there == `document.querySelector("dialog h2")` {
			p.press("Escape")
		}
	}
	p.calm()
}
