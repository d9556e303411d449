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

// presence is who is in a room, on this node and on others: identities, not
// connections. It is guarded by its hub's lock.
type presence struct {
	here map[string]*present // by subject
	// Since the last event: who came and went, by subject.
	joined, left map[string]Sender
	announced    time.Time
	typing       time.Time // the last typing event of a large room
	timer        *time.Timer
	some         []Sender // what list gave out of a large room, while all of them are here
}

// present is one identity, its connections here, and the nodes where it has
// others.
type present struct {
	Sender
	members   []*Member
	elsewhere int
}

// begin takes those who are on other nodes when the hub opens: they are no news.
func (p *presence) begin(elsewhere []Sender) {
	for _, who := range elsewhere {
		p.move(Move{Who: who, Here: true})
	}
	p.joined = nil
}

// join adds a member. It reports whether it is the identity's first one here.
func (p *presence) join(m *Member) bool {
	one := p.come(m.who().Sender())
	one.members = append(one.members, m)
	return len(one.members) == 1
}

// leave takes a member away. It reports whether it was the identity's last one
// here.
func (p *presence) leave(m *Member) bool {
	one := p.here[m.who().Subject]
	if i := slices.Index(one.members, m); i >= 0 {
		one.members = slices.Delete(one.members, i, i+1)
	}
	p.forget(one)
	return len(one.members) == 0
}

// move counts the nodes where somebody is.
func (p *presence) move(m Move) {
	if m.Here {
		p.come(m.Who).elsewhere++
		return
	}
	if one := p.here[m.Who.ID]; one != nil {
		one.elsewhere--
		p.forget(one)
	}
}

// come returns who is here, as somebody who came just now if need be.
func (p *presence) come(who Sender) *present {
	one := p.here[who.ID]
	if one == nil {
		one = &present{Sender: who}
		if p.here == nil {
			p.here = make(map[string]*present)
		}
		p.here[who.ID] = one
		note(who.ID, who, &p.joined, p.left)
	}
	return one
}

// forget takes out one who is nowhere any more.
func (p *presence) forget(one *present) {
	if len(one.members) == 0 && one.elsewhere == 0 {
		delete(p.here, one.ID)
		p.some = nil
		note(one.ID, one.Sender, &p.left, p.joined)
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
// is all. The list is not to be changed.
func (p *presence) list(limit int) []Sender {
	if limit == 0 || limit > len(p.here) {
		limit = len(p.here)
	}
	if limit < len(p.here) && limit == len(p.some) {
		return p.some // a large room fills with many who all are told this
	}
	list := make([]Sender, 0, limit)
	for _, one := range p.here {
		if len(list) == limit {
			break
		}
		list = append(list, one.Sender)
	}
	sortSenders(list)
	if limit < len(p.here) {
		p.some = list
	}
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

// moveElsewhere tells the room of a move on another node.
func (h *hub) moveElsewhere(m Move) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.presence.move(m)
	h.announceLocked()
}

// typing tells the room that m types, if it may write there.
func (h *hub) typing(m *Member) {
	h.mu.Lock()
	now := time.Now()
	quiet := m.gone || now.Sub(time.Unix(0, m.typed)) < typingEvery ||
		!m.who().Can(Post, h.room, h.visibilityLocked()) || h.mutedLocked(m)
	if !quiet {
		m.typed = now.UnixNano()
		quiet = !h.typingLocked(m.who().Sender(), now)
	}
	h.mu.Unlock()
	if !quiet {
		h.deps.nodes.typing(h.room, m.who().Sender())
	}
}

// posted ends the typing of who has posted: what they type next is news.
func (p *presence) posted(who Sender) {
	if one := p.here[who.ID]; one != nil {
		for _, m := range one.members {
			m.typed = 0
		}
	}
}

// typingElsewhere tells the room that somebody types on another node.
func (h *hub) typingElsewhere(who Sender) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.typingLocked(who, time.Now())
}

// typingLocked tells the room who types. It reports false when the room is told
// often enough as it is.
func (h *hub) typingLocked(who Sender, now time.Time) bool {
	p := &h.presence
	e := Event{Kind: EventTyping, Room: h.room, At: now}
	if len(p.here) <= presenceNames {
		e.Who = who
	} else if now.Sub(p.typing) < typingEvery {
		return false
	}
	p.typing = now
	h.addLocked(Frame{Payload: h.deps.encoder.Event(&e)})
	return true
}
