package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"chatd/handlers/wire"
)

// openAdmin opens a room as whoever may do everything.
func openAdmin(t *testing.T, browser context.Context, server, room string) *chatPage {
	t.Helper()
	p := openPage(t, browser, server, room, "Mo", `localStorage.setItem("chatd:credential", "`+uiAdmin+`")`)
	p.until("ui.view.room.you.may.includes('manage')")
	return p
}

// choose takes what is named in the menu that is open.
func (p *chatPage) choose(label string) {
	p.t.Helper()
	p.as(`[...document.querySelectorAll(".menu button")].some((b) => b.innerText.includes(%q))`, label)
	p.run(fmt.Sprintf(`[...document.querySelectorAll(".menu button")].find((b) => b.innerText.includes(%q)).click()`, label))
}

// told waits for a toast.
func (p *chatPage) told(text string) {
	p.t.Helper()
	p.as(`[...ui.root.querySelectorAll(".toast")].some((e) => e.innerText.includes(%q))`, text)
}

// TestUIModerationByHand moderates with buttons and keys: from a message, from
// the list of who is here, and from the list of who is banned.
func TestUIModerationByHand(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, _ := serveGuarded(t)
	ben := openPage(t, browser, server.URL, "lobby", "Ben Best")
	mod := openAdmin(t, browser, server.URL, "lobby")
	ben.say("spam")
	mod.until(`ui.row("spam")`)

	// Who may not moderate is offered nothing of it.
	mod.say("a word of mine")
	ben.until(`ui.row("a word of mine")`)
	ben.run(`ui.view.timeline.focusRow(ui.row("a word of mine"))`)
	ben.until(`ui.row("a word of mine").querySelector(".tools")`)
	ben.press("m")
	ben.until(`document.activeElement?.closest(".menu")`)
	if text := eval[string](ben, `document.querySelector(".menu").innerText`); slices.ContainsFunc([]string{"Mute", "Ban", "Delete", "guest"}, func(s string) bool { return strings.Contains(text, s) }) {
		t.Errorf("a guest is offered %q", text)
	}
	ben.press("Escape")
	ben.until(`!document.querySelector(".menu") && ui.row("a word of mine").matches(":focus, :focus-within")`)

	// By keys alone: the message's menu, its entry, the terms, Enter.
	mod.run(`ui.view.timeline.focusRow(ui.row("spam"))`)
	mod.until(`ui.row("spam").querySelector(".tools")`)
	mod.press("m")
	mod.until(`document.activeElement?.closest(".menu")`)
	for range 12 {
		if eval[bool](mod, `document.activeElement.innerText.startsWith("Ban")`) {
			break
		}
		mod.press("ArrowDown")
	}
	mod.press("Enter")
	mod.until(`document.activeElement?.matches("dialog input") && document.querySelector("dialog h2").innerText === "Ban Ben Best"`)
	mod.write("advertising")
	mod.press("Enter")
	mod.told("Ben Best is banned.")
	ben.until(`ui.$(".card")?.innerText.includes("advertising")`)
	var held wire.BanList
	ask(t, "GET", server.URL+"/rooms/lobby/bans", "", &held)
	if len(held.Bans) != 1 || held.Bans[0].Reason != "advertising" || held.Bans[0].Until == nil {
		t.Errorf("the bans are %+v", held.Bans)
	}

	// What a toast can take back.
	mod.run(`ui.$(".toast .link").click()`)
	mod.told("Lifted.")
	ben.run(`ui.$(".card button").click()`)
	ben.until("ui.ready()")

	// From the list of who is here.
	mod.run(`ui.$(".people-button").click()`)
	mod.until(`[...ui.root.querySelectorAll(".people [data-id]")].some((b) => b.innerText.includes("Ben"))`)
	mod.run(`[...ui.root.querySelectorAll(".people [data-id]")].find((b) => b.innerText.includes("Ben")).click()`)
	mod.choose("Mute")
	mod.until(`document.querySelector("dialog h2")?.innerText === "Mute Ben Best"`)
	mod.run(`document.querySelector("dialog input[value=s0]").click()`)
	mod.run(`document.querySelector("dialog .primary").click()`)
	mod.told("Ben Best is muted.")
	ben.say("unheard")
	ben.until(`ui.row("unheard")?.classList.contains("failed")`)
	ben.run(`ui.row("unheard").querySelector("[data-act=discard]").click()`)

	// The list of who is muted, live, and its button.
	mod.run(`document.querySelector('[slot="end"]:last-of-type').click()`)
	mod.choose("Bans, mutes")
	mod.until(`document.querySelector("dialog .none:not([hidden] *)")?.innerText.includes("Nobody is banned")`)
	mod.run(`document.querySelector("#tab-bans").focus()`)
	mod.press("ArrowRight")
	mod.until(`document.querySelector("dialog .pages li")?.innerText.includes("Ben Best")`)
	mod.run(`document.querySelector("dialog .pages button").click()`)
	mod.until(`!document.querySelector("dialog .pages li")`)
	var muted wire.MuteList
	ask(t, "GET", server.URL+"/rooms/lobby/mutes", "", &muted)
	if len(muted.Mutes) != 0 {
		t.Errorf("the mutes are %+v", muted.Mutes)
	}
	ask(t, "POST", server.URL+"/rooms/lobby/mutes", `{"who": "somebody", "name": "Cleo"}`, new(wire.Sanction))
	mod.until(`document.querySelector("dialog .pages li")?.innerText.includes("Cleo")`)

	// An address that is none is told at its field.
	mod.run(`document.querySelector("#tab-bans").click()`)
	mod.run(`[...document.querySelectorAll("dialog button")].find((b) => b.innerText.startsWith("Ban an address")).click()`)
	mod.until(`document.activeElement?.matches("dialog.sanction input")`)
	mod.write("nowhere")
	mod.press("Enter")
	mod.until(`document.querySelector("dialog.sanction [aria-invalid=true]")`)
	mod.run(`document.activeElement.select()`)
	mod.write("203.0.113.0/24")
	mod.press("Enter")
	mod.until(`document.querySelector("dialog .pages li")?.innerText.includes("203.0.113.0/24")`)
	mod.press("Escape")

	// All that somebody wrote.
	mod.until(`!document.querySelector("dialog")`)
	mod.run(`ui.view.timeline.focusRow(ui.row("spam"))`)
	mod.until(`ui.row("spam").querySelector(".tools")`)
	mod.press("m")
	mod.choose("Delete all they wrote")
	mod.until(`document.querySelector("dialog.sanction .grave")`)
	mod.run(`document.querySelector("dialog.sanction .grave").click()`)
	mod.told("1 message of Ben Best is deleted.")
	ben.until(`!ui.row("spam")`)

	// The lock.
	mod.run(`document.querySelector('[slot="end"]:last-of-type').click()`)
	mod.choose("Lock")
	ben.until(`ui.$(".blocked:not([hidden])")?.innerText.includes("Only moderators")`)
	mod.until(`ui.$(".toast .link")`)
	mod.run(`ui.$(".toast .link").click()`)
	ben.until(`ui.text.checkVisibility()`)
	mod.forgive("422")
	mod.calm()
}

// ask asks REST as whoever may do everything.
func ask(t *testing.T, method, address, body string, into any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+uiAdmin)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, address, res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// TestUILog shows who did what, page by page.
func TestUILog(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, api := serveGuarded(t)
	for i := range 60 {
		topic := fmt.Sprintf("topic %d", i)
		set(t, api, "lobby", wire.PatchRoom{Topic: &topic})
	}
	if _, err := api.CreateRoom(t.Context(), wire.CreateRoom{ID: "other"}); err != nil {
		t.Fatal(err)
	}
	mod := openAdmin(t, browser, server.URL, "lobby")
	mod.run(`document.querySelector('[slot="end"]:last-of-type').click()`)
	mod.choose("Bans, mutes")
	mod.until(`document.querySelector("#tab-log")`)
	mod.run(`document.querySelector("#tab-log").click()`)
	mod.until(`document.querySelectorAll("dialog .log li[data-id]").length === 50`)
	if first := eval[string](mod, `document.querySelector("dialog .log li[data-id]").innerText`); !strings.Contains(first, "Admin changed the room") || !strings.Contains(first, "topic 59") {
		t.Errorf("the newest is told as %q", first)
	}
	mod.run(`document.querySelector("dialog .more").click()`)
	mod.until(`document.querySelectorAll("dialog .log li[data-id]").length === 60 && document.querySelector("dialog .more").hidden`)
	topic := "topic 60"
	set(t, api, "lobby", wire.PatchRoom{Topic: &topic})
	mod.until(`document.querySelectorAll("dialog .log li[data-id]").length === 61`)
	mod.run(`document.querySelector("dialog input[value=all]").click()`)
	mod.until(`[...document.querySelectorAll("dialog .log li[data-id]")].some((li) => li.innerText.includes("created the room"))`)
	mod.calm()
}

// TestUIRoomSettings changes all that can be set about a room: what the server
// refuses is told at its field, and only what was changed is sent.
func TestUIRoomSettings(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, api := serveGuarded(t)
	if _, err := api.CreateRoom(t.Context(), wire.CreateRoom{ID: "club", Name: "Club"}); err != nil {
		t.Fatal(err)
	}
	mod := openAdmin(t, browser, server.URL, "club")
	mod.run(`
		globalThis.fill = (label, value) => {
			const input = [...document.querySelectorAll("dialog .field")].find((f) => f.innerText.startsWith(label)).querySelector("input, textarea");
			input.value = value;
			input.dispatchEvent(new Event("input", {bubbles: true}));
		};
		globalThis.save = () => document.querySelector("dialog .foot .primary").click();
		globalThis.wrong = () => [...document.querySelectorAll("dialog [aria-invalid=true]")].map((i) => i.closest(".field").innerText.split("\n")[0]).join();
		document.querySelector('[slot="end"]:last-of-type').click()`)
	mod.choose("Room settings")
	mod.until(`document.querySelector("dialog .foot")`)
	mod.run(`fill("Room for", "many"); save()`)
	mod.until(`wrong() === "Room for"`)
	mod.run(`fill("Room for", "99999999"); fill("May be embedded", "example.com"); fill("Name", " "); save()`)
	mod.until(`wrong() === "Room for"`) // what the shape breaks comes first
	mod.run(`fill("Room for", "12"); save()`)
	mod.until(`wrong() === "Name"`)
	mod.run(`fill("Name", "The club"); save()`)
	mod.until(`wrong() === "May be embedded by"`)

	// Meanwhile somebody else changes the topic: it stays.
	topic := "not to be overwritten"
	set(t, api, "club", wire.PatchRoom{Topic: &topic})
	mod.run(`
		fill("May be embedded", "https://example.com\nhttps://*.example.org");
		fill("Slow mode", "2");
		fill("Keep messages for", "30");
		fill("Keep at most", "1,000");
		document.querySelector("dialog input[value=announce]").click();
		document.querySelector("dialog input[value=private]").click()`)
	mod.until(`document.querySelector("dialog .warning").checkVisibility()`)
	mod.run("save()")
	mod.told("Saved.")
	got, err := api.Room(t.Context(), "club")
	if err != nil {
		t.Fatal(err)
	}
	want := wire.Room{
		Name: "The club", Topic: topic, Mode: "announce", Visibility: "private", SlowMode: 2, MaxMembers: 12,
		Retention: wire.Retention{Seconds: 30 * 86400, Count: 1000}, Embed: []string{"https://example.com", "https://*.example.org"},
	}
	got = wire.Room{Name: got.Name, Topic: got.Topic, Mode: got.Mode, Visibility: got.Visibility, SlowMode: got.SlowMode, MaxMembers: got.MaxMembers, Retention: got.Retention, Embed: got.Embed}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the room is %+v, not %+v", got, want)
	}

	// Archived, and back by the toast; then gone.
	again := func() {
		mod.run(`document.querySelector('[slot="end"]:last-of-type').click()`)
		mod.choose("Room settings")
		mod.until(`document.querySelector("dialog .acts")`)
	}
	again()
	mod.run(`document.querySelector("dialog .acts .plain").click()`)
	mod.until(`ui.view.room.info.archived && ui.$(".toast .link")`)
	mod.run(`ui.$(".toast .link").click()`)
	mod.until(`!ui.view.room.info.archived`)
	again()
	mod.run(`document.querySelector("dialog .acts .danger").click()`)
	mod.until(`document.querySelector("dialog.sanction .grave")`)
	mod.run(`document.querySelector("dialog.sanction .grave").click()`)
	mod.until(`ui.ready() && ui.view.room.id === "lobby" && !document.querySelector("dialog")`)
	mod.forgive("422")
	mod.calm()
}

// TestUIFigures shows charts of what the server counts, and that they move.
func TestUIFigures(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, api := serveGuarded(t)
	guest := openPage(t, browser, server.URL, "lobby", "Ana")
	guest.run(`document.querySelector('[slot="end"]:last-of-type').click()`)
	guest.until(`document.querySelector(".menu button")`)
	if eval[bool](guest, `document.querySelector(".menu").innerText.includes("figures")`) {
		t.Error("a guest is offered the server's figures")
	}
	mod := openAdmin(t, browser, server.URL, "lobby")
	mod.run(`document.querySelector('[slot="end"]:last-of-type').click()`)
	mod.choose("Server figures")
	mod.until(`[...document.querySelectorAll(".chart")].find((c) => c.innerText.startsWith("Members"))?.querySelector("b")?.innerText === "2"`)
	mod.run(`globalThis.shown = (name) => [...document.querySelectorAll(".chart")].find((c) => c.innerText.startsWith(name))`)
	if _, err := api.Post(t.Context(), "lobby", wire.PostMessage{Message: "counted"}); err != nil {
		t.Fatal(err)
	}
	mod.until(`/\d (ms|µs|s)$/.test(shown("Time to acknowledge").querySelector("b").innerText)`)
	mod.until(`shown("Sent").querySelector(".line").getAttribute("d").includes("L")`)
	if n := eval[int](mod, `document.querySelectorAll(".chart").length`); n != 9 {
		t.Errorf("there are %d charts: a metric that one asks for is not there", n)
	}
	mod.press("Escape")
	mod.until(`!document.querySelector("dialog")`)
	mod.calm()
}
