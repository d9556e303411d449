package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

var (
	uiLooks = flag.Bool("ui.looks", false, "let TestUIAccessible check every state in every theme, direction and width, instead of some")
	uiShots = flag.String("ui.shots", "", "directory into which TestUIAccessible puts a screenshot of all that it checks")
)

// look is how a page is shown.
type look struct {
	theme, direction string
	width            int
}

// looks are all the looks there are; or for the i-th state one of them, so that
// each look is had by as many states.
func looks(i int) []look {
	var all []look
	for _, theme := range []string{"light", "dark"} {
		for _, direction := range []string{"ltr", "rtl"} {
			for _, width := range []int{320, 768, 1440} {
				all = append(all, look{theme, direction, width})
			}
		}
	}
	if *uiLooks {
		return all
	}
	return []look{all[i*7%len(all)]}
}

type uiState struct{ name, path, act, there string }

// uiStates are the states of the page: where each is, what leads to it, and how
// one sees that it is there.
var uiStates = []uiState{
	{"room", "/r/lobby", ``, `ui.rows().length >= 5`},
	{"tools", "/r/lobby", `ui.rows().at(-2).focus()`, `ui.$(".tools")`},
	{"people", "/r/lobby", `ui.view.togglePeople(true)`, `ui.$(".people li")`},
	{"complete", "/r/lobby", `ui.view.composer.setText("/"); ui.text.dispatchEvent(new Event("input"))`, `ui.$(".complete [role=option]")`},
	{"picker", "/r/lobby", `ui.view.composer.emojiButton.click()`, `ui.$(".picker")`},
	{"menu", "/r/lobby", `document.querySelector('[slot="end"]:last-of-type').click()`, `document.querySelector(".menu")`},
	{"drawer", "/r/lobby", `document.querySelector(".drawer-button").click()`, `document.body.classList.contains("drawer")`},
	{"palette", "/r/lobby", `document.dispatchEvent(new KeyboardEvent("keydown", {key: "k", ctrlKey: true}))`, `document.querySelector("dialog.palette [role=option]")`},
	{"settings", "/r/lobby", `document.querySelector(".me").click()`, `document.querySelector("dialog .choices")`},
	{"keys", "/r/lobby", `document.dispatchEvent(new KeyboardEvent("keydown", {key: "?"}))`, `document.querySelector("dialog dl")`},
	{"create", "/r/lobby", `document.querySelector(".list-head button").click()`, `document.querySelector("dialog .choices")`},
	{"empty", "/r/empty", ``, `ui.ready() && ui.$(".intro")`},
	{"archived", "/r/archived", ``, `ui.$(".blocked:not([hidden])")`},
	{"announce", "/r/news", ``, `ui.$(".blocked:not([hidden])")`},
	{"slow", "/r/slow", `for (const text of ["one", "two"]) void ui.view.room.send(text)`, `ui.$(".countdown") && ui.row("two")`},
	{"failed", "/r/empty", `void ui.view.room.send("long ".repeat(1000)).catch(() => {})`, `ui.$(".failure")`},
	{"loading", "/r/lobby", `ui.view.timeline.reset()`, `ui.$(".skeleton")`},
	{"away", "/r/lobby", `ui.view.room.leave(); void ui.view.room.send("later")`, `ui.$(".banner:not([hidden])") && ui.$(".note").innerText`},
	{"version", "/r/lobby", `ui.view.toast("chatd was updated.", {label: "Load it", act() {}}, 1e9)`, `ui.$(".toast button")`},
	{"missing", "/r/nowhere", ``, `ui.$(".card")`},
	{"kicked", "/r/lobby", `void sanction("kicks", "lobby")`, `ui.$(".card q")`},
	{"banned", "/r/news", `void sanction("bans", "news")`, `ui.$(".card q")`},
	{"embed", "/embed/lobby?name=Eve", ``, `ui.rows().length >= 5`},
}

// violations are what axe-core has against the page as it is.
const violations = `axe.run(document, {preload: false, resultTypes: ["violations"]}).then(({violations}) => violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.target.join(" ") + " " + n.failureSummary)))`

// uiAdminStates are those that only an administrator sees.
var uiAdminStates = []uiState{
	{"moderation", "/r/lobby", `void click('[slot="end"]:last-of-type', ".menu button:has(.icon-shield)")`, `document.querySelector("dialog .none")`},
	{"log", "/r/lobby", `void click('[slot="end"]:last-of-type', ".menu button:has(.icon-shield)", "#tab-log")`, `document.querySelector("dialog .log li")`},
	{"room settings", "/r/lobby", `void click('[slot="end"]:last-of-type', ".menu button:has(.icon-gear)")`, `document.querySelector("dialog.long")`},
	{"figures", "/r/lobby", `void click('[slot="end"]:last-of-type', ".menu button:has(.icon-chart)")`, `document.querySelector(".chart b")`},
	{"person", "/r/lobby", `ui.view.ask("chat-person", {person: {id: "ben", name: "Ben"}, beside: ui.view.peopleButton})`, `document.querySelector(".menu-head")`},
	{"sanction", "/r/lobby", `ui.view.ask("chat-person", {person: {id: "ben", name: "Ben"}, beside: ui.view.peopleButton}); void click(".menu button:has(.icon-ban)")`, `document.querySelector("dialog.sanction")`},
}

// TestUIAccessible holds axe-core's rules in the states of the page. AXE_JS names
// its script, which is not part of chatd.
func TestUIAccessible(t *testing.T) {
	t.Parallel()
	path := os.Getenv("AXE_JS")
	switch {
	case path != "":
	case os.Getenv("CI") != "":
		t.Fatal("AXE_JS names no axe-core, and CI is set")
	default:
		t.Skip("AXE_JS names no axe-core: npm install axe-core, and name its axe.min.js")
	}
	axe, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	browser := newBrowser(t)
	server, admin := serveGuarded(t)
	furnish(t, admin)
	p := newPage(t, browser, "Ana", fmt.Sprintf(`globalThis.sanction = (what, room) => fetch("/rooms/" + room + "/" + what, {
		method: "POST", headers: {Authorization: "Bearer %s", "Content-Type": "application/json"},
		body: JSON.stringify({who: ui.view.room.you.id, reason: "That was enough"})});
		// Clicks on one thing after the other, each once it is there.
		globalThis.click = async (...selectors) => {
			for (const selector of selectors) {
				while (!document.querySelector(selector)) await ui.frames(1);
				document.querySelector(selector).click();
			}
		}`, uiAdmin))
	for i, state := range slices.Concat(uiStates, uiAdminStates) {
		p.run(`if (location.host) localStorage.removeItem("chatd:draft:lobby")`)
		if i == len(uiStates) {
			p.run(fmt.Sprintf(`localStorage.setItem("chatd:credential", %q)`, uiAdmin))
		}
		p.do(chromedp.Navigate(server.URL + state.path))
		p.until(`globalThis.ui?.root && !ui.root.querySelector(".shell").hidden && (ui.ready() || ui.$(".card"))`)
		p.until(`document.readyState === "complete"`)
		if state.name == "room" || strings.HasPrefix(state.path, "/r/lobby") {
			p.until(`ui.rows().length >= 5`)
		}
		if state.act != "" {
			p.run(state.act)
		}
		p.until(state.there)
		p.evalScript(string(axe))
		p.inspect(state.name, looks(i))
	}
	release := p.hold("*/app/main.js")
	p.begin(server.URL + "/r/lobby")
	p.until(`globalThis.ui?.drawn && ui.$(".composer")`)
	p.evalScript(string(axe))
	p.inspect("prerendered", looks(len(uiStates)))
	release()
	p.calm()
}

// inspect holds axe-core's rules, which the page has been given, and the width of
// the window in a state of the page.
func (p *chatPage) inspect(state string, looks []look) {
	p.t.Helper()
	for _, l := range looks {
		p.show(l)
		name := fmt.Sprintf("%s-%s-%s-%d", state, l.theme, l.direction, l.width)
		if *uiShots != "" {
			p.shoot(filepath.Join(*uiShots, name+".png"))
		}
		for _, violation := range eval[[]string](p, violations) {
			p.t.Errorf("%s: %s", name, violation)
		}
		if over := eval[int](p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			p.t.Errorf("%s: the page is %d px wider than the window", name, over)
		}
	}
}

// furnish fills a server with what the states show.
func furnish(t *testing.T, admin *client.API) {
	t.Helper()
	ben := &client.API{URL: admin.URL, Name: "Ben"}
	for _, room := range []wire.CreateRoom{{ID: "empty", Name: "Empty"}, {ID: "slow", Name: "Slow", SlowMode: 300}, {ID: "archived", Name: "Archived", Topic: "What once was"}, {ID: "news", Name: "新闻", Mode: "announce"}} {
		if _, err := admin.CreateRoom(t.Context(), room); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{
		"Good morning! Is the **draft** ready?",
		"It is: https://example.org/draft. Have a look at `config.toml`, too.",
		"> Is it ready?\nIt is, @Ana.\n\n- one\n- two",
		"شكراً جزيلاً، سأقرأه الليلة",
		"谢谢，我今晚看。",
		"```\nfor i := range 3 {\n\tfmt.Println(i)\n}\n```",
	} {
		if _, err := ben.Post(t.Context(), "lobby", wire.PostMessage{Message: text}); err != nil {
			t.Fatal(err)
		}
	}
	cleo := &client.API{URL: admin.URL, Name: "Cleo"}
	if _, err := cleo.Post(t.Context(), "lobby", wire.PostMessage{Message: "🎉", ReplyTo: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := cleo.Post(t.Context(), "archived", wire.PostMessage{Message: "The last word"}); err != nil {
		t.Fatal(err)
	}
	yes := true
	if _, err := admin.Broadcast(t.Context(), "lobby", wire.PostMessage{Message: "Deploy at 15:00"}); err != nil {
		t.Fatal(err)
	}
	set(t, admin, "archived", wire.PatchRoom{Archived: &yes})
}

// evalScript runs a script in the page, whatever the page's policy.
func (p *chatPage) evalScript(source string) {
	p.t.Helper()
	res, err := chromedp.Call(p.ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: source})
	if err != nil || res.ExceptionDetails != nil {
		p.t.Fatal(err, res)
	}
}

// show gives the page a look, and waits until it has it.
func (p *chatPage) show(l look) {
	p.t.Helper()
	p.resize(l.width)
	p.run(fmt.Sprintf(`document.documentElement.dataset.theme = %q; document.documentElement.dir = %q`, l.theme, l.direction))
	p.as(`innerWidth === %d`, l.width)
	// What fades or moves is looked at when it has come to rest.
	if !eval[bool](p, `ui.frames(2).then(() => Promise.allSettled([...document.getAnimations(), ...ui.root.getAnimations()].filter((a) => a.effect.getTiming().iterations !== Infinity).map((a) => a.finished))).then(() => true)`) {
		p.t.Error("the page does not come to rest")
	}
}

func (p *chatPage) shoot(path string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(path, png, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// TestUIForcedColors shows what is chosen, and where the keyboard is, also where
// only the system's colours are.
func TestUIForcedColors(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server, admin := serveGuarded(t)
	furnish(t, admin)
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	forced := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, forced); err != nil {
		t.Fatal(err)
	}
	p.until(`ui.rows().length >= 5`)
	key := func(init string) string {
		return `document.activeElement.blur(); document.dispatchEvent(new KeyboardEvent("keydown", ` + init + `))`
	}
	for _, c := range []struct{ act, chosen string }{
		{`ui.view.composer.setText("/"); ui.text.dispatchEvent(new Event("input"))`, `ui.$('.complete [aria-selected="true"]')`},
		{`ui.view.composer.setText(""); ui.text.dispatchEvent(new Event("input")); ui.view.composer.emojiButton.click()`, `ui.$('.picker [aria-selected="true"]')`},
		{`void ui.view.room.react(2, "👍")`, `ui.$('[aria-pressed="true"]')`},
		{key(`{key: "k", ctrlKey: true}`), `document.querySelector('.palette-list [aria-selected="true"]')`},
		{`document.querySelector(".me").click()`, `document.querySelector(".choices label:has(:checked)")`},
		{``, `document.querySelector("dialog input:focus-visible")`},
		{`document.querySelector('[slot="end"]:last-of-type').click()`, `document.querySelector(".menu button:focus-visible")`},
	} {
		p.run(c.act)
		if strings.Contains(c.chosen, "input:focus") {
			p.press("Tab")
			p.press("Tab")
		}
		p.until(c.chosen)
		if outline := eval[string](p, `getComputedStyle(`+c.chosen+`).outlineStyle`); outline != "solid" {
			t.Errorf("nothing but a colour tells %s from the rest: its outline is %s", c.chosen, outline)
		}
		if c.act != "" && !strings.Contains(c.act, ".me") {
			p.press("Escape")
		}
		if strings.Contains(c.chosen, "input:focus") {
			p.press("Escape")
		}
		p.run(`ui.frames(2)`)
	}
	p.calm()
}
