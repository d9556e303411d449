package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"chatd/handlers/wire"
)

// TestConsoleSnippet types README's console snippet into a real browser.
func TestConsoleSnippet(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	p := serveProcess(t)
	ctx, cancel := context.WithTimeout(browser, time.Minute)
	defer cancel()

	console := chromedp.Console(ctx)
	snippet := strings.ReplaceAll(readmeBlock(t, "js"), "localhost:8080", strings.TrimPrefix(p.URL, "http://"))
	err := chromedp.Do(ctx,
		chromedp.Navigate(p.URL+"/swagger/index.html"),
		chromedp.EvaluateAsDevTools[chromedp.Void](snippet))
	if err != nil {
		t.Fatal(err)
	}
	for line, err := range console {
		if err != nil {
			t.Fatalf("the console showed no message: %v", err)
		}
		var m wire.MessageChange
		if json.Unmarshal([]byte(line.Text), &m) != nil || m.Type != wire.TypeChat {
			continue
		}
		if m.Message.Message != "Hello, WebSocket!" {
			t.Errorf("the console showed %s", line.Text)
		}
		break
	}
}

// readmeBlock is the first block of code in a language in README.md.
func readmeBlock(t *testing.T, language string) string {
	t.Helper()
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(raw), "```"+language+"\n")
	block, _, ended := strings.Cut(rest, "```")
	if !found || !ended {
		t.Fatalf("README.md has no %s block", language)
	}
	return block
}

// theBrowser is one for all tests: to start one takes longer than many of them
// do. The first that needs it starts it.
var theBrowser = sync.OnceValues(func() (context.Context, error) {
	ctx, end := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(browserOptions()...))
	endTheBrowser = end
	return ctx, chromedp.Do(ctx)
})

// endTheBrowser ends it, if it has been started.
var endTheBrowser = func() {}

// newBrowser is a tab of a profile of its own in the browser of all tests. Where
// there is none the test is skipped, and under CI fails.
func newBrowser(t testing.TB) context.Context {
	t.Helper()
	needBrowser(t)
	browser, err := theBrowser()
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	return ctx
}

// newBrowserWith starts a browser for the test alone.
func newBrowserWith(t testing.TB, more chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	needBrowser(t)
	ctx, end := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(append(browserOptions(), more)...))
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

func needBrowser(t testing.TB) {
	t.Helper()
	switch {
	case browserPath() != "":
	case os.Getenv("CI") != "":
		t.Fatal("no Chromium or Chrome is installed, and CI is set")
	default:
		t.Skip("no Chromium or Chrome is installed")
	}
}

// browserPath is where the browser is, "" if nowhere.
func browserPath() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func browserOptions() []chromedp.ExecAllocatorOption {
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(browserPath())}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox does not work for root
	}
	return options
}
