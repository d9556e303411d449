package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"chatd/handlers/wire"
)

// TestUIWebhook goes through the life of a webhook in the page: it is added, a
// signed test comes to a real receiver, it is paused, goes on, and is removed.
func TestUIWebhook(t *testing.T) {
	t.Parallel()
	type call struct {
		header http.Header
		body   []byte
	}
	calls := make(chan call, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- call{r.Header, body}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()
	browser := newBrowser(t)
	server, _ := serveGuarded(t, "--webhook-allow", "127.0.0.1")
	mod := openAdmin(t, browser, server.URL, "lobby")
	axe, err := os.ReadFile(os.Getenv("AXE_JS")) // TestUIAccessible says where it must be
	if err == nil {
		mod.evalScript(string(axe))
	}
	inspect := func(name string) {
		t.Helper()
		all := []look{{"light", "ltr", 375}, {"dark", "ltr", 1440}}
		if *uiShots != "" {
			all = append(all, look{"dark", "ltr", 375}, look{"light", "ltr", 1440})
		}
		for _, l := range all {
			mod.show(l)
			name := fmt.Sprintf("%s-%s-%d", name, l.theme, l.width)
			if *uiShots != "" {
				mod.shoot(filepath.Join(*uiShots, name+".png"))
			}
			if axe == nil {
				continue
			}
			for _, violation := range eval[[]string](mod, violations) {
				t.Errorf("%s: %s", name, violation)
			}
		}
	}
	press := func(label string) {
		t.Helper()
		mod.as(`[...document.querySelectorAll("dialog:last-of-type button")].some((b) => b.innerText.startsWith(%q))`, label)
		mod.as(`[...document.querySelectorAll("dialog:last-of-type button")].find((b) => b.innerText.startsWith(%q)).click() ?? true`, label)
	}

	mod.run(`document.querySelector('[slot="end"]:last-of-type').click()`)
	mod.choose("Webhooks")
	mod.until(`document.querySelector("dialog .none:not([hidden] *)")?.innerText.includes("Nobody is told")`)
	inspect("hooks-empty")
	press("Add a webhook")
	mod.until(`document.activeElement?.matches("dialog.sanction input[type=url]")`)

	// What the server refuses stands at its field.
	mod.write("http://10.0.0.1/")
	mod.press("Enter")
	mod.until(`document.activeElement?.matches("[type=url][aria-invalid=true]") && document.querySelector("dialog.sanction small.error").innerText.includes("public internet")`)
	inspect("hooks-add")
	mod.run(`document.activeElement.select()`)
	mod.write(receiver.URL + "/chat")
	mod.run(`[...document.querySelectorAll("dialog.sanction [type=checkbox]")].filter((b) => b.checked).slice(1).forEach((b) => b.click())`)
	mod.press("Enter")
	mod.until(`document.querySelector("dialog pre")?.innerText.startsWith("whsec_")`)
	inspect("hooks-secret")
	verifier, err := standardwebhooks.NewWebhook(eval[string](mod, `document.querySelector("dialog pre").innerText`))
	if err != nil {
		t.Fatal(err)
	}
	press("Close")
	mod.until(`document.querySelector(".hook .state")?.innerText === "On" && document.querySelector(".hook").innerText.includes("not called yet")`)
	var list wire.WebhookList
	ask(t, "GET", server.URL+"/rooms/lobby/webhooks", "", &list)
	if len(list.Webhooks) != 1 || strings.Join(list.Webhooks[0].Events, " ") != "message" || list.Webhooks[0].URL != receiver.URL+"/chat" {
		t.Fatalf("the webhooks are %+v", list.Webhooks)
	}

	press("Send a test")
	mod.until(`document.querySelector("dialog .told").innerText.includes("accepted the test: 204")`)
	select {
	case c := <-calls:
		if err := verifier.Verify(c.body, c.header); err != nil || !strings.HasPrefix(string(c.body), `{"type":"test",`) {
			t.Errorf("the test is %s, %v", c.body, err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no test came")
	}

	// By keys alone, as every button of the list.
	mod.run(`[...document.querySelectorAll(".hook button")].find((b) => b.innerText === "Pause").focus()`)
	mod.press("Enter")
	mod.until(`document.querySelector(".hook .state").innerText === "Paused" && document.activeElement.closest("dialog.hooks")`)
	ask(t, "POST", server.URL+"/rooms/lobby/messages", `{"message": "while paused"}`, new(wire.Message))
	mod.until(`document.querySelector(".hook").innerText.includes("1 waiting")`)
	inspect("hooks-list")
	press("Resume")
	mod.until(`document.querySelector(".hook").innerText.includes("answered 204")`)
	if c := <-calls; verifier.Verify(c.body, c.header) != nil || !strings.Contains(string(c.body), "while paused") {
		t.Errorf("after the pause came %s", c.body)
	}
	press("Remove")
	mod.until(`document.querySelector("dialog.sanction .grave")`)
	mod.run(`document.querySelector("dialog.sanction .grave").click()`)
	mod.until(`!document.querySelector(".hook")`)
	ask(t, "GET", server.URL+"/rooms/lobby/webhooks", "", &list)
	if len(list.Webhooks) != 0 {
		t.Errorf("left are %+v", list.Webhooks)
	}
	mod.forgive("422")
	mod.calm()
}
