package rooms

import (
	"net/netip"
	"slices"
	"time"
)

// SanctionKind names what a moderator does to somebody.
type SanctionKind string

// The kinds of sanction.
const (
	Ban  SanctionKind = "ban"  // keeps out of the room
	Mute SanctionKind = "mute" // stops from posting, editing and reacting
	Kick SanctionKind = "kick" // ends the sessions, once: it is never stored
)

// Sanction is what a moderator has laid on somebody in one room. It holds those
// whose rank in the room is below that of who laid it: nobody bans an equal.
type Sanction struct {
	ID       uint64 // given by the store, unique among all rooms'
	Kind     SanctionKind
	Who      Sender    // whom it holds; zero is nobody: then Networks say whom
	Networks []string  // ban: whoever comes from there too, as [netip.Prefix] prints them
	Trace    bool      // ban: the networks from which Who is connected are added
	Reason   string    // "" is none given
	By       Sender    // who laid it
	Manager  bool      // By may manage the room: it holds moderators too
	At       time.Time // UTC, whole milliseconds
	Until    time.Time // zero is until it is lifted
}

// Bounds of sanctions.
const (
	MaxSanctions    = 10_000 // in one room
	MaxNetworks     = 16     // of one ban
	MaxReason       = 300    // characters
	MaxSanctionTime = 100 * 365 * 24 * time.Hour
)

// Rank is how far an identity reaches in a room. Sanctions hold lower ranks only.
type Rank uint8

// The ranks, ascending.
const (
	RankMember    Rank = iota
	RankModerator      // may moderate
	RankManager        // may manage
)

func rankOf(may Permission) Rank {
	switch {
	case may&Manage != 0:
		return RankManager
	case may&Moderate != 0:
		return RankModerator
	}
	return RankMember
}

// Rank is the rank of who laid s.
func (s *Sanction) Rank() Rank {
	if s.Manager {
		return RankManager
	}
	return RankModerator
}

// over tells whether s has ended.
func (s *Sanction) over(now time.Time) bool { return !s.Until.IsZero() && !now.Before(s.Until) }

// names tells whether s is laid on who, whatever the rank.
func (s *Sanction) names(who Identity) bool {
	return s.Who.ID != "" && s.Who.ID == who.Subject ||
		who.Network.IsValid() && slices.ContainsFunc(s.Networks, func(text string) bool {
			network, err := netip.ParsePrefix(text)
			return err == nil && network.Overlaps(who.Network)
		})
}

// refusal tells somebody whom s holds why it is refused.
func (s *Sanction) refusal(room string, now time.Time) *Error {
	e := &Error{Reason: s.Reason, Until: s.Until}
	switch s.Kind {
	case Kick:
		e.Code, e.Detail = CodeKicked, "you were removed from this room"
	case Mute:
		e.Code, e.Detail = CodeMuted, "you may not write in this room"
	default:
		e.Code, e.Detail = CodeBanned, "you are banned from room \""+room+"\""
	}
	if !s.Until.IsZero() {
		e.RetryAfter = s.Until.Sub(now)
		e.Detail += " until " + s.Until.UTC().Format(time.RFC3339)
	}
	if s.Reason != "" {
		e.Detail += ": " + s.Reason
	}
	return e
}

// Sanctions are those of one room, to be asked at every door. They are never
// changed; a nil pointer holds nobody.
type Sanctions struct {
	list      []Sanction // ascending by ID
	bySubject map[string][]*Sanction
	networks  []sanctionedNetwork
}

type sanctionedNetwork struct {
	netip.Prefix
	by *Sanction
}

// NewSanctions makes them of a list that is ascending by ID and not used by
// others any more.
func NewSanctions(list []Sanction) *Sanctions {
	if len(list) == 0 {
		return nil
	}
	all := &Sanctions{list: list, bySubject: make(map[string][]*Sanction)}
	for i := range list {
		s := &list[i]
		if s.Who.ID != "" {
			all.bySubject[s.Who.ID] = append(all.bySubject[s.Who.ID], s)
		}
		for _, text := range s.Networks {
			if network, err := netip.ParsePrefix(text); err == nil {
				all.networks = append(all.networks, sanctionedNetwork{network, s})
			}
		}
	}
	return all
}

// List returns them all, ascending by ID. It is not to be changed.
func (all *Sanctions) List() []Sanction {
	if all == nil {
		return nil
	}
	return all.list
}

// Find returns the one of that ID, nil when there is none.
func (all *Sanctions) Find(id uint64) *Sanction {
	list := all.List()
	i, ok := slices.BinarySearchFunc(list, id, func(s Sanction, id uint64) int { return cmpID(s.ID, id) })
	if !ok {
		return nil
	}
	return &list[i]
}

func cmpID(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Holding returns the sanction of a kind that holds an identity of that rank at
// now, the one that lasts longest; nil when none does.
func (all *Sanctions) Holding(kind SanctionKind, subject string, network netip.Prefix, rank Rank, now time.Time) (found *Sanction) {
	if all == nil {
		return nil
	}
	try := func(s *Sanction) {
		if s.Kind != kind || s.Rank() <= rank || s.over(now) {
			return
		}
		if found == nil || s.Until.IsZero() || !found.Until.IsZero() && s.Until.After(found.Until) {
			found = s
		}
	}
	for _, s := range all.bySubject[subject] {
		try(s)
	}
	if network.IsValid() {
		for _, n := range all.networks {
			if n.Overlaps(network) { // an identity's may be the wider one: of IPv6 it is a /64
				try(n.by)
			}
		}
	}
	return found
}

// Held returns the refusal of what a muted sender writes, or a banned one: it may
// have come in by a node that did not know of the ban yet. It returns nil for
// others, and for who is banned by network alone: an entry does not tell that.
func (all *Sanctions) Held(e *Entry) *Error {
	for _, kind := range []SanctionKind{Mute, Ban} {
		if s := all.Holding(kind, e.From.ID, netip.Prefix{}, e.Rank(), e.At); s != nil {
			return s.refusal(e.Room, e.At)
		}
	}
	return nil
}

// AuditRecord says who did what to whom, and when.
type AuditRecord struct {
	N      uint64 // ascending in time
	Room   string
	At     time.Time
	By     Sender
	Action Action
	Who    Sender    // to whom, zero for what is done to nobody
	Seq    uint64    // of the message that was deleted
	Count  int       // of the messages that were cleared
	Until  time.Time // of a ban or a mute, zero for one without an end
	Reason string
	Detail string // what else there is to tell, in words that may change
}

// Action names what an audit record tells of.
type Action string

// The actions that are recorded.
const (
	ActionKick       Action = "kick"
	ActionBan        Action = "ban"
	ActionUnban      Action = "unban"
	ActionMute       Action = "mute"
	ActionUnmute     Action = "unmute"
	ActionDelete     Action = "delete" // a message, by another than its author
	ActionClear      Action = "clear"  // somebody's messages
	ActionCreateRoom Action = "create-room"
	ActionUpdateRoom Action = "update-room"
	ActionDeleteRoom Action = "delete-room"

	ActionCreateWebhook Action = "create-webhook"
	ActionUpdateWebhook Action = "update-webhook"
	ActionDeleteWebhook Action = "delete-webhook"
)

// AuditQuery selects audit records, the newest first.
type AuditQuery struct {
	Room   string // "" is all rooms, also those that were deleted
	Before uint64 // exclusive N; 0 is from the newest
	Limit  int
}
