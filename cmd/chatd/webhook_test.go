package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// TestWebhookCrash kills the server with SIGKILL while a room talks and a receiver
// is told of it that fails at times. In the end the receiver must have been told
// of every message, in order, and what it was told twice must have had the same
// id both times.
func TestWebhookCrash(t *testing.T) {
	t.Parallel()
	const rounds, each = 3, 15
	var mu sync.Mutex
	var order []uint64 // as they were accepted first
	ids := make(map[string]uint64)
	calls, again := 0, 0
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the server died in the middle of it
		}
		var n struct{ Data struct{ Seq uint64 } }
		if err := json.Unmarshal(body, &n); err != nil || n.Data.Seq == 0 {
			t.Errorf("told is %s, %v", body, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls%20 == 7 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		id := r.Header.Get("webhook-id")
		switch seq, known := ids[id]; {
		case !known:
			ids[id] = n.Data.Seq
			order = append(order, n.Data.Seq)
		case seq != n.Data.Seq:
			t.Errorf("%s was told of %d and of %d", id, seq, n.Data.Seq)
		default:
			again++
		}
	}))
	defer receiver.Close()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := []string{"--webhook-allow", "127.0.0.1"}
	p := serveProcess(t, args...)
	data, address := p.cmd.Dir, strings.TrimPrefix(p.URL, "http://")
	req, err := http.NewRequestWithContext(ctx, "POST", p.URL+"/rooms/lobby/webhooks", strings.NewReader(fmt.Sprintf(`{"url":%q}`, receiver.URL)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusCreated {
		t.Fatalf("the webhook is answered %s", resp.Status)
	}
	told := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(order)
	}
	api := client.API{URL: p.URL}
	for round := range rounds {
		for i := range each {
			if _, err := api.Broadcast(ctx, "lobby", wire.PostMessage{Message: "x", ID: fmt.Sprint(round, "-", i)}); err != nil {
				t.Fatal(err)
			}
		}
		await(ctx, t, "something to be told", func() bool { return told() > round*each })
		p.kill()
		p = serveIn(t, data, append([]string{"--listen", address}, args...)...)
	}
	await(ctx, t, "all to be told", func() bool { return told() == rounds*each })
	mu.Lock()
	defer mu.Unlock()
	for i, seq := range order {
		if seq != uint64(i+1) {
			t.Fatalf("told was, in this order, %d", order)
		}
	}
	t.Logf("%d messages were told in %d calls, %d of them repeats", len(order), calls, again)
}
