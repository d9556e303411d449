package rooms

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Peers carries what nodes tell each other beside the journal: who is where,
// and who types. None of it is stored. What is told may be lost, but of one
// node's notes those that arrive do so in the order of their telling.
type Peers interface {
	// Tell gives a note to all other nodes. It does not wait.
	Tell(n Note)
	// Hear hands what the others tell to heard, one note at a time, until ctx
	// is done.
	Hear(ctx context.Context, heard func(n Note)) error
}

// NoteKind names what a note tells.
type NoteKind string

// The kinds of note.
const (
	// NoteMoves tells who came to rooms of this node and who went. Number counts
	// these notes.
	NoteMoves NoteKind = "moves"
	// NoteBeat tells that the node is there, what its journal came to, and
	// Number, that of its newest moves: who heard fewer asks.
	NoteBeat NoteKind = "beat"
	// NoteAsk asks the node To to tell all of its state.
	NoteAsk NoteKind = "ask"
	// NoteState is a part of all who are on the node, as of its moves Number.
	// The parts of one state come one right after the other.
	NoteState NoteKind = "state"
	// NoteTyping tells that Who types in Room.
	NoteTyping NoteKind = "typing"
)

// Note is what one node tells the others.
type Note struct {
	Kind   NoteKind
	Node   string // who tells it
	To     string // ask: who is asked
	Number uint64 // moves, beat, state
	Seals  []Seal // beat: what the journal came to, at the newest places
	Moves  []Move // moves, state
	First  bool   // state: this part is the first
	Last   bool   // state: this part is the last
	Room   string // typing
	Who    Sender // typing
}

// Move is an identity that came to a room on a node, or went from there.
type Move struct {
	Room string
	Who  Sender
	Here bool
}

// How nodes keep each other up to date about who is where.
const (
	tellEvery = 200 * time.Millisecond // moves gather for so long
	beatEvery = 2 * time.Second
	silentFor = 3 * beatEvery // then a node counts as gone, with all who were there
	askEvery  = time.Second
	noteMoves = 200 // of one note, at most
)

// nodes is what this node knows of who is on the others, and what it has to
// tell them. Each node owns the entries of its own members.
type nodes struct {
	self  string
	peers Peers // nil for a node that is alone
	trail trail

	moved struct {
		sync.Mutex
		moves []Move // of this node's, not told yet
		asked bool   // somebody wants the whole state
	}

	// mu is taken before Registry.mu and before a hub's.
	mu      sync.Mutex
	others  map[string]*otherNode
	swept   time.Time // when the silent were looked for
	doubted time.Time // since when one differs and none agrees; zero is that it is not so
}

// otherNode is what is known of another node.
type otherNode struct {
	claims claims
	heard  time.Time
	asked  time.Time
	number uint64                       // of the newest moves; 0 with a nil here is nothing known
	here   map[string]map[string]Sender // by room and subject
	state  map[string]map[string]Sender // a state of which parts came
}

// move notes that somebody came to this node's part of a room, or went. It is
// called under a hub's lock.
func (n *nodes) move(m Move) {
	if n.peers == nil {
		return
	}
	n.moved.Lock()
	defer n.moved.Unlock()
	n.moved.moves = append(n.moved.moves, m)
}

// typing tells the others who types here.
func (n *nodes) typing(room string, who Sender) {
	if n.peers != nil {
		n.peers.Tell(Note{Kind: NoteTyping, Node: n.self, Room: room, Who: who})
	}
}

// tellNodes tells the other nodes who is here until ctx is done.
func (r *Registry) tellNodes(ctx context.Context) {
	n := &r.nodes
	if n.peers == nil {
		return
	}
	here := make(map[string]map[string]Sender)
	var number uint64
	var beaten time.Time
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n.moved.Lock()
		moves, asked := n.moved.moves, n.moved.asked
		n.moved.moves, n.moved.asked = nil, false
		n.moved.Unlock()
		for part := range slices.Chunk(settle(here, moves), noteMoves) {
			number++
			n.peers.Tell(Note{Kind: NoteMoves, Node: n.self, Number: number, Moves: part})
		}
		if asked {
			n.tellState(here, number)
		}
		if time.Since(beaten) >= beatEvery {
			beaten = time.Now()
			n.peers.Tell(Note{Kind: NoteBeat, Node: n.self, Number: number, Seals: newest(r.store.Seals())})
		}
		r.sweepNodes(time.Now())
		r.compareNodes(ctx)
	}
}

// settle brings here up to date and returns the moves that changed it in the
// end: who came and went in between has not moved.
func settle(here map[string]map[string]Sender, moves []Move) []Move {
	type place struct{ room, subject string }
	last := make(map[place]int, len(moves))
	for i, m := range moves {
		last[place{m.Room, m.Who.ID}] = i
	}
	var changed []Move
	for i, m := range moves {
		_, was := here[m.Room][m.Who.ID]
		if last[place{m.Room, m.Who.ID}] == i && was != m.Here {
			put(here, m)
			changed = append(changed, m)
		}
	}
	return changed
}

func put(here map[string]map[string]Sender, m Move) {
	room := here[m.Room]
	switch {
	case m.Here && room == nil:
		here[m.Room] = map[string]Sender{m.Who.ID: m.Who}
	case m.Here:
		room[m.Who.ID] = m.Who
	default:
		delete(room, m.Who.ID)
		if len(room) == 0 {
			delete(here, m.Room)
		}
	}
}

func (n *nodes) tellState(here map[string]map[string]Sender, number uint64) {
	note := Note{Kind: NoteState, Node: n.self, Number: number, First: true}
	for room, all := range here {
		for _, who := range all {
			if len(note.Moves) == noteMoves {
				n.peers.Tell(note)
				note.First, note.Moves = false, nil
			}
			note.Moves = append(note.Moves, Move{Room: room, Who: who, Here: true})
		}
	}
	note.Last = true
	n.peers.Tell(note)
}

// hearNodes takes what other nodes tell until ctx is done.
func (r *Registry) hearNodes(ctx context.Context) {
	if r.nodes.peers == nil {
		return
	}
	if err := r.nodes.peers.Hear(ctx, r.heard); err != nil {
		r.log.ErrorContext(ctx, "the other nodes are not heard any more", "err", err)
	}
}

func (r *Registry) heard(note Note) {
	n := &r.nodes
	if note.Node == n.self {
		return
	}
	if note.Kind == NoteAsk {
		if note.To == n.self {
			n.moved.Lock()
			n.moved.asked = true
			n.moved.Unlock()
		}
		return
	}
	if note.Kind == NoteTyping {
		if h := r.hub(note.Room); h != nil {
			h.typingElsewhere(note.Who)
		}
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	other := n.others[note.Node]
	if other == nil {
		other = new(otherNode)
		if n.others == nil {
			n.others = make(map[string]*otherNode)
		}
		n.others[note.Node] = other
	}
	now := time.Now()
	other.heard = now
	other.claims.add(note.Seals)
	switch {
	case note.Kind == NoteState:
		r.heardState(other, note)
	case note.Kind == NoteMoves && other.here != nil && note.Number == other.number+1:
		other.number = note.Number
		for _, m := range note.Moves {
			r.moveElsewhere(other, m)
		}
	case note.Kind == NoteMoves || note.Kind == NoteBeat:
		known := other.here != nil && note.Number == other.number
		if !known && now.Sub(other.asked) >= askEvery {
			other.asked = now
			n.peers.Tell(Note{Kind: NoteAsk, Node: n.self, To: note.Node})
		}
	}
}

// heardState takes a part of a state, and with the last part the state.
func (r *Registry) heardState(other *otherNode, note Note) {
	if note.First {
		other.state = make(map[string]map[string]Sender)
	}
	if other.state == nil {
		return // its beginning was lost
	}
	for _, m := range note.Moves {
		put(other.state, m)
	}
	if !note.Last {
		return
	}
	state := other.state
	other.state = nil
	if other.here == nil {
		other.here = make(map[string]map[string]Sender)
	}
	r.replace(other, state)
	other.number = note.Number
}

// replace makes state what is known of the node: who is not in it has gone.
func (r *Registry) replace(other *otherNode, state map[string]map[string]Sender) {
	var moves []Move
	for room, all := range other.here {
		for subject, who := range all {
			if _, still := state[room][subject]; !still {
				moves = append(moves, Move{Room: room, Who: who})
			}
		}
	}
	for room, all := range state {
		for _, who := range all {
			moves = append(moves, Move{Room: room, Who: who, Here: true})
		}
	}
	for _, m := range moves {
		r.moveElsewhere(other, m)
	}
}

// moveElsewhere notes a move on another node, and tells the room. The caller
// holds nodes.mu.
func (r *Registry) moveElsewhere(other *otherNode, m Move) {
	if _, was := other.here[m.Room][m.Who.ID]; was == m.Here {
		return
	}
	put(other.here, m)
	if h := r.hub(m.Room); h != nil {
		h.moveElsewhere(m)
	}
}

// sweepNodes forgets the nodes that have been silent for too long, and who was
// there.
func (r *Registry) sweepNodes(now time.Time) {
	n := &r.nodes
	n.mu.Lock()
	defer n.mu.Unlock()
	slept := now.Sub(n.swept) > beatEvery
	n.swept = now
	for id, other := range n.others {
		if slept {
			other.heard = now // it was this process that was away
		}
		if now.Sub(other.heard) > silentFor {
			delete(n.others, id)
			r.replace(other, nil)
		}
	}
}

// elsewhere lists the identities in a room on other nodes, ascending by subject.
func (n *nodes) elsewhere(room string) []Sender {
	n.mu.Lock()
	list := n.elsewhereLocked(room)
	n.mu.Unlock()
	sortSenders(list)
	return slices.CompactFunc(list, func(a, b Sender) bool { return a.ID == b.ID })
}

// elsewhereLocked lists who is in a room on other nodes, once for each node.
// The caller holds mu.
func (n *nodes) elsewhereLocked(room string) []Sender {
	var list []Sender
	for _, other := range n.others {
		for _, who := range other.here[room] {
			list = append(list, who)
		}
	}
	return list
}
