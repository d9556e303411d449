package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
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
