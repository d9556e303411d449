package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"chatd/handlers/wire"
)

// TestUIModeration goes through what a moderator types, and what comes of it in
// the page of whom it is about.
func TestUIModeration(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	const token = "the-admin-of-this-test"
	server := serveProcess(t, "--admin-token", token)
	ben := openPage(t, browser, server.URL, "lobby", "Ben Best")
	mod := openPage(t, browser, server.URL, "lobby", "Mo", `localStorage.setItem("chatd:credential", "`+token+`")`)
	mod.until("ui.view.room.you.may.includes('moderate')")
	told := func(text string) {
		t.Helper()
		mod.until(`[...ui.root.querySelectorAll(".toast")].some((e) => e.innerText.includes("` + text + `"))`)
	}

	ben.say("spam")
	mod.until(`ui.row("spam")`)
	mod.say("/mute @ben_best 10m caps")
	told("Ben Best is muted.")
	ben.say("not to be heard")
	ben.until(`[...ui.root.querySelectorAll(".toast")].some((e) => e.innerText.includes("caps")) || ui.row("not to be heard")?.innerText.includes("caps")`)
	mod.say("/unmute Ben_Best")
	told("may write again")
	mod.say("/clear Ben_Best")
	told("1 message of Ben Best is deleted.")
	ben.until(`!ui.texts().includes("spam")`)
	mod.say("/kick Nobody")
	told("Nobody is called Nobody here.")
	mod.say("/kick Ben_Best enough")
	told("was sent out")
	ben.until(`ui.root.querySelector(".card")?.innerText.includes("enough")`)
	ben.do(chromedp.Reload())
	ben.until("globalThis.ui?.ready()")
	mod.until("ui.view.room.members.size === 2")
	mod.say("/ban Ben_Best 1h spam")
	told("Ben Best is banned.")
	ben.until(`ui.root.querySelector(".card")?.innerText.includes("banned")`)
	ben.do(chromedp.Reload())
	ben.until(`globalThis.ui?.root?.querySelector(".card")?.innerText.includes("spam")`)
	mod.say("/unban Ben_Best")
	told("may come back")
	ben.do(chromedp.Reload())
	ben.until("globalThis.ui?.ready()")
	if text := eval[string](ben, `ui.texts().join()`); text != "" && text != "," {
		t.Logf("what is left: %q", text)
	}
	mod.say("/lock")
	ben.until(`ui.view.room.info.mode === "announce"`)
	mod.say("/unlock")
	ben.until(`ui.view.room.info.mode === "open"`)
	mod.calm()
}

// TestUIDialogsStayWithTheirRoom has a dialog open while the page is elsewhere:
// keys of the page do not reach behind it, and what it does it does where it was
// opened. The same goes for a menu.
func TestUIDialogsStayWithTheirRoom(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, api := serveGuarded(t)
	if _, err := api.CreateRoom(t.Context(), wire.CreateRoom{ID: "b", Name: "b"}); err != nil {
		t.Fatal(err)
	}
	for _, room := range []string{"lobby", "b"} {
		if _, err := api.Post(t.Context(), room, wire.PostMessage{Message: "first in " + room}); err != nil {
			t.Fatal(err)
		}
	}
	mod := openAdmin(t, browser, server.URL, "b")
	mod.until(`document.querySelector('a[href="/r/lobby"]')`)
	mod.run(`document.querySelector('a[href="/r/lobby"]').click()`)
	mod.until(`ui.ready() && ui.view.room.id === "lobby"`)

	for _, open := range []string{"k", "?"} {
		mod.run(`document.activeElement.blur(); document.dispatchEvent(new KeyboardEvent("keydown", {key: "` + open + `", ctrlKey: ` + fmt.Sprint(open == "k") + `}))`)
		mod.until(`document.activeElement?.closest("dialog")`)
		mod.press("k", 2)
		mod.press("ArrowDown", 1)
		if open == "?" {
			mod.press("?")
		}
		mod.press("Escape")
		mod.until(`!document.querySelector("dialog") && ui.frames(3)`)
		if room := eval[string](mod, `ui.view.room.id`); room != "lobby" {
			t.Fatalf("behind a dialog the room is %s", room)
		}
	}

	mod.run(`ui.view.ask("chat-person", {person: {id: "ben", name: "Ben"}, beside: ui.view.peopleButton})`)
	mod.choose("Ban")
	mod.until(`document.querySelector("dialog.sanction")`)
	mod.run(`history.back()`)
	mod.until(`ui.ready() && ui.view.room.id === "b"`)
	mod.run(`document.querySelector("dialog.sanction .grave").click()`)
	mod.told("Ben is banned.")
	for room, want := range map[string]int{"lobby": 1, "b": 0} {
		var held wire.BanList
		ask(t, "GET", server.URL+"/rooms/"+room+"/bans", "", &held)
		if len(held.Bans) != want {
			t.Errorf("in %s the bans are %+v", room, held.Bans)
		}
	}

	mod.run(`ui.view.timeline.focusRow(ui.row("first in b"))`)
	mod.until(`ui.row("first in b").querySelector(".tools")`)
	mod.press("m")
	mod.until(`document.activeElement?.closest(".menu")`)
	mod.press("ArrowDown", 1)
	mod.run(`globalThis.trash = document.querySelector(".menu .icon-trash").closest("button"); history.forward()`)
	mod.until(`ui.ready() && ui.view.room.id === "lobby"`)
	if eval[bool](mod, `Boolean(document.querySelector(".menu"))`) {
		t.Error("a menu of another room is still open")
	}
	mod.run(`trash.click()`)
	mod.run(`ui.view.composer.setText(""); ui.view.focus()`)
	mod.say("still here")
	mod.until(`ui.row("still here")?.dataset.key.match(/^\d+$/)`)
	if !eval[bool](mod, `Boolean(ui.row("first in lobby"))`) {
		t.Error("a menu of another room took a message away")
	}

	// The list of people is left as everything else is.
	mod.run(`ui.$(".people-button").click()`)
	mod.until(`ui.$(".people li button")`)
	mod.run(`ui.$(".people li button").focus()`)
	mod.press("Escape")
	mod.until(`ui.$(".people").hidden && ui.$(".people-button").matches(":focus")`)
	// A command that there is not stays where it was written.
	mod.say("/bna @Ben being rude")
	mod.told("There is no command /bna.")
	mod.as(`ui.text.value === "/bna @Ben being rude" && !ui.row("being rude")`)
	mod.run(`ui.view.composer.setText("")`)
	mod.say("/usr/bin is a path")
	mod.until(`ui.row("/usr/bin")?.dataset.key.match(/^\d+$/)`)
	// What is about to be deleted is not one's last message.
	mod.run(`ui.view.timeline.focusRow(ui.row("/usr/bin"))`)
	mod.until(`ui.row("/usr/bin").querySelector(".tools")`)
	mod.press("d")
	mod.until(`!ui.row("/usr/bin")`)
	mod.run(`ui.view.focus()`)
	mod.press("ArrowUp")
	mod.as(`ui.text.value === "still here"`)
	mod.calm()
}
