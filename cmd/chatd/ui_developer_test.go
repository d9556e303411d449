package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// productPage serves a page of another origin, and files beside it; %s in them is
// the address of the server that is returned.
func productPage(t *testing.T, files map[string]string, args ...string) (page string, server *process) {
	t.Helper()
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := "text/html; charset=utf-8"
		if strings.HasSuffix(r.URL.Path, ".js") {
			kind = "text/javascript"
		}
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, strings.ReplaceAll(files[r.URL.Path], "%s", server.URL))
	}))
	t.Cleanup(host.Close)
	server = serveProcess(t, append([]string{"--allowed-origin", host.URL}, args...)...)
	return host.URL, server
}

// TestSDKInWorker runs the SDK in a worker of a page of another origin.
func TestSDKInWorker(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	page, server := productPage(t, map[string]string{
		"/": `<!doctype html><title>A product</title>`,
		"/worker.js": `
			import {Room} from "%s/sdk.js";
			const room = new Room("lobby", {name: "Worker"});
			const heard = new Promise((done) => room.addEventListener("message", ({detail}) => done(detail.message.message)));
			await room.join();
			await room.send("from a worker");
			postMessage(await heard);
			room.leave();`,
	})
	p := newPage(t, browser, "Host")
	p.do(chromedp.Navigate(page))
	p.run(`ui.worker = new Worker("/worker.js", {type: "module"}); ui.worker.onmessage = (e) => ui.said = e.data; ui.worker.onerror = (e) => ui.said = e.message`)
	p.until(`ui.said`)
	if said := eval[string](p, `ui.said`); said != "from a worker" {
		t.Errorf("the worker said %q", said)
	}
	if got := history(t, server.URL, "lobby"); len(got) != 1 {
		t.Errorf("the server has %q", got)
	}
	p.calm()
}

// TestUIEmbedForUsers does what docs/embedding.md tells of a product's own users:
// a token for each connection, tried again when there is none, looks and events.
func TestUIEmbedForUsers(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	const secret = "a-secret-of-at-least-32-bytes-for-tests"
	token, err := mint(t, secret, "ana-7", "Ana Product")
	if err != nil {
		t.Fatal(err)
	}
	page, _ := productPage(t, map[string]string{
		"/": `<!doctype html><title>A product</title><style>
			chat-room { --chatd-accent: rgb(1, 2, 3); height: 30rem }
			chat-room::part(header) { display: none }</style>
			<script type="module" src="%s/embed.js"></script><div id="chat"></div>
			<script type="module" src="/product.js"></script>`,
		"/product.js": `
			globalThis.heard = []; globalThis.asked = 0;
			document.addEventListener("chat-message", ({detail}) => heard.push(detail.message.from.id + " " + detail.message.message));
			await customElements.whenDefined("chat-room");
			const room = document.createElement("chat-room");
			room.getToken = async () => { if (asked++ === 0) throw new Error("not yet"); return "` + token + `"; };
			document.querySelector("#chat").append(room);`,
	}, "--jwt-secret", secret, "--guests", "off")
	p := newPage(t, browser, "Host")
	p.do(chromedp.Navigate(page))
	p.until(`ui.view?.shadowRoot && ui.ready() && ui.view.room.you.name === "Ana Product"`)
	p.say("as myself")
	p.until(`heard.includes("ana-7 as myself")`)
	if !eval[bool](p, `asked >= 2 && getComputedStyle(ui.$("header")).display === "none" && getComputedStyle(ui.view).getPropertyValue("--chatd-accent") === "rgb(1, 2, 3)"`) {
		t.Error("the page's own style does not reach the room")
	}
	p.calm()
}

// mint has chatd make a token.
func mint(t *testing.T, secret, sub, name string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "chatd", "token", "--jwt-secret", secret, "--name", name, sub)
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}
