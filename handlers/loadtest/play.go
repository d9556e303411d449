package loadtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// crowd holds the members, so that all can be checked and let go.
type crowd struct {
	mu  sync.Mutex
	all map[*member]struct{}
}

// connect fills the rooms.
func (r *run) connect(ctx context.Context) error {
	r.crowd.all = make(map[*member]struct{})
	for i := range r.cfg.Rooms {
		r.rooms = append(r.rooms, &room{id: r.cfg.Room(i), credits: make(chan struct{}, r.cfg.Window)})
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	total := int64(r.cfg.Rooms * r.cfg.Members)
	var next atomic.Int64
	var dialing sync.WaitGroup
	for range r.cfg.Dialers {
		dialing.Go(func() {
			for ctx.Err() == nil {
				// Round the rooms, so that all fill at the same pace.
				n := next.Add(1) - 1
				if n >= total {
					return
				}
				room, place := r.rooms[n%int64(r.cfg.Rooms)], int(n/int64(r.cfg.Rooms))
				if err := r.add(room, place); err != nil {
					cancel(fmt.Errorf("connection %d of %d: %w", n+1, total, err))
				}
			}
		})
	}
	dialing.Wait()
	return context.Cause(ctx)
}

// add connects a member. The first of a room posts; the last ones are stuck.
func (r *run) add(room *room, place int) error {
	stuck := place > 0 && float64(r.cfg.Members-place) <= r.cfg.Stuck*float64(r.cfg.Members)
	m, err := r.join(room, fmt.Sprintf("m%d", place), stuck)
	if err != nil {
		return err
	}
	if place == 0 {
		room.poster = m
	}
	r.crowd.mu.Lock()
	r.crowd.all[m] = struct{}{}
	r.crowd.mu.Unlock()
	if stuck {
		return nil
	}
	select {
	case <-m.ready:
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("no welcome in room %q within a minute", room.id)
	}
}

// churn ends connections and makes new ones.
func (r *run) churn(ctx context.Context) {
	if r.cfg.Churn <= 0 {
		return
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / r.cfg.Churn))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.replace()
		}
	}
}

func (r *run) replace() {
	r.crowd.mu.Lock()
	var old *member
	for m := range r.crowd.all { // any one
		if m != m.room.poster && !m.stuck {
			old = m
			break
		}
	}
	delete(r.crowd.all, old)
	r.crowd.mu.Unlock()
	if old == nil {
		return
	}
	old.leave()
	if m, err := r.join(old.room, "churn", false); err == nil {
		r.crowd.mu.Lock()
		r.crowd.all[m] = struct{}{}
		r.crowd.mu.Unlock()
	}
}

// post has the rooms' posters post until ctx is done.
func (r *run) post(ctx context.Context) {
	if r.cfg.Rate > 0 {
		r.postAtRate(ctx)
		return
	}
	var posting sync.WaitGroup
	for _, room := range r.rooms {
		for range r.cfg.Window {
			room.credits <- struct{}{}
		}
		posting.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-room.credits:
					r.say(room, n)
				}
			}
		})
	}
	posting.Wait()
}

// credit lets the room's poster send its next post, because one came back.
func (m *member) credit() {
	if m.run.cfg.Rate == 0 && m == m.room.poster {
		select {
		case m.room.credits <- struct{}{}:
		default:
		}
	}
}

// postAtRate sends what is due, however the server keeps up: the latency that
// it shows includes the waiting.
func (r *run) postAtRate(ctx context.Context) {
	began := time.Now()
	tick := time.NewTicker(max(time.Millisecond, time.Duration(float64(time.Second)/r.cfg.Rate)))
	defer tick.Stop()
	for sent := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for due := int(time.Since(began).Seconds() * r.cfg.Rate); sent < due; sent++ {
				r.say(r.rooms[sent%len(r.rooms)], sent)
			}
		}
	}
}

// say posts one message. Its id and its text carry the moment of sending; the
// id is ordered in time, as the SDKs' ids are.
func (r *run) say(room *room, n int) {
	now := time.Now().UnixNano()
	text := fmt.Sprintf("t%d ", now)
	text += strings.Repeat("x", max(0, r.cfg.Size-len(text)))
	payload := fmt.Sprintf(`{"type":"chat","id":"b%d-%s-%d","message":"%s"}`, now, room.id, n, text)
	r.tally.posts.Add(1)
	room.poster.write(textFrame(r.cfg.Envelope.Before + payload + r.cfg.Envelope.After))
}

// drain waits until every reader has what its room's poster has, or for as long
// as a slow one may take.
func (r *run) drain(ctx context.Context) {
	deadline := time.Now().Add(15 * time.Second)
	for ctx.Err() == nil && time.Now().Before(deadline) {
		if r.tally.acks.Load()+r.tally.refused.Load() >= r.tally.posts.Load() && r.lost() == 0 {
			return
		}
		wait(ctx, 10*time.Millisecond)
	}
}

// lost counts the changes that readers do not have in the end.
func (r *run) lost() uint64 {
	r.crowd.mu.Lock()
	defer r.crowd.mu.Unlock()
	lost := r.tally.holes.Load()
	for m := range r.crowd.all {
		if head := m.room.head.Load(); !m.stuck && head > m.seen.Load() {
			lost += head - m.seen.Load()
		}
	}
	return lost
}

// leave ends all connections.
func (r *run) leave() {
	r.crowd.mu.Lock()
	for m := range r.crowd.all {
		m.leave()
	}
	r.crowd.mu.Unlock()
	r.members.Wait()
}
