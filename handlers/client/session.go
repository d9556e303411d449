package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"chatd/handlers/wire"
)

// Options say where and as whom to join.
type Options struct {
	Room    string            // "" is the lobby
	Name    string            // a guest's name
	Token   string            // bearer token; "" joins as a guest
	After   string            // cursor "epoch:rev" to resume from
	History int               // newest messages to get without After; 0 is the server's default, negative is none
	Inbox   bool              // be told of the other rooms too: unread counts, rooms made and removed
	Header  http.Header       // sent with the handshake, beside what the others need; nil is none
	Dialer  *websocket.Dialer // nil takes the proxy of the environment and 15 seconds for a handshake

	// For a Room only.
	MaxWait    time.Duration // longest wait between two attempts to connect; 0 is 15 seconds
	MaxPending int           // frames that wait for their ack; further ones wait for a place; 0 is 256
	// GetToken, instead of Token, is asked before every connect, and by a
	// session whose token is about to end; that one's context ends with the
	// session. An error is as a failed attempt.
	GetToken func(ctx context.Context) (string, error)
}

// Session is one WebSocket connection to a room. One goroutine reads; any
// number may write and close.
type Session struct {
	Welcome wire.Welcome

	conn    *websocket.Conn
	patient time.Duration // longest silence of the server
	writing sync.Mutex
	over    atomic.Bool // the context of a Read has ended
}

// writeTimeout bounds one write to a server that does not read.
const writeTimeout = 30 * time.Second

var defaultDialer = &websocket.Dialer{
	Proxy:            http.ProxyFromEnvironment,
	HandshakeTimeout: 15 * time.Second,
	ReadBufferSize:   4096,
	WriteBufferSize:  1024,
	WriteBufferPool:  &sync.Pool{},
}

// Dial joins a room of the server at baseURL (http, https, ws or wss, with the
// path under which chatd is served) and reads the welcome. A refusal before the
// upgrade is an [*Error], one after it a [*Closed].
func Dial(ctx context.Context, baseURL string, o Options) (*Session, error) {
	u, err := joinURL(baseURL, o)
	if err != nil {
		return nil, err
	}
	header := o.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if o.Token != "" {
		header.Set("Authorization", "Bearer "+o.Token)
	}
	dialer := o.Dialer
	if dialer == nil {
		dialer = defaultDialer
	}
	conn, resp, err := dialer.DialContext(ctx, u, header)
	if err != nil {
		if resp != nil && errors.Is(err, websocket.ErrBadHandshake) {
			defer resp.Body.Close()
			return nil, problemOf(resp)
		}
		return nil, fmt.Errorf("connecting to %s: %w", baseURL, err)
	}
	s := &Session{conn: conn, patient: 60 * time.Second}
	conn.SetPingHandler(s.pong)
	frame, err := s.Read(ctx)
	if err == nil && frame.Type != wire.TypeWelcome {
		err = fmt.Errorf("the first frame is %q, not a welcome", frame.Type)
	}
	if err == nil {
		err = json.Unmarshal(frame.Raw, &s.Welcome)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if h := s.Welcome.Heartbeat; h > 0 {
		s.patient = time.Duration(h)*time.Second + 20*time.Second
	}
	return s, nil
}

// errNoURL tells that there is no server to try again.
var errNoURL = errors.New("no http, https, ws or wss URL")

// joinURL is where the WebSocket of o's room is.
func joinURL(baseURL string, o Options) (string, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return "", fmt.Errorf("%q is %w", baseURL, errNoURL)
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = "ws"
	case "https", "wss":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("%q is %w", baseURL, errNoURL)
	}
	if o.Room == "" {
		o.Room = "lobby"
	}
	u = u.JoinPath("ws", url.PathEscape(o.Room))
	q := u.Query()
	if o.Name != "" {
		q.Set("name", o.Name)
	}
	if o.After != "" {
		q.Set("after", o.After)
	}
	if o.History != 0 {
		q.Set("history", strconv.Itoa(max(o.History, 0)))
	}
	if o.Inbox {
		q.Set("inbox", "1")
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// Read waits for the next frame. When ctx ends first, the session is of no more
// use. A connection that the server closed gives a [*Closed].
func (s *Session) Read(ctx context.Context) (wire.Frame, error) {
	raw, err := s.ReadRaw(ctx)
	if err != nil {
		return wire.Frame{}, err
	}
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return wire.Frame{}, fmt.Errorf("a frame that is no JSON object: %w", err)
	}
	return wire.Frame{Type: head.Type, Raw: raw}, nil
}

// ReadRaw is Read without looking at the frame.
func (s *Session) ReadRaw(ctx context.Context) ([]byte, error) {
	_ = s.conn.SetReadDeadline(time.Now().Add(s.patient))
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() {
			s.over.Store(true)
			_ = s.conn.SetReadDeadline(time.Unix(1, 0))
		})
		defer stop()
	}
	_, raw, err := s.conn.ReadMessage()
	if err == nil {
		return raw, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok && closed.Code != websocket.CloseAbnormalClosure {
		return nil, &Closed{Code: closed.Code, Reason: closed.Text}
	}
	return nil, fmt.Errorf("connection lost: %w", err)
}

// Write sends one frame. It does not wait for an answer: an error means that
// the session is of no more use, no error means little.
func (s *Session) Write(f wire.ClientFrame) error {
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return s.WriteRaw(raw)
}

// WriteRaw sends one text frame as it is.
func (s *Session) WriteRaw(raw []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	return s.conn.WriteMessage(websocket.TextMessage, raw)
}

func (s *Session) pong(data string) error {
	_ = s.conn.SetReadDeadline(time.Now().Add(s.patient))
	if s.over.Load() { // and what stops the reading may have been before
		return context.Canceled
	}
	err := s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTimeout))
	if errors.Is(err, websocket.ErrCloseSent) {
		return nil
	}
	return err
}

// Conn is the connection beneath, for whoever must do to it what no client
// should.
func (s *Session) Conn() *websocket.Conn { return s.conn }

// Close says good-bye and ends the connection without waiting for an answer.
func (s *Session) Close() error {
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = s.conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
	return s.conn.Close()
}
