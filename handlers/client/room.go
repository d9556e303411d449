package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"chatd/handlers/wire"
)

// Room follows one room and posts in it. It connects again by itself whenever
// that may help, resumes where it was, and sends again, under the same id, what
// was not acknowledged: the server takes each id once. All methods may be
// called by any goroutine at any time.
type Room struct {
	baseURL string
	options Options
	places  chan struct{} // one element for each pending frame
	token   string        // of connect: what the options say, or what the server gave the guest

	mu      sync.Mutex
	place   place
	session *Session   // nil while there is none
	pending []*pending // in the order of their first sending
	ended   error      // why Run returned
}

// NewRoom prepares to follow o.Room of the server at baseURL. [Room.Run] does it.
func NewRoom(baseURL string, o Options) *Room {
	o.MaxWait = cmp.Or(o.MaxWait, mostWait)
	return &Room{
		baseURL: baseURL,
		options: o,
		places:  make(chan struct{}, cmp.Or(o.MaxPending, 256)),
		token:   o.Token,
		place:   parsePlace(o.After),
	}
}

// Run keeps up with the room until ctx is done, the server says not to come
// back, or the base URL is none, and returns which of these it was. It hands every event to handle,
// one at a time and in order; while handle is busy nothing is read, and the
// server keeps what it missed. handle must not wait for a post of its own. Run
// is called once.
func (r *Room) Run(ctx context.Context, handle func(Event)) error {
	err := r.run(ctx, handle)
	r.end(err)
	return err
}

func (r *Room) run(ctx context.Context, handle func(Event)) error {
	for tries := 1; ; tries++ {
		lived, err := r.connect(ctx, handle)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if lived > lasting {
			tries = 1
		}
		wait, final := verdict(err, tries, r.options.MaxWait)
		if refused, ok := errors.AsType[*Error](err); ok && refused.Code == wire.CodeTokenExpired && r.options.GetToken != nil {
			wait, final = jitter(tries, r.options.MaxWait), false // it ended on its way: the next one is fresher
		}
		if final {
			return err
		}
		handle(Event{Type: TypeLost, Err: err, Wait: wait})
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// errGap tells that the server left a change out. It never does; asking again
// from the cursor is how to find out.
var errGap = errors.New("a change is missing")

// connect joins, resumes and reads until the session ends. It returns how long that
// lived, 0 when there was none: to wait for a refusal is no life.
func (r *Room) connect(ctx context.Context, handle func(Event)) (lived time.Duration, err error) {
	o := r.options
	if o.GetToken != nil {
		token, err := o.GetToken(ctx)
		if err != nil {
			return 0, fmt.Errorf("no token: %w", err)
		}
		r.token = token
	}
	o.After, o.Token = r.Cursor(), r.token
	s, err := Dial(ctx, r.baseURL, o)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	// A guest stays the same sender: ids are told apart by sender.
	r.token = cmp.Or(r.token, s.Welcome.You.Token)
	r.welcome(&s.Welcome)

	var sending sync.WaitGroup
	during, end := context.WithCancel(ctx)
	left := r.attach(s)
	sending.Go(func() { r.resend(s, left) })
	defer func() {
		end()
		r.detach()
		_ = s.Close()
		sending.Wait()
		lived = time.Since(began)
	}()
	handle(Event{Type: wire.TypeWelcome, Welcome: &s.Welcome})
	for {
		f, err := s.Read(ctx)
		if err != nil {
			return 0, err
		}
		e, err := decode(f)
		if err != nil {
			return 0, fmt.Errorf("reading a frame of type %q: %w", f.Type, err)
		}
		switch {
		case e.settles() && r.settle(s, e):
			continue
		case e.Type == wire.TypeExpiring && o.GetToken != nil:
			sending.Go(func() { r.renew(during, s) })
		}
		if rev, prev := e.revs(); rev > 0 {
			if e.Past, err = r.advance(rev, prev); err != nil {
				return 0, err
			}
		}
		handle(e)
	}
}

// renew has a session go on with a fresh token. Without one, the server closes
// it at the token's end, and the next attempt to connect asks again.
func (r *Room) renew(ctx context.Context, s *Session) {
	if token, err := r.options.GetToken(ctx); err == nil {
		_ = s.Write(wire.ClientFrame{Type: wire.TypeAuth, Token: token})
	}
}

// welcome takes the server's word for where the room's cursor is.
func (r *Room) welcome(w *wire.Welcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !w.Recovered || r.place.epoch != w.Epoch {
		r.place = place{w.Epoch, w.Rev}
	}
}

// advance moves the cursor to rev, or tells that rev is not beyond it.
func (r *Room) advance(rev, prev uint64) (past bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case rev <= r.place.rev:
		return true, nil
	case prev > r.place.rev:
		return false, fmt.Errorf("%w: after %d came %d, which follows %d", errGap, r.place.rev, rev, prev)
	}
	r.place.rev = rev
	return false, nil
}

// Cursor is the place after the newest event handed to Run's handle, as
// "epoch:rev"; "" before the first welcome. Given as Options.After to a later
// Room, nothing is missed and nothing comes twice.
func (r *Room) Cursor() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.place.String()
}

// Typing tells the others that this identity types. It is not stored, and
// nothing tells whether it arrived.
func (r *Room) Typing() { r.tell(wire.ClientFrame{Type: wire.TypeTyping}) }

// MarkRead tells the server that this identity has read up to message seq. Marks
// only go forward, and the newest of many becomes durable within seconds. Nothing
// tells whether it arrived, and without a connection it is lost: mark a later
// message then.
func (r *Room) MarkRead(seq uint64) { r.tell(wire.ClientFrame{Type: wire.TypeRead, Seq: seq}) }

// tell sends what has no answer, if there is a connection.
func (r *Room) tell(f wire.ClientFrame) {
	r.mu.Lock()
	s := r.session
	r.mu.Unlock()
	if s != nil {
		_ = s.Write(f)
	}
}

// decode reads a frame into an event. Types that it does not know pass as they
// are: a later server may have more of them.
func decode(f wire.Frame) (Event, error) {
	e := Event{Type: f.Type, Raw: f.Raw}
	var into any
	switch f.Type {
	case wire.TypeChat, wire.TypeEdit, wire.TypeDelete, wire.TypeReactions:
		e.Message = new(wire.MessageChange)
		into = e.Message
	case wire.TypeRoom:
		e.Room = new(wire.RoomChange)
		into = e.Room
	case wire.TypePresence:
		e.Presence = new(wire.Presence)
		into = e.Presence
	case wire.TypeTyping:
		e.Typing = new(wire.Typing)
		into = e.Typing
	case wire.TypeAck:
		e.ack = new(wire.Ack)
		into = e.ack
	case wire.TypeError:
		e.refusal = new(wire.ErrorFrame)
		into = e.refusal
	default:
		return e, nil
	}
	err := json.Unmarshal(f.Raw, into)
	if e.refusal != nil {
		e.Err = errorOf(e.refusal)
	}
	return e, err
}
