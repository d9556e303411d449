package main

import (
	"testing"

	"github.com/chromedp/chromedp"
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
