package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"

	"chatd/handlers"
	"chatd/handlers/wire"
)

// checkPage joins as a page of this address does in a browser: with an origin,
// with the token as a subprotocol, and offering compression.
func (d *doctor) checkPage(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	u, err := url.Parse(d.URL)
	if err != nil {
		return // check has parsed it before
	}
	header := http.Header{"Origin": {u.Scheme + "://" + u.Host}}
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	u = u.JoinPath("ws", d.cfg.Room)
	u.RawQuery = "history=0&name=" + d.Name
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, EnableCompression: true, Subprotocols: []string{wire.Subprotocol}}
	if d.Token != "" {
		dialer.Subprotocols = append(dialer.Subprotocols, wire.BearerPrefix+string(d.Token))
	}
	ws, resp, err := dialer.DialContext(ctx, u.String(), header)
	if err != nil {
		problem := wire.Problem{Detail: err.Error()}
		if resp != nil {
			_ = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&problem) // what is there
			_ = resp.Body.Close()
		}
		d.fail("page", "the proxy must pass on the host that the browser asked for (nginx: proxy_set_header Host $http_host), or X-Forwarded-Host from an address in --trusted-proxy",
			"a page of this address may not join: %s", problem.Detail)
		return
	}
	defer ws.Close()
	d.ok("page", "a page of this address may join")
	if strings.Contains(resp.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
		d.ok("compression", "long messages are compressed")
	} else {
		d.ok("compression", "off: the server was not started with --compress, or a proxy takes the offer away")
	}
}

// checkBody sends what is no message and as long as a body may be: the refusal
// must be chatd's.
func (d *doctor) checkBody(ctx context.Context) {
	const size = handlers.DefaultMaxBody
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	req, err := d.request(ctx, http.MethodPost, "/rooms/"+url.PathEscape(d.cfg.Room)+"/messages", strings.NewReader(strings.Repeat("{", size)))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	var got answer
	if err == nil {
		defer resp.Body.Close()
		got.status = resp.StatusCode
	}
	if err != nil || resp.Header.Get("Content-Type") != wire.ProblemType {
		d.fail("body", "something between takes shorter bodies than the server (nginx: client_max_body_size 128k)",
			"a body of %d bytes does not reach the server: %v", size, got.problem(err))
		return
	}
	d.ok("body", "bodies of %d bytes reach the server", size)
}
