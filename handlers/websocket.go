package handlers

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"chatd/handlers/metrics"
	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"
)

const (
	// heartbeat is how often the server pings, pongWait how long it waits for
	// any sign of life after that.
	heartbeat = 25 * time.Second
	pongWait  = 10 * time.Second
	// maxFrame bounds what a client sends in one message, in bytes. It leaves
	// room for rooms.DefaultMaxMessage characters however they are escaped.
	maxFrame = 64 << 10
	// defaultHistory is how many messages a fresh session is told first.
	defaultHistory = rooms.DefaultPage
)

// sessions are the WebSockets of this server. One sweep pings them all, a part
// each second, instead of a timer for each.
type sessions struct {
	upgrader  websocket.Upgrader
	occupancy *occupancy
	deflater  *deflater // nil offers no compression

	mu      sync.Mutex
	next    int
	buckets [heartbeat / time.Second]bucket
	closed  bool // the server ends: nobody is let in any more
	ending  sync.WaitGroup
}

// bucket holds the sessions that are pinged in the same second.
type bucket struct {
	sessions map[*session]struct{}
	pinged   time.Time
}

func newSessions(o *occupancy) *sessions {
	s := &sessions{occupancy: o}
	s.upgrader = websocket.Upgrader{
		HandshakeTimeout: pongWait,
		WriteBufferPool:  &sync.Pool{}, // control frames alone are written by gorilla
		Subprotocols:     []string{wire.Subprotocol},
		Error:            func(http.ResponseWriter, *http.Request, int, error) {}, // join answers
		CheckOrigin:      func(*http.Request) bool { return true },                // checked before, with a better answer
	}
	for i := range s.buckets {
		s.buckets[i].sessions = make(map[*session]struct{})
	}
	return s
}

// joinRoom answers GET /ws/:room.
//
//	@Summary		Join a room by WebSocket
//	@Description	Upgrades to a WebSocket that speaks the subprotocol chatd.v1: JSON text frames, whose rules are in docs/protocol.md. The first frame is a welcome. Browsers pass a token as a subprotocol: "chatd.v1, bearer.TOKEN".
//	@Tags			live
//	@ID				joinRoom
//	@Produce		json
//	@Param			room	path		string	true	"id of the room"
//	@Param			name	query		string	false	"a guest's name"
//	@Param			after	query		string	false	"resume after this cursor, epoch:rev"
//	@Param			history	query		int		false	"newest messages of a fresh start"	default(50)	minimum(0)	maximum(200)
//	@Param			inbox	query		int		false	"1 also tells what concerns you in other rooms"	Enums(0, 1)
//	@Param			refusal	query		string	false	"close: upgrade all the same, and tell a refusal by the code and reason of the close"	Enums(close)
//	@Success		101		{string}	string	"Switching Protocols"
//	@Failure		401		{object}	wire.Problem
//	@Failure		403		{object}	wire.Problem
//	@Failure		404		{object}	wire.Problem
//	@Failure		422		{object}	wire.Problem
//	@Failure		426		{object}	wire.Problem
//	@Failure		429		{object}	wire.Problem
//	@Failure		503		{object}	wire.Problem
//	@Failure		default	{object}	wire.Problem	"any other error"
//	@Security		Bearer
//	@Router			/ws/{room} [get]
func (s *Server) joinRoom(c *gin.Context) {
	if err := s.join(c, c.Param("room")); err != nil {
		s.fail(c, err)
	}
}

// joinLobby answers GET /ws.
//
//	@Summary		Join the lobby by WebSocket
//	@Description	The same as /ws/lobby.
//	@Tags			live
//	@ID				joinLobby
//	@Produce		json
//	@Param			name	query		string	false	"a guest's name"
//	@Param			after	query		string	false	"resume after this cursor, epoch:rev"
//	@Param			history	query		int		false	"newest messages of a fresh start"	default(50)	minimum(0)	maximum(200)
//	@Param			inbox	query		int		false	"1 also tells what concerns you in other rooms"	Enums(0, 1)
//	@Param			refusal	query		string	false	"close: upgrade all the same, and tell a refusal by the code and reason of the close"	Enums(close)
//	@Success		101		{string}	string	"Switching Protocols"
//	@Failure		401		{object}	wire.Problem
//	@Failure		403		{object}	wire.Problem
//	@Failure		422		{object}	wire.Problem
//	@Failure		426		{object}	wire.Problem
//	@Failure		429		{object}	wire.Problem
//	@Failure		503		{object}	wire.Problem
//	@Failure		default	{object}	wire.Problem	"any other error"
//	@Security		Bearer
//	@Router			/ws [get]
func (s *Server) joinLobby(c *gin.Context) {
	if err := s.join(c, rooms.Lobby); err != nil {
		s.fail(c, err)
	}
}

// join makes a session of the request. Its error is answered as a problem: the
// connection is not upgraded then.
func (s *Server) join(c *gin.Context, room string) error {
	r := c.Request
	if !websocket.IsWebSocketUpgrade(r) || r.Header.Get("Sec-WebSocket-Version") != "13" || !r.ProtoAtLeast(1, 1) {
		c.Header("Sec-WebSocket-Version", "13")
		return rooms.Errorf(wire.CodeBadUpgrade, "this is a WebSocket: connect with \"Upgrade: websocket\", \"Connection: Upgrade\", and \"Sec-WebSocket-Version: 13\"")
	}
	if _, allowed := s.origins.allow(r); !allowed {
		return foreignOrigin(r)
	}
	options, err := joinOptions(r.URL.Query(), "", defaultHistory)
	if err != nil {
		return s.turnAway(c, err)
	}
	who, err := s.identify(c)
	if err != nil {
		return s.turnAway(c, err)
	}
	if _, err := s.rooms.Admit(r.Context(), who, room); err != nil {
		return s.turnAway(c, err)
	}
	if slices.Contains(websocket.Subprotocols(r), wire.Subprotocol) {
		// It knows the protocol, so it knows to show its token next time. Others
		// stay who their name says: they come back without one.
		who = s.auth.Settle(who)
	}
	from, err := s.sessions.occupancy.enter(c.ClientIP())
	if err != nil {
		return s.turnAway(c, err)
	}
	w := &hijacker{ResponseWriter: c.Writer}
	upgrader, deflater := &s.sessions.upgrader, s.sessions.deflater
	if deflater != nil && offersDeflate(r.Header) {
		deflating := *upgrader
		deflating.EnableCompression = true
		upgrader = &deflating
		r.Header.Set(extensionsHeader, deflateExtension) // gorilla agrees to whatever else it says
	} else {
		deflater = nil
	}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.sessions.occupancy.leave(from)
		if w.conn == nil {
			return rooms.Errorf(wire.CodeBadUpgrade, "%s", strings.TrimPrefix(err.Error(), "websocket: "))
		}
		return nil // the connection broke, and is closed
	}
	// From here on nothing of the request is kept: it, its buffers and this
	// goroutine's grown stack are freed when the handler returns.
	s.sessions.start(&session{inFlight: make(chan struct{}, maxInFlight), ws: ws, in: w.in, out: w.conn, registry: s.rooms, auth: s.auth, metrics: s.metrics, deflater: deflater, from: from}, who, room, options)
	return nil
}

// turnAway refuses a request to join. A browser hides from its page why an
// upgrade was refused: whoever asks for it is upgraded, told by a close frame,
// and gone. It returns what remains to be answered.
func (s *Server) turnAway(c *gin.Context, err error) error {
	if c.Query("refusal") != "close" {
		return err
	}
	e := s.refused(c.Request, err)
	w := &hijacker{ResponseWriter: c.Writer}
	ws, upgradeErr := s.sessions.upgrader.Upgrade(w, c.Request, nil)
	switch {
	case upgradeErr == nil:
		s.metrics.Refused(metrics.WebSocket, e.Code)
		s.logRefusal(c, e)
		told := &session{ws: ws, out: w.conn, metrics: s.metrics}
		told.closeWith(codeClose(e.Code), string(e.Code)+": "+e.Detail)
		w.conn.End() // whoever was told needs nothing more
	case w.conn == nil:
		return err
	}
	return nil
}

// joinOptions reads where a member begins. lastEventID is a cursor from
// elsewhere; after counts before it.
func joinOptions(q url.Values, lastEventID string, history int) (rooms.JoinOptions, error) {
	o := rooms.JoinOptions{History: history, Inbox: q.Get("inbox") == "1"}
	if text := q.Get("history"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > rooms.MaxPage {
			return o, rooms.Invalid("history", "invalid", "must be 0 to %d", rooms.MaxPage)
		}
		o.History = n
	}
	cursor, name := lastEventID, "Last-Event-ID"
	if q.Has("after") {
		cursor, name = q.Get("after"), "after"
	}
	if cursor != "" {
		after, ok := parseCursor(cursor)
		if !ok {
			return o, rooms.Invalid(name, "invalid", "must be a cursor, epoch:rev")
		}
		o.After = after
	}
	return o, nil
}

func parseCursor(text string) (*rooms.Cursor, bool) {
	epoch, number, ok := strings.Cut(text, ":")
	rev, err := strconv.ParseUint(number, 10, 64)
	return &rooms.Cursor{Epoch: epoch, Rev: rev}, ok && err == nil && epoch != ""
}

// start joins an upgraded session to its room, and returns.
func (ss *sessions) start(s *session, who rooms.Identity, room string, o rooms.JoinOptions) {
	s.ws.SetReadLimit(maxFrame)
	if !ss.reserve() {
		s.Close(rooms.Errorf(rooms.CodeShuttingDown, "the server is going away"))
		s.out.End()
		ss.occupancy.leave(s.from)
		return
	}
	member, err := s.registry.Join(context.Background(), who, room, o, s)
	if err != nil {
		s.Close(refusal(err))
	}
	s.member = member
	ss.add(s)
	s.watch(who.Expires)
	go s.run(ss)
}

// reserve makes room for a session, unless the server ends.
func (ss *sessions) reserve() bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return false
	}
	ss.ending.Add(1)
	return true
}

func (ss *sessions) add(s *session) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	// Joining took a while. A ping from before is not one that it has to answer.
	s.out.seen.Store(time.Now().UnixNano())
	s.metrics.Began(metrics.WebSocket)
	s.bucket = ss.next
	ss.next = (ss.next + 1) % len(ss.buckets)
	ss.buckets[s.bucket].sessions[s] = struct{}{}
}

// close lets nobody in any more, and waits until all sessions have ended.
func (ss *sessions) close() {
	ss.mu.Lock()
	ss.closed = true
	ss.mu.Unlock()
	ss.ending.Wait()
}

func (ss *sessions) remove(s *session) {
	ss.mu.Lock()
	delete(ss.buckets[s.bucket].sessions, s)
	ss.mu.Unlock()
	s.metrics.Ended(metrics.WebSocket)
	ss.occupancy.leave(s.from)
	ss.ending.Done()
}

// run pings the sessions until ctx is done, and then waits for them to end: the
// registry closes them.
func (ss *sessions) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var sweep, silent []*session
	for i := 0; ; i = (i + 1) % len(ss.buckets) {
		select {
		case <-ctx.Done():
			ss.close()
			return
		case now := <-tick.C:
			ping := &ss.buckets[i]
			late := &ss.buckets[(i+len(ss.buckets)-int(pongWait/time.Second))%len(ss.buckets)]
			ss.mu.Lock()
			ping.pinged = now
			sweep = slices.AppendSeq(sweep[:0], maps.Keys(ping.sessions))
			silent = slices.AppendSeq(silent[:0], maps.Keys(late.sessions))
			ss.mu.Unlock()
			for _, s := range sweep {
				s.ping(now)
			}
			for _, s := range silent {
				s.checkAlive(late.pinged)
			}
			clear(sweep)
			clear(silent)
		}
	}
}
