package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// TestUIEmbed puts the one tag, and a frame, into a page of another origin.
func TestUIEmbed(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	var server *process
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>A product</title>
			<script type="module" src="%[1]s/embed.js"></script>
			<chat-room name="Ana" style="height: 400px"></chat-room>
			<iframe src="%[1]s/embed/lobby?name=Ben" width="600" height="400"></iframe>`, server.URL)
	}))
	t.Cleanup(host.Close)
	server = serveProcess(t, "--allowed-origin", host.URL)

	p := newPage(t, browser, "Host")
	p.do(chromedp.Navigate(host.URL))
	p.until(`ui.view?.shadowRoot && ui.ready() && ui.view.room.you.name === "Ana"`)
	p.until(`ui.view.room.online === 2`) // the frame is in, too
	p.say("from the product's page")
	p.until(`ui.row("from the product's page")?.dataset.key.match(/^\d+$/)`)
	p.calm()
}

// TestUIEmbedInAnyPage puts the element into a page whose style reaches for
// everything: inside, texts look as everywhere. The page hides it as anything else.
func TestUIEmbedInAnyPage(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	page, server := productPage(t, map[string]string{"/": `<!doctype html><title>A product</title><style>
		* { letter-spacing: 4px; text-transform: uppercase; text-indent: 30px; text-shadow: 1px 1px red; white-space: pre; word-spacing: 1em; cursor: crosshair; line-height: 3; text-align: center }
		div, span, p, button, textarea { display: block !important; background: red !important }
		chat-room { height: 400px }</style>
		<chat-room name="Ana"></chat-room><script type="module" src="%s/embed.js"></script>`})
	product, plain := newPage(t, browser, "Host"), newPage(t, browser, "Ben")
	product.do(chromedp.Navigate(page))
	plain.do(chromedp.Navigate(server.URL + "/embed/lobby"))
	looks := `(() => {
		const of = (sel, e = ui.root.querySelector(sel), s = getComputedStyle(e)) => [s.letterSpacing, s.textTransform, s.textIndent, s.textShadow, s.whiteSpaceCollapse, s.wordSpacing, s.cursor, s.lineHeight, s.textAlign, s.display, s.backgroundColor].join();
		return [".title", ".row .name", ".row .body > p", ".send", "textarea"].map((sel) => of(sel)).join("\n");
	})()`
	for _, p := range []*chatPage{product, plain} {
		p.until(`ui.view?.shadowRoot && ui.ready()`)
	}
	product.say("as it should look")
	for _, p := range []*chatPage{product, plain} {
		p.until(`ui.root.querySelector(".row .body > p")`)
	}
	if is, want := eval[string](product, looks), eval[string](plain, looks); is != want {
		t.Errorf("in the page it looks like\n%s\nnot\n%s", is, want)
	}
	for _, hide := range []string{`ui.view.hidden = hide`, `document.body.style.visibility = hide ? "hidden" : ""`} {
		for _, on := range []bool{true, false} {
			product.run(fmt.Sprintf(`(() => { const hide = %t; %s; })()`, on, hide))
			if shows := eval[bool](product, `ui.view.checkVisibility({visibilityProperty: true})`); shows == on {
				t.Errorf("after %s, %t, it shows: %t", hide, on, shows)
			}
		}
	}
	product.calm()
}

// TestUIEmbedChanges changes what the element shows while something is half done
// there, and takes it out of the page.
func TestUIEmbedChanges(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	const secret = "a-secret-of-at-least-32-bytes-for-tests"
	token, err := mint(t, secret, "ana-7", "Ana Product")
	if err != nil {
		t.Fatal(err)
	}
	page, server := productPage(t, map[string]string{"/": `<!doctype html><title>A product</title>
		<chat-room style="height: 30rem"></chat-room>
		<script>document.querySelector("chat-room").getToken = () => "` + token + `"</script>
		<script type="module" src="%s/embed.js"></script>`}, "--jwt-secret", secret, "--admin-token", uiAdmin)
	api := &client.API{URL: server.URL, Token: uiAdmin}
	if _, err := api.CreateRoom(t.Context(), wire.CreateRoom{ID: "b", Name: "b"}); err != nil {
		t.Fatal(err)
	}
	p := newPage(t, browser, "Host")
	p.do(chromedp.Navigate(page))
	p.until(`ui.view?.shadowRoot && ui.ready() && ui.view.room.you.id === "ana-7"`) // set before the tag was an element

	p.say("tpyo")
	p.until(`ui.row("tpyo")?.dataset.key.match(/^\d+$/)`)
	enter := func(room string) {
		t.Helper()
		p.run(`ui.view.setAttribute("room", "` + room + `")`)
		p.until(`ui.ready() && ui.view.room.id === "` + room + `"`)
	}
	p.write("a draft")
	p.run(`ui.view.composer.edit(ui.view.timeline.lastOwn())`)
	enter("b")
	p.as(`ui.text.value === "" && ui.$(".mode").hidden`)
	enter("lobby")
	p.as(`ui.text.value === "tpyo" && ui.$(".box.editing")`)
	p.run(`ui.view.focus()`)
	p.press("Escape")
	p.as(`ui.text.value === "a draft"`)

	// A message that was deleted is deleted, wherever the element goes.
	p.until(`ui.row("tpyo")`)
	p.run(`ui.view.timeline.focusRow(ui.row("tpyo"))`)
	p.until(`ui.$(".tools")`)
	p.press("d")
	p.until(`ui.$(".toast")`)
	p.run(`globalThis.chat = ui.view; chat.remove()`)
	for deadline := time.Now().Add(30 * time.Second); slices.Contains(history(t, server.URL, "lobby"), "tpyo"); {
		if time.Now().After(deadline) {
			t.Fatal("what was deleted in an element that left the page is still there")
		}
	}
	p.run(`document.body.append(chat)`)
	p.until(`ui.ready() && ui.text.value === "a draft"`)

	// As a guest, and as oneself again.
	p.run(`chat.getToken = undefined`)
	p.until(`ui.ready() && ui.view.room.you.id.startsWith("guest")`)
	p.run(`chat.getToken = async () => "` + token + `"`)
	p.until(`ui.ready() && ui.view.room.you.id === "ana-7"`)
	p.calm()
}

// TestUIEmbedTwice has two rooms in a page, where nobody has been before: who comes
// is one guest in both, and says a name once.
func TestUIEmbedTwice(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	page, server := productPage(t, map[string]string{"/": `<!doctype html><title>A product</title>
		<chat-room id="one" style="height: 18rem"></chat-room><chat-room id="two" room="b" style="height: 18rem"></chat-room>
		<script type="module" src="%s/embed.js"></script>`})
	api := &client.API{URL: server.URL}
	if _, err := api.CreateRoom(t.Context(), wire.CreateRoom{ID: "b", Name: "b"}); err != nil {
		t.Fatal(err)
	}
	p := newPage(t, browser, "")
	p.do(chromedp.Navigate(page))
	p.until(`one.room?.you && one.room.you.id === two.room.you.id && one.room.state === "open" && two.room.state === "open"`)
	p.run(`one.focus()`)
	p.write("Ana")
	p.press("Enter")
	p.until(`[one, two].every((e) => e.room.state === "open" && e.room.you.name === "Ana" && !e.composer.box.hidden)`)
	if !eval[bool](p, `one.shadowRoot.activeElement === one.composer.text`) {
		t.Error("who has said a name in a room is not about to write there")
	}
	p.run(`void two.room.send("my word")`)
	p.until(`two.room.outbox.length === 0 && two.timeline.lastOwn()`)
	p.do(chromedp.Reload())
	p.until(`globalThis.two?.timeline?.lastOwn()`)
	p.calm()
}

// TestUIForgetsAGuestThatNobodyKnows comes with the token of a server that was
// made anew: the reader is a new guest, not locked out.
func TestUIForgetsAGuestThatNobodyKnows(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	dir := t.TempDir()
	server := serveIn(t, dir)
	address := server.URL[len("http://"):]
	p := openPage(t, browser, server.URL, "lobby", "Ana")
	p.until(`localStorage.getItem("chatd:token")`)
	before := eval[string](p, "ui.view.room.you.id")
	p.do(chromedp.Reload())
	p.until("globalThis.ui?.ready()")
	if after := eval[string](p, "ui.view.room.you.id"); after != before {
		t.Errorf("after a reload the guest is %s, not %s", after, before)
	}
	server.kill()
	if err := os.RemoveAll(filepath.Join(dir, "chatd-data")); err != nil {
		t.Fatal(err)
	}
	serveIn(t, dir, "--listen", address)
	p.do(chromedp.Reload())
	p.until(`globalThis.ui?.ready() && ui.text.checkVisibility()`)
	p.say("here again")
	p.until(`ui.row("here again")?.dataset.key.match(/^\d+$/)`)
}
