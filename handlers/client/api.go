package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"chatd/handlers/wire"
)

// API calls the REST interface of one server as one identity. A refusal is an
// [*Error]. Its methods may be called by any goroutine at any time.
type API struct {
	URL   string       // of the server, with the path under which chatd is served
	Token string       // bearer token; "" calls as a guest
	Name  string       // a guest's name
	HTTP  *http.Client // nil is [http.DefaultClient]
}

// Rooms lists a page of the rooms: the first one, or the one that the list
// before named as Next.
func (a *API) Rooms(ctx context.Context, cursor string) (list wire.RoomList, err error) {
	return list, a.call(ctx, http.MethodGet, "rooms?"+query("cursor", cursor), nil, &list)
}

// CreateRoom makes a room.
func (a *API) CreateRoom(ctx context.Context, c wire.CreateRoom) (room wire.Room, err error) {
	return room, a.call(ctx, http.MethodPost, "rooms", c, &room)
}

// Room returns a room.
func (a *API) Room(ctx context.Context, id string) (room wire.Room, err error) {
	return room, a.call(ctx, http.MethodGet, roomPath(id), nil, &room)
}

// UpdateRoom changes the settings that patch names.
func (a *API) UpdateRoom(ctx context.Context, id string, patch wire.PatchRoom) (room wire.Room, err error) {
	return room, a.call(ctx, http.MethodPatch, roomPath(id), patch, &room)
}

// DeleteRoom ends a room and its history.
func (a *API) DeleteRoom(ctx context.Context, id string) error {
	return a.call(ctx, http.MethodDelete, roomPath(id), nil, nil)
}

// Broadcast announces a message to a room. m.ID makes it idempotent.
func (a *API) Broadcast(ctx context.Context, room string, m wire.PostMessage) (b wire.Broadcast, err error) {
	return b, a.say(ctx, roomPath(room)+"/broadcast", m, &b)
}

// Post posts a message in a room as a member would. m.ID makes it idempotent.
func (a *API) Post(ctx context.Context, room string, m wire.PostMessage) (posted wire.Message, err error) {
	return posted, a.say(ctx, roomPath(room)+"/messages", m, &posted)
}

func (a *API) say(ctx context.Context, path string, m wire.PostMessage, into any) error {
	if err := checkText(m.Message); err != nil {
		return err
	}
	return a.call(ctx, http.MethodPost, path, m, into)
}

// Page selects messages of a room: the newest ones, or those beside a seq,
// exclusively. At most one of Before, After and Around is set.
type Page struct {
	Before, After, Around uint64
	Limit                 int // 0 is the server's default
}

// Messages returns a page of a room's messages, ascending by seq.
func (a *API) Messages(ctx context.Context, room string, p Page) (list wire.MessageList, err error) {
	q := query("before", number(p.Before), "after", number(p.After), "around", number(p.Around), "limit", number(uint64(p.Limit)))
	return list, a.call(ctx, http.MethodGet, roomPath(room)+"/messages?"+q, nil, &list)
}

// Message returns one message.
func (a *API) Message(ctx context.Context, room string, seq uint64) (m wire.Message, err error) {
	return m, a.call(ctx, http.MethodGet, roomPath(room)+"/messages/"+number(seq), nil, &m)
}

// Members lists who is in a room.
func (a *API) Members(ctx context.Context, room, cursor string) (list wire.MemberList, err error) {
	return list, a.call(ctx, http.MethodGet, roomPath(room)+"/members?"+query("cursor", cursor), nil, &list)
}

func roomPath(id string) string { return "rooms/" + url.PathEscape(id) }

func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// query encodes the pairs whose value is not empty.
func query(pairs ...string) string {
	q := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		if name, value := pair[0], pair[1]; value != "" {
			q.Set(name, value)
		}
	}
	return q.Encode()
}

// maxAnswer bounds an answer: a full page of the longest messages is smaller.
const maxAnswer = 32 << 20

func (a *API) call(ctx context.Context, method, path string, body, into any) error {
	base, err := url.Parse(a.URL)
	if err != nil {
		return err
	}
	path, rawQuery, _ := strings.Cut(path, "?")
	u := base.JoinPath(path)
	u.RawQuery = rawQuery
	if a.Name != "" {
		q := u.Query()
		q.Set("name", a.Name)
		u.RawQuery = q.Encode()
	}
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	if a.Token != "" {
		req.Header.Set("Authorization", "Bearer "+a.Token)
	}
	resp, err := cmp.Or(a.HTTP, http.DefaultClient).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return problemOf(resp)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("reading the answer of %s %s: %w", method, u.Redacted(), err)
	}
	return nil
}
