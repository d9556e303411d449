package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"chatd/handlers/client"
	"chatd/handlers/wire"
)

// checkSocket joins the room, and sees whether the connection carries what it
// must and lives as long as it must.
func (d *doctor) checkSocket(ctx context.Context) {
	joining, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	s, err := client.Dial(joining, d.URL, client.Options{Room: d.cfg.Room, Name: d.Name, Token: string(d.Token), History: -1})
	if err != nil {
		remedy := "the proxy must pass Upgrade and Connection on (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade)"
		if refused, ok := errors.AsType[*client.Error](err); ok && refused.Status != http.StatusUpgradeRequired && refused.Status != http.StatusBadRequest {
			remedy = "the server itself refuses; its answer says why"
		}
		d.fail("websocket", remedy, "%v", err)
		return
	}
	defer s.Close()
	began := time.Now()
	if err := pingPong(joining, s, 0); err != nil {
		d.fail("websocket", "something between cuts the connection", "no answer to a frame: %v", err)
		return
	}
	d.ok("websocket", "joined %s, a frame goes there and back in %v", s.Welcome.Room.ID, time.Since(began).Round(time.Microsecond))

	limits := s.Welcome.Limits
	if err := pingPong(joining, s, limits.Frame); err != nil {
		d.fail("limits", "something between takes smaller frames than the server", "a frame of %d bytes was not answered: %v", limits.Frame, err)
		return
	}
	d.ok("limits", "frames of %d bytes, messages of %d characters", limits.Frame, limits.Message)
	d.checkIdle(ctx, s)
}

// checkIdle says nothing for a while: the server's pings must be enough to keep
// the connection.
func (d *doctor) checkIdle(ctx context.Context, s *client.Session) {
	silent, cancel := context.WithTimeout(ctx, d.cfg.Quiet)
	defer cancel()
	began := time.Now()
	for {
		_, err := s.Read(silent)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return
		case silent.Err() != nil:
			d.ok("idle", "a silent connection lives for %v at least", d.cfg.Quiet)
			return
		default:
			d.fail("idle", "raise the proxy's timeout above the server's pings (nginx: proxy_read_timeout 75s)",
				"the connection was cut after %v of silence: %v", time.Since(began).Round(time.Second), err)
			return
		}
	}
}

// pingPong sends a ping of size bytes at least and waits for the pong.
func pingPong(ctx context.Context, s *client.Session, size int) error {
	ping := []byte(`{"type":"ping"}`)
	if size > len(ping) {
		ping = append(ping, bytes.Repeat([]byte(" "), size-len(ping))...)
	}
	if err := s.WriteRaw(ping); err != nil {
		return err
	}
	for {
		f, err := s.Read(ctx)
		if err != nil || f.Type == wire.TypePong {
			return err
		}
	}
}
