package rooms

import (
	"context"
	"net/netip"
	"strings"
	"time"
)

// sanction checks what a moderator wants to lay on somebody, and fixes it.
func (r *Registry) sanction(who Identity, room *Room, e *Entry) error {
	if e.Sanction == nil {
		return Invalid("who", "required", "must not be empty")
	}
	s := *e.Sanction
	e.Sanction = &s
	switch e.Kind {
	case EntryLift:
		return nil
	case EntryKick:
		s.Kind = Kick
	case EntryBan:
		s.Kind = Ban
	case EntryMute:
		s.Kind = Mute
	case EntryClear:
		return checkWho(s.Who)
	}
	s.Manager = e.Manager
	if s.Who.ID == who.Subject {
		return Invalid("who", "yourself", "is you")
	}
	if len(s.Networks) == 0 || s.Kind != Ban {
		if s.Kind == Ban && s.Who.ID == "" {
			return Invalid("who", "required", "must be the id of somebody, unless address says where from")
		}
		if err := checkWho(s.Who); err != nil {
			return err
		}
	}
	if s.Kind != Ban && (len(s.Networks) > 0 || s.Trace) {
		return Invalid("address", "invalid", "is for bans only")
	}
	for i, text := range s.Networks {
		network, err := parseNetwork(text)
		if err != nil {
			return Invalid("address", "invalid", "must be an address or a network, such as 203.0.113.7 or 2001:db8::/64")
		}
		s.Networks[i] = network.String()
	}
	if len(s.Networks) > MaxNetworks {
		return Invalid("address", "too_many", "must be at most %d", MaxNetworks)
	}
	if !ValidLine(s.Reason, MaxReason) {
		return Invalid("reason", "invalid", "must be one line of at most %d characters, without control characters", MaxReason)
	}
	if !s.Until.IsZero() {
		s.Until = Millis(s.Until)
		if !s.Until.After(e.At) || s.Until.Sub(e.At) > MaxSanctionTime {
			return Invalid("seconds", "invalid", "must be at least 1, and at most a hundred years")
		}
	}
	known, name := r.present(room, &s)
	if name != "" {
		s.Who.Name = name
	}
	if !ValidLine(s.Who.Name, MaxRoomName) {
		return Invalid("name", "invalid", "must be at most %d characters, without control characters", MaxRoomName)
	}
	if known >= s.Rank() {
		return Errorf(CodeForbidden, "%q may do as much here as you", s.Who.Name)
	}
	return nil
}

// present returns rank and name of whom s is laid on, as far as they are known
// here: the rank of those who are elsewhere is looked at where they are.
func (r *Registry) present(room *Room, s *Sanction) (rank Rank, name string) {
	h := r.hub(room.ID)
	if h == nil || s.Who.ID == "" {
		return RankMember, ""
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.presence.here[s.Who.ID]
	if one == nil {
		return RankMember, ""
	}
	for _, m := range one.members {
		rank = max(rank, rankOf(m.who().Allowed(room.ID, room.Visibility)))
	}
	return rank, one.Name
}

func checkWho(who Sender) error {
	if who.ID == "" {
		return Invalid("who", "required", "must be the id of somebody")
	}
	if !ValidLine(who.ID, MaxRoomTopic) {
		return Invalid("who", "invalid", "is nobody's id")
	}
	return nil
}

// parseNetwork reads an address or a network. IPv4 within IPv6 is IPv4.
func parseNetwork(text string) (netip.Prefix, error) {
	text = strings.TrimSpace(text)
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return addr.Prefix(addr.BitLen())
	}
	network, err := netip.ParsePrefix(text)
	if from := network.Addr(); from.Is4In6() && network.Bits() >= 96 {
		network = netip.PrefixFrom(from.Unmap(), network.Bits()-96)
	}
	return network.Masked(), err
}

// barred is the refusal of who, with may, at the room's door; nil for those who
// may enter.
func (r *Registry) barred(who Identity, room *Room, may Permission, now time.Time) error {
	all := r.store.Sanctions(room.ID)
	if all == nil {
		return nil
	}
	if s := all.Holding(Ban, who.Subject, who.Network, rankOf(may), now); s != nil {
		return s.refusal(room.ID, now)
	}
	return nil
}

// enforce sends those out whom an applied kick or ban holds.
func (r *Registry) enforce(a *applied) {
	h := r.hub(a.room)
	if h == nil {
		return
	}
	s := a.Receipt.Sanction
	networks := h.expel(s)
	if a.kind != EntryBan || !s.Trace || len(networks) == 0 {
		return
	}
	// Each node knows where those come from who are connected to it.
	r.deps.spawn(func(ctx context.Context) {
		e := Entry{Kind: EntryTrace, Room: a.room, Sanction: &Sanction{ID: s.ID, Networks: networks}}
		if _, err := r.Propose(ctx, system, e); err != nil {
			r.log.WarnContext(ctx, "the addresses of somebody banned are not banned", "room", a.room, "ban", s.ID, "err", err)
		}
	})
}

// expel drops the members whom s holds, and returns where they come from. This
// machine's own address stands for whatever proxy is on it, and is left out.
func (h *hub) expel(s *Sanction) (networks []string) {
	h.mu.Lock()
	var held []*Member
	for _, m := range h.presence.all() {
		if s.names(*m.who()) && h.rankLocked(m) < s.Rank() {
			held = append(held, m)
		}
	}
	h.mu.Unlock()
	why := s.refusal(h.room, time.Now())
	seen := make(map[netip.Prefix]bool)
	for _, m := range held {
		h.drop(m, why)
		if n := m.who().Network; n.IsValid() && !n.Addr().IsLoopback() && !seen[n] && len(networks) < MaxNetworks {
			seen[n] = true
			networks = append(networks, n.String())
		}
	}
	return networks
}

// bannedLocked is the refusal of a member that a ban holds which was applied
// after the member was admitted.
func (h *hub) bannedLocked(m *Member) *Error {
	all := h.deps.store.Sanctions(h.room)
	if all == nil {
		return nil
	}
	now := time.Now()
	if s := all.Holding(Ban, m.who().Subject, m.who().Network, h.rankLocked(m), now); s != nil {
		return s.refusal(h.room, now)
	}
	return nil
}

// mutedLocked tells whether m may not be heard now.
func (h *hub) mutedLocked(m *Member) bool {
	all := h.deps.store.Sanctions(h.room)
	return all != nil && all.Holding(Mute, m.who().Subject, netip.Prefix{}, h.rankLocked(m), time.Now()) != nil
}

func (h *hub) rankLocked(m *Member) Rank {
	return rankOf(m.who().Allowed(h.room, h.visibilityLocked()))
}

// moderated returns a room that who may moderate.
func (r *Registry) moderated(ctx context.Context, who Identity, id string, want Permission) (Room, error) {
	room, err := r.Room(ctx, who, id)
	if err != nil {
		return Room{}, err
	}
	if !who.Can(want, id, room.Visibility) {
		return Room{}, lacking(want, id)
	}
	return room, nil
}

// Sanctions lists the room's bans or mutes that hold now, those with an ID above
// after, ascending, at most limit. It is for who may moderate; only who may
// manage is told the networks, for others Trace says that there are some.
func (r *Registry) Sanctions(ctx context.Context, who Identity, id string, kind SanctionKind, after uint64, limit int) ([]Sanction, error) {
	room, err := r.moderated(ctx, who, id, Moderate)
	if err != nil {
		return nil, err
	}
	full, now := who.Can(Manage, id, room.Visibility), time.Now()
	list := []Sanction{}
	for _, s := range r.store.Sanctions(id).List() {
		if s.ID <= after || s.Kind != kind || s.over(now) {
			continue
		}
		if len(list) == limit {
			break
		}
		list = append(list, s.shown(full))
	}
	return list, nil
}

// shown is s as somebody sees it who may know where people come from, or not.
func (s *Sanction) shown(full bool) Sanction {
	seen := *s
	seen.Trace = len(s.Networks) > 0
	if !full {
		seen.Networks = nil
	}
	return seen
}

// clearWindow is how many revs Clear looks through at a time.
const clearWindow = 10_000

// Clear deletes all that sender has written in the room so far, and returns how
// many messages that were. It is for who may moderate. When it fails, some of
// them may be gone; calling it again goes on.
func (r *Registry) Clear(ctx context.Context, who Identity, id, sender string) (count int, err error) {
	room, err := r.moderated(ctx, who, id, Moderate)
	if err != nil {
		return 0, err
	}
	if err := checkWho(Sender{ID: sender}); err != nil {
		return 0, err
	}
	for to := room.Head + 1; to > 1; {
		from := uint64(1)
		if to > clearWindow {
			from = to - clearWindow
		}
		seqs, err := r.store.Written(ctx, id, sender, from, to)
		if err != nil {
			return count, err
		}
		for len(seqs) > 0 {
			step := seqs[:min(len(seqs), ClearStep)]
			seqs = seqs[len(step):]
			if _, err := r.Propose(ctx, who, Entry{Kind: EntryClear, Room: id, Sanction: &Sanction{Who: Sender{ID: sender}}, Seqs: step}); err != nil {
				return count, err
			}
			count += len(step)
		}
		to = from
	}
	return count, nil
}

// Audit returns what was done by those who moderate and manage: of one room for
// who may manage it, of all for who may manage them all.
func (r *Registry) Audit(ctx context.Context, who Identity, q AuditQuery) ([]AuditRecord, error) {
	if q.Room != "" {
		if _, err := r.moderated(ctx, who, q.Room, Manage); err != nil {
			return nil, err
		}
		return r.store.Audit(ctx, q)
	}
	if err := r.known(ctx); err != nil {
		return nil, err
	}
	if !who.ManagesAll() {
		return nil, Errorf(CodeForbidden, "only who may manage all rooms may see what is done in all of them")
	}
	return r.store.Audit(ctx, q)
}
