package rooms

// Renew gives the member the permissions and the end of a fresh credential of
// its identity, and returns what it may do in its room now. Name and network
// stay as they were when it joined. Another identity's credential is refused
// with CodeOtherIdentity, and changes nothing.
//
// What the fresh credential does not give is gone at once: a member that may not
// read its room any more, or whom a ban holds now, is dropped.
func (m *Member) Renew(who Identity) (may Permission, err error) {
	old := m.who()
	if who.Subject != old.Subject {
		return 0, Errorf(CodeOtherIdentity, "this session is %q's, and the credential is not; connect anew with it", old.Subject)
	}
	who.Name, who.Network = old.Name, old.Network
	h := m.hub
	h.mu.Lock()
	m.identity.Store(&who)
	may = who.Allowed(h.room, h.visibilityLocked())
	var why *Error
	switch {
	case h.hiddenLocked(m):
		why = roomNotFound(h.room)
	case may&Read == 0:
		why = mayNotRead(h.room)
	default:
		why = h.bannedLocked(m)
	}
	h.mu.Unlock()
	if why != nil {
		h.drop(m, why)
	} else if m.inbox {
		h.deps.renewed(m)
	}
	return may, nil
}
