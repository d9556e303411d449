package rooms

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// inboxEvery is how often inboxes are told what has changed, inboxBudget
	// how long counting for them may take each time. What does not fit waits:
	// with many inboxes and many busy rooms the counts lag, and cost no more.
	inboxEvery  = 500 * time.Millisecond
	inboxBudget = 50 * time.Millisecond
	// inboxRooms bounds the rooms whose counts a joining inbox is told of.
	inboxRooms = 1000
)

// RoomsEvent tells an identity of rooms that came, changed and went.
type RoomsEvent struct {
	Created, Changed []Room
	Removed          []string
}

// inboxes tells identities what concerns them beyond the room that they are in:
// unread counts, and rooms that come and go. A member asks for it when it joins
// ([JoinOptions]).
type inboxes struct {
	mu      sync.Mutex
	all     map[string][]*inbox // by subject: one for each set of rights
	touched map[string]struct{} // rooms whose messages have changed since the last round
}

// inbox is one identity's, for all its members that asked and may do the same:
// of two credentials of one subject, each is told what it reaches.
type inbox struct {
	who     Identity // of the newest of the members
	rights  string
	members map[*Member]struct{}
	dirty   map[string]struct{} // rooms to count anew
	told    map[string]Unread
}

func (b *inboxes) add(m *Member) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addLocked(m)
}

func (b *inboxes) addLocked(m *Member) {
	who := *m.who()
	rights, mine := who.rights(), b.all[who.Subject]
	i := slices.IndexFunc(mine, func(one *inbox) bool { return one.rights == rights })
	if i < 0 {
		i = len(mine)
		mine = append(mine, &inbox{rights: rights, members: make(map[*Member]struct{}), dirty: make(map[string]struct{}), told: make(map[string]Unread)})
		if b.all == nil {
			b.all, b.touched = make(map[string][]*inbox), make(map[string]struct{})
		}
		b.all[who.Subject] = mine
	}
	mine[i].who = who
	mine[i].members[m] = struct{}{}
}

// renew has the fresh credential of a member count.
func (b *inboxes) renew(m *Member) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.removeLocked(m) {
		b.addLocked(m)
	}
}

func (b *inboxes) remove(m *Member) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.removeLocked(m)
}

// removeLocked reports whether m had an inbox.
func (b *inboxes) removeLocked(m *Member) bool {
	subject := m.who().Subject
	mine := b.all[subject]
	for i, one := range mine {
		if _, in := one.members[m]; !in {
			continue
		}
		if delete(one.members, m); len(one.members) == 0 {
			b.all[subject] = slices.Delete(mine, i, i+1)
		}
		if len(b.all[subject]) == 0 {
			delete(b.all, subject)
		}
		return true
	}
	return false
}

// each yields every inbox.
func (b *inboxes) each(yield func(*inbox) bool) {
	for _, mine := range b.all {
		for _, one := range mine {
			if !yield(one) {
				return
			}
		}
	}
}

// letter is a frame for a member. Letters are sent when the lock is free: a
// member that does not take one is dropped, and that takes the lock.
type letter struct {
	to      *Member
	payload []byte
}

func send(letters []letter) {
	for _, l := range letters {
		l.to.Send(l.payload)
	}
}

func (one *inbox) write(letters []letter, payload []byte) []letter {
	for m := range one.members {
		letters = append(letters, letter{m, payload})
	}
	return letters
}

// note takes notice of an applied entry, and returns what is to be told at once.
func (b *inboxes) note(a *applied, e Encoder) []letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.all) == 0 {
		return nil
	}
	switch a.kind {
	case EntryPost, EntryDelete, EntryClear, EntryPurge:
		b.touched[a.room] = struct{}{}
	case EntryRead:
		for _, one := range b.all[a.from] {
			one.dirty[a.room] = struct{}{}
		}
	case EntryCreateRoom, EntryUpdateRoom, EntryDeleteRoom:
		return b.noteRoom(a, e)
	}
	return nil
}

// noteRoom tells all whom it concerns that a room came, changed or went.
func (b *inboxes) noteRoom(a *applied, e Encoder) (letters []letter) {
	gone := RoomsEvent{Removed: []string{a.room}}
	var here RoomsEvent
	visibility, was := Public, Public
	if room := a.Receipt.Room; room != nil {
		visibility, was = room.Visibility, room.Visibility
		if a.kind == EntryCreateRoom {
			here.Created = []Room{*room}
		} else {
			here.Changed = []Room{*room}
		}
	}
	if a.Change != nil {
		was = a.Change.Was
	}
	var tellHere, tellGone []byte
	for one := range b.each {
		if a.kind != EntryDeleteRoom && one.who.Can(Read, a.room, visibility) {
			if tellHere == nil {
				tellHere = e.Rooms(&here)
			}
			letters = one.write(letters, tellHere)
			continue
		}
		if a.kind == EntryCreateRoom || !one.who.Can(Read, a.room, was) {
			continue // it never knew
		}
		delete(one.told, a.room)
		if tellGone == nil {
			tellGone = e.Rooms(&gone)
		}
		letters = one.write(letters, tellGone)
	}
	return letters
}

// count is an inbox with the rooms that are to be counted for it.
type count struct {
	inbox *inbox
	who   Identity
	rooms []string
}

// take returns what is to be counted now.
func (b *inboxes) take() []count {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []count
	for one := range b.each {
		for room := range b.touched {
			one.dirty[room] = struct{}{}
		}
		if len(one.dirty) > 0 {
			list = append(list, count{one, one.who, slices.Collect(maps.Keys(one.dirty))})
			clear(one.dirty)
		}
	}
	clear(b.touched)
	return list
}

// putBack leaves counts for the next round.
func (b *inboxes) putBack(list []count) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range list {
		for _, room := range c.rooms {
			c.inbox.dirty[room] = struct{}{}
		}
	}
}

// tell returns what to tell an inbox: the counts that are others than it knows.
func (b *inboxes) tell(one *inbox, counts []Unread, e Encoder) (letters []letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range counts {
		if told, ok := one.told[u.Room]; !ok || told != u {
			one.told[u.Room] = u
			letters = one.write(letters, e.Unread(&u))
		}
	}
	return letters
}

// tellInboxes tells the inboxes what has changed, until ctx is done.
func (r *Registry) tellInboxes(ctx context.Context) {
	tick := time.NewTicker(inboxEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.tellInboxesOnce(ctx)
		}
	}
}

func (r *Registry) tellInboxesOnce(ctx context.Context) {
	began, list := time.Now(), r.inboxes.take()
	for i, c := range list {
		counts, err := r.Unread(ctx, c.who, c.rooms)
		if err != nil && ctx.Err() == nil {
			r.log.ErrorContext(ctx, "unread messages cannot be counted", "err", err)
		}
		if err != nil || time.Since(began) > inboxBudget {
			r.inboxes.putBack(list[i:])
			return
		}
		send(r.inboxes.tell(c.inbox, counts, r.deps.encoder))
	}
}

// openInbox opens the inbox of a joining member, and appends to p what tells it
// of all that is unread.
func (r *Registry) openInbox(ctx context.Context, m *Member, p []byte) ([]byte, error) {
	r.inboxes.add(m)
	if m.isGone() { // it left before it had an inbox to leave
		r.inboxes.remove(m)
	}
	rooms, err := r.Rooms(ctx, *m.who(), "", inboxRooms)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(rooms))
	for i := range rooms {
		ids[i] = rooms[i].ID
	}
	counts, err := r.Unread(ctx, *m.who(), ids)
	if err != nil {
		return nil, err
	}
	for _, u := range counts {
		if u.Count > 0 {
			p = m.sink.Framing().Append(p, Frame{Payload: r.deps.encoder.Unread(&u)})
		}
	}
	return p, nil
}

// Unread tells what who has not read in those of the rooms that it may read, in
// their order.
func (r *Registry) Unread(ctx context.Context, who Identity, ids []string) ([]Unread, error) {
	if err := r.known(ctx); err != nil {
		return nil, err
	}
	readable := make([]string, 0, len(ids))
	for _, id := range ids {
		if _, err := r.room(ctx, who, id); err == nil {
			readable = append(readable, id)
		}
	}
	return r.store.Unread(ctx, UnreadQuery{Subject: who.Subject, Name: FoldName(who.Name), Rooms: readable})
}
