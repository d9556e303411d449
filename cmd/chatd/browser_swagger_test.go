package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestTryItOut clicks through the Swagger UI, under the page's own policy: its
// spec names no host, and the request reaches the server that the page is from.
func TestTryItOut(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	p := serveProcess(t)
	ctx, cancel := context.WithTimeout(browser, time.Minute)
	defer cancel()

	const operation = "#operations-messages-broadcast"
	answer := chromedp.CSS(operation + " .live-responses-table .response")
	err := chromedp.Do(ctx,
		chromedp.Navigate(p.URL+"/swagger"),
		chromedp.Click(chromedp.CSS(operation+" .opblock-summary-control")),
		chromedp.Click(chromedp.CSS(operation+" .try-out__btn")),
		chromedp.Click(chromedp.CSS(operation+" button.execute")),
		chromedp.WaitVisible(answer))
	if err != nil {
		t.Fatal(err)
	}
	said, err := chromedp.Run(ctx, chromedp.Text(answer))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(said, "201") || !strings.Contains(said, `"kind": "announcement"`) {
		t.Errorf("the page shows %s", said)
	}
}
