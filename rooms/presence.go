package rooms

import (
	"cmp"
	"slices"
	"time"
)

const (
	// presenceNames is the size of room up to which events name who came, went
	// or types. Larger rooms tell a count, and "several people".
	presenceNames = 100
	// presenceEvery and presencePer pace presence events: at most one in
	// presenceEvery, and in large rooms one in presencePer for each identity
	// here, so that coming and going costs a bounded part of the node.
	presenceEvery = 250 * time.Millisecond
	presencePer   = 100 * time.Microsecond
)

// presence is who is in a room: identities, not connections. It is guarded by
// its hub's lock.
type presence struct {
	here map[string]*present // by subject
	// Since the last event: who came and went, by subject.
	joined, left map[string]Sender
	announced    time.Time
	typing       time.Time // the last typing event of a large room
	timer        *time.Timer
}

// present is one identity and its connections.
type present struct {
	Sender
	members []*Member
}

func (p *presence) join(m *Member) {
	subject := m.who.Subject
	one := p.here[subject]
	if one == nil {
		one = &present{Sender: m.who.Sender()}
		if p.here == nil {
			p.here = make(map[string]*present)
		}
		p.here[subject] = one
		note(subject, one.Sender, &p.joined, p.left)
	}
	one.members = append(one.members, m)
}

func (p *presence) leave(m *Member) {
	subject := m.who.Subject
	one := p.here[subject]
	if i := slices.Index(one.members, m); i >= 0 {
		one.members = slices.Delete(one.members, i, i+1)
	}
	if len(one.members) == 0 {
		delete(p.here, subject)
		note(subject, one.Sender, &p.left, p.joined)
	}
}

// note writes down a coming in list, or strikes out the opposite one: who came
// and went between two events has not moved.
func note(subject string, who Sender, list *map[string]Sender, opposite map[string]Sender) {
	if _, ok := opposite[subject]; ok {
		delete(opposite, subject)
		return
	}
	if *list == nil {
		*list = make(map[string]Sender)
	}
	(*list)[subject] = who
}

// all returns every member.
func (p *presence) all() []*Member {
	var all []*Member
	for _, one := range p.here {
		all = append(all, one.members...)
	}
	return all
}

// list returns at most limit identities, any of them, ascending by subject; 0
// is all.
func (p *presence) list(limit int) []Sender {
	if limit == 0 || limit > len(p.here) {
		limit = len(p.here)
	}
	list := make([]Sender, 0, limit)
	for _, one := range p.here {
		if len(list) == limit {
			break
		}
		list = append(list, one.Sender)
	}
	sortSenders(list)
	return list
}

func sortSenders(list []Sender) {
	slices.SortFunc(list, func(a, b Sender) int { return cmp.Compare(a.ID, b.ID) })
}

func (p *presence) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// announceLocked tells the room who came and went: at once when the room was
// quiet, else when its pace allows.
func (h *hub) announceLocked() {
	p := &h.presence
	if len(p.joined) == 0 && len(p.left) == 0 || p.timer != nil {
		return
	}
	pace := max(presenceEvery, time.Duration(len(p.here))*presencePer)
	if wait := pace - time.Since(p.announced); wait > 0 {
		p.timer = time.AfterFunc(wait, func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			p.timer = nil
			if !h.closed {
				h.announceNowLocked()
			}
		})
		return
	}
	h.announceNowLocked()
}

func (h *hub) announceNowLocked() {
	p := &h.presence
	if len(p.joined) == 0 && len(p.left) == 0 {
		return
	}
	e := Event{Kind: EventPresence, Room: h.room, Online: len(p.here), At: time.Now()}
	if max(len(p.here), len(p.joined), len(p.left)) <= presenceNames {
		for _, who := range p.joined {
			e.Joined = append(e.Joined, who)
		}
		for _, who := range p.left {
			e.Left = append(e.Left, who)
		}
		sortSenders(e.Joined)
		sortSenders(e.Left)
	}
	p.joined, p.left = nil, nil
	p.announced = time.Now()
	h.addLocked(Frame{Payload: h.deps.encoder.Event(&e)})
}

// typing tells the room that m types.
func (h *hub) typing(m *Member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, now := &h.presence, time.Now()
	if m.gone || now.Sub(m.typed) < typingEvery {
		return
	}
	m.typed = now
	e := Event{Kind: EventTyping, Room: h.room, At: now}
	if len(p.here) <= presenceNames {
		e.Who = m.who.Sender()
	} else if now.Sub(p.typing) < typingEvery {
		return
	}
	p.typing = now
	h.addLocked(Frame{Payload: h.deps.encoder.Event(&e)})
}
