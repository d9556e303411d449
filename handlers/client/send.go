package client

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"chatd/handlers/wire"
)

// Post posts text and waits until it is durable.
func (r *Room) Post(ctx context.Context, text string) (wire.Ack, error) {
	return r.Send(ctx, wire.ClientFrame{Type: wire.TypeChat, Message: text})
}

// Edit gives message seq another text.
func (r *Room) Edit(ctx context.Context, seq uint64, text string) (wire.Ack, error) {
	return r.Send(ctx, wire.ClientFrame{Type: wire.TypeEdit, Seq: seq, Message: text})
}

// Delete takes the text of message seq away.
func (r *Room) Delete(ctx context.Context, seq uint64) (wire.Ack, error) {
	return r.Send(ctx, wire.ClientFrame{Type: wire.TypeDelete, Seq: seq})
}

// React adds an emoji to message seq, or takes it away.
func (r *Room) React(ctx context.Context, seq uint64, emoji string, on bool) (wire.Ack, error) {
	return r.Send(ctx, wire.ClientFrame{Type: wire.TypeReact, Seq: seq, Emoji: emoji, On: &on})
}

// Send sends a chat, edit, delete or react frame, as often as it takes, and
// waits for its ack. f.ID is made when it is empty. The server's refusal is an
// [*Error]. When ctx or Run ends first, the frame may or may not have arrived:
// send it again with the same ID to find out.
func (r *Room) Send(ctx context.Context, f wire.ClientFrame) (wire.Ack, error) {
	switch f.Type {
	case wire.TypeChat, wire.TypeEdit, wire.TypeDelete, wire.TypeReact:
	default:
		return wire.Ack{}, fmt.Errorf("a frame of type %q has no ack to wait for", f.Type)
	}
	if err := checkText(f.Message + f.ID + f.Emoji); err != nil {
		return wire.Ack{}, err
	}
	if f.ID == "" {
		f.ID = NewID()
	}
	select {
	case r.places <- struct{}{}:
		defer func() { <-r.places }()
	case <-ctx.Done():
		return wire.Ack{}, context.Cause(ctx)
	}
	p := &pending{frame: f, done: make(chan struct{})}

	r.mu.Lock()
	if r.ended != nil {
		r.mu.Unlock()
		return wire.Ack{}, fmt.Errorf("the room is no longer followed: %w", r.ended)
	}
	r.pending = append(r.pending, p)
	s := r.session
	r.mu.Unlock()
	if s != nil {
		r.write(s, p)
	}

	select {
	case <-p.done:
		return p.ack, p.err
	case <-ctx.Done():
		r.mu.Lock()
		r.forgetLocked(p)
		r.mu.Unlock()
		return wire.Ack{}, context.Cause(ctx)
	}
}

// NewID makes an id for a frame: a UUIDv7, whose order in time makes the
// server's work easy.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// pending is a frame that waits for its answer.
type pending struct {
	frame wire.ClientFrame
	again *time.Timer // sends it again after a temporary refusal
	tries int         // that were refused without a word of when to come back
	ack   wire.Ack
	err   error
	done  chan struct{} // closed after ack or err is set
}

// attach makes s the session that frames are written to, and returns what the
// one before left unanswered.
func (r *Room) attach(s *Session) (left []*pending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.session = s
	return slices.Clone(r.pending)
}

func (r *Room) resend(s *Session, left []*pending) {
	for _, p := range left {
		if !r.write(s, p) {
			return
		}
	}
}

func (r *Room) detach() {
	r.mu.Lock()
	r.session = nil
	r.mu.Unlock()
}

// write sends p; when that fails it ends the session, and the next one will.
func (r *Room) write(s *Session, p *pending) bool {
	raw, err := json.Marshal(p.frame)
	if limit := s.Welcome.Limits.Frame; limit > 0 && len(raw) > limit { // the server would end the session, and Run with it
		r.finish(p, wire.Ack{}, &Error{Code: wire.CodeTooLarge, Detail: fmt.Sprintf("a frame has at most %d bytes, and this one %d", limit, len(raw))})
		return true
	}
	if err == nil {
		err = s.WriteRaw(raw)
	}
	if err != nil {
		_ = s.conn.Close()
		return false
	}
	return true
}

// settle gives an ack or an error to the frame that it answers. It returns
// false when e answers none, so that the handler gets to see it.
func (r *Room) settle(s *Session, e Event) bool {
	var id string
	if e.ack != nil {
		id = e.ack.ID
	} else {
		id = e.refusal.ID
	}
	r.mu.Lock()
	i := slices.IndexFunc(r.pending, func(p *pending) bool { return p.frame.ID == id })
	if i < 0 {
		r.mu.Unlock()
		return e.ack != nil
	}
	p := r.pending[i]
	r.mu.Unlock()
	if e.ack != nil {
		r.finish(p, *e.ack, nil)
		return true
	}
	refused := errorOf(e.refusal)
	if !refused.temporary() {
		r.finish(p, wire.Ack{}, refused)
		return true
	}
	r.mu.Lock()
	if refused.RetryAfter == 0 {
		p.tries++
	}
	wait := max(refused.RetryAfter, jitter(2+p.tries, mostWait))
	p.again = time.AfterFunc(wait, func() {
		r.mu.Lock()
		current := r.session == s && slices.Contains(r.pending, p)
		r.mu.Unlock()
		if current {
			r.write(s, p)
		}
	})
	r.mu.Unlock()
	return true
}

func errorOf(f *wire.ErrorFrame) *Error {
	return &Error{
		Code:       f.Code,
		Detail:     f.Detail,
		RetryAfter: time.Duration(f.RetryAfter * float64(time.Second)),
		Fields:     f.Errors,
	}
}

// finish answers the one who waits for p.
func (r *Room) finish(p *pending, ack wire.Ack, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forgetLocked(p) {
		p.ack, p.err = ack, err
		close(p.done)
	}
}

// forgetLocked takes p out of what is pending; false means that it was not there.
func (r *Room) forgetLocked(p *pending) bool {
	i := slices.Index(r.pending, p)
	if i < 0 {
		return false
	}
	r.pending = slices.Delete(r.pending, i, i+1)
	if p.again != nil {
		p.again.Stop()
	}
	return true
}

// end refuses what is pending, and all that is sent from now on.
func (r *Room) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = err
	for _, p := range r.pending {
		if p.again != nil {
			p.again.Stop()
		}
		p.err = fmt.Errorf("the room is no longer followed: %w", err)
		close(p.done)
	}
	r.pending = nil
}
